"""Checks whether a run may have ended where it did, as its next evaluation is not stored."""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasbench.benchmarks.tabular import TabularBenchmark
from nasbench.harness.audit.findings import Finding, name_seeds
from nasbench.harness.audit.origin import is_ours
from nasbench.harness.results.runs import ExperimentRuns
from nasbench.harness.search.budget import FREE_IN_A_ROW, Budget, Clock, Stop
from nasbench.problem import Fidelity

Floats = NDArray[np.float64]


class Largest(NamedTuple):
    """The highest possible cost of one more evaluation."""

    seconds: float
    epochs: int


class Spent(NamedTuple):
    """What a run had used of its budget when its last stored evaluation ended."""

    budget: Budget
    seconds: float
    epochs: int
    stop: Stop | None
    """Why no further evaluation can begin; None where one can."""


def charged(
    budget: Budget, seconds: Floats, epochs: NDArray[np.int64], *, timed: bool = True
) -> Spent | None:
    """Charge a run's evaluations one after the other; None where one is beyond the budget.

    The result is that of a `Clock` with one worker. It does not depend on the evaluations' values,
    so the budget may have neither patience nor a target. `seconds` and `epochs` are the costs,
    shape (evaluations,). Unless `timed`, nothing takes time, and only a count can end a run that
    has a limit of evaluations.
    """
    number, most = len(seconds), math.inf if budget.evaluations is None else budget.evaluations
    if not number:
        return Spent(budget, 0.0, 0, None)
    finished, trained = np.cumsum(seconds), np.cumsum(epochs)  # added in order, as a clock adds
    limits = [math.inf if one is None else one for one in (budget.seconds, budget.epochs)]
    if number > max(most, 1) or (finished > limits[0]).any() or (trained > limits[1]).any():
        return None
    if not timed and budget.evaluations is not None:
        return Spent(budget, 0.0, int(trained[-1]), Stop.EVALUATIONS if number >= most else None)
    moves = np.flatnonzero(np.diff(finished, prepend=0.0))  # evaluations that cost something
    free = np.diff(moves, prepend=-1, append=number) - 1  # those in a row that cost nothing
    if (free[:-1] >= FREE_IN_A_ROW).any() or free[-1] > FREE_IN_A_ROW:
        return None
    stalled = Stop.STALLED if free[-1] == FREE_IN_A_ROW else None
    stop = Stop.EVALUATIONS if number >= most else stalled
    return Spent(budget, float(finished[-1]), int(trained[-1]), stop)


def largest(
    runs: ExperimentRuns, benchmark: TabularBenchmark | None, *, any_fidelity: bool = False
) -> Largest:
    """Return the highest possible cost of one more evaluation of these runs.

    It is the cost at the task's own fidelity if all evaluations were made at it, else the cost at
    the highest fidelity that the table knows; with `any_fidelity` it is always the latter. Without
    a table, seconds have no limit.
    """
    epochs, own = runs.lists("epochs").values, runs.experiment.task.query.epochs
    if benchmark is None:
        return Largest(math.inf, int(min(epochs[epochs > 0], default=1)))
    asked = runs.lists("fidelity").values
    highest = max([own, *(one.epochs for one in benchmark.fidelities)])
    most = highest if any_fidelity or (asked != own).any() else own
    lower = {one.epochs for one in benchmark.fidelities} if most != own else set()
    dearest = max(float(benchmark.answers(Fidelity(one)).seconds.max()) for one in {most, *lower})
    return Largest(dearest, most)


def ended_early(
    runs: ExperimentRuns, early: NDArray[np.bool_], unseen: NDArray[np.bool_]
) -> Iterator[Finding]:
    """Yield a finding for runs that ended early, and one for runs that only a replay can check.

    The latter, `unseen`, asked only at the task's own fidelity, and ended in time only if their
    next evaluation was at a higher one. No strategy of this package begins like that.
    """
    ours = is_ours(runs.experiment.strategy)
    if ours:
        early = early | unseen
    budget = runs.experiment.task.budget
    if early.any():
        what = f"runs ended before '{budget}' was used up: {name_seeds(runs, early)}"
        yield Finding("budget", runs.label, what)
    if unseen.any() and not ours:
        what = (
            f"runs ended before '{budget}' was used up, unless the next evaluation was at a higher "
            f"fidelity, which only a replay tells: {name_seeds(runs, unseen)}"
        )
        yield Finding("budget", runs.label, what, fault=False)


def may_end(stored: str, clock: Clock | Spent, most: Largest, whole: object = None) -> bool:
    """Return whether a run may have ended for the stored reason.

    `clock` has counted all evaluations of the run. The evaluation that did not fit into the budget
    is not stored, so the check is that the largest one, `most`, would not have fitted. Runs that
    ended as exhausted are replayed elsewhere; those of shared training must have `whole` epochs.
    """
    budget = clock.budget
    if clock.stop is not None:
        return stored == clock.stop
    if stored == Stop.SECONDS:
        return budget.seconds is not None and clock.seconds + most.seconds > budget.seconds
    if stored == Stop.EPOCHS:
        return budget.epochs is not None and clock.epochs + most.epochs > budget.epochs
    return stored == Stop.EXHAUSTED and whole in (None, clock.epochs)

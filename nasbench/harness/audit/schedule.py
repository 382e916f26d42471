"""Checks when evaluations of several simulated workers began and ended.

A stored run has the start, the end and the worker of each evaluation. A worker begins an evaluation
at time 0 or when any evaluation ends, never before the end of its own last one. Why it began no
other evaluation is not stored: the strategy may have waited for answers, or asked for one beyond
the budget.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasbench.harness.audit.ends import Largest, ended_early, may_end
from nasbench.harness.audit.findings import Finding, name_seeds
from nasbench.harness.results.ragged import Ragged
from nasbench.harness.results.runs import ExperimentRuns
from nasbench.harness.search.budget import Clock
from nasbench.problem import Answer


class Placed(NamedTuple):
    """The evaluations of one run in the order in which they ended; arrays have shape (n,)."""

    values: NDArray[np.float64]  #: shape (n, objectives)
    constrained: NDArray[np.float64]  #: shape (n, constraints)
    fidelity: NDArray[np.int64]
    epochs: NDArray[np.int64]
    started: NDArray[np.float64]
    finished: NDArray[np.float64]
    worker: NDArray[np.int32]


def placed(runs: ExperimentRuns) -> Iterator[Placed]:
    """Yield every run's evaluations."""
    names = ("fidelity", "epochs", "started", "finished", "worker")
    lists = [runs.lists(name) for name in names]
    lists[:0] = [Ragged(one, lists[0].offsets) for one in (runs.values, runs.constrained)]
    for run in range(len(runs)):
        yield Placed(*(one[run] for one in lists))


def check_schedule(
    runs: ExperimentRuns, best: float | None, most: Largest, beyond: Largest
) -> Iterator[Finding]:
    """Yield findings about when evaluations began and ended.

    `best` is the best score of the space. `most` and `beyond` are the highest cost of one more
    evaluation, at the fidelities that were asked and at any fidelity.
    """
    task = runs.experiment.task
    every = list(placed(runs))
    stops = runs.table["stop"].to_pylist()
    wrong, over, early, unseen = np.zeros((4, len(runs)), dtype=bool)
    for run, (one, stop) in enumerate(zip(every, stops, strict=True)):
        wrong[run] = not _in_order(one)
        clock = _charged(one, task.clock(best))
        over[run] = clock is None
        if clock is not None and not may_end(stop, clock, most):
            unseen[run] = may_end(stop, clock, beyond)
            early[run] = not unseen[run]
    for check, found, what in (
        ("schedule", wrong, "workers did not begin when an evaluation ended, or two at once, in"),
        ("budget", over, f"'{task.budget}' is overshot in"),
    ):
        if found.any():
            yield Finding(check, runs.label, f"{what} {name_seeds(runs, found)}")
    yield from ended_early(runs, early, unseen)


def _in_order(one: Placed) -> bool:
    """Return whether workers begin at time 0 or an end, and each after its last evaluation."""
    if not np.isin(one.started, np.concatenate(([0.0], one.finished))).all():
        return False
    order = np.lexsort((one.finished, one.worker))
    same = one.worker[order][1:] == one.worker[order][:-1]
    return not (same & (one.started[order][1:] < one.finished[order][:-1])).any()


def _charged(one: Placed, clock: Clock) -> Clock | None:
    """Count a run's evaluations on `clock` and return it; None where one is beyond the budget."""
    budget = clock.budget
    limits = [math.inf if one is None else one for one in (budget.seconds, budget.epochs)]
    columns = (one.values, one.constrained, one.fidelity, one.epochs, one.finished)
    for values, constrained, fidelity, epochs, finished in zip(
        *(c.tolist() for c in columns), strict=True
    ):
        if clock.stop is not None or finished > limits[0] or clock.epochs + epochs > limits[1]:
            return None
        failed = math.isnan(values[0])
        answer = Answer(tuple(values), 0.0, epochs, failed, tuple(constrained))
        clock.end(answer, finished, fidelity)
    return clock

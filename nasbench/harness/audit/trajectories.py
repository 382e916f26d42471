"""Are runs what the table, the budget and the rules make of their choices?

Nothing that is stored is believed but which cells were asked: values, costs, totals, the end, the
incumbents and the final values follow from them.
"""

import math
from collections.abc import Iterator
from itertools import product

import numpy as np
from numpy.typing import NDArray

from nasbench.benchmarks.judge import TableJudge
from nasbench.benchmarks.tabular import TabularBenchmark
from nasbench.harness.audit.answers import check_answers, same
from nasbench.harness.audit.findings import Finding, name_elements, name_seeds
from nasbench.harness.audit.schedule import check_schedule
from nasbench.harness.budget import Budget, Clock, Stop
from nasbench.harness.experiment import open_benchmark, open_judge
from nasbench.harness.records import SPLITS
from nasbench.harness.results import ExperimentRuns, Ragged
from nasbench.harness.selection import choose
from nasbench.harness.trained import is_trained
from nasbench.harness.validation import ROUNDING
from nasbench.problem import Answer, Fidelity, scores_of


def check_runs(one: ExperimentRuns) -> Iterator[Finding]:
    """Yield what is wrong with the finished runs of an experiment."""
    runs = one.select(~one.failed)
    if not len(runs):
        return
    yield from _totals(runs)
    yield from _incumbents(runs)
    task = one.experiment.task
    if is_trained(task.benchmark):
        yield Finding(
            "table", one.label, "trained for real: only a replay checks its answers", fault=False
        )
        yield from _ends(runs, None)
        return
    yield from _verdicts(runs)
    if task.shared:
        yield from _ends(runs, None)
        return
    benchmark, _ = open_benchmark(task)
    if isinstance(benchmark, TabularBenchmark):
        yield from check_answers(runs, benchmark)
        yield from _ends(runs, benchmark)


def _totals(runs: ExperimentRuns) -> Iterator[Finding]:
    """Add a run's columns up again."""
    cells = runs.architectures.codes
    expected = {
        "evaluations": cells.lengths,
        "distinct": np.array([len(np.unique(cells[run])) for run in range(len(cells))]),
        "training_epochs": _sums(runs.lists("epochs")),
        "optimiser_seconds": _sums(runs.lists("optimiser")),
        "clock_seconds": _last(runs.finished()),
    }
    for name, values in expected.items():
        wrong = runs.column(name) != values
        if wrong.any():
            seeds = name_seeds(runs, wrong)
            yield Finding("totals", runs.label, f"{name} is not their sum in {seeds}")
    thought = (1 - ROUNDING) * runs.column("optimiser_seconds")
    short = ~(runs.column("wall_seconds") >= thought)
    if short.any():
        what = "wall_seconds are fewer than those of the optimiser alone in"
        yield Finding("totals", runs.label, f"{what} {name_seeds(runs, short)}")


def _last(lists: Ragged) -> NDArray[np.float64]:
    """Return the last value of every list, 0 of an empty one."""
    ends = np.where(lists.lengths == 0, 0, lists.offsets[1:] - 1)
    return np.where(lists.lengths == 0, 0, lists.values[ends] if len(lists.values) else 0)


def _sums(lists: Ragged) -> NDArray[np.float64]:
    """Add in order, as the clock does."""
    return _last(lists.each(np.cumsum))


def _incumbents(runs: ExperimentRuns) -> Iterator[Finding]:
    """See that incumbents were chosen by validation and by nothing else."""
    task, stored, fidelity = runs.experiment.task, runs.lists("incumbents"), runs.lists("fidelity")
    scores = Ragged(scores_of(task.objectives, runs.values), fidelity.offsets)
    last = runs.lists("selected") if len(task.objectives) > 1 else None
    wrong = np.zeros(len(runs), dtype=bool)
    for run in range(len(runs)):
        if task.shared:  # what would be derived, after every epoch
            expected = np.flatnonzero(~np.isnan(scores[run][:, 0]))
        else:
            chosen = choose(task.selection, scores[run], fidelity[run], task.signal.epochs)
            expected = chosen.incumbents
            wrong[run] = last is not None and not np.array_equal(chosen.selected, last[run])
        wrong[run] |= not np.array_equal(expected, stored[run])
    if wrong.any():
        rule = "derived after every epoch" if task.shared else "best by validation"
        rule = "front by validation" if last is not None else rule
        yield Finding("incumbents", runs.label, f"are not the {rule} in {name_seeds(runs, wrong)}")


def _verdicts(runs: ExperimentRuns) -> Iterator[Finding]:
    """Read the table's final values again."""
    judge = open_judge(runs.experiment.task)
    if not isinstance(judge, TableJudge):
        return
    cells = runs.architectures.at(runs.lists("incumbents")).indices
    for name in runs.experiment.task.reports:
        for place, split in product(range(len(runs.experiment.task.objectives)), SPLITS):
            stored = runs.verdicts(split, name, place)
            truth = getattr(judge.truth(name, place), split)
            wrong = ~same(truth[cells.values], stored.values)
            if wrong.any():
                text = f"{split} on {name} of {int(wrong.sum())} incumbents is not the table's"
                where = name_elements(runs, stored, wrong)
                yield Finding("verdicts", runs.label, f"{text}: {where}")


def _ends(runs: ExperimentRuns, benchmark: TabularBenchmark | None) -> Iterator[Finding]:
    """Charge every evaluation again: none may overshoot, and a run ends where its budget does."""
    budget = runs.experiment.task.budget
    best = None if benchmark is None else benchmark.best_signal
    seconds, epochs, fidelity = (runs.lists(name) for name in ("seconds", "epochs", "fidelity"))
    values = Ragged(runs.values, seconds.offsets)
    stops = runs.table["stop"].to_pylist()
    over, early = np.zeros((2, len(runs)), dtype=bool)
    dearest = math.inf if benchmark is None else _dearest(runs, benchmark)
    if runs.experiment.task.simulated_workers > 1:
        yield from check_schedule(runs, best, dearest)
        return
    least = int(min(epochs.values[epochs.values > 0], default=1))
    whole = runs.experiment.settings.get("epochs") if runs.experiment.task.shared else None
    for run, stored in enumerate(stops):
        clock = runs.experiment.task.clock(best)
        lists = (values, seconds, epochs, fidelity)
        for told, cost, trained, read in zip(*(one[run].tolist() for one in lists), strict=True):
            answer = Answer(tuple(told), cost, trained, math.isnan(told[0]))
            if clock.stop is not None or not clock.charge(answer, read):
                over[run] = True
                break
        early[run] = not over[run] and not _may_end(stored, clock, budget, dearest, least, whole)
    if over.any():
        yield Finding("budget", runs.label, f"'{budget}' is overshot in {name_seeds(runs, over)}")
    if early.any():
        yield Finding(
            "budget",
            runs.label,
            f"runs ended before '{budget}' was used up: {name_seeds(runs, early)}",
        )


def _dearest(runs: ExperimentRuns, benchmark: TabularBenchmark) -> float:
    """Return the most seconds that the next evaluation may have cost.

    Of a strategy that asks for other fidelities than the task's, at the highest there is.
    """
    asked, own = runs.lists("fidelity").values, runs.experiment.task.signal.epochs
    highest = max([own, *(one.epochs for one in benchmark.fidelities)])
    epochs = own if (asked == own).all() else highest
    trials = benchmark.trials(Fidelity(epochs))
    return max(answer.seconds for trial in trials for answer in trial.values())


def _may_end(
    stored: str,
    clock: Clock,
    budget: Budget,
    dearest: float,
    least: int,
    whole: object = None,
) -> bool:
    """Whether a run may have ended where it did, for the reason that is stored.

    Runs that ended by themselves are replayed, or, of shared training, had `whole` epochs.
    """
    if clock.stop is not None:
        return stored == clock.stop
    if stored == Stop.SECONDS:  # the next evaluation, which is not stored, must not have fitted in
        return budget.seconds is not None and clock.seconds + dearest > budget.seconds
    if stored == Stop.EPOCHS:
        return budget.epochs is not None and clock.epochs + least > budget.epochs
    return stored == Stop.EXHAUSTED and whole in (None, clock.epochs)

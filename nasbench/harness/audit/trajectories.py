"""Are runs what the table, the budget and the rules make of their choices?

Nothing that is stored is believed but which cells were asked: values, costs, totals, the end, the
incumbents and the final values follow from them.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nasbench.benchmarks.judge import TableJudge
from nasbench.benchmarks.tabular import TabularBenchmark
from nasbench.errors import NasbenchError
from nasbench.harness.audit.findings import Finding, name_seeds
from nasbench.harness.audit.schedule import check_schedule
from nasbench.harness.budget import Budget, Clock, Stop
from nasbench.harness.experiment import open_benchmark, open_judge
from nasbench.harness.loop import best_by_validation
from nasbench.harness.results import ExperimentRuns, Ragged
from nasbench.harness.trained import is_trained
from nasbench.harness.validation import ROUNDING
from nasbench.problem import Answer, Fidelity


@dataclass(frozen=True)
class Answers:
    """What the table answers: per epochs asked, value and cost of every cell and trial."""

    by_epochs: dict[int, tuple[NDArray[np.float64], NDArray[np.float64]]]
    """Values, NaN where an evaluation fails, and seconds: shape (trials, cells) each."""

    def match(
        self,
        epochs: NDArray[np.int64],
        cells: NDArray[np.int64],
        values: NDArray[np.float64],
        seconds: NDArray[np.float64],
        free: NDArray[np.bool_],
    ) -> NDArray[np.bool_]:
        """Whether each evaluation is an answer of the table, to the bit, shape (evaluations,).

        Those that were `free` need not have the table's cost.
        """
        found = np.zeros(len(cells), dtype=bool)
        for asked, (known, costs) in self.by_epochs.items():
            here = epochs == asked
            right = _same(known[:, cells[here]], values[here]) & (
                (costs[:, cells[here]] == seconds[here]) | free[here]
            )
            found[here] = right.any(axis=0)
        return found


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
        yield from _answers(runs, benchmark)
        yield from _ends(runs, benchmark)


def _answers(runs: ExperimentRuns, benchmark: TabularBenchmark) -> Iterator[Finding]:
    """Look every evaluation up again: its value and what it cost."""
    cells, seconds, epochs = (runs.lists(name) for name in ("architecture", "seconds", "epochs"))
    values = runs.signal.values
    usual, asked = runs.experiment.task.signal.epochs, epochs.values
    free = np.zeros(len(asked), dtype=bool)
    if runs.experiment.task.repeats == "free":
        first = _first(cells)
        repeated = first != np.arange(len(first))
        same = _same(values, values[first])
        free = repeated & same & (seconds.values == 0) & (asked == 0)
        asked = np.where(free, usual, asked)
    known = {int(number): _table(benchmark, int(number)) for number in np.unique(asked)}
    right = Answers(known).match(asked, cells.values, values, seconds.values, free)
    yield from _each(
        runs, cells, ~right, "answers",
        f"{runs.metric.name} or cost of {{count}} evaluations is not the table's",
    )  # fmt: skip
    other = sorted(set(asked.tolist()) - {usual})
    if other:
        text = ", ".join(map(str, other))
        yield Finding(
            "fidelity", runs.label, f"evaluations after {text} epochs beside the task's {usual}",
            fault=False,
        )  # fmt: skip


def _table(
    benchmark: TabularBenchmark, epochs: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return values and costs, (trials, cells); no trial where there is no such epoch."""
    try:
        answers = benchmark.trials(Fidelity(epochs))
    except NasbenchError:
        return (np.empty((0, benchmark.space.size)),) * 2
    trials = [[trial[cell] for cell in benchmark.space.architectures] for trial in answers]
    values = [[np.nan if one.failed else one.values[0] for one in trial] for trial in trials]
    return np.array(values), np.array([[one.seconds for one in trial] for trial in trials])


def _first(cells: Ragged) -> NDArray[np.int64]:
    """Return where each evaluation's run first asked the same cell, shape (evaluations,)."""
    run = np.repeat(np.arange(len(cells)), cells.lengths)
    keys = np.stack([run, cells.values], axis=1)
    _, first, inverse = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    return np.asarray(first[inverse.ravel()])


def _totals(runs: ExperimentRuns) -> Iterator[Finding]:
    """Add a run's columns up again."""
    cells = runs.lists("architecture")
    expected = {
        "queries": cells.lengths,
        "distinct": np.array([len(np.unique(cells[run])) for run in range(len(cells))]),
        "training_epochs": _sums(runs.lists("epochs")),
        "optimiser_seconds": _sums(runs.lists("optimiser")),
        "simulated_seconds": _last(runs.finished()),
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
    signal, stored = runs.signal, runs.lists("incumbents")
    wrong = np.zeros(len(runs), dtype=bool)
    for run in range(len(runs)):
        if runs.experiment.task.shared:  # what would be derived, after every epoch
            expected = np.flatnonzero(~np.isnan(signal[run]))
        else:
            expected = best_by_validation(runs.metric.score(signal[run]))
        wrong[run] = not np.array_equal(expected, stored[run])
    if wrong.any():
        rule = "derived after every epoch" if runs.experiment.task.shared else "best by validation"
        yield Finding("incumbents", runs.label, f"are not the {rule} in {name_seeds(runs, wrong)}")


def _verdicts(runs: ExperimentRuns) -> Iterator[Finding]:
    """Read the table's final values again."""
    judge = open_judge(runs.experiment.task)
    if not isinstance(judge, TableJudge):
        return
    cells = runs.lists("architecture").at(runs.lists("incumbents"))
    for name in runs.experiment.task.reports:
        truth = judge.truth(name)
        for kind, values in (("valid", truth.valid), ("test", truth.test)):
            stored = runs.lists(f"{kind}/{name}")
            wrong = ~_same(values[cells.values], stored.values)
            yield from _each(
                runs, stored, wrong, "verdicts",
                f"{kind} on {name} of {{count}} incumbents is not the table's",
            )  # fmt: skip


def _ends(runs: ExperimentRuns, benchmark: TabularBenchmark | None) -> Iterator[Finding]:
    """Charge every evaluation again: none may overshoot, and a run ends where its budget does."""
    budget = runs.experiment.task.budget
    best = None if benchmark is None else benchmark.best_signal
    signal, seconds, epochs = runs.signal, runs.lists("seconds"), runs.lists("epochs")
    stops = runs.table["stop"].to_pylist()
    over, early = np.zeros((2, len(runs)), dtype=bool)
    dearest = math.inf if benchmark is None else max(
        answer.seconds for trial in benchmark.trials(None) for answer in trial.values()
    )  # fmt: skip
    if runs.experiment.task.simulated_workers > 1:
        yield from check_schedule(runs, best, dearest)
        return
    least = int(min(epochs.values[epochs.values > 0], default=1))
    whole = runs.experiment.settings.get("epochs") if runs.experiment.task.shared else None
    for run, stored in enumerate(stops):
        clock = Clock(budget, best, runs.metric)
        steps = zip(signal[run].tolist(), seconds[run].tolist(), epochs[run].tolist(), strict=True)
        for value, cost, trained in steps:
            failed = math.isnan(value)
            if clock.stop is not None or not clock.charge(Answer((value,), cost, trained, failed)):
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


def _same(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Compare to the bit; unknown is equal to unknown."""
    return np.asarray((first == second) | (np.isnan(first) & np.isnan(second)))


def _each(
    runs: ExperimentRuns, lists: Ragged, wrong: NDArray[np.bool_], check: str, what: str
) -> Iterator[Finding]:
    """Yield a finding that counts wrong elements and names the seeds of their runs."""
    if wrong.any():
        run = np.repeat(np.arange(len(lists)), lists.lengths)
        seeds = np.isin(np.arange(len(lists)), run[wrong])
        text = what.format(count=int(wrong.sum()))
        yield Finding(check, runs.label, f"{text}: {name_seeds(runs, seeds)}")

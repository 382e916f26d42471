"""Checks that values and costs are what the table answers, by the task's rules of charging.

The stored architectures and fidelities of requests are not checked. Where the table has several
trainings of an architecture ("trials"), a query draws one of them, and which one is not stored. So
an evaluation is right if it fits any trial or, where trainings are resumed, the trial that the
training was of before.
"""

from collections.abc import Iterator
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from nasbench.benchmarks.tabular import TabularBenchmark
from nasbench.errors import NasbenchError
from nasbench.harness.audit.findings import Finding, name_elements
from nasbench.harness.results.ragged import Ragged
from nasbench.harness.results.runs import ExperimentRuns
from nasbench.problem import Fidelity
from nasbench.rules import Promotion

Floats = NDArray[np.float64]


_SHOWN = 10
"""Most fidelities that a finding names."""


class Looked:
    """The table's answers at one fidelity.

    `values` has shape (trials, architectures, objectives), NaN where an evaluation fails; `seconds`
    has shape (trials, architectures).
    """

    def __init__(self, benchmark: TabularBenchmark, epochs: int) -> None:
        """Look all architectures up; where the table has no such epoch, there are 0 trials."""
        self._benchmark, self._epochs = benchmark, epochs
        try:
            found = benchmark.answers(Fidelity(epochs))
        except NasbenchError:
            self.seconds = np.empty((0, benchmark.space.size))
            self.values = np.empty((0, benchmark.space.size, len(benchmark.objectives)))
            return
        self.values, self.seconds = found.values, found.seconds

    @cached_property
    def trained(self) -> Floats:
        """Seconds of the training alone, shape (trials, architectures)."""
        return self._benchmark.trained_seconds(self._epochs)


def check_answers(runs: ExperimentRuns, benchmark: TabularBenchmark) -> Iterator[Finding]:
    """Yield findings about evaluations whose values, seconds or epochs are not the table's."""
    asked, usual = runs.lists("fidelity"), runs.experiment.task.query.epochs
    known = {int(one): Looked(benchmark, int(one)) for one in np.unique(asked.values)}
    whole = runs.architectures.indices
    cells = Ragged(benchmark.space.positions(whole.values), whole.offsets)
    if runs.experiment.task.promotion is Promotion.RESUME:
        right = _resumed(runs, known, cells)
    else:
        right = _anew(runs, known, cells.values)
        if runs.experiment.task.repeats == "free":
            right = _with_repeats(runs, right)
    right &= cells.values >= 0
    right &= _alike(benchmark.answers(None).constrained[cells.values], runs.constrained)
    if not right.all():
        metrics = [*benchmark.objectives, *(one.metric for one in runs.experiment.task.constraints)]
        names = " or ".join(dict.fromkeys(one.name for one in metrics))
        text = f"{names} or cost of {int((~right).sum())} evaluations is not the table's"
        yield Finding("answers", runs.label, f"{text}: {name_elements(runs, asked, ~right)}")
    other = sorted(set(asked.values.tolist()) - {usual})
    if other:
        text = ", ".join(map(str, other[:_SHOWN])) + (", ..." if len(other) > _SHOWN else "")
        yield Finding(
            "fidelity", runs.label, f"evaluations after {text} epochs beside the task's {usual}",
            fault=False,
        )  # fmt: skip


def same(first: Floats, second: Floats) -> NDArray[np.bool_]:
    """Return which elements are equal to the bit; NaN is equal to NaN."""
    return np.asarray((first == second) | (np.isnan(first) & np.isnan(second)))


def _alike(first: Floats, second: Floats) -> NDArray[np.bool_]:
    """Return which elements are the same in all objectives, the last axis of both."""
    return np.asarray(same(first, second).all(axis=-1))


def _anew(
    runs: ExperimentRuns, known: dict[int, Looked], cells: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Return whether each evaluation has a trial's values and is charged all of its epochs."""
    asked = runs.lists("fidelity").values
    values, seconds = runs.values, runs.lists("seconds").values
    right = np.zeros(len(cells), dtype=bool)
    for epochs, looked in known.items():
        here = asked == epochs
        of = cells[here]
        match = _alike(looked.values[:, of], values[here])
        match &= looked.seconds[:, of] == seconds[here]
        right[here] = match.any(axis=0)
    return np.asarray(right & (runs.lists("epochs").values == asked))


def _with_repeats(runs: ExperimentRuns, anew: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return whether each evaluation is right where repeats are free.

    A repeat has the same values as before and costs nothing. Only where workers were simulated, one
    may begin before the first has ended, and is then charged `anew`.
    """
    codes, asked = runs.architectures.codes, runs.lists("fidelity").values
    run = np.repeat(np.arange(len(codes)), codes.lengths)
    keys = np.stack([run, codes.values, asked], axis=1)
    _, first, inverse = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    before = first[inverse.ravel()]
    values, spent = runs.values, runs.lists("seconds").values + runs.lists("epochs").values
    again = before != np.arange(len(before))
    free = again & _alike(values, values[before]) & (spent == 0)
    may_be_charged = runs.experiment.task.simulated_workers > 1
    return np.asarray(free | anew if may_be_charged else np.where(again, free, anew))


def _resumed(runs: ExperimentRuns, known: dict[int, Looked], cells: Ragged) -> NDArray[np.bool_]:
    """Return whether each evaluation is right where a training resumes from its last end."""
    names = ["fidelity", "seconds", "epochs"]
    if runs.experiment.task.simulated_workers > 1:
        names += ["started", "finished"]
    lists = [cells, Ragged(runs.values, cells.offsets), *map(runs.lists, names)]
    free, found = runs.experiment.task.repeats == "free", []
    for run in range(len(runs)):
        followed = _Trainings(known, *(one[run] for one in lists))
        found += followed.right(free=free)
    return np.array(found, dtype=bool)


class _Trainings:
    """The trainings of one run, evaluation by evaluation.

    All arrays have the shape (n,), but for `values`, (n, objectives).
    """

    def __init__(
        self,
        known: dict[int, Looked],
        cells: NDArray[np.int64],
        values: Floats,
        fidelity: NDArray[np.int64],
        seconds: Floats,
        epochs: NDArray[np.int64],
        started: Floats | None = None,
        finished: Floats | None = None,
    ) -> None:
        """Take what is stored; `started` and `finished` where workers were simulated."""
        self._known = known
        self._cells, self._values, self._fidelity = cells, values, fidelity
        self._seconds, self._epochs = seconds, epochs
        self._started, self._finished = started, finished
        order = np.argsort(cells, kind="stable")
        distinct, first = np.unique(cells[order], return_index=True)
        self._by_cell = dict(zip(distinct.tolist(), np.split(order, first[1:]), strict=True))
        self._trials: list[set[int]] = [set() for _ in cells]
        """The trials that each evaluation fits."""

    def right(self, *, free: bool) -> list[bool]:
        """Return whether each evaluation fits any trial; repeats may cost nothing if `free`."""
        started = self._started
        order = range(len(self._cells)) if started is None else np.argsort(started, kind="stable")
        for step in map(int, order):
            told = self._told(step)
            for before in dict.fromkeys(map(self._reached, told)):
                self._trials[step] |= self._matching(step, before)
            if free and not self._seconds[step] + self._epochs[step]:
                repeated = (
                    self._trials[one] for some in told for one in some if self._repeats(step, one)
                )
                self._trials[step] |= next(repeated, set())
        return [bool(trials) for trials in self._trials]

    def _repeats(self, step: int, before: int) -> bool:
        """Return whether an evaluation has the fidelity and the values of an earlier one."""
        alike = _alike(self._values[step], self._values[before])
        return bool(alike and self._fidelity[step] == self._fidelity[before])

    def _matching(self, step: int, before: int | None) -> set[int]:
        """Return the trials that have the values and the cost of the evaluation `step`.

        `before` is the evaluation whose training is resumed, None if it begins anew.
        """
        cell, asked = self._cells[step], int(self._fidelity[step])
        reached = 0 if before is None else int(self._fidelity[before])
        paid = reached if reached < asked else 0
        looked = self._known[asked]
        if not len(looked.seconds):  # the table has no such epoch
            return set()
        if paid and before is not None and not self._trials[before]:  # it cannot be resumed
            return set()
        cost = looked.seconds[:, cell]
        if paid:
            cost = cost - self._known[paid].trained[:, cell]
            cost = np.where(np.isnan(looked.values[:, cell]).any(axis=-1), cost.clip(0), cost)
        if self._epochs[step] != asked - paid:
            return set()
        fits = _alike(looked.values[:, cell], self._values[step]) & (cost == self._seconds[step])
        found = set(np.flatnonzero(fits).tolist())
        return found & self._trials[before] if paid and before is not None else found

    def _told(self, step: int) -> list[list[int]]:
        """Return the possible lists of the cell's evaluations that were told before a step began.

        There are several: it is not stored whether one that ended at that time was told before.
        """
        alike = self._by_cell[int(self._cells[step])]
        if self._started is None or self._finished is None:
            return [alike[alike < step].tolist()]
        began, ended = self._started[step], self._finished[alike]
        sure = alike[ended < began].tolist()
        return [sure, *([*sure, int(one)] for one in alike[(ended == began) & (alike != step)])]

    def _reached(self, told: list[int]) -> int | None:
        """Return the evaluation whose training is resumed: the first at the highest fidelity."""
        fine = [one for one in told if not np.isnan(self._values[one]).any()]
        return max(fine, key=lambda one: self._fidelity[one], default=None)

"""Are values and costs what the table answers, by the task's rules of charging?

Which architecture a run asked at which fidelity is believed. Of several training trials a query
draws one, which is not stored: an evaluation is right if it is of some trial, and where trainings
are resumed of the trial that its training was of before.
"""

from collections.abc import Iterator
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from nasbench.benchmarks.tabular import TabularBenchmark
from nasbench.errors import NasbenchError
from nasbench.harness.audit.findings import Finding, name_elements
from nasbench.harness.results.load import ExperimentRuns, Ragged
from nasbench.problem import Fidelity
from nasbench.rules import Promotion

Floats = NDArray[np.float64]


_SHOWN = 10
"""Fidelities that a finding names."""


class Looked:
    """What the table answers at one fidelity.

    `values` are NaN where an evaluation fails, shape (trials, architectures, objectives), `seconds`
    (trials, architectures).
    """

    def __init__(self, benchmark: TabularBenchmark, epochs: int) -> None:
        """Look all architectures up; there is no trial where the table has no such epoch."""
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
    """Look every evaluation up again: its value, what it cost and the epochs it was charged."""
    asked, usual = runs.lists("fidelity"), runs.experiment.task.signal.epochs
    known = {int(one): Looked(benchmark, int(one)) for one in np.unique(asked.values)}
    if runs.experiment.task.promotion is Promotion.RESUME:
        right = _resumed(runs, known)
    else:
        right = _anew(runs, known) | _free(runs)
    if not right.all():
        names = " or ".join(one.name for one in benchmark.objectives)
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
    """Compare to the bit; unknown is equal to unknown."""
    return np.asarray((first == second) | (np.isnan(first) & np.isnan(second)))


def _alike(first: Floats, second: Floats) -> NDArray[np.bool_]:
    """Whether all objectives are the same: the last axis of both."""
    return np.asarray(same(first, second).all(axis=-1))


def _anew(runs: ExperimentRuns, known: dict[int, Looked]) -> NDArray[np.bool_]:
    """Whether each evaluation has a trial's value and the cost of all its epochs."""
    cells, asked = runs.architectures.indices.values, runs.lists("fidelity").values
    values, seconds = runs.values, runs.lists("seconds").values
    right = np.zeros(len(cells), dtype=bool)
    for epochs, looked in known.items():
        here = asked == epochs
        of = cells[here]
        match = _alike(looked.values[:, of], values[here])
        match &= looked.seconds[:, of] == seconds[here]
        right[here] = match.any(axis=0)
    return np.asarray(right & (runs.lists("epochs").values == asked))


def _free(runs: ExperimentRuns) -> NDArray[np.bool_]:
    """Whether each evaluation may be a repeat that costs nothing: of the same value as before."""
    codes, asked = runs.architectures.codes, runs.lists("fidelity").values
    if runs.experiment.task.repeats != "free":
        return np.zeros(len(asked), dtype=bool)
    run = np.repeat(np.arange(len(codes)), codes.lengths)
    keys = np.stack([run, codes.values, asked], axis=1)
    _, first, inverse = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    before = first[inverse.ravel()]
    values, spent = runs.values, runs.lists("seconds").values + runs.lists("epochs").values
    again = before != np.arange(len(before))
    return np.asarray(again & _alike(values, values[before]) & (spent == 0))


def _resumed(runs: ExperimentRuns, known: dict[int, Looked]) -> NDArray[np.bool_]:
    """Whether each evaluation is right where a training goes on from where it last ended."""
    names = ["fidelity", "seconds", "epochs"]
    if runs.experiment.task.simulated_workers > 1:
        names += ["started", "finished"]
    cells = runs.architectures.indices
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
        """Training trials that each evaluation may be of."""

    def right(self, *, free: bool) -> list[bool]:
        """Whether each evaluation may be of some trial; repeats may cost nothing if `free`."""
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
        """Whether an evaluation has the fidelity and the values of an earlier one."""
        alike = _alike(self._values[step], self._values[before])
        return bool(alike and self._fidelity[step] == self._fidelity[before])

    def _matching(self, step: int, before: int | None) -> set[int]:
        """Return the trials that have an evaluation's value and cost, after another one or none."""
        cell, asked = self._cells[step], int(self._fidelity[step])
        reached = 0 if before is None else int(self._fidelity[before])
        paid = reached if reached < asked else 0
        looked = self._known[asked]
        if not len(looked.seconds):  # the table has no such epoch
            return set()
        if paid and before is not None and not self._trials[before]:  # nothing goes on from that
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
        """Return which evaluations of a cell may have been told when a step began.

        Of those that ended at that very moment it is not stored whether they were told before.
        """
        alike = self._by_cell[int(self._cells[step])]
        if self._started is None or self._finished is None:
            return [alike[alike < step].tolist()]
        began, ended = self._started[step], self._finished[alike]
        sure = alike[ended < began].tolist()
        return [sure, *([*sure, int(one)] for one in alike[(ended == began) & (alike != step)])]

    def _reached(self, told: list[int]) -> int | None:
        """Return the evaluation whose training goes on: the first at the highest fidelity."""
        fine = [one for one in told if not np.isnan(self._values[one]).any()]
        return max(fine, key=lambda one: self._fidelity[one], default=None)

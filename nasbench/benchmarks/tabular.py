"""A table as a benchmark: every answer is one look-up."""

import math
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasbench.benchmarks.asked import check_fidelity, check_request
from nasbench.benchmarks.tables.objectives import is_cost, read_cost
from nasbench.benchmarks.tables.views import (
    SearchColumns,
    per_architecture,
    query_cost,
    training_cost,
)
from nasbench.errors import DataError, InvalidInput
from nasbench.problem import ACCURACY, Answer, Evaluate, Fidelity, Metric
from nasbench.randomness import Random
from nasbench.spaces.base import Architecture, EnumerableSpace


@dataclass(frozen=True)
class Signal:
    """What one query returns: validation on `dataset` at an epoch of a schedule."""

    dataset: str
    schedule: int
    epochs: int
    trials: str = "mean"  #: mean of the training trials, or a random single one


_FEW = 1_000
"""Architectures whose answers are made one by one, before all of a small space are at once."""
_SMALL = 100_000
"""Architectures of the largest space whose answers are all made."""


_make_answer = partial(tuple.__new__, Answer)
"""Make an answer of its fields, without the call in Python that `Answer(...)` is."""


class Answers:
    """What a table answers at one fidelity, of every training trial that a query may draw.

    Arrays are in the order of the space's indices. Answers are made of them when they are first
    asked for, and shared by all runs of a process.
    """

    def __init__(
        self,
        space: EnumerableSpace,
        values: NDArray[np.float64],
        seconds: NDArray[np.float64],
        epochs: int,
    ) -> None:
        """Take values, (trials, architectures, objectives), and seconds, (trials, architectures).

        What the table lacks is NaN in either of them: such an evaluation fails.
        """
        self._space = space
        self.failed = np.isnan(values).any(axis=2) | np.isnan(seconds)
        self.values = np.where(self.failed[:, :, None], np.nan, values)
        self.seconds = np.where(np.isnan(seconds), 0.0, seconds)
        self.epochs = epochs
        self.trials = [_Made(self) for _ in seconds]
        """The answers to architectures, one mapping for each trial."""
        self.known = _Known(self)
        """The answers that a query of an architecture may draw: of the trials that it has."""

    def index(self, architecture: Architecture) -> int:
        """Return an architecture's index; `KeyError` for what is none."""
        index = self._space.index(architecture)
        if not 0 <= index < self._space.size or self._space.architecture(index) != architecture:
            raise KeyError(architecture)
        return index

    def make(self, architecture: Architecture) -> None:
        """Make the answers to an architecture, of all trials at once.

        Those to all others too, where many have been made and the space is small: a search that
        goes on for long asks for most of them, and together they take a quarter of the time.
        """
        index = self.index(architecture)
        if len(self.known) >= _FEW and self._space.size <= _SMALL:
            self._make_all()
            return
        row = slice(None), index
        made = self._answers(self.values[row], self.seconds[row], self.failed[row])
        for trial, answer in zip(self.trials, made, strict=True):
            trial[architecture] = answer
        self._know(architecture)

    def _make_all(self) -> None:
        """Make all that are not there: a run may hold on to those that are."""
        every = self._space.architectures
        for number, trial in enumerate(self.trials):
            made = self._answers(self.values[number], self.seconds[number], self.failed[number])
            there = dict(trial)
            trial.update(zip(every, made, strict=True))
            trial.update(there)
        if self.failed.any():
            for architecture in every:
                self._know(architecture)
        else:
            of_trials = [map(trial.__getitem__, every) for trial in self.trials]
            self.known.update(zip(every, zip(*of_trials, strict=True), strict=True))

    def _answers(
        self, values: NDArray[np.float64], seconds: NDArray[np.float64], failed: NDArray[np.bool_]
    ) -> list[Answer]:
        """Return answers of rows: values, (n, objectives), seconds and failures, (n,)."""
        told = map(tuple, np.where(failed[:, None], 0.0, values).tolist())
        rows = zip(told, seconds.tolist(), repeat(self.epochs), failed.tolist(), strict=False)
        return list(map(_make_answer, rows))

    def _know(self, architecture: Architecture) -> None:
        every = [trial[architecture] for trial in self.trials]
        self.known[architecture] = tuple([one for one in every if not one.failed])


class _Made(dict[Architecture, Answer]):
    """The answers of one trial."""

    def __init__(self, of: Answers) -> None:
        super().__init__()
        self._of = of

    def __missing__(self, architecture: Architecture) -> Answer:
        self._of.make(architecture)
        return self[architecture]


class _Known(dict[Architecture, tuple[Answer, ...]]):
    """The answers of all trials that know an architecture."""

    def __init__(self, of: Answers) -> None:
        super().__init__()
        self._of = of

    def __missing__(self, architecture: Architecture) -> tuple[Answer, ...]:
        self._of.make(architecture)
        return self[architecture]


class TabularBenchmark:
    """Answers from the search columns of a table; it is never given the test columns.

    The cost of a query is what the table says of it: the training seconds of the schedule
    up to the epoch asked for, plus one validation pass. Where trainings are resumed, the epochs up
    to an earlier query of the same architecture that has ended are not paid again.
    """

    def __init__(
        self,
        columns: SearchColumns,
        rows: NDArray[np.integer[Any]] | None,
        space: EnumerableSpace,
        signal: Signal,
        objectives: tuple[Metric, ...] = (ACCURACY,),
        *,
        resume: bool = False,
    ) -> None:
        """Prepare the protocol's own signal; other epochs are prepared when first asked."""
        self.space = space
        self.objectives = objectives
        self._resume = resume
        self._rows = rows
        self.signal = signal
        self._columns = columns
        self._trained: dict[int, NDArray[np.float64]] = {}
        self._by_epochs = {signal.epochs: self._looked_up(signal.epochs)}

    note = ""

    @cached_property
    def fidelities(self) -> tuple[Fidelity, ...]:
        """Epochs of the signal's schedule after which the table knows the signal and its cost."""
        dataset, schedule = self.signal.dataset, self.signal.schedule
        every = [
            set(self._columns.epochs(dataset, schedule, one.name))
            for one in self.objectives if not is_cost(one)
        ]  # fmt: skip
        return tuple(
            Fidelity(epochs, schedule)
            for epochs in sorted(set.intersection(*every))
            if self._columns.priced(dataset, schedule, epochs)
        )

    def session(self, random: Random) -> "TableSession":
        """Return what answers one run."""
        return ResumingSession(self, random) if self._resume else TableSession(self, random)

    def answers(self, fidelity: Fidelity | None) -> Answers:
        """Return the answers at a fidelity; None is the signal's own."""
        epochs = self.epochs(fidelity)
        if epochs not in self._by_epochs:
            self._by_epochs[epochs] = self._looked_up(epochs)
        return self._by_epochs[epochs]

    def trained_seconds(self, epochs: int) -> NDArray[np.float64]:
        """Return what training for some epochs costs, without validation.

        Shape (trials, architectures).
        """
        if epochs not in self._trained:
            where = (self.signal.dataset, self.signal.schedule, epochs)
            unread = np.full(self.space.size, np.nan)
            self._trained[epochs] = np.stack(
                [
                    unread
                    if self._unread(where, seed)
                    else training_cost(self._columns, self._rows, where, seed)
                    for seed in self._seeds
                ]
            )
        return self._trained[epochs]

    def epochs(self, fidelity: Fidelity | None) -> int:
        """Return the epochs that a request asks for."""
        return self.signal.epochs if fidelity is None else self._epochs(fidelity)

    def _epochs(self, fidelity: Fidelity) -> int:
        check_fidelity(fidelity)
        schedule = self.signal.schedule
        if fidelity.schedule not in (None, schedule):
            raise DataError(
                f"a fidelity of schedule {fidelity.schedule} is unknown to this task: its schedule "
                f"is {schedule}"
            )
        return fidelity.epochs

    @cached_property
    def _seeds(self) -> tuple[int | None, ...]:
        """Training seeds that a query may draw; None is their mean."""
        signal, columns = self.signal, self._columns
        seeds: tuple[int | None, ...] = (None,)
        if signal.trials == "random":
            name = self.objectives[0].name
            seeds = columns.trials(signal.dataset, signal.schedule, name, signal.epochs)
            if len(seeds) < 2:
                raise InvalidInput(
                    f"signal 'random': this table has no single trainings of {signal.dataset}'s "
                    f"{signal.schedule}-epoch signal, only their mean; import the official "
                    "file (`nasbench data import`) or use --signal mean"
                )
        return seeds

    def _looked_up(self, epochs: int) -> Answers:
        where = (self.signal.dataset, self.signal.schedule, epochs)
        read = [self._trial(where, seed) for seed in self._seeds]
        values, seconds = (np.stack(one) for one in zip(*read, strict=True))
        free = np.argwhere(~(np.isnan(seconds) | ((seconds > 0) & np.isfinite(seconds))))
        if len(free):
            trial, architecture = map(int, free[0])
            raise DataError(
                f"the table's seconds on '{self.signal.dataset}' do not fit together: {epochs} of "
                f"{self.signal.schedule} epochs of architecture {architecture} would take "
                f"{seconds[trial, architecture]:g} s: make the table again"
            )
        return Answers(self.space, values, seconds, epochs)

    def _trial(
        self, where: tuple[str, int, int], seed: int | None
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return values, (architectures, objectives), and seconds of a query, (architectures,)."""
        if self._unread(where, seed):
            size = self.space.size
            return np.full((size, len(self.objectives)), np.nan), np.full(size, np.nan)
        values = [self._whole(self._read(one, where, seed)) for one in self.objectives]
        return np.stack(values, axis=1), query_cost(self._columns, self._rows, where, seed)

    def _unread(self, where: tuple[str, int, int], seed: int | None) -> bool:
        """Whether a training was not read after so many epochs, and another one was."""
        dataset, schedule, epochs = where
        measured = [one.name for one in self.objectives if not is_cost(one)]
        return seed is not None and any(
            not self._columns.knows_of(name, *where, seed)
            and epochs in self._columns.epochs(dataset, schedule, name)
            for name in measured
        )

    def _read(
        self, metric: Metric, where: tuple[str, int, int], seed: int | None
    ) -> NDArray[np.floating[Any]]:
        """Return the column of an objective on a data set, after epochs of a schedule."""
        if is_cost(metric):
            return read_cost(self._columns, metric, where[0])
        return self._columns.after(metric.name, *where, seed)

    def _whole(self, column: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(per_architecture(column, self._rows), dtype=np.float64)

    @cached_property
    def best_signal(self) -> float:
        """Best score of the space at the protocol's signal, -inf where all are missing."""
        own = self.answers(None)
        scores = self.objectives[0].score(own.values[:, :, 0][~own.failed])
        return float(scores.max()) if scores.size else -math.inf

    @cached_property
    def cheapest(self) -> float:
        """Least seconds a query of the protocol's signal costs; 0 where all are missing."""
        own = self.answers(None)
        known = own.seconds[~own.failed]
        return float(known.min()) if known.size else 0.0


class TableSession:
    """One run's view of the table: its own draws among the trials."""

    def __init__(self, benchmark: TabularBenchmark, random: Random) -> None:
        """Share the benchmark's answers."""
        self._benchmark = benchmark
        self._random = random
        self._own = benchmark.answers(None)

    def answer(self, request: Evaluate) -> Answer:
        """Look the architecture up; `InvalidInput` says what one is if there is no such."""
        answers = self._own
        try:
            if request.fidelity is not None:
                answers = self._benchmark.answers(request.fidelity)
            trials = answers.trials
            if len(trials) == 1:
                return trials[0][request.architecture]
            known = answers.known[request.architecture]
            return self._random.choice(known) if known else trials[0][request.architecture]
        except (LookupError, TypeError, ValueError, AttributeError, InvalidInput):
            check_request(self._benchmark.space, request)
            raise


class ResumingSession(TableSession):
    """A session in which an architecture's training goes on from where it last ended.

    That is its evaluation at the highest fidelity that has ended. What goes on is that training,
    of the same seed; one at the same or a lower fidelity begins anew.
    """

    def __init__(self, benchmark: TabularBenchmark, random: Random) -> None:
        """Begin without any training."""
        super().__init__(benchmark, random)
        self._reached: dict[Architecture, tuple[int, int]] = {}
        self._open: dict[tuple[Architecture, int], list[tuple[Answer, int]]] = {}
        """Answers that have not been told yet, and the trials that they are of."""

    def answer(self, request: Evaluate) -> Answer:
        """Look the architecture up, and charge what is new of its training."""
        try:
            epochs, number = self._reached.get(request.architecture, (0, 0))
            asked = self._benchmark.epochs(request.fidelity)
            if not 0 < epochs < asked:
                return self._began(request, asked)
            answers = self._benchmark.answers(request.fidelity)
            whole = answers.trials[number][request.architecture]
        except (LookupError, TypeError, ValueError, AttributeError, InvalidInput):
            check_request(self._benchmark.space, request)
            raise
        place = number, answers.index(request.architecture)
        paid = float(self._benchmark.trained_seconds(epochs)[place])
        cost = whole.seconds - paid
        if whole.failed:  # what the table does not know costs nothing
            cost = max(0.0, cost)
        elif not cost > 0:
            raise DataError(
                f"the table's seconds do not fit together: training architecture "
                f"{place[1]} on from {epochs} to {asked} epochs would take {cost:g} s: make the "
                "table again"
            )
        answer = whole._replace(seconds=cost, epochs=asked - epochs)
        self._open.setdefault((request.architecture, asked), []).append((answer, number))
        return answer

    def _began(self, request: Evaluate, asked: int) -> Answer:
        answer = super().answer(request)
        trials = self._benchmark.answers(request.fidelity).trials
        number = next(i for i, one in enumerate(trials) if one[request.architecture] is answer)
        self._open.setdefault((request.architecture, asked), []).append((answer, number))
        return answer

    def told(self, request: Evaluate, answer: Answer) -> None:
        """Remember how far a training has come, and which it is."""
        what = request.architecture, self._benchmark.epochs(request.fidelity)
        waiting = self._open.get(what, [])
        place = next((i for i, (one, _) in enumerate(waiting) if one is answer), None)
        if place is None:  # an answer that was known costs nothing and trains nothing
            return
        _, number = waiting.pop(place)
        if what[1] > self._reached.get(what[0], (0, 0))[0] and not answer.failed:
            self._reached[what[0]] = what[1], number

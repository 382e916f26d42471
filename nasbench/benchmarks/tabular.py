"""A table as a benchmark: every answer is one look-up."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasbench.benchmarks.asked import check_fidelity, check_request
from nasbench.benchmarks.objectives import is_cost, read_cost
from nasbench.benchmarks.table import SearchColumns, per_architecture, query_cost
from nasbench.errors import DataError, InvalidInput
from nasbench.problem import ACCURACY, Answer, Evaluate, Fidelity, Metric
from nasbench.randomness import Random
from nasbench.spaces.base import Architecture, EnumerableSpace

Answers = dict[Architecture, Answer]


@dataclass(frozen=True)
class Signal:
    """What one query returns: validation on `dataset` at an epoch of a schedule."""

    dataset: str
    schedule: int
    epochs: int
    trials: str = "mean"  #: mean of the training trials, or a random single one


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
        self._by_epochs = {signal.epochs: self._answers(signal.epochs)}
        self._known: dict[int, dict[Architecture, tuple[Answer, ...]]] = {}

    note = ""

    def known(self, fidelity: Fidelity | None) -> dict[Architecture, tuple[Answer, ...]]:
        """Return the answers of every architecture that a query may draw: the trials it has."""
        epochs = self.epochs(fidelity)
        if epochs not in self._known:
            trials = self.trials(fidelity)
            self._known[epochs] = {
                cell: tuple(trial[cell] for trial in trials if not trial[cell].failed)
                for cell in trials[0]
            }
        return self._known[epochs]

    @cached_property
    def fidelities(self) -> tuple[Fidelity, ...]:
        """Epochs of the signal's schedule after which the table knows the signal."""
        dataset, schedule = self.signal.dataset, self.signal.schedule
        every = [
            set(self._columns.epochs(dataset, schedule, one.name))
            for one in self.objectives if not is_cost(one)
        ]  # fmt: skip
        return tuple(Fidelity(epochs, schedule) for epochs in sorted(set.intersection(*every)))

    def session(self, random: Random) -> "TableSession":
        """Return what answers one run."""
        return ResumingSession(self, random) if self._resume else TableSession(self, random)

    def trials(self, fidelity: Fidelity | None) -> list[Answers]:
        """Return the answers to every architecture, one dict per trial a query may draw."""
        epochs = self.epochs(fidelity)
        if epochs not in self._by_epochs:
            self._by_epochs[epochs] = self._answers(epochs)
        return self._by_epochs[epochs]

    @cached_property
    def epoch_seconds(self) -> list[dict[Architecture, float]]:
        """Seconds of one training epoch of every architecture, one dict per trial."""
        dataset, schedule = self.signal.dataset, self.signal.schedule
        columns = [
            self._whole(self._columns.epoch_seconds(dataset, schedule, seed)).tolist()
            for seed in self._seeds
        ]
        return [dict(zip(self.space.architectures, one, strict=True)) for one in columns]

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

    def _answers(self, epochs: int) -> list[Answers]:
        return [self._trial(seed, epochs) for seed in self._seeds]

    @cached_property
    def _seeds(self) -> tuple[int | None, ...]:
        """Training seeds that a query may draw; None is their mean."""
        signal, columns = self.signal, self._columns
        seeds: tuple[int | None, ...] = (None,)
        if signal.trials == "random":
            seeds = columns.trials(signal.dataset, signal.schedule, self.objectives[0].name)
            if len(seeds) < 2:
                raise InvalidInput(
                    f"signal 'random': this table has no single trainings of {signal.dataset}'s "
                    f"{signal.schedule}-epoch signal, only their mean; import the official "
                    "file (`nasbench data import`) or use --signal mean"
                )
        return seeds

    def _trial(self, seed: int | None, epochs: int) -> Answers:
        """Make every answer once; what the table lacks is a failed evaluation."""
        where = (self.signal.dataset, self.signal.schedule, epochs)
        values = [self._whole(self._read(metric, where, seed)) for metric in self.objectives]
        seconds = query_cost(self._columns, self._rows, where, seed)
        free = np.flatnonzero(~(np.isnan(seconds) | ((seconds > 0) & np.isfinite(seconds))))
        if len(free):
            raise DataError(
                f"the table's seconds on '{self.signal.dataset}' do not fit together: {epochs} of "
                f"{self.signal.schedule} epochs of architecture {free[0]} would take "
                f"{seconds[free[0]]:g} s: make the table again"
            )
        missing = np.isnan(values).any(axis=0) | np.isnan(seconds)
        columns = zip(
            self.space.architectures,
            zip(*(np.where(missing, 0.0, one).tolist() for one in values), strict=True),
            np.where(np.isnan(seconds), 0.0, seconds).tolist(),
            missing.tolist(),
            strict=True,
        )
        return {cell: Answer(told, cost, epochs, lost) for cell, told, cost, lost in columns}

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
        own = self._by_epochs[self.signal.epochs]
        score = self.objectives[0].score
        known = (score(a.values[0]) for answers in own for a in answers.values() if not a.failed)
        return max(known, default=-math.inf)

    @cached_property
    def cheapest(self) -> float:
        """Least seconds a query of the protocol's signal costs; 0 where all are missing."""
        own = self._by_epochs[self.signal.epochs]
        known = (a.seconds for answers in own for a in answers.values() if not a.failed)
        return min(known, default=0.0)


class TableSession:
    """One run's view of the table: its own draws among the trials."""

    def __init__(self, benchmark: TabularBenchmark, random: Random) -> None:
        """Share the benchmark's answers."""
        self._benchmark = benchmark
        self._random = random
        self._own = benchmark.trials(None)
        self._known = benchmark.known(None) if len(self._own) > 1 else {}

    def answer(self, request: Evaluate) -> Answer:
        """Look the architecture up; `InvalidInput` says what one is if there is no such."""
        trials, known = self._own, self._known
        try:
            if request.fidelity is not None:
                trials = self._benchmark.trials(request.fidelity)
                known = self._benchmark.known(request.fidelity) if len(trials) > 1 else {}
            if len(trials) == 1:
                return trials[0][request.architecture]
            answers = known[request.architecture]
            return self._random.choice(answers) if answers else trials[0][request.architecture]
        except (KeyError, TypeError, ValueError, AttributeError):
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
            whole = self._benchmark.trials(request.fidelity)[number][request.architecture]
        except (KeyError, TypeError, ValueError, AttributeError):
            check_request(self._benchmark.space, request)
            raise
        paid = epochs * self._benchmark.epoch_seconds[number][request.architecture]
        answer = whole._replace(seconds=whole.seconds - paid, epochs=asked - epochs)
        self._open.setdefault((request.architecture, asked), []).append((answer, number))
        return answer

    def _began(self, request: Evaluate, asked: int) -> Answer:
        answer = super().answer(request)
        number = self._trial_of(self._benchmark.trials(request.fidelity), request, answer)
        self._open.setdefault((request.architecture, asked), []).append((answer, number))
        return answer

    def _trial_of(self, trials: list[Answers], request: Evaluate, answer: Answer) -> int:
        """Return the trial that an answer was looked up in."""
        return next(i for i, one in enumerate(trials) if one[request.architecture] is answer)

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

"""A benchmark that answers every request by a look-up in a table."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasbench.benchmarks.asked import check_fidelity, check_request
from nasbench.benchmarks.constraints import all_met
from nasbench.benchmarks.tables.costs import per_architecture, query_cost, training_cost
from nasbench.benchmarks.tables.objectives import is_cost, read_cost
from nasbench.benchmarks.tables.views import SearchColumns
from nasbench.errors import DataError, InvalidInput
from nasbench.problem import ACCURACY, Answer, Constraint, Evaluate, Fidelity, Metric
from nasbench.randomness import Random
from nasbench.spaces.base import Architecture, EnumerableSpace


@dataclass(frozen=True)
class Query:
    """What one query returns: validation on `dataset` after `epochs` of a training schedule."""

    dataset: str
    schedule: int
    epochs: int
    signal: str = "mean"  #: `mean` over the training seeds, or `random`, that of one seed


_FEW = 1_000
"""Architectures whose answers are made one by one, before those of a small space are all made."""
_SMALL = 100_000
"""Largest number of architectures of such a small space."""


_make_answer = partial(tuple.__new__, Answer)
"""Make an answer from its fields, without the cost of calling `Answer(...)`."""


class Answers:
    """The answers of a table at one fidelity, for every training seed that a query may draw.

    Arrays are in the order of the space's indices. An `Answer` object is made from them on the
    first request for it, and is then shared by all runs of a process.
    """

    def __init__(
        self,
        space: EnumerableSpace,
        values: NDArray[np.float64],
        seconds: NDArray[np.float64],
        epochs: int,
        constrained: NDArray[np.float64] | None = None,
    ) -> None:
        """Take values (seeds, architectures, objectives) and seconds (seeds, architectures).

        `constrained` are costs that constraints bound, shape (architectures, constraints). Where a
        value or the seconds are NaN, the table lacks the number and the evaluation fails.
        """
        self._space = space
        self.failed = np.isnan(values).any(axis=2) | np.isnan(seconds)
        self.values = np.where(self.failed[:, :, None], np.nan, values)
        self.seconds = np.where(np.isnan(seconds), 0.0, seconds)
        self.epochs = epochs
        self.constrained = np.empty((space.size, 0)) if constrained is None else constrained
        self.by_seed = [_Made(self) for _ in seconds]
        """For each training seed, a mapping from architecture to answer."""
        self.known = _Known(self)
        """For each architecture, the answers of the training seeds that did not fail."""

    def index(self, architecture: Architecture) -> int:
        """Return an architecture's index; `KeyError` for one that is not in the space."""
        index = self._space.index(architecture)
        if not 0 <= index < self._space.size or self._space.architecture(index) != architecture:
            raise KeyError(architecture)
        return index

    def make(self, architecture: Architecture) -> None:
        """Make an architecture's answers for all training seeds.

        Once 1,000 architectures have answers, those of a whole small space are made together: a
        long search asks for most of them, and making them together takes a quarter of the time.
        """
        index = self.index(architecture)
        if len(self.known) >= _FEW and self._space.size <= _SMALL:
            self._make_all()
            return
        row = slice(None), index
        bounded = [self.constrained[index]] * len(self.by_seed)
        made = self._answers(
            self.values[row], self.seconds[row], self.failed[row], np.array(bounded)
        )
        for of_seed, answer in zip(self.by_seed, made, strict=True):
            of_seed[architecture] = answer
        self._know(architecture)

    def _make_all(self) -> None:
        """Make all answers that do not exist yet; a run may still use the existing objects."""
        every = self._space.architectures
        for number, of_seed in enumerate(self.by_seed):
            made = self._answers(
                self.values[number], self.seconds[number], self.failed[number], self.constrained
            )
            there = dict(of_seed)
            of_seed.update(zip(every, made, strict=True))
            of_seed.update(there)
        if self.failed.any():
            for architecture in every:
                self._know(architecture)
        else:
            of_seeds = [map(one.__getitem__, every) for one in self.by_seed]
            self.known.update(zip(every, zip(*of_seeds, strict=True), strict=True))

    def _answers(
        self,
        values: NDArray[np.float64],
        seconds: NDArray[np.float64],
        failed: NDArray[np.bool_],
        constrained: NDArray[np.float64],
    ) -> list[Answer]:
        """Return n answers from values (n, objectives), seconds (n,), failures (n,) and costs.

        `constrained` are the costs that are constrained, shape (n, constraints).
        """
        told = map(tuple, np.where(failed[:, None], 0.0, values).tolist())
        bounded = map(tuple, constrained.tolist())
        rows = zip(
            told, seconds.tolist(), repeat(self.epochs), failed.tolist(), bounded, strict=False
        )
        return list(map(_make_answer, rows))

    def _know(self, architecture: Architecture) -> None:
        every = [one[architecture] for one in self.by_seed]
        self.known[architecture] = tuple([one for one in every if not one.failed])


class _Made(dict[Architecture, Answer]):
    """The answers of one training seed, made when first asked for."""

    def __init__(self, of: Answers) -> None:
        super().__init__()
        self._of = of

    def __missing__(self, architecture: Architecture) -> Answer:
        self._of.make(architecture)
        return self[architecture]


class _Known(dict[Architecture, tuple[Answer, ...]]):
    """For each architecture, its answers that did not fail, made when first asked for."""

    def __init__(self, of: Answers) -> None:
        super().__init__()
        self._of = of

    def __missing__(self, architecture: Architecture) -> tuple[Answer, ...]:
        self._of.make(architecture)
        return self[architecture]


class TabularBenchmark:
    """Answers requests from the search columns of a table; it never receives the test columns.

    A query costs the table's seconds of training up to the requested epoch plus those of one
    validation pass. Where trainings are resumed, a query is not charged for the epochs of an
    earlier query of the same architecture that has ended.
    """

    def __init__(
        self,
        columns: SearchColumns,
        rows: NDArray[np.integer[Any]] | None,
        space: EnumerableSpace,
        query: Query,
        objectives: tuple[Metric, ...] = (ACCURACY,),
        *,
        resume: bool = False,
        joined: Mapping[str, NDArray[np.float64]] | None = None,
        timed: bool = True,
        constraints: tuple[Constraint, ...] = (),
        constrained: NDArray[np.float64] | None = None,
    ) -> None:
        """Read the signal of the protocol; other epochs are read when first asked for.

        `rows` maps an architecture's index to its row, None where they are equal. With `resume`,
        trainings are resumed. A query takes no time unless `timed`. `joined` are objectives of
        other tables by name, in index order, shape (size of the space,), see
        `nasbench.benchmarks.joins`. `constrained` are the costs that `constraints` bound, shape
        (size of the space, constraints). Raises `DataError` if the table lacks a column or has
        seconds of 0 or less, `InvalidInput` for random seeds of a table that stores fewer than two.
        """
        self.space = space
        self.objectives = objectives
        self._resume = resume
        self._timed = timed
        self._rows = rows
        self.query = query
        self._columns = columns
        self._joined = joined or {}
        self._constrained = constrained
        self.feasible = np.ones(space.size, dtype=bool)
        """Which architectures meet all constraints, by index, shape (size of the space,)."""
        if constrained is not None:
            self.feasible = all_met(constraints, constrained)
        self._trained: dict[int, NDArray[np.float64]] = {}
        self._by_epochs = {query.epochs: self._looked_up(query.epochs)}

    note = ""

    @cached_property
    def fidelities(self) -> tuple[Fidelity, ...]:
        """The epochs of the signal's schedule for which the table has all values and the cost."""
        dataset, schedule = self.query.dataset, self.query.schedule
        every = [
            set(self._columns.epochs(dataset, schedule, one.name))
            for one in self.objectives if not is_cost(one)
        ]  # fmt: skip
        return tuple(
            Fidelity(epochs, schedule)
            for epochs in sorted(set.intersection(*every))
            if not self._timed or self._columns.priced(dataset, schedule, epochs)
        )

    def session(self, random: Random) -> "TableSession":
        """Return a session, which answers one run."""
        return ResumingSession(self, random) if self._resume else TableSession(self, random)

    def answers(self, fidelity: Fidelity | None) -> Answers:
        """Return the answers at a fidelity; None is that of the signal.

        Raises `DataError` for another schedule and for epochs that the table lacks.
        """
        epochs = self.epochs(fidelity)
        if epochs not in self._by_epochs:
            offered = [one.epochs for one in self.fidelities]
            if fidelity is not None and epochs not in (*offered, self.query.epochs):
                raise DataError(
                    f"this task has no validation after {epochs} epochs: use one of "
                    f"problem.fidelities, {', '.join(map(str, offered)) or 'of which it has none'}"
                )
            self._by_epochs[epochs] = self._looked_up(epochs)
        return self._by_epochs[epochs]

    def trained_seconds(self, epochs: int) -> NDArray[np.float64]:
        """Return the seconds of training for `epochs`, without validation.

        Shape (seeds, architectures).
        """
        if epochs not in self._trained:
            where = (self.query.dataset, self.query.schedule, epochs)
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
        """Return the number of epochs of a request's fidelity."""
        return self.query.epochs if fidelity is None else self._epochs(fidelity)

    def _epochs(self, fidelity: Fidelity) -> int:
        check_fidelity(fidelity)
        schedule = self.query.schedule
        if fidelity.schedule not in (None, schedule):
            raise DataError(
                f"a fidelity of schedule {fidelity.schedule} is unknown to this task: its schedule "
                f"is {schedule}"
            )
        return fidelity.epochs

    @cached_property
    def _seeds(self) -> tuple[int | None, ...]:
        """The training seeds that a query may draw; None stands for the mean over all seeds."""
        query, columns = self.query, self._columns
        seeds: tuple[int | None, ...] = (None,)
        if query.signal == "random":
            name = self.objectives[0].name
            seeds = columns.seeds(query.dataset, query.schedule, name, query.epochs)
            if len(seeds) < 2:
                raise InvalidInput(
                    f"signal 'random': this table has no single trainings of {query.dataset}'s "
                    f"{query.schedule}-epoch signal, only their mean; import the official "
                    "file (`nasbench data import`) or use --signal mean"
                )
        return seeds

    def _looked_up(self, epochs: int) -> Answers:
        where = (self.query.dataset, self.query.schedule, epochs)
        read = [self._of_seed(where, seed) for seed in self._seeds]
        values, seconds = (np.stack(one) for one in zip(*read, strict=True))
        free = np.argwhere(~(np.isnan(seconds) | ((seconds > 0) & np.isfinite(seconds))))
        if self._timed and len(free):
            seed, architecture = map(int, free[0])
            raise DataError(
                f"the table's seconds on '{self.query.dataset}' do not fit together: {epochs} of "
                f"{self.query.schedule} epochs of architecture {architecture} would take "
                f"{seconds[seed, architecture]:g} s: make the table again"
            )
        return Answers(self.space, values, seconds, epochs, self._constrained)

    def _of_seed(
        self, where: tuple[str, int, int], seed: int | None
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return values (architectures, objectives) and query seconds (architectures,) of a seed.

        `where` is the data set, the schedule and the epochs.
        """
        if self._unread(where, seed):
            size = self.space.size
            return np.full((size, len(self.objectives)), np.nan), np.full(size, np.nan)
        values = [self._whole(self._read(one, where, seed)) for one in self.objectives]
        if not self._timed:
            return np.stack(values, axis=1), np.zeros(self.space.size)
        return np.stack(values, axis=1), query_cost(self._columns, self._rows, where, seed)

    def _unread(self, where: tuple[str, int, int], seed: int | None) -> bool:
        """Whether the table has a value after these epochs for other seeds but not for `seed`."""
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
        """Return the column of an objective; `where` is data set, schedule and epochs."""
        if metric.name in self._joined:
            return self._joined[metric.name]
        if is_cost(metric):
            return read_cost(self._columns, metric, where[0])
        return self._columns.after(metric.name, *where, seed)

    def _whole(self, column: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(per_architecture(column, self._rows), dtype=np.float64)

    @cached_property
    def best_signal(self) -> float:
        """Best score at the protocol's signal that meets all constraints; -inf if none is known."""
        own = self.answers(None)
        scores = self.objectives[0].score(own.values[:, :, 0][~own.failed & self.feasible])
        return float(scores.max()) if scores.size else -math.inf

    @cached_property
    def cheapest(self) -> float:
        """Least cost in seconds of a query of the protocol's signal; 0 if no cost is known."""
        own = self.answers(None)
        known = own.seconds[~own.failed]
        return float(known.min()) if known.size else 0.0


class TableSession:
    """Answers one run from a table; it draws the training seeds of this run."""

    def __init__(self, benchmark: TabularBenchmark, random: Random) -> None:
        """Use the answers of `benchmark`; `random` draws training seeds."""
        self._benchmark = benchmark
        self._random = random
        self._own = benchmark.answers(None)

    def answer(self, request: Evaluate) -> Answer:
        """Look the architecture up.

        Raises `InvalidInput`, which describes a valid request, for an invalid one; `DataError` for
        a fidelity that the table lacks.
        """
        answers = self._own
        try:
            if request.fidelity is not None:
                answers = self._benchmark.answers(request.fidelity)
            by_seed = answers.by_seed
            if len(by_seed) == 1:
                return by_seed[0][request.architecture]
            known = answers.known[request.architecture]
            return self._random.choice(known) if known else by_seed[0][request.architecture]
        except (LookupError, TypeError, ValueError, AttributeError, InvalidInput):
            check_request(self._benchmark.space, request)
            raise


class ResumingSession(TableSession):
    """A session that resumes an architecture's earlier training instead of starting a new one.

    It resumes from the evaluation with the most epochs that has ended without failure, with the
    same training seed. A request for as many epochs or fewer starts a new training.
    """

    def __init__(self, benchmark: TabularBenchmark, random: Random) -> None:
        """Begin with no trainings to resume."""
        super().__init__(benchmark, random)
        self._reached: dict[Architecture, tuple[int, int]] = {}
        self._open: dict[tuple[Architecture, int], list[tuple[Answer, int]]] = {}
        """Answers whose evaluations have not ended yet, each with the position of its seed."""

    def answer(self, request: Evaluate) -> Answer:
        """Look the architecture up and charge only the epochs that were not trained before."""
        try:
            epochs, number = self._reached.get(request.architecture, (0, 0))
            asked = self._benchmark.epochs(request.fidelity)
            if not 0 < epochs < asked:
                return self._began(request, asked)
            answers = self._benchmark.answers(request.fidelity)
            whole = answers.by_seed[number][request.architecture]
        except (LookupError, TypeError, ValueError, AttributeError, InvalidInput):
            check_request(self._benchmark.space, request)
            raise
        place = number, answers.index(request.architecture)
        paid = float(self._benchmark.trained_seconds(epochs)[place])
        cost = whole.seconds - paid
        if whole.failed:  # its seconds may be missing and then count as 0
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
        by_seed = self._benchmark.answers(request.fidelity).by_seed
        number = next(i for i, one in enumerate(by_seed) if one[request.architecture] is answer)
        self._open.setdefault((request.architecture, asked), []).append((answer, number))
        return answer

    def told(self, request: Evaluate, answer: Answer) -> None:
        """Record that an evaluation has ended: its epochs and its training seed."""
        what = request.architecture, self._benchmark.epochs(request.fidelity)
        waiting = self._open.get(what, [])
        place = next((i for i, (one, _) in enumerate(waiting) if one is answer), None)
        if place is None:  # a repeated answer that is free, so that nothing was trained
            return
        _, number = waiting.pop(place)
        if what[1] > self._reached.get(what[0], (0, 0))[0] and not answer.failed:
            self._reached[what[0]] = what[1], number

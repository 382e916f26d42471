"""A benchmark that looks requests up in a table and trains those that the table lacks.

It is used with `--fallback train`.
"""

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from nasbench.benchmarks.base import FinalValues
from nasbench.benchmarks.judge import TableJudge
from nasbench.benchmarks.tables.table import Table
from nasbench.benchmarks.tabular import Query, TableSession, TabularBenchmark
from nasbench.benchmarks.training.benchmark import TrainedBenchmark, TrainedJudge, TrainedSession
from nasbench.errors import DataError, InvalidInput
from nasbench.problem import Answer, Evaluate, Fidelity, Metric
from nasbench.randomness import Random
from nasbench.spaces.base import Architecture


def table_knows(table: Table, query: Query, reports: Sequence[str], final_schedule: int) -> bool:
    """Whether a table has a search's signal and costs and the final values of all `reports`."""
    try:
        table.search.accuracy(query.dataset, query.schedule, query.epochs)
        table.search.query_seconds(query.dataset, query.schedule)
        for name in reports:
            table.test.mean(name, final_schedule)
            table.test.valid_mean(name, final_schedule)
    except DataError:
        return False
    return True


def missing(table: TabularBenchmark) -> int:
    """Return the number of architectures without a value of the signal, for any training seed."""
    return int(table.answers(None).failed.all(axis=0).sum())


def measured_scale(table: TabularBenchmark, trained: TrainedBenchmark, cells: int = 3) -> float:
    """Return the table's seconds per real second, measured by training some known architectures.

    It is the ratio of two sums over `cells` architectures: their seconds in the table and the real
    seconds of training them. The architectures are spread evenly over the known ones, in index
    order, and their trainings are kept in the cache. Raises `InvalidInput` if none is known.
    """
    answers = table.answers(None)
    known = np.flatnonzero(~answers.failed[0]).tolist()
    if not known:
        raise InvalidInput("the table knows no architecture to compare the clocks on")
    chosen = [known[i * len(known) // cells] for i in range(cells)]
    spaced = map(table.space.architecture, chosen)
    real = sum(trained.train(cell, trained.seeds[0]).seconds for cell in spaced)
    return float(sum(answers.seconds[0, chosen].tolist()) / real)


class FallbackBenchmark:
    """Answers requests from the table, and by training if the table lacks the architecture.

    `scale` converts real seconds of a training into seconds of the table's clock. It must be given,
    as a measured ratio, since seconds of two different clocks cannot simply be added.
    """

    def __init__(self, table: TabularBenchmark, trained: TrainedBenchmark, *, scale: float) -> None:
        """Use `table` first; `InvalidInput` unless `scale` is finite and above 0."""
        if not (np.isfinite(scale) and scale > 0):
            raise InvalidInput(f"a clock's scale cannot be {scale}: it must be above 0")
        self.space = table.space
        self.table, self.trained, self.scale = table, trained, scale

    def session(self, random: Random) -> "FallbackSession":
        """Return a session, which answers one run."""
        return FallbackSession(self, self.table.session(random), self.trained.session(random))

    @property
    def objectives(self) -> tuple[Metric, ...]:
        """The objectives of the table's benchmark."""
        return self.table.objectives

    @property
    def fidelities(self) -> tuple[Fidelity, ...]:
        """The fidelities of the table's benchmark."""
        return self.table.fidelities

    @cached_property
    def missing(self) -> int:
        """The number of architectures without a value of the signal in the table."""
        return missing(self.table)

    @property
    def best_signal(self) -> float | None:
        """The table's best score of the signal; None if the table lacks any architecture."""
        return None if self.missing else self.table.best_signal

    @cached_property
    def cheapest(self) -> float:
        """The least cost of an evaluation in seconds; 0 if the table lacks any architecture."""
        return 0.0 if self.missing else self.table.cheapest

    @property
    def note(self) -> str:
        """One line that says how many architectures must be trained, and on which clock."""
        if not self.missing:
            return f"the table knows all {self.space.size} architectures: nothing is trained"
        return (
            f"{self.missing} of {self.space.size} architectures are not in the table and are "
            f"trained (recipe {self.trained.recipe.name}, {self.trained.epochs} epochs), charged "
            f"{self.scale:g} s of the table's clock per second ({self.trained.clock})"
        )


class FallbackSession:
    """Answers one run; `trained` counts the answers that the table did not have."""

    def __init__(
        self, benchmark: FallbackBenchmark, table: TableSession, trained: TrainedSession
    ) -> None:
        """Use `table` first, then `trained`."""
        self._benchmark, self._table, self._trained = benchmark, table, trained
        self.trained = 0

    def answer(self, request: Evaluate) -> Answer:
        """Look the request up in the table; train if the table has no value for it."""
        try:
            answer = self._table.answer(request)
        except DataError:  # the table has no such epoch
            answer = None
        if answer is not None and not answer.failed:
            return answer
        self.trained += 1
        answer = self._trained.answer(request)
        return answer._replace(seconds=answer.seconds * self._benchmark.scale)


class FallbackJudge:
    """Judges by the table, and trains the final incumbent if the table lacks it.

    It is trained only on the data set of the search. For other reported data sets, values that the
    table lacks stay NaN.
    """

    def __init__(self, table: TableJudge, trained: TrainedJudge) -> None:
        """Use `table` first, then `trained`."""
        self._table, self._trained = table, trained

    def read(self, architectures: Sequence[Architecture]) -> dict[str, FinalValues]:
        """Return the final values of `architectures` on each data set."""
        finals = self._table.read(architectures)
        known = finals.get(self._trained.name)
        if known is None or not len(architectures) or not np.isnan(known.test[-1]).any():
            return finals
        final = self._trained.read(architectures[-1:])[self._trained.name]
        valid, test = known.valid.copy(), known.test.copy()
        valid[-1], test[-1] = final.valid[0], final.test[0]
        return {**finals, self._trained.name: FinalValues(valid, test)}

"""A table first, training only where the table does not know: `--fallback train`."""

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from nasbench.benchmarks.base import Verdict
from nasbench.benchmarks.judge import TableJudge
from nasbench.benchmarks.tables.table import Table
from nasbench.benchmarks.tabular import Signal, TableSession, TabularBenchmark
from nasbench.benchmarks.training.benchmark import TrainedBenchmark, TrainedJudge, TrainedSession
from nasbench.errors import DataError, InvalidInput
from nasbench.problem import Answer, Evaluate, Fidelity, Metric
from nasbench.randomness import Random
from nasbench.spaces.base import Architecture


def table_knows(table: Table, signal: Signal, reports: Sequence[str], final_schedule: int) -> bool:
    """Whether a table has the signal of a data set, its costs and all reported test columns."""
    try:
        table.search.accuracy(signal.dataset, signal.schedule, signal.epochs)
        table.search.query_seconds(signal.dataset, signal.schedule)
        for name in reports:
            table.test.mean(name, final_schedule)
            table.test.valid_mean(name, final_schedule)
    except DataError:
        return False
    return True


def missing(table: TabularBenchmark) -> int:
    """How many architectures the table has no signal of, in any trial."""
    return int(table.answers(None).failed.all(axis=0).sum())


def measured_scale(table: TabularBenchmark, trained: TrainedBenchmark, cells: int = 3) -> float:
    """Train some cells the table knows: seconds of its clock per real second, their sums' ratio.

    The cells are spread evenly over the known ones; their trainings are kept.
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
    """Asks the table; an architecture that is missing there is trained.

    `scale` turns real seconds of a training into seconds of the table's clock. It must be
    given, as a measured ratio: two clocks are not added up silently.
    """

    def __init__(self, table: TabularBenchmark, trained: TrainedBenchmark, *, scale: float) -> None:
        """Share the table's answers."""
        if not (np.isfinite(scale) and scale > 0):
            raise InvalidInput(f"a clock's scale cannot be {scale}: it must be above 0")
        self.space = table.space
        self.table, self.trained, self.scale = table, trained, scale

    def session(self, random: Random) -> "FallbackSession":
        """Return what answers one run."""
        return FallbackSession(self, self.table.session(random), self.trained.session(random))

    @property
    def objectives(self) -> tuple[Metric, ...]:
        """The table's."""
        return self.table.objectives

    @property
    def fidelities(self) -> tuple[Fidelity, ...]:
        """The table's."""
        return self.table.fidelities

    @cached_property
    def missing(self) -> int:
        """How many architectures the table does not know."""
        return missing(self.table)

    @property
    def best_signal(self) -> float | None:
        """The table's, where it knows the whole space."""
        return None if self.missing else self.table.best_signal

    @cached_property
    def cheapest(self) -> float:
        """Least seconds of an evaluation: unknown, so 0, where something is to be trained."""
        return 0.0 if self.missing else self.table.cheapest

    @property
    def note(self) -> str:
        """One line for the user and for the record: what is trained, and on which clock."""
        if not self.missing:
            return f"the table knows all {self.space.size} architectures: nothing is trained"
        return (
            f"{self.missing} of {self.space.size} architectures are not in the table and are "
            f"trained (recipe {self.trained.recipe.name}, {self.trained.epochs} epochs), charged "
            f"{self.scale:g} s of the table's clock per second ({self.trained.clock})"
        )


class FallbackSession:
    """One run's view; `trained` counts the answers that the table did not have."""

    def __init__(
        self, benchmark: FallbackBenchmark, table: TableSession, trained: TrainedSession
    ) -> None:
        """Ask `table` first."""
        self._benchmark, self._table, self._trained = benchmark, table, trained
        self.trained = 0

    def answer(self, request: Evaluate) -> Answer:
        """Look up, else train."""
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
    """Looks up; the final incumbent is trained for the data set searched if it is missing.

    Reported data sets other than the one searched stay NaN where the table has no number.
    """

    def __init__(self, table: TableJudge, trained: TrainedJudge) -> None:
        """Ask `table` first."""
        self._table, self._trained = table, trained

    def read(self, architectures: Sequence[Architecture]) -> dict[str, Verdict]:
        """Return the verdict of each data set on `architectures`."""
        verdicts = self._table.read(architectures)
        known = verdicts.get(self._trained.name)
        if known is None or not len(architectures) or not np.isnan(known.test[-1]).any():
            return verdicts
        final = self._trained.read(architectures[-1:])[self._trained.name]
        valid, test = known.valid.copy(), known.test.copy()
        valid[-1], test[-1] = final.valid[0], final.test[0]
        return {**verdicts, self._trained.name: Verdict(valid, test)}

"""The suites for tables and benchmarks pass on right ones, and each check finds its fault."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from tables import synthetic_table

import nasbench
from nasbench.benchmarks.base import Benchmark
from nasbench.benchmarks.catalogue import load_table
from nasbench.benchmarks.tables.info import Split
from nasbench.benchmarks.tables.table import Table
from nasbench.benchmarks.tabular import Query, TableSession, TabularBenchmark
from nasbench.errors import DataError
from nasbench.problem import LOSS, Answer, Evaluate, Fidelity
from nasbench.randomness import Random
from nasbench.testing import BenchmarkConformance, TableConformance

SIZE = 15_625


def frame(**changes: Any) -> pd.DataFrame:
    """Return losses after 1, 3 and 9 epochs, with columns changed after that."""
    generator = np.random.default_rng(0)
    final = generator.uniform(1, 3, SIZE)
    parts = [
        pd.DataFrame({
            "index": np.arange(SIZE), "epochs": epochs, "seconds": 2.0 + epochs,
            "valid_loss": final + generator.uniform(0, 1 / epochs, SIZE),
            "test_loss": final + 0.1,
        })
        for epochs in (1, 3, 9)
    ]  # fmt: skip
    return pd.concat(parts, ignore_index=True).assign(**changes)


def made(rows: pd.DataFrame) -> Table:
    return nasbench.table_from_frame(rows, name="mine", space="nb201", metrics=LOSS)


RIGHT = made(frame())


class Altered(Table):
    """Writes other numbers than it has."""

    def save(self, path: Any) -> None:
        made(frame(seconds=7.0)).save(path)


def altered() -> Table:
    found = made(frame())
    found.__class__ = Altered
    return found


def leaking() -> Table:
    """Return a table that calls its test values those of training."""
    columns = [
        one.model_copy(update={"split": Split.TRAIN}) if one.split is Split.TEST else one
        for one in RIGHT.info.columns
    ]
    info = RIGHT.info.model_copy(update={"columns": tuple(columns)})
    return Table.from_columns(info, {one.name: RIGHT._read(one.name) for one in columns})


def copied() -> Table:
    rows = frame()
    return made(rows.assign(test_loss=rows["valid_loss"]))


def empty() -> Table:
    rows = frame()
    return made(rows.assign(seconds=np.where(rows["epochs"] == 3, np.nan, rows["seconds"])))


def unjudged() -> Table:
    rows = frame()
    lost = (rows["index"] == 17) & (rows["epochs"] == 9)
    return made(rows.assign(test_loss=np.where(lost, np.nan, rows["test_loss"])))


def flat() -> Table:
    return made(frame(seconds=2.0))


class Shifted(TableConformance):
    """Looks up what stands one index further."""

    table = RIGHT

    def _benchmark(self, dataset: str, protocol: Any) -> TabularBenchmark:
        found = super()._benchmark(dataset, protocol)
        found.answers(None).index = lambda one: (found.space.index(one) + 1) % SIZE  # type: ignore[method-assign]
        return found


PLANTED = {
    "test_a_file_is_the_same_table": altered,
    "test_a_search_sees_no_test": leaking,
    "test_validation_is_not_test": copied,
    "test_it_can_be_searched": empty,
    "test_what_is_found_can_be_judged": unjudged,
    "test_more_training_costs_more": flat,
}
OTHERWISE = "test_every_architecture_of_the_space_has_its_own_row"
CHECKS = [name for name in dir(TableConformance) if name.startswith("test_")]


def suite(found: Table) -> TableConformance:
    class Suite(TableConformance):
        table = found

    return Suite()


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("name", ["frame", "digits", "nb201"])
def test_right_tables_pass(name: str, check: str) -> None:
    tables = {"frame": lambda: RIGHT, "nb201": synthetic_table}
    getattr(suite(tables.get(name, lambda: load_table(name))()), check)()


def test_every_check_of_tables_has_a_planted_fault() -> None:
    assert {*PLANTED, OTHERWISE} == set(CHECKS)


@pytest.mark.parametrize("check", PLANTED)
def test_a_fault_planted_in_a_table_is_found(check: str) -> None:
    with pytest.raises((AssertionError, DataError)):
        getattr(suite(PLANTED[check]()), check)()


def test_a_look_up_beside_the_row_is_found() -> None:
    with pytest.raises(AssertionError):
        getattr(Shifted(), OTHERWISE)()


class OfTheTable(BenchmarkConformance):
    """A right benchmark, asked through a session that a fault may stand in."""

    session: type[TableSession] = TableSession

    def benchmark(self) -> Benchmark:
        signal = Query("mine", 9, 3)
        found = TabularBenchmark(RIGHT.search, RIGHT.rows, RIGHT.space, signal, (LOSS,))
        made_of = self.session
        found.session = lambda random: made_of(found, random)  # type: ignore[method-assign]
        return found


class Free(TableSession):
    def answer(self, request: Evaluate) -> Answer:
        return super().answer(request)._replace(seconds=0.0)


class Moody(TableSession):
    """Answers by what all sessions of the process were asked before."""

    asked = 0

    def answer(self, request: Evaluate) -> Answer:
        Moody.asked += 1
        return super().answer(request)._replace(values=(float(Moody.asked),))


class Obliging(TableSession):
    """Has an answer to anything."""

    def answer(self, request: Evaluate) -> Answer:
        try:
            return super().answer(request)
        except nasbench.errors.InvalidInput:
            return Answer((1.0,), 1.0, 1)


class OnePrice(TableSession):
    def answer(self, request: Evaluate) -> Answer:
        return super().answer(request)._replace(seconds=5.0)


class AnyFidelity(TableSession):
    """Answers at its own fidelity whatever it is asked for."""

    def answer(self, request: Evaluate) -> Answer:
        return super().answer(request._replace(fidelity=Fidelity(3)))


class Better(TableSession):
    """Answers better than the best of the space."""

    def answer(self, request: Evaluate) -> Answer:
        return super().answer(request)._replace(values=(0.001,))


FAULTS = {
    "test_answers_are_values_and_costs": Free,
    "test_the_seed_of_a_session_decides": Moody,
    "test_what_is_no_architecture_is_refused": Obliging,
    "test_fidelities_can_be_asked_for": OnePrice,
    "test_another_fidelity_is_refused": AnyFidelity,
    "test_bounds_hold": Better,
}
HOLDS = "test_it_holds_no_test"
BENCHMARK_CHECKS = [name for name in dir(BenchmarkConformance) if name.startswith("test_")]


@pytest.mark.parametrize("check", BENCHMARK_CHECKS)
def test_a_right_benchmark_passes(check: str) -> None:
    getattr(OfTheTable(), check)()


def test_every_check_of_benchmarks_has_a_planted_fault() -> None:
    assert {*FAULTS, HOLDS} == set(BENCHMARK_CHECKS)


@pytest.mark.parametrize("check", FAULTS)
def test_a_fault_planted_in_a_benchmark_is_found(check: str) -> None:
    class Faulty(OfTheTable):
        session = FAULTS[check]

    with pytest.raises(AssertionError):
        getattr(Faulty(), check)()


def test_a_benchmark_that_holds_its_table_is_found() -> None:
    class Holds(OfTheTable):
        def benchmark(self) -> Benchmark:
            found = super().benchmark()
            found.whole = RIGHT  # type: ignore[attr-defined]
            return found

    with pytest.raises(AssertionError, match="holds test"):
        getattr(Holds(), HOLDS)()


def test_random_numbers_are_drawn_from_the_session() -> None:
    """The digits table has two trainings a cell: a query draws one by the session's generator."""
    table = load_table("digits")
    signal = Query("digits", 15, 5, "random")
    benchmark = TabularBenchmark(table.search, table.rows, table.space, signal)
    cell = Random(0)
    one = table.space.sample(cell)
    seen = {benchmark.session(Random(seed)).answer(Evaluate(one)).values for seed in range(20)}
    assert len(seen) == 2

"""The table answers what it knows; the rest is trained, and it is said."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tables import synthetic_table

from nasbench.benchmarks.judge import TableJudge
from nasbench.benchmarks.tables.table import Table
from nasbench.benchmarks.tabular import Query, TabularBenchmark
from nasbench.benchmarks.training.benchmark import TrainedBenchmark, TrainedJudge, Trainer
from nasbench.benchmarks.training.fallback import (
    FallbackBenchmark,
    FallbackJudge,
    measured_scale,
    table_knows,
)
from nasbench.errors import InvalidInput
from nasbench.problem import Evaluate
from nasbench.randomness import Random
from tests.benchmarks.training import tiny

SIGNAL = Query("cifar10", 12, 12)
KNOWN, MISSING = tiny.SPACE.architecture(0), tiny.CELL


@pytest.fixture(scope="module")
def whole() -> Table:
    return synthetic_table()


@pytest.fixture(scope="module")
def holed(whole: Table) -> Table:
    """The same table without index 123."""
    arrays: dict[str, Any] = {}
    for column in whole.info.columns:
        array = np.array(whole._read(column.name))
        if array.dtype.kind == "f":
            array[123] = np.nan
        arrays[column.name] = array
    return Table.from_columns(whole.info, arrays)


def trained(tmp_path: Path) -> TrainedBenchmark:
    return TrainedBenchmark(Trainer(tiny.SPACE, tiny.data(), tiny.FINAL), tmp_path)


def tabular(table: Table) -> TabularBenchmark:
    return TabularBenchmark(table.search, table.rows, tiny.SPACE, SIGNAL)


def test_only_what_is_missing_is_trained(tmp_path: Path, holed: Table) -> None:
    table = tabular(holed)
    benchmark = FallbackBenchmark(table, trained(tmp_path), scale=2.0)
    session = benchmark.session(Random(0))
    assert session.answer(Evaluate(KNOWN)) == table.session(Random(0)).answer(Evaluate(KNOWN))
    assert session.trained == 0
    assert not list(tmp_path.rglob("*.json"))
    own = trained(tmp_path).session(Random(0)).answer(Evaluate(MISSING))
    answer = session.answer(Evaluate(MISSING))
    assert answer == own._replace(seconds=2 * own.seconds)
    assert session.trained == 1
    assert benchmark.missing == 1
    assert benchmark.best_signal is None
    assert benchmark.cheapest == 0
    assert benchmark.note.startswith("1 of 15625 architectures are not in the table and are train")
    assert "2 s of the table's clock per second" in benchmark.note


def test_a_whole_table_stays_what_it_is(tmp_path: Path, whole: Table) -> None:
    table = tabular(whole)
    benchmark = FallbackBenchmark(table, trained(tmp_path), scale=1.0)
    assert (benchmark.best_signal, benchmark.cheapest) == (table.best_signal, table.cheapest)
    assert "nothing is trained" in benchmark.note
    with pytest.raises(InvalidInput, match="above 0"):
        FallbackBenchmark(table, trained(tmp_path), scale=0.0)


def test_the_scale_is_measured(tmp_path: Path, holed: Table) -> None:
    table, own = tabular(holed), trained(tmp_path)
    scale = measured_scale(table, own, cells=2)
    assert len(list(tmp_path.rglob("*.json"))) == 2
    assert measured_scale(table, own, cells=2) == scale > 0


def test_the_judge_trains_a_missing_final_incumbent(tmp_path: Path, holed: Table) -> None:
    table = TableJudge(holed.test, holed.rows, tiny.SPACE, ["cifar10", "cifar100"], 200)
    trainer = Trainer(tiny.SPACE, tiny.data(), tiny.FINAL)
    own = TrainedJudge(trainer, tmp_path, seeds=(1,), name="cifar10")
    judge = FallbackJudge(table, own)
    known, looked_up = (reader.read([MISSING, KNOWN])["cifar10"] for reader in (judge, table))
    np.testing.assert_array_equal(known.test, looked_up.test)
    assert not list(tmp_path.rglob("*.json"))
    found = judge.read([KNOWN, MISSING])
    assert found["cifar10"].test[0] == table.read([KNOWN])["cifar10"].test[0]
    assert found["cifar10"].test[1] == own.read([MISSING])["cifar10"].test[0]
    assert np.isnan(found["cifar100"].test[1])


def test_what_a_table_knows(whole: Table) -> None:
    assert table_knows(whole, SIGNAL, ["cifar10"], 200)
    assert not table_knows(whole, Query("digits", 12, 12), ["cifar10"], 200)
    assert not table_knows(whole, SIGNAL, ["digits"], 200)
    assert not table_knows(whole, SIGNAL, ["cifar10"], 90)

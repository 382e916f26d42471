"""Whatever a folder holds: a sensible comparison with all its files, or one clear line."""

import json
import math
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from tables import SIZE, synthetic_table

from nasbench.benchmarks.tables.info import Quantity
from nasbench.benchmarks.tables.table import Table
from nasbench.errors import StoreError
from nasbench.harness.compare import Comparison, compare
from nasbench.harness.compare.as_text import to_text
from nasbench.harness.execution.run import run
from nasbench.harness.report.content import drill_down
from nasbench.harness.report.curves import block_figures
from nasbench.harness.results.load import Results, load_results

pytestmark = pytest.mark.usefixtures("synthetic_nb201")
sys.path.append(str(Path(__file__).parents[1]))  # the strategies of `workers`


def compared(results: Path) -> Comparison:
    """Compare, write everything, and see that what is written can be read."""
    comparison = compare(results, out=results / "comparison")
    listed = json.loads((results / "comparison" / "comparison.json").read_text())["files"]
    for name in listed:
        assert (results / "comparison" / name).stat().st_size > 0
    return comparison


def test_one_run_has_no_spread_and_no_interval(tmp_path: Path) -> None:
    run("random-search", seeds=1, out=tmp_path)
    comparison = compared(tmp_path)
    assert comparison.families == ()
    for row in comparison.rows:
        assert row.finals.test_std != row.finals.test_std
        assert math.isnan(row.finals.test.low)
        assert row.tested.among_best
        assert row.in_table.random_evaluations.value >= 1


def test_runs_of_one_evaluation(tmp_path: Path) -> None:
    run("random-search,regularized-evolution", seeds=8, budget="1evals", out=tmp_path)
    for row in compared(tmp_path).rows:
        assert row.costs.evaluations == 1
        assert [part.n for part in row.parts] == [0, 0, 8]  # nothing is finished at half of one
        assert row.anytime.regret != row.anytime.regret


def test_identical_runs_are_all_best(tmp_path: Path) -> None:
    """Two evaluations of a strategy whose settings change nothing within two evaluations."""
    run("workers:Same", seeds=6, budget="2evals", out=tmp_path)
    run("workers:Same", seeds=6, budget="2evals", out=tmp_path, experiment_seed=1)
    comparison = compared(tmp_path)
    assert all(row.tested.among_best for row in comparison.rows)
    assert all(
        pair.corrected == 1 for block in comparison.blocks for pair in block.pairs["cifar10"]
    )
    (family,) = comparison.families
    assert family.standings.ranks.tolist() == [1.5, 1.5]


def test_a_strategy_that_always_fails_stands_beside_one_that_does_not(tmp_path: Path) -> None:
    run("workers:Fails,random-search", seeds=4, budget="5evals", out=tmp_path)
    comparison = compared(tmp_path)
    failed = [row for row in comparison.rows if row.experiment.strategy == "workers:Fails"]
    assert all((row.n, row.failed, row.tested.among_best) == (0, 4, False) for row in failed)
    assert any("4 of 4 runs failed" in note for note in comparison.notes)


def test_nothing_but_failures_is_a_comparison_of_nothing(tmp_path: Path) -> None:
    run("workers:Fails", seeds=4, budget="5evals", out=tmp_path)
    assert {row.n for row in compared(tmp_path).rows} == {0}


def changed(results: Results, change: Callable[[str, pa.Array], pa.Array]) -> Results:
    """Return results with every column of their runs' tables changed by its name."""
    made = []
    for one in results.experiments:
        table = one.table
        for place, name in enumerate(table.column_names):
            table = table.set_column(place, name, change(name, table[name].combine_chunks()))
        made.append(replace(one, table=table))
    return replace(results, experiments=tuple(made))


def filled(column: pa.Array, values: np.ndarray) -> pa.Array:
    """Return lists of the same lengths with other values."""
    return pa.ListArray.from_arrays(column.offsets, pa.array(values, column.type.value_type))


def test_one_finished_run_beside_several_that_tie(tmp_path: Path) -> None:
    """All runs that finished have the same accuracies: samples of one cannot be divided."""
    run("random-search,regularized-evolution,reinforce", seeds=3, budget="5evals", out=tmp_path)
    fail = iter([["", "broke", "broke"], ["", "", "broke"], ["", "", ""]])

    def change(name: str, column: pa.Array) -> pa.Array:
        if name == "error":
            return pa.array(next(fail), column.type)
        if name.startswith("test/"):
            return filled(column, np.full(len(column.values), 80.0))
        return column

    results = changed(load_results(tmp_path), change)
    comparison = compare(results, datasets="cifar10", out=tmp_path / "comparison")
    assert sorted({row.n for row in comparison.rows}) == [1, 2, 3]
    for row in comparison.rows:
        assert (row.finals.test.value, row.tested.among_best, row.tested.testable) == (
            80.0,
            True,
            False,
        )
    assert all(pair.p_value == 1 for block in comparison.blocks for pair in block.pairs["cifar10"])


@pytest.mark.parametrize(("value", "share"), [(np.inf, 0.3), (-np.inf, 0.3), (np.nan, 1.0)])
def test_accuracies_that_are_no_numbers_are_not_known(
    tmp_path: Path, value: float, share: float
) -> None:
    """They are left out with a note, and figures are drawn of the others."""
    run("random-search,regularized-evolution", seeds=4, budget="9evals", out=tmp_path)
    generator = np.random.default_rng(0)

    def change(name: str, column: pa.Array) -> pa.Array:
        if not name.startswith(("test/", "valid/")):
            return column
        values = column.values.to_numpy(zero_copy_only=False)
        return filled(column, np.where(generator.random(len(values)) < share, value, values))

    results = changed(load_results(tmp_path), change)
    comparison = compare(results, datasets="cifar10", out=tmp_path / "comparison")
    json.loads(to_text(comparison, "json"), parse_constant=pytest.fail)
    (block,) = comparison.blocks
    json.dumps(drill_down(block), allow_nan=False)
    block_figures(block, 1)
    assert any("have no number on CIFAR-10" in note for note in block.notes)
    for row in comparison.rows:
        assert not np.isinf([row.finals.test.value, row.finals.test.low, row.in_table.regret]).any()
        assert row.tested.among_best is not (share == 1.0)


def test_a_table_of_equal_accuracies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No regret to divide by, no axis to spread, no row better than another."""
    table = synthetic_table()
    data = {column.name: table._read(column.name) for column in table.info.columns}
    for column in table.info.columns:
        if column.quantity == Quantity.ACCURACY:
            data[column.name] = np.full(SIZE, 94.37)
    Table.from_columns(table.info, data).save(tmp_path / "data" / "tables" / "nb201.safetensors")
    monkeypatch.setenv("NASBENCH_DATA", str(tmp_path / "data"))
    run("random-search,regularized-evolution", seeds=5, budget="9evals", out=tmp_path / "out")
    comparison = compare(tmp_path / "out", datasets="cifar10", out=tmp_path / "comparison")
    block_figures(comparison.blocks[0], 1)
    for row in comparison.rows:
        assert row.tested.among_best
        assert (row.finals.test_std, row.in_table.regret) == pytest.approx((0, 0), abs=1e-9)
        assert np.isnan(row.in_table.normalised_regret)


def test_unequal_seeds_and_mixed_budgets(tmp_path: Path) -> None:
    run("random-search", seeds=9, budget="5evals", out=tmp_path)
    run("regularized-evolution", seeds=6, budget="5evals", out=tmp_path)
    run("random-search", seeds=6, budget="9evals", out=tmp_path)
    comparison = compared(tmp_path)
    assert [block.seeds for block in comparison.blocks] == [6, 6]
    assert any("compared over the 6" in note for note in comparison.notes)


def test_names_of_all_scripts_and_foreign_files(tmp_path: Path) -> None:
    run("random-search", seeds=3, budget="5evals", out=tmp_path, name="поиск-検索-é")
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "experiment.json").write_text("[1, 2]")
    assert {row.n for row in compared(tmp_path).rows} == {3}


def test_a_folder_without_runs_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="holds no runs: run `nasbench run --out"):
        compare(tmp_path)

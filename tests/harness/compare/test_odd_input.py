"""Whatever a folder holds: a sensible comparison with all its files, or one clear line."""

import json
import sys
from pathlib import Path

import pytest

from nasbench.errors import StoreError
from nasbench.harness.compare import Comparison, compare
from nasbench.harness.run import run

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
        assert row.test_std != row.test_std
        assert row.test_low != row.test_low
        assert row.among_best
        assert row.random_evaluations >= 1


def test_runs_of_one_evaluation(tmp_path: Path) -> None:
    run("random-search,regularized-evolution", seeds=8, budget="1evals", out=tmp_path)
    for row in compared(tmp_path).rows:
        assert row.queries_mean == 1
        assert [part.n for part in row.parts] == [0, 0, 8]  # nothing is finished at half of one
        assert row.course_regret != row.course_regret


def test_identical_runs_are_all_best(tmp_path: Path) -> None:
    """Two evaluations of a strategy whose settings change nothing within two evaluations."""
    run("workers:Same", seeds=6, budget="2evals", out=tmp_path)
    run("workers:Same", seeds=6, budget="2evals", out=tmp_path, experiment_seed=1)
    comparison = compared(tmp_path)
    assert all(row.among_best for row in comparison.rows)
    assert all(
        pair.corrected == 1 for block in comparison.blocks for pair in block.pairs["cifar10"]
    )
    (family,) = comparison.families
    assert family.standings.ranks.tolist() == [1.5, 1.5]


def test_a_strategy_that_always_fails_stands_beside_one_that_does_not(tmp_path: Path) -> None:
    run("workers:Fails,random-search", seeds=4, budget="5evals", out=tmp_path)
    comparison = compared(tmp_path)
    failed = [row for row in comparison.rows if row.strategy == "workers:Fails"]
    assert all((row.n, row.failed, row.among_best) == (0, 4, False) for row in failed)
    assert any("4 of 4 runs failed" in note for note in comparison.notes)


def test_nothing_but_failures_is_a_comparison_of_nothing(tmp_path: Path) -> None:
    run("workers:Fails", seeds=4, budget="5evals", out=tmp_path)
    assert {row.n for row in compared(tmp_path).rows} == {0}


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

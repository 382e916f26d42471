"""Flat files of runs: their values are those of the frames and of the table."""

import csv
import shutil
from pathlib import Path

import numpy as np
import pandas
import pytest
from tables import installed
from typer.testing import CliRunner

from nasbench.benchmarks.catalogue import load_table
from nasbench.benchmarks.tables.costs import per_architecture
from nasbench.cli.app import app
from nasbench.errors import InvalidInput, StoreError
from nasbench.harness.execution.run import run
from nasbench.harness.results import export as exporting
from nasbench.harness.results.export import export
from nasbench.harness.results.inventory import inventory
from nasbench.harness.results.load import load_results
from nasbench.harness.results.manage import rename

SCHEMA1 = Path(__file__).parents[1] / "schema1"
"""Runs of an earlier version: of a table, of training, of shared weights."""


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory, synthetic_data: Path) -> Path:
    """Searches of two data sets, by protocols that report different ones."""
    folder = tmp_path_factory.mktemp("export")
    with installed(synthetic_data):
        both = "random-search,regularized-evolution"
        run(both, seeds=4, budget="20evals", out=folder, workers=1)
        run("random-search", seeds=2, budget="8evals", datasets="cifar100", out=folder, workers=1)
    return folder


def read(path: Path) -> pandas.DataFrame:
    return pandas.read_csv(path, keep_default_na=False, na_values=[""])


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_trajectories_are_those_of_the_frames(
    results: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "_CHUNK", 30)  # several parts of each experiment
    (path,) = export(results, format=kind, what="trajectories")
    assert path == results / "export" / f"trajectories.{kind}"
    found = read(path) if kind == "csv" else pandas.read_parquet(path)
    expected = load_results(results).trajectories
    assert len(found) == 2 * 4 * 20 + 2 * 8
    for name in expected.columns:
        ours, theirs = (one[name].astype(object) for one in (found, expected))
        assert ours.isna().tolist() == theirs.isna().tolist(), name
        assert ours.dropna().tolist() == theirs.dropna().tolist(), name


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_every_kind_of_search_is_exported(tmp_path: Path, kind: str) -> None:
    """Searches of shared weights count epochs where the others count evaluations."""
    paths = export(SCHEMA1, format=kind, out=tmp_path)
    found = {path.stem: read(path) if kind == "csv" else pandas.read_parquet(path)
             for path in paths}  # fmt: skip
    expected = load_results(SCHEMA1)
    assert len(found["trajectories"]) == len(expected.trajectories)
    assert len(found["architectures"]) == len(expected.runs)
    assert set(found["best"]["strategy"]) >= {"darts", "rsps", "random-search"}


def test_the_incumbents_values_are_the_tables(results: Path) -> None:
    """Beside every evaluation stand the judge's values of the incumbent at that time."""
    (path,) = export(results, what="trajectories")
    found, table = read(path), load_table("nb201")
    cells = found["incumbent"].map(lambda text: table.space.index(table.space.parse(text)))
    for dataset in ("cifar10", "cifar100", "ImageNet16-120"):
        for split, read_final in (("test", table.test.mean), ("valid", table.test.valid_mean)):
            final = read_final(dataset, 200)
            there = found[f"{split}/{dataset}"].notna().to_numpy()
            expected = np.asarray(final)[cells[there]]
            assert found.loc[there, f"{split}/{dataset}"].tolist() == expected.tolist()
    on_cifar100 = found["experiment"].str.startswith("nb201-cifar100")
    assert found.loc[on_cifar100, "test/cifar10"].isna().all()
    assert found.loc[on_cifar100, "test/cifar100"].notna().all()


def test_architectures_are_one_row_per_run(results: Path) -> None:
    (path,) = export(results, what="architectures")
    found, expected = read(path), load_results(results).runs
    assert found["incumbent"].tolist() == expected["incumbent"].tolist()
    for name in expected.columns:
        if expected[name].dtype.kind in "iuf":
            assert found[name].fillna(-1).tolist() == expected[name].fillna(-1).tolist(), name


def test_the_best_has_the_best_validation_whatever_test_says(results: Path) -> None:
    (path,) = export(results, what="best")
    found, runs = read(path), load_results(results).runs
    assert len(found) == 3
    assert set(found["chosen_by"]) == {"signal"}
    for _, row in found.iterrows():
        mine = runs[runs["experiment"] == row["experiment"]]
        assert row["signal"] == mine["signal"].max()
        assert row["seed"] == mine.loc[mine["signal"].idxmax(), "seed"]
        assert row["runs"] == len(mine)


def test_runs_in_two_folders_are_written_once_and_names_are_safe(results: Path) -> None:
    name = inventory(results).experiments[0].name
    rename(results, name, "=HYPERLINK(0)")
    shutil.copytree(results, results / "copy")
    paths = export(results, results.parent / "flat")
    assert [path.name for path in paths] == ["trajectories.csv", "architectures.csv", "best.csv"]
    with paths[1].open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 * 4 + 2
    assert {row["display"] for row in rows} == {"", "'=HYPERLINK(0)"}


def test_several_objectives_have_no_best(tmp_path: Path) -> None:
    run(
        "random-search", benchmark="digits", objective="accuracy,loss", seeds=2, budget="6evals",
        out=tmp_path, workers=1,
    )  # fmt: skip
    paths = export(tmp_path, format="parquet")
    assert [path.stem for path in paths] == ["trajectories", "architectures"]
    assert pandas.read_parquet(paths[1])["incumbent"].isna().all()
    assert pandas.read_parquet(paths[0])["test/digits"].notna().all()


def test_what_cannot_be_exported_is_one_line(results: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="valid are trajectories, architectures, best"):
        export(results, what="runs")
    with pytest.raises(InvalidInput, match="valid are csv, parquet"):
        export(results, format="xlsx")
    with pytest.raises(StoreError, match="does not exist"):
        export(tmp_path / "none")


def test_the_command_says_what_it_wrote(results: Path) -> None:
    words = ["export", str(results), "--format", "parquet", "--what", "best,architectures"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0
    assert done.output.split() == [
        str(results / "export" / f"{name}.parquet") for name in ("best", "architectures")
    ]
    said = CliRunner().invoke(app, ["export", "-h"]).output
    assert "never chosen by test" in " ".join(said.split())


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_sets_and_constraints_are_exported(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Costs are the table's; the final set is that of the rows that nothing else dominates."""
    monkeypatch.setattr(exporting, "_CHUNK", 30)
    cost = "latency/amd-epyc"
    run("random-search,nsga2", benchmark="digits", objective="accuracy,latency", seeds=2,
        budget="25evals", out=tmp_path)  # fmt: skip
    run("random-search", benchmark="digits", constraint="latency<=0.4", seeds=2, budget="25evals",
        out=tmp_path)  # fmt: skip
    (path,) = export(tmp_path, format=kind, what="trajectories")
    found = read(path) if kind == "csv" else pandas.read_parquet(path)
    table = load_table("digits")
    column = np.asarray(table.search.latency("digits", "amd-epyc"))
    latency = np.asarray(per_architecture(column, table.rows))
    several = found[found[f"value/{cost}"].notna()]
    bounded = found[found[f"constraint/{cost}"].notna()]
    assert (len(several), len(bounded)) == (100, 50)
    assert bounded["selected"].isna().all() and not bounded.index.intersection(several.index).size
    for rows, column in ((several, f"value/{cost}"), (bounded, f"constraint/{cost}")):
        places = [table.space.index(table.space.parse(text)) for text in rows["architecture"]]
        np.testing.assert_array_equal(rows[column], latency[places])
    for _, one in several.groupby(["experiment", "seed"]):
        values = np.stack([one["value"], -one[f"value/{cost}"]], axis=1)
        better = (values[None] >= values[:, None]).all(2) & (values[None] > values[:, None]).any(2)
        front = {tuple(row) for row in values[~better.any(1)]}
        assert {tuple(row) for row in values[one["selected"] == 1]} == front
        assert set(one["selected"]) == {0, 1}


def test_a_file_without_rows_is_said_to_be_missing(tmp_path: Path) -> None:
    run("random-search", benchmark="digits", objective="accuracy,latency", seeds=1,
        budget="5evals", out=tmp_path)  # fmt: skip
    done = CliRunner().invoke(app, ["export", str(tmp_path), "--what", "best"])
    assert done.exit_code == 0 and done.stdout == ""
    assert "'best' has no row and is not written: it is of finished searches" in done.stderr

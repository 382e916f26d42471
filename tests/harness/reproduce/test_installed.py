"""Which rows of published tables are run depends on the installed table."""

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import t
from typer.testing import CliRunner

from nasbench.benchmarks.sources.official import import_official
from nasbench.benchmarks.tables.columns import Series, after_epoch
from nasbench.benchmarks.tables.info import Quantity, Split, TableInfo
from nasbench.benchmarks.tables.table import Table
from nasbench.cli.app import app
from nasbench.harness.audit import audit
from nasbench.harness.reproduce import Reproduction, reproduce, reproductions
from nasbench.harness.reproduce.published_table import PublishedTable, load_published
from nasbench.harness.reproduce.reproduction import ONE_FIDELITY
from nasbench.harness.results.load import load_results
from tests.benchmarks import synthetic

CELLS = 423_624
SIZE = 15_625
SEEDS = 6
Short = Callable[..., PublishedTable]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty data folder."""
    monkeypatch.setenv("NASBENCH_DATA", str(tmp_path / "data"))
    return tmp_path / "data" / "tables"


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> Short:
    """Let a published table have few seeds, and perhaps only some of its rows."""

    def shorten(name: str, *rows: str) -> PublishedTable:
        paper = load_published(name)
        kept = tuple(row for row in paper.rows if not rows or row.name in rows)
        paper = replace(paper, seeds=f"0-{SEEDS - 1}", quick_seeds="0-3", rows=kept)
        for module in ("reproduce.rerun", "audit.published"):
            monkeypatch.setattr(f"nasbench.harness.{module}.load_published", lambda _: paper)
        return paper

    return shorten


def nb101(*, valid: bool) -> Table:
    """A table of all cells of NAS-Bench-101 with made-up numbers, perhaps without validation."""
    random = np.random.default_rng(0)
    test = random.uniform(80, 94.3, CELLS)
    known = {Split.TEST: test}
    if valid:
        known[Split.VALID] = np.clip(test + random.normal(0, 0.3, CELLS), 0, 100)
    columns = {
        after_epoch(Series("cifar10", split, Quantity.ACCURACY, 108), 108, None): numbers
        for split, numbers in known.items()
    }
    info = TableInfo(
        name="nb101", title="made up", space="nb101", rows=CELLS, cells=CELLS, licence="MIT",
        columns=tuple(columns),
    )  # fmt: skip
    return Table.from_columns(info, {one.name: array for one, array in columns.items()})


def official(folder: Path, cells: int = 200) -> Table:
    """A table of all cells as imported from official files, whose curves only some cells have.

    The files' cells have the same numbers, to which noise is added; the others repeat them.
    """
    path = folder / "NAS-Bench-201-v1_1-096897.pth"
    made = synthetic.chunks(cells, epochs=(12, 200), seeds=(777,))
    table = import_official(synthetic.write_legacy_torch(path, made), "nb201")
    random, columns = np.random.default_rng(0), {}
    for column in table.info.columns:
        array = np.array(table._read(column.name))
        if column.quantity == Quantity.ACCURACY:
            noise = random.normal(0, 4, (len(array), *[1] * (array.ndim - 1)))
            array = np.clip(array + noise, 0, 100)
        columns[column.name] = array
    columns["rows"] = (np.arange(SIZE) % cells).astype(columns["rows"].dtype)
    info = table.info.model_copy(update={"cells": SIZE})
    return Table.from_columns(info, columns)


def test_nothing_is_run_or_written_without_the_table(data: Path, tmp_path: Path) -> None:
    """The sample and the table of test values cannot stand in, which is said."""
    found = reproduce("nb101", out=tmp_path / "results")
    assert not found.ran
    assert not (tmp_path / "results").exists()
    (reason,) = {row.remark for row in found.rows if row.row in ("Random search", "Local search")}
    assert "table 'nb101' is not installed: run `nasbench data fetch nb101`; needed is" in reason
    assert "nb101-test has none, nb101-20k is a sample" in reason
    assert found.summary == "nb101: 10 not run"
    told = CliRunner().invoke(app, ["reproduce", "nb101", "--out", str(tmp_path / "results")])
    assert told.exit_code == 1
    assert "5.923" in told.stdout
    assert not (tmp_path / "results").exists()


def test_nothing_is_run_on_a_table_without_validation(data: Path, tmp_path: Path) -> None:
    nb101(valid=False).save(data / "nb101.safetensors")
    found = reproduce("nb101", out=tmp_path / "results")
    assert not found.ran
    (reason,) = {row.remark for row in found.rows if row.row == "Random search"}
    assert reason.startswith("table 'nb101' has no values of validation to search on")


def test_errors_of_nas_bench_101(data: Path, tmp_path: Path, short: Short) -> None:
    """150 evaluations each; errors are 100 minus the accuracies of the answers' cells."""
    nb101(valid=True).save(data / "nb101.safetensors")
    short("nb101")
    found = reproduce("nb101", out=tmp_path, workers=1)
    (stored,) = reproductions(tmp_path).values()
    assert stored == found
    assert json.loads((tmp_path / "nb101" / "reproduction.json").read_text())["rule"] == 2
    run_here = {row.row: row for row in found.rows if row.mean is not None}
    assert {"Random search", "Regularized evolution", "Local search"} <= set(run_here)
    trajectories = load_results(tmp_path / "nb101" / "runs").trajectories
    assert set(trajectories.groupby(["strategy", "seed"]).size()) == {150}
    truth = nb101(valid=True).test.mean("cifar10")
    for row in run_here.values():
        errors = 100 - truth[list(row.cells)]
        assert row.mean == pytest.approx(errors.mean())
        assert row.std == pytest.approx(errors.std(ddof=1))
        assert row.published_std is row.verdict is row.spread is None
    one = run_here["Random search"]
    assert one.mean is not None
    assert one.std is not None
    half = t.ppf(0.975, SEEDS - 1) * one.std / math.sqrt(SEEDS)
    difference = one.mean - 6.341
    text = (tmp_path / "nb101" / "reproduction.md").read_text()
    interval = f"\\[{difference - half:+.3f}, {difference + half:+.3f}\\]"
    assert f"| Random search | numbers only | 6.341 | {one.mean:.3f} ± {one.std:.3f} " in text
    assert f"{difference:+.3f} {interval}" in text
    assert "test error (%)" in text
    assert "margin:" not in text
    assert audit(tmp_path).faults == ()
    path = tmp_path / "nb101" / "reproduction.json"
    for suffix in ("md", "tex"):
        path.with_suffix(f".{suffix}").unlink()  # what they say would be a fault of its own
    changed = json.loads(path.read_text())
    changed["rows"][0]["mean"] = 100 - changed["rows"][0]["mean"]
    path.write_text(json.dumps(changed))
    assert any("Random search on cifar10.mean" in one.what for one in audit(tmp_path).faults)


def bohb_of(found: Reproduction) -> set[tuple[int, str]]:
    return {(row.runs, row.remark) for row in found.rows if row.row == "BOHB"}


@pytest.mark.parametrize("name", ["nb201-paper", "nats-bench"])
def test_bohb_runs_where_the_curves_are(
    data: Path, tmp_path: Path, short: Short, name: str
) -> None:
    """Rungs of 1, 4 and 12 of the 12 epochs, each charged from the first epoch on.

    Brackets of 9, 3 and 3 architectures as in the authors' library (hpbandster), where the budgets
    1.33, 4 and 12 are cut to whole epochs. The made-up files have 7.25 + 1/3 s for an epoch and
    2.5 + 1/7 s for a validation.
    """
    table = official(tmp_path)
    table.save(data / "nb201.safetensors")
    paper = short(name, "BOHB")
    (row,) = paper.rows
    settings = {"samples": 4, "random_fraction": 0.0, "bandwidth_factor": 3.0}
    assert row.settings == {**settings, "least_bandwidth": 0.3}
    found = reproduce(name, out=tmp_path / "out", workers=1)
    assert bohb_of(found) == {(SEEDS, row.explanation)}
    stored = load_results(tmp_path / "out" / name / "runs")
    assert {one.experiment.task.promotion for one in stored.experiments} == {"restart"}
    brackets = [*[1] * 9, *[4] * 3, 12, *[4] * 3, 12, *[12] * 3]
    assert {one.experiment.task.query.dataset for one in stored.experiments} == set(paper.searched)
    for _, run in stored.trajectories.groupby(["experiment", "seed"]):
        epochs = run["fidelity"].to_numpy()
        assert epochs[:20].tolist() == brackets
        assert set(epochs) == {1, 4, 12}
        costs = np.diff(run["simulated_seconds"], prepend=0)
        assert costs == pytest.approx(epochs * (7.25 + 1 / 3) + 2.5 + 1 / 7)
    assert audit(tmp_path / "out").faults == ()


@pytest.mark.usefixtures("synthetic_nb201")
def test_bohb_is_not_run_where_there_is_one_number_of_epochs(tmp_path: Path, short: Short) -> None:
    """The other rows are; no one can say so of a row whose strategy has no rungs."""
    short("nb201-paper", "RS", "BOHB")
    found = reproduce("nb201-paper", out=tmp_path, workers=1)
    assert bohb_of(found) == {(0, ONE_FIDELITY)}
    assert [row.runs for row in found.rows if row.row == "RS"] == [SEEDS] * 3
    assert audit(tmp_path).faults == ()
    assert any(ONE_FIDELITY in one.what for one in audit(tmp_path).findings)
    path = tmp_path / "nb201-paper" / "reproduction.json"
    changed = json.loads(path.read_text())
    (bohb,) = (
        one for one in changed["rows"] if (one["row"], one["dataset"]) == ("BOHB", "cifar10")
    )
    (rs,) = (one for one in changed["rows"] if (one["row"], one["dataset"]) == ("RS", "cifar10"))
    bohb["remark"] = "we did not like it"
    rs.update(mean=None, std=None, runs=0, verdict=None, spread=None, cells=[], remark=ONE_FIDELITY)
    path.write_text(json.dumps(changed))
    told = " ".join(one.what for one in audit(tmp_path).faults)
    assert "BOHB on cifar10: 0 architectures" in told
    assert "RS on cifar10: 0 architectures" in told

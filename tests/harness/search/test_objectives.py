"""Searching for another metric than accuracy: less may be better, and its unit is not percent."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from nasbench.benchmarks.catalogue import load_table
from nasbench.benchmarks.tables.info import Quantity
from nasbench.benchmarks.tables.table import Table
from nasbench.errors import InvalidInput
from nasbench.harness.audit import audit
from nasbench.harness.compare import compare
from nasbench.harness.compare.comparison import Block
from nasbench.harness.compare.figures.plots import regret_lines
from nasbench.harness.execution.run import run
from nasbench.harness.report import report
from nasbench.harness.results.load import load_results
from nasbench.harness.results.records import to_rows
from nasbench.harness.results.store import ExperimentFolder, experiments, open_folder
from nasbench.harness.search.runner import Runner
from nasbench.problem import LOSS, Metric

SEEDS = 12
STRATEGIES = "random-search,regularized-evolution"


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Make searches of a table whose loss is 100 - accuracy, for either, with the same draws.

    More of the one is less of the other: whoever minimises the loss does what maximises accuracy.
    """
    folder = tmp_path_factory.mktemp("mirror")
    digits = load_table("digits")
    data = {column.name: digits._read(column.name) for column in digits.info.columns}
    for column in digits.info.columns:
        if column.quantity == Quantity.ACCURACY:
            data[column.name.replace("/accuracy/", "/loss/")] = 100 - data[column.name]
    info = digits.info.model_copy(update={"name": "mirror"})
    Table.from_columns(info, data).save(folder / "mirror.safetensors")
    run(STRATEGIES, seeds=SEEDS, benchmark=folder / "mirror.safetensors", out=folder / "max")
    for one in experiments(folder / "max"):
        turned = replace(one.experiment, task=replace(one.experiment.task, objectives=(LOSS,)))
        runner = Runner(turned)
        rows = to_rows(turned, [runner.run(seed) for seed in range(SEEDS)])
        open_folder(folder / "min", turned).append(rows)
    return folder / "max", folder / "min"


def blocks(both: tuple[Path, Path]) -> tuple[Block, Block]:
    (more,), (less,) = (compare(folder).blocks for folder in both)
    return more, less


TURNED = ("signal_mean", "valid_mean", "valid_median", "test_mean", "test_median", "test_iqm",
          "target")  # fmt: skip
SWAPPED = ("test", "test_median", "test_iqm")
SAME = (
    "n", "valid_std", "test_std", "regret_mean", "regret_median", "valid_regret_mean",
    "normalised_regret_mean", "percentile_mean", "random_evaluations", "random_evaluations_low",
    "random_evaluations_high", "course_regret", "course_end", "reached",
    "reached_simulated_seconds_median", "reached_simulated_seconds_expected",
    "reached_evaluations_median", "evaluations_mean", "among_best",
    "testable", "worse_than", "p_value", "superiority", "detectable_superiority",
    "detectable_difference",
)  # fmt: skip


def near(value: float) -> object:
    return pytest.approx(value, abs=2e-4, rel=1e-6, nan_ok=True)  # 100 - x in single precision


def test_a_loss_is_compared_as_its_mirror_image_is(both: tuple[Path, Path]) -> None:
    """All that is said of values is turned; all that is said of regrets, tests and times is not."""
    more, less = blocks(both)
    assert [row.label for row in more.rows] == [row.label for row in less.rows]
    for one, other in zip(more.rows, less.rows, strict=True):
        there, here = one.to_json(), other.to_json()
        for name in TURNED:
            assert here[name] == near(100 - there[name]), name
        for name in SWAPPED:
            assert here[f"{name}_low"] == near(100 - there[f"{name}_high"]), name
            assert here[f"{name}_high"] == near(100 - there[f"{name}_low"]), name
        for name in SAME:
            same = there[name]
            assert here[name] == (same if isinstance(same, str) else near(same)), name
        for part, mirrored in zip(one.parts, other.parts, strict=True):
            assert mirrored.test == (
                near(100 - part.test.value), near(100 - part.test.high), near(100 - part.test.low)
            )  # fmt: skip
            assert (mirrored.n, mirrored.p_value) == (part.n, near(part.p_value))
        assert (here["metric"], here["direction"], here["unit"]) == ("loss", "min", "nats")
    for one, other in zip(more.references, less.references, strict=True):
        assert (other.reference, other.regret_mean) == (one.reference, near(one.regret_mean))
        assert (other.test_mean, other.test_std) == (near(100 - one.test_mean), near(one.test_std))
        assert other.evaluations_mean == near(one.evaluations_mean)
    for first, second in zip(more.pairs_json(), less.pairs_json(), strict=True):
        assert second["difference"] == near(-first["difference"])
        assert (second["p_value"], second["superiority"]) == (
            near(first["p_value"]), near(first["superiority"])
        )  # fmt: skip


def test_curves_of_a_loss_are_those_of_its_mirror_image(both: tuple[Path, Path]) -> None:
    more, less = blocks(both)
    for clock in ("seconds", "evaluations"):
        ((_, upper),), ((_, lower),) = (list(regret_lines(one, clock)) for one in (more, less))
        assert len(upper) == 3  # the expected random search too
        for line, mirrored in zip(upper, lower, strict=True):
            for name in ("grid", "centre", "low", "high"):
                np.testing.assert_allclose(
                    getattr(mirrored.curve, name), getattr(line.curve, name), atol=2e-4
                )


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make searches for the loss of the bundled table as a user does."""
    folder = tmp_path_factory.mktemp("loss") / "results"
    run(STRATEGIES, seeds=SEEDS, benchmark="digits", objective="loss", out=folder)
    return folder


def test_incumbents_have_the_least_validation_loss(results: Path) -> None:
    """And the judge reads the mean of the last epoch's losses of both seeds, from the columns."""
    table = load_table("digits")

    def index(text: str) -> int:
        return table.space.index(table.space.parse(text))

    (rows,) = (table.rows,)
    curves = {
        split: np.mean(
            [table._read(f"digits/{split}/hp15/curve/loss/seed{seed}")[:, -1].astype(float)
             for seed in (0, 1)], axis=0,
        )[rows]
        for split in ("valid", "test")
    }  # fmt: skip
    for one in experiments(results):
        for row in one.read().to_pylist():
            best, steps = np.inf, []
            for step, loss in enumerate(row["value/loss"]):
                if loss < best:
                    best, steps = loss, [*steps, step]
            assert row["incumbents"] == steps
            cells = [index(row["architecture"][step]) for step in steps]
            for split, truth in curves.items():
                assert row[f"{split}/digits/loss"] == truth[cells].tolist()
    (block,) = compare(results).blocks
    optimum = next(one for one in block.references if one.reference == "optimum")
    assert optimum.test_mean == np.nanmin(curves["test"])
    mean = next(one for one in block.references if one.reference == "mean architecture")
    assert mean.test_mean == pytest.approx(np.nanmean(curves["test"]))
    for row in block.rows:  # percent better than the mean architecture, by its definition
        final = load_results(results).runs.query(f"strategy == '{row.experiment.strategy}'")[
            "test/digits"
        ]
        better = 100 * (np.nanmean(curves["test"]) - final) / np.nanmean(curves["test"])
        assert row.in_table.improvement == pytest.approx(better.mean())
        assert row.in_table.regret == pytest.approx(final.mean() - np.nanmin(curves["test"]))


@pytest.mark.usefixtures("no_pdfs")
def test_the_audit_finds_nothing(results: Path) -> None:
    compare(results, out=results / "comparison")
    found = audit(results, replays=4, seed=0)
    assert found.faults == ()
    assert found.replayed == 4


def change(folder: ExperimentFolder, name: str, values: dict[int, float]) -> None:
    """Store a run with other values, everything that is hashed made anew."""
    table = folder.read()
    rows = table.to_pylist()
    for place, value in values.items():
        rows[0][name][place] = value
    for path in folder.path.glob("runs-*.parquet"):
        path.unlink()
    folder.append(pa.Table.from_pylist(rows, schema=table.schema))


@pytest.mark.parametrize(
    ("column", "check"), [("value/loss", "answers"), ("test/digits/loss", "finals")]
)
def test_the_audit_finds_a_better_loss(
    results: Path, tmp_path: Path, column: str, check: str
) -> None:
    run("random-search", seeds=2, benchmark="digits", objective="loss", out=tmp_path)
    (folder,) = experiments(tmp_path)
    row = folder.read().to_pylist()[0]
    place = len(row[column]) - 1
    change(folder, column, {place: 0.9 * row[column][place]})
    assert check in {one.check for one in audit(tmp_path).faults}


def test_the_page_speaks_of_the_loss(results: Path, tmp_path: Path) -> None:
    page = report(results, tmp_path / "report.html").read_text()
    assert "has the best mean test loss, 0.2" in page
    assert "test loss regret (nats)" in page
    assert "% points" not in page


def test_target_and_patience_follow_the_direction(tmp_path: Path) -> None:
    run("random-search", seeds=3, benchmark="digits", objective="loss", target_regret=0.1,
        out=tmp_path / "target")  # fmt: skip
    best = np.nanmin([load_table("digits").search.after("loss", "digits", 15, 5, seed)
                      for seed in (0, 1)])  # fmt: skip
    (folder,) = experiments(tmp_path / "target")
    for row in folder.read().to_pylist():
        seen = row["value/loss"]
        if row["stop"] == "target":
            assert seen[-1] <= best + 0.1 < min([*seen[:-1], np.inf])
        else:
            assert min(seen) > best + 0.1
    run("random-search", seeds=3, benchmark="digits", objective="loss", patience=5,
        out=tmp_path / "patience")  # fmt: skip
    (folder,) = experiments(tmp_path / "patience")
    for row in folder.read().to_pylist():
        assert row["stop"] == "patience"
        assert len(row["value/loss"]) - row["incumbents"][-1] == 6


@pytest.mark.usefixtures("no_pdfs")
def test_both_objectives_make_blocks_of_their_own(results: Path, tmp_path: Path) -> None:
    for objective in ("accuracy", "loss"):
        run("random-search", seeds=2, benchmark="digits", objective=objective, out=tmp_path)
    comparison = compare(tmp_path, out=tmp_path / "comparison")
    assert [block.task.metric.name for block in comparison.blocks] == ["accuracy", "loss"]
    (folder,) = (tmp_path / "comparison").glob("*objective-loss")
    text = (folder / "results.md").read_text()
    assert "Final incumbents, loss (nats)" in text
    assert "accuracy" not in text
    assert "points" not in text
    with pytest.raises(Exception, match="objectives: accuracy vs loss"):
        compare(tmp_path, merge=True)


def test_what_accuracy_alone_made_is_stored_as_before(tmp_path: Path) -> None:
    run("random-search", seeds=1, benchmark="digits", out=tmp_path)
    (folder,) = experiments(tmp_path)
    assert "objectives" not in folder.experiment.to_json()["task"]
    run("random-search", seeds=1, benchmark="digits", objective="loss", out=tmp_path / "loss")
    (other,) = experiments(tmp_path / "loss")
    stored = json.loads((other.path / "experiment.json").read_text())
    assert stored["experiment"]["task"]["objectives"] == [
        {"name": "loss", "direction": "min", "unit": "nats", "low": 0.0}
    ]
    assert other.experiment.task.objectives == (LOSS,)
    assert other.experiment.entropy != folder.experiment.entropy


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            {"objective": "perplexity"},
            "objective 'perplexity': table 'digits' has accuracy, loss, ",
        ),
        ({"objective": "loss", "strategies": "darts"}, "accuracy of shared weights"),
        ({"objective": "loss", "benchmark": "train:nb201", "budget": "2evals"}, "by its accuracy"),
    ],
)
def test_objectives_that_cannot_be(options: dict[str, str], words: str, tmp_path: Path) -> None:
    asked = {"strategies": "random-search", "benchmark": "digits", **options}
    with pytest.raises(InvalidInput, match=words):
        run(seeds=1, out=tmp_path, **asked)


@pytest.mark.parametrize(
    "metric", [Metric("x", "max", "%", 0, 100), Metric("y", "min", "ms"), LOSS, Metric("z", "min")]
)
def test_the_score_of_a_score_is_the_value(metric: Metric) -> None:
    values = np.array([0.0, 1.5, 99.0])
    np.testing.assert_array_equal(metric.score(metric.score(values)), values)
    better = max if metric.direction == "max" else min
    assert values[np.argmax(metric.score(values))] == better(values)


def reworded(folder: ExperimentFolder, **changes: object) -> None:
    """Say that the objective is another metric."""
    path = folder.path / "experiment.json"
    content = json.loads(path.read_text())
    content["experiment"]["task"]["objectives"][0] |= changes
    path.write_text(json.dumps(content))


@pytest.mark.parametrize(
    "changes", [{"direction": "max"}, {"unit": "%"}, {"low": -5.0}, {"high": 1e9}]
)
def test_the_audit_knows_the_tables_metrics(tmp_path: Path, changes: dict[str, object]) -> None:
    run("random-search", seeds=1, benchmark="digits", objective="loss", out=tmp_path, name="mine")
    (folder,) = experiments(tmp_path)
    reworded(folder, **changes)
    assert any("other directions, units or bounds" in one.what for one in audit(tmp_path).faults)


def test_a_metric_that_no_table_has_is_one_line(tmp_path: Path) -> None:
    """Nothing is computed of the table, and nothing ends in a traceback."""
    run("random-search", seeds=2, benchmark="digits", objective="loss", out=tmp_path, name="mine")
    (folder,) = experiments(tmp_path)
    table = folder.read()
    names = [name.replace("loss", "foo") for name in table.column_names]
    for path in folder.path.glob("runs-*.parquet"):
        path.unlink()
    reworded(folder, name="foo")
    (folder,) = experiments(tmp_path)
    folder.append(table.rename_columns(names))
    (block,) = compare(tmp_path).blocks
    assert any("no regrets and no reference rows" in note for note in block.notes)
    assert any("objective 'foo'" in one.what for one in audit(tmp_path).faults)

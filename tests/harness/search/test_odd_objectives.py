"""Odd input for several objectives, from the search to the report: right, or one clear line."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import moocore
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import nasbench
from nasbench.cli.app import app
from nasbench.errors import InvalidInput
from nasbench.harness.audit import audit
from nasbench.harness.compare import compare
from nasbench.harness.execution.run import run
from nasbench.harness.fronts import exact_fronts, front_task
from nasbench.harness.report import report
from nasbench.harness.results.store import experiments
from nasbench.problem import ACCURACY, Metric

BY_DOMINANCE = ("nsga2", "sms-emoa", "mo-rea", "pareto-local-search")
EVERY = ("random-search", "parego", *BY_DOMINANCE)
NUMBER = 30
F1 = Metric("f1", "max", "", -1.0, 1.0)
ERROR = Metric("error", "min", "points", 0.0)


def numbers() -> pd.DataFrame:
    """Networks with accuracies, and costs that are no function of them."""
    generator = np.random.default_rng(1)
    accuracy = generator.uniform(60, 90, NUMBER)
    return pd.DataFrame(
        {
            "index": 7 * np.arange(NUMBER), "epochs": 4, "seconds": 1.0,
            "valid_accuracy": accuracy,
            "test_accuracy": np.clip(accuracy + generator.normal(0, 2, NUMBER), 0, 100),
            "latency/x": generator.uniform(1, 9, NUMBER),
            "params": generator.integers(10**5, 10**6, NUMBER),
        }
    )  # fmt: skip


def saved(
    folder: Path,
    frame: pd.DataFrame,
    metrics: Sequence[Metric] = (ACCURACY,),
    space: str = "nb201",
) -> str:
    table = nasbench.table_from_frame(frame, name="odd", space=space, metrics=metrics)
    table.save(folder / "odd.safetensors")
    return str(folder / "odd.safetensors")


def searched(table: str, objective: str, folder: Path, strategies: Sequence[str] = EVERY) -> Path:
    """Search, compare, audit and report; return the folder of results."""
    out = folder / "results"
    run(list(strategies), seeds=3, benchmark=table, budget="25evals", objective=objective,
        out=out, workers=1)  # fmt: skip
    compare(out, out=out / "comparison")
    assert audit(out, replays=4).faults == ()
    assert report(out, out / "report.html").exists()
    return out


def refused(words: Sequence[str]) -> str:
    """Run a command line that is refused, which is one line and exit code 2; return the line."""
    result = CliRunner().invoke(app, list(words))
    assert isinstance(result.exception, InvalidInput)  # `test_entry.py`: how it is shown
    line = str(result.exception)
    assert "\n" not in line
    return line


@pytest.mark.parametrize(
    ("table", "objective", "words"),
    [
        ("digits", "accuracy,accuracy", "one is named twice"),
        ("digits", "accuracy,latency,latency:amd-epyc", "one is named twice"),
        ("digits", "accuracy,latency@other", "only tables of one space are joined"),
        ("digits", "latency,accuracy", "is a cost of the network: name a metric of its training"),
        ("odd", "accuracy,latency", "no architecture of table 'odd' has a number of it"),
        ("odd", "accuracy,energy", "table 'odd' has accuracy"),
    ],
)
@pytest.mark.parametrize("command", ["run", "show"])
def test_what_cannot_be_is_one_line(
    table: str, objective: str, words: str, command: str, tmp_path: Path,
) -> None:  # fmt: skip
    if table == "odd":
        table = saved(tmp_path, numbers().assign(**{"latency/x": np.nan}))
    if objective.endswith("@other"):
        objective = objective.replace("other", saved(tmp_path, numbers(), space="nb101-5v"))
    asked = {
        "run": ["run", "-s", "nsga2", "--benchmark", table, "--out", str(tmp_path / "results"),
                "--budget", "9evals", "--seeds", "1"],
        "show": ["show", table, "--front"],
    }[command]  # fmt: skip
    assert words in refused([*asked, "--objective", objective])
    assert not (tmp_path / "results").exists()


def test_a_list_with_one_objective_twice(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="one is named twice"):
        run("nsga2", seeds=1, benchmark="digits", objective=["accuracy", "accuracy"], out=tmp_path)


@pytest.mark.parametrize("name", [*BY_DOMINANCE, "parego"])
def test_one_objective_is_searched_alone(name: str, tmp_path: Path) -> None:
    """The answer is the best evaluation, and better than that of random search on average."""
    run([name, "random-search"], seeds=20, benchmark="digits", budget="150evals",
        out=tmp_path, workers=1, signal="mean")  # fmt: skip
    for folder in experiments(tmp_path):
        for row in folder.read().to_pylist():
            values = row["value/accuracy"]
            assert row["incumbents"][-1] == int(np.argmax(values))
            assert "selected" not in row
    row, random = (
        next(one for one in compare(tmp_path).rows if one.experiment.strategy == each)
        for each in (name, "random-search")
    )
    assert row.finals.signal > random.finals.signal


@pytest.mark.parametrize(("number", "names"), [(1, "accuracy"), (3, "accuracy,latency,params")])
def test_a_strategy_of_two_objectives_says_so(number: int, names: str, tmp_path: Path) -> None:
    line = refused(["run", "-s", "ehvi", "--objective", names, "--out", str(tmp_path / "results")])
    assert f"searches exactly 2 objectives, and this search has {number}" in line


@pytest.mark.usefixtures("no_pdfs")
def test_all_values_equal(tmp_path: Path) -> None:
    """The first evaluation is the whole front, whoever asked for it."""
    equal = numbers().assign(
        valid_accuracy=80.0, test_accuracy=80.0, params=1000, **{"latency/x": 2.0}
    )
    out = searched(saved(tmp_path, equal), "accuracy,latency,params", tmp_path)
    for folder in experiments(out):
        assert all(row["selected"] == [0] for row in folder.read().to_pylist())
    block = compare(out).blocks[0]
    assert all(row.finals.test == (100, 100, 100) for row in block.rows)
    assert all(one.members.mean == 1 for one in block.sets)
    assert all(one.test_mean == pytest.approx(100) for one in block.references)


@pytest.mark.usefixtures("no_pdfs")
def test_one_objective_is_the_same_for_all(tmp_path: Path) -> None:
    """A set is then the best architecture in the other."""
    flat = numbers().assign(**{"latency/x": 2.0})
    out = searched(saved(tmp_path, flat), "accuracy,latency", tmp_path)
    for folder in experiments(out):
        for row in folder.read().to_pylist():
            assert row["selected"] == [int(np.argmax(row["value/accuracy"]))]


@pytest.mark.usefixtures("no_pdfs")
def test_costs_that_are_not_known(tmp_path: Path) -> None:
    """Architectures without one fail: they are asked for and charged, and never in a set."""
    frame = numbers()
    frame.loc[::2, "latency/x"] = np.nan
    table = saved(tmp_path, frame)
    front = exact_fronts(front_task(table, None, "accuracy,latency")).signal
    assert (front.known, len(front.scores)) == (NUMBER // 2, NUMBER)
    assert (front.members % 2 == 1).all()
    out = searched(table, "accuracy,latency", tmp_path)
    for folder in experiments(out):
        for row in folder.read().to_pylist():
            told = np.array(row["value/latency/x"])
            assert np.isnan(told).any()
            assert np.isfinite(told[row["selected"]]).all()
    expected = next(one for one in compare(out).blocks[0].references if one.evaluations_mean > 0)
    assert 0 < expected.test_mean < 100


@pytest.mark.usefixtures("no_pdfs")
def test_some_are_better_large_and_some_small(tmp_path: Path) -> None:
    """Two that are maximised, one a million times larger that is minimised: sets by moocore."""
    generator = np.random.default_rng(2)
    f1, error = generator.uniform(-1, 1, NUMBER), generator.uniform(0, 1e6, NUMBER)
    frame = numbers().assign(valid_f1=f1, test_f1=f1, valid_error=error, test_error=error)
    table = saved(tmp_path, frame, (ACCURACY, F1, ERROR))
    out = searched(table, "f1,error,accuracy", tmp_path)
    signs = [True, False, True]
    for folder in experiments(out):
        for row in folder.read().to_pylist():
            names = ("value/f1", "value/error", "value/accuracy")
            told = np.column_stack([row[name] for name in names])
            kept = moocore.is_nondominated(told, maximise=signs)  # of equal ones the first
            assert row["selected"] == np.flatnonzero(kept).tolist()
    whole = exact_fronts(front_task(table, None, "f1,error,accuracy")).test["odd"]
    values = np.column_stack((f1, error, frame["test_accuracy"]))
    every = moocore.is_nondominated(values, maximise=signs, keep_weakly=True)
    assert sorted(whole.members) == np.flatnonzero(every).tolist()


def measures(table: str, out: Path) -> list[float]:
    """Return the measures of one row, and those of random search, on a table."""
    run("random-search", seeds=3, benchmark=table, budget="25evals", objective="accuracy,params",
        out=out, workers=1)  # fmt: skip
    block = compare(out).blocks[0]
    front = block.known_sets.fronts.test["odd"]  # type: ignore[union-attr]
    quality = front.quality(front.scores[[3, 8, 21]])
    found: list[Any] = [quality.hypervolume, quality.igd_plus, quality.epsilon, quality.share]
    for one in block.references:
        found += [one.signal_mean, one.valid_mean, one.test_mean, one.test_std]
    return found


def test_scales_do_not_matter(tmp_path: Path) -> None:
    """The same costs in millionths, and far from zero: all measures are the same."""
    usual = measures(saved(tmp_path, numbers()), tmp_path / "usual")
    small = numbers()
    small["params"] = small["params"] * 10**6
    (tmp_path / "small").mkdir()
    again = measures(saved(tmp_path / "small", small), tmp_path / "small" / "results")
    assert again == pytest.approx(usual, rel=1e-9, nan_ok=True)


@pytest.mark.usefixtures("no_pdfs")
def test_four_objectives(tmp_path: Path) -> None:
    """They are searched, stored and shown; what needs a hypervolume is not there, and said."""
    names, four = ("random-search", "nsga2", "mo-rea"), "accuracy,f1,latency,params"
    f1 = np.random.default_rng(3).uniform(-1, 1, NUMBER)
    table = saved(tmp_path, numbers().assign(valid_f1=f1, test_f1=f1), (ACCURACY, F1))
    out = searched(table, four, tmp_path, names)
    block = compare(out).blocks[0]
    assert len(block.sets) == 3
    assert block.rows == block.references == ()
    assert any("no hypervolume: the hypervolume of 4 objectives" in note for note in block.notes)
    shown = CliRunner().invoke(app, ["show", table, "--front", "--objective", four])
    assert shown.exit_code == 0
    assert "of 30 architectures" in shown.output
    asked = ["run", "-s", "sms-emoa", "--benchmark", table, "--objective", four]
    line = refused([*asked, "--out", str(tmp_path / "other")])
    assert "at most 3 objectives, and this search has 4" in line


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.usefixtures("no_pdfs")
def test_spaces_of_one_and_of_two_architectures(number: int, tmp_path: Path) -> None:
    table = saved(tmp_path, numbers()[:number])
    out = searched(table, "accuracy,latency", tmp_path)
    for row in compare(out).blocks[0].rows:
        assert 0 < row.finals.signal <= 100 + 1e-9

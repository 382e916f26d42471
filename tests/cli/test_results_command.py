"""`nasbench results`: what is said, asked and refused."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tables import installed
from typer.testing import CliRunner

from nasbench.benchmarks.frames import table_from_frame
from nasbench.cli.app import app, main
from nasbench.harness.execution.run import run
from nasbench.harness.results.inventory import inventory
from nasbench.harness.results.load import load_results


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory, synthetic_data: Path) -> Path:
    folder = tmp_path_factory.mktemp("commands")
    with installed(synthetic_data):
        run("random-search,reinforce", seeds=3, budget="8evals", out=folder, workers=1)
    return folder


def call(*words: str, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(sys, "argv", ["nasbench", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_both_lists_are_the_same(
    results: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("results", "list", str(results), monkeypatch=monkeypatch) == 0
    first = capsys.readouterr().out
    assert call("list", "results", str(results), monkeypatch=monkeypatch) == 0
    assert capsys.readouterr().out == first
    assert first.splitlines()[-1] == "2 experiments, 6 runs"
    assert call("list", "results", str(results), "--all", monkeypatch=monkeypatch) == 0
    assert "hidden=35" in capsys.readouterr().out
    assert "hidden=35" not in first


def test_show_says_what_the_best_run_was_chosen_by(
    results: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    name = inventory(results).experiments[1].name
    assert call("results", "show", str(results), name, monkeypatch=monkeypatch) == 0
    out = capsys.readouterr().out
    for said in ("35  (default)", "seeds 0-2", "in validation", "not by test"):
        assert said in out
    assert "test/ImageNet16-120" in out


def test_a_table_without_seconds_and_test_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    frame = pd.DataFrame({
        "index": np.arange(50), "epochs": 1, "valid_accuracy": np.linspace(10, 90, 50)
    })  # fmt: skip
    table_from_frame(frame, name="bare", space="macro").save(tmp_path / "bare.safetensors")
    folder = tmp_path / "bare-results"
    run("random-search", seeds=2, benchmark=tmp_path / "bare.safetensors", out=folder)
    name = inventory(folder).experiments[0].name
    capsys.readouterr()
    assert call("results", "show", str(folder), name, monkeypatch=monkeypatch) == 0
    out = capsys.readouterr().out
    assert "none: the table has no seconds of its trainings" in out
    assert "; the table has no test" in out
    assert "on the table's clock" not in out
    assert "nan" not in out
    loaded = load_results(folder)
    assert loaded.runs["simulated_seconds"].isna().all()
    assert loaded.trajectories[["seconds", "simulated_seconds"]].isna().all(axis=None)
    assert (loaded.trajectories["evaluations"] > 0).all()


def test_rename_and_reset(
    results: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = [results / "comparison", results / "paper"]
    for folder in made:
        folder.mkdir()
        (folder / "comparison.json").write_text("{}")
    words = ["results", "rename", str(results), "random-search"]
    assert call(*words, "Random search", monkeypatch=monkeypatch) == 0
    printed = capsys.readouterr()
    assert '"Random search"' in printed.out
    assert f"to be made again: '{made[0]}', '{made[1]}'" in printed.err
    assert inventory(results).find("Random search")
    assert call(*words, "--reset", monkeypatch=monkeypatch) == 0
    assert not list(results.rglob("display.json"))
    for wrong in (words, [*words, "a", "--reset"]):
        assert call(*wrong, monkeypatch=monkeypatch) == 2
        assert "either a display name or --reset" in capsys.readouterr().err


def test_rm_refuses_without_a_terminal_and_without_yes(
    results: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(results.rglob("*"))
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    words = ["results", "rm", str(results), "random-search", "reinforce"]
    assert call(*words, monkeypatch=monkeypatch) == 2
    err = capsys.readouterr().err
    assert "6 runs of 2 experiments would be removed" in err
    assert err.count("\n") == 1
    assert sorted(results.rglob("*")) == before
    assert call(*words, "--yes", monkeypatch=monkeypatch) == 0
    assert "random-search, 3 runs, seeds 0-2, " in capsys.readouterr().out
    assert list(results.rglob("*")) == []


@pytest.mark.parametrize(("answer", "left"), [("y", 1), ("n", 2), ("", 2)])
def test_rm_asks_on_a_terminal(
    results: Path, answer: str, left: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nasbench.cli.results.on_terminal", lambda: True)
    words = ["results", "rm", str(results), "random-search"]
    CliRunner().invoke(app, words, input=f"{answer}\n")
    assert len(inventory(results).experiments) == left


def test_merge_says_which_seeds_are_copied(
    results: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["results", "merge", str(results), "--into", str(results.parent / "new")]
    assert call(*words, monkeypatch=monkeypatch) == 0
    assert "seeds 0-2 copied" in capsys.readouterr().out
    assert call(*words, monkeypatch=monkeypatch) == 0
    assert "no seeds copied, 0-2 there already" in capsys.readouterr().out
    assert call(*words[:3], monkeypatch=monkeypatch) == 2
    assert "--into" in capsys.readouterr().err

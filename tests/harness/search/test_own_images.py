"""What was found of a user's own images: told, and kept with the runs."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from nasbench.benchmarks.training.catalogue import table_name
from nasbench.benchmarks.training.recipes import RECIPES
from nasbench.cli.app import app
from nasbench.harness.execution.run import run
from nasbench.harness.search.opening import close_benchmarks
from tests.benchmarks.training import tiny
from tests.benchmarks.training.archives import images

TABLE = [
    "data set npz:mine.npz: 21 images of 2 classes, used as 8x8 pixels of 3 channels",
    "       weights  validation        test",
    "  0          7           2           2",
    "  1          6           2           2",
    "  all         13           4           4",
]


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NASBENCH_DATA", str(tmp_path / "data"))
    for entry in (tiny.RECIPE, tiny.FINAL):
        monkeypatch.setitem(RECIPES, entry.name, entry)
    close_benchmarks()
    np.savez(tmp_path / "mine.npz", images=images(0, 21, 8), labels=np.arange(21) % 2)
    return tmp_path / "mine.npz"


def shown(lines: list[str]) -> list[list[str]]:
    return [line.split() for line in lines]


def test_a_run_tells_and_keeps_what_was_found(mine: Path, tmp_path: Path) -> None:
    said: list[str] = []
    (done,) = run(
        "random-search", seeds=1, benchmark="train:nb201", datasets=f"npz:{mine}",
        protocol="tiny:1@0/tiny-final@1", budget="1evals", out=tmp_path / "results", workers=1,
        say=said.append,
    )  # fmt: skip
    assert not done.failed
    assert shown(said[0].splitlines()) == shown(TABLE)
    stored = json.loads((done.path / "experiment.json").read_text())
    assert stored["provenance"]["images"]["classes"] == {
        "0": {"weights": 7, "validation": 2, "test": 2},
        "1": {"weights": 6, "validation": 2, "test": 2},
    }


def test_train_tells_and_keeps_what_was_found(mine: Path, tmp_path: Path) -> None:
    words = ["train", "0", "--dataset", f"npz:{mine}", "--recipe", "tiny", "--epochs", "1"]
    done = CliRunner().invoke(app, [*words, "--out", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    assert shown(done.stdout.splitlines()[:5]) == shown(TABLE)
    kept = json.loads((tmp_path / "out" / "images.json").read_text())
    assert kept["dataset"] == "npz:mine.npz"
    done = CliRunner().invoke(app, [*words, "--out", str(tmp_path / "out"), "--json"])
    assert json.loads(done.stdout)["images"] == kept


@pytest.mark.parametrize(
    ("dataset", "expected"),
    [
        ("digits", "digits"),
        ("ImageNet16-120", "imagenet16-120"),
        ("folder:/data/My Pets@32", "my-pets"),
        ("npz:sets/mine.npz", "mine"),
        ("npz:.npz", "images"),
        ("folder:/@8", "images"),
    ],
)
def test_a_table_is_named_after_its_images(dataset: str, expected: str) -> None:
    assert table_name(dataset) == expected

"""`nasbench train`, as a user meets it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import typer
from typer.testing import CliRunner

from nasbench.benchmarks.training.recipes import RECIPES
from nasbench.cli.train import train
from nasbench.errors import NasbenchError
from nasbench.spaces.nb201 import NasBench201
from tests.benchmarks.training import tiny

app = typer.Typer()
app.command()(train)


@pytest.fixture(autouse=True)
def _place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NASBENCH_IMAGES", str(tmp_path / "images"))
    for entry in (tiny.RECIPE, tiny.EXPLODING):
        monkeypatch.setitem(RECIPES, entry.name, entry)
    random = np.random.Generator(np.random.PCG64(0))
    images = random.integers(0, 256, (60, 8, 8), dtype=np.uint8)
    np.savez(tmp_path / "mine.npz", images=images, labels=np.arange(60) % 2)


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["123", "--dataset", "npz:mine.npz", *arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def test_train_and_train_again(tmp_path: Path) -> None:
    said = run("--recipe", "tiny", "--epochs", "2", "--batch", "8")
    assert "\nvalidation " in said  # after what the images are
    assert ", test " in said
    (folder,) = (tmp_path / "trainings").iterdir()
    assert folder.name == "npz-mine.npz-tiny-e2-b8-123-seed0"
    assert {path.name for path in folder.iterdir()} == {
        "checkpoint.pt", "curve.csv", "images.json", "result.json",
    }  # fmt: skip
    assert run("--recipe", "tiny", "--epochs", "2", "--batch", "8") == said


def test_one_thread_by_default_and_the_number_is_recorded(tmp_path: Path) -> None:
    """Whatever torch's own number is, which by default is that of the cores."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        first = json.loads(run("--recipe", "tiny", "--json", "--out", "one"))
        more = json.loads(run("--recipe", "tiny", "--threads", "2", "--json", "--out", "two"))
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert first["training"]["threads"] == 1
    assert more["training"]["threads"] == 2
    stored = json.loads((tmp_path / "two" / "result.json").read_text())
    assert stored["training"]["threads"] == 2
    assert "(2 threads)" in run("--recipe", "tiny", "--out", "two")
    assert "for --threads 1 choose another --out" in run("--recipe", "tiny", "--out", "two")
    with pytest.raises(NasbenchError, match="threads cannot be 0"):
        run("--recipe", "tiny", "--threads", "0")


def test_a_recipe_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("channels = 2\ncells = 1\nepochs = 1\nbatch = 8\n")
    found = json.loads(run("--recipe", "mine.toml", "--json"))
    assert "name='mine'" in found["training"]["recipe"]


def test_string_and_index_are_one_training() -> None:
    text = NasBench201().format(NasBench201().architecture(123))
    arguments = ["--dataset", "npz:mine.npz", "--recipe", "tiny", "--json"]
    first = json.loads(run("--recipe", "tiny", "--json", "--out", "one"))
    result = CliRunner().invoke(app, [text, *arguments, "--out", "two"])
    second = json.loads(result.output)
    assert second["training"] == first["training"]
    assert second["test_accuracy"] == first["test_accuracy"]


def test_tensorboard_events(tmp_path: Path) -> None:
    run("--recipe", "tiny", "--out", "here", "--tensorboard")
    assert list((tmp_path / "here" / "tensorboard").glob("events.out.*"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--recipe", "tiny-200"], "recipe 'tiny-200' is unknown: use one of nb201-12"),
        (["--dataset", "cifar10"], "www.cs.toronto.edu/~kriz/cifar.html"),
        (["--dataset", "cifar10", "--data-dir", "nowhere"], "does not exist"),
        (["--dataset", "npz:other.npz"], "'other.npz' does not exist"),
        (["--device", "nowhere"], "device 'nowhere' is unknown"),
        (["--precision", "int8"], "precision 'int8' is unknown: use one of float32"),
        (["--recipe", "exploding"], "training diverged in epoch 1"),
    ],
)
def test_bad_input_is_one_line(arguments: list[str], message: str) -> None:
    with pytest.raises(NasbenchError) as caught:
        run(*arguments)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_architectures_outside_the_space() -> None:
    for text in ("15625", "|none~0|"):
        result: Any = CliRunner().invoke(app, [text])
        assert isinstance(result.exception, NasbenchError)


def test_the_module_is_light() -> None:
    code = (
        "import sys, nasbench.cli.train;"
        "print({'numpy', 'pandas', 'pydantic', 'torch', 'rich.progress'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"

"""`nasbench tabulate`, as a user meets it."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from nasbench.benchmarks.catalogue import load_table
from nasbench.benchmarks.training import catalogue, recipes
from nasbench.benchmarks.training import costs as measuring
from nasbench.benchmarks.training.digits import Distortion, Sizes, digits
from nasbench.benchmarks.training.recipes import Recipe
from nasbench.cli.tabulate import tabulate
from nasbench.errors import NasbenchError
from nasbench.spaces.networks.base import Shape

SIZES = Sizes(weights=20, validation=20, test=20, copies=1)

app = typer.Typer()
app.command()(tabulate)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NASBENCH_DATA", str(tmp_path / "data"))
    monkeypatch.setitem(recipes.RECIPES, "tiny", Recipe("tiny", Shape(2, 1), epochs=1, batch=20))
    monkeypatch.setitem(catalogue._BY_NAME, "digits", lambda _: digits(Distortion(), SIZES))
    return tmp_path


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, arguments)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def test_a_sample_becomes_a_table_that_is_found_by_name(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measuring, "_costs", lambda *_: (2.0, 1.0, 3.0))
    out = folder / "out"
    basics = ("--recipe", "tiny", "--out", str(out), "--cells", "2", "--seeds", "2")
    basics = (*basics, "--workers", "1")
    said = run(*basics, "--costs", "20", "--name", "mine", "--install")
    assert "4 trainings finished, 0 of them diverged" in said
    assert "4 of 10520 trainings are there" in said
    table = load_table("mine")
    assert table.hash == load_table(str(out / "mine.safetensors")).hash
    assert table.search.seeds("digits", 1) == (0, 1)
    np.testing.assert_allclose(table.search.query_seconds("digits", 1), np.full(15625, 3.0))
    assert "0 trainings finished" in run(*basics, "--costs", "20", "--name", "again")
    assert "trainings finished" not in run(*basics, "--assemble", "--name", "again")
    assert load_table(str(out / "again.safetensors")).rows is not None
    with pytest.raises(NasbenchError, match="choose another --name"):
        run(*basics, "--name", "mine", "--install")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--recipe", "nb201-13"), "recipe 'nb201-13' is unknown"),
        (("--dataset", "mnist"), "data set 'mnist' cannot be trained on: use digits"),
        (("--space", "darts"), "space 'darts' is unknown"),
        (("--device", "warp"), "device 'warp' is unknown"),
        (("--precision", "int1"), "precision 'int1' is unknown"),
        (("--layout", "rows"), "layout 'rows' is unknown: use one of channels, products"),
        (("--workers", "0"), "workers cannot be 0"),
        (("--cells", "5261"), "1 to 5260 distinct cells"),
        (("--name", "../x"), "no table name"),
        (("--assemble",), "nothing to assemble"),
    ],
)
def test_bad_input_is_one_line(folder: Path, arguments: tuple[str, ...], message: str) -> None:
    with pytest.raises(NasbenchError) as caught:
        run("--recipe", "tiny", "--out", str(folder / "out"), *arguments)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_own_recipe_is_in_the_table_and_epochs_change_it(folder: Path) -> None:
    file = folder / "Mine, small.toml"
    file.write_text("channels = 2\ncells = 1\nepochs = 3\nbatch = 20\nlearning_rate = 0.03\n")
    said = run(
        "--recipe", str(file), "--epochs", "2", "--out", str(folder / "out"),
        "--cells", "2", "--seeds", "1", "--workers", "1", "--costs", "0",
    )  # fmt: skip
    assert "2 trainings finished" in said
    info = load_table(str(folder / "out" / "digits.safetensors")).info
    (note,) = (one for one in info.notes if one.startswith("trained: recipe"))
    for part in ("name='Mine-small-e2'", "epochs=2", "learning_rate=0.03", "channels=2"):
        assert part in note
    assert info.title.endswith("recipe Mine-small-e2")


def test_a_table_of_own_images_is_called_after_its_file(folder: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (60, 8, 8), dtype=np.uint8)
    file = folder / "Meine Bilder: 2.npz"
    np.savez(file, images=images, labels=np.arange(60) % 2)
    run(
        "--recipe", "tiny", "--dataset", f"npz:{file}", "--out", str(folder / "out"),
        "--cells", "1", "--seeds", "1", "--workers", "1", "--costs", "0",
    )  # fmt: skip
    assert load_table(str(folder / "out" / "meine-bilder-2.safetensors")).name == "meine-bilder-2"


def test_the_module_is_light() -> None:
    code = (
        "import sys, nasbench.cli.tabulate;"
        "print({'numpy', 'pandas', 'pyarrow', 'torch', 'sklearn', 'rich.progress'}"
        " & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"

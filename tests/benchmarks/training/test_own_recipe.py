"""Recipes from TOML files."""

from dataclasses import replace
from pathlib import Path

import pytest

from nasbench.benchmarks.training.own_recipe import changed, find_recipe
from nasbench.benchmarks.training.recipes import RECIPES, AuthorsRecipe, Recipe
from nasbench.errors import InvalidInput
from nasbench.spaces.networks.base import Shape

SIZES = "channels = 8\ncells = 2\nepochs = 15\nbatch = 16\n"


def write(folder: Path, text: str, name: str = "mine.toml") -> str:
    (folder / name).write_text(text, encoding="utf-8")
    return str(folder / name)


def test_every_key(tmp_path: Path) -> None:
    text = SIZES + (
        'name = "Ours.2"\nlearning_rate = 1\nmomentum = 0.5\nweight_decay = 0\nnesterov = false\n'
        'curve_images = 100\ninitialisation = "torch"\ncosine_per = "epoch"\n'
    )
    assert find_recipe(write(tmp_path, text)) == AuthorsRecipe(
        "Ours.2", Shape(8, 2), 15, 16, 1.0, 0.5, 0.0, nesterov=False, curve_images=100
    )


def test_the_defaults_are_those_of_a_recipe(tmp_path: Path) -> None:
    found = find_recipe(write(tmp_path, SIZES))
    assert found == Recipe("mine", Shape(8, 2), 15, 16)
    same = f"{SIZES}learning_rate = 0.05\ncurve_images = 1100\n"
    bundled = RECIPES["digits-15"]
    assert replace(find_recipe(write(tmp_path, same)), name="digits-15") == bundled
    half = find_recipe(write(tmp_path, f'{SIZES}cosine_per = "epoch"\n'))
    assert half == AuthorsRecipe("mine", Shape(8, 2), 15, 16, initialisation="he")


def test_names_are_those_of_recipes_of_ours() -> None:
    assert find_recipe("nb201-12") is RECIPES["nb201-12"]
    assert changed(RECIPES["nb201-12"], 3, 8).name == "nb201-12-e3-b8"
    assert changed(RECIPES["nb201-12"], 12) is RECIPES["nb201-12"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("channels = 8\n", "key 'cells' is missing: add it, such as cells = 8"),
        (f"{SIZES}learning-rate = 1", "'learning-rate' is unknown: valid are batch, cells"),
        (f"{SIZES}learning-rate = 1", "did you mean 'learning_rate'?"),
        (SIZES.replace("15", "0"), "epochs cannot be 0: it must be a whole number of 1 to"),
        (SIZES.replace("15", "1.5"), "epochs cannot be 1.5"),
        (SIZES.replace("15", "true"), "epochs cannot be True"),
        (f"{SIZES}learning_rate = 0", "learning_rate cannot be 0"),
        (f"{SIZES}learning_rate = nan", "learning_rate cannot be nan"),
        (f"{SIZES}momentum = 1", "momentum cannot be 1"),
        (f"{SIZES}momentum = 0", "nesterov needs a momentum above 0: add nesterov = false"),
        (f"{SIZES}nesterov = 1", "nesterov cannot be 1: it must be true or false"),
        (f"{SIZES}curve_images = 0", "curve_images cannot be 0"),
        (f'{SIZES}initialisation = "xavier"', "initialisation cannot be 'xavier': it must be 'he'"),
        (f"{SIZES}cosine_per = 1", "cosine_per cannot be 1: it must be 'step' or 'epoch'"),
        (f'{SIZES}name = "a b"', "name 'a b': use letters, digits"),
        (f"{SIZES}name = 3", "name 3: use letters, digits"),
        (f'{SIZES}name = "nb201-12"', "name 'nb201-12' is that of a recipe of nasbench"),
        ("channels = ", "is not TOML"),
        ("x = " + "[" * 50_000, "is not TOML"),
        (f"{SIZES}epochs = 3", "is not TOML"),
    ],
)
def test_wrong_files_are_one_line(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        find_recipe(write(tmp_path, text))
    assert reason in str(caught.value)
    assert "mine.toml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_files_that_are_not_there_or_no_text(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="No such file"):
        find_recipe(str(tmp_path / "none.toml"))
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(InvalidInput, match="is not TOML"):
        find_recipe(str(tmp_path / "bytes.toml"))

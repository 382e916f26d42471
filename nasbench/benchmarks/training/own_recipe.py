"""Recipes from TOML files, and recipes with another length or batch.

    name = "mine"              default: from the file's name
    channels = 16              C of the first stage; required, as are the next three
    cells = 5                  N cells per stage
    epochs = 12                length of the schedule
    batch = 256                images per step
    learning_rate = 0.1        at the start; it falls to 0 along half a cosine
    momentum = 0.9             0 to below 1
    weight_decay = 5e-4
    nesterov = true            it needs a momentum above 0
    curve_images = 1100        images that curves are read on before the last epoch; default: all
    initialisation = "he"      or "torch": see `Initialisation`
    cosine_per = "step"        or "epoch": when the learning rate changes

The values shown for keys that are not required are their defaults, except those of `name` and
`curve_images`. The shards and the notes of a table have the whole recipe.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from nasbench.benchmarks.training.recipes import RECIPES, AuthorsRecipe, Recipe, recipe
from nasbench.errors import InvalidInput
from nasbench.files import read_toml
from nasbench.limits import BATCH, CHANNELS, EPOCHS, STAGE_CELLS, Amount, Count
from nasbench.spaces.networks.base import Initialisation, Shape
from nasbench.text import printable, shown

_ENDING = ".toml"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_SIZES = {"channels": CHANNELS, "cells": STAGE_CELLS, "epochs": EPOCHS, "batch": BATCH}
_NUMBERS: dict[str, Count | Amount] = {
    **_SIZES,
    "learning_rate": Amount("learning_rate", 1e-9, 1e3),
    "momentum": Amount("momentum", 0.0, 0.999999),
    "weight_decay": Amount("weight_decay", 0.0, 1e3),
    "curve_images": Count("curve_images", 1, 1_000_000_000),
}
_WORDS = {
    "initialisation": tuple(one.value for one in Initialisation),
    "cosine_per": ("step", "epoch"),
}
_KEYS = ("name", *_NUMBERS, "nesterov", *_WORDS)


def find_recipe(name: str) -> Recipe:
    """Return the recipe called `name` or, if it ends in `.toml`, that of the file.

    Raises `InvalidInput` for an unknown name, a file that cannot be read, and a wrong key or value.
    """
    return read_recipe(Path(name)) if name.endswith(_ENDING) else recipe(name)


def changed(chosen: Recipe, epochs: int | None, batch: int | None = None) -> Recipe:
    """Return a recipe with the numbers that a user gave, which its name then includes."""
    if epochs is not None and epochs != chosen.epochs:
        chosen = replace(chosen, epochs=epochs, name=f"{chosen.name}-e{epochs}")
    if batch is not None and batch != chosen.batch:
        chosen = replace(chosen, batch=batch, name=f"{chosen.name}-b{batch}")
    return chosen


def read_recipe(path: Path) -> Recipe:
    """Read a recipe file; raises `InvalidInput` as `find_recipe` does."""
    data = read_toml(path, "recipe file")
    try:
        return _made(data, path.name.removesuffix(_ENDING))
    except InvalidInput as error:
        raise InvalidInput(f"recipe file '{printable(path)}': {error}") from None


def _made(data: Mapping[str, Any], stem: str) -> Recipe:
    usual = re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("-._")[:64] or "recipe"
    values = {"name": usual, **data}
    for key in values:
        if key not in _KEYS:
            near = get_close_matches(key, _KEYS, n=1)
            hint = f"; did you mean '{near[0]}'?" if near else ""
            raise InvalidInput(
                f"key {shown(key)} is unknown: valid are {', '.join(sorted(_KEYS))}{hint}"
            )
    for key in _SIZES:
        if key not in values:
            raise InvalidInput(f"key '{key}' is missing: add it, such as {key} = 8")
    _check(values)
    shape = Shape(values.pop("channels"), values.pop("cells"))
    start, per = (values.pop(key, words[0]) for key, words in _WORDS.items())
    if (start, per) == (Initialisation.HE.value, "step"):
        return Recipe(shape=shape, **values)
    return AuthorsRecipe(shape=shape, initialisation=start, cosine_per=per, **values)


def _check(values: dict[str, Any]) -> None:
    """Raise `InvalidInput` for the first wrong value; whole numbers become floats where needed."""
    name = values["name"]
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InvalidInput(
            f"name {shown(name)}: use letters, digits, '.', '_' and '-', up to 64, a letter or "
            "digit first"
        )
    if name in RECIPES:
        raise InvalidInput(f"name '{name}' is that of a recipe of nasbench: choose another")
    for key, limit in _NUMBERS.items():
        if key in values:
            values[key] = limit.check(values[key])
    nesterov = values.get("nesterov", True)
    if not isinstance(nesterov, bool):
        raise InvalidInput(f"nesterov cannot be {shown(nesterov)}: it must be true or false")
    if nesterov and values.get("momentum", 0.9) == 0:
        raise InvalidInput("nesterov needs a momentum above 0: add nesterov = false")
    for key, words in _WORDS.items():
        if key in values and values[key] not in words:
            raise InvalidInput(f"{key} cannot be {shown(values[key])}: it must be "
                               f"'{words[0]}' or '{words[1]}'")  # fmt: skip

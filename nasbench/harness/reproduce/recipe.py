"""Published tables as recipes: what was run, what came out, and what counts as the same."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

from nasbench.errors import InvalidInput

_FOLDER = "nasbench.harness.reproduce"


@dataclass(frozen=True)
class Published:
    """One row of a published table."""

    name: str
    runs: int
    published: Mapping[str, tuple[float, float]]
    """Mean and standard deviation of test accuracy (%), by reported data set."""
    strategy: str | None = None
    """None where there is none of ours."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    recipe: str | None = None
    not_run: str = ""
    """Why the row is not run here; empty where it is."""
    explanation: str = ""
    """Why the row may not come out the same."""


@dataclass(frozen=True)
class Recipe:
    """A published table and the protocol behind it."""

    title: str
    benchmark: str
    protocol: str
    searched: tuple[str, ...]
    reports: tuple[str, ...]
    seeds: str
    quick_seeds: str
    margin: float
    """Published standard deviations within which means count as the same."""
    budget_rule: str
    """What is known to differ for every row."""
    rows: tuple[Published, ...]


def recipe_names() -> list[str]:
    """Return the tables there are recipes for."""
    folder = resources.files(_FOLDER).joinpath("recipes")
    return sorted(one.name.removesuffix(".toml") for one in folder.iterdir())


def load_recipe(name: str) -> Recipe:
    """Read a recipe; `InvalidInput` for an unknown one."""
    from pydantic import TypeAdapter

    if name not in recipe_names():
        raise InvalidInput(f"table '{name}' is unknown: valid are {', '.join(recipe_names())}")
    text = resources.files(_FOLDER).joinpath("recipes", f"{name}.toml").read_text(encoding="utf-8")
    return TypeAdapter(Recipe).validate_python(tomllib.loads(text))

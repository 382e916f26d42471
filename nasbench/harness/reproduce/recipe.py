"""Published tables as recipes: what was run, what came out, and what counts as the same."""

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from itertools import pairwise
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
    unconfirmed: Mapping[str, str] = field(default_factory=dict)
    """What could not be confirmed of a published figure, by data set."""


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
    """Published standard deviations within which means count as the same: see `margin_of`."""
    deviations: tuple[str, ...]
    """What is known to differ from the original experiment, in more than one row."""
    rows: tuple[Published, ...]

    def margin_of(self, row: Published, dataset: str) -> float:
        """Return within which difference a mean counts as the published one, percentage points.

        `margin` published standard deviations, and at most half the smallest difference between two
        published means on the data set (equal ones aside): what passes as one method must not
        pass as another.
        """
        means = sorted({one.published[dataset][0] for one in self.rows})
        gaps = (round(high - low, 9) for low, high in pairwise(means))
        return min(self.margin * row.published[dataset][1], min(gaps, default=math.inf) / 2)


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

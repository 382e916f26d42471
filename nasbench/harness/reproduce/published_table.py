"""Published tables: their experiments, their results, and the margin of agreement."""

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from itertools import pairwise
from typing import Any, Literal

from nasbench.errors import InvalidInput
from nasbench.harness.reproduce.verdict import Moments

_FOLDER = "nasbench.harness.reproduce"


@dataclass(frozen=True)
class Published:
    """One row of a published table."""

    name: str
    runs: int
    """Number of published runs."""
    published: Mapping[str, tuple[float, float] | tuple[float]]
    """Mean and standard deviation on test (%), by reported data set; the mean alone if only that
    was published."""
    strategy: str | None = None
    """Our strategy for the row; None where there is none."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    recipe: str | None = None
    not_run: str = ""
    """Why the row is not run here; empty where it is run."""
    explanation: str = ""
    """Why the row's result here may differ from the published one."""
    unconfirmed: Mapping[str, str] = field(default_factory=dict)
    """What could not be confirmed of a published figure, by data set."""

    def moments(self, dataset: str) -> Moments:
        """Return what is published on a data set; a deviation that is not published is NaN."""
        mean, *std = self.published[dataset]
        return Moments(mean, std[0] if std else math.nan, self.runs)


@dataclass(frozen=True)
class PublishedTable:
    """A published table and the protocol behind it."""

    title: str
    benchmark: str
    protocol: str
    searched: tuple[str, ...]
    reports: tuple[str, ...]
    seeds: str
    quick_seeds: str
    margin: float
    """Largest difference of means that counts as the same, in published standard deviations.

    See `margin_of`."""
    deviations: tuple[str, ...]
    """Known differences from the original experiment that concern more than one row."""
    rows: tuple[Published, ...]
    quantity: Literal["accuracy", "error"] = "accuracy"
    """What the published figures are; an error is 100 minus the accuracy."""
    decimals: int = 2
    """Decimals of the published figures."""
    needs: str = ""
    """What the experiment needs of its table, said where the table is not there or lacks it."""

    def margin_of(self, row: Published, dataset: str) -> float:
        """Return the largest difference from the published mean that counts as the same.

        It is in percentage points: `margin` published standard deviations, but at most half the
        smallest difference between two different published means on the data set, so that a mean
        cannot count as the same as those of two methods.
        """
        means = sorted({one.moments(dataset).mean for one in self.rows})
        gaps = (round(high - low, 9) for low, high in pairwise(means))
        return min(self.margin * row.moments(dataset).std, min(gaps, default=math.inf) / 2)


def published_names() -> list[str]:
    """Return the names of the published tables, sorted."""
    folder = resources.files(_FOLDER).joinpath("published")
    return sorted(one.name.removesuffix(".toml") for one in folder.iterdir())


def load_published(name: str) -> PublishedTable:
    """Read a published table; raises `InvalidInput` for an unknown name."""
    from pydantic import TypeAdapter

    if name not in published_names():
        raise InvalidInput(f"table '{name}' is unknown: valid are {', '.join(published_names())}")
    text = (
        resources.files(_FOLDER).joinpath("published", f"{name}.toml").read_text(encoding="utf-8")
    )
    return TypeAdapter(PublishedTable).validate_python(tomllib.loads(text))

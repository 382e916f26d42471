"""How long a tabulation will take, from trainings that were timed before it starts."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import torch

from nasbench.benchmarks.training.plan import Plan
from nasbench.benchmarks.training.recipes import RECIPES

_DIGITS = "digits-15"
_DIGITS_SECONDS = 19.7 * 3600 / 10_520
"""Seconds of one core that a training of the bundled table took, in groups of 64 (digits.md)."""
LONG_SECONDS = 1800.0
"""A shorter tabulation, in seconds of all its workers together, is not announced."""


class Cost(NamedTuple):
    """Seconds of one worker for a training, and where they are from, as text."""

    seconds: float
    source: str


def stored_cost(origins: Iterable[Mapping[str, Any]]) -> Cost | None:
    """Return the mean cost of the trainings of some shards, None if none says its seconds."""
    known = [one for one in origins if isinstance(one.get("wall_seconds"), int | float)]
    number, seconds = (sum(one[name] for one in known) for name in ("trainings", "wall_seconds"))
    return Cost(seconds / number, "as the stored ones took") if number and seconds else None


def published_cost(plan: Plan, dataset: str) -> Cost | None:
    """Return the cost of trainings of the bundled table's recipe, of any number of epochs.

    None for another recipe, data set, space or device.
    """
    known, recipe = RECIPES[_DIGITS], plan.recipe
    alike = replace(recipe, name=known.name, epochs=known.epochs) == known
    if not alike or (dataset, plan.space) != ("digits", "nb201") or plan.device != "cpu":
        return None
    seconds = _DIGITS_SECONDS * recipe.epochs / known.epochs
    return Cost(seconds, f"{seconds:.1f} s a training were measured on an AMD EPYC, groups of 64")


def announcement(plan: Plan, cost: Cost, trainings: int, workers: int) -> str:
    """Return one line about how long `trainings` take; empty where that is not worth a line."""
    whole = cost.seconds * trainings
    if whole < LONG_SECONDS:
        return ""
    cpu = torch.device(plan.device).type == "cpu"
    kind, per_worker = ("core", plan.threads) if cpu else ("GPU", 1)
    return (
        f"{trainings:,} trainings to do, about {_hours(per_worker * whole)} {kind} hours "
        f"({cost.source}): about {_hours(whole / workers)} h with {workers} "
        f"worker{'' if workers == 1 else 's'}"
    )


def _hours(seconds: float) -> str:
    hours = seconds / 3600
    return f"{hours:,.0f}" if hours >= 10 else f"{hours:.1f}"

"""The content of a report, independent of its page: summary, runs and provenance."""

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nasbench.harness.compare.origins import listed
from nasbench.harness.compare.rows import Row
from nasbench.harness.compare.significance import ALPHA
from nasbench.harness.compare.units import Units
from nasbench.harness.results.records import SPLITS
from nasbench.spaces import get_enumerable
from nasbench.spaces.base import EnumerableSpace
from nasbench.spaces.categorical import CategoricalSpace

if TYPE_CHECKING:
    from nasbench.harness.compare.comparison import Block
    from nasbench.harness.compare.contender import Contender

_NAMED = 3
"""Largest number of worse rows that the summary names."""
_SPLITS = {"valid": "validation", "test": "test"}
"""What the page calls the splits of `SPLITS`."""


def summary(block: "Block") -> Iterator[str]:
    """Yield a short text per data set: the best row, and which rows are significantly worse."""
    for dataset in block.datasets:
        rows = [row for row in block.of(dataset)[0] if not math.isnan(row.finals.test.value)]
        if rows:
            yield _said(block, block.title_of(dataset), rows)


def _said(block: "Block", dataset: str, rows: Sequence[Row]) -> str:
    units = block.units
    score, name = units.metric.score, f"{block.outcome} {units.metric.name}"
    best = max(rows, key=lambda row: score(row.finals.test.value))
    found = f"On {dataset}, {best.label} has the best mean {name}, {_value(best, units)}"
    if not math.isnan(best.in_table.regret):
        regret = f"{units.write(best.in_table.regret)}{units.difference}"
        found += f", {regret} worse than {block.optimum}"
    others = [row for row in rows if row is not best]
    equal = [row for row in others if row.tested.among_best]
    worse = sorted(
        (row for row in others if not row.tested.among_best),
        key=lambda row: -score(row.finals.test.value),
    )
    parts = [found]
    if equal:
        names = listed([row.label for row in equal])
        parts.append(f"Not told from it by these runs: {names}")
    if worse:
        named = [_worse(row, best, units) for row in worse[:_NAMED]]
        if len(worse) > _NAMED:
            last = _apart(worse[-1], best, units)
            named.append(f"and {len(worse) - _NAMED} more by up to {last}")
        parts.append("Worse: " + "; ".join(named))
    least = max(row.tested.detectable_difference for row in [best, *equal])
    if equal and not math.isnan(least):
        parts.append(
            f"With {best.n} runs a row, differences between these below "
            f"{units.write(least)}{units.difference} are found in fewer than 80 % of cases"
        )
    return ". ".join(parts) + "."


def _value(row: Row, units: Units) -> str:
    mean, low, high = map(units.write, row.finals.test)
    if math.isnan(row.finals.test.low):
        return f"{mean}{units.unit} in a single run, which says little"
    return f"{mean}{units.unit} (95 % interval {low} to {high})"


def _apart(row: Row, best: Row, units: Units) -> str:
    return f"{units.write(abs(best.finals.test.value - row.finals.test.value))}{units.difference}"


def _worse(row: Row, best: Row, units: Units) -> str:
    """Return how much worse than the row with the best mean a row is.

    The row may be significantly worse than some other row only; the text then names that row.
    """
    found = f"{row.label} by {_apart(row, best, units)}"
    if not (row.tested.p_value < ALPHA and row.tested.superiority < 0.5):
        return f"{found} (told from {row.tested.worse_than}, not from it)"
    p = "< 0.001" if row.tested.p_value < 0.001 else f"= {row.tested.p_value:.3f}"
    return f"{found} (p {p}, a run of it wins {100 * row.tested.superiority:.0f} % of comparisons)"


def drill_down(block: "Block") -> dict[str, Any]:
    """Return every run's incumbents for the page, and each of their architectures (cells) once.

    Each of `rows` has its `seeds` and, in `runs`, a flat list per seed: number of evaluations,
    seconds and cell index of each incumbent. `cells` holds, by cell index, the architecture and its
    final values in the order of `columns`, which name split and data set. In a space of independent
    decisions, `decisions` lists them, and an architecture is written as its choices, one character
    each, from "0" on. In any other space, `decisions` is None and an architecture is written as its
    text.
    """
    space = get_enumerable(block.task.space)
    splits = SPLITS if block.task.has_test else SPLITS[:1]
    judged_on = [(split, name) for name in block.datasets for split in splits]
    cells: dict[int, list[Any]] = {}
    rows = []
    for one in block.contenders:
        at, metric = one.incumbents.indices, one.runs.metric
        seconds, steps = one.when("seconds"), one.runs.lists("incumbents")
        judged = np.stack([metric.score(one.scores(*place).values) for place in judged_on], axis=1)
        distinct, first = np.unique(at.values, return_index=True)
        for cell, place in zip(distinct.tolist(), first.tolist(), strict=True):
            numbers = [
                round(x, block.units.digits) if math.isfinite(x) else None
                for x in judged[place].tolist()
            ]
            cells.setdefault(cell, [_written(space, cell), *numbers])
        rows.append(
            {
                "label": one.label,
                "seeds": one.runs.seeds.tolist(),
                "runs": [
                    _flat(steps[run] + 1, seconds[run], at[run]) for run in range(len(one.runs))
                ],
            }
        )
    return {
        "columns": [f"{_SPLITS[split]}, {block.title_of(name)}" for split, name in judged_on],
        "metric": block.units.title,
        "timed": block.task.timed,
        "decisions": (
            [[one.name, list(one.choices)] for one in space.decisions]
            if isinstance(space, CategoricalSpace)
            else None
        ),
        "cells": cells,
        "rows": rows,
    }


def _written(space: EnumerableSpace, index: int) -> str:
    """Return the architecture at an index as it is written in the page, see `drill_down`."""
    architecture = space.architecture(index)
    if isinstance(space, CategoricalSpace):
        return "".join(chr(ord("0") + choice) for choice in architecture)
    return space.format(architecture)


def _flat(*lists: Any) -> list[int]:
    """Return parallel lists as one list that takes turns between them, rounded to whole numbers."""
    return [round(float(x)) for x in np.stack(lists, axis=1).ravel()]


def provenance_rows(contenders: "Sequence[Contender]") -> list[tuple[str, str]]:
    """Return names and values that identify the code and machines of the runs, each value once."""
    found: dict[str, dict[str, None]] = {}
    for one in contenders:
        made = one.runs.provenance
        for name in ("nasbench", "commit", "python", "platform"):
            found.setdefault(name, {})[str(made.get(name))] = None
        for processor in one.runs.processors:
            found.setdefault("processor", {})[processor] = None
        for device, threads in one.runs.places:
            found.setdefault("trained on", {})[f"{device}, threads {threads}"] = None
        for name, version in (made.get("libraries") or {}).items():
            found.setdefault(name, {})[str(version)] = None
        command = " ".join(map(str, made.get("command") or []))
        found.setdefault("command", {})[command] = None
    return [(name, "; ".join(values)) for name, values in found.items()]

"""The script that makes docs/fronts.md: its second algorithm, and what the docs say of digits."""

import csv
import importlib.util
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nasbench.harness.fronts import exact_fronts, front_task

ROOT = Path(__file__).parents[1]


def script() -> Any:
    """The script as a module."""
    found = importlib.util.spec_from_file_location("fronts", ROOT / "bench" / "fronts.py")
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def test_the_docs_have_the_fronts_of_digits() -> None:
    """Rows and members as the command gives them now, of every cost that the table has."""
    found = list(script().rows("digits"))
    assert [(row.objectives, row.values) for row in found] == [
        (f"accuracy, {cost}", values)
        for cost in ("flops", "latency/amd-epyc", "params")
        for values in ("validation", "test")
    ]
    lines = (ROOT / "docs" / "fronts.md").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line.startswith("| digits | digits | acc")] == [
        f"| {' | '.join(row.cells())} |" for row in found
    ]
    with (ROOT / "docs" / "fronts.csv").open(encoding="utf-8") as file:
        stored = [line for line in csv.DictReader(file) if line["table"] == "digits"]
    assert [one["members"] for one in stored] == [
        " ".join(map(str, row.front.members)) for row in found
    ]
    assert [float(one["hypervolume"]) for one in stored] == pytest.approx(
        [row.front.hypervolume for row in found], rel=1e-9
    )


def test_the_second_algorithm_by_the_definition() -> None:
    """Ties, duplicates and unknown values; the area is counted in unit squares."""
    generator = np.random.default_rng(3)
    scores = generator.integers(0, 9, (80, 2)).astype(float)
    scores[:, 1] -= scores[:, 0]  # the front has several points
    scores[::7, 1] = np.nan
    finite = np.isfinite(scores).all(axis=1)
    by_definition = {
        place
        for place, one in enumerate(scores)
        if finite[place]
        and not ((scores[finite] >= one).all(axis=1) & (scores[finite] > one).any(axis=1)).any()
    }
    members, volume = script().second_opinion(scores)
    assert members == by_definition
    front = scores[sorted(members)]
    assert len(members) > len(np.unique(front, axis=0)) > 3
    low = front.min(axis=0) - 0.1 * np.ptp(front, axis=0)
    edges = [np.unique(np.append(front[:, place], low[place])) for place in (0, 1)]
    area = sum(
        (right - left) * (top - bottom)
        for left, right in zip(edges[0][:-1], edges[0][1:], strict=True)
        for bottom, top in zip(edges[1][:-1], edges[1][1:], strict=True)
        if ((front[:, 0] >= right) & (front[:, 1] >= top)).any()
    )
    assert volume == pytest.approx(area, rel=1e-9)


def test_another_front_is_refused() -> None:
    module = script()
    front = exact_fronts(front_task("digits", None, "accuracy,latency")).test["digits"]
    row = module.Row("digits", "digits", "accuracy, latency", "test", front)
    module.require_equal(row)
    fewer = replace(front)
    vars(fewer)["members"] = front.members[1:]
    with pytest.raises(ValueError, match="digits digits accuracy, latency test: the members"):
        module.require_equal(row._replace(front=fewer))
    smaller = replace(front)
    vars(smaller)["hypervolume"] = front.hypervolume * (1 - 1e-8)
    with pytest.raises(ValueError, match=r"hypervolume 2\.4"):
        module.require_equal(row._replace(front=smaller))

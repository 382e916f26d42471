"""Anytime curves: what a run would have answered had it been stopped at time t.

Right-continuous step functions: at time t a run answers with the last incumbent FINISHED by
t. Nothing is interpolated; before its first incumbent a run has no answer (NaN); a run that
has ended keeps its last incumbent. A time is a point of any clock: simulated seconds, or the
number of evaluations.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nasbench.harness.compare.estimates import (
    Floats,
    interquartile_interval,
    mean_interval,
    quartiles,
)
from nasbench.harness.results.load import Ragged

POINTS = 200


@dataclass(frozen=True)
class Band:
    """A curve over many runs: its centre and what surrounds it, shape (points,)."""

    grid: Floats
    centre: Floats
    low: Floats
    high: Floats


def answers(times: Ragged, grid: Floats) -> NDArray[np.int64]:
    """Return which incumbent each run would answer with at each time of `grid`.

    `times` are when a run's incumbents were finished, ascending. Shape (runs, points):
    positions in a run's list, -1 before the first.
    """
    rows = [np.searchsorted(times[run], grid, side="right") for run in range(len(times))]
    return np.array(rows, dtype=np.int64).reshape(len(times), len(grid)) - 1


def step_values(positions: NDArray[np.int64], values: Ragged) -> Floats:
    """Return the values of the incumbents at `positions`, NaN where there is none.

    `values` are aligned with the times that `answers` was given. Shape (runs, points).
    """
    flat = values.values[np.maximum(positions, 0) + values.offsets[:-1, None]]
    return np.where(positions < 0, np.nan, flat)


def common_grid(events: Floats, end: float, *, points: int = POINTS) -> Floats:
    """Return ascending times from the first event to `end`, at which curves are drawn.

    Every event if they are few, so that each step is exact, else log-spaced times and `end`.
    """
    within = np.unique(events[events <= end])
    if not len(within):
        return np.array([end])
    if len(within) < points:
        return np.union1d(within, [end])
    spaced = np.geomspace(within[0], end, points)
    spaced[0], spaced[-1] = within[0], end
    return spaced


def band(grid: Floats, values: Floats, *, centre: str = "mean") -> Band:
    """Summarise the runs' curves; `values` has shape (runs, points).

    `mean` and `iqm`, the interquartile mean, come with their 95 % bootstrap intervals (own seeded
    generator), `median` with the quartiles of the runs. The curve begins where every run has an
    incumbent: before that it would be about those runs alone that happened to finish early.
    """
    every = ~np.isnan(values).any(axis=0)
    grid, values = grid[every], values[:, every]
    if not len(grid) or not len(values):
        empty = np.zeros(0)
        return Band(empty, empty, empty, empty)
    if centre == "median":
        low, high = quartiles(values)
        return Band(grid, np.median(values, axis=0), low, high)
    if centre == "iqm":
        return Band(grid, *interquartile_interval(values))
    low, high = mean_interval(values)
    return Band(grid, values.mean(axis=0), low, high)

"""Anytime curves: the answer a run would have given if it had been stopped at time t.

A curve is a right-continuous step function: at time t a run's answer is the last incumbent that
was FINISHED by t. Nothing is interpolated. Before its first incumbent a run has no answer (NaN);
after its end a run keeps its last incumbent. Time is on any clock: simulated seconds, or the
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
from nasbench.harness.results.ragged import Ragged

POINTS = 200


@dataclass(frozen=True)
class Band:
    """A curve over many runs: times, centre, and both ends of its band, shape (points,) each."""

    grid: Floats
    centre: Floats
    low: Floats
    high: Floats

    def until(self, end: float) -> "Band":
        """Return the curve up to a time, at which it has a point of its own."""
        within = self.grid <= end
        if within.all() or not within.any():
            return self
        last = int(within.sum()) - 1
        parts = (np.append(one[within], one[last]) for one in (self.centre, self.low, self.high))
        return Band(np.append(self.grid[within], end), *parts)


def answers(times: Ragged, grid: Floats) -> NDArray[np.int64]:
    """Return which incumbent each run has at each time of `grid`, shape (runs, points).

    `times` holds when each run's incumbents were finished, ascending. The result holds positions
    in the run's list of incumbents, -1 before the first.
    """
    rows = [np.searchsorted(times[run], grid, side="right") for run in range(len(times))]
    return np.array(rows, dtype=np.int64).reshape(len(times), len(grid)) - 1


def step_values(positions: NDArray[np.int64], values: Ragged) -> Floats:
    """Return the values of the incumbents at `positions`, shape (runs, points).

    `values` are aligned with the times that `answers` was given. NaN where a position is -1.
    """
    flat = values.values[np.maximum(positions, 0) + values.offsets[:-1, None]]
    return np.where(positions < 0, np.nan, flat)


def common_grid(events: Floats, end: float, *, points: int = POINTS) -> Floats:
    """Return ascending times from the first event to `end`, at which curves are drawn.

    These are all events and `end` if there are fewer than `points` events, so that each step is
    exact; otherwise `points` log-spaced times.
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

    `centre` is `mean` or `iqm` (interquartile mean), with a 95 % bootstrap interval from a seeded
    generator, or `median`, with the quartiles of the runs. The curve begins where every run has an
    incumbent: earlier points would describe only the runs whose first evaluation ended early.
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

"""Measures of anytime performance: numbers per run from its anytime curve.

A run's curve is two aligned lists: `times`, when its incumbents were finished, ascending, and
`values`, their test scores. The curve is constant from one time to the next, see `curves`.
"""

from typing import NamedTuple

import numpy as np

from nasbench.harness.compare.estimates import Floats
from nasbench.harness.results.ragged import Ragged


class TimeToTarget(NamedTuple):
    """When runs reached a target; a run that did not reach it is censored, not left out."""

    runs: int
    """Number of runs that reached it."""
    median: float
    """Median time to the target; infinite where half of the runs or more did not reach it."""
    expected: float
    """Total time of all runs until they reached the target or ended, divided by `runs`.

    This estimates the mean time until a search that is restarted reaches the target: the average
    running time of Hansen et al., COCO, Optimization Methods and Software 2021, section 5.
    Infinite where no run reached it.
    """


def mean_value(times: Ragged, values: Ragged, start: float, end: float) -> Floats:
    """Return the exact time average of every run's curve from `start` to `end`, shape (runs,).

    NaN for a run without an incumbent at `start`, and where `end` is not after `start`.
    """
    found = np.full(len(times), np.nan)
    for run in range(len(times)):
        when = times[run]
        if end > start and len(when) and when[0] <= start:
            edges = np.clip(np.append(when, end), start, end)
            found[run] = np.diff(edges) @ values[run] / (end - start)
    return found


def first_reached(times: Ragged, values: Ragged, target: float) -> Floats:
    """Return when each run's curve first was at least `target`, shape (runs,), inf if never."""
    found = np.full(len(times), np.inf)
    there = np.flatnonzero(values.values >= target)
    runs, first = np.unique(
        np.searchsorted(values.offsets, there, side="right") - 1, return_index=True
    )
    found[runs] = times.values[there[first]]
    return found


def time_to_target(times: Floats, spent: Floats) -> TimeToTarget:
    """Summarise when runs reached a target.

    `times` is when each run reached it (infinite if never) and `spent` is when each run ended,
    both of shape (runs,). A run that a time limit ended counts as ended at the limit, even where
    its last evaluation was finished earlier: a restarted search would have to wait until then.
    Without runs, `median` and `expected` are NaN.
    """
    if not len(times):
        return TimeToTarget(0, np.nan, np.nan)
    runs = int(np.isfinite(times).sum())
    middle = np.sort(times)[(len(times) - 1) // 2 : len(times) // 2 + 1]
    expected = float(np.minimum(times, spent).sum() / runs) if runs else np.inf
    return TimeToTarget(runs, float(middle.mean()), expected)

"""How good a search was on the way: per run numbers from its step curve.

A curve is two lists of every run, aligned: `times`, when its incumbents were finished, ascending,
and `values`, their test scores. It is constant from one time to the next, see `curves`.
"""

from typing import NamedTuple

import numpy as np

from nasbench.harness.compare.estimates import Floats
from nasbench.harness.results.load import Ragged


class Reached(NamedTuple):
    """When runs reached a target; a run that did not is censored, never left out."""

    runs: int
    """Runs that reached it."""
    median: float
    """Median time to the target; infinite where half of the runs or more did not reach it."""
    expected: float
    """Time that all runs took until they reached it or were over, by the runs that reached it.

    What restarting until the target is reached would take on average: the average running time
    of Hansen et al., COCO, Optimization Methods and Software 2021, section 5. Infinite where no
    run reached it.
    """


def mean_value(times: Ragged, values: Ragged, start: float, end: float) -> Floats:
    """Return the mean of every run's curve between two times, exactly, shape (runs,).

    NaN for a run without an incumbent at `start`, and where `end` is not later.
    """
    found = np.full(len(times), np.nan)
    for run in range(len(times)):
        when = times[run]
        if end > start and len(when) and when[0] <= start:
            edges = np.clip(np.append(when, end), start, end)
            found[run] = np.diff(edges) @ values[run] / (end - start)
    return found


def first_reached(times: Ragged, values: Ragged, target: float) -> Floats:
    """Return when every run's curve first was at least `target`, infinite if never, (runs,)."""
    found = np.full(len(times), np.inf)
    for run in range(len(times)):
        there = np.flatnonzero(values[run] >= target)
        if len(there):
            found[run] = times[run][there[0]]
    return found


def reached(times: Floats, spent: Floats) -> Reached:
    """Summarise when runs reached a target; `spent` is when each was over, both of shape (runs,).

    Of a search that a limit of time ended that is the limit, even where its last evaluation was
    done before: a restarted search would have to wait until then.
    """
    if not len(times):
        return Reached(0, np.nan, np.nan)
    runs = int(np.isfinite(times).sum())
    middle = np.sort(times)[(len(times) - 1) // 2 : len(times) // 2 + 1]
    expected = float(np.minimum(times, spent).sum() / runs) if runs else np.inf
    return Reached(runs, float(middle.mean()), expected)

"""Hypervolume: the volume that the points of a set dominate, exact for one to three objectives.

Zitzler & Thiele, PPSN 1998. It is measured from a reference point; points that are not better than
the reference in every objective add nothing.
"""

from bisect import bisect_left
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nasbench.errors import InvalidInput
from nasbench.pareto.dominance import best_first, nondominated

Points = NDArray[np.float64]
MOST_OBJECTIVES = 3
"""Number of objectives up to which it is computed exactly."""
_BLOCK = 1_000_000
"""Pairs of all subsets that are looked at together."""


class Staircase:
    """The area that pairs dominate, updated with every pair."""

    __slots__ = ("_first", "_low", "_second", "area")

    def __init__(self, reference: Sequence[float]) -> None:
        """Start without pairs; `reference` is the lower corner of the area."""
        self._low = float(reference[0]), float(reference[1])
        self._first: list[float] = []  # first scores of the pairs that are not dominated, ascending
        self._second: list[float] = []  # their second scores, descending
        self.area = 0.0
        """The area so far."""

    def add(self, first: float, second: float) -> float:
        """Add a pair of scores, and return by how much the area grows; 0.0 if it does not."""
        left, low = self._low
        if not (first > left and second > low):
            return 0.0
        firsts, seconds = self._first, self._second
        end = bisect_left(firsts, first)
        if end < len(firsts) and seconds[end] >= second:
            return 0.0
        after = end + (end < len(firsts) and firsts[end] == first)
        height = seconds[end] if end < len(seconds) else low
        right, gain, begin = first, 0.0, end
        while begin and seconds[begin - 1] <= second:
            begin -= 1
            gain += (right - firsts[begin]) * (second - height)
            right, height = firsts[begin], seconds[begin]
        gain += (right - (firsts[begin - 1] if begin else left)) * (second - height)
        firsts[begin:after], seconds[begin:after] = [first], [second]
        self.area += gain
        return gain


def require_exact(objectives: int) -> None:
    """Raise `InvalidInput` for more objectives than the hypervolume is computed of."""
    if objectives > MOST_OBJECTIVES:
        raise InvalidInput(
            f"the hypervolume of {objectives} objectives is not computed exactly: use at most "
            f"{MOST_OBJECTIVES}"
        )


def hypervolume(points: Points, reference: Sequence[float]) -> float:
    """Return the hypervolume of n points of one to three objectives; 0.0 for no points.

    `reference` has one score per objective. Two objectives take O(n log n), three O(n^2) at worst.
    Raises `InvalidInput` for more objectives.
    """
    low = np.asarray(reference, dtype=np.float64)
    require_exact(points.shape[1])
    above = points[(points > low).all(axis=1)]
    if not len(above):
        return 0.0
    if points.shape[1] == 1:
        return float(above.max() - low[0])
    if points.shape[1] == 2:
        return float(areas(above, np.ones((1, len(above)), dtype=bool), reference)[0])
    stairs = Staircase(low[:2].tolist())
    ranked = above[np.argsort(-above[:, 2], kind="stable")].tolist()
    volume, height = 0.0, float(ranked[0][2])
    for first, second, third in ranked:
        volume += stairs.area * (height - third)
        height = third
        stairs.add(first, second)
    lowest: float = ranked[-1][2] - float(low[2])
    return volume + stairs.area * lowest


def areas(
    points: Points, subsets: NDArray[np.bool_], reference: Sequence[float]
) -> NDArray[np.float64]:
    """Return the hypervolumes of subsets of n pairs, shape (subsets,).

    `subsets` says which pairs each subset holds, shape (subsets, n). The bits of an area depend
    on what is not dominated in the subset alone, not on the order of the pairs.
    """
    left, low = map(float, reference)
    order = best_first(points)
    widths = np.maximum(points[order, 0] - left, 0.0)
    heights = np.maximum(points[order, 1], low)
    found = np.zeros(len(subsets))
    rows = max(1, _BLOCK // max(1, len(points)))
    for start in range(0, len(subsets) if len(points) else 0, rows):
        held = np.where(subsets[start : start + rows, order], heights, low)
        risen = np.diff(np.maximum.accumulate(held, axis=1), axis=1, prepend=low)
        found[start : start + rows] = np.cumsum(risen * widths, axis=1)[:, -1]
    return found


def contributions(points: Points, reference: Sequence[float]) -> Points:
    """Return how much of the hypervolume each of n points adds to the others, shape (n,).

    It is 0 for a dominated point, which counts neither among the others, and for each of two equal
    points.
    """
    low = np.asarray(reference, dtype=np.float64)
    unique, place, number = np.unique(points, axis=0, return_inverse=True, return_counts=True)
    above = np.flatnonzero((unique > low).all(axis=1))
    members = above[nondominated(unique[above])]
    front = unique[members]
    if points.shape[1] == 2:  # ascending in the first score, so descending in the second
        left = np.concatenate((low[:1], front[:-1, 0]))
        below = np.concatenate((front[1:, 1], low[1:]))
        exclusive = (front[:, 0] - left) * (front[:, 1] - below)
    else:
        whole = hypervolume(front, reference)
        exclusive = np.array(
            [whole - hypervolume(np.delete(front, k, axis=0), reference) for k in range(len(front))]
        )
    added = np.zeros(len(unique))
    added[members] = exclusive
    added[number > 1] = 0.0
    return added[place.reshape(-1)]

"""How far a set of points is from a reference front, by three measures."""

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]

_BLOCK = 1_000_000
"""Pairs of points that are compared at once."""


def igd_plus(points: Points, front: Points) -> float:
    """Return the mean distance of a front's points to what a set dominates; infinite for no points.

    The distance of a point z of `front` is the smallest, over the points a of the set, of the
    length of max(z - a, 0): Ishibuchi et al., EMO 2015, equation 18, for maximisation. Both arrays
    have shape (number, objectives).
    """
    return float(
        np.concatenate([_nearest(points, block) for block in _blocks(points, front)]).mean()
    )


def _nearest(points: Points, block: Points) -> Points:
    missing = np.maximum(block[:, None] - points, 0.0)
    nearest: Points = np.sqrt((missing**2).sum(axis=2)).min(axis=1, initial=np.inf)
    return nearest


def additive_epsilon(points: Points, front: Points) -> float:
    """Return the least number that, added to all scores of a set, lets it be as good as a front.

    Every point of `front` then has a point of the set that is at least as good in every objective:
    Zitzler et al., IEEE Transactions on Evolutionary Computation 2003. Infinite for no points.
    """
    largest = [
        (block[:, None] - points).max(axis=2).min(axis=1, initial=np.inf).max()
        for block in _blocks(points, front)
    ]
    return float(max(largest))


def _blocks(points: Points, front: Points) -> list[Points]:
    rows = max(1, _BLOCK // max(1, points.size))
    return [front[start : start + rows] for start in range(0, len(front), rows)]


def share_found(points: Points, front: Points) -> float:
    """Return which part of a front's different points, from 0 to 1, is in a set."""
    wanted = set(map(tuple, front.tolist()))
    return len(wanted & set(map(tuple, points.tolist()))) / len(wanted)

"""Which points of a set dominate others: its front, its ranks, how crowded they are."""

from bisect import bisect_right
from itertools import count

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]


def nondominated(points: Points) -> NDArray[np.bool_]:
    """Return for each of n points whether no other dominates it, shape (n,).

    Equal points do not dominate each other. Takes O(n log n) for two objectives, else O(n times the
    points that are not dominated).
    """
    order = best_first(points)
    ranked = points[order]
    kept = np.zeros(len(points), dtype=bool)
    if points.shape[1] <= 2:
        kept[order] = _first_front(ranked)
        return kept
    members = np.empty_like(ranked)
    number = 0
    for place, point in zip(order.tolist(), ranked, strict=True):
        front = members[:number]
        as_good = (front >= point).all(axis=1)
        if not (as_good.any() and (front[as_good] > point).any()):
            kept[place] = True
            members[number] = point
            number += 1
    return kept


def best_first(points: Points) -> NDArray[np.int64]:
    """Return an order in which no point comes after one that it dominates; equal ones as given."""
    return np.lexsort(-points.T[::-1])


def _first_front(ranked: Points) -> NDArray[np.bool_]:
    """Return which points, of at most two objectives and the best first, are not dominated."""
    if not len(ranked):
        return np.zeros(0, dtype=bool)
    last = ranked[:, -1]
    before = np.maximum.accumulate(np.concatenate(([-np.inf], last[:-1])))
    new = np.concatenate(([True], (ranked[1:] != ranked[:-1]).any(axis=1)))
    firsts: NDArray[np.bool_] = (last > before)[new]
    kept: NDArray[np.bool_] = firsts[np.cumsum(new) - 1]  # equal points are as good as the first
    return kept


def ranks(points: Points) -> NDArray[np.int64]:
    """Return the rank of each of n points by non-dominated sorting, shape (n,).

    Rank 0 are the points that no other dominates, rank 1 those that only points of rank 0 dominate,
    and so on (Deb et al., IEEE Transactions on Evolutionary Computation 2002, Section III-A). Equal
    points have equal ranks. Takes O(n log n) for two objectives.
    """
    found = np.zeros(len(points), dtype=np.int64)
    if points.shape[1] == 2:
        order = best_first(points)
        found[order] = _ranks_of_pairs(points[order].tolist())
        return found
    left = np.arange(len(points))
    for rank in count():
        if not len(left):
            break
        front = nondominated(points[left])
        found[left[front]] = rank
        left = left[~front]
    return found


def _ranks_of_pairs(ranked: list[list[float]]) -> list[int]:
    """Return the ranks of pairs, the best first.

    A pair is dominated by a rank exactly if that has a second score at least as high among the
    pairs before, unless it is equal to the pair before.
    """
    found: list[int] = []
    highest: list[float] = []  # minus the highest second score of each rank, ascending
    for place, pair in enumerate(ranked):
        if place and pair == ranked[place - 1]:
            found.append(found[-1])
            continue
        rank = bisect_right(highest, -pair[1])
        highest[rank : rank + 1] = [-pair[1]]
        found.append(rank)
    return found


def crowding(points: Points) -> Points:
    """Return the crowding distance of each of n points that do not dominate each other, shape (n,).

    It is the sum over the objectives of the distance between the two neighbours of a point, divided
    by the range of that objective; infinite for the first and the last point of any objective (Deb
    et al. 2002, Section III-B). An objective in which all points are equal adds nothing.
    """
    distance = np.zeros(len(points))
    for column in points.T:
        order = np.argsort(column, kind="stable")
        ranked = column[order]
        width = ranked[-1] - ranked[0] if len(ranked) else 0.0
        if width > 0:
            distance[order[1:-1]] += (ranked[2:] - ranked[:-2]) / width
        distance[order[:1]] = distance[order[-1:]] = np.inf
    return distance

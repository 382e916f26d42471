"""Find positions of labels at which they do not overlap."""

import math
from collections.abc import Sequence


def set_apart(
    wanted: Sequence[float], gap: float, *, low: float = -math.inf, high: float = math.inf
) -> list[float]:
    """Return the positions closest to the wanted ones, in the same order, at least `gap` apart.

    Neighbours that are too close form a cluster around their mean position. This is the
    least-squares solution, by the pool-adjacent-violators algorithm. All positions are between
    `low` and `high` if there is room for them, else the first ones are above `low`.
    """
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    clusters: list[tuple[float, list[int]]] = []  # sum of shifted places, members
    for rank, index in enumerate(order):
        clusters.append((wanted[index] - rank * gap, [index]))
        while len(clusters) > 1 and _mean(clusters[-2]) > _mean(clusters[-1]):
            total, members = clusters.pop()
            before, earlier = clusters.pop()
            clusters.append((before + total, earlier + members))
    places = [0.0] * len(wanted)
    rank, most = 0, high - (len(wanted) - 1) * gap
    for cluster in clusters:
        shifted = max(min(_mean(cluster), most), low)
        for index in cluster[1]:
            places[index] = shifted + rank * gap
            rank += 1
    return places


def _mean(cluster: tuple[float, list[int]]) -> float:
    return cluster[0] / len(cluster[1])

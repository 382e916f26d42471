"""Find positions of labels at which they do not overlap."""

from collections.abc import Sequence


def set_apart(wanted: Sequence[float], gap: float) -> list[float]:
    """Return the positions closest to the wanted ones, in the same order, at least `gap` apart.

    Neighbours that are too close form a cluster around their mean position. This is the
    least-squares solution, by the pool-adjacent-violators algorithm.
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
    rank = 0
    for cluster in clusters:
        for index in cluster[1]:
            places[index] = _mean(cluster) + rank * gap
            rank += 1
    return places


def _mean(cluster: tuple[float, list[int]]) -> float:
    return cluster[0] / len(cluster[1])

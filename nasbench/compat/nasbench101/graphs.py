"""Graphs as matrices and labels: what `nasbench.lib.graph_util` of Google's code has."""

from collections.abc import Callable, Sequence
from hashlib import md5
from itertools import permutations
from typing import Any

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[Any]


def gen_is_edge_fn(bits: int) -> Callable[..., Any]:
    """Return the vectorized function of (source, target) that says whether bits have an edge.

    The bit of an edge is target (target - 1) / 2 + source; only edges to later vertices exist.
    """

    def is_edge(source: int, target: int) -> bool:
        return source < target and bool(bits >> (source + target * (target - 1) // 2) & 1)

    return np.vectorize(is_edge)


def num_edges(matrix: Matrix) -> int:
    """Return the number of edges."""
    return int(np.sum(matrix))


def is_full_dag(matrix: Matrix) -> bool:
    """Whether every vertex but the last has an edge from it, and every one but the first one to it.

    In an upper-triangular matrix, all vertices are then on a path from the first to the last.
    """
    there = np.asarray(matrix) != 0
    return bool(there[:-1].any(axis=1).all() and there[:, 1:].any(axis=0).all())


def is_upper_triangular(matrix: Matrix) -> bool:
    """Whether all edges lead to later vertices."""
    return not np.tril(matrix).any()


def hash_module(matrix: Matrix, labeling: Sequence[Any]) -> str:
    """Return the hash of a labelled graph, which is equal for isomorphic ones.

    It is that of `nasbench.spaces.nb101_hash`, for graphs of any number of vertices and any labels.
    """
    edges = np.asarray(matrix) != 0
    vertices = range(len(labeling))
    into = np.sum(matrix, axis=0).tolist()
    out = np.sum(matrix, axis=1).tolist()
    now = [_md5(str((out[one], into[one], labeling[one]))) for one in vertices]
    for _ in vertices:
        now = [
            _md5(
                "".join(sorted(now[other] for other in vertices if edges[other, one]))
                + "|"
                + "".join(sorted(now[other] for other in vertices if edges[one, other]))
                + "|"
                + now[one]
            )
            for one in vertices
        ]
    return _md5(str(sorted(now)))


def permute_graph(
    graph: Matrix, label: Sequence[Any], permutation: Sequence[int]
) -> tuple[Matrix, list[Any]]:
    """Return the graph and labels in which vertex v has become vertex `permutation[v]`."""
    before = np.argsort(permutation)
    return np.asarray(graph)[np.ix_(before, before)], [label[one] for one in before]


def is_isomorphic(graph1: tuple[Any, Sequence[Any]], graph2: tuple[Any, Sequence[Any]]) -> bool:
    """Whether two pairs of matrix and labels are equal in some order of vertices."""
    wanted, labels = np.asarray(graph2[0]), list(graph2[1])
    for order in permutations(range(len(labels))):
        matrix, names = permute_graph(np.asarray(graph1[0]), graph1[1], order)
        if names == labels and np.array_equal(matrix, wanted):
            return True
    return False


def _md5(text: str) -> str:
    return md5(text.encode(), usedforsecurity=False).hexdigest()

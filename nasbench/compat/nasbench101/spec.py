"""A cell as a matrix and operations: `ModelSpec` of Google's NAS-Bench-101 code."""

import copy
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasbench.compat.nasbench101.graphs import hash_module, is_upper_triangular


class ModelSpec:
    """A cell, given by its adjacency matrix and the operations of its vertices.

    `original_matrix` and `original_ops` are as given. `matrix` and `ops` have only the vertices on
    paths from the first to the last one; they are None, and `valid_spec` is False, if there is no
    such path.
    """

    def __init__(self, matrix: Any, ops: Sequence[str], data_format: str = "channels_last") -> None:
        """Copy and prune the cell.

        Raises `ValueError` for a matrix that is not square and upper-triangular, or has another
        number of vertices than `ops`.
        """
        given = np.array(matrix)
        if given.ndim != 2 or given.shape[0] != given.shape[1]:
            raise ValueError("matrix must be square")
        if given.shape[0] != len(ops):
            raise ValueError("length of ops must match matrix dimensions")
        if not is_upper_triangular(given):
            raise ValueError("matrix must be upper triangular")
        self.original_matrix, self.original_ops = given, copy.deepcopy(ops)
        self.data_format = data_format
        kept = _on_paths(given)
        self.valid_spec = bool(kept)
        self.matrix: Any = given[np.ix_(kept, kept)] if kept else None
        self.ops: Any = [ops[vertex] for vertex in kept] if kept else None

    def hash_spec(self, canonical_ops: Sequence[str]) -> str:
        """Return the hash of the pruned cell; an operation's label is its place in the list."""
        labels = [-1, *(list(canonical_ops).index(one) for one in self.ops[1:-1]), -2]
        return hash_module(self.matrix, labels)

    def visualize(self) -> Any:
        """Return a drawing of the cell by the package graphviz."""
        drawing = import_module("graphviz").Digraph()
        names = ["input", *self.ops[1:-1], "output"]
        for vertex, name in enumerate(names):
            drawing.node(str(vertex), name)
        for source, target in np.argwhere(self.matrix).tolist():
            drawing.edge(str(source), str(target))
        return drawing


def _on_paths(matrix: NDArray[Any]) -> list[int]:
    """Return the vertices on paths from the first to the last, ascending; empty if none is."""
    edges = matrix != 0
    last = len(edges) - 1
    after, before = {0}, {last}
    for vertex in range(last + 1):
        if any(edges[other, vertex] for other in after if other < vertex):
            after.add(vertex)
    for vertex in reversed(range(last + 1)):
        if any(edges[vertex, other] for other in before if other > vertex):
            before.add(vertex)
    kept = sorted(after & before)
    return kept if len(kept) > 1 else []

"""Mutants of one cell of NAS-Bench-101, thousands at once, by the law of `nb101_drawing.mutated`.

A search of the cells that a table has draws mutants until one of them is there, often a hundred.
Arrays have a row for each mutant; what is drawn is the same as one by one, in another order.
"""

from collections.abc import Iterator
from functools import cache

import numpy as np
from numpy.typing import NDArray

from nasbench.spaces.nb101_codes import (
    CODE_BITS,
    LABELS,
    MOST_EDGES,
    MOST_VERTICES,
    Order,
    canonical,
    label_code,
    labels_of,
    reordered,
    slots,
    vertices_of,
)
from nasbench.spaces.nb101_drawing import placed, places_of

BLOCK = 1024
"""Number of mutants that are drawn at once."""

_Numbers = NDArray[np.int64]


def mutants(cell: int, vertices: int, generator: np.random.Generator) -> Iterator[_Numbers]:
    """Yield the cell codes of independent mutants, none the cell itself, in blocks of `BLOCK`."""
    bits = 2.0 ** np.arange(len(slots(vertices)))  # numbers in which numpy multiplies fast
    inner = vertices - 2
    while True:
        matrices, labels = unpruned(cell, vertices, BLOCK, generator)
        found, missing = np.zeros(BLOCK, np.int64), np.arange(BLOCK)
        while len(missing):
            drawn = generator.integers(vertices, size=(len(missing), len(bits)), dtype=np.uint8)
            flips = ((drawn == 0).astype(np.float64) @ bits).astype(np.int64)
            steps = generator.integers(inner * (LABELS - 1), size=(len(missing), inner))
            changed = np.where(steps < LABELS - 1, (labels + 1 + steps) % LABELS, labels)
            cells = cells_of(matrices ^ flips, changed, vertices)
            made = (cells > 0) & (cells != cell)
            found[missing[made]] = cells[made]
            missing, matrices, labels = missing[~made], matrices[~made], labels[~made]
        yield found


def unpruned(
    cell: int, vertices: int, number: int, generator: np.random.Generator
) -> tuple[_Numbers, _Numbers]:
    """Draw matrices and labels that are pruned to a cell, each with equal probability.

    Shapes (number,) and (number, vertices - 2).
    """
    matrix = cell >> CODE_BITS
    inner = vertices_of(matrix) - 2
    orders = canonical(matrix).possible
    own = labels_of(inner)[cell & ((1 << CODE_BITS) - 1)]
    ordered = np.array([reordered(own, one) for one in orders], np.int64)
    ordered = ordered.reshape(len(orders), inner)  # of a cell without inner vertices, too
    places, ways = places_of(inner, vertices)
    order = generator.integers(len(orders), size=number)
    if inner == vertices - 2:
        full = np.array([placed(matrix, one, places[0], vertices) for one in orders])
        return full[order], ordered[order]
    at, left_over = ways[generator.integers(len(ways), size=number)].astype(np.int64).T
    known = np.array([[placed(matrix, one, at, vertices) for at in places] for one in orders])
    labels = generator.integers(LABELS, size=(number, vertices - 2))
    columns = np.array(places, np.int64).reshape(len(places), inner)[at] - 1
    np.put_along_axis(labels, columns, ordered[order], axis=1)
    return known[order, at] | left_over, labels


def cells_of(matrices: _Numbers, labels: _Numbers, vertices: int) -> _Numbers:
    """Return the canonical cell codes of drawn matrices and labels, 0 for those that are no cell.

    `matrices` has shape (n,) and `labels` (n, vertices - 2), as in `nb101_drawing.cell_of`.
    """
    last = vertices - 1
    before = [matrices >> v * (v - 1) // 2 & (1 << v) - 1 for v in range(vertices)]
    reached, needed = np.ones_like(matrices), np.full_like(matrices, 1 << last)
    for vertex in range(1, vertices):
        reached |= (before[vertex] & reached > 0).astype(np.int64) << vertex
    for vertex in range(last, 0, -1):
        needed |= before[vertex] * (needed >> vertex & 1)
    alive = reached & needed
    pruned, codes = np.zeros_like(matrices), np.zeros_like(matrices)
    for vertex in range(1, vertices):
        there = alive >> vertex & 1
        place = np.bitwise_count(alive & (1 << vertex) - 1).astype(np.int64)
        sources = _packing()[alive, before[vertex] & alive]
        pruned |= there * (sources << place * (place - 1) // 2)
        if vertex < last:
            codes = np.where(there == 1, codes * LABELS + labels[:, vertex - 1], codes)
    here = (alive >> last & 1 == 1) & (np.bitwise_count(pruned) <= MOST_EDGES)
    cells = np.zeros_like(matrices)
    cells[here] = _canonical().cells(pruned[here], codes[here])
    return cells


@cache
def _packing() -> _Numbers:
    """Return, for every set of vertices and every subset, the subset's places in the set as bits.

    Shape (128, 128); see `nb101_codes.pruned`.
    """
    every = np.arange(1 << MOST_VERTICES)
    packed = np.zeros((len(every), len(every)), np.int64)
    for vertex in range(MOST_VERTICES):
        place = np.bitwise_count(every & (1 << vertex) - 1)[:, None].astype(np.int64)
        both = (every[:, None] & every) >> vertex & 1
        packed |= both << place
    return packed


class _Canonical:
    """What `nb101_codes.canonical` returns, for every complete matrix that was met, as arrays."""

    def __init__(self) -> None:
        """Begin without matrices."""
        every = 1 << len(slots(MOST_VERTICES))
        self._matrix = np.zeros(every, np.int64)  # the canonical one; 0 where it was not met
        self._row = np.zeros(every, np.int64)  # of the matrix in `_labels`
        self._labels = np.zeros((0, LABELS ** (MOST_VERTICES - 2)), np.int64)
        self._rows: dict[tuple[Order, ...], int] = {}

    def cells(self, matrices: _Numbers, codes: _Numbers) -> _Numbers:
        """Return the canonical cell codes of complete matrices with label codes, both (n,)."""
        for matrix in np.unique(matrices[self._matrix[matrices] == 0]).tolist():
            self._matrix[matrix], orders, _ = canonical(matrix)
            self._row[matrix] = self._rows.setdefault(orders, len(self._rows))
        new = list(self._rows)[len(self._labels) :]
        if new:
            self._labels = np.concatenate([self._labels, [_least(one) for one in new]])
        return self._matrix[matrices] << CODE_BITS | self._labels[self._row[matrices], codes]


@cache
def _canonical() -> _Canonical:
    return _Canonical()


def _least(orders: tuple[Order, ...]) -> _Numbers:
    """Return the least label code, by any of some orders, for every label code, shape (243,)."""
    every = labels_of(len(orders[0]))
    least = [min(label_code(reordered(one, order)) for order in orders) for one in every]
    return np.array(least + [0] * (LABELS ** (MOST_VERTICES - 2) - len(least)))

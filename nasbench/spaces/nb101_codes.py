"""Cells of NAS-Bench-101 as whole numbers: their edges, the order of their vertices, their labels.

Vertex 0 is the input and the last vertex the output. The edges of a cell are the bits of its matrix
code, (source, target) at bit target (target - 1) / 2 + source, so that the code tells how many
vertices there are. The operations of the inner vertices are the digits of a label code in base 3,
the first inner vertex the most significant. A cell code is 256 times the matrix code plus the label
code.

A matrix is complete if every vertex lies on a path from input to output. Isomorphic cells differ in
the order of their vertices only. Of all orders in which edges lead to later vertices, the canonical
one has the least matrix code and, among those, the least label code.
"""

from functools import cache
from itertools import permutations, product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

OPERATIONS = ("conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3")
"""Operations of an inner vertex; a label is a position in them."""
LABELS = len(OPERATIONS)
MOST_VERTICES, MOST_EDGES = 7, 9
CODE_BITS = 8
"""Number of bits of a label code in a cell code."""

Edges = tuple[tuple[int, int], ...]
Labels = tuple[int, ...]
Order = tuple[int, ...]
"""An order of inner vertices: vertex i becomes vertex `order[i]`, both counted from 0."""


def bit(source: int, target: int) -> int:
    """Return the bit of an edge in a matrix code."""
    return 1 << (target * (target - 1) // 2 + source)


@cache
def slots(vertices: int) -> Edges:
    """Return all possible edges of cells of so many vertices, in the order of their bits."""
    return tuple((source, target) for target in range(vertices) for source in range(target))


@cache
def edges_of(matrix: int) -> Edges:
    """Return the sorted edges of a matrix code."""
    return tuple(sorted(edge for edge in slots(MOST_VERTICES) if matrix & bit(*edge)))


@cache
def vertices_of(matrix: int) -> int:
    """Return the number of vertices of a complete matrix."""
    vertices = 2
    while matrix >> (vertices * (vertices - 1) // 2):
        vertices += 1
    return vertices


@cache
def labels_of(inner: int) -> tuple[Labels, ...]:
    """Return the labels of `inner` vertices for every label code."""
    return tuple(product(range(LABELS), repeat=inner))


@cache
def label_code(labels: Labels) -> int:
    """Return the code of some labels."""
    code = 0
    for label in labels:
        code = code * LABELS + label
    return code


def reordered(labels: Labels, order: Order) -> Labels:
    """Return labels in another order of the inner vertices."""
    result = list(labels)
    for label, place in zip(labels, order, strict=True):
        result[place] = label
    return tuple(result)


def complete_matrices(vertices: int) -> NDArray[np.uint32]:
    """Return the codes of all complete cells of so many vertices and at most 9 edges, ascending."""
    codes = np.arange(1 << (vertices * (vertices - 1) // 2), dtype=np.uint32)
    codes = codes[np.bitwise_count(codes) <= MOST_EDGES]
    for vertex in range(vertices):
        enters = sum(bit(source, vertex) for source in range(vertex))
        leaves = sum(bit(vertex, target) for target in range(vertex + 1, vertices))
        for needed in (enters, leaves):
            if needed:  # the input has no edge that enters, the output none that leaves
                codes = codes[codes & np.uint32(needed) > 0]
    return codes


class Canonical(NamedTuple):
    """What becomes of a complete matrix in canonical order."""

    matrix: int
    orders: tuple[Order, ...]
    """All orders that make it the canonical matrix; for that itself, its automorphisms."""
    possible: tuple[Order, ...]
    """All orders in which every edge leads to a later vertex."""

    def cell(self, labels: Labels) -> int:
        """Return the canonical cell code of the matrix with these labels."""
        codes = [label_code(reordered(labels, order)) for order in self.orders]
        return self.matrix << CODE_BITS | min(codes)


@cache
def canonical(matrix: int) -> Canonical:
    """Return the canonical order of a complete matrix."""
    edges, orders, places = np.array(edges_of(matrix)), *_orders(vertices_of(matrix))
    start, end = places[:, edges[:, 0]], places[:, edges[:, 1]]
    possible = np.flatnonzero((start < end).all(axis=1))
    codes = (1 << (end * (end - 1) // 2 + start)[possible]).sum(axis=1)
    least = int(codes.min())
    return Canonical(
        least,
        tuple(orders[one] for one in possible[codes == least].tolist()),
        tuple(orders[one] for one in possible.tolist()),
    )


@cache
def _orders(vertices: int) -> tuple[list[Order], NDArray[np.int64]]:
    """Return all orders of the inner vertices, and the new place of every vertex in each."""
    orders = list(permutations(range(vertices - 2)))
    places = [(0, *(1 + place for place in order), vertices - 1) for order in orders]
    return orders, np.array(places)


class Pruned(NamedTuple):
    """A complete matrix that is left of another one, and the vertices that it has of it."""

    matrix: int
    kept: tuple[int, ...]
    """The inner vertices that lie on a path from input to output, counted from 0."""


_FIELDS = tuple((1 << v, v * (v - 1) // 2, (1 << v) - 1) for v in range(1, MOST_VERTICES))
"""For every vertex but the first: its bit, the place of its sources in a code, and their mask."""
_INNER = tuple(tuple(range(vertices - 2)) for vertices in range(MOST_VERTICES + 1))
"""The inner vertices of cells of so many vertices."""


def pruned(matrix: int, vertices: int) -> Pruned | None:
    """Leave out the vertices that lie on no path from input to output, and their edges.

    `matrix` may be any code of edges between `vertices` vertices. None if there is no path, or if
    more than 9 edges are left.
    """
    before, reached, last = [0], 1, vertices - 1
    for vertex, offset, mask in _FIELDS[:last]:
        sources = matrix >> offset & mask
        before.append(sources)
        if sources & reached:
            reached |= vertex
    if not reached >> last:
        return None
    needed = 1 << last
    for number in range(last, 0, -1):
        if needed >> number & 1:
            needed |= before[number]
    alive = reached & needed
    if alive == (1 << vertices) - 1:
        return None if matrix.bit_count() > MOST_EDGES else Pruned(matrix, _INNER[vertices])
    kept, pack = _packing(alive)
    code = edges = 0
    for place, vertex in enumerate(kept):
        sources = pack[before[vertex] & alive]
        code |= sources << (place * (place - 1) // 2)
        edges += sources.bit_count()
    if edges > MOST_EDGES:
        return None
    return Pruned(code, tuple([vertex - 1 for vertex in kept[1:-1]]))


@cache
def _packing(alive: int) -> tuple[tuple[int, ...], dict[int, int]]:
    """Return the vertices of a set, and for every subset the places of its vertices in the set.

    Sets are numbers with a bit for each vertex.
    """
    kept = tuple(vertex for vertex in range(MOST_VERTICES) if alive >> vertex & 1)
    pack = {}
    for subset in range(1 << len(kept)):
        places = [place for place in range(len(kept)) if subset >> place & 1]
        pack[sum(1 << kept[place] for place in places)] = subset
    return kept, pack

"""Drawing and changing cells of NAS-Bench-101 as its authors do: by matrices that are then pruned.

The authors' code draws every edge between V = 7 vertices with probability 1/2 and every operation
uniformly, prunes, and draws again until a cell of at most 9 edges is left. Very many such draws are
one cell: the vertices that are pruned can have any operations, and edges that lead nowhere. The
number of draws that are a cell is

    (orders of its vertices) x (places of its vertices among the V, edges of the others) x
    (operations of the others),

where orders that give the same matrix and labels count once. This is the law of sampling. A
mutation begins with one of the draws that are the parent, each with equal probability.
"""

from functools import cache
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from nasbench.randomness import Random
from nasbench.spaces.nb101_codes import (
    CODE_BITS,
    LABELS,
    Labels,
    Order,
    bit,
    canonical,
    edges_of,
    labels_of,
    pruned,
    reordered,
    slots,
    vertices_of,
)


def cell_of(matrix: int, labels: Labels, vertices: int) -> int | None:
    """Return the canonical cell code of a drawn matrix and labels; None if it is no cell."""
    left = pruned(matrix, vertices)
    if left is None:
        return None
    return canonical(left.matrix).cell(tuple([labels[vertex] for vertex in left.kept]))


def draw(vertices: int, random: Random) -> int:
    """Draw a cell of at most `vertices` vertices as the authors' code does; return its code."""
    inner = vertices - 2
    bounds = (1 << (vertices * (vertices - 1) // 2), LABELS**inner)
    while True:
        matrix, labels = random.integers(bounds)
        cell = cell_of(matrix, labels_of(inner)[labels], vertices)
        if cell is not None:
            return cell


def mutated(cell: int, vertices: int, random: Random) -> int:
    """Return the code of a mutant of a cell, never the cell itself.

    Each of the possible edges changes with probability 1 / V, and each operation becomes another
    one with probability 1 / (V - 2), until the result is a cell.
    """
    matrix, labels = unpruned(cell, vertices, random)
    possible, inner = (vertices,) * len(slots(vertices)), vertices - 2
    while True:
        edges = random.integers(possible)
        flips = sum([1 << place for place, drawn in enumerate(edges) if not drawn])
        # a number below V - 2 times 2: 0 and 1 change an operation to one of the two others
        steps = random.integers((inner * (LABELS - 1),) * inner)
        changed = tuple([
            (label + 1 + step) % LABELS if step < LABELS - 1 else label
            for label, step in zip(labels, steps, strict=True)
        ])  # fmt: skip
        found = cell_of(matrix ^ flips, changed, vertices)
        if found is not None and found != cell:
            return found


def unpruned(cell: int, vertices: int, random: Random) -> tuple[int, Labels]:
    """Draw one of the matrices and labels of all `vertices` vertices that are pruned to a cell.

    Each of them has the same probability.
    """
    matrix = cell >> CODE_BITS
    inner = vertices_of(matrix) - 2
    order = random.choice(canonical(matrix).possible)
    own = reordered(labels_of(inner)[cell & ((1 << CODE_BITS) - 1)], order)
    places, others = places_of(inner, vertices)
    if inner == vertices - 2:
        return placed(matrix, order, places[0], vertices), own
    at, left_over = others[random.integer(len(others))].tolist()
    drawn = list(labels_of(vertices - 2)[random.integer(LABELS ** (vertices - 2))])
    for vertex, label in zip(places[at], own, strict=True):
        drawn[vertex - 1] = label
    return placed(matrix, order, places[at], vertices) | left_over, tuple(drawn)


@cache
def placed(matrix: int, order: Order, place: tuple[int, ...], vertices: int) -> int:
    """Return the matrix among `vertices` vertices of a cell in another order, at some places."""
    target = (0, *(place[one] for one in order), vertices - 1)
    return sum(bit(target[a], target[b]) for a, b in edges_of(matrix))


@cache
def places_of(inner: int, vertices: int) -> tuple[list[tuple[int, ...]], NDArray[np.uint32]]:
    """Return the places that `inner` vertices can have among the inner ones of `vertices`.

    Also returned is, for every way that edges at the other vertices can be without any of these
    lying on a path from input to output, the position of the places and the edges, shape (ways, 2).
    """
    places = list(combinations(range(1, vertices - 1), inner))
    ways = []
    for number, place in enumerate(places):
        edges = _idle_edges(place, vertices)
        ways.append(np.stack([np.full_like(edges, number), edges], axis=1))
    return places, np.concatenate(ways)


def _idle_edges(place: tuple[int, ...], vertices: int) -> NDArray[np.uint32]:
    """Return all sets of edges at the vertices not in `place` by which no path goes over them."""
    kept = {0, *place, vertices - 1}
    free = [edge for edge in slots(vertices) if not set(edge) <= kept]
    codes = np.zeros(1 << len(free), dtype=np.uint32)
    for number, edge in enumerate(free):
        codes[np.arange(len(codes)) >> number & 1 == 1] |= np.uint32(bit(*edge))
    reached = np.full(len(codes), sum(1 << vertex for vertex in kept - {vertices - 1}))
    for vertex in (one for one in range(1, vertices - 1) if one not in kept):
        reached |= (_before(codes, vertex) & reached > 0).astype(np.int64) << vertex
    needed = np.full(len(codes), sum(1 << vertex for vertex in kept - {0}))
    for vertex in range(vertices - 1, 0, -1):
        there = needed >> vertex & 1 == 1
        needed |= np.where(there, _before(codes, vertex), 0)
    idle = sum(1 << vertex for vertex in range(vertices) if vertex not in kept)
    return np.asarray(codes[reached & needed & idle == 0])


def _before(codes: NDArray[np.uint32], vertex: int) -> NDArray[np.int64]:
    """Return the vertices with an edge to `vertex`, as bits, for each matrix code."""
    sources = codes >> np.uint32(vertex * (vertex - 1) // 2)
    return (sources & np.uint32((1 << vertex) - 1)).astype(np.int64)


def law(cells: NDArray[np.uint32], vertices: int) -> NDArray[np.float64]:
    """Return the probability that `draw` returns each of all cells, shape of `cells`."""
    matrices, rows = np.unique(cells >> CODE_BITS, return_inverse=True)
    ways = np.stack([_draws(matrix, vertices) for matrix in matrices.tolist()])
    found = ways[rows, cells & ((1 << CODE_BITS) - 1)]
    return np.asarray(found / found.sum())


def _draws(matrix: int, vertices: int) -> NDArray[np.int64]:
    """Return the number of draws that are each cell of a canonical matrix, by label code."""
    known = canonical(matrix)
    inner = vertices_of(matrix) - 2
    others = len(places_of(inner, vertices)[1]) * LABELS ** (vertices - 2 - inner)
    every = np.array(labels_of(inner), dtype=np.int64).reshape(LABELS**inner, inner)
    same = np.zeros(len(every), dtype=np.int64)
    for order in known.orders:
        same += (every[:, list(order)] == every).all(axis=1)
    draws = np.zeros(LABELS ** (vertices - 2), dtype=np.int64)
    draws[: len(every)] = len(known.possible) * others // same
    return draws

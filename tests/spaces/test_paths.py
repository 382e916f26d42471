"""The path encoding of cells with operations on their edges, by hand and by brute force."""

from itertools import product

import numpy as np
import pytest

from nasbench.spaces.nb201 import AVG_POOL, CONV_1X1, CONV_3X3, EDGES, NONE, SKIP, NasBench201
from nasbench.spaces.paths import edge_paths, path_encoding
from nasbench.spaces.transnas import TransNasMicro


def sequences(operations: int) -> list[tuple[int, ...]]:
    """All sequences of one to three operations, by length and then by operations."""
    return [one for length in (1, 2, 3) for one in product(range(operations), repeat=length)]


def has(cell: tuple[int, ...], sequence: tuple[int, ...]) -> bool:
    """Whether a walk of a cell's edges from node 0 to node 3 meets a sequence of operations."""

    def walks(node: int, rest: tuple[int, ...]) -> bool:
        if node == 3:
            return not rest
        return any(
            bool(rest) and source == node and cell[place] == rest[0] and walks(target, rest[1:])
            for place, (source, target) in enumerate(EDGES)
        )

    return walks(0, sequence)


def test_paths_of_four_nodes_are_the_published_ones() -> None:
    """0->3; 0->1->3 and 0->2->3; 0->1->2->3, by positions in the order of the official string."""
    assert edge_paths(EDGES) == ((3,), (0, 4), (1, 5), (0, 2, 5))
    assert edge_paths([(0, 2), (0, 1), (1, 2)]) == ((0,), (1, 2))
    assert edge_paths([(0, 1)]) == ((0,),)


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        (
            (CONV_3X3, NONE, SKIP, AVG_POOL, CONV_1X1, CONV_3X3),
            [(AVG_POOL,), (CONV_3X3, CONV_1X1), (NONE, CONV_3X3), (CONV_3X3, SKIP, CONV_3X3)],
        ),
        # two paths of the same operations are one feature
        ((SKIP,) * 6, [(SKIP,), (SKIP, SKIP), (SKIP, SKIP, SKIP)]),
    ],
)
def test_cells_worked_by_hand(cell: tuple[int, ...], expected: list[tuple[int, ...]]) -> None:
    made = NasBench201().encodings()["path"]([cell])
    assert made.shape == (1, 155)
    assert [sequences(5)[place] for place in np.flatnonzero(made[0])] == sorted(
        expected, key=lambda one: (len(one), one)
    )


def test_every_cell_against_a_walk_along_its_edges() -> None:
    space = TransNasMicro()
    made = space.encodings()["path"](space.architectures)
    assert made.shape == (4096, 84)
    wanted = [[has(cell, one) for one in sequences(4)] for cell in space.architectures]
    assert np.array_equal(made, np.array(wanted))


def test_all_cells_are_told_apart() -> None:
    """Sets of the four paths, found here by their edges, are the features of all 15,625 cells."""
    space, order = NasBench201(), {one: place for place, one in enumerate(sequences(5))}
    made = space.encodings()["path"](space.architectures)
    found = [set(np.flatnonzero(row).tolist()) for row in made]
    wanted = [
        {order[d,], order[a, e], order[b, f], order[a, c, f]}
        for a, b, c, d, e, f in space.architectures
    ]
    assert found == wanted
    assert len({frozenset(one) for one in found}) == 15_625


def test_no_cells_have_no_rows() -> None:
    assert path_encoding([], EDGES, 5).shape == (0, 155)


@pytest.mark.parametrize("space", [NasBench201(), TransNasMicro()], ids=["nb201", "transnas"])
def test_live_paths_are_those_without_zero(space: NasBench201 | TransNasMicro) -> None:
    """By a walk along the edges of every 41st cell; zero is operation 0."""
    operations = len(space.decisions[0].choices)
    live = [one for one in sequences(operations) if 0 not in one]
    cells = space.architectures[::41]
    expected = [[has(cell, sequence) for sequence in live] for cell in cells]
    found = space.encodings()["live-path"](cells)
    assert found.tolist() == np.array(expected, float).tolist()


def test_operations_that_no_data_reaches_leave_live_paths_as_they_are() -> None:
    """Node 1 has no input, so what its edges to nodes 2 and 3 do is the same network."""
    cells = [(NONE, CONV_3X3, one, SKIP, other, AVG_POOL) for one in range(5) for other in range(5)]
    assert len(np.unique(NasBench201().live_paths(cells), axis=0)) == 1
    assert len(np.unique(NasBench201().paths(cells), axis=0)) == 25

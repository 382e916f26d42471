"""Graph spaces: as many cells as NAS-Bench-101 has of the same size, closed under mutation."""

from itertools import combinations, permutations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nasbench.errors import InvalidInput
from nasbench.randomness import Random
from nasbench.spaces.graph import Graph, GraphSpace

OPERATIONS = ("conv1x1", "conv3x3", "pool")


def cells(nodes: int) -> set[Graph]:
    """List all cells of exactly so many nodes, each of which is on a path, and at most 9 edges."""
    space = GraphSpace("g", OPERATIONS, nodes, 9)
    slots = list(combinations(range(nodes), 2))
    found = set()
    for operations in product(OPERATIONS, repeat=nodes - 2):
        for bits in range(2 ** len(slots)):
            edges = [slot for place, slot in enumerate(slots) if bits >> place & 1]
            made = space.pruned(operations, edges)
            if made is not None and made.nodes == nodes:
                found.add(made)
    return found


@pytest.mark.parametrize(("nodes", "unique"), [(2, 1), (3, 6), (4, 84), (5, 2441)])
def test_there_are_as_many_as_in_nas_bench_101(nodes: int, unique: int) -> None:
    """Its 423,624 cells: 1, 6, 84, 2,441, 62,010, 359,082 of 2 to 7 vertices (Ying et al.)."""
    space = GraphSpace("g", OPERATIONS, nodes)
    assert len({space.canonical(one) for one in cells(nodes)}) == unique


def test_the_canonical_form_is_shared_by_isomorphic_graphs_only() -> None:
    """By brute force over the orders of inner nodes, for all cells of four nodes."""
    space = GraphSpace("g", OPERATIONS, 4)

    def smallest(one: Graph) -> tuple[object, ...]:
        forms = []
        for order in permutations(range(1, one.nodes - 1)):
            place = {0: 0, one.nodes - 1: one.nodes - 1, **{n: i for i, n in enumerate(order, 1)}}
            forms.append((
                tuple(one.operations[n - 1] for n in order),
                tuple(sorted((place[a], place[b]) for a, b in one.edges)),
            ))  # fmt: skip
        return min(forms)

    hashes: dict[str, set[object]] = {}
    for one in cells(4):
        hashes.setdefault(space.canonical(one), set()).add(smallest(one))
    assert all(len(forms) == 1 for forms in hashes.values())
    assert len({form for forms in hashes.values() for form in forms}) == len(hashes)


@given(st.integers(0, 2**32))
def test_changes_stay_inside(seed: int) -> None:
    space, random = GraphSpace("g", OPERATIONS, 6, 8), Random(seed)
    one = space.sample(random)
    assert space.contains(one)
    assert space.parse(space.format(one)) == one
    mutant = space.mutate(one, random)
    assert mutant != one
    assert space.contains(mutant)
    assert all(space.contains(neighbour) for neighbour in space.neighbours(one))


def test_every_cell_is_reached_by_mutations() -> None:
    space = GraphSpace("g", ("a", "b"), 4)
    seen, ends = set(), [space.sample(Random(0))]
    while ends:
        one = ends.pop()
        if one not in seen:
            seen.add(one)
            ends += space.neighbours(one)
    every = {
        made
        for nodes in (2, 3, 4)
        for operations in product("ab", repeat=nodes - 2)
        for bits in range(2 ** (nodes * (nodes - 1) // 2))
        if (made := space.pruned(
            operations,
            [s for i, s in enumerate(combinations(range(nodes), 2)) if bits >> i & 1],
        )) is not None
    }  # fmt: skip
    assert seen == every


def test_encodings_worked_by_hand() -> None:
    """input -> a -> output and input -> output, of operations a and b and at most four nodes."""
    space = GraphSpace("g", ("a", "b"), 4)
    graph = Graph(("a",), ((0, 1), (0, 2), (1, 2)))
    # slots 01 02 03 12 13 23, then a b of each inner node; the output is node 3
    assert space.adjacency([graph]).tolist() == [[1, 0, 1, 0, 1, 0, 1, 0, 0, 0]]
    # the empty path, a, b, aa, ab, ba, bb
    assert space.paths([graph]).tolist() == [[1, 1, 0, 0, 0, 0, 0]]
    both = Graph(("a", "b"), ((0, 1), (1, 2), (2, 3)))
    assert np.flatnonzero(space.paths([both])[0]).tolist() == [4]
    assert set(space.encodings()) == {"adjacency", "path"}


def test_a_graph_without_neighbours_is_one_line() -> None:
    space = GraphSpace("g", ("a", "b"), 3, 2)
    assert space.neighbours(Graph((), ((0, 1),))) == []
    with pytest.raises(InvalidInput, match="has no neighbour in space 'g': allow more"):
        space.mutate(Graph((), ((0, 1),)), Random(0))
    assert not space.contains(Graph(("a",), ([0, 1], [1, 2])))  # type: ignore[arg-type]
    for operations in (("a,b",), ("a|b",), ("a", "a"), ("",)):
        with pytest.raises(InvalidInput, match="must differ and have neither comma nor"):
            GraphSpace("g", operations, 4)


@pytest.mark.parametrize(
    "text",
    [
        "a| 0-1,1-2",
        "a|1-2,0-1",
        "",
        "a|",
        "a|0-1",
        "a|0-1,1-2,0-9",
        "c|0-1,1-2",
        "a,b|0-1,1-3",
        "a",
    ],
)
def test_text_that_is_none_is_named(text: str) -> None:
    with pytest.raises(
        InvalidInput, match="is no cell of space 'g': write operations of at most 2"
    ):
        GraphSpace("g", ("a", "b"), 4).parse(text)

"""The space of NAS-Bench-101 against its published counts and a second, literal implementation.

The literal one follows the paper's description: matrices of ones and zeros that are pruned, and a
hash of texts.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from itertools import islice, pairwise, permutations, product

import numpy as np
import pytest
from numpy.typing import NDArray

from nasbench.errors import InvalidInput
from nasbench.randomness import Random
from nasbench.spaces import get_space
from nasbench.spaces.graph import Graph
from nasbench.spaces.nb101 import NasBench101
from nasbench.spaces.nb101_batches import cells_of
from nasbench.spaces.nb101_cells import enumerated, stored
from nasbench.spaces.nb101_codes import OPERATIONS
from nasbench.spaces.nb101_drawing import cell_of
from nasbench.testing import SpaceConformance
from tests.upstream import upstream

SPACE = NasBench101()
SMALL = NasBench101(5)
SAMPLE = "tiga1231/nasbench-vis/7aec0e76fbcd963371799af25f78223069897b58/static/data/data-20k.json"
Matrix = NDArray[np.int64]


class TestAll(SpaceConformance):
    space = "nb101"
    local = False


class TestSmall(SpaceConformance):
    space = "nb101-5v"
    local = False


class TestThree(SpaceConformance):
    """Seven cells, few enough to see that sampling follows its law."""

    space = NasBench101(3)
    local = False


def literal_prune(matrix: Matrix, labels: list[int]) -> tuple[Matrix, list[int]] | None:
    """Keep the vertices that the input reaches and that reach the output, by powers of a matrix."""
    reach = np.linalg.matrix_power(np.eye(len(matrix), dtype=int) + matrix, len(matrix)) > 0
    kept = [v for v in range(len(matrix)) if reach[0, v] and reach[v, -1]]
    if 0 not in kept:
        return None
    left = matrix[np.ix_(kept, kept)]
    return (left, [labels[v] for v in kept]) if left.sum() <= 9 else None


def literal_hash(matrix: Matrix, labels: list[int]) -> str:
    def md5(text: str) -> str:
        return hashlib.md5(text.encode()).hexdigest()

    nodes = range(len(matrix))
    now = [md5(str((int(matrix[v].sum()), int(matrix[:, v].sum()), labels[v]))) for v in nodes]
    for _ in nodes:
        now = [
            md5(
                "".join(sorted(now[u] for u in nodes if matrix[u, v]))
                + "|"
                + "".join(sorted(now[w] for w in nodes if matrix[v, w]))
                + "|"
                + now[v]
            )
            for v in nodes
        ]
    return md5(str(sorted(now)))


def literal(cell: Graph) -> tuple[Matrix, list[int]]:
    matrix = np.zeros((cell.nodes, cell.nodes), dtype=int)
    for edge in cell.edges:
        matrix[edge] = 1
    return matrix, [-1, *map(OPERATIONS.index, cell.operations), -2]


def literal_draw(vertices: int, generator: np.random.Generator) -> tuple[Matrix, list[int]]:
    """Draw matrices and labels, not pruned, until they are a cell."""
    while True:
        matrix = np.triu(generator.integers(2, size=(vertices, vertices)), 1)
        labels = [-1, *generator.integers(3, size=vertices - 2).tolist(), -2]
        if literal_prune(matrix, labels) is not None:
            return matrix, labels


def literal_mutant(
    matrix: Matrix, labels: list[int], generator: np.random.Generator
) -> tuple[Matrix, list[int]]:
    """Change edges with probability 1 / V and labels with 1 / (V - 2), until it is a cell."""
    size = len(matrix)
    while True:
        flips = np.triu(generator.random((size, size)) < 1 / size, 1)
        other, new = np.where(flips, 1 - matrix, matrix), list(labels)
        for vertex in range(1, size - 1):
            if generator.random() < 1 / (size - 2):
                new[vertex] = int(generator.choice([x for x in range(3) if x != labels[vertex]]))
        if literal_prune(other, new) is not None:
            return other, new


def found(space: NasBench101, matrix: Matrix, labels: list[int]) -> Graph:
    cell = space.find([OPERATIONS[one] for one in labels[1:-1]], list(zip(*matrix.nonzero())))  # noqa: B905
    assert cell is not None
    return cell


def reordered(cell: Graph, order: tuple[int, ...]) -> Graph:
    """Rename the inner vertices; edges may then lead to vertices of lower number."""
    place = (0, *(1 + one for one in order), cell.nodes - 1)
    words = [""] * len(order)
    for one, word in zip(order, cell.operations, strict=True):
        words[one] = word
    return Graph(tuple(words), tuple((place[a], place[b]) for a, b in cell.edges))


def drawn(number: int, seed: int = 0, space: NasBench101 = SPACE) -> list[Graph]:
    random = Random(seed)
    return [space.sample(random) for _ in range(number)]


def test_there_are_as_many_cells_as_published() -> None:
    """1, 6, 84, 2,441, 62,010 and 359,082 cells of 2 to 7 vertices; 2,532 of at most 5."""
    assert SPACE.size == 423_624
    assert SMALL.size == 2_532
    counts = Counter(one.nodes for one in SPACE.architectures)
    assert counts == {2: 1, 3: 6, 4: 84, 5: 2441, 6: 62010, 7: 359082}
    assert max(len(one.edges) for one in SPACE.architectures) == 9


def test_the_file_is_what_an_enumeration_finds() -> None:
    """For at most five vertices; the slow test is of all."""
    codes, hashes = enumerated(5)
    assert np.array_equal(codes, stored(5))
    assert hashes == sorted(set(hashes))


@pytest.mark.slow
def test_the_whole_file_is_what_an_enumeration_finds() -> None:
    codes, hashes = enumerated()
    assert np.array_equal(codes, stored())
    assert len(set(hashes)) == 423_624
    assert hashes == sorted(hashes)


def test_cells_are_sorted_by_their_hash() -> None:
    """The first hash of the official files, and a thousand others in order."""
    assert SPACE.hash_of(SPACE.architecture(0)) == "00005c142e6f48ac74fdcf73e3439874"
    some = [literal_hash(*literal(SPACE.architecture(i))) for i in range(0, 423_624, 424)]
    assert all(one < other for one, other in pairwise(some))


def test_hashes_are_those_of_the_literal_rule() -> None:
    for one in drawn(300):
        assert SPACE.hash_of(one) == literal_hash(*literal(one))


def test_isomorphic_cells_are_one_architecture() -> None:
    """However the vertices are numbered, and with vertices that lead nowhere."""
    for cell in drawn(60, 1):
        for order in permutations(range(cell.nodes - 2)):
            other = reordered(cell, order)
            assert SPACE.find(other.operations, other.edges) == cell
            assert SPACE.contains(other) == (other == cell)
    extra = SPACE.find(("maxpool3x3", "conv1x1-bn-relu"), [(0, 2), (2, 3), (0, 1)])
    assert extra == Graph(("conv1x1-bn-relu",), ((0, 1), (1, 2)))


def test_different_cells_differ_in_every_order() -> None:
    """No two of the 84 cells of four vertices are isomorphic, by brute force."""
    forms = set()
    for cell in (one for one in SMALL.architectures if one.nodes == 4):
        others = [reordered(cell, order) for order in permutations((0, 1))]
        forms.add(min((one.operations, tuple(sorted(one.edges))) for one in others))
    assert len(forms) == 84


def draws_of(vertices: int) -> Iterator[tuple[Matrix, list[int]]]:
    slots = [(a, b) for a in range(vertices) for b in range(a + 1, vertices)]
    for bits in product((0, 1), repeat=len(slots)):
        matrix = np.zeros((vertices, vertices), dtype=int)
        for slot, one in zip(slots, bits, strict=True):
            matrix[slot] = one
        for labels in product(range(3), repeat=vertices - 2):
            yield matrix, [-1, *labels, -2]


def test_the_law_of_sampling_is_exact() -> None:
    """Every matrix and labels of four vertices, counted."""
    space = NasBench101(4)
    counts = np.zeros(space.size)
    for matrix, labels in draws_of(4):
        if literal_prune(matrix, labels) is not None:
            counts[space.index(found(space, matrix, labels))] += 1
    assert np.allclose(counts / counts.sum(), space.sampling_law, rtol=1e-12)


def test_samples_follow_the_law() -> None:
    """100,000 draws of the space and 6,000 literal ones, by the classes of the commonest cells."""
    common = np.argsort(SPACE.sampling_law)[::-1][:30]
    share = SPACE.sampling_law[common]
    generator = np.random.default_rng(0)
    literally = [found(SPACE, *literal_draw(7, generator)) for _ in range(6_000)]
    for cells in (drawn(100_000, 2), literally):
        counts = np.bincount([SPACE.index(one) for one in cells], minlength=SPACE.size)[common]
        spread = np.sqrt(share * (1 - share) / len(cells))
        assert (abs(counts / len(cells) - share) < 5 * spread).all()


@pytest.mark.parametrize("vertices", [4, 7])
def test_mutants_follow_the_literal_rule(vertices: int) -> None:
    """Parent and child by their numbers of vertices and edges, from 12,000 pairs of each kind."""
    space, random = NasBench101(vertices), Random(3)
    generator = np.random.default_rng(4)
    ours, literally = Counter[object](), Counter[object]()
    for _ in range(12_000):
        matrix, labels = literal_draw(vertices, generator)
        parent = found(space, matrix, labels)
        child = parent
        while child == parent:
            child = found(space, *literal_mutant(matrix, labels, generator))
        literally[parent.nodes, len(parent.edges), child.nodes, len(child.edges)] += 1
        mutant = space.mutate(parent, random)
        ours[parent.nodes, len(parent.edges), mutant.nodes, len(mutant.edges)] += 1
    kinds = [kind for kind in {*ours, *literally} if ours[kind] + literally[kind] >= 10]
    one, other = (np.array([of[kind] for kind in kinds]) for of in (ours, literally))
    chi_square = ((one - other) ** 2 / (one + other)).sum()
    assert chi_square < len(kinds) + 5 * np.sqrt(2 * len(kinds))


def test_mutants_in_blocks_follow_the_exact_law_of_four_vertices() -> None:
    """All draws that are pruned to a parent, each with all changes of its edges and operations."""
    space = NasBench101(4)
    draws = [(matrix, labels) for matrix, labels in draws_of(4)
             if literal_prune(matrix, labels) is not None]  # fmt: skip
    cells = [space.index(found(space, *one)) for one in draws]
    edges = np.array([matrix[np.triu_indices(4, 1)] for matrix, _ in draws])
    inner = np.array([labels[1:-1] for _, labels in draws])
    for parent in (0, 40, 83, space.index(space.parse("|0-1"))):
        law = np.zeros(space.size)
        for place in (one for one, cell in enumerate(cells) if cell == parent):
            flips = (edges != edges[place]).sum(axis=1)
            others = (inner != inner[place]).sum(axis=1)
            chance = 0.25**flips * 0.75 ** (6 - flips) * 0.25**others * 0.5 ** (2 - others)
            given = np.bincount(cells, chance, space.size)
            given[parent] = 0
            law += given / given.sum()
        law /= law.sum()
        blocks = space.mutant_indices(space.architecture(parent), Random(parent))
        drawn = np.concatenate(list(islice(blocks, 40)))
        counts = np.bincount(drawn, minlength=space.size)
        expected = law * len(drawn)
        common = expected > 5
        chi_square = ((counts - expected)[common] ** 2 / expected[common]).sum()
        assert chi_square < common.sum() + 5 * np.sqrt(2 * common.sum())
        assert counts[~common].sum() < 100 * max(1, expected[~common].sum())


def test_codes_of_many_draws_are_those_of_one() -> None:
    for vertices in (3, 5, 7):
        generator = np.random.default_rng(vertices)
        matrices = generator.integers(1 << (vertices * (vertices - 1) // 2), size=5_000)
        labels = generator.integers(3, size=(5_000, vertices - 2))
        expected = [
            cell_of(matrix, tuple(row), vertices) or 0
            for matrix, row in zip(matrices.tolist(), labels.tolist(), strict=True)
        ]
        assert cells_of(matrices, labels, vertices).tolist() == expected
        assert 0 < expected.count(0) < 5_000


def test_mutants_in_blocks_of_large_cells_follow_those_one_by_one() -> None:
    """Of three cells of 7, 6 and 4 vertices, by the vertices and edges of 8,000 mutants each."""
    for number, nodes in enumerate((7, 6, 4)):
        parent = next(one for one in drawn(2_000, number) if one.nodes == nodes)
        random = Random(number)
        cells = [SPACE.mutate(parent, random) for _ in range(8_000)]
        blocks = np.concatenate(list(islice(SPACE.mutant_indices(parent, random), 8)))[:8_000]
        assert SPACE.index(parent) not in blocks
        one, other = (
            Counter((cell.nodes, len(cell.edges), cell.operations.count("maxpool3x3"))
                    for cell in kind)
            for kind in (cells, map(SPACE.architecture, blocks.tolist()))
        )  # fmt: skip
        kinds = [kind for kind in {*one, *other} if one[kind] + other[kind] >= 10]
        first, second = (np.array([of[kind] for kind in kinds]) for of in (one, other))
        chi_square = ((first - second) ** 2 / (first + second)).sum()
        assert chi_square < len(kinds) + 5 * np.sqrt(2 * len(kinds))


def test_neighbours_are_all_single_changes() -> None:
    """The chain of one vertex: two other operations, an edge, and a second vertex beside or after.

    A vertex on a new path: from the input to the output or to the vertex, or from that to the
    output, each with three operations.
    """
    cell = SPACE.parse("maxpool3x3|0-1,1-2")
    written = {SPACE.format(one) for one in SPACE.neighbours(cell)}
    others = {f"{one}|0-1,1-2" for one in OPERATIONS[:2]} | {"maxpool3x3|0-1,0-2,1-2"}
    grown = [Graph(("maxpool3x3", new), edges) for new in OPERATIONS for edges in (
        ((0, 1), (1, 3), (0, 2), (2, 3)),
        ((0, 1), (1, 3), (0, 2), (2, 1)),
        ((0, 1), (1, 3), (1, 2), (2, 3)),
    )]  # fmt: skip
    expected = {SPACE.find(*one) for one in grown}
    assert written == others | {SPACE.format(one) for one in expected if one is not None}
    assert len(written) == 12


def test_every_small_cell_is_reached_by_single_changes() -> None:
    seen, ends = set(), [SMALL.architecture(0)]
    while ends:
        one = ends.pop()
        if one not in seen:
            seen.add(one)
            ends += SMALL.neighbours(one)
    assert len(seen) == 2_532


def test_parameters_are_those_that_are_known() -> None:
    """By hand for the smallest cell; the extremes of the official files are 227,274 and 49,979,274.

    The smallest cell has a 1x1 convolution from 128 to 128, 128 to 256 and 256 to 512 channels and
    two of equal channels after each, and nothing else but the stem and the classifier.
    """
    pairs = [(128, 128), (128, 256), (256, 512)]
    cells = sum(a * b + 2 * b + 2 * (b * b + 2 * b) for a, b in pairs)
    stem, classifier = 27 * 128 + 2 * 128, 512 * 10 + 10
    assert SPACE.parameters(SPACE.parse("|0-1")) == stem + cells + classifier
    known = [SPACE.parameters(one) for one in SPACE.architectures]
    assert (min(known), max(known)) == (227_274, 49_979_274)


def test_texts_of_other_orders_name_the_right_one() -> None:
    cell = "conv1x1-bn-relu,maxpool3x3|0-1,0-2,1-3,2-3"
    assert SPACE.format(SPACE.parse(cell)) == cell
    with pytest.raises(InvalidInput, match=r"write it conv1x1-bn-relu,maxpool3x3\|0-1,0-2,1-3,2-3"):
        SPACE.parse("maxpool3x3,conv1x1-bn-relu|0-1,0-2,1-3,2-3")
    for wrong in ("conv|0-1,1-2", "maxpool3x3|0-1", "maxpool3x3|0-2,1-2", "|1-0", "|0-0", "|"):
        with pytest.raises(InvalidInput, match=r"is no cell of space 'nb101'|canonical order"):
            SPACE.parse(wrong)
    with pytest.raises(InvalidInput, match="at most 3 vertices"):
        get_space("nb101-5v").parse(SPACE.format(SPACE.architecture(0)))
    with pytest.raises(InvalidInput, match="2 to 7 vertices, not 8"):
        NasBench101(8)


def test_the_only_cell_of_two_vertices_has_no_mutant() -> None:
    space = NasBench101(2)
    assert space.size == 1
    with pytest.raises(InvalidInput, match="one architecture only"):
        space.mutate(space.sample(Random(0)), Random(0))


def test_the_sample_of_20001_cells_has_these_hashes_and_parameters() -> None:
    known = json.loads((upstream() / SAMPLE).read_text())
    cells = SPACE.architectures[:20_001]
    assert [SPACE.hash_of(one) for one in cells] == known["key"]
    assert [SPACE.parameters(one) for one in cells] == known["trainable_parameters"]

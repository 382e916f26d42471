"""NAS-Bench-201's cell against the official libraries and published counts."""

from collections import Counter
from collections.abc import Iterable
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nasbench.errors import InvalidInput
from nasbench.spaces.nb201 import AVG_POOL, EDGES, INPUTS, NasBench201, live_edges

space = NasBench201()
indices = st.integers(0, 15_624)


@pytest.mark.parametrize(
    ("index", "text"),
    [
        (
            0,
            "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|"
            "+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|",
        ),
        (9, "|avg_pool_3x3~0|+|none~0|none~1|+|skip_connect~0|none~1|nor_conv_3x3~2|"),
        (
            123,
            "|avg_pool_3x3~0|+|avg_pool_3x3~0|nor_conv_1x1~1|"
            "+|none~0|avg_pool_3x3~1|nor_conv_3x3~2|",
        ),
    ],
)
def test_published_indices(index: int, text: str) -> None:
    assert space.format(space.architecture(index)) == text
    assert space.index(space.parse(text)) == index


def test_size_and_order_are_one_to_one() -> None:
    assert space.size == len(set(space.architectures)) == 15_625
    assert [space.index(a) for a in space.architectures] == list(range(15_625))


def test_class_counts() -> None:
    assert len(np.unique(space.isomorphism_class)) == 6466  # the paper's
    assert len(np.unique(space.function_class)) == 4930
    for classes in (space.isomorphism_class, space.function_class):
        assert (classes <= np.arange(15_625)).all()
        assert (classes[classes] == classes).all()
    finer = {tuple(p) for p in zip(space.isomorphism_class, space.function_class, strict=True)}
    assert len(finer) == 6466  # the paper's classes refine the functional ones


def _evaluate(cell: tuple[int, ...], x: float) -> float:
    """Compute a cell on a number with distinct nonlinear functions for its operations."""
    functions = {
        2: lambda v: np.sin(v) + 2 * v,
        3: lambda v: v * v + v / 7,
        4: lambda v: np.cos(v) + v / 3,
    }
    nodes: dict[int, float | None] = {0: x}
    for operation, (source, target) in zip(cell, EDGES, strict=True):
        value = nodes[source]
        nodes.setdefault(target, None)
        if operation == 0 or value is None:
            continue
        term = value if operation == 1 else functions[operation](value)
        nodes[target] = term if nodes[target] is None else nodes[target] + term
    return float("nan") if nodes[3] is None else float(nodes[3])


def test_function_classes_are_exactly_the_equal_functions() -> None:
    values = np.array([[_evaluate(a, x) for x in (0.37, 0.81)] for a in space.architectures])
    keys = np.round(np.nan_to_num(values, nan=-1e9), 9)
    _, numeric = np.unique(keys, axis=0, return_inverse=True)
    pairs = set(zip(numeric.reshape(-1).tolist(), space.function_class.tolist(), strict=True))
    assert len(pairs) == len(set(numeric.reshape(-1).tolist())) == 4930


def _network(cell: tuple[int, ...]) -> str:
    """Write a cell as a network whose convolutions have names, under the smallest naming.

    A node is a multiset of terms; a convolution is one module per edge, pooling has no weights.
    """
    nodes: list[Counter[tuple]] = [Counter({("x",): 1})]
    for target in range(1, 4):
        total: Counter[tuple] = Counter()
        for edge, ((source, end), operation) in enumerate(zip(EDGES, cell, strict=True)):
            if end != target or operation == 0 or not nodes[source]:
                continue
            if operation == 1:
                total += nodes[source]
            else:
                name = "pool" if operation == AVG_POOL else edge
                total[(name, operation, frozenset(nodes[source].items()))] += 1
        nodes.append(total)

    def modules(terms: Iterable[tuple[tuple, int]]) -> set[int]:
        own = {term[0] for term, _ in terms if isinstance(term[0], int)}
        return own.union(*(modules(term[2]) for term, _ in terms if len(term) > 1))

    def write(terms: Iterable[tuple[tuple, int]], names: dict[int, int]) -> str:
        texts = [
            f"{count}x" if term == ("x",)
            else f"{count}{names.get(term[0], 'p')}:{term[1]}({write(term[2], names)})"
            for term, count in terms
        ]  # fmt: skip
        return "+".join(sorted(texts))

    used = sorted(modules(nodes[3].items()))
    namings = [dict(zip(used, p, strict=True)) for p in permutations(range(len(used)))]
    return min(write(nodes[3].items(), naming) for naming in namings)


def test_network_classes_are_exactly_the_equal_networks() -> None:
    """Unlike the sums of terms, they tell a module used twice from two modules."""
    cells = range(0, 15_625, 5)  # a fifth of them: every relabelling of every cell is slow
    pairs = {(_network(space.architecture(i)), int(space.network_class[i])) for i in cells}
    assert len(pairs) == len({text for text, _ in pairs}) == len({number for _, number in pairs})
    assert len(np.unique(space.network_class)) == 5260
    finer = set(zip(space.network_class.tolist(), space.function_class.tolist(), strict=True))
    assert len(finer) == 5260  # networks that are equal compute equal sums
    once = space.parse(
        "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|none~0|skip_connect~1|skip_connect~2|"
    )
    twice = space.parse("|nor_conv_3x3~0|+|none~0|none~1|+|nor_conv_3x3~0|skip_connect~1|none~2|")
    first, second = space.index(once), space.index(twice)
    assert space.function_class[first] == space.function_class[second]
    assert space.network_class[first] != space.network_class[second]


def test_unconnected_cells() -> None:
    assert sum(np.isnan(_evaluate(a, 0.5)) for a in space.architectures) == 341
    assert sum(not any(live_edges(a)) for a in space.architectures) == 341


def test_official_libraries_agree_on_every_string() -> None:
    official = pytest.importorskip("nats_bench.genotype_utils", reason="needs nasbench[official]")
    unique: dict[str, int] = {}
    for index, cell in enumerate(space.architectures):
        structure = official.topology_str2structure(space.format(cell))
        assert structure.tostr() == space.format(cell)
        first = unique.setdefault(structure.to_unique_str(consider_zero=True), index)
        assert space.isomorphism_class[index] == first


def test_first_official_library_reads_our_strings() -> None:
    api = pytest.importorskip("nas_201_api", reason="needs nasbench[official]")
    for index in (0, 9, 123, 6111):
        cell = space.architecture(index)
        read = api.NASBench201API.str2lists(space.format(cell))
        flat = [operation for node in read for operation, _ in node]
        assert flat == [space.decisions[i].choices[c] for i, c in enumerate(cell)]
        matrix = api.NASBench201API.str2matrix(space.format(cell))
        ours = space.adjacency([cell])[0].T.astype(int) - 1
        below = np.tril_indices(4, -1)
        assert (matrix[below] == ours[below]).all()


def test_flops_closed_form() -> None:
    ones, threes = space.count(2), space.count(3)
    cifar = 7.78305 + 3.93216 * ones + 35.38944 * threes
    assert np.allclose(space.flops(INPUTS["cifar10"]) / 1e6, cifar, atol=1e-5)
    imagenet = 1.95340 + 0.98304 * ones + 8.84736 * threes
    assert np.allclose(space.flops(INPUTS["ImageNet16-120"]) / 1e6, imagenet, atol=1e-4)


@given(indices)
def test_an_edge_is_live_if_the_function_depends_on_it(index: int) -> None:
    cell = space.architecture(index)
    for edge, live in enumerate(live_edges(cell)):
        without = (*cell[:edge], 0, *cell[edge + 1 :])
        same = np.array_equal(_evaluate(cell, 0.4), _evaluate(without, 0.4), equal_nan=True)
        assert live != same


@given(indices)
def test_adjacency_holds_the_cell(index: int) -> None:
    cell = space.architecture(index)
    matrix = space.adjacency(cell)
    assert matrix.shape == (4, 4)
    assert [int(matrix[j, i]) - 1 for j, i in EDGES] == list(cell)
    assert matrix.sum() == sum(cell) + len(EDGES)


def test_pooling_counts_as_an_operation() -> None:
    assert space.count(AVG_POOL).sum() == 15_625 * 6 / 5


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "character 1 is the end, expected '|'"),
        ("|foo~0|", "character 2 is 'f', expected one of none"),
        ("|none~1|", "character 7 is '1', expected '0'"),
        ("|none~0|+|none~0|none~1|+|none~0|none~1|none~2|!", "character 48 is '!'"),
        ("|none~0|-", "character 9 is '-', expected '+'"),
    ],
)
def test_wrong_strings_point_at_the_character(text: str, message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        space.parse(text)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@given(st.text(alphabet="|~+none_skipcv1x3a 0129", max_size=60))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    try:
        assert space.format(space.parse(text)) == text
    except InvalidInput as error:
        assert "character" in str(error)

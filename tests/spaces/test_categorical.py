"""Invariants of every space of categorical decisions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nasbench.errors import InvalidInput
from nasbench.randomness import Random
from nasbench.spaces import get_space
from nasbench.spaces.categorical import Architecture, CategoricalSpace, Decision
from nasbench.testing.strategies import toy_space

sizes = st.lists(st.integers(1, 5), min_size=1, max_size=5).map(tuple)


@st.composite
def space_and_two(draw: st.DrawFn) -> tuple[CategoricalSpace, Architecture, Architecture]:
    space = toy_space(draw(sizes))
    pick = st.tuples(*(st.integers(0, n - 1) for n in space.sizes))
    return space, draw(pick), draw(pick)


def differences(a: Architecture, b: Architecture) -> int:
    return sum(x != y for x, y in zip(a, b, strict=True))


@given(space_and_two(), st.integers(0, 2**32))
def test_mutation_changes_exactly_one_decision(given_: tuple, seed: int) -> None:
    space, a, _ = given_
    if max(space.sizes) == 1:
        with pytest.raises(InvalidInput, match=r"nothing to mutate"):
            space.mutate(a, Random(seed))
        return
    mutant = space.mutate(a, Random(seed))
    assert differences(a, mutant) == 1
    assert mutant in space.neighbours(a)


@given(space_and_two(), st.integers(0, 2**32))
def test_every_gene_of_a_child_comes_from_a_parent(given_: tuple, seed: int) -> None:
    space, a, b = given_
    child = space.cross(a, b, Random(seed))
    assert all(c in pair for c, pair in zip(child, zip(a, b, strict=True), strict=True))


@given(space_and_two())
def test_index_format_and_codes_agree(given_: tuple) -> None:
    space, a, b = given_
    index = space.index(a)
    assert space.architecture(index) == a
    assert tuple(space.codes[index].tolist()) == a
    assert space.parse(space.format(a)) == a
    assert (space.index(b) == index) == (a == b)


@given(space_and_two())
def test_one_hot_inner_product_counts_equal_decisions(given_: tuple) -> None:
    space, a, b = given_
    x, y = space.one_hot([a, b])
    assert x.shape == (sum(space.sizes),)
    assert x @ y == len(a) - differences(a, b)


@given(space_and_two())
def test_neighbours_are_all_architectures_at_distance_one(given_: tuple) -> None:
    space, a, _ = given_
    neighbours = space.neighbours(a)
    assert len(set(neighbours)) == len(neighbours) == sum(n - 1 for n in space.sizes)
    assert all(differences(a, b) == 1 for b in neighbours)


def test_sampling_and_mutation_are_uniform() -> None:
    space, random = toy_space((2, 3)), Random(0)
    n = 60_000
    drawn = np.bincount([space.index(space.sample(random)) for _ in range(n)], minlength=6)
    assert np.abs(drawn / n - 1 / 6).max() < 4 * np.sqrt(1 / 6 * 5 / 6 / n)
    mutants = [space.mutate((0, 0), random) for _ in range(n)]
    assert abs(mutants.count((1, 0)) / n - 1 / 2) < 4 * 0.5 / np.sqrt(n)
    assert abs(mutants.count((0, 2)) / n - 1 / 4) < 4 * 0.5 / np.sqrt(n)


def test_mutation_by_group_draws_the_group_first() -> None:
    """The edges into a node of NAS-Bench-201's cell: by node, 0->1 has 1/3, 0->3 has 1/9."""
    space, random, n = get_space("nb201"), Random(0), 30_000
    parent = (0, 1, 2, 3, 4, 0)
    position = [
        next(i for i in range(6) if child[i] != parent[i])
        for child in (space.mutate_by_group(parent, random) for _ in range(n))
    ]
    for edge, chance in enumerate((1 / 3, 1 / 6, 1 / 6, 1 / 9, 1 / 9, 1 / 9)):
        error = np.sqrt(chance * (1 - chance) / n)
        assert abs(position.count(edge) / n - chance) < 4 * error
    values = np.bincount([space.mutate_by_group((2,) * 6, random)[0] for _ in range(n)])
    assert np.abs(values[[0, 1, 3, 4]] / n - 1 / 12).max() < 4 * np.sqrt(1 / 12 / n)


@given(space_and_two(), st.integers(0, 2**32))
def test_mutation_by_group_changes_one_decision_too(given_: tuple, seed: int) -> None:
    """Without groups, each decision is one; a group of forced decisions is never drawn."""
    space, a, _ = given_
    halves = (tuple(range(len(a) // 2)), tuple(range(len(a) // 2, len(a))))
    for one in (space, CategoricalSpace("halves", space.decisions, halves)):
        if max(one.sizes) == 1:
            with pytest.raises(InvalidInput, match=r"nothing to mutate"):
                one.mutate_by_group(a, Random(seed))
        else:
            assert one.mutate_by_group(a, Random(seed)) in one.neighbours(a)


def test_wrong_input_is_named() -> None:
    space = toy_space((2, 3))
    with pytest.raises(InvalidInput, match=r"character 7 is .d., expected one of d1=c0"):
        space.parse("d0=c0,d1=c9")
    with pytest.raises(InvalidInput, match=r"1 parts.*2 decisions"):
        space.parse("d0=c0")
    with pytest.raises(InvalidInput, match=r"index 6 is outside space 'toy': use 0 to 5"):
        space.architecture(6)
    with pytest.raises(InvalidInput, match=r"'empty' of space 's' has no choices"):
        CategoricalSpace("s", (Decision("empty", ()),))
    with pytest.raises(InvalidInput, match=r"'d' of space 's' has a choice twice"):
        CategoricalSpace("s", (Decision("d", ("x", "x")),))
    with pytest.raises(InvalidInput, match=r"'1,3' of space 's' cannot be written"):
        CategoricalSpace("s", (Decision("d", ("1,3", "x")),))
    with pytest.raises(InvalidInput, match=r"space 'nb999' is unknown: valid are .*nb201"):
        get_space("nb999")


def test_of_a_long_text_the_wrong_part_is_shown() -> None:
    space = CategoricalSpace("long", tuple(Decision(f"d{i}", ("a", "b")) for i in range(60)))
    wrong = space.format((0,) * 60).replace("d40=a", "d40=c")
    with pytest.raises(InvalidInput, match=r"…d35=a,.*d40=c,.*…': character 231 is .d.") as told:
        space.parse(wrong)
    assert len(str(told.value)) < 150


def test_a_decision_may_have_more_choices_than_a_byte_counts() -> None:
    space = CategoricalSpace("wide", (Decision("d", tuple(map(str, range(300)))),))
    assert space.architectures[299] == (299,) == space.architecture(299)

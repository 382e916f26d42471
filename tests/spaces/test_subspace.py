"""Parts of spaces: which architectures a search of a pool can ask for."""

from collections import Counter
from itertools import islice

import numpy as np
import pytest

from nasbench.errors import InvalidInput
from nasbench.randomness import Random
from nasbench.spaces import get_enumerable
from nasbench.spaces.pool import PoolSpace
from nasbench.spaces.subspace import Subspace
from nasbench.strategies.base import require_decisions
from nasbench.testing import SpaceConformance

MICRO = get_enumerable("transnas-micro")
GPT = get_enumerable("gpt-s")
DENSE = np.sort(np.random.default_rng(0).permutation(MICRO.size)[:600])
"""600 of 4,096 cells."""


def sparse(n: int) -> Subspace:
    random = Random(4)
    return Subspace(GPT, np.array(sorted({random.integer(GPT.size) for _ in range(n)})))


class TestDense(SpaceConformance):
    space = Subspace(MICRO, DENSE)


class TestSparse(SpaceConformance):
    space = sparse(150)


def test_dense_mutants_are_known_neighbours_each_as_likely_as_in_the_whole_space() -> None:
    """A mutation of the whole space is uniform over 18 neighbours; so it is over the known ones."""
    part, random = Subspace(MICRO, DENSE), Random(1)
    parent = part.architecture(100)
    known = [one for one in MICRO.neighbours(parent) if MICRO.index(one) in set(DENSE.tolist())]
    assert known
    assert list(part.neighbours(parent)) == known
    n = 2_000
    counts = Counter(part.mutate(parent, random) for _ in range(n))
    assert set(counts) == set(known)
    expected = n / len(known)
    assert all(abs(count - expected) < 5 * np.sqrt(expected) for count in counts.values())


def test_many_mutants_of_a_space_that_draws_one_by_one_are_as_many_mutations() -> None:
    part = Subspace(MICRO, DENSE)
    for by_group in (False, True):
        alone, together = Random(7), Random(7)
        mutate = part.mutate_by_group if by_group else part.mutate
        parent = part.architecture(100)
        expected = [mutate(parent, alone) for _ in range(300)]
        assert part.mutants(parent, 300, together, by_group=by_group) == expected


@pytest.mark.parametrize("share", [0.1, 0.01])
def test_mutants_of_cells_that_are_drawn_in_blocks_follow_the_law_of_one_by_one(
    share: float,
) -> None:
    """Two samples by chi-square; with one cell in a hundred, some are neighbours."""
    whole = get_enumerable("nb101-5v")
    indices = np.sort(np.random.default_rng(5).permutation(whole.size)[: int(share * whole.size)])
    part = Subspace(whole, indices)
    parent = part.architecture(part.size // 2)
    alone, many = Random(8), Random(9)
    one = Counter(part.mutate(parent, alone) for _ in range(1_000))
    other = Counter(part.mutants(parent, 1_000, many))
    assert set(other) <= set(part.architectures) - {parent}
    common = [cell for cell in {*one, *other} if one[cell] + other[cell] >= 10]
    first, second = (np.array([of[cell] for cell in common]) for of in (one, other))
    chi_square = ((first - second) ** 2 / (first + second)).sum()
    assert len(common) > 5
    assert chi_square < len(common) + 5 * np.sqrt(2 * len(common))


def test_sparse_mutants_are_the_ten_nearest_in_differing_choices() -> None:
    """Distances are counted here from the texts of the networks, without any encoding."""
    part = sparse(150)
    for parent in islice(part.architectures, 20):
        others = [one for one in part.architectures if one != parent]
        nearest = sorted(others, key=lambda one: _differing(parent, one))[:10]
        assert part.nearest(parent) == nearest
        assert list(part.neighbours(parent)) == nearest
        assert part.mutate(parent, Random(2)) in nearest


def _differing(first: tuple[int, ...], second: tuple[int, ...]) -> int:
    """Return how many choices one network makes and the other does not, both ways."""
    made = [set(GPT._pairs(one)) for one in (first, second)]  # type: ignore[attr-defined]
    return len(made[0] ^ made[1])


def test_children_are_here() -> None:
    for part in (Subspace(MICRO, DENSE), sparse(150)):
        random = Random(3)
        for _ in range(50):
            child = part.cross(part.sample(random), part.sample(random), random)
            assert part.contains(child)


def test_a_space_without_structure_mutates_to_any_other() -> None:
    part = Subspace(PoolSpace("names", list("abcdefgh")), np.array([1, 3, 6]))
    assert part.nearest("d") == ["b", "g"]
    assert {part.mutate("d", Random(seed)) for seed in range(30)} == {"b", "g"}
    assert part.positions(np.array([0, 1, 3, 6, 7])).tolist() == [-1, 0, 1, 2, -1]


@pytest.mark.parametrize("indices", [[], [3, 3], [3, 2], [-1, 2], [5, 4096]])
def test_indices_must_ascend_within_the_space(indices: list[int]) -> None:
    with pytest.raises(InvalidInput, match=r"indices that ascend|outside space"):
        Subspace(MICRO, np.array(indices, dtype=np.int64))


def test_a_pool_of_independent_decisions_is_called_one() -> None:
    assert require_decisions(MICRO) is MICRO
    with pytest.raises(InvalidInput, match=r"this is a pool of 150 architectures of '"):
        require_decisions(sparse(150))

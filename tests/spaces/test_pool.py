"""Pools: names, and nothing between them."""

from collections import Counter

import pytest

from nasbench.errors import InvalidInput
from nasbench.randomness import Random
from nasbench.spaces.pool import PoolSpace

NAMES = ("resnet-18", "vgg-11", "mobilenet")


def test_a_pool_is_drawn_from_uniformly() -> None:
    space, random, n = PoolSpace("zoo", NAMES), Random(0), 9000
    assert [space.index(space.architecture(i)) for i in range(3)] == [0, 1, 2]
    assert space.architectures == NAMES
    for counts in (
        Counter(space.sample(random) for _ in range(n)),
        Counter(space.mutate("vgg-11", random) for _ in range(n)),
    ):
        assert all(abs(c - n / len(counts)) < 4 * (n / len(counts)) ** 0.5 for c in counts.values())
    assert sorted(counts) == ["mobilenet", "resnet-18"]
    assert space.neighbours("vgg-11") == ["resnet-18", "mobilenet"]


def test_wrong_input_is_named() -> None:
    space = PoolSpace("zoo", NAMES)
    with pytest.raises(InvalidInput, match="'alexnet' is none of the 3 of space 'zoo', such as"):
        space.parse("alexnet")
    with pytest.raises(InvalidInput, match="space 'zoo' cannot cross"):
        space.cross("vgg-11", "mobilenet", Random(0))
    with pytest.raises(InvalidInput, match="has 'a' twice"):
        PoolSpace("zoo", ("a", "b", "a"))
    with pytest.raises(InvalidInput, match="a pool needs at least one"):
        PoolSpace("zoo", ())
    with pytest.raises(InvalidInput, match="one architecture only"):
        PoolSpace("zoo", ("a",)).mutate("a", Random(0))

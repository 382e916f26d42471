"""The suite for spaces passes on right spaces, and each check fails where its fault is planted."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest

from nasbench.errors import InvalidInput
from nasbench.randomness import Random
from nasbench.spaces.base import Space
from nasbench.spaces.categorical import CategoricalSpace, Decision
from nasbench.spaces.graph import GraphSpace
from nasbench.spaces.pool import PoolSpace
from nasbench.testing import SpaceConformance
from nasbench.testing.strategies import ToyLayers

DECISIONS = tuple(Decision(f"d{i}", ("a", "b", "c")) for i in range(3))
Choices = tuple[int, ...]


class Right(CategoricalSpace):
    """27 architectures of three decisions."""

    def __init__(self) -> None:
        super().__init__("right", DECISIONS)


class Unhashable(Right):
    def sample(self, random: Random) -> Any:
        return list(super().sample(random))


class Unseeded(Right):
    def sample(self, random: Random) -> Choices:
        return tuple(np.random.default_rng().integers(3, size=3).tolist())


class TwoTexts(Right):
    """Writes two architectures alike."""

    def format(self, architecture: Choices) -> str:
        return super().format((*architecture[:2], 0))


class Credulous(Right):
    """Reads anything as its first architecture."""

    def parse(self, text: str) -> Choices:
        try:
            return super().parse(text)
        except InvalidInput:
            return (0, 0, 0)


class Lopsided(Right):
    """Draws its first choice half of the time."""

    def sample(self, random: Random) -> Choices:
        first, *others = super().sample(random)
        return (first * random.integer(2), *others)


class Unlawful(Right):
    """States a law whose probabilities sum to 27."""

    @property
    def sampling_law(self) -> Any:
        return np.ones(self.size)


class Misnumbered(Right):
    def index(self, architecture: Choices) -> int:
        return super().index(architecture) // 2


class Still(Right):
    """Changes nothing now and then."""

    def mutate(self, architecture: Choices, random: Random) -> Choices:
        mutant: Choices = super().mutate(architecture, random)
        return mutant if random.integer(3) else architecture


class Farther(Right):
    """Mutates twice, so that mutants are no neighbours."""

    def mutate(self, architecture: Choices, random: Random) -> Choices:
        mutant: Choices = super().mutate(super().mutate(architecture, random), random)
        return mutant if mutant != architecture else self.mutate(architecture, random)


class OwnNeighbour(Right):
    def neighbours(self, architecture: Choices) -> list[Choices]:
        return [*super().neighbours(architecture), architecture]


class Monstrous(Right):
    """Joins parents end to end."""

    def cross(self, first: Choices, second: Choices, random: Random) -> Choices:
        return first + second


class Keyless(Right):
    """Its keys are those of objects, not of values."""

    def canonical(self, architecture: Choices) -> int:
        return id(architecture)


class Relative(Right):
    """Encodes architectures relative to the others that it is given."""

    def encodings(self) -> Any:
        def encode(architectures: Iterable[Choices]) -> Any:
            codes = np.asarray(list(architectures), dtype=float)
            return codes - codes.mean(axis=0)

        return {"relative": encode}


PLANTED = [
    ("test_samples_are_architectures", Unhashable),
    ("test_the_seed_decides", Unseeded),
    ("test_text_and_architecture_are_the_same", TwoTexts),
    ("test_other_texts_are_refused", Credulous),
    ("test_sampling_follows_its_law", Lopsided),
    ("test_the_law_is_one_of_probabilities", Unlawful),
    ("test_indices_are_a_numbering", Misnumbered),
    ("test_mutation_makes_another_architecture", Still),
    ("test_mutation_makes_another_architecture", Farther),
    ("test_neighbours_are_others", OwnNeighbour),
    ("test_children_are_in_the_space", Monstrous),
    ("test_equal_networks_have_equal_keys", Keyless),
    ("test_encodings_are_numbers_that_tell_apart", Relative),
]
CHECKS = [name for name in dir(SpaceConformance) if name.startswith("test_")]


def suite(made: str | Space) -> SpaceConformance:
    class Suite(SpaceConformance):
        space = made

    return Suite()


GRAPHS = GraphSpace("graphs", ("a", "b"), 5, 7)
RIGHT: list[Any] = ["nb201", Right(), ToyLayers(), PoolSpace("pool", list("abcdefg")), GRAPHS]


def test_every_check_has_a_planted_fault() -> None:
    assert {check for check, _ in PLANTED} == set(CHECKS)


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("space", RIGHT, ids=lambda one: getattr(one, "name", one))
def test_right_spaces_pass(check: str, space: str | Space) -> None:
    getattr(suite(space), check)()


@pytest.mark.parametrize(("check", "fault"), PLANTED)
def test_a_planted_fault_is_found(check: str, fault: type[Right]) -> None:
    with pytest.raises((AssertionError, TypeError)):
        getattr(suite(fault()), check)()

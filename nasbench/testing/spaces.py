"""Conformance suite of search spaces: what every space must do, as tests."""

from collections import Counter
from collections.abc import Hashable, Sequence
from copy import deepcopy
from itertools import islice, pairwise
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from nasbench.errors import InvalidInput
from nasbench.randomness import Random
from nasbench.spaces import find_space
from nasbench.spaces.base import Architecture, EnumerableSpace, Space

_DRAWN = 200
"""Number of architectures that a check draws."""
_LISTED = 2_000
"""Size of the largest space whose architectures are all checked."""
_SMALL = 200
"""Size of the largest space whose sampling is checked for uniformity."""
_DRAWS_EACH = 50
"""Draws per architecture in the check for uniformity."""
_SIGMAS = 6.0
"""Largest accepted distance of a count from its expectation, in standard deviations."""


class SpaceConformance:
    """Tests of a space: subclass it and set `space` to the space to be tested.

    `space` is a registered name, `package.module:Class`, or a `Space`. A failed check raises
    `AssertionError`.
    """

    space: ClassVar[str | Space]
    uniform: ClassVar[bool] = True
    """Whether sampling follows the space's law, uniform by default; checked in small spaces."""
    local: ClassVar[bool] = True
    """Whether a mutation makes a single smallest change, so that a mutant is a neighbour."""

    @property
    def _space(self) -> Space:
        return find_space(self.space) if isinstance(self.space, str) else self.space

    def _samples(self, seed: int = 0) -> list[Architecture]:
        space, random = self._space, Random(seed)
        return [space.sample(random) for _ in range(_DRAWN)]

    def test_samples_are_architectures(self) -> None:
        """Drawn architectures are in the space, hashable and equal by value.

        Other values are not in the space.
        """
        space = self._space
        for one in self._samples():
            assert space.contains(one), f"{one!r} was drawn and is not in the space"
            assert isinstance(one, Hashable)
            again = deepcopy(one)
            assert again == one, f"{one!r} is not equal to a copy of it"
            assert hash(again) == hash(one)
        for other in (None, object(), (), "", -1, 0.5, ("no", "such"), [one]):
            assert not space.contains(other), f"{other!r} is no architecture"

    def test_the_seed_decides(self) -> None:
        """Equal seeds draw the same architectures, and other seeds draw others."""
        first = self._samples(1)
        assert self._samples(1) == first
        if self._space.size != 1:
            assert any(self._samples(seed) != first for seed in range(2, 6))

    def test_text_and_architecture_are_the_same(self) -> None:
        """Each architecture has a text of its own, which `parse` reads as that architecture."""
        space, texts = self._space, dict[str, Architecture]()
        for one in self._samples():
            text = space.format(one)
            assert isinstance(text, str)
            assert text, f"{one!r} is written as an empty text"
            assert text.isprintable(), f"{text!r} has characters that no line shows"
            assert space.parse(text) == one, f"'{text}' is read as another architecture"
            assert texts.setdefault(text, one) == one, f"'{text}' is two architectures"

    def test_other_texts_are_refused(self) -> None:
        """A text that is not that of an architecture raises `InvalidInput` and nothing else."""
        space = self._space
        texts = [space.format(one) for one in self._samples()[:20]]
        for text in ("", " ", "?", "no such thing", "0" * 50, *(f"{one} x" for one in texts)):
            try:
                found = space.parse(text)
            except InvalidInput:
                continue
            assert space.format(found) == text, f"'{text}' is read as '{space.format(found)}'"

    def test_sampling_follows_its_law(self) -> None:
        """In a small space every architecture is drawn about as often as its law says.

        The law is uniform unless the space states another one.
        """
        space = self._space
        if not self.uniform or not isinstance(space, EnumerableSpace) or space.size > _SMALL:
            return
        random, n = Random(3), _DRAWS_EACH * space.size
        counts = Counter(space.sample(random) for _ in range(n))
        law = self._law(space)
        spread = np.sqrt(n * law * (1 - law))
        for one, expected, error in zip(space.architectures, n * law, spread, strict=True):
            off = abs(counts[one] - expected)
            assert off <= _SIGMAS * max(error, 1.0), (
                f"{space.format(one)} was drawn {counts[one]} times instead of {expected:.1f}"
            )

    def _law(self, space: EnumerableSpace) -> NDArray[np.float64]:
        law = space.sampling_law
        return np.full(space.size, 1 / space.size) if law is None else law

    def test_the_law_is_one_of_probabilities(self) -> None:
        """The law of sampling has a probability for every architecture; they sum to 1."""
        space = self._space
        if isinstance(space, EnumerableSpace) and space.size <= _LISTED * 1_000:
            law = self._law(space)
            assert law.shape == (space.size,)
            assert (law >= 0).all()
            assert np.isclose(law.sum(), 1.0)
            assert all(law[space.index(one)] > 0 for one in self._samples())

    def test_indices_are_a_numbering(self) -> None:
        """Indices from 0 to size - 1 and architectures belong together one to one."""
        space = self._space
        if not isinstance(space, EnumerableSpace):
            return
        last, random = space.size - 1, Random(4)
        indices = {0, last, *(min(last, random.integer(space.size)) for _ in range(_DRAWN))}
        for index in indices:
            one = space.architecture(index)
            assert space.contains(one)
            assert space.index(one) == index, f"index {index} has an architecture of another index"
        for outside in (-1, space.size):
            try:
                space.architecture(outside)
            except InvalidInput:
                continue
            raise AssertionError(f"index {outside} is outside and has an architecture")
        if space.size <= _LISTED:
            every = [space.architecture(index) for index in range(space.size)]
            assert list(space.architectures) == every
            assert len(set(every)) == space.size

    def test_mutation_makes_another_architecture(self) -> None:
        """A mutant is in the space, is not its parent, and is one of its neighbours if `local`."""
        space, random = self._space, Random(5)
        if space.size == 1:
            return
        for parent in self._samples(5)[:50]:
            known = self._neighbours(space, parent) if self.local else None
            children = [space.mutate(parent, random), space.mutate_by_group(parent, random)]
            children += space.mutants(parent, 2, random)
            if isinstance(space, EnumerableSpace):
                some = next(iter(space.mutant_indices(parent, random)))
                children += map(space.architecture, some[:2].tolist())
            for child in children:
                assert space.contains(child), f"{child!r} is a mutant outside the space"
                assert child != parent, f"'{space.format(parent)}' was mutated into itself"
                if known is not None:
                    assert child in known, f"{child!r} is a mutant and no neighbour of {parent!r}"

    def _neighbours(self, space: Space, one: Architecture) -> Sequence[Architecture] | None:
        """Return all neighbours; None if the space cannot list them, or if there are very many."""
        try:
            found = list(islice(space.neighbours(one), _LISTED))
        except InvalidInput:
            return None
        return found if len(found) < _LISTED else None

    def test_neighbours_are_others(self) -> None:
        """Neighbours are in the space, differ from the architecture, and are listed once."""
        space = self._space
        for one in self._samples(6)[:20]:
            found = self._neighbours(space, one) or []
            assert len(set(found)) == len(found), f"{one!r} has a neighbour twice"
            assert one not in found
            assert all(map(space.contains, found))

    def test_children_are_in_the_space(self) -> None:
        """Crossover, if it is defined, makes architectures; equal parents have an equal child."""
        space, random, parents = self._space, Random(7), self._samples(7)
        for first, second in pairwise(parents[:50]):
            try:
                child = space.cross(first, second, random)
            except InvalidInput:
                assert not space.crosses, "it says that it crosses, and it does not"
                return
            assert space.crosses, "it crosses, and does not say so"
            assert space.contains(child), f"{child!r} is a child outside the space"
            assert space.cross(first, first, random) == first

    def test_equal_networks_have_equal_keys(self) -> None:
        """The canonical key is hashable, and equal for an architecture read from its text."""
        space = self._space
        for one in self._samples(8)[:50]:
            key = space.canonical(one)
            assert isinstance(key, Hashable)
            assert space.canonical(space.parse(space.format(one))) == key

    def test_encodings_are_numbers_that_tell_apart(self) -> None:
        """Every encoding has a row of finite numbers per architecture, all rows of one length.

        A row does not depend on the other architectures, and different architectures do not all
        have the same row.
        """
        space = self._space
        some = list(dict.fromkeys(self._samples(9)))[:50]
        for name, encode in space.encodings().items():
            numbers = np.asarray(encode(some))
            assert numbers.ndim == 2, f"encoding '{name}' has {numbers.ndim} dimensions"
            assert len(numbers) == len(some)
            assert np.isfinite(numbers).all()
            assert encode(some[:1]).shape[1] == numbers.shape[1]
            assert np.array_equal(encode(some[:1])[0], numbers[0]), f"'{name}' depends on others"
            keys = len({space.canonical(one) for one in some})
            assert len(np.unique(numbers, axis=0)) >= min(keys, 2), f"'{name}' says nothing"

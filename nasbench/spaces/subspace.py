"""The part of a space whose architectures a table knows: what a search of a pool draws from."""

from bisect import bisect_left
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from nasbench.errors import InvalidInput
from nasbench.randomness import Random
from nasbench.spaces.base import Architecture, EnumerableSpace, Space

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nasbench.spaces.base import Encoding

_TRIES = 100
"""Mutants of the whole space that are drawn before a neighbour that is here is drawn instead."""
_SPARSE = 1000
"""A part that has fewer than one in so many architectures of its space is sparse."""
_NEAREST = 10
"""Number of architectures that count as the nearest ones."""

Mutate = Callable[[Architecture, Random], Architecture]


class Subspace(EnumerableSpace):
    """Some architectures of a space, numbered from 0 in the order of the space.

    Sampling is uniform over them. The neighbours of an architecture are those that it has in the
    whole space and that are here; if there are none, they are its 10 nearest (`nearest`). A
    mutation draws mutants of the whole space until one of them is here, at most 100, and then a
    neighbour. A crossover draws children in the same way, and then takes the architecture nearest
    to the last child. Where the part has fewer than one in 1,000 architectures of the space, a
    mutant or child is hardly ever here: then none but the nearest are taken at once.

    It has no decisions even where the space has, since their choices are not independent: a
    strategy that learns a policy over decisions, or shares weights, cannot search it.
    """

    def __init__(self, whole: EnumerableSpace, indices: "NDArray[np.integer[Any]]") -> None:
        """Take the architectures at `indices` of the space `whole`, which ascend.

        Raises `InvalidInput` if there are none, or if they do not ascend within the space.
        """
        self.whole, self.name = whole, whole.name
        self.size = len(indices)
        self._indices = indices
        ascend = bool((self._indices[1:] > self._indices[:-1]).all())
        if not self.size or not ascend:
            raise InvalidInput(f"a part of space '{self.name}' needs indices that ascend")
        whole.require_index(int(self._indices[0]))
        whole.require_index(int(self._indices[-1]))
        self._tries = _TRIES if self.size * _SPARSE >= whole.size else 0
        self._made: dict[int, Architecture] = {}
        self._close: dict[Architecture, list[Architecture]] = {}

    def index(self, architecture: Architecture) -> int:
        """Return the position of an architecture; `LookupError` for one that is not here."""
        position = self._position(architecture)
        if position < 0:
            raise LookupError(f"architecture {architecture!r:.80} is not in the pool")
        return position

    def _position(self, architecture: Architecture) -> int:
        """Return the position of an architecture of the whole space; -1 for one not here."""
        wanted = self.whole.index(architecture)
        position = bisect_left(self._sorted, wanted)
        here = position < self.size and self._sorted[position] == wanted
        return position if here else -1

    @cached_property
    def _sorted(self) -> list[int]:
        """The indices as numbers of Python, in which one is found five times as fast."""
        indices: list[int] = self._indices.tolist()
        return indices

    def architecture(self, index: int) -> Architecture:
        """Return the architecture at `index`; `InvalidInput` outside 0..size-1."""
        if index not in self._made:
            self.require_index(index)
            self._made[index] = self.whole.architecture(int(self._indices[index]))
        return self._made[index]

    @property
    def indices(self) -> "NDArray[np.integer[Any]]":
        """Indices of these architectures in the whole space, ascending, shape (size,)."""
        return self._indices

    def positions(self, indices: "NDArray[np.int64]") -> "NDArray[np.int64]":
        """Return the positions of indices of the whole space, -1 where one is not here."""
        found = self._indices.searchsorted(indices).clip(max=self.size - 1)
        found[self._indices[found] != indices] = -1
        return found

    def contains(self, architecture: object) -> bool:
        """Whether a value is one of these architectures."""
        return self.whole.contains(architecture) and self._has(architecture)

    def _has(self, architecture: Architecture) -> bool:
        """Whether an architecture of the whole space is here."""
        return self._position(architecture) >= 0

    def sample(self, random: Random) -> Architecture:
        """Draw one architecture uniformly."""
        return self.architecture(random.integer(self.size))

    def mutate(self, architecture: Architecture, random: Random) -> Architecture:
        """Return a mutant, see the class; `InvalidInput` if there is only one architecture."""
        return self._mutant(architecture, self.whole.mutate, random)

    def mutate_by_group(self, architecture: Architecture, random: Random) -> Architecture:
        """Do as `mutate` does, with the mutants of two stages of the whole space."""
        return self._mutant(architecture, self.whole.mutate_by_group, random)

    def mutants(
        self, architecture: Architecture, number: int, random: Random, *, by_group: bool = False
    ) -> list[Architecture]:
        """Return independent mutants, see the class, of a law that does not depend on `number`.

        The whole space may draw its mutants in blocks, so that many take less time than as many
        calls of `mutate`, and other random numbers.
        """
        alone = by_group and type(self.whole).mutate_by_group is not Space.mutate_by_group
        if alone or self.size == 1 or not self._tries:
            return super().mutants(architecture, number, random, by_group=by_group)
        found: list[Architecture] = []
        blocks = self.whole.mutant_indices(architecture, random)
        tried = 0  # mutants of the whole space since the last that is here
        while len(found) < number:
            for position in self.positions(next(blocks)).tolist():
                tried += 1
                if position >= 0:
                    found.append(self.architecture(position))
                elif tried == self._tries:
                    found.append(random.choice(list(self.neighbours(architecture))))
                if position >= 0 or tried == self._tries:
                    tried = 0
        return found[:number]

    def _mutant(self, architecture: Architecture, mutate: "Mutate", random: Random) -> Architecture:
        if self.size == 1:
            raise InvalidInput(f"space '{self.name}' has one architecture only: nothing to mutate")
        for _ in range(self._tries):
            mutant = mutate(architecture, random)
            if self._has(mutant):
                return mutant
        return random.choice(list(self.neighbours(architecture)))

    def cross(self, first: Architecture, second: Architecture, random: Random) -> Architecture:
        """Return a child of two parents, see the class."""
        child = self.whole.cross(first, second, random)
        for _ in range(self._tries):
            if self._has(child):
                return child
            child = self.whole.cross(first, second, random)
        return child if self._has(child) else self.nearest(child)[0]

    @property
    def crosses(self) -> bool:
        """Whether the whole space defines `cross`."""
        return self.whole.crosses

    def neighbours(self, architecture: Architecture) -> Iterator[Architecture]:
        """Yield the neighbours of an architecture, each once, see the class."""
        known: list[Architecture] = []
        if self._tries:
            known = [one for one in self.whole.neighbours(architecture) if self._has(one)]
        yield from known or self.nearest(architecture)

    def nearest(self, architecture: Architecture) -> list[Architecture]:
        """Return the 10 architectures that are nearest to another, nearest first.

        The distance is the sum of absolute differences of the space's first encoding (its one-hot
        encoding, where it has one); those at equal distance come in the order of their indices. If
        the space has no encoding, all are equally near and all are returned.
        """
        if self._encoded is None:
            return [one for one in self.architectures if one != architecture]
        if architecture not in self._close:
            encode, every = self._encoded
            apart = abs(every - encode([architecture])).sum(axis=1)
            order = apart.argsort(kind="stable")[: _NEAREST + 1].tolist()
            found = [one for one in map(self.architecture, order) if one != architecture]
            self._close[architecture] = found[:_NEAREST]
        return self._close[architecture]

    @cached_property
    def _encoded(self) -> "tuple[Encoding, NDArray[np.float32]] | None":
        """The space's first encoding, and the encoded architectures, shape (size, features)."""
        encodings = self.whole.encodings()
        if not encodings:
            return None
        encode = encodings.get("one-hot") or next(iter(encodings.values()))
        return encode, encode(self.architectures)

    def canonical(self, architecture: Architecture) -> Hashable:
        """Return the key of the whole space."""
        return self.whole.canonical(architecture)

    def format(self, architecture: Architecture) -> str:
        """Write an architecture as the whole space does."""
        return self.whole.format(architecture)

    def parse(self, text: str) -> Architecture:
        """Read what `format` writes; `InvalidInput` for an architecture that is not here."""
        architecture = self.whole.parse(text)
        if not self.contains(architecture):
            raise InvalidInput(
                f"architecture '{text:.80}' is none of the {self.size:,} of space '{self.name}' "
                "that the table has"
            )
        return architecture

    def encodings(self) -> "Mapping[str, Encoding]":
        """Return the encodings of the whole space."""
        return self.whole.encodings()

    @property
    def form(self) -> str:
        """What an architecture is, for error messages."""
        return f"one of the {self.size:,} that the table has, each {self.whole.form}"

    def describe(self) -> Iterable[str]:
        """Return the lines of the whole space, and how many of its architectures are here."""
        yield from self.whole.describe()
        yield f"{self.size:,} of {self.whole.size:,} architectures"

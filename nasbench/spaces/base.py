"""What every search space is: architectures that can be drawn, changed, written and read.

An architecture is any hashable value; only its space knows what is in it. What a space cannot do
raises `InvalidInput` with one line that says so.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from nasbench.errors import InvalidInput
from nasbench.randomness import Random

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Encoding = Callable[[Any], "NDArray[np.float32]"]

Architecture = Any
"""One architecture of a space: hashable, and compared by value."""

_MOST_LISTED = 10_000_000
"""Architectures of the largest space that is ever written out whole."""


class Space(ABC):
    """A set of architectures.

    A subclass says how one is drawn, written and read; mutation, crossover, neighbours and
    encodings are there where they make sense.
    """

    name: str
    """What it is called in tables and on the command line."""
    size: int | None = None
    """Number of architectures; None where it is not known."""
    networks: str = ""
    """The class of `networks.base.Networks` that builds its networks, as `package.module:Class`.

    Empty where none does: such a space is searched on tables and by functions. Torch is imported
    only when networks are asked for.
    """

    @abstractmethod
    def sample(self, random: Random) -> Architecture:
        """Draw one architecture, uniformly unless the space says otherwise."""

    @abstractmethod
    def format(self, architecture: Architecture) -> str:
        """Write an architecture as text that `parse` reads: one text for each architecture."""

    @abstractmethod
    def parse(self, text: str) -> Architecture:
        """Read what `format` writes; `InvalidInput` says what is wrong with any other text."""

    @abstractmethod
    def contains(self, architecture: object) -> bool:
        """Whether a value is an architecture of this space."""

    def canonical(self, architecture: Architecture) -> Hashable:
        """Return what all architectures that are the same network have in common.

        By default each architecture is its own.
        """
        key: Hashable = architecture
        return key

    def mutate(self, architecture: Architecture, random: Random) -> Architecture:
        """Return a random neighbour of an architecture, never itself."""
        self._cannot("mutate")

    def mutate_by_group(self, architecture: Architecture, random: Random) -> Architecture:
        """Return a random neighbour, drawn in two stages; as `mutate` where there is one only."""
        return self.mutate(architecture, random)

    def cross(self, first: Architecture, second: Architecture, random: Random) -> Architecture:
        """Return a random child of two parents."""
        self._cannot("cross")

    def neighbours(self, architecture: Architecture) -> Iterable[Architecture]:
        """Return the architectures that one smallest change leads to."""
        self._cannot("list neighbours")

    def encodings(self) -> "Mapping[str, Encoding]":
        """Return encodings by name (`one-hot`, `adjacency`, `path`); empty where there are none.

        Each is a function from a sequence of n architectures to numbers of shape (n, features).
        """
        return {}

    @property
    def form(self) -> str:
        """What an architecture is, for messages: "an architecture of space 'x' is" this."""
        return "what space.sample(random) and space.parse(text) return"

    def describe(self) -> Iterable[str]:
        """Return lines that say what its architectures are made of."""
        return ()

    def _cannot(self, what: str) -> NoReturn:
        raise InvalidInput(
            f"space '{self.name}' cannot {what}: use a strategy that does not need it to"
        )


class EnumerableSpace(Space):
    """A space in which every architecture has an index, from 0 to `size` - 1."""

    size: int

    @abstractmethod
    def index(self, architecture: Architecture) -> int:
        """Return the position of an architecture in the space's order."""

    @abstractmethod
    def architecture(self, index: int) -> Architecture:
        """Return the architecture at `index`; `InvalidInput` outside 0..size-1."""

    def require_index(self, index: int) -> None:
        """Raise `InvalidInput` unless there is an architecture at `index`."""
        if not 0 <= index < self.size:
            raise InvalidInput(
                f"architecture index {index} is outside space '{self.name}': "
                f"use 0 to {self.size - 1}"
            )

    @property
    def architectures(self) -> tuple[Architecture, ...]:
        """All architectures in index order; `InvalidInput` for a space too large to write out."""
        if not hasattr(self, "_listed"):
            if self.size > _MOST_LISTED:
                raise InvalidInput(
                    f"space '{self.name}' has {self.size:,} architectures: at most "
                    f"{_MOST_LISTED:,} are written out"
                )
            self._listed = tuple(self._all())
        return self._listed

    def _all(self) -> Iterable[Architecture]:
        return map(self.architecture, range(self.size))


def wrong_character(text: str, position: int, expected: str) -> InvalidInput:
    """Return the error that points at `position` of an architecture string."""
    found = repr(text[position]) if position < len(text) else "the end"
    return InvalidInput(
        f"architecture '{text}': character {position + 1} is {found}, expected {expected}"
    )

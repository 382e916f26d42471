"""Base classes of search spaces: architectures that can be drawn, changed, written and read.

An architecture is any hashable value; only its space knows its structure. A method that a space
does not support raises `InvalidInput` with a one-line message.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from nasbench.errors import InvalidInput
from nasbench.randomness import Random
from nasbench.spaces.notations import named
from nasbench.text import printable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nasbench.spaces.notations import Notation

    Encoding = Callable[[Any], "NDArray[np.float32]"]

Architecture = Any
"""One architecture of a space: hashable, and compared by value."""

_MOST_LISTED = 10_000_000
"""Size of the largest space whose architectures are listed all at once."""

_LONG = 120
"""Length of the longest architecture string that an error repeats as a whole."""


class Space(ABC):
    """A search space: a set of architectures.

    A subclass defines how an architecture is drawn, written as text and read from text. Mutation,
    crossover, neighbours and encodings are optional.
    """

    name: str
    """The name of the space in tables and on the command line."""
    size: int | None = None
    """Number of architectures; None if it is not known."""
    part_of: str = ""
    """Name of the space that this space's architectures are some of; empty if there is none."""
    networks: str = ""
    """The subclass of `networks.base.Networks` for this space, as `package.module:Class`.

    Empty if there is none: such a space can be searched only on tables and with functions. Torch is
    imported only when networks are built.
    """

    @abstractmethod
    def sample(self, random: Random) -> Architecture:
        """Draw one architecture, uniformly unless the space's documentation says otherwise."""

    @abstractmethod
    def format(self, architecture: Architecture) -> str:
        """Return the text of an architecture, from which `parse` reads it.

        Each architecture has exactly one text.
        """

    @abstractmethod
    def parse(self, text: str) -> Architecture:
        """Return the architecture of a text that `format` wrote.

        Raises `InvalidInput` for any other text; the message says what is wrong.
        """

    @abstractmethod
    def contains(self, architecture: object) -> bool:
        """Whether a value is an architecture of this space."""

    def canonical(self, architecture: Architecture) -> Hashable:
        """Return a key that is equal for all architectures that are the same network.

        By default the key is the architecture itself.
        """
        key: Hashable = architecture
        return key

    def mutate(self, architecture: Architecture, random: Random) -> Architecture:
        """Return a random neighbour of an architecture, never the architecture itself.

        A space whose published mutation makes several changes at once says so. Raises
        `InvalidInput` if the space does not define it.
        """
        self._cannot("mutate")

    def mutate_by_group(self, architecture: Architecture, random: Random) -> Architecture:
        """Return a random neighbour, drawn in two stages: a group of decisions, then one of them.

        By default it is the same as `mutate`.
        """
        return self.mutate(architecture, random)

    def mutants(
        self, architecture: Architecture, number: int, random: Random, *, by_group: bool = False
    ) -> list[Architecture]:
        """Return `number` independent mutants, each as `mutate` or `mutate_by_group` draws it."""
        mutate = self.mutate_by_group if by_group else self.mutate
        return [mutate(architecture, random) for _ in range(number)]

    def cross(self, first: Architecture, second: Architecture, random: Random) -> Architecture:
        """Return a random child of two parents.

        Raises `InvalidInput` if the space does not define it.
        """
        self._cannot("cross")

    @property
    def crosses(self) -> bool:
        """Whether the space defines `cross`."""
        return type(self).cross is not Space.cross

    def neighbours(self, architecture: Architecture) -> Iterable[Architecture]:
        """Return all architectures that differ from one by a single smallest change.

        Raises `InvalidInput` if the space does not define it.
        """
        self._cannot("list neighbours")

    def notations(self) -> "Sequence[Notation]":
        """Return the notations in which other libraries write its architectures.

        The first is its own text; empty if there are no others.
        """
        return ()

    def encodings(self) -> "Mapping[str, Encoding]":
        """Return encodings by name (`one-hot`, `adjacency`, `path`); empty if there are none.

        Each is a function from a sequence of n architectures to an array of shape (n, features).
        """
        return {}

    @property
    def form(self) -> str:
        """What an architecture is, for error messages: "an architecture of space 'x' is" this."""
        return "what space.sample(random) and space.parse(text) return"

    def describe(self) -> Iterable[str]:
        """Return lines of text that say what the architectures consist of."""
        return ()

    def _cannot(self, what: str) -> NoReturn:
        raise InvalidInput(
            f"space '{self.name}' cannot {what}: use a strategy that does not need it to"
        )


class EnumerableSpace(Space):
    """A space in which every architecture has an index, from 0 to `size` - 1."""

    size: int

    @property
    def sampling_law(self) -> "NDArray[np.float64] | None":
        """The probability that `sample` returns each architecture, in index order, shape (size,).

        None if all are equally likely. A space whose sampling is not uniform has to define it:
        random search in closed form draws architectures by this law.
        """
        return None

    @abstractmethod
    def index(self, architecture: Architecture) -> int:
        """Return the position of an architecture in the space's order."""

    @abstractmethod
    def architecture(self, index: int) -> Architecture:
        """Return the architecture at `index`; `InvalidInput` outside 0..size-1."""

    def mutant_indices(
        self, architecture: Architecture, random: Random
    ) -> "Iterator[NDArray[np.int64]]":
        """Yield the indices of independent mutants, as `mutate` draws them, without end, in blocks.

        By default a block is one mutant. A space that draws many at once faster overrides this.
        """
        import numpy as np

        while True:
            yield np.array([self.index(self.mutate(architecture, random))])

    def positions(self, indices: "NDArray[np.int64]") -> "NDArray[np.int64]":
        """Return the positions here of indices that the whole space has, -1 where one is not here.

        They are equal unless this space is a part of another, see `Subspace`.
        """
        return indices

    def require_index(self, index: int) -> None:
        """Raise `InvalidInput` unless there is an architecture at `index`."""
        if not 0 <= index < self.size:
            raise InvalidInput(
                f"architecture index {index} is outside space '{self.name}': "
                f"use 0 to {self.size - 1}"
            )

    @property
    def architectures(self) -> tuple[Architecture, ...]:
        """All architectures in index order; raises `InvalidInput` for more than 10,000,000."""
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


def read_architecture(space: Space, text: str, notation: str | None = None) -> Architecture:
    """Return the architecture of a text in a notation of its space, or in a recognised one.

    Raises `InvalidInput` as `Space.parse` does, and for a notation that the space does not have.
    """
    if notation is None:
        return space.parse(text)
    return named(space.notations(), notation, space.name).read(text.strip())


def wrong_character(text: str, position: int, expected: str) -> InvalidInput:
    """Return the error that points at `position` of an architecture string.

    Of a long string only the part around the position is shown.
    """
    found = repr(text[position]) if position < len(text) else "the end"
    shown = text
    if len(text) > _LONG:
        start, end = max(0, position - _LONG // 4), position + _LONG // 4
        shown = f"{'…' * (start > 0)}{text[start:end]}{'…' * (end < len(text))}"
    where = f"architecture '{printable(shown)}': character {position + 1}"
    return InvalidInput(f"{where} is {found}, expected {expected}")

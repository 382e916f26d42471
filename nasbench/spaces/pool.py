"""Search spaces that are a fixed list of architectures, of which only the names are known."""

from collections.abc import Iterable, Sequence

from nasbench.errors import InvalidInput
from nasbench.randomness import Random
from nasbench.spaces.base import EnumerableSpace


class PoolSpace(EnumerableSpace):
    """A list of named architectures without any structure: no decisions and no distances.

    A mutation returns any other architecture, so that evolution on a pool is a random search.
    """

    def __init__(self, name: str, names: Sequence[str]) -> None:
        """Make a space of `names` in index order; `InvalidInput` if none, or if two are equal."""
        self.name = name
        self._names = tuple(names)
        self._index = {one: index for index, one in enumerate(self._names)}
        if not self._names:
            raise InvalidInput(f"space '{name}' has no architectures: a pool needs at least one")
        if len(self._index) < len(self._names):
            twice = next(one for i, one in enumerate(self._names) if self._index[one] != i)
            raise InvalidInput(f"space '{name}' has '{twice:.80}' twice: names must differ")
        self.size = len(self._names)

    def sample(self, random: Random) -> str:
        """Draw one architecture uniformly."""
        return self._names[random.integer(self.size)]

    def mutate(self, architecture: str, random: Random) -> str:
        """Draw another architecture uniformly; `InvalidInput` if there is only one."""
        if self.size == 1:
            raise InvalidInput(f"space '{self.name}' has one architecture only: nothing to mutate")
        drawn = random.integer(self.size - 1)
        return self._names[drawn + (drawn >= self._index[architecture])]

    def neighbours(self, architecture: str) -> list[str]:
        """Return all other architectures."""
        return [one for one in self._names if one != architecture]

    def contains(self, architecture: object) -> bool:
        """Whether a value is one of the names."""
        return isinstance(architecture, str) and architecture in self._index

    def index(self, architecture: str) -> int:
        """Return the position of a name."""
        return self._index[architecture]

    def architecture(self, index: int) -> str:
        """Return the name at `index`; `InvalidInput` outside 0..size-1."""
        self.require_index(index)
        return self._names[index]

    def format(self, architecture: str) -> str:
        """Return the name."""
        return architecture

    def parse(self, text: str) -> str:
        """Return a text that is one of the names; raise `InvalidInput` for any other."""
        if text not in self._index:
            raise InvalidInput(
                f"architecture '{text:.80}' is none of the {self.size:,} of space '{self.name}', "
                f"such as '{self._names[0]:.80}'"
            )
        return text

    def describe(self) -> Iterable[str]:
        """Return the first three names."""
        return (self._names[i] for i in range(min(3, self.size)))

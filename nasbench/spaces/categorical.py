"""Search spaces that are products of named categorical decisions.

Everything that a strategy needs follows from the decisions: sampling, mutation, crossover,
neighbours, encodings, the vocabulary of a controller, and the shape of a supernet's alphas.
"""

from collections.abc import Iterable, Mapping
from functools import cached_property
from math import lcm, prod
from numbers import Integral
from typing import TYPE_CHECKING, Any, NamedTuple

from nasbench.errors import InvalidInput
from nasbench.randomness import Random
from nasbench.spaces.base import EnumerableSpace, wrong_character

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    from nasbench.spaces.base import Encoding

Architecture = tuple[int, ...]
"""One choice per decision, as positions in `Decision.choices`."""


class Decision(NamedTuple):
    """One categorical decision: its name and the names of its choices."""

    name: str
    choices: tuple[str, ...]


def check_decision(decision: Decision, space: str) -> None:
    """Raise `InvalidInput` if a decision has a choice twice or a comma in a name."""
    if len(set(decision.choices)) < len(decision.choices):
        raise InvalidInput(
            f"decision '{decision.name}' of space '{space}' has a choice twice: they differ"
        )
    for text in (decision.name, *decision.choices):
        if "," in text:
            raise InvalidInput(
                f"'{text:.40}' of space '{space}' cannot be written: names have no comma"
            )


class CategoricalSpace(EnumerableSpace):
    """A finite search space of independent categorical decisions.

    An architecture is a tuple of `len(decisions)` ints, the position of the choice of each
    decision. Its index is this tuple read as a mixed-radix number, the first decision the most
    significant. A space with another official order overrides `codes`, `index` and `architecture`.
    """

    def __init__(
        self, name: str, decisions: tuple[Decision, ...], groups: tuple[tuple[int, ...], ...] = ()
    ) -> None:
        """Make a space with a name and decisions.

        `groups` are positions of decisions that belong together, such as the edges into one node of
        a cell; without `groups`, every decision is a group of its own. Raises `InvalidInput` for a
        decision without choices or with a choice twice, and for a name that has a comma.
        """
        for decision in decisions:
            if not decision.choices:
                raise InvalidInput(f"decision '{decision.name}' of space '{name}' has no choices")
            check_decision(decision, name)
        self.name = name
        self.decisions = decisions
        self._sizes = tuple(len(decision.choices) for decision in decisions)
        self.size = prod(self._sizes)
        self._mutable = tuple(i for i, n in enumerate(self._sizes) if n > 1)
        together = groups or tuple((i,) for i in range(len(decisions)))
        found = (tuple(i for i in group if i in self._mutable) for group in together)
        self._groups = tuple(group for group in found if group)
        # One draw per mutation: a uniform number below a multiple of n - 1 is uniform mod n - 1.
        self._moves = (len(self._mutable), lcm(*(n - 1 for n in self._sizes if n > 1)))

    @property
    def sizes(self) -> tuple[int, ...]:
        """Number of choices of each decision."""
        return self._sizes

    def sample(self, random: Random) -> Architecture:
        """Draw one architecture uniformly."""
        return random.integers(self._sizes)

    def mutate(self, architecture: Architecture, random: Random) -> Architecture:
        """Change one decision, drawn uniformly, to another choice, drawn uniformly.

        Raises `InvalidInput` if the space has only one architecture.
        """
        if not self._mutable:
            self._require_choice()
        where, which = random.integers(self._moves)
        return self._changed(architecture, self._mutable[where], which)

    def mutate_by_group(self, architecture: Architecture, random: Random) -> Architecture:
        """Draw a group uniformly, then a decision of it, and change that to another choice.

        A decision of a small group changes more often than one of a large group. Raises
        `InvalidInput` if the space has only one architecture.
        """
        self._require_choice()
        position = random.choice(random.choice(self._groups))
        return self._changed(architecture, position, random.integer(self._moves[1]))

    def _require_choice(self) -> None:
        if not self._mutable:
            raise InvalidInput(f"space '{self.name}' has one architecture only: nothing to mutate")

    def _changed(self, architecture: Architecture, position: int, which: int) -> Architecture:
        """Return an architecture with another choice at `position`; `which` selects the choice."""
        value = which % (self._sizes[position] - 1)
        if value >= architecture[position]:
            value += 1
        return architecture[:position] + (value,) + architecture[position + 1 :]  # noqa: RUF005

    def cross(self, first: Architecture, second: Architecture, random: Random) -> Architecture:
        """Uniform crossover: each decision comes from either parent with equal chance."""
        coins = random.uniforms(len(first))
        return tuple([a if u < 0.5 else b for a, b, u in zip(first, second, coins, strict=True)])

    def neighbours(self, architecture: Architecture) -> list[Architecture]:
        """Return all architectures that differ in exactly one decision."""
        return [
            (*architecture[:position], value, *architecture[position + 1 :])
            for position in self._mutable
            for value in range(self._sizes[position])
            if value != architecture[position]
        ]

    def one_hot(self, architectures: "ArrayLike") -> "NDArray[np.float32]":
        """Encode architectures, shape (..., decisions), as (..., sum of sizes) zeros and ones."""
        import numpy as np

        codes = np.asarray(architectures)
        blocks = [
            codes[..., position, None] == np.arange(n) for position, n in enumerate(self._sizes)
        ]
        return np.concatenate(blocks, axis=-1).astype(np.float32)

    @cached_property
    def codes(self) -> "NDArray[np.unsignedinteger[Any]]":
        """All architectures in index order, shape (size, decisions)."""
        import numpy as np

        kind = np.uint8 if max(self._sizes, default=1) <= 256 else np.uint32
        grid = np.indices(self._sizes, dtype=kind)
        return np.ascontiguousarray(grid.reshape(len(self._sizes), -1).T)

    def _all(self) -> Iterable[Architecture]:
        return map(tuple, self.codes.tolist())

    def contains(self, architecture: object) -> bool:
        """Whether a value is a tuple with a valid choice for every decision."""
        if not isinstance(architecture, tuple) or len(architecture) != len(self._sizes):
            return False
        pairs = zip(architecture, self._sizes, strict=True)
        return all(isinstance(c, Integral) and 0 <= int(c) < size for c, size in pairs)

    @property
    def form(self) -> str:
        """What an architecture is, for error messages."""
        counts = sorted(set(self._sizes))
        largest = f"{counts[0] - 1}" if len(counts) == 1 else "its number of choices - 1"
        return (
            f"a tuple of {len(self._sizes)} whole numbers, each from 0 to {largest}, such as "
            f"{tuple(size - 1 for size in self._sizes)}"
        )

    def encodings(self) -> "Mapping[str, Encoding]":
        """Return the encoding `one-hot`, which is the method `one_hot`."""
        return {"one-hot": self.one_hot}

    def describe(self) -> Iterable[str]:
        """Return a line for each decision with its choices."""
        return (f"{one.name}: {', '.join(one.choices)}" for one in self.decisions)

    def index(self, architecture: Architecture) -> int:
        """Return the position of `architecture` in the space's order."""
        index = 0
        for choice, n in zip(architecture, self._sizes, strict=True):
            index = index * n + choice
        return index

    def architecture(self, index: int) -> Architecture:
        """Return the architecture at `index`; `InvalidInput` outside 0..size-1."""
        self.require_index(index)
        choices = []
        for n in reversed(self._sizes):
            index, choice = divmod(index, n)
            choices.append(choice)
        return tuple(reversed(choices))

    def format(self, architecture: Architecture) -> str:
        """Write `architecture` as `decision=choice` pairs, which `parse` reads."""
        return ",".join(
            f"{decision.name}={decision.choices[choice]}"
            for decision, choice in zip(self.decisions, architecture, strict=True)
        )

    def parse(self, text: str) -> Architecture:
        """Read what `format` writes; `InvalidInput` points at the first wrong character."""
        parts = text.split(",")
        if len(parts) != len(self.decisions):
            raise InvalidInput(
                f"architecture '{text}' has {len(parts)} parts, "
                f"space '{self.name}' {len(self.decisions)} decisions: "
                f"write it like {self.format((0,) * len(self.decisions))}"
            )
        choices, position = [], 0
        for part, decision in zip(parts, self.decisions, strict=True):
            options = [f"{decision.name}={choice}" for choice in decision.choices]
            if part not in options:
                raise wrong_character(text, position, f"one of {', '.join(options)}")
            choices.append(options.index(part))
            position += len(part) + 1
        return tuple(choices)

"""Search spaces in which a choice determines which decisions come after it.

An example is a number of layers, and then a decision for each layer. A subclass defines which
decision comes next. Everything else follows: the number of architectures, uniform sampling,
indices, mutation, crossover, neighbours and text.
"""

from abc import abstractmethod
from collections.abc import Hashable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from nasbench.errors import InvalidInput
from nasbench.randomness import Random
from nasbench.spaces.base import EnumerableSpace
from nasbench.spaces.categorical import Decision, check_decision

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nasbench.spaces.base import Encoding

Architecture = tuple[int, ...]
"""The choice of every decision from the root to a leaf, as positions in `Decision.choices`."""


_MOST_STATES = 1_000_000
"""Largest number of states (see `ConditionalSpace.state`) that are counted."""


_LOOKED_AT = 32
"""Architectures whose decisions' names are looked at, when a space is made."""


class _Change(NamedTuple):
    """A mutation of one decision, before the decisions after it are made."""

    place: int
    choice: int


class ConditionalSpace(EnumerableSpace):
    """A tree of decisions; an architecture is a path from its root to a leaf.

    Indices number the leaves in the order of the choices, the first decision the most significant.
    Beginnings of architectures that have the same `state` are counted once, so that large spaces
    are counted quickly.
    """

    @abstractmethod
    def next_decision(self, choices: Architecture) -> Decision | None:
        """Return the decision that comes after some choices; None if the architecture is complete.

        Decisions with the same meaning must have the same name in all parts of the tree, since a
        mutation of an earlier choice keeps the later choices of decisions with equal names. A name
        must not occur twice in one architecture. Names of decisions and choices have no comma.
        """

    def state(self, choices: Architecture) -> Hashable:
        """Return a key that determines which decisions follow `choices`; by default `choices`.

        The architectures that follow are counted once for each key. By default every beginning of
        an architecture is a key of its own; a space of more than about 100,000 architectures has to
        return less, such as the number of layers that are left.
        """
        return choices

    @cached_property
    def size(self) -> int:  # type: ignore[override]  # counted when it is first needed
        """Number of architectures.

        Raises `InvalidInput` if there are more than 1,000,000 states, more decisions in a row than
        Python's recursion allows, or one met that cannot be written, see `check_decision`.
        """
        try:
            return self._count(())
        except RecursionError as error:
            raise InvalidInput(
                f"space '{self.name}' has too many decisions in a row to be counted"
            ) from error

    @cached_property
    def _counts(self) -> dict[Hashable, int]:
        return {}

    def _count(self, choices: Architecture) -> int:
        """Return how many architectures begin with some choices."""
        key = self.state(choices)
        if key not in self._counts:
            if len(self._counts) >= _MOST_STATES:
                raise InvalidInput(
                    f"space '{self.name}' has more than {_MOST_STATES:,} states: let its method "
                    "`state` return only what decides which decisions follow"
                )
            self._counts[key] = self._count_after(choices)
        return self._counts[key]

    def _count_after(self, choices: Architecture) -> int:
        """Count the architectures that begin with some choices, whatever has been counted."""
        decision = self.next_decision(choices)
        if decision is None:
            return 1
        check_decision(decision, type(self).__name__)  # it may have no name yet
        return sum(self._count((*choices, one)) for one in range(len(decision.choices)))

    def sample(self, random: Random) -> Architecture:
        """Draw one architecture uniformly."""
        return self.architecture(random.integer(self.size))

    def index(self, architecture: Architecture) -> int:
        """Return the index of an architecture: how many architectures come before it."""
        return sum(
            self._count((*architecture[:place], before))
            for place, choice in enumerate(architecture)
            for before in range(choice)
        )

    def architecture(self, index: int) -> Architecture:
        """Return the architecture at `index`; `InvalidInput` outside 0..size-1."""
        self.require_index(index)
        choices: Architecture = ()
        while self.next_decision(choices) is not None:
            choice = 0
            while index >= (within := self._count((*choices, choice))):
                index -= within
                choice += 1
            choices = (*choices, choice)
        return choices

    def _all(self) -> Iterator[Architecture]:
        ends: list[Architecture] = [()]
        while ends:
            choices = ends.pop()
            decision = self.next_decision(choices)
            if decision is None:
                yield choices
            else:
                ends += [(*choices, one) for one in reversed(range(len(decision.choices)))]

    def check_names(self) -> None:
        """Raise `InvalidInput` where one of some architectures makes two decisions of one name."""
        for seed in range(_LOOKED_AT):
            found = self.decisions_of(self.sample(Random(seed)))
            for decision in found:
                check_decision(decision, type(self).__name__)
            if len({one.name for one in found}) < len(found):
                raise InvalidInput(
                    f"space '{type(self).__name__}' makes a decision twice in one architecture: "
                    f"name its decisions apart ({', '.join(one.name for one in found)})"
                )

    def decisions_of(self, architecture: Architecture) -> list[Decision]:
        """Return the decision of each of an architecture's choices, in their order.

        Raises `ValueError` if there are choices after the end of the architecture.
        """
        found = []
        for place in range(len(architecture)):
            decision = self.next_decision(architecture[:place])
            if decision is None:
                raise ValueError("choices after the end of an architecture")
            found.append(decision)
        return found

    def contains(self, architecture: object) -> bool:
        """Whether a value is a tuple of choices from the root of the tree to a leaf."""
        if not isinstance(architecture, tuple):
            return False
        choices: Architecture = ()
        for choice in architecture:
            decision = self.next_decision(choices)
            if decision is None or type(choice) is not int:
                return False
            if not 0 <= choice < len(decision.choices):
                return False
            choices = (*choices, choice)
        return self.next_decision(choices) is None

    def mutate(self, architecture: Architecture, random: Random) -> Architecture:
        """Change one decision, drawn uniformly from those with another choice, to another choice.

        A later decision keeps its choice if a decision of its name still occurs; new decisions are
        drawn uniformly, one after the other. Raises `InvalidInput` if there is no other
        architecture.
        """
        changes = self._changes(architecture)
        if not changes:
            raise InvalidInput(f"space '{self.name}' has no other architecture: nothing to mutate")
        places = sorted({change.place for change in changes})
        place = random.choice(places)
        change = random.choice([one for one in changes if one.place == place])
        kept = self._named(architecture)
        choices = (*architecture[:place], change.choice)
        while (decision := self.next_decision(choices)) is not None:
            choices = (*choices, random.choice(self._options(choices, decision, kept)))
        return choices

    def neighbours(self, architecture: Architecture) -> Iterator[Architecture]:
        """Yield every architecture that `mutate` can return, each once.

        There are very many if a change brings many new decisions: take only as many as needed.
        """
        kept = self._named(architecture)
        for change in self._changes(architecture):
            yield from self._settled((*architecture[: change.place], change.choice), kept)

    def _settled(self, choices: Architecture, kept: dict[str, str]) -> Iterator[Architecture]:
        """Yield every architecture that begins with `choices` and keeps those of `kept` it can."""
        decision = self.next_decision(choices)
        if decision is None:
            yield choices
            return
        for option in self._options(choices, decision, kept):
            yield from self._settled((*choices, option), kept)

    def _changes(self, architecture: Architecture) -> list[_Change]:
        return [
            _Change(place, choice)
            for place, decision in enumerate(self.decisions_of(architecture))
            for choice in range(len(decision.choices))
            if choice != architecture[place] and self._count((*architecture[:place], choice))
        ]

    def _named(self, architecture: Architecture) -> dict[str, str]:
        """Return the names of an architecture's choices, by the names of its decisions."""
        decisions = self.decisions_of(architecture)
        return {
            one.name: one.choices[choice]
            for one, choice in zip(decisions, architecture, strict=True)
        }

    def _options(
        self, choices: Architecture, decision: Decision, *kept: dict[str, str]
    ) -> list[int]:
        """Return the choices that `kept` has for a decision or, if none is possible, all possible.

        A choice is possible if at least one architecture begins with it.
        """
        fitting = [c for c in range(len(decision.choices)) if self._count((*choices, c))]
        names = [one[decision.name] for one in kept if decision.name in one]
        before = [decision.choices.index(one) for one in names if one in decision.choices]
        return [choice for choice in before if choice in fitting] or fitting

    def possible(self, choices: Architecture) -> list[int]:
        """Return the choices of the decision after `choices` with which an architecture begins.

        They are positions in `Decision.choices`; empty after a whole architecture.
        """
        decision = self.next_decision(choices)
        return [] if decision is None else self._options(choices, decision)

    def cross(self, first: Architecture, second: Architecture, random: Random) -> Architecture:
        """Return a child that takes each decision's choice from either parent with equal chance.

        If only one parent has a decision, its choice is taken; if neither parent has the decision,
        the choice is drawn uniformly.
        """
        parents = [self._named(first), self._named(second)]
        choices: Architecture = ()
        while (decision := self.next_decision(choices)) is not None:
            choices = (*choices, random.choice(self._options(choices, decision, *parents)))
        return choices

    def encodings(self) -> "Mapping[str, Encoding]":
        """Return the encoding `one-hot`, which is the method `one_hot`."""
        return {"one-hot": self.one_hot}

    def one_hot(self, architectures: "Sequence[Architecture]") -> "NDArray[np.float32]":
        """Encode n architectures as zeros and ones of shape (n, features).

        Each choice of each decision that any architecture makes has a feature; those of decisions
        that an architecture does not make are 0. Decisions of one name are one decision. Raises
        `InvalidInput` where beginnings of the same length and `state` go on with other decisions.
        """
        import numpy as np

        made = np.zeros((len(architectures), len(self._features)), np.float32)
        for row, one in enumerate(architectures):
            try:
                made[row, [self._features[pair] for pair in self._pairs(one)]] = 1
            except KeyError as error:
                raise InvalidInput(
                    f"space '{self.name}' has decisions that its method `state` does not tell "
                    "apart: let it return something else for each of them"
                ) from error
        return made

    @cached_property
    def _features(self) -> dict[tuple[str, str], int]:
        """The place of every pair of decision and choice in the one-hot encoding."""
        seen, pairs = set[Hashable](), dict[tuple[str, str], None]()
        ends: list[Architecture] = [()]
        while ends:
            choices = ends.pop()
            key = self.state(choices), len(choices)
            new = key not in seen and self._count(choices)
            decision = self.next_decision(choices) if new else None
            seen.add(key)
            if decision is not None:
                pairs.update(dict.fromkeys((decision.name, one) for one in decision.choices))
                ends += [(*choices, one) for one in reversed(range(len(decision.choices)))]
        return {pair: place for place, pair in enumerate(pairs)}

    def format(self, architecture: Architecture) -> str:
        """Write an architecture as `decision=choice` pairs, which `parse` reads."""
        return ",".join(f"{name}={choice}" for name, choice in self._pairs(architecture))

    def _pairs(self, architecture: Architecture) -> Iterator[tuple[str, str]]:
        decisions = self.decisions_of(architecture)
        for decision, choice in zip(decisions, architecture, strict=True):
            yield decision.name, decision.choices[choice]

    def parse(self, text: str) -> Architecture:
        """Read what `format` writes; `InvalidInput` names the first part that is wrong."""
        choices: Architecture = ()
        for part in text.split(","):
            decision = self.next_decision(choices)
            options = [f"{decision.name}={one}" for one in decision.choices] if decision else []
            if part not in options:
                expected = f"one of {', '.join(options)}" if options else "nothing more"
                raise InvalidInput(
                    f"architecture '{text:.80}': part {len(choices) + 1} is '{part:.40}', "
                    f"expected {expected}"
                )
            choices = (*choices, options.index(part))
        decision = self.next_decision(choices)
        if decision is not None:
            raise InvalidInput(
                f"architecture '{text:.80}': part {len(choices) + 1} is missing, expected one of "
                + ", ".join(f"{decision.name}={one}" for one in decision.choices)
            )
        return choices

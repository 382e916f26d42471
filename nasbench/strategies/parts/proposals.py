"""What estimators of choices count in each kind of space, and how they propose architectures."""

from abc import ABC, abstractmethod
from bisect import bisect
from collections.abc import Sequence
from itertools import accumulate
from typing import TYPE_CHECKING

from nasbench.errors import InvalidInput
from nasbench.randomness import Random
from nasbench.spaces.base import Architecture, Space
from nasbench.spaces.categorical import CategoricalSpace, Decision
from nasbench.spaces.conditional import ConditionalSpace

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nasbench.strategies.parts.parzen import Model


class Proposals(ABC):
    """The choices of a space's architectures as numbers, and candidates from estimates of them.

    It remembers the choices of the architectures that it has been shown in order.
    """

    def __init__(self, space: Space, prior: float) -> None:
        """Begin without architectures; `prior` is what the prior weighs beside each good one."""
        import numpy as np

        self.space, self.prior = space, prior
        self._rows = 0
        self._choices = np.zeros((0, 0), np.int64)

    @property
    @abstractmethod
    def sizes(self) -> "NDArray[np.int64]":
        """Number of choices of each decision met so far, shape (decisions,)."""

    @abstractmethod
    def numbers(self, architectures: Sequence[Architecture]) -> "NDArray[np.int64]":
        """Return the choices of n architectures, shape (n, decisions); `NOT_MADE` for none.

        Decisions that were not met are left out.
        """

    @abstractmethod
    def draw(
        self, model: "Model", good: Sequence[Architecture], number: int, random: Random
    ) -> list[Architecture]:
        """Draw candidates that are likely among the good ones."""

    def draw_best_of(self, model: "Model", number: int, random: Random) -> Architecture | None:
        """Draw an architecture whose every choice is the one with the best l/g of `number` draws.

        None where the space has no decisions that can be made one after the other.
        """
        return None

    def seen(self, architectures: Sequence[Architecture]) -> "NDArray[np.int64]":
        """Return the choices of all architectures asked for, to which only the last are new."""
        import numpy as np

        from nasbench.strategies.parts.parzen import NOT_MADE

        new = self.numbers(architectures[self._rows :])
        old = self._choices
        if new.shape[1] != old.shape[1] or len(architectures) > len(old):
            old = np.full((2 * len(architectures), new.shape[1]), NOT_MADE)
            old[: self._rows, : self._choices.shape[1]] = self._choices[: self._rows]
        old[self._rows : len(architectures)] = new
        self._choices, self._rows = old, len(architectures)
        return old[: self._rows]


class Independent(Proposals):
    """A product of decisions: each is drawn by its own estimate."""

    space: CategoricalSpace

    @property
    def sizes(self) -> "NDArray[np.int64]":
        """Number of choices of each decision."""
        import numpy as np

        return np.array(self.space.sizes, np.int64)

    def numbers(self, architectures: Sequence[Architecture]) -> "NDArray[np.int64]":
        """Return the architectures as an array: they are their choices."""
        import numpy as np

        return np.array(architectures, np.int64).reshape(-1, len(self.space.sizes))

    def draw(
        self, model: "Model", good: Sequence[Architecture], number: int, random: Random
    ) -> list[Architecture]:
        """Draw from the product of the estimates of good ones."""
        return [tuple(one) for one in model.good.draw(number, random.generator).tolist()]

    def draw_best_of(self, model: "Model", number: int, random: Random) -> Architecture:
        """Take the best of `number` draws for each decision."""
        import numpy as np

        drawn = model.good.draw(number, random.generator)
        places = np.arange(drawn.shape[1])
        best = model.ratios[places, drawn].argmax(axis=0)
        return tuple(drawn[best, places].tolist())


class Ancestral(Proposals):
    """A tree of decisions: they are drawn from the root to a leaf, each by its own estimate.

    Decisions of the same name and choices are one decision, wherever in the tree they are made.
    """

    space: ConditionalSpace

    def __init__(self, space: ConditionalSpace, prior: float) -> None:
        """Begin without decisions: they are numbered as they are met."""
        super().__init__(space, prior)
        self._places: dict[Decision, int] = {}

    @property
    def sizes(self) -> "NDArray[np.int64]":
        """Number of choices of each decision met so far."""
        import numpy as np

        return np.array([len(one.choices) for one in self._places], np.int64)

    def seen(self, architectures: Sequence[Architecture]) -> "NDArray[np.int64]":
        """Number the decisions that no architecture made before; return the choices of all."""
        for architecture in architectures[self._rows :]:
            for decision in self.space.decisions_of(architecture):
                self._places.setdefault(decision, len(self._places))
        return super().seen(architectures)

    def numbers(self, architectures: Sequence[Architecture]) -> "NDArray[np.int64]":
        """Return the choices by decision, in the order in which the decisions were met."""
        import numpy as np

        from nasbench.strategies.parts.parzen import NOT_MADE

        made = np.full((len(architectures), len(self._places)), NOT_MADE)
        for row, architecture in enumerate(architectures):
            decisions = self.space.decisions_of(architecture)
            for decision, choice in zip(decisions, architecture, strict=True):
                if (place := self._places.get(decision)) is not None:
                    made[row, place] = choice
        return made

    def draw(
        self, model: "Model", good: Sequence[Architecture], number: int, random: Random
    ) -> list[Architecture]:
        """Draw paths from the root to a leaf."""
        weights = model.good.probabilities.tolist()
        return [self._descend(weights, None, 1, random) for _ in range(number)]

    def draw_best_of(self, model: "Model", number: int, random: Random) -> Architecture:
        """Take the best of `number` draws for each decision on the way down."""
        return self._descend(
            model.good.probabilities.tolist(), model.ratios.tolist(), number, random
        )

    def _descend(
        self,
        weights: list[list[float]],
        ratios: list[list[float]] | None,
        number: int,
        random: Random,
    ) -> Architecture:
        """Make one decision after another; a decision that no estimate knows is uniform."""
        choices: Architecture = ()
        while (decision := self.space.next_decision(choices)) is not None:
            possible = self.space.possible(choices)
            place = self._places.get(decision, len(weights))
            known = place < len(weights)
            chances = [weights[place][one] if known else 1.0 for one in possible]
            ends = list(accumulate(chances))
            drawn = [possible[bisect(ends, u * ends[-1])] for u in random.uniforms(number)]
            best = max(drawn, key=ratios[place].__getitem__) if ratios and known else drawn[0]
            choices = (*choices, best)
        return choices


class Features(Proposals):
    """Graphs and pools: the zeros and ones of an encoding are decisions between two choices.

    Candidates are mutants of good architectures and, with the weight of the prior beside the number
    of good ones, drawn by the space. A space without an encoding has no features: all candidates
    are then equally good.
    """

    def __init__(self, space: Space, prior: float) -> None:
        """Choose the encoding `one-hot` or, where there is none of this name, the first."""
        super().__init__(space, prior)
        encodings = space.encodings()
        self._encode = encodings.get("one-hot") or next(iter(encodings.values()), None)

    @property
    def sizes(self) -> "NDArray[np.int64]":
        """Two for each feature."""
        import numpy as np

        return np.full(self._choices.shape[1], 2)

    def numbers(self, architectures: Sequence[Architecture]) -> "NDArray[np.int64]":
        """Return 1 for each feature that an architecture has, else 0."""
        import numpy as np

        if self._encode is None or not architectures:
            return np.zeros((len(architectures), self._choices.shape[1]), np.int64)
        return (np.asarray(self._encode(architectures)) > 0).astype(np.int64)

    def draw(
        self, model: "Model", good: Sequence[Architecture], number: int, random: Random
    ) -> list[Architecture]:
        """Draw mutants of good ones and, for the prior, architectures of the space."""
        return self.near(good, number, random)

    def near(self, good: Sequence[Architecture], number: int, random: Random) -> list[Architecture]:
        """Draw from a mixture with one part for each good one and one for the prior."""
        parents = (random.generator.random(number) * (len(good) + self.prior)).astype(int).tolist()
        return [self._mutant(good[one], random) if one < len(good) else self.space.sample(random)
                for one in parents]  # fmt: skip

    def _mutant(self, parent: Architecture, random: Random) -> Architecture:
        try:
            return self.space.mutate(parent, random)
        except InvalidInput:  # the space does not mutate, or this architecture has no neighbour
            return self.space.sample(random)


def proposals_of(space: Space, prior: float) -> Proposals:
    """Return the way in which architectures of a space are counted and proposed."""
    if isinstance(space, CategoricalSpace):
        return Independent(space, prior)
    if isinstance(space, ConditionalSpace):
        return Ancestral(space, prior)
    return Features(space, prior)

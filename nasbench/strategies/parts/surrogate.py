"""Searches that evaluate what a model of the scores proposes."""

from abc import abstractmethod
from collections.abc import Sequence
from math import inf, isfinite
from typing import TYPE_CHECKING, Any

from nasbench.problem import WAIT, Answer, Evaluate, Wait
from nasbench.spaces.base import Architecture
from nasbench.strategies.base import Tag
from nasbench.strategies.parts.unseen import Unseen

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_BARREN = 100
"""Mutants that are drawn at most for each one that is wanted."""


class SurrogateSearch(Unseen):
    """A search that begins with random architectures and goes on with those a model proposes.

    A subclass has a setting `initial`, the number of random architectures, and `propose`, which
    fits its model and returns architectures in the order in which they are to be evaluated. The
    model is fitted again when all of them have been asked for: with one returned architecture after
    each answer, with `k` of them after `k` answers. With several workers, nothing waits for open
    trials: the model is fitted to the answers that there are, and open architectures are not
    proposed again. If a model proposes nothing new, a random architecture is evaluated. The search
    ends when all architectures of the space are known.

    What is proposed has to follow from `known`, `open`, the settings and `self.random`, and not
    from attributes that are not stored, so that a restored search goes on with the same bits.
    """

    tags = frozenset({Tag.ENCODING})

    def setup(self) -> None:
        """Begin without answers."""
        super().setup()
        self.queue: list[Architecture] = []  # proposed, not asked for yet

    @abstractmethod
    def propose(self) -> Sequence[Architecture]:
        """Return architectures to evaluate next, the most promising first; empty if none is known.

        At least one evaluation has succeeded. Those that are known or open are passed over.
        """

    def ask(self) -> Evaluate | Wait | None:
        """Ask for the next proposal, or for a random architecture if there is none."""
        architecture = self._next()
        if architecture is None:
            return WAIT if self.open else None
        self.open.add(architecture)
        return Evaluate(architecture)

    def value(self, answer: Answer) -> Any:
        """Return a score; one that is no finite number is that of a failure without a bound."""
        score = self.problem.score(answer)
        return score if isfinite(score) else -inf

    def usable(self, value: Any) -> bool:
        """Whether a model can learn from what is known of an evaluation."""
        return bool(value > -inf)

    def _next(self) -> Architecture | None:
        one = self._proposed()
        if one is None and self._can_propose():
            self.queue = list(self.propose())
            one = self._proposed()
        return next(iter(self.draw(1)), None) if one is None else one

    def _proposed(self) -> Architecture | None:
        """Take the next architecture of the queue that is new; None if there is none."""
        while self.queue:
            one = self.queue.pop(0)
            if one not in self.known and one not in self.open:
                return one
        return None

    def _can_propose(self) -> bool:
        if len(self.known) + len(self.open) < self.settings.initial:
            return False
        return any(map(self.usable, self.known.values()))

    def learned(self) -> "tuple[list[Architecture], NDArray[np.float64]]":
        """Return the known architectures and their scores, shape (n,), in the order of answers.

        Scores are finite: a failed evaluation of a metric without a worst value has the lowest
        score of those that succeeded. So has one that does not meet the constraints, if any does.
        """
        import numpy as np

        scores = np.array(list(self.known.values()))
        finite = np.isfinite(scores)
        feasible = finite & (scores >= self.problem.objectives[0].worst)
        lowest = scores[feasible if feasible.any() else finite].min()
        return list(self.known), np.maximum(scores, lowest)

    def best(self, count: int) -> list[Architecture]:
        """Return the `count` known architectures with the best scores, the best first."""
        return sorted(self.known, key=self.known.__getitem__, reverse=True)[:count]

    def mutants(self, parents: Sequence[Architecture], count: int) -> list[Architecture]:
        """Return up to `count` different new mutants, from one parent after the other in turn.

        There are fewer if `100 * count` mutants had no more new ones among them.
        """
        found: dict[Architecture, None] = {}
        for place in range(_BARREN * count):
            if len(found) == count:
                break
            one = self.space.mutate(parents[place % len(parents)], self.random)
            if one not in self.known and one not in self.open:
                found[one] = None
        return list(found)

    def mutants_of(self, parent: Architecture, count: int) -> list[Architecture]:
        """Return `count` mutants for `mutants_in_turn`: by default those of the space."""
        return self.space.mutants(parent, count, self.random)

    def mutants_in_turn(self, parents: Sequence[Architecture], count: int) -> list[Architecture]:
        """Return different new mutants: those among `count` mutants of each of some parents.

        The mutants of one parent come after those of the one before, and there are none of the
        parents that come after `count` have been found: at most 2 * `count` - 1 are returned.
        """
        found: dict[Architecture, None] = {}
        for parent in parents:
            if len(found) >= count:
                break
            mutants = self.mutants_of(parent, count)
            new = (one for one in mutants if one not in self.known and one not in self.open)
            found.update(dict.fromkeys(new))
        return list(found)

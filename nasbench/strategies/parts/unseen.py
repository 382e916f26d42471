"""Searches that remember what they have evaluated, and draw what they have not."""

from collections.abc import Collection, Iterable
from typing import Any

from nasbench.problem import Answer, Trial
from nasbench.randomness import Random
from nasbench.spaces.base import Architecture, EnumerableSpace, Space
from nasbench.strategies.base import SearchStrategy

_DRAWS = 1_000
"""Draws in a row of what has been drawn before, after which all architectures are looked through"""


def draw_untaken(
    space: Space, taken: Collection[Architecture], random: Random
) -> Architecture | None:
    """Draw an architecture of a space that is not taken; None if all are.

    After 1,000 draws of taken ones, the others are counted if the space can list them, and one is
    drawn uniformly; of any other space it is assumed that all are taken.
    """
    if space.size is None or len(taken) < space.size:
        for _ in range(_DRAWS):
            one = space.sample(random)
            if one not in taken:
                return one
    if isinstance(space, EnumerableSpace) and len(taken) < space.size:
        return random.choice([one for one in space.architectures if one not in taken])
    return None


class Unseen(SearchStrategy):
    """A search that knows the scores of what it evaluated, and asks for nothing twice.

    A search of several objectives overrides `value`, which says what is known of an evaluation.
    """

    def setup(self) -> None:
        """Begin without any known architecture."""
        self.known: dict[Architecture, Any] = {}  # scores, in the order of the answers
        self.open: set[Architecture] = set()  # those that are being evaluated

    def tell(self, trial: Trial, answer: Answer) -> None:
        """Remember the score of an architecture."""
        self.open.discard(trial.architecture)
        self.known[trial.architecture] = self.value(answer)

    def value(self, answer: Answer) -> Any:
        """Return the score of an answer; a failed evaluation has the metric's worst score."""
        return self.problem.score(answer)

    def draw(self, count: int) -> list[Architecture]:
        """Draw `count` different architectures by the space's `sample`, none asked for before.

        There are fewer, or none, if no more are left.
        """
        taken = {*self.known, *self.open}
        drawn: list[Architecture] = []
        while len(drawn) < count:
            one = draw_untaken(self.space, taken, self.random)
            if one is None:
                break
            drawn.append(one)
            taken.add(one)
        return drawn

    def shuffled(self, architectures: Iterable[Architecture]) -> list[Architecture]:
        """Return architectures in random order."""
        listed = list(architectures)
        order = self.random.generator.permutation(len(listed)).tolist()
        return [listed[place] for place in order]

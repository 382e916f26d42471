"""Searches with models that know the scores of all objectives."""

from math import inf
from typing import TYPE_CHECKING, Any, ClassVar

from nasbench.problem import Answer
from nasbench.spaces.base import Architecture
from nasbench.strategies.parts.populations import Scores, best_first, succeeded
from nasbench.strategies.parts.surrogate import SurrogateSearch

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]


class SeveralScores(SurrogateSearch):
    """A search that knows a score of every objective of what it evaluated.

    An evaluation without a finite score of each has failed: all its scores are minus infinity. A
    model has the decisions beside the paths, as costs add up over decisions.
    """

    encodings: ClassVar[tuple[str, ...]] = ("live-path", "path", "one-hot", "adjacency")
    beside: ClassVar[tuple[str, ...]] = ("one-hot", "adjacency")

    def value(self, answer: Answer) -> Scores:
        """Return the scores of all objectives."""
        scores = self.problem.scores(answer)
        return scores if succeeded(scores) else (-inf,) * len(scores)

    def usable(self, value: Any) -> bool:
        """Whether an evaluation has a score of every objective."""
        return succeeded(value)

    @property
    def scores(self) -> "Numbers":
        """The scores of n known architectures, in the order of answers, shape (n, objectives)."""
        import numpy as np

        return np.array([*self.known.values()])

    def best(self, count: int) -> list[Architecture]:
        """Return up to `count` architectures, by rank and then the least crowded: `best_first`."""
        members = [one for one, scores in self.known.items() if succeeded(scores)]
        order = best_first([self.known[one] for one in members])
        return [members[place] for place in order[:count]]

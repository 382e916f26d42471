"""Populations of a search of several objectives: which members are better, and their children."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nasbench.spaces.base import Architecture, Space
from nasbench.strategies.base import require

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nasbench.randomness import Random

Scores = tuple[float, ...]


@dataclass(frozen=True)
class Variation:
    """Hyperparameters of a population whose members have children by crossover and mutation."""

    population: int = 40  #: members of the population
    crossover: float = 0.9  #: probability that two parents are crossed
    mutation: float = 1.0  #: probability that a child mutates

    def __post_init__(self) -> None:
        """Refuse an empty population, and what is no probability."""
        require(1 <= self.population <= 10_000, "population", self.population, "1 to 10000")
        for name in ("crossover", "mutation"):
            value = getattr(self, name)
            require(0 <= value <= 1, name, value, "0 to 1")

    def child(
        self, space: Space, first: Architecture, second: Architecture, random: "Random"
    ) -> Architecture:
        """Return a child of two parents: crossed or a copy of the first, mutated or not.

        In a space without crossover, every child is a mutant of the first parent.
        """
        crosses = space.crosses
        if crosses and random.uniform() < self.crossover:
            first = space.cross(first, second, random)
        mutates = not crosses or random.uniform() < self.mutation
        return space.mutate(first, random) if mutates else first


def succeeded(scores: Scores) -> bool:
    """Whether an evaluation has a score of every objective: whether all are finite."""
    return all(abs(one) < float("inf") for one in scores)


def best_first(scores: Sequence[Scores]) -> list[int]:
    """Return the positions of n members, by rank and, of equal rank, the least crowded first.

    `scores` are finite. Ranks are those of non-dominated sorting, and crowding is measured within a
    rank: Deb et al., IEEE Transactions on Evolutionary Computation 2002, Section III-C. Of members
    that are equal in both, the first comes first.
    """
    import numpy as np

    from nasbench.pareto.dominance import crowding, ranks

    points = np.array(scores)
    rank = ranks(points)
    distance = np.empty(len(points))
    for one in range(int(rank.max(initial=-1)) + 1):
        members = np.flatnonzero(rank == one)
        distance[members] = crowding(points[members])
    order: list[int] = np.lexsort((-distance, rank)).tolist()
    return order


def scaled(scores: "Sequence[Scores]") -> "NDArray[np.float64]":
    """Return finite scores of n members, divided so that each objective goes from 0 to 1.

    Shape (n, objectives). An objective in which all members are equal is 0.
    """
    import numpy as np

    points = np.array(scores)
    low, width = points.min(axis=0), np.ptp(points, axis=0)
    made: NDArray[np.float64] = (points - low) / np.where(width > 0, width, 1.0)
    return made

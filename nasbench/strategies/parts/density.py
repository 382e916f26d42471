"""Kernel density of architectures that are choices of decisions, as BOHB uses it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Points = Sequence[Sequence[int]] | NDArray[np.int64]
"""Choices of n architectures, shape (n, decisions)."""

SMALLEST = 1e-3
"""Smallest bandwidth; without one, a choice that all points share would be the only one drawn."""

_LEAST = 1e-32
"""Smallest density in the ratio of two, as in the code of BOHB's authors."""


@dataclass(frozen=True)
class Density:
    """A product of Aitchison-Aitken kernels around each of n points, averaged.

    The kernel of a decision with c choices and bandwidth h is 1 - h at the point's own choice and
    h / (c - 1) at each other one (Aitchison & Aitken, Biometrika 1976). It is uniform at
    h = (c - 1) / c, the largest bandwidth here.
    """

    points: NDArray[np.int64]  #: shape (n, decisions)
    choices: NDArray[np.int64]  #: number of choices of each decision, shape (decisions,)
    bandwidths: NDArray[np.float64]  #: shape (decisions,)

    @classmethod
    def fit(
        cls, points: Points, choices: Sequence[int] | NDArray[np.int64], smallest: float = SMALLEST
    ) -> "Density":
        """Return the density of points with the bandwidths of the normal reference rule.

        That is 1.06 * sigma * n^(-1 / (4 + d)) for d decisions, where sigma is the standard
        deviation of the positions of the choices; at least `smallest`.
        """
        data, sizes = np.array(points, dtype=np.int64), np.array(choices, dtype=np.int64)
        number, decisions = data.shape
        rule = 1.06 * data.std(axis=0) * number ** (-1 / (4 + decisions))
        return cls(data, sizes, _limited(np.maximum(rule, smallest), sizes))

    def of(self, architectures: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the density at architectures of shape (m, decisions), shape (m,)."""
        kernels = np.ones((len(architectures), len(self.points)))
        bandwidths, sizes = self.bandwidths.tolist(), self.choices.tolist()
        for decision, (h, c) in enumerate(zip(bandwidths, sizes, strict=True)):
            same = architectures[:, decision, None] == self.points[:, decision]
            kernels *= np.where(same, 1 - h, h / max(c - 1, 1))
        densities: NDArray[np.float64] = kernels.mean(axis=1)
        return densities

    def widened(self, factor: float) -> "Density":
        """Return the density with all bandwidths multiplied by a factor, as far as they go."""
        return Density(self.points, self.choices, _limited(factor * self.bandwidths, self.choices))

    def draw(self, number: int, generator: np.random.Generator) -> NDArray[np.int64]:
        """Draw architectures from the density, shape (number, decisions)."""
        drawn = self.points[generator.integers(len(self.points), size=number)]
        moves = generator.random(drawn.shape) < self.bandwidths
        other = generator.integers(np.maximum(self.choices - 1, 1), size=drawn.shape)
        return np.where(moves, other + (other >= drawn), drawn)


def _limited(bandwidths: NDArray[np.float64], choices: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.minimum(bandwidths, (choices - 1) / choices)


class Model(NamedTuple):
    """Densities of good and of bad architectures."""

    good: Density
    bad: Density

    def candidates(
        self, number: int, factor: float, generator: np.random.Generator
    ) -> list[tuple[int, ...]]:
        """Draw architectures from the good density, made wider by a factor, the best first."""
        drawn = self.good.widened(factor).draw(number, generator)
        return [tuple(one) for one in drawn[self.rank(drawn)].tolist()]

    def rank(self, architectures: NDArray[np.int64]) -> list[int]:
        """Return the order of architectures of shape (m, decisions), the best first.

        The best has the smallest ratio of bad to good density; of equal ones the first given.
        """
        good, bad = self.good.of(architectures), self.bad.of(architectures)
        ratio = np.maximum(bad, _LEAST) / np.maximum(good, _LEAST)
        order: list[int] = ratio.argsort(kind="stable").tolist()
        return order

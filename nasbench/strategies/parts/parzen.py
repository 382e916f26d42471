"""Tree-structured Parzen estimators: how often good and bad architectures make each choice."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

NOT_MADE = -1
"""The choice of a decision that an architecture does not make."""


def weights_of(made: NDArray[np.bool_], remembered: int) -> NDArray[np.float64]:
    """Return the weight of every choice, of the same shape as `made`, (n, decisions).

    `made` says which architecture made which decision; the oldest architecture is the first. Of a
    decision that N of them made, the last `remembered` have weight 1, and the weights of those
    before rise in equal steps from 1/N to 1 (the linear forgetting of hyperopt).
    """
    number = made.sum(axis=0)
    fading = number - remembered
    rank = made.cumsum(axis=0) - 1  # of each choice among those of its decision, from 0
    lowest = 1 / np.maximum(number, 1)
    ramp = lowest + rank * ((1 - lowest) / np.maximum(fading - 1, 1))
    return np.where(rank < fading, ramp, 1.0) * made


@dataclass(frozen=True)
class Estimator:
    """The probability of each choice of each decision, given that the decision is made."""

    probabilities: NDArray[np.float64]
    """Shape (decisions, most choices); 0 beyond the choices of a decision."""

    @classmethod
    def fit(
        cls, choices: NDArray[np.int64], sizes: NDArray[np.int64], prior: float, remembered: int
    ) -> "Estimator":
        """Return estimates from n architectures, in proportion to `prior` + weighted counts.

        `choices` has shape (n, decisions) and holds `NOT_MADE` where a decision was not made;
        `sizes`, shape (decisions,), are numbers of choices. Weights are those of `weights_of`.
        """
        made = choices != NOT_MADE
        most = int(sizes.max(initial=1))
        flat = (np.arange(len(sizes)) * most + choices)[made]
        weights = weights_of(made, remembered)[made]
        counts = np.bincount(flat, weights, len(sizes) * most).reshape(len(sizes), most)
        counts = counts + prior * (np.arange(most) < sizes[:, None])
        return cls(counts / counts.sum(axis=1, keepdims=True))

    def draw(self, number: int, generator: np.random.Generator) -> NDArray[np.int64]:
        """Draw a choice for every decision, shape (number, decisions)."""
        ends = self.probabilities.cumsum(axis=1)
        ends[:, -1] = np.inf  # sums of rounded numbers may end below 1
        drawn = generator.random((number, len(ends), 1))
        below: NDArray[np.int64] = (drawn >= ends).sum(axis=2)
        return below


class Model(NamedTuple):
    """Estimates from good architectures, l, and from bad ones, g."""

    good: Estimator
    bad: Estimator

    @property
    def ratios(self) -> NDArray[np.float64]:
        """Logarithm of l/g for each choice, shape (decisions, most choices); 0 beyond them."""
        least = np.finfo(np.float64).tiny
        good, bad = self.good.probabilities, self.bad.probabilities
        return np.log(np.maximum(good, least)) - np.log(np.maximum(bad, least))

    def rank(self, choices: NDArray[np.int64]) -> list[int]:
        """Return the order of m architectures by l/g, the largest first, then the first given.

        `choices` has shape (m, decisions). By equation 15 of the paper, the expected improvement is
        larger the larger l/g is.
        """
        places = np.arange(choices.shape[1])
        found = np.where(choices == NOT_MADE, 0.0, self.ratios[places, choices])
        order: list[int] = (-found.sum(axis=1)).argsort(kind="stable").tolist()
        return order


def good_first(scores: Sequence[float], number: int) -> tuple[list[int], list[int]]:
    """Split observations into the `number` best, of which none failed, and the others.

    Returns two lists of places, each in ascending order. Failed ones have the score -inf. Of equal
    scores, the earlier is better.
    """
    ranked = sorted(range(len(scores)), key=lambda place: (-scores[place], place))
    best = [place for place in ranked[:number] if scores[place] > -np.inf]
    good = set(best)
    return sorted(good), [place for place in range(len(scores)) if place not in good]

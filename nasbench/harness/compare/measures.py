"""Measures of a score relative to all cells (architectures) of a table.

Scores are values of one metric on one reported data set, negated where less is better.
"""

import numpy as np

from nasbench.harness.compare.estimates import Floats
from nasbench.harness.compare.references import Known

_ROUNDING = 1e-11
"""Relative rounding error of the mean of equal cells."""
_STEPS = 100
"""Numbers of evaluations on a coarse grid; bisection finds the exact one between two of them."""


def percentile(scores: Floats, cells: Floats) -> Floats:
    """Return the percentage of all cells that each score is above; ties count half.

    `scores` and the result have any one shape. `cells` holds the score of every cell, NaN where it
    has none. NaN in `scores` stays NaN; all are NaN where no cell has a score.
    """
    ordered = np.sort(cells[~np.isnan(cells)])
    if not len(ordered):
        return np.full(np.shape(scores), np.nan)
    below = np.searchsorted(ordered, scores, side="left")
    upto = np.searchsorted(ordered, scores, side="right")
    return np.where(np.isnan(scores), np.nan, 100 * (below + upto) / (2 * len(ordered)))


def normalised_regret(scores: Floats, cells: Floats) -> Floats:
    """Return each score's regret divided by that of the mean architecture, in the shape of scores.

    0 is the best cell, 1 the mean of all cells. NaN where all cells are equal, or none is known.
    """
    best, mean = _best_and_mean(cells)
    gap = best - mean
    return np.asarray((best - scores) / (gap if gap > _ROUNDING * abs(best) else np.nan))


def relative_improvement(scores: Floats, cells: Floats) -> Floats:
    """Return by how many percent each score is better than the mean architecture.

    Yang, Esperanca & Carlucci, NAS Evaluation Is Frustratingly Hard, ICLR 2020, equation 1. The
    mean over all cells is the exact expectation of a random architecture; the division is by its
    absolute value, since scores of a loss are negative. NaN where the mean is 0 or not known.
    """
    _, mean = _best_and_mean(cells)
    return np.asarray(100 * (scores - mean) / (abs(mean) or np.nan))


def _best_and_mean(cells: Floats) -> tuple[float, float]:
    there = cells[~np.isnan(cells)]
    return (float(there.max()), float(there.mean())) if len(there) else (np.nan, np.nan)


class RandomEvaluations:
    """How many random evaluations have an expected test score as high as a given one.

    It is the smallest whole number n for which the cell with the best search signal, among n cells
    drawn at random, has an expected test score at least as high, in closed form. The n cells are
    different ones, unless the space draws some cells more often than others.
    """

    def __init__(self, known: Known, dataset: str) -> None:
        """Work out the expected scores on a reported data set on a coarse grid of numbers."""
        self._search, self._replacement = known.search, not known.draws.uniform
        self._moments = known.search.moments(known.test[dataset][known.draws.cells])
        most = max(1, round(float(known.draws.weights.sum())))
        self._numbers = np.unique(np.geomspace(1, most, _STEPS).round())
        # the best by a noisy signal may be worse after more evaluations: the first n counts
        highest = np.fmax.accumulate(self._expected(self._numbers))
        self._unknown = bool(np.isnan(highest).all())
        self._highest = np.where(np.isnan(highest), -np.inf, highest)

    def reaching(self, scores: Floats) -> Floats:
        """Return the number of evaluations for each score, in the shape of `scores`.

        Infinite where not even as many evaluations as there are cells are enough; NaN where the
        score is not known, or no cell's is.
        """
        found = np.full(np.shape(scores), np.nan)
        for place, value in np.ndenumerate(scores):
            if not (self._unknown or np.isnan(value)):
                found[place] = self._reaching(float(value))
        return found

    def _reaching(self, score: float) -> float:
        step = int(np.searchsorted(self._highest, score))
        if step == len(self._numbers):
            return np.inf
        low, high = self._numbers[step - 1] if step else 0.0, self._numbers[step]
        while high - low > 1:
            middle = (low + high) // 2
            if self._expected(np.array([middle]))[0] < score:
                low = middle
            else:
                high = middle
        return float(high)

    def _expected(self, numbers: Floats) -> Floats:
        """Return the expected score after each number of evaluations, shape (numbers,)."""
        return self._search.expected(self._moments, numbers, replacement=self._replacement).mean

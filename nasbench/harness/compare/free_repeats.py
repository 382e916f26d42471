"""How many architectures random search draws where only the first draw of each costs seconds."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_DOUBLINGS, _HALVINGS = 40, 60
"""Steps that find a number of draws: up to the first power of 2 above it, and then down to it."""


class FreeRepeats:
    """Draws with replacement by a law that need not be uniform; repeated architectures are free.

    After n draws the mean of the seconds spent is W(n) = sum of c (1 - (1 - p)^n) over the
    architectures, where p is the probability that one is drawn and c its mean seconds. A search of
    T seconds ends with the draw that would overshoot T, which does not count: the mean seconds up
    to and with that draw are T + R, where R = E[c^2] / (2 E[c]) for the costs of the draws that are
    paid at that time. So the number of draws that count is about the n for which W(n + 1) = T + R.
    Where no draw is ever repeated, this is `draws.affordable`.
    """

    def __init__(self, costs: Floats, weights: Floats, cells: NDArray[np.int64]) -> None:
        """Take the answers that a query can give, shape (answers,) each.

        `costs` are their seconds, `weights` are proportional to their probabilities, and `cells`
        are the indices of the architectures that they are of.
        """
        drawn = np.bincount(cells, weights)
        there = drawn > 0
        paid, squares = (
            np.bincount(cells, weights * costs**power)[there] / drawn[there] for power in (1, 2)
        )
        # architectures of equal probability are taken together: a law has few different ones
        chances, group = np.unique(drawn[there] / drawn.sum(), return_inverse=True)
        self._log_missed = np.log1p(-np.minimum(chances, 1 - 1e-16))
        self._chances = chances
        self._paid = np.bincount(group.ravel(), paid)
        self._squares = np.bincount(group.ravel(), squares)

    def within(self, seconds: Floats, workers: int = 1) -> Floats:
        """Return the mean number of draws that count, in the shape of `seconds`.

        Each of `workers` simulated workers has all these seconds. It is infinite where the seconds
        are enough for all architectures.
        """
        flat = np.ravel(np.asarray(seconds, dtype=np.float64))
        low, high = np.zeros(len(flat)), np.full(len(flat), 1.0)
        for _ in range(_DOUBLINGS):
            high = np.where(self._spent(high, workers) < workers * flat, 2 * high, high)
        unreached = self._spent(high, workers) < workers * flat
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            below = self._spent(middle, workers) < workers * flat
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        return np.where(unreached, np.inf, high).reshape(np.shape(seconds))

    def _spent(self, draws: Floats, workers: int) -> Floats:
        """Return W(n + workers) - workers R for every number n of draws, shape (numbers,)."""
        missed = np.exp((draws[:, None] + workers) * self._log_missed)
        unpaid = self._chances * missed
        with np.errstate(invalid="ignore"):
            beyond = np.nan_to_num((unpaid @ self._squares) / (2 * (unpaid @ self._paid)))
        return np.asarray((1 - missed) @ self._paid - workers * beyond)

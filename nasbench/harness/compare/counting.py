"""Exact null distributions of rank tests: how many subsets of the scores have each sum.

Scores are whole numbers: ranks are doubled, so that the mean ranks of ties are whole too. Counts
are floats, exact to about 16 digits, since they can be larger than integers hold.
"""

import numpy as np
from numpy.typing import NDArray

from nasbench.harness.compare.estimates import Floats

Integers = NDArray[np.int64]


def doubled_ranks(values: Floats) -> tuple[Integers, Integers]:
    """Return twice the rank of every value, and how often each distinct value occurs.

    Tied values share their mean rank. Shapes (values,) and (distinct values,); the latter in
    ascending order of the values.
    """
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (2 * np.cumsum(counts) - counts + 1)[place.ravel()], counts


def subset_sums(scores: Integers, most: int) -> tuple[Floats, Integers]:
    """Count the subsets of up to `most` of the scores by their size and sum.

    Returns counts of shape (most + 1, sums) and the sums, ascending. Scores are added one at a
    time, and a subset either holds the score or not (the dynamic programme of Streitberg &
    Roehmel, Statistical Software Newsletter 1986, which allows ties).
    """
    ordered = np.sort(scores)
    low = int(ordered[:most][ordered[:most] < 0].sum())
    last = ordered[max(len(ordered) - most, 0) :]
    high = int(last[last > 0].sum())
    counts = np.zeros((most + 1, high - low + 1))
    counts[0, -low] = 1
    width = counts.shape[1]
    for number, score in enumerate(scores.tolist(), start=1):
        top = min(number, most)
        if score >= 0:
            counts[1 : top + 1, score:] += counts[:top, : width - score]
        else:
            counts[1 : top + 1, :score] += counts[:top, -score:]
    return counts, np.arange(low, high + 1)


def sign_sums(scores: Integers) -> Floats:
    """Count the subsets of positive scores by their sum, from 0 to the total: shape (sums,)."""
    counts = np.zeros(int(scores.sum()) + 1)
    counts[0] = 1
    for score in scores.tolist():
        counts[score:] += counts[:-score]
    return counts


def step(scores: Integers) -> int:
    """Return the greatest whole number that divides all scores; 0 where all are 0."""
    return int(np.gcd.reduce(scores, initial=0))

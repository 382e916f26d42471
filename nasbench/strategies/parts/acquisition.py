"""Acquisition functions: how much an evaluation is worth, by the prediction of its score.

Scores are larger for better architectures. Each function returns numbers of shape (m,), larger for
the architectures that are to be evaluated first.
"""

import numpy as np
from numpy.typing import NDArray

from nasbench.strategies.parts.predictors import Prediction

Numbers = NDArray[np.float64]


def expected_improvement(predicted: Prediction, best: float) -> Numbers:
    """Return the mean of max(score - `best`, 0) of normally distributed scores.

    With z = (mean - best) / deviation it is deviation * (z * cdf(z) + pdf(z)), and
    max(mean - best, 0) where the deviation is 0. Jones et al., Journal of Global Optimization 1998,
    equation 15, for a maximum.
    """
    from scipy.special import ndtr

    gain = predicted.mean - best
    sure = predicted.deviation <= 0
    deviation = np.where(sure, 1.0, predicted.deviation)
    z = gain / deviation
    density = np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)
    improvement: Numbers = np.where(
        sure, np.maximum(gain, 0.0), deviation * (z * ndtr(z) + density)
    )
    return improvement


def expected_hypervolume_improvement(
    first: Prediction, second: Prediction, front: Numbers, reference: Numbers
) -> Numbers:
    """Return the mean of what a point of two independent normal scores adds to a hypervolume.

    The hypervolume is that which the points of `front`, shape (p, 2), dominate from `reference`,
    shape (2,). Points that others dominate, or that are not better than the reference in both
    scores, change nothing; without points it is the product of two expected improvements over the
    reference. Takes O(m p) time.

    With a_0, the reference, and a_1 < ... < a_p the first scores of the front, what a point (u, v)
    adds is the sum over the strips between a_i and a_(i+1), the last one without an end, of the
    width (min(u, a_(i+1)) - a_i)+ and the height (v - b_i)+, where b_i is the largest second score
    of points to the right of a_i, or that of the reference. A width is the difference of the
    improvements of u over a_i and over a_(i+1), and so is its mean. Emmerich et al., Congress on
    Evolutionary Computation 2011, in the form of Yang et al., Journal of Global Optimization 2019,
    Section 3, for a maximum.
    """
    return _gains(first, second, _corners(front, reference), reference)


def largest_hypervolume_improvements(
    first: Prediction, second: Prediction, front: Numbers, reference: Numbers
) -> Numbers:
    """Return `expected_hypervolume_improvement` where it may be the largest, and 0 elsewhere.

    Whatever is within a millionth of the largest is returned. A part of the front leaves more to
    gain, so that it gives a bound in less time: those are passed over whose bound is lower than the
    improvement of the one with the highest bound.
    """
    corners = _corners(front, reference)
    left = np.arange(len(first.mean))
    for members in _THIN:
        if len(corners) <= members or not len(left):
            break
        some = ((np.arange(members) + 0.5) / members * len(corners)).astype(int)
        bound = _gains(first.of(left), second.of(left), corners[some], reference)
        likely = left[[bound.argmax()]]
        reached = _gains(first.of(likely), second.of(likely), corners, reference)
        left = left[bound >= reached * (1 - _NEAR)]
    found = np.zeros(len(first.mean))
    found[left] = _gains(first.of(left), second.of(left), corners, reference)
    return found


_THIN = 3, 7
"""Numbers of points of the front that give bounds, one after the other."""
_NEAR = 1e-6
_ROWS = 1024
"""Candidates that are looked at together: their numbers stay in the processor's cache."""


def _corners(front: Numbers, reference: Numbers) -> Numbers:
    """Return the points that dominate an area which no other does, by their first scores."""
    from nasbench.pareto.dominance import nondominated

    inside = front[(front > reference).all(axis=1)]
    return np.unique(inside[nondominated(inside)], axis=0)


def _gains(first: Prediction, second: Prediction, corners: Numbers, reference: Numbers) -> Numbers:
    """Return expected improvements of the hypervolume, shape (m,), for the corners of a front."""
    left = np.append(reference[0], corners[:, 0])
    below = np.append(corners[:, 1], reference[1])
    found = np.empty(len(first.mean))
    for begin in range(0, len(found), _ROWS):
        some = slice(begin, begin + _ROWS)
        widths = _improvements(first.of(some), left)
        widths[:, :-1] -= widths[:, 1:]
        found[some] = np.einsum("mp,mp->m", widths, _improvements(second.of(some), below))
    return np.maximum(found, 0.0)


def _improvements(predicted: Prediction, bests: Numbers) -> Numbers:
    """Return expected improvements of m normal scores over each of k bests, shape (m, k)."""
    from scipy.special import ndtr

    z = predicted.mean[:, None] - bests
    sure = predicted.deviation <= 0
    scale = np.where(sure, 1.0, predicted.deviation)[:, None]
    certain = np.maximum(z[sure], 0.0)
    z /= scale
    found: Numbers = ndtr(z)
    found *= z
    z *= z
    z *= -0.5
    np.exp(z, out=z)
    z *= 1 / np.sqrt(2 * np.pi)
    found += z
    found *= scale
    found[sure] = certain
    return found


def upper_confidence_bound(predicted: Prediction, deviations: float) -> Numbers:
    """Return mean + `deviations` * deviation: Srinivas et al., ICML 2010, algorithm 1."""
    return predicted.mean + deviations * predicted.deviation


def thompson_sample(predicted: Prediction, generator: np.random.Generator) -> Numbers:
    """Draw a score of each architecture from its own normal distribution.

    This is independent Thompson sampling: White et al., AAAI 2021, Section 4.
    """
    drawn: Numbers = generator.normal(predicted.mean, predicted.deviation)
    return drawn

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


def upper_confidence_bound(predicted: Prediction, deviations: float) -> Numbers:
    """Return mean + `deviations` * deviation: Srinivas et al., ICML 2010, algorithm 1."""
    return predicted.mean + deviations * predicted.deviation


def thompson_sample(predicted: Prediction, generator: np.random.Generator) -> Numbers:
    """Draw a score of each architecture from its own normal distribution.

    This is independent Thompson sampling: White et al., AAAI 2021, Section 4.
    """
    drawn: Numbers = generator.normal(predicted.mean, predicted.deviation)
    return drawn

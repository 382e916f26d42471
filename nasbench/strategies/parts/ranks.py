"""Scores by their ranks: the same for every metric that orders architectures in the same way."""

import numpy as np
from numpy.typing import NDArray


def normal_scores(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return quantiles of the standard normal distribution in the order of n scores, shape (n,).

    The one of rank r of n is the quantile at (r - 1/2) / n; equal scores share their mean rank. A
    score may be minus infinity, and one that is no number (NaN) counts as that. This is the
    Gaussian copula of Salinas et al., "A quantile-based approach for hyperparameter transfer
    learning", ICML 2020, with the rule of Hazen (1914) in place of the empirical distribution with
    clipped ends.
    """
    from scipy.special import ndtri

    scores = np.where(np.isnan(scores), -np.inf, scores)
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = np.cumsum(counts) - (counts - 1) / 2
    quantiles: NDArray[np.float64] = ndtri((ranks - 0.5) / len(scores))[inverse]
    return quantiles

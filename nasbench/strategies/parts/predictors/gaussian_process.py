"""A Gaussian process on numbers that describe architectures.

Rasmussen & Williams, Gaussian Processes for Machine Learning, MIT Press 2006: equations 2.23 to
2.26 (posterior), 5.8 and 5.9 (marginal likelihood and its gradient).
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cholesky, solve_triangular
from scipy.linalg.lapack import dpotri
from scipy.optimize import minimize

from nasbench.strategies.parts.predictors import Prediction

Numbers = NDArray[np.float64]

JITTER = 1e-8
"""What is added to the diagonal of a covariance, as a part of the signal: equal architectures make
it singular where there is no noise."""

_DIGITS = 3
"""Decimals of the logarithms of fitted hyperparameters. Last bits of sums, which depend on the
machine's linear algebra, do not reach them."""

_ITERATIONS = 50
_LENGTHS, _SIGNALS, _NOISES = (0.05, 20.0), (0.05, 20.0), (1e-4, 2.0)
"""Bounds of the hyperparameters; those of the length are multiples of the median distance."""


def squares(first: Numbers, second: Numbers) -> Numbers:
    """Return squared Euclidean distances of n and m rows of features, shape (n, m).

    They are exact for features that are small integers. Of one-hot features of decisions, it is
    twice the number of decisions that differ (the Hamming distance).
    """
    lengths = (first * first).sum(axis=1)[:, None] + (second * second).sum(axis=1)
    found: Numbers = np.maximum(lengths - 2 * (first @ second.T), 0.0)
    return found


class Kernel(NamedTuple):
    """Matern kernel of smoothness 5/2 on Euclidean distances, and the noise of each score.

    Rasmussen & Williams, equation 4.17: with u = sqrt(5) * distance / length, the covariance of two
    scores is signal * (1 + u + u^2 / 3) * exp(-u). Deviations are square roots of `signal` and
    `noise`.
    """

    length: float
    signal: float
    noise: float

    def covariance(self, squared: Numbers) -> Numbers:
        """Return covariances at squared distances, without the noise; of the same shape."""
        u = np.sqrt(squared * (5 / self.length**2))
        found: Numbers = (self.signal * (1 + u + u * u / 3)) * np.exp(-u)
        return found

    def slope(self, squared: Numbers) -> Numbers:
        """Return the derivative of `covariance` with respect to the logarithm of the length."""
        u = np.sqrt(squared * (5 / self.length**2))
        found: Numbers = self.signal * u * u * (1 + u) / 3 * np.exp(-u)
        return found

    @property
    def diagonal(self) -> float:
        """Variance of a score that is measured: signal, noise and jitter."""
        return self.signal * (1 + JITTER) + self.noise


def log_likelihood(kernel: Kernel, squared: Numbers, scores: Numbers) -> tuple[float, Numbers]:
    """Return the log marginal likelihood of n scores with mean 0, and its gradient, shape (3,).

    `squared` are the distances, shape (n, n). The gradient is with respect to the logarithms of
    length, signal and noise. Raises `numpy.linalg.LinAlgError` for a singular covariance.
    """
    number = len(scores)
    signal = kernel.covariance(squared)
    covariance = signal.copy()
    covariance[np.diag_indices(number)] = kernel.diagonal
    factor = cholesky(covariance, lower=True, check_finite=False)
    half, _ = dpotri(factor, lower=True)
    inverse = np.tril(half) + np.tril(half, -1).T
    weights = inverse @ scores
    value = -0.5 * scores @ weights - np.log(np.diag(factor)).sum() - number * _HALF_LOG_2_PI
    outer = np.outer(weights, weights) - inverse
    trace = np.trace(outer)
    slopes = (
        (outer * kernel.slope(squared)).sum(),
        (outer * signal).sum() + JITTER * kernel.signal * trace,
        kernel.noise * trace,
    )
    return float(value), 0.5 * np.array(slopes)


_HALF_LOG_2_PI = 0.5 * math.log(2 * math.pi)


def fitted_kernel(features: Numbers, scores: Numbers) -> Kernel:
    """Return the kernel with the largest marginal likelihood of n scores, by L-BFGS-B.

    Features have shape (n, d). The search begins at the median distance, signal 1 and noise 0.1,
    for scores of variance 1, and ends at a maximum near there, or at a bound.
    """
    squared = squares(features, features)
    apart = squared[squared > 0]
    median = math.sqrt(float(np.median(apart))) if apart.size else 1.0

    def lost(logarithms: Numbers) -> tuple[float, Numbers]:
        kernel = Kernel(*np.exp(logarithms).tolist())
        value, gradient = log_likelihood(kernel, squared, scores)
        return -value, -gradient

    lengths = (median * _LENGTHS[0], median * _LENGTHS[1])
    bounds = [(math.log(low), math.log(high)) for low, high in (lengths, _SIGNALS, _NOISES)]
    found = minimize(
        lost,
        np.log([median, 1.0, 0.1]),
        jac=True,
        method="L-BFGS-B",
        bounds=bounds,
        options={"maxiter": _ITERATIONS},
    )
    return Kernel(*np.exp(np.round(found.x, _DIGITS)).tolist())


class Posterior:
    """What n scores say of others. Architectures are added one by one, each in O(n^2).

    The covariance of scores that are measured is factor @ factor.T with a lower triangular
    `factor`, shape (n, n).
    """

    def __init__(self, kernel: Kernel, features: Numbers, room: int = 0) -> None:
        """Begin with features of shape (n, d); `room` is how many are to be added."""
        self.kernel, self.number = kernel, len(features)
        whole = self.number + room
        self._features = np.empty((whole, features.shape[1]))
        self._factor = np.zeros((whole, whole))
        self._features[: self.number] = features
        covariance = kernel.covariance(squares(features, features))
        covariance[np.diag_indices(self.number)] = kernel.diagonal
        self._factor[: self.number, : self.number] = cholesky(
            covariance, lower=True, check_finite=False
        )

    @property
    def factor(self) -> Numbers:
        """Shape (n, n)."""
        return self._factor[: self.number, : self.number]

    @property
    def features(self) -> Numbers:
        """Shape (n, d)."""
        return self._features[: self.number]

    def add(self, features: Numbers) -> None:
        """Add an architecture with features of shape (d,): a row of the factor.

        Raises `IndexError` if there is no room.
        """
        row = self.whitened(features[None])[:, 0]
        left = self.kernel.diagonal - float(row @ row)
        self._features[self.number] = features
        self._factor[self.number, : self.number] = row
        self._factor[self.number, self.number] = math.sqrt(max(left, self._least))
        self.number += 1

    @property
    def _least(self) -> float:
        """What is left at least of the variance of a score when all others are known."""
        return self.kernel.noise + 0.5 * JITTER * self.kernel.signal

    def whitened(self, features: Numbers) -> Numbers:
        """Return inverse(factor) @ covariances with m others, of shape (m, d); shape (n, m)."""
        covariance = self.kernel.covariance(squares(self.features, features))
        return _solved(self.factor, covariance)

    def predict(self, features: Numbers, scores: Numbers) -> Prediction:
        """Predict the scores without noise of m architectures, of features of shape (m, d).

        `scores` has shape (n,): those of the architectures in the order in which they were added.
        """
        rows = self.whitened(features)
        variance = self.kernel.signal - np.einsum("nm,nm->m", rows, rows)
        return _predicted(_solved(self.factor, scores) @ rows, variance)


class ListedPosterior(Posterior):
    """A posterior of the scores of m candidates that stay the same.

    What is known of each candidate is kept, so that another score costs O(n m) and no O(n^2 m).
    """

    def __init__(
        self, kernel: Kernel, features: Numbers, candidates: Numbers, room: int = 0
    ) -> None:
        """Begin with features of shape (n, d) and those of candidates, shape (m, d)."""
        super().__init__(kernel, features, room)
        self._candidates = candidates
        self._lengths = (candidates * candidates).sum(axis=1)
        rows = self.whitened(candidates)
        self._rows = np.empty((self.number + room, len(candidates)))
        self._rows[: self.number] = rows
        self._variance: Numbers = kernel.signal - np.einsum("nm,nm->m", rows, rows)

    def add(self, features: Numbers) -> None:
        """Add an architecture with features of shape (d,); the candidates get a row, too."""
        before = self.number
        super().add(features)
        distances = self._lengths + features @ features - 2 * (self._candidates @ features)
        row = self.kernel.covariance(np.maximum(distances, 0.0))
        row -= self._factor[before, :before] @ self._rows[:before]
        row /= self._factor[before, before]
        self._rows[before] = row
        self._variance = self._variance - row * row

    def predict_listed(self, scores: Numbers) -> Prediction:
        """Predict the scores without noise of the candidates; `scores` as for `predict`."""
        return _predicted(_solved(self.factor, scores) @ self._rows[: self.number], self._variance)


def _solved(factor: Numbers, right: Numbers) -> Numbers:
    found: Numbers = solve_triangular(factor, right, lower=True, check_finite=False)
    return found


def _predicted(mean: Numbers, variance: Numbers) -> Prediction:
    return Prediction(mean, np.sqrt(np.maximum(variance, 0.0)))


class GaussianProcess:
    """A predictor that fits its kernel to the scores it learns from, and whose mean is theirs."""

    def fit(self, features: Numbers, scores: Numbers) -> None:
        """Learn from n architectures: features of shape (n, d), finite scores of shape (n,)."""
        self._middle, self._scale = float(scores.mean()), float(scores.std()) or 1.0
        self._scores = (scores - self._middle) / self._scale
        self.posterior = Posterior(fitted_kernel(features, self._scores), features)

    def predict(self, features: Numbers) -> Prediction:
        """Predict the scores without noise of m architectures: features of shape (m, d)."""
        mean, deviation = self.posterior.predict(features, self._scores)
        return Prediction(self._middle + self._scale * mean, self._scale * deviation)

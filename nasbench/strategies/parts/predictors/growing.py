"""A Gaussian process of answers that come one by one, fitted again only now and then."""

import math

import numpy as np
from numpy.typing import NDArray

from nasbench.strategies.parts.predictors import Prediction
from nasbench.strategies.parts.predictors.gaussian_process import (
    ListedPosterior,
    Posterior,
    fitted_kernel,
)
from nasbench.strategies.parts.ranks import normal_scores

Numbers = NDArray[np.float64]

_SHARE = 5


def last_fit(answers: int, points: int) -> tuple[int, int]:
    """Return after how many answers the kernel was fitted last, and how many come before the next.

    It is fitted after 1 answer, and then each time that there are a fifth more, rounded up, but at
    most `points` / 5 more.
    """
    fitted = 1
    while True:
        more = max(1, min(math.ceil(fitted / _SHARE), points // _SHARE))
        if fitted + more > answers:
            return fitted, more - 1
        fitted += more


class GrowingProcess:
    """A Gaussian process of normal scores: see `normal_scores`.

    Where it is fitted again, at most `points` answers are kept, half of them the best and half the
    latest; it then learns all that come before the next fit. What it predicts has the same bits
    however often and after which answers `learn` was called.
    """

    def __init__(self, points: int, candidates: Numbers | None = None) -> None:
        """Predict the scores of candidates, shape (m, d), or for None only those of others."""
        self._points, self._candidates = points, candidates
        self._fitted = 0
        self.posterior: Posterior
        self.kept: list[int] = []
        """Places of the answers that it knows, among all."""

    def learn(
        self,
        features: Numbers,
        scores: Numbers,
        first: Numbers | None = None,
        better: Numbers | None = None,
    ) -> None:
        """Learn all n answers so far: features of shape (n, d), scores of shape (n,).

        A score may be minus infinity. The kernel is fitted to the scores of the answers up to the
        last fit or, where they are given, to other scores of these, `first`. Of these answers those
        are kept that have the largest of the same numbers or, where they are given, of `better`.
        Both have shape (fitted,), see `last_fit`.
        """
        self.scores = normal_scores(scores)
        fitted, room = last_fit(len(scores), self._points)
        if fitted != self._fitted:
            first = normal_scores(scores[:fitted] if first is None else first)
            self._fit(features[:fitted], first, first if better is None else better, room)
        begin = self._fitted + self.posterior.number - self._begun
        for place in range(begin, len(scores)):
            self.posterior.add(features[place])
            self.kept.append(place)

    def _fit(self, features: Numbers, scores: Numbers, better: Numbers, room: int) -> None:
        self.kept = _kept(better, self._points)
        self._fitted, self._begun = len(scores), len(self.kept)
        features = features[self.kept]
        kernel = fitted_kernel(features, scores[self.kept])
        if self._candidates is None:
            self.posterior = Posterior(kernel, features, room)
        else:
            self._listed = ListedPosterior(kernel, features, self._candidates, room)
            self.posterior = self._listed

    def predict(self, features: Numbers) -> Prediction:
        """Predict normal scores of m architectures: features of shape (m, d)."""
        return self.posterior.predict(features, self.scores[self.kept])

    def predict_candidates(self) -> Prediction:
        """Predict normal scores of the candidates."""
        return self._listed.predict_listed(self.scores[self.kept])


def _kept(scores: Numbers, points: int) -> list[int]:
    """Return places of at most `points` scores: the latest half, and the best of the others."""
    if len(scores) <= points:
        return list(range(len(scores)))
    earlier = len(scores) - points // 2
    best = np.argsort(-scores[:earlier], kind="stable")[: points - points // 2]
    return [*sorted(best.tolist()), *range(earlier, len(scores))]

"""Predictors: what is fitted to the scores of some architectures and predicts those of others."""

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]


class Prediction(NamedTuple):
    """Predicted scores of m architectures, and how uncertain they are."""

    mean: "Numbers"
    """Shape (m,)."""
    deviation: "Numbers"
    """Standard deviations, shape (m,); at least 0."""

    def of(self, places: "NDArray[np.int64] | slice") -> "Prediction":
        """Return the prediction for some of the architectures."""
        return Prediction(self.mean[places], self.deviation[places])


class Predictor(Protocol):
    """A model of the scores of architectures."""

    def fit(self, features: "Numbers", scores: "Numbers") -> None:
        """Learn from n architectures: features of shape (n, d), finite scores of shape (n,)."""

    def predict(self, features: "Numbers") -> Prediction:
        """Predict the scores of m architectures: features of shape (m, d)."""

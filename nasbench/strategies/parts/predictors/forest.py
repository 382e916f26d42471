"""A random forest whose trees disagree where they are uncertain."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nasbench.strategies.parts.predictors import Prediction

if TYPE_CHECKING:
    from sklearn.tree import DecisionTreeRegressor

Numbers = NDArray[np.float64]

_SEEDS = 2**31


class Forest:
    """Regression trees, each grown on a bootstrap sample of what is known.

    A tree predicts the mean of the scores in a leaf; the forest predicts the mean and the standard
    deviation over its trees: Hutter et al., LION 2011, Section 4.1, with the variance of SMAC3
    (over trees, without that within leaves).
    """

    def __init__(
        self,
        generator: np.random.Generator,
        trees: int = 10,
        *,
        features: float = 1.0,
        least_split: int = 2,
        least_leaf: int = 1,
    ) -> None:
        """Grow trees with random numbers of `generator`.

        `features` is the part of the features of which the best split of a node is chosen; a node
        of fewer than `least_split` samples is not split, and a leaf has at least `least_leaf`.
        """
        self._generator, self._number = generator, trees
        self._options = {
            "max_features": features,
            "min_samples_split": least_split,
            "min_samples_leaf": least_leaf,
        }
        self.trees: list[DecisionTreeRegressor] = []

    def fit(self, features: Numbers, scores: Numbers) -> None:
        """Learn from n architectures: features of shape (n, d), finite scores of shape (n,)."""
        from sklearn.tree import DecisionTreeRegressor

        number = len(scores)
        narrow = features.astype(np.float32)  # what trees compare
        samples = self._generator.integers(number, size=(self._number, number))
        seeds = self._generator.integers(_SEEDS, size=self._number)
        self.trees = []
        for sample, seed in zip(samples, seeds, strict=True):
            tree = DecisionTreeRegressor(**self._options, random_state=int(seed))
            self.trees.append(tree.fit(narrow[sample], scores[sample], check_input=False))

    def predict(self, features: Numbers) -> Prediction:
        """Predict the scores of m architectures: features of shape (m, d).

        Those of shape (m, d) and type float32 are not copied.
        """
        narrow = np.ascontiguousarray(features, dtype=np.float32)
        each = np.stack([tree.tree_.predict(narrow)[:, 0] for tree in self.trees])
        return Prediction(each.mean(axis=0), each.std(axis=0))

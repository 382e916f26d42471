"""The forest by hand: samples, leaves, means and variances, from scikit-learn's trees."""

import numpy as np
import pytest
from sklearn.tree import DecisionTreeRegressor

from nasbench.strategies.parts.predictors.forest import Forest
from nasbench.testing.strategies import toy_space

SPACE = toy_space((3, 2, 4, 3))
EVERY = SPACE.one_hot(SPACE.architectures).astype(float)
SCORES = np.random.default_rng(1).normal(size=72)


def forest(seed: int = 0, **settings: object) -> Forest:
    return Forest(np.random.default_rng(seed), **settings)  # type: ignore[arg-type]


@pytest.mark.parametrize("leaf", [1, 3])
def test_means_and_deviations_over_trees_by_hand(leaf: int) -> None:
    """A leaf's value is the mean of the bootstrap sample's scores in it, drawn here again."""
    known = np.random.default_rng(2).permutation(72)[:40]
    made = forest(7, trees=6, least_leaf=leaf)
    made.fit(EVERY[known], SCORES[known])
    samples = np.random.default_rng(7).integers(40, size=(6, 40))
    means = np.empty((6, 72))
    for tree, sample, row in zip(made.trees, samples, means, strict=True):
        leaves = tree.apply(EVERY[known][sample])
        row[:] = [SCORES[known][sample][leaves == at].mean() for at in tree.apply(EVERY)]
        assert np.unique(leaves, return_counts=True)[1].min() >= leaf
    found = made.predict(EVERY)
    np.testing.assert_allclose(found.mean, means.mean(axis=0), rtol=1e-12)
    variance = ((means - means.mean(axis=0)) ** 2).mean(axis=0)
    np.testing.assert_allclose(found.deviation, np.sqrt(variance), atol=1e-12)
    assert variance.max() > 0


def test_a_tree_is_grown_on_its_sample() -> None:
    """The first tree is the one that scikit-learn grows on the sample and with the seed drawn."""
    made = forest(3, trees=4, features=0.5, least_split=5, least_leaf=2)
    made.fit(EVERY, SCORES)
    generator = np.random.default_rng(3)
    sample = generator.integers(72, size=(4, 72))[0]
    seed = int(generator.integers(2**31, size=4)[0])
    own = DecisionTreeRegressor(
        max_features=0.5, min_samples_split=5, min_samples_leaf=2, random_state=seed
    ).fit(EVERY[sample], SCORES[sample])
    assert made.trees[0].predict(EVERY).tolist() == own.predict(EVERY).tolist()


def test_equal_generators_grow_equal_forests() -> None:
    found = []
    for seed in (0, 0, 1):
        made = forest(seed)
        made.fit(EVERY[:30], SCORES[:30])
        found.append(made.predict(EVERY).mean.tolist())
    assert found[0] == found[1] != found[2]


@pytest.mark.parametrize("number", [1, 2, 20])
def test_equal_scores_are_predicted_surely(number: int) -> None:
    made = forest()
    made.fit(EVERY[:number], np.full(number, 7.0))
    mean, deviation = made.predict(EVERY)
    assert mean.tolist() == [7.0] * 72
    assert deviation.tolist() == [0.0] * 72

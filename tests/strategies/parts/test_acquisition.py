"""Acquisition functions against integrals and moments, and the choice of the largest value."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm, rankdata

from nasbench.strategies.parts.acquisition import (
    expected_improvement,
    thompson_sample,
    upper_confidence_bound,
)
from nasbench.strategies.parts.predictors import Prediction
from nasbench.strategies.parts.ranks import normal_scores
from nasbench.strategies.parts.steady import largest


def predicted(mean: list[float], deviation: list[float]) -> Prediction:
    return Prediction(np.array(mean), np.array(deviation))


@pytest.mark.parametrize("mean", [-3.0, 0.0, 0.9, 1.0, 2.5])
@pytest.mark.parametrize("deviation", [0.1, 1.0, 4.0])
def test_expected_improvement_is_its_integral(mean: float, deviation: float) -> None:
    best = 1.0
    integral = quad(
        lambda score: (score - best) * norm.pdf(score, mean, deviation),
        best,
        max(best, mean) + 12 * deviation,
        points=[mean] if mean > best else None,
        limit=200,
    )[0]
    found = expected_improvement(predicted([mean], [deviation]), best)
    assert found[0] == pytest.approx(integral, rel=1e-6, abs=1e-12)


def test_expected_improvement_of_what_is_certain() -> None:
    found = expected_improvement(predicted([0.0, 1.0, 3.5], [0.0, 0.0, 0.0]), 1.0)
    assert found.tolist() == [0.0, 0.0, 2.5]


def test_a_bound_is_so_many_deviations_up() -> None:
    assert upper_confidence_bound(predicted([1.0, 2.0], [0.5, 0.0]), 3.0).tolist() == [2.5, 2.0]


def test_thompson_samples_have_the_predicted_moments() -> None:
    one = predicted([5.0] * 40_000, [2.0] * 40_000)
    drawn = thompson_sample(one, np.random.default_rng(0))
    assert drawn.mean() == pytest.approx(5.0, abs=5 * 2 / 200)
    assert drawn.std() == pytest.approx(2.0, rel=0.03)


def test_the_largest_is_drawn_among_those_that_only_last_bits_tell_apart() -> None:
    values = np.array([0.1, 0.3, 0.3 * (1 + 1e-13), 0.3 * (1 - 1e-6), 0.3 * (1 - 1e-12)])
    drawn = [largest(values, np.random.default_rng(seed)) for seed in range(60)]
    assert set(drawn) == {1, 2, 4}
    assert largest(np.array([-1.0, -2.0]), np.random.default_rng(0)) == 0
    assert {largest(np.zeros(3), np.random.default_rng(seed)) for seed in range(40)} == {0, 1, 2}


def test_normal_scores_are_quantiles_of_mean_ranks() -> None:
    scores = np.array([3.0, -np.inf, 7.0, 3.0, 1.0, 3.0, -np.inf, 9.0])
    expected = norm.ppf((rankdata(scores) - 0.5) / 8)
    np.testing.assert_allclose(normal_scores(scores), expected, atol=1e-12)
    odd = np.where(np.isfinite(scores), scores, np.nan)
    np.testing.assert_array_equal(normal_scores(odd), normal_scores(scores))
    assert normal_scores(np.full(5, -np.inf)).tolist() == [0.0] * 5
    np.testing.assert_array_equal(normal_scores(scores), normal_scores(100 + 3 * scores))

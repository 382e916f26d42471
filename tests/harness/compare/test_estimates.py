"""Estimates and their intervals against closed forms, scipy and simulated truths."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import skew, t, trim_mean

from nasbench.harness.compare.estimates import (
    counts,
    estimate,
    interquartile_interval,
    interquartile_mean,
    interval,
    intervals,
    mean,
    mean_interval,
    median,
    quartiles,
    skewness,
    summarise,
    too_skewed,
)

samples = st.lists(st.floats(-9, 9), min_size=1, max_size=30).map(np.array)
EXPERIMENTS = 1000


def test_summary_is_that_of_a_paper() -> None:
    n, mean, std, median = summarise(np.array([2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]))
    assert (n, mean, median) == (8, 5.0, 4.5)
    assert std == pytest.approx(np.sqrt(32 / 7))


def test_skewness_is_scipys_and_few_or_even_runs_are_not_too_skewed() -> None:
    """By Cochran's rule: more than 25 runs per squared skewness, here 8/3, are enough."""
    values = np.array([0.0] * 9 + [10.0])
    assert skewness(values) == pytest.approx(skew(values)) == pytest.approx(8 / 3)
    assert too_skewed(values)
    assert too_skewed(np.tile(values, 17))  # 170 <= 25 * 64 / 9 = 177.8
    assert not too_skewed(np.tile(values, 18))
    assert not too_skewed(values[1:])  # nine runs
    assert not too_skewed(np.arange(12.0))


def test_summary_leaves_out_what_is_unknown_and_knows_when_it_knows_nothing() -> None:
    assert summarise(np.array([1.0, np.nan, 3.0]))[:2] == (2, 2.0)
    assert np.isnan(summarise(np.array([1.0])).std)
    assert np.isnan(summarise(np.array([])).mean)


@given(samples)
def test_estimators_are_those_of_numpy_and_scipy(sample: np.ndarray) -> None:
    assert estimate(sample, mean) == pytest.approx(np.mean(sample), abs=1e-12)
    assert estimate(sample, median) == pytest.approx(np.median(sample), abs=1e-12)
    assert estimate(sample, interquartile_mean) == pytest.approx(trim_mean(sample, 0.25), abs=1e-12)


@pytest.mark.parametrize("runs", [10, 50, 200])
@pytest.mark.parametrize("statistic", [mean, median, interquartile_mean])
def test_intervals_cover_the_truth_as_often_as_they_say(statistic: object, runs: int) -> None:
    """Of 1,000 normal experiments with all estimates at 0; three standard errors are 2 points."""
    generator = np.random.default_rng(runs)
    found = [interval(generator.normal(size=runs), statistic) for _ in range(EXPERIMENTS)]
    covered = np.mean([low <= 0 <= high for low, high in found])
    assert 0.93 <= covered <= 0.97 + 0.02 * (runs == 10)  # of ten, the IQM's are a bit wide


def test_intervals_of_skewed_samples_cover_from_a_hundred_runs_on() -> None:
    """Exponential runs with mean 1, as accuracies near a best cell are skewed."""
    generator = np.random.default_rng(3)
    found = [interval(generator.exponential(size=100)) for _ in range(EXPERIMENTS)]
    assert 0.93 <= np.mean([low <= 1 <= high for low, high in found]) <= 0.97


def test_the_interval_of_a_mean_is_as_wide_as_student_says() -> None:
    """Expanded percentiles were made for that; it is Monte Carlo, so within 5 %."""
    for runs in (10, 400):
        values = np.random.default_rng(runs).normal(0, 2, runs)
        low, high = interval(values)
        width = 2 * t.ppf(0.975, runs - 1) * values.std(ddof=1) / np.sqrt(runs)
        assert high - low == pytest.approx(width, rel=0.05)


def test_the_same_sample_has_the_same_interval_whatever_came_before() -> None:
    values = np.random.default_rng(0).normal(size=(30, 1))
    first, curve = interval(values[:, 0]), mean_interval(values)
    interval(np.arange(7.0)), mean_interval(np.arange(7.0)[:, None])
    assert interval(values[:, 0]) == first
    assert (curve[0][0], curve[1][0]) == pytest.approx(first, abs=0.05)
    np.testing.assert_array_equal(mean_interval(values), curve)


def test_an_interval_needs_two_values_and_leaves_out_what_is_unknown() -> None:
    assert np.isnan(interval(np.array([1.0, np.nan]))).all()
    assert interval(np.array([1.0, np.nan, 2.0])) == interval(np.array([2.0, 1.0]))
    assert interval(np.full(5, 3.0)) == (3.0, 3.0)


def test_streams_are_strata() -> None:
    """Samples of one stream are drawn alike, those of two are not correlated."""
    values = np.random.default_rng(1).normal(size=50)
    assert (counts(50, (1,)).sum(axis=1) == 50).all()
    np.testing.assert_array_equal(counts(50, (1,)), counts(50, (1,)))
    apart = np.corrcoef(counts(50, (1,)) @ values, counts(50, (2,)) @ values)[0, 1]
    assert abs(apart) < 0.13  # four standard errors of 1,000


def test_intervals_of_several_statistics_are_those_of_each_alone() -> None:
    """All are read from the same bootstrap samples, in any order of the runs."""
    values = np.random.default_rng(2).gamma(2, size=41)
    statistics = (mean, median, interquartile_mean)
    found = intervals(values, *statistics)
    assert found == tuple(interval(np.flip(values), one) for one in statistics)
    draws = np.random.default_rng(3).choice(np.sort(values), (20_000, 41))
    expected = np.quantile(np.median(draws, axis=1), [0.0228, 0.9772])  # of Student's t, widened
    assert found[1] == pytest.approx(expected, abs=0.05)


def test_quartiles() -> None:
    low, high = quartiles(np.arange(5.0)[:, None])
    assert (low[0], high[0]) == (1, 3)


def test_interquartile_curves_are_the_interquartile_means_of_their_points() -> None:
    samples = np.random.default_rng(0).normal(size=(40, 3))
    centre, low, high = interquartile_interval(samples)
    for point in range(3):
        expected = trim_mean(samples[:, point], 0.25)
        assert centre[point] == pytest.approx(expected)
        assert (low[point], high[point]) == pytest.approx(
            interval(samples[:, point], interquartile_mean), abs=0.06
        )

"""Statistics against closed forms, scipy and brute force."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu

from nasbench.harness.compare.statistics import (
    holm,
    mann_whitney,
    mean_interval,
    quartiles,
    resampling,
    standings,
    summarise,
    superiority,
)

samples = st.lists(st.integers(0, 8).map(float), min_size=1, max_size=12).map(np.array)
p_values = st.lists(st.floats(0, 1), min_size=1, max_size=10).map(np.array)


def test_summary_is_that_of_a_paper() -> None:
    n, mean, std, median = summarise(np.array([2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]))
    assert (n, mean, median) == (8, 5.0, 4.5)
    assert std == pytest.approx(np.sqrt(32 / 7))


def test_summary_leaves_out_what_is_unknown_and_knows_when_it_knows_nothing() -> None:
    assert summarise(np.array([1.0, np.nan, 3.0]))[:2] == (2, 2.0)
    assert np.isnan(summarise(np.array([1.0])).std)
    assert np.isnan(summarise(np.array([])).mean)


def test_mann_whitney_of_separated_triples_is_one_in_ten() -> None:
    low, high = np.array([1.0, 2, 3]), np.array([4.0, 5, 6])
    assert mann_whitney(low, high) == pytest.approx(2 / 20)  # 2 of the 20 splits of six
    assert mann_whitney(low, low) == pytest.approx(1.0)
    assert mann_whitney(np.full(9, 2.0), np.full(9, 2.0)) == 1.0
    assert np.isnan(mann_whitney(low, np.array([np.nan])))


@given(samples, samples)
def test_superiority_counts_pairs(first: np.ndarray, second: np.ndarray) -> None:
    pairs = [(a > b) + (a == b) / 2 for a in first for b in second]
    assert superiority(first, second) == pytest.approx(np.mean(pairs))
    assert superiority(first, second) + superiority(second, first) == pytest.approx(1)
    u = mannwhitneyu(first, second).statistic
    assert superiority(first, second) == pytest.approx(u / (len(first) * len(second)))


def test_holm_by_hand() -> None:
    adjusted = holm(np.array([0.01, np.nan, 0.04, 0.03]))
    np.testing.assert_allclose(adjusted, [0.03, np.nan, 0.06, 0.06])


@given(p_values)
def test_holm_lies_between_the_raw_values_and_bonferroni(raw: np.ndarray) -> None:
    adjusted = holm(raw)
    assert (adjusted >= raw).all()
    assert (adjusted <= np.minimum(1, raw * len(raw)) + 1e-12).all()
    assert (np.diff(adjusted[np.argsort(raw, kind="stable")]) >= 0).all()


def test_bold_is_never_the_mean_alone() -> None:
    generator = np.random.default_rng(1)
    best = generator.normal(1.0, 1.0, 200)
    near = best - 0.01
    far = generator.normal(-1.0, 1.0, 200)
    found = standings([far, near, best, np.array([])])
    assert [one.among_best for one in found] == [False, True, True, False]
    assert found[0].p_value == pytest.approx(2 * mann_whitney(far, best))
    assert np.isnan(found[2].p_value)
    assert np.isnan(found[3].p_value)


def test_identical_rows_and_single_rows_are_all_best() -> None:
    assert all(one.among_best for one in standings([np.ones(5)] * 3))
    assert standings([np.array([3.0])])[0].among_best
    assert not standings([np.array([np.nan])])[0].among_best


def test_interval_of_the_mean_covers_as_often_as_it_says() -> None:
    generator = np.random.default_rng(3)
    experiments = generator.exponential(1.0, (100, 600))  # runs, experiments: true mean 1
    low, high = mean_interval(experiments, resampling(100, np.random.default_rng(0)))
    covered = ((low <= 1) & (high >= 1)).mean()
    assert 0.90 < covered < 0.97  # percentile bootstrap, n = 100, skewed: slightly below 95 %


def test_interval_has_the_width_of_normal_theory_and_repeats() -> None:
    values = np.random.default_rng(0).normal(0, 2, (400, 1))
    weights = resampling(400, np.random.default_rng(0))
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    low, high = mean_interval(values, weights)
    assert high[0] - low[0] == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.1)
    again = mean_interval(values, resampling(400, np.random.default_rng(0)))
    assert (again[0] == low).all()


def test_quartiles() -> None:
    low, high = quartiles(np.arange(5.0)[:, None])
    assert (low[0], high[0]) == (1, 3)

"""Tests and effect sizes against closed forms, scipy, brute force and simulated truths."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu, norm

from nasbench.harness.compare.significance import (
    detectable_difference,
    detectable_superiority,
    holm,
    least_p_value,
    mann_whitney,
    pairs,
    runs_to_detect,
    standings,
    superiority,
    wilcoxon,
)

samples = st.lists(st.integers(0, 8).map(float), min_size=1, max_size=12).map(np.array)
p_values = st.lists(st.floats(0, 1), min_size=1, max_size=10).map(np.array)


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


def test_constant_triples_are_divided_in_twenty_ways() -> None:
    """The normal approximation gives 0.047: three runs of one cell would pass for a finding."""
    assert mann_whitney(np.ones(3), np.full(3, 2.0)) == pytest.approx(0.1)
    assert mann_whitney(np.ones(4), np.full(4, 2.0)) == pytest.approx(2 / 70)


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


def test_wilcoxon_of_six_gains_is_one_in_thirty_two() -> None:
    before = np.arange(6.0)
    assert wilcoxon(2 * before + 1, before) == pytest.approx(2 / 2**6)
    assert wilcoxon(before, before) == 1.0
    assert np.isnan(wilcoxon(before, np.full(6, np.nan)))


def test_pairs_are_every_two_rows_and_corrected_together() -> None:
    generator = np.random.default_rng(0)
    rows = [generator.normal(shift, 1, 30) for shift in (0, 0.5, 1)]
    found = pairs(rows)
    assert [(one.first, one.second) for one in found] == [(0, 1), (0, 2), (1, 2)]
    for one in found:
        first, second = rows[one.first], rows[one.second]
        assert one.difference == pytest.approx(first.mean() - second.mean())
        assert one.p_value == mannwhitneyu(first, second).pvalue
        assert one.superiority == superiority(first, second)
    np.testing.assert_allclose(
        [one.corrected for one in found], holm(np.array([one.p_value for one in found]))
    )


def power(shift: float, runs: int, experiments: int = 1000) -> float:
    """Return how often a difference of normal samples with deviation 1 is found."""
    generator = np.random.default_rng(runs)
    first = generator.normal(shift, 1, (experiments, runs))
    second = generator.normal(0, 1, (experiments, runs))
    return float(np.mean(mannwhitneyu(first, second, axis=1).pvalue < 0.05))


@pytest.mark.parametrize("runs", [20, 100])
def test_a_detectable_difference_is_found_in_four_of_five_experiments(runs: int) -> None:
    """By both formulas: A12 of normal samples is the distribution function at shift / sqrt 2."""
    assert power(detectable_difference(1.0, runs), runs) == pytest.approx(0.8, abs=0.05)
    shift = np.sqrt(2) * norm.ppf(detectable_superiority(runs))
    assert power(float(shift), runs) == pytest.approx(0.8, abs=0.05)


def test_so_many_runs_find_that_difference() -> None:
    runs = runs_to_detect(0.1, 0.35)
    assert detectable_difference(0.35, runs) <= 0.1 < detectable_difference(0.35, runs - 1)
    assert np.isnan(detectable_superiority(3))
    for runs in (0, 1, 5):
        assert np.isnan(detectable_difference(1.0, runs))
    assert runs_to_detect(10.0, 0.1) == 6
    assert np.isfinite(detectable_superiority(6))


@pytest.mark.parametrize(("first", "second"), [(1, 1), (3, 3), (4, 4), (3, 12)])
def test_the_least_p_value_is_that_of_samples_apart(first: int, second: int) -> None:
    apart = mann_whitney(np.arange(float(first)), 50.0 + np.arange(second))
    assert least_p_value(first, second) == pytest.approx(apart)

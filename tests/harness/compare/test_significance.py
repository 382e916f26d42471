"""Tests and effect sizes against closed forms, scipy, brute force and simulated truths."""

from itertools import combinations, product
from time import process_time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import fisher_exact, mannwhitneyu, norm, rankdata
from scipy.stats import wilcoxon as scipy_wilcoxon

from nasbench.harness.compare.significance import (
    can_reject,
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


few = st.lists(st.integers(0, 3).map(float), min_size=1, max_size=5).map(np.array)


@given(few, few)
def test_mann_whitney_of_few_is_over_all_ways_to_divide_them(
    first: np.ndarray, second: np.ndarray
) -> None:
    ranks = rankdata(np.concatenate([first, second]))
    sums = np.array([sum(some) for some in combinations(ranks, len(first))])
    there = ranks[: len(first)].sum()
    tails = np.mean(sums <= there + 1e-9), np.mean(sums >= there - 1e-9)
    assert mann_whitney(first, second) == pytest.approx(min(1, 2 * min(tails)))


@pytest.mark.parametrize(("runs", "lucky"), [(14, 4), (60, 6), (500, 5), (500, 12)])
def test_a_tie_of_most_runs_leaves_a_test_of_the_others(runs: int, lucky: int) -> None:
    """Two values make a table of counts: Fisher's test, whose null is symmetric here.

    The normal approximation gives 0.016 for 500 runs of which 5 and none are better.
    """
    one, other = np.zeros(runs), np.zeros(runs)
    one[:lucky] = 1
    table = [[lucky, runs - lucky], [0, runs]]
    assert mann_whitney(one, other) == pytest.approx(fisher_exact(table).pvalue)


@pytest.mark.parametrize("values", [None, 4, 30])
def test_mann_whitney_of_many_is_scipys(values: int | None) -> None:
    generator = np.random.default_rng(0)
    first, second = generator.normal(size=60), generator.normal(0.3, 1, size=50)
    if values:
        first, second = np.round(first * values / 4), np.round(second * values / 4)
    found, expected = mann_whitney(first, second), mannwhitneyu(first, second).pvalue
    assert found == pytest.approx(expected, rel=0.02 if values else 1e-9)


def test_counts_of_two_values_are_tested_with_half_a_step() -> None:
    """Yates' correction, here of 40 and 60 of 100 each: Fisher's p is 0.0069, 0.0047 without."""
    one, other = np.repeat([0.0, 1.0], [40, 60]), np.repeat([0.0, 1.0], [60, 40])
    exact = fisher_exact([[40, 60], [60, 40]]).pvalue
    assert mann_whitney(one, other) == pytest.approx(exact, rel=0.05)


differences = st.lists(st.integers(-3, 4).map(float), min_size=1, max_size=9).map(np.array)


@given(differences)
def test_wilcoxon_is_over_all_signs_of_the_pairs_that_differ(difference: np.ndarray) -> None:
    """Zeros take ranks and have no sign (Pratt)."""
    there = difference != 0
    ranks = rankdata(np.abs(difference))[there]
    sums = np.array([np.dot(signs, ranks) for signs in product((-1, 1), repeat=len(ranks))])
    far = abs(np.sign(difference[there]) @ ranks)
    expected = np.mean(np.abs(sums) >= far - 1e-9)
    assert wilcoxon(difference, np.zeros(len(difference))) == pytest.approx(expected)


@pytest.mark.parametrize("zeros", [0, 1, 10, 46, 496])
def test_four_gains_are_four_gains_whatever_did_not_change(zeros: int) -> None:
    """2 of the 16 signs; the normal approximation gives 0.046 for 14 pairs."""
    gains = np.concatenate([np.arange(1.0, 5), np.zeros(zeros)])
    assert wilcoxon(gains, np.zeros(len(gains))) == pytest.approx(2 / 16)


@pytest.mark.parametrize("zeros", [0, 20])
def test_wilcoxon_of_many_is_scipys(zeros: int) -> None:
    difference = np.random.default_rng(0).normal(0.2, 1, 80)
    difference[:zeros] = 0
    expected = scipy_wilcoxon(difference, zero_method="pratt", correction=True).pvalue
    assert wilcoxon(difference, np.zeros(80)) == pytest.approx(expected)


def test_differences_that_rounding_made_are_ties() -> None:
    after, before = np.array([0.3, 0.2, 0.1 + 0.2]), np.array([0.1, 0.0, 0.1])
    assert len(set(after - before)) > 1
    assert wilcoxon(after, before) == pytest.approx(2 / 8)


def test_exact_tests_take_no_time() -> None:
    """13 pairs, one of which does not differ, took 4.3 seconds by enumeration in scipy."""
    generator = np.random.default_rng(0)
    start = process_time()
    gains = np.append(generator.normal(size=12), 0.0)
    wilcoxon(gains, np.zeros(13))
    zeros = np.append(generator.normal(size=50), np.zeros(450))
    wilcoxon(zeros, np.zeros(500))
    ties = generator.integers(0, 3, (2, 8)).astype(float)
    mann_whitney(*ties)
    rare = np.append(generator.normal(size=8), np.zeros(492))
    mann_whitney(rare, rare + 0.1 * (rare != 0))
    assert process_time() - start < 0.5


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
    assert found[0].p_value == pytest.approx(3 * mann_whitney(far, best))  # of three pairs
    assert found[0].superiority == superiority(far, best)
    assert [one.worse_than for one in found] == [2, -1, -1, -1]
    assert np.isnan(found[2].p_value)
    assert np.isnan(found[3].p_value)


def test_a_row_loses_its_bold_to_any_row_that_is_better() -> None:
    """The best mean is of a few lucky runs: only the second row is clearly better than the last."""
    lucky = np.append(np.zeros(18), [100.0, 100.0])
    steady, worse = np.full(20, 2.0) + np.arange(20) / 100, np.full(20, 1.0) + np.arange(20) / 100
    found = standings([lucky, steady, worse])
    assert [one.among_best for one in found] == [True, True, False]
    assert found[2].worse_than == 1
    assert found[2].superiority == pytest.approx(0.9)  # it wins most comparisons with the first


def lost(draw: str, rows: int, runs: tuple[int, int], experiments: int = 400) -> np.ndarray:
    """Return which of so many equal rows lose their bold, (experiments, rows)."""
    generator = np.random.default_rng([rows, *runs])
    counts = np.linspace(*runs, rows).astype(int)
    found = []
    for _ in range(experiments):
        if draw == "normal":
            samples = [generator.normal(size=count) for count in counts]
        elif draw == "lognormal":
            samples = [generator.lognormal(size=count) for count in counts]
        else:
            samples = [np.floor(generator.exponential(1.5, count)) for count in counts]
        found.append([not one.among_best for one in standings(samples)])
    return np.array(found)


@pytest.mark.parametrize(
    ("draw", "rows", "runs"),
    [("normal", 3, (20, 20)), ("normal", 10, (20, 20)), ("lognormal", 5, (10, 60)),
     ("cells", 5, (40, 40))],
)  # fmt: skip
def test_equal_rows_keep_their_bold(draw: str, rows: int, runs: tuple[int, int]) -> None:
    """At most 5 % of experiments take it from any row; three standard errors are 3.3 points.

    Tests against the best row of the same runs took it more often, the more rows there were.
    """
    taken = lost(draw, rows, runs)
    assert taken.any(axis=1).mean() <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / len(taken))
    assert taken.mean(axis=0).max() <= 0.05


def test_rows_that_differ_do_lose_it() -> None:
    generator = np.random.default_rng(0)
    found = standings([generator.normal(shift, 1, 50) for shift in (0, 0, 2, 2)])
    assert [one.among_best for one in found] == [False, False, True, True]


@pytest.mark.parametrize(("rows", "least"), [(2, 4), (3, 5), (5, 6), (10, 7), (20, 8)])
def test_so_many_runs_can_tell_rows_apart(rows: int, least: int) -> None:
    """By the runs of rows that are apart: the smallest p-value times the number of pairs."""
    for runs in (least - 1, least):
        apart = [np.arange(runs) + 100.0 * (row == 0) for row in range(rows)]
        found = standings(apart)
        assert all(one.testable is (runs == least) for one in found)
        assert can_reject([runs] * rows) is (runs == least)
        assert any(one.worse_than >= 0 for one in found) <= (runs == least)
    assert standings([np.arange(least) + 100.0, *[np.arange(least) * 1.0] * (rows - 1)])
    assert not can_reject([least])
    assert can_reject([0, 0, 4, 4])


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
        assert one.p_value == pytest.approx(mannwhitneyu(first, second).pvalue)
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

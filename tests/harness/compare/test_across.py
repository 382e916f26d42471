"""Several data sets against published tables, scipy, brute force and simulated truths."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import friedmanchisquare

from nasbench.harness.compare.across import Problem, profile, standings_across
from nasbench.harness.compare.rank_tests import cliques, critical_difference


@pytest.mark.parametrize(
    ("rows", "q"), [(2, 1.960), (3, 2.343), (4, 2.569), (5, 2.728), (6, 2.850), (10, 3.164)]
)
def test_critical_difference_has_the_published_quantiles(rows: int, q: float) -> None:
    """Demsar, JMLR 2006, table 5(a)."""
    expected = q * np.sqrt(rows * (rows + 1) / (6 * 30))
    assert critical_difference(rows, 30) == pytest.approx(expected, rel=5e-4)


def test_published_comparison_of_four_learners() -> None:
    """Demsar's C4.5 example: 14 data sets; nothing told apart at 0.05, two pairs at 0.10."""
    ranks = np.array([3.143, 2.000, 2.893, 1.964])
    assert critical_difference(4, 14) == pytest.approx(1.25, abs=0.005)
    assert cliques(ranks, critical_difference(4, 14)) == ((3, 1, 2, 0),)
    assert critical_difference(4, 14, alpha=0.1) == pytest.approx(1.12, abs=0.005)
    assert cliques(ranks, critical_difference(4, 14, alpha=0.1)) == ((3, 1, 2), (2, 0))


@given(st.lists(st.integers(0, 12).map(float), min_size=1, max_size=6), st.floats(0.1, 6))
def test_cliques_are_all_maximal_sets_within_the_difference(
    ranks: list[float], difference: float
) -> None:
    found = {frozenset(clique) for clique in cliques(np.array(ranks), difference)}
    close = [
        frozenset(j for j, other in enumerate(ranks) if 0 <= other - rank < difference)
        for rank in ranks
    ]
    sets = {one for one in close if len(one) > 1}
    assert found == {one for one in sets if not any(one < other for other in sets)}


def problems(generator: np.random.Generator, shifts: list[float], runs: int) -> list[Problem]:
    """Make three data sets on which strategies differ by shifts; regret is minus accuracy."""
    made = []
    for number in range(3):
        samples = tuple(generator.normal(shift, 1, runs) for shift in shifts)
        made.append(Problem(f"d{number}", number, samples, tuple(-one for one in samples)))
    return made


def test_numbers_of_three_data_sets_by_brute_force() -> None:
    found_in = problems(np.random.default_rng(0), [0.0, 0.3, 0.9], 12)
    found = standings_across(["a", "b", "c"], found_in)
    means = np.array([[sample.mean() for sample in one.accuracy] for one in found_in])
    ranks = (means[:, :, None] <= means[:, None, :]).sum(axis=2)
    np.testing.assert_allclose(found.ranks, ranks.mean(axis=0))
    for i, j in product(range(3), repeat=2):
        wins = [
            np.mean([(a > b) + (a == b) / 2 for a in one.accuracy[i] for b in one.accuracy[j]])
            for one in found_in
        ]
        assert found.better[i, j] == pytest.approx(np.mean(wins))
        assert found.better_low[i, j] <= found.better[i, j] <= found.better_high[i, j]
    np.testing.assert_allclose(found.regret_mean, -means.mean(axis=0))
    assert found.warning.startswith("3 data sets are too few for Nemenyi's test")
    frame = found.to_frame()
    np.testing.assert_allclose(frame["better_than/c"], found.better[:, 2])


def test_intervals_over_data_sets_cover_the_truth() -> None:
    """1,000 experiments: chance of being better, mean and interquartile mean are known."""
    from scipy.stats import norm

    truth, covered = norm.cdf(0.5 / np.sqrt(2)), []
    for number in range(1000):
        made = problems(np.random.default_rng([7, number]), [0.5, 0.0], 20)
        found = standings_across(["a", "b"], made)
        low, high = found.regret[0]
        covered.append(
            (
                found.better_low[0, 1] <= truth <= found.better_high[0, 1],
                low <= -0.5 <= high,
                found.regret_iqm_intervals[0].low <= -0.5 <= found.regret_iqm_intervals[0].high,
            )
        )
    for share in np.mean(covered, axis=0):
        assert 0.93 <= share <= 0.97


def ranked(orders: list[tuple[int, ...]]) -> list[Problem]:
    """Make data sets on which strategies have these accuracies in every run."""
    made = [tuple(np.full(4, float(value)) for value in order) for order in orders]
    return [Problem(f"d{number}", number, one, one) for number, one in enumerate(made)]


def friedman(orders: list[tuple[int, ...]]) -> float:
    return standings_across([str(row) for row in range(len(orders[0]))], ranked(orders)).friedman


def test_friedman_of_few_data_sets_is_exact() -> None:
    """Chances by counting orders; the chi-square form gives 0.0498 for the first."""
    assert friedman([(1, 2, 3)] * 3) == pytest.approx(1 / 36)
    assert friedman([(1, 2, 3)] * 4) == pytest.approx(1 / 216)
    assert friedman([(1, 2, 3), (2, 3, 1), (3, 1, 2)]) == 1.0
    assert friedman([tuple(range(8))] * 3) < 0.001  # too many orders to look at all


def test_friedman_of_many_data_sets_is_scipys() -> None:
    orders = [tuple(np.random.default_rng(number).permutation(4)) for number in range(12)]
    expected = friedmanchisquare(*np.array(orders, dtype=float).T).pvalue
    assert friedman(orders) == pytest.approx(expected)


def test_a_run_takes_its_numbers_on_all_data_sets_of_a_search_along() -> None:
    """Runs that are opposite on two data sets: their mean has no spread, but of two searches."""
    values = np.random.default_rng(0).normal(size=40)
    for searches, spread in (((0, 0), False), ((0, 1), True)):
        made = [
            Problem(f"d{number}", search, (sign * values,) * 2, (sign * values,) * 2)
            for number, (search, sign) in enumerate(zip(searches, (1, -1), strict=True))
        ]
        low, high = standings_across(["a", "b"], made).regret[0]
        assert (high - low > 0.1) is spread
        assert spread or high - low < 1e-9


def test_a_profile_is_the_share_of_runs_at_each_threshold() -> None:
    made = problems(np.random.default_rng(1), [0.0], 30)
    grid = np.linspace(-3, 3, 13)
    centre, low, high = profile(made, 0, grid)
    expected = [np.mean([np.mean(one.regret[0] <= at) for one in made]) for at in grid]
    np.testing.assert_allclose(centre, expected)
    assert (low <= centre + 1e-12).all()
    assert (centre <= high + 1e-12).all()
    assert (np.diff(centre) >= 0).all()

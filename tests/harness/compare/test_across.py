"""Several data sets against published tables, scipy, brute force and simulated truths."""

from itertools import permutations, product
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import friedmanchisquare, norm, rankdata, studentized_range, t, trim_mean

from nasbench.harness.compare import compare
from nasbench.harness.compare.across import (
    OneDataSet,
    profile,
    standings_across,
    strata_of,
    weighted_middle,
)
from nasbench.harness.compare.families import share_draws
from nasbench.harness.compare.rank_tests import (
    Runs,
    cliques,
    critical_difference,
    divided,
    ranks_of,
)
from nasbench.harness.execution.run import run
from nasbench.harness.results.load import load_results


@pytest.mark.parametrize(
    ("rows", "q"), [(2, 1.960), (3, 2.343), (4, 2.569), (5, 2.728), (6, 2.850), (10, 3.164)]
)
def test_critical_difference_has_the_published_quantiles(rows: int, q: float) -> None:
    """Demsar, JMLR 2006, table 5(a)."""
    expected = q * np.sqrt(rows * (rows + 1) / (6 * 30))
    assert critical_difference(rows, 30) == pytest.approx(expected, rel=5e-4)


@pytest.mark.parametrize("rows", range(2, 24))
def test_critical_difference_has_the_quantiles_of_scipy(rows: int) -> None:
    quantile = studentized_range.ppf(0.95, rows, np.inf)
    expected = quantile / np.sqrt(2) * np.sqrt(rows * (rows + 1) / 6 / 12)
    assert critical_difference(rows, 12) == pytest.approx(expected, rel=1e-9)


@given(st.lists(st.lists(st.integers(0, 4), min_size=5, max_size=5), min_size=1, max_size=6))
def test_ranks_are_scipys(means: list[list[int]]) -> None:
    expected = rankdata(-np.array(means), axis=1)
    np.testing.assert_array_equal(ranks_of(np.array(means, dtype=float)), expected)
    deep = np.array([means, means], dtype=float)
    np.testing.assert_array_equal(ranks_of(deep), [expected, expected])


def test_ranks_leave_out_what_is_not_known() -> None:
    found = ranks_of(np.array([[2.0, np.nan, 3.0, 2.0]]))
    np.testing.assert_array_equal(found, [[2.5, np.nan, 1.0, 2.5]])


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


def datasets(generator: np.random.Generator, shifts: list[float], runs: int) -> list[OneDataSet]:
    """Make three data sets on which strategies differ by shifts; regret is minus accuracy."""
    made = []
    for number in range(3):
        samples = tuple(generator.normal(shift, 1, runs) for shift in shifts)
        made.append(OneDataSet(f"d{number}", number, samples, tuple(-one for one in samples)))
    return made


def test_numbers_of_three_data_sets_by_brute_force() -> None:
    found_in = datasets(np.random.default_rng(0), [0.0, 0.3, 0.9], 12)
    found = standings_across(["a", "b", "c"], found_in)
    means = np.array([[sample.mean() for sample in one.scores] for one in found_in])
    ranks = (means[:, :, None] <= means[:, None, :]).sum(axis=2)
    np.testing.assert_allclose(found.ranks, ranks.mean(axis=0))
    for i, j in product(range(3), repeat=2):
        wins = [
            np.mean([(a > b) + (a == b) / 2 for a in one.scores[i] for b in one.scores[j]])
            for one in found_in
        ]
        assert found.better[i, j] == pytest.approx(np.mean(wins))
        assert found.better_low[i, j] <= found.better[i, j] <= found.better_high[i, j]
    np.testing.assert_allclose(found.regret_mean, -means.mean(axis=0))
    assert found.warning.startswith("3 data sets are too few for Nemenyi's test")
    np.testing.assert_allclose(found.columns()["better_than/c"], found.better[:, 2])


def simulated(
    shared: float, *, together: bool, experiments: int, rows: int = 3
) -> tuple[np.ndarray, np.ndarray]:
    """Compare equal strategies of 20 runs on three data sets, whose runs have mean 0.

    Runs of equal seeds correlate by `shared` over the data sets, which are one stratum where
    `together`. Returns the shares of intervals that cover the truth (chance of being better, mean
    regret, its interquartile mean), and those of experiments that call strategies different
    (Friedman's p, bold by mean ranks).
    """
    covered, erred = [], []
    for number in range(experiments):
        generator = np.random.default_rng([7, number])
        common = generator.normal(size=(rows, 20))
        made = []
        for place in range(3):
            own = generator.normal(size=(rows, 20))
            values = tuple(np.sqrt(shared) * common + np.sqrt(1 - shared) * own)
            stratum = 0 if together else place
            made.append(OneDataSet(f"d{place}", stratum, values, tuple(-one for one in values)))
        found = standings_across([str(row) for row in range(rows)], made)
        ends = [
            (found.better_low[0, 1] - 0.5, found.better_high[0, 1] - 0.5),
            found.regret[0],
            found.regret_iqm_intervals[0],
        ]
        covered.append([low <= 0 <= high for low, high in ends])
        behind = found.ranks - found.ranks.min()
        erred.append(
            (found.friedman < 0.05, found.telling and (behind >= found.critical_difference).any())
        )
    return np.mean(covered, axis=0), np.mean(erred, axis=0)


@pytest.mark.parametrize(("shared", "together"), [(0.0, False), (0.6, True)])
def test_statistics_over_data_sets_have_their_level(shared: float, together: bool) -> None:
    """For searches that share nothing, and for equal seeds that share draws: in 200 experiments.

    Three standard errors at 5 % are 4.6 points.
    """
    covered, erred = simulated(shared, together=together, experiments=200)
    assert (covered >= 0.95 - 0.046).all()
    assert (covered <= 0.99).all()
    assert (erred <= 0.05 + 0.046).all()


def test_shared_draws_taken_for_independent_would_not_have_it() -> None:
    """What the test above finds: intervals of means cover 80 %, Friedman's test errs in 15 %."""
    covered, erred = simulated(0.9, together=False, experiments=60)
    assert covered[1] < 0.9
    assert erred[0] > 0.09


def test_means_and_chances_that_differ_are_covered() -> None:
    truth, covered = norm.cdf(0.5 / np.sqrt(2)), []
    for number in range(200):
        made = datasets(np.random.default_rng([8, number]), [0.5, 0.0], 20)
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
        assert 0.95 - 0.046 <= share <= 0.99


@given(st.integers(0, 10_000), st.integers(2, 3))
@settings(max_examples=15, deadline=None)
def test_dividing_runs_of_one_data_set_is_the_test_of_kruskal_and_wallis(
    seed: int, rows: int
) -> None:
    """By all permutations of six runs; 1,999 drawn ones are within three standard errors."""
    generator = np.random.default_rng(seed)
    row = np.repeat(np.arange(rows), 6 // rows)
    values = generator.normal(size=6)
    found, _ = divided([Runs(row, values[:, None])], rows)
    statistics = [
        np.square(
            [np.mean(np.take(order, np.flatnonzero(row == one))) for one in range(rows)]
            - np.mean(order)
        ).sum()
        for order in permutations(rankdata(values))
    ]
    expected = np.mean(np.array(statistics) >= statistics[0] - 1e-9)
    assert found == pytest.approx(
        expected, abs=3 * np.sqrt(expected * (1 - expected) / 1999) + 1e-3
    )


def test_runs_are_divided_with_all_their_data_sets() -> None:
    """The same numbers on three data sets say no more than on one; on independent ones they do."""
    generator = np.random.default_rng(5)
    samples = tuple(generator.normal(shift, 1, 8) for shift in (0, 0, 1))

    def p_value(copies: int, *, together: bool) -> float:
        made = [OneDataSet(str(n), 0 if together else n, samples, samples) for n in range(copies)]
        return divided(strata_of(made), 3)[0]

    one = p_value(1, together=True)
    assert 0.005 < one < 0.2
    assert p_value(3, together=True) == pytest.approx(one, abs=0.02)
    assert p_value(3, together=False) < one / 3


def test_one_data_set_repeated_leaves_no_critical_difference() -> None:
    """Its best and worst are always three ranks apart; over independent ones that is rare."""
    generator = np.random.default_rng(0)
    samples = tuple(generator.normal(size=8) for _ in range(4))
    for together in (True, False):
        made = [OneDataSet(str(n), 0 if together else n, samples, ()) for n in range(3)]
        found = standings_across(list("abcd"), made)
        assert found.independent is not together
        assert found.telling is not together
        assert ("no difference of mean ranks" in found.warning) is together
    assert found.critical_difference == critical_difference(4, 3)


def test_the_critical_difference_of_independent_data_sets_is_near_nemenyis() -> None:
    """Where theory knows it, divisions of the runs of 12 data sets find it."""
    generator = np.random.default_rng(0)
    strata = [Runs(np.repeat(np.arange(4), 10), generator.normal(size=(40, 1))) for _ in range(12)]
    assert divided(strata, 4)[1] == pytest.approx(critical_difference(4, 12), rel=0.1)


def test_seeds_that_not_all_data_sets_have_stay_together_where_they_do() -> None:
    """Opposite values of equal seeds: the mean of two data sets has no spread but by the others."""
    values = np.random.default_rng(0).normal(size=60)
    widths = []
    for shift in (0, 10, 40, 80):
        seeds = np.arange(60), np.arange(60) + shift
        made = [
            OneDataSet(str(n), 0, (one,) * 2, (one,) * 2, (seeds[n],) * 2)
            for n, one in enumerate((values[seeds[0] % 60], -values[seeds[1] % 60]))
        ]  # fmt: skip
        found = standings_across(["a", "b"], made)
        widths.append(found.regret[0].high - found.regret[0].low)
        assert found.better[0, 1] == 0.5
    assert widths[0] < 1e-9
    assert (np.diff(widths) > 0).all()
    apart = 2 * t.ppf(0.975, 59) * np.sqrt(2 / 4 * values.var(ddof=1) / 60)
    assert widths[-1] == pytest.approx(apart, rel=0.15)


@given(st.lists(st.integers(0, 4), min_size=8, max_size=8), st.integers(0, 99))
def test_weights_are_repeated_runs(counts: list[int], seed: int) -> None:
    values = np.sort(np.random.default_rng(seed).normal(size=8))
    found = weighted_middle(values, np.array([counts], dtype=float))[0]
    whole = np.repeat(values, counts)
    assert np.isnan(found) if not len(whole) else found == pytest.approx(trim_mean(whole, 0.25))


def blocks(*draws: tuple[int, int]) -> list[Any]:
    """Return blocks of a strategy by the rule and the entropy of their experiments."""
    return [
        SimpleNamespace(
            contenders=[
                SimpleNamespace(
                    experiment=SimpleNamespace(entropy_rule=rule, entropy=entropy, seed=0)
                )
            ]
        )
        for rule, entropy in draws
    ]


def test_which_searches_share_draws() -> None:
    assert share_draws(blocks((0, 5), (0, 5)))
    assert share_draws(blocks((0, 5), (1, 6)))  # mixed counts as the first rule
    assert not share_draws(blocks((1, 5), (1, 6)))
    assert share_draws(blocks((1, 5), (1, 5)))
    assert not share_draws(blocks((0, 5)))


def ranked(orders: list[tuple[int, ...]]) -> list[OneDataSet]:
    """Make data sets on which strategies have these accuracies in every run."""
    made = [tuple(np.full(4, float(value)) for value in order) for order in orders]
    return [OneDataSet(f"d{number}", number, one, one) for number, one in enumerate(made)]


def friedman(orders: list[tuple[int, ...]]) -> float:
    return standings_across([str(row) for row in range(len(orders[0]))], ranked(orders)).friedman


def test_friedman_of_few_data_sets_is_exact() -> None:
    """Chances by counting orders; the chi-square form gives 0.0498 for the first."""
    assert friedman([(1, 2, 3)] * 3) == pytest.approx(1 / 36)
    assert friedman([(1, 2, 3)] * 4) == pytest.approx(1 / 216)
    assert friedman([(1, 2, 3), (2, 3, 1), (3, 1, 2)]) == 1.0
    assert friedman([tuple(range(8))] * 3) < 0.001  # too many orders to look at all


def test_friedman_counts_the_data_sets_that_tell() -> None:
    """Where all tie nothing is ranked: three of twelve data sets are three."""
    told = [(1, 2, 3)] * 3
    assert friedman(told + [(5, 5, 5)] * 9) == friedman(told) == pytest.approx(1 / 36)
    assert friedman([(5, 5, 5)] * 12) == 1


def test_friedman_of_many_data_sets_is_scipys() -> None:
    orders = [tuple(np.random.default_rng(number).permutation(4)) for number in range(12)]
    expected = friedmanchisquare(*np.array(orders, dtype=float).T).pvalue
    assert friedman(orders) == pytest.approx(expected)


def test_a_run_takes_its_numbers_on_all_data_sets_of_a_search_along() -> None:
    """Runs that are opposite on two data sets: their mean has no spread, but of two searches."""
    values = np.random.default_rng(0).normal(size=40)
    for searches, spread in (((0, 0), False), ((0, 1), True)):
        made = [
            OneDataSet(f"d{number}", search, (sign * values,) * 2, (sign * values,) * 2)
            for number, (search, sign) in enumerate(zip(searches, (1, -1), strict=True))
        ]
        low, high = standings_across(["a", "b"], made).regret[0]
        assert (high - low > 0.1) is spread
        assert spread or high - low < 1e-9


@pytest.mark.usefixtures("synthetic_nb201")
def test_searches_of_two_data_sets_are_what_their_draws_make_them(tmp_path: Path) -> None:
    """By the first rule equal seeds ask the same first cell on both, and the comparison says so."""
    run("random-search,regularized-evolution", seeds=6, budget="5evals",
        datasets="cifar10,cifar100", protocol="nats-bench", out=tmp_path)  # fmt: skip
    first, second = (
        [one.lists("architecture")[seed][0] for seed in range(6)]
        for one in load_results(tmp_path).experiments
        if one.experiment.strategy == "random-search"
    )
    (family,) = compare(tmp_path).families
    assert len(family.datasets) == 2
    assert family.standings.independent is (first != second)
    assert any("equal seeds of a strategy share draws" in note for note in family.notes) is (
        first == second
    )
    for problem in family.datasets:
        assert [seeds.tolist() for seeds in problem.seeds] == [list(range(6))] * 2


def test_a_profile_is_the_share_of_runs_at_each_threshold() -> None:
    made = datasets(np.random.default_rng(1), [0.0], 30)
    grid = np.linspace(-3, 3, 13)
    centre, low, high = profile(made, 0, grid)
    expected = [np.mean([np.mean(one.regret[0] <= at) for one in made]) for at in grid]
    np.testing.assert_allclose(centre, expected)
    assert (low <= centre + 1e-12).all()
    assert (centre <= high + 1e-12).all()
    assert (np.diff(centre) >= 0).all()

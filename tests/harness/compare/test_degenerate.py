"""What every statistic says of no, one, two and three runs, of ties, constants and no numbers.

Expected values are by hand. `UNKNOWN` is a statistic that has no value, which is NaN everywhere.
"""

from itertools import product

import numpy as np
import pytest

from nasbench.harness.compare import (
    across,
    anytime,
    curves,
    estimates,
    measures,
    rank_tests,
    significance,
)

UNKNOWN = np.nan
INF = np.inf
SAMPLES = {
    "none": [],
    "one": [1.0],
    "two": [1.0, 2.0],
    "three": [1.0, 2.0, 4.0],
    "two equal": [2.0, 2.0],
    "three, two equal": [1.0, 1.0, 2.0],
    "constant": [2.0, 2.0, 2.0],
    "one unknown": [UNKNOWN, 1.0, 2.0],
    "all unknown": [UNKNOWN, UNKNOWN],
    "infinite": [INF, 1.0, 2.0],
    "minus infinite": [-INF, 1.0],
    "both infinite": [INF, -INF],
    "all infinite": [INF, INF, INF],
}
ARRAYS = {name: np.array(values) for name, values in SAMPLES.items()}
KNOWN = ("one", "two", "three, two equal", "constant", "infinite", "both infinite")

SUMMARIES = {
    "none": (0, UNKNOWN, UNKNOWN, UNKNOWN),
    "one": (1, 1, UNKNOWN, 1),
    "two": (2, 1.5, np.sqrt(0.5), 1.5),
    "three": (3, 7 / 3, np.sqrt(7 / 3), 2),
    "two equal": (2, 2, 0, 2),
    "three, two equal": (3, 4 / 3, np.sqrt(1 / 3), 1),
    "constant": (3, 2, 0, 2),
    "one unknown": (2, 1.5, np.sqrt(0.5), 1.5),
    "all unknown": (0, UNKNOWN, UNKNOWN, UNKNOWN),
    "infinite": (3, INF, UNKNOWN, 2),
    "minus infinite": (2, -INF, UNKNOWN, -INF),
    "both infinite": (2, UNKNOWN, UNKNOWN, UNKNOWN),
    "all infinite": (3, INF, UNKNOWN, INF),
}


def test_every_sample_has_an_expectation() -> None:
    assert SAMPLES.keys() == SUMMARIES.keys() == INTERVALS.keys()


@pytest.mark.parametrize("name", SAMPLES)
def test_summaries(name: str) -> None:
    assert estimates.summarise(ARRAYS[name]) == pytest.approx(SUMMARIES[name], nan_ok=True)


INTERVALS = {
    "none": (UNKNOWN, UNKNOWN),
    "one": (UNKNOWN, UNKNOWN),
    "two": (1, 2),  # the widest that samples of two have
    "three": (1, 4),
    "two equal": (2, 2),
    "three, two equal": (1, 2),
    "constant": (2, 2),
    "one unknown": (1, 2),
    "all unknown": (UNKNOWN, UNKNOWN),
    "infinite": (None, None),  # of what is infinite nothing is promised but no exception
    "minus infinite": (None, None),
    "both infinite": (None, None),
    "all infinite": (None, None),
}


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
@pytest.mark.parametrize("name", SAMPLES)
def test_intervals(name: str) -> None:
    found = estimates.interval(ARRAYS[name])
    for statistic in (estimates.median, estimates.interquartile_mean):
        assert len(estimates.interval(ARRAYS[name], statistic)) == 2
    if INTERVALS[name][0] is not None:
        assert found == pytest.approx(INTERVALS[name], nan_ok=True)


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
@pytest.mark.parametrize("name", SAMPLES)
def test_curves_of_one_point(name: str) -> None:
    sample = ARRAYS[name]
    for found in (estimates.mean_interval, estimates.interquartile_interval, estimates.quartiles):
        ends = found(sample[:, None])
        assert all(one.shape == (1,) for one in ends)
        assert len(sample) or all(np.isnan(one).all() for one in ends)
    for centre in ("mean", "median", "iqm"):
        drawn = curves.band(np.ones(1), sample[:, None], centre=centre)
        assert len(drawn.centre) == (len(sample) > 0 and not np.isnan(sample).any())


TESTS = [  # first, second, Mann-Whitney's p, A12 of the first
    ("none", "three", UNKNOWN, UNKNOWN),
    ("all unknown", "one", UNKNOWN, UNKNOWN),
    ("one", "one", 1, 0.5),
    ("one", "two", 1, 0.25),
    ("one", "three", 1, 1 / 6),
    ("one", "constant", 0.5, 0),  # 2 x 1/4: any of four values is the lowest as likely
    ("one", "three, two equal", 1, 1 / 3),
    ("two equal", "constant", 1, 0.5),
    ("two", "constant", 0.8, 0.25),  # 2 of the 5 values are drawn: the 1 with chance 2/5
    ("three", "constant", 1, 0.5),
    ("three, two equal", "constant", 0.4, 1 / 6),  # 2 of 6 are 1: both are among 3 with 1/5
    ("infinite", "constant", 1, 0.5),
    ("minus infinite", "two equal", 1 / 3, 0),
    ("both infinite", "two", 1, 0.5),
    ("all infinite", "constant", 0.1, 1),
    ("all infinite", "infinite", 0.4, 5 / 6),
]


@pytest.mark.parametrize(("first", "second", "p_value", "superiority"), TESTS)
def test_two_samples(first: str, second: str, p_value: float, superiority: float) -> None:
    one, other = ARRAYS[first], ARRAYS[second]
    for a, b, effect in ((one, other, superiority), (other, one, 1 - superiority)):
        assert significance.mann_whitney(a, b) == pytest.approx(p_value, nan_ok=True)
        assert significance.superiority(a, b) == pytest.approx(effect, nan_ok=True)


@pytest.mark.parametrize(("first", "second"), list(product(SAMPLES, repeat=2)))
def test_any_two_samples(first: str, second: str) -> None:
    """As a row of one finished run beside one of several with the same values."""
    one, other = ARRAYS[first], ARRAYS[second]
    empty = not len(estimates.known(one)) or not len(estimates.known(other))
    p_value = significance.mann_whitney(one, other)
    assert np.isnan(p_value) if empty else 0 < p_value <= 1
    for row, sample in zip(significance.standings([one, other]), (one, other), strict=True):
        assert row.among_best is (len(estimates.known(sample)) > 0)  # six runs tell nothing
        assert not row.testable
        assert row.worse_than == -1
    (pair,) = significance.pairs([one, other])
    assert np.isnan(pair.corrected) == np.isnan(p_value)


PAIRED = [  # differences of pairs, Wilcoxon's p
    ([], UNKNOWN),
    ([UNKNOWN], UNKNOWN),
    ([0.0], 1),
    ([0.0, 0, 0], 1),
    ([1.0], 1),
    ([1.0, 2], 0.5),
    ([1.0, -2], 1),
    ([2.0, 2, 2], 0.25),
    ([1.0, UNKNOWN, 3], 0.5),
    ([0.0, 0, 5], 1),
    ([INF, 1, 2], 0.25),
    ([INF, -INF], 1),
    ([INF, -INF, 1], 1),
]


@pytest.mark.parametrize(("differences", "p_value"), PAIRED)
def test_paired_samples(differences: list[float], p_value: float) -> None:
    found = significance.wilcoxon(np.array(differences), np.zeros(len(differences)))
    assert found == pytest.approx(p_value, nan_ok=True)


def test_two_infinite_values_of_a_pair_do_not_differ() -> None:
    assert significance.wilcoxon(ARRAYS["all infinite"], ARRAYS["all infinite"]) == 1


def test_no_rows_and_no_tests() -> None:
    assert significance.standings([]) == significance.pairs([]) == []
    assert len(significance.holm(np.zeros(0))) == 0
    assert np.isnan(significance.holm(np.array([UNKNOWN]))).all()
    assert not significance.can_reject([])


@pytest.mark.parametrize(
    ("difference", "std", "runs"),
    [(0.0, 1.0, INF), (0.0, 0.0, INF), (UNKNOWN, 1.0, UNKNOWN), (1.0, UNKNOWN, UNKNOWN),
     (1.0, INF, INF), (1.0, 0.0, 6), (INF, 1.0, 6)],
)  # fmt: skip
def test_runs_to_detect_what_there_is_not(difference: float, std: float, runs: float) -> None:
    assert significance.runs_to_detect(difference, std) == pytest.approx(runs, nan_ok=True)


CELLS = [  # of a table, and percentile, normalised regret, improvement of an accuracy of 2
    ("none", UNKNOWN, UNKNOWN, UNKNOWN),
    ("all unknown", UNKNOWN, UNKNOWN, UNKNOWN),
    ("one", 100, UNKNOWN, 100),
    ("constant", 50, UNKNOWN, 0),  # no cell is better than another: no regret to divide by
    ("two", 75, 0, 100 / 3),
    ("one unknown", 75, 0, 100 / 3),
    ("three", 50, 1.2, 100 * (2 / (7 / 3) - 1)),
]


@pytest.mark.parametrize(("name", "percentile", "regret", "improvement"), CELLS)
def test_measures(name: str, percentile: float, regret: float, improvement: float) -> None:
    accuracy, cells = np.array([2.0, UNKNOWN]), ARRAYS[name]
    for measure, expected in (
        (measures.percentile, percentile),
        (measures.normalised_regret, regret),
        (measures.relative_improvement, improvement),
    ):
        assert measure(accuracy, cells) == pytest.approx([expected, UNKNOWN], nan_ok=True)


REACHED = [  # when runs reached a target, runs, median and expected, each run over after 10
    ([], (0, UNKNOWN, UNKNOWN)),
    ([INF], (0, INF, INF)),
    ([3.0], (1, 3, 3)),
    ([3.0, INF], (1, INF, 13)),
    ([3.0, 5, INF], (2, 5, 9)),
    ([4.0, 4, 4], (3, 4, 4)),
]


@pytest.mark.parametrize(("times", "expected"), REACHED)
def test_reached(times: list[float], expected: tuple[float, float, float]) -> None:
    found = anytime.time_to_target(np.array(times), np.full(len(times), 10.0))
    assert found == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize("name", SAMPLES)
def test_known_numbers(name: str) -> None:
    sample = ARRAYS[name]
    assert estimates.known(estimates.finite(sample)).tolist() == [
        value for value in SAMPLES[name] if np.isfinite(value)
    ]


STRATA = {"independent": (0, 1, 2), "one search": (0, 0, 0), "two searches": (0, 0, 1)}


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
@pytest.mark.parametrize("strata", STRATA)
@pytest.mark.parametrize(("first", "second"), list(product(KNOWN, repeat=2)))
def test_three_rows_over_data_sets(first: str, second: str, strata: str) -> None:
    samples = (ARRAYS[first], ARRAYS[second], ARRAYS[first])
    made = [across.OneDataSet(str(n), n, samples, samples) for n in STRATA[strata]]
    found = across.standings_across(["a", "b", "c"], made)
    finite = np.isfinite(np.concatenate(samples)).all()
    assert found.ranks.sum() == pytest.approx(6) or not finite
    assert 0 < found.friedman <= 1 or not finite
    assert found.better[0, 2] == 0.5 or first == "both infinite"
    if finite and min(map(len, samples)) > 1:
        assert all(np.isfinite(one).all() for one in (found.regret, found.better_low))
    centre, low, _ = across.profile(made, 0, np.array([0.0, 9.0]))
    assert (centre >= 0).all()
    assert np.isnan(low).all() == (min(len(one.regret[0]) for one in made) < 2)


@pytest.mark.parametrize(
    ("rows", "problems", "p_value"),
    [(0, 3, UNKNOWN), (3, 2, UNKNOWN), (2, 3, UNKNOWN), (3, 3, 1), (3, 12, 1)],
)
def test_friedman_of_equal_rows(rows: int, problems: int, p_value: float) -> None:
    found = rank_tests.friedman(np.full((problems, rows), 5.0))
    assert found == pytest.approx(p_value, nan_ok=True)


def test_no_rows_or_data_sets_have_no_critical_difference() -> None:
    assert np.isnan(rank_tests.critical_difference(1, 3))
    assert np.isnan(rank_tests.critical_difference(3, 0))
    assert rank_tests.cliques(np.zeros(0), 1.0) == ()
    assert rank_tests.cliques(np.full(2, UNKNOWN), 1.0) == ()

"""Verdicts on published means: worked by hand, by scipy, by brute force, and by simulation."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import f, kurtosis, t, ttest_ind_from_stats

from nasbench.harness.reproduce.published_table import Published, PublishedTable, load_published
from nasbench.harness.reproduce.verdict import Moments, Outcome, Spread, Verdict, spread, verdict


def judged(difference: float, std: float, n: int, margin: float) -> Verdict:
    """Return the verdict on two means of equal deviation and n."""
    found = verdict(Moments(90.0, std, n), Moments(90.0 + difference, std, n), margin)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("difference", "outcome", "text"),
    [
        (0.1, Outcome.REPRODUCED, "reproduced"),
        (-0.2, Outcome.REPRODUCED, "reproduced"),  # its interval excludes 0 too, within the margin
        (1.0, Outcome.DIFFERS, "differs by +1.00"),
        (-1.0, Outcome.DIFFERS, "differs by -1.00"),
        (0.55, Outcome.DIFFERS_UNSIZED, "differs, not shown to exceed the margin"),
    ],
)
def test_outcomes_by_hand(difference: float, outcome: Outcome, text: str) -> None:
    """Deviation 1, 500 runs: a standard error of .063, ends of the interval .124 away."""
    found = judged(difference, 1.0, 500, 0.5)
    assert found.outcome is outcome
    assert str(found) == text
    assert (found.high - found.low) / 2 == pytest.approx(0.124, abs=0.001)
    assert found.runs is None


def test_the_interval_and_p_are_welchs() -> None:
    """Against scipy's Welch test, with deviations so large that the rounding adds nothing."""
    published, measured = Moments(90.0, 300.0, 40), Moments(200.0, 500.0, 25)
    welch = ttest_ind_from_stats(200, 500, 25, 90, 300, 40, equal_var=False)
    error = 110 / welch.statistic
    parts = 500**2 / 25, 300**2 / 40
    freedom = sum(parts) ** 2 / (parts[0] ** 2 / 24 + parts[1] ** 2 / 39)  # Welch 1947
    assert welch.pvalue == pytest.approx(2 * t.sf(welch.statistic, freedom))
    half = t.ppf(0.975, freedom) * error
    found = verdict(published, measured, 50.0)
    assert found is not None
    assert (found.low, found.high) == pytest.approx((110 - half, 110 + half), rel=1e-6)
    # the larger of two one-sided tests against means moved by the margin
    lower = ttest_ind_from_stats(
        200 + 50, 500, 25, 90, 300, 40, equal_var=False, alternative="greater"
    )
    upper = ttest_ind_from_stats(
        200 - 50, 500, 25, 90, 300, 40, equal_var=False, alternative="less"
    )
    assert found.p_value == pytest.approx(max(lower.pvalue, upper.pvalue), rel=1e-6)


def test_the_rounding_of_a_published_mean_is_part_of_its_error() -> None:
    """An error uniform in a step of .01 has the deviation .01 / sqrt(12); no other is left here."""
    found = judged(0.0, 1e-9, 500, 0.01)
    assert found.high == pytest.approx(1.959964 * 0.01 / np.sqrt(12))


def test_undecided_says_what_would_decide() -> None:
    """Half of the error is the published mean's and stays: its 500 runs are all there are."""
    found = judged(0.02, 1.0, 500, 0.1)
    assert found.outcome is Outcome.UNDECIDED
    # .1 - .02 is 1.647 errors at n = 1 / (.0486² - 1/500), of 1/500 for theirs and 1/n for ours
    assert found.runs == pytest.approx(1 / ((0.08 / 1.647) ** 2 - 1 / 500), rel=0.05)
    assert str(found) == "undecided, 2,900 runs here would decide at this difference"
    enough, few = (
        verdict(Moments(90.0, 1.0, 500), Moments(90.02, 1.0, n), 0.1)
        for n in (found.runs, found.runs - 1)
    )
    assert enough is not None
    assert few is not None
    assert (enough.outcome, few.outcome) == (Outcome.REPRODUCED, Outcome.UNDECIDED)
    # at .03 even the published mean's own error of .045 is too large for either answer
    found = judged(0.03, 1.0, 500, 0.1)
    assert str(found) == "undecided, at this difference with any number of runs here"
    assert verdict(Moments(90.0, 1.0, 500), Moments(90.03, 1.0, 10**9), 0.1) == replace(
        found, low=pytest.approx(-0.058, abs=0.001), high=pytest.approx(0.118, abs=0.001),
        p_value=pytest.approx(0.059, abs=0.001),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("published", "measured"),
    [
        ((93.7, 0.36, 500), (93.7, np.nan, 1)),
        ((93.7, 0.36, 500), (93.7, 0.36, 4)),
        ((93.7, 0.36, 4), (93.7, 0.36, 500)),
        ((54.3, 0.0, 500), (54.3, 0.1, 500)),
        ((54.3, 0.0, 3), (54.3, 0.0, 3)),
    ],
)
def test_few_runs_or_no_deviation_are_numbers_only(
    published: tuple[float, float, int], measured: tuple[float, float, int]
) -> None:
    assert verdict(Moments(*published), Moments(*measured), 0.1) is None
    assert spread(Moments(*published), np.full(measured[2], 93.7)) is None


def test_runs_that_all_end_alike_have_a_verdict_but_no_spread() -> None:
    finals = np.full(500, 93.7)
    found = verdict(Moments(93.7, 0.36, 500), Moments(93.7, 0.0, 500), 0.035)
    assert found is not None
    assert found.outcome is Outcome.REPRODUCED
    assert spread(Moments(93.7, 0.36, 500), finals) is None
    finals[7] = 90.0  # a kurtosis cannot be estimated from one
    assert spread(Moments(93.7, 0.36, 500), finals) is None


@given(
    st.floats(-1, 1), st.floats(0.01, 3), st.floats(0.01, 3), st.integers(5, 800),
    st.integers(5, 800), st.floats(0.001, 1),
)  # fmt: skip
def test_verdicts_are_the_same_mirrored_and_agree_with_their_interval(
    difference: float, theirs: float, ours: float, n: int, m: int, margin: float
) -> None:
    found, mirrored = (
        verdict(Moments(0.0, theirs, n), Moments(sign * difference, ours, m), margin)
        for sign in (1, -1)
    )
    assert found is not None
    assert mirrored is not None
    assert found.outcome is mirrored.outcome
    assert (found.low, found.high) == pytest.approx((-mirrored.high, -mirrored.low))
    assert found.low < difference < found.high
    nearest = max(found.low, -found.high, 0.0)
    if found.outcome is Outcome.REPRODUCED:
        assert abs(difference) < margin
    elif found.outcome is Outcome.UNDECIDED:
        assert nearest == 0
    else:
        assert (found.outcome is Outcome.DIFFERS) == (nearest > margin)


LONG = "long tail"


def sample(kind: str, generator: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Draw accuracies of mean 94 and deviation 0.3, normal or with a long tail below."""
    if kind == LONG:
        return 94.6 - generator.gamma(4, 0.15, shape)
    return generator.normal(94, 0.3, shape)


@pytest.mark.parametrize("kind", ["normal", LONG])
def test_verdicts_are_wrong_as_seldom_as_they_say(kind: str) -> None:
    """500 runs on either side; published moments are rounded; 5 % of 800 is 40 ± 18 (3 sd)."""
    tries, n, margin, generator = 800, 500, 0.1, np.random.default_rng(3)
    theirs, ours = sample(kind, generator, (tries, n)), sample(kind, generator, (tries, n))
    published = [
        Moments(round(float(one.mean()), 2), round(float(one.std(ddof=1)), 2), n) for one in theirs
    ]
    means, stds = ours.mean(axis=1), ours.std(axis=1, ddof=1)

    def count(shift: float, margin: float) -> dict[Outcome, int]:
        found = [
            verdict(theirs, Moments(m + shift, s, n), margin)
            for theirs, m, s in zip(published, means.tolist(), stds.tolist(), strict=True)
        ]
        assert all(one is not None for one in found)
        covered = sum(one.low <= shift <= one.high for one in found if one)
        assert 0.927 < covered / tries < 0.973
        return {one: sum(made.outcome is one for made in found if made) for one in Outcome}

    at = count(margin, margin)  # as different as the margin: a reproduction would be wrong
    assert 22 < at[Outcome.REPRODUCED] < 58
    assert at[Outcome.DIFFERS] < 34  # 2.5 % of 800 is 20 ± 13
    equal = count(0.0, 0.02)
    assert 22 < equal[Outcome.DIFFERS_UNSIZED] + equal[Outcome.DIFFERS] < 58
    assert equal[Outcome.DIFFERS] < 10
    assert count(0.0, margin)[Outcome.REPRODUCED] > 0.99 * tries  # and it can be right


@pytest.mark.parametrize("kind", ["normal", LONG])
def test_equal_variances_are_told_apart_as_seldom_as_stated(kind: str) -> None:
    tries, n, generator = 600, 500, np.random.default_rng(4)
    found = []
    for theirs, ours in sample(kind, generator, (tries, 2 * n)).reshape(tries, 2, n):
        found.append(spread(Moments(94.0, round(float(theirs.std(ddof=1)), 2), n), ours))
    assert all(one is not None for one in found)
    assert sum(one.differs for one in found if one) < 0.075 * tries  # 5 % and 2.8 sd
    assert sum(one.low <= 1 <= one.high for one in found if one) > 0.925 * tries
    apart = [spread(Moments(94.0, 0.3, n), 1.3 * one) for one in sample(kind, generator, (50, n))]
    assert sum(one.differs and one.ratio > 1 for one in apart if one) > 40  # and it can find one


@pytest.mark.parametrize("std", [1000.0, 0.02])
def test_the_spread_is_an_f_test_with_the_kurtosis_of_the_sample(std: float) -> None:
    """Brute-force jackknife, scipy's kurtosis and F.

    The variance of a log variance is about 2 over the degrees of freedom; rounding to .01 adds
    4 (.01² / 12) / std² to it: nothing to a deviation of 1000, much to one of .02.
    """
    ours = std * np.random.default_rng(5).gamma(2, 1, 60)
    without = np.array([kurtosis(np.delete(ours, i), fisher=False) for i in range(60)])
    error = np.sqrt(59 / 60 * ((without - without.mean()) ** 2).sum())
    free, theirs = (
        2 * n / (kurtosis(ours, fisher=False) + error - (n - 3) / (n - 1)) for n in (60, 80)
    )
    theirs = 2 / (2 / theirs + 4 * 0.01**2 / 12 / std**2)
    ratio = ours.var(ddof=1) / std**2
    expected = Spread(
        ratio, ratio / f.ppf(0.975, free, theirs), ratio / f.ppf(0.025, free, theirs),
        2 * min(f.cdf(ratio, free, theirs), f.sf(ratio, free, theirs)),
    )  # fmt: skip
    found = spread(Moments(0.0, std, 80), ours)
    assert found is not None
    assert (found.ratio, found.low, found.high, found.p_value) == pytest.approx(
        (expected.ratio, expected.low, expected.high, expected.p_value), rel=1e-6
    )


def published_of(means: list[float], std: float) -> PublishedTable:
    """Return a published table of one data set."""
    rows = tuple(Published(f"row {i}", 500, {"a": (mean, std)}) for i, mean in enumerate(means))
    return PublishedTable("t", "b", "p", ("a",), ("a",), "0-9", "0-4", 0.1, (), rows)


def test_margins_by_hand() -> None:
    for means, std, margin in (
        ([93.70, 93.92, 93.85, 93.85], 1.0, 0.035),  # half of .07, equal means aside
        ([93.70, 93.92, 93.85, 93.85], 0.2, 0.02),  # a tenth of .2
        ([93.70], 0.3, 0.03),
        ([93.70, 93.70], 0.3, 0.03),
    ):  # fmt: skip
        table = published_of(means, std)
        assert table.margin_of(table.rows[0], "a") == pytest.approx(margin)


@pytest.mark.parametrize("name", ["nb201-paper", "nats-bench"])
def test_no_published_row_passes_as_another(name: str) -> None:
    """Runs that end exactly at one row's published mean and deviation are none of the others."""
    table = load_published(name)
    for dataset in table.reports:
        rows = [row for row in table.rows if row.runs == 500]
        for row in rows:
            for other in rows:
                published = Moments(*row.published[dataset], 500)
                posing = Moments(*other.published[dataset], 500)
                found = verdict(published, posing, table.margin_of(row, dataset))
                assert found is not None
                if published.mean != posing.mean:
                    assert found.outcome is not Outcome.REPRODUCED
                    assert abs(found.difference) > 1.99 * found.margin

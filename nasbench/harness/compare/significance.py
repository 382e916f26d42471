"""Tests of one row against another, their effect sizes, and the effects that n runs can detect.

Samples have shape (runs,), higher is better; NaN, a value that is not known, is left out.
"""

from collections.abc import Sequence
from itertools import combinations
from math import comb, erfc, lgamma, sqrt
from typing import NamedTuple

import numpy as np

from nasbench.harness.compare.counting import (
    Integers,
    doubled_ranks,
    sign_sums,
    step,
    subset_sums,
)
from nasbench.harness.compare.estimates import Floats, finite, known, summarise

_SMALL = 8
"""Expected runs of the smaller sample outside the largest tie, up to which a test is exact."""
_PAIRS = 50
"""Pairs that differ, up to which the test of paired runs is exact."""
_ROUNDING = 1e-11
"""Step to which paired differences are rounded, relative to the largest value, so that rounding
errors count as ties."""
ALPHA = 0.05
"""Level of every test."""
_LEAST = 6
"""Runs below which no effect is detectable by `detectable_superiority`."""
POWER = 0.8
"""Power: the probability of finding a difference that is called detectable."""


def mann_whitney(first: Floats, second: Floats) -> float:
    """Return the two-sided p-value of the Mann-Whitney U test, twice that of the smaller tail.

    Mann & Whitney, Annals of Mathematical Statistics 1947. The test is exact, with any ties, where
    few runs carry information, that is, lie outside the largest tie: the smaller sample is expected
    to hold at most `_SMALL` of them. Without ties this is a sample of up to eight runs.

    Otherwise the p-value is from the normal approximation, with corrections for ties and for
    continuity. The latter is half the step in which the sum of ranks moves: one half without ties,
    more where there are only few distinct values. The result is 1 where all values are equal, and
    NaN if a sample is empty.
    """
    first, second = sorted((known(first), known(second)), key=len)
    size, runs = len(first), len(first) + len(second)
    if not size:
        return np.nan
    ranks, ties = doubled_ranks(np.concatenate([first, second]))
    if len(ties) == 1:
        return 1.0
    largest = int(ties.argmax())
    scores = ranks - (2 * int(ties[:largest].sum()) + int(ties[largest]) + 1)  # 0 in that tie
    scores //= step(scores)
    found = int(scores[:size].sum())
    if size * (runs - int(ties[largest])) <= _SMALL * runs:
        tails = _tails(scores, size, found)
        return min(1.0, 2 * min(tails))
    far = abs(found - size * scores.mean())
    deviation = np.sqrt(size * (runs - size) / (runs - 1) * scores.var())
    return _both_tails((far - 0.5) / deviation)


def _tails(scores: Integers, size: int, found: int) -> tuple[float, float]:
    """Return the probabilities that `size` random runs have a sum <= `found`, and >= `found`.

    Scores are 0 in the largest tie; the number of drawn runs outside it is hypergeometric.
    """
    others = scores[scores != 0]
    tied = len(scores) - len(others)
    most = min(size, len(others))
    counts, sums = subset_sums(others, most)
    weights = [
        np.exp(_log_choose(tied, size - drawn) - _log_choose(len(scores), size))
        if size - drawn <= tied
        else 0.0
        for drawn in range(most + 1)
    ]
    chances = np.array(weights) @ counts
    return float(chances[sums <= found].sum()), float(chances[sums >= found].sum())


def _log_choose(of: int, size: int) -> float:
    return lgamma(of + 1) - lgamma(size + 1) - lgamma(of - size + 1)


def wilcoxon(first: Floats, second: Floats) -> float:
    """Return the two-sided p-value of the Wilcoxon signed-rank test, for runs that are paired.

    Paired means that position i of both samples is the same run, as for one search at two budgets.
    Runs of two strategies are not paired, because equal seeds share no random draws. Zero
    differences have ranks but no signs (Pratt, Journal of the American Statistical Association
    1959). The test is exact, over the signs of the pairs that differ, where these are `_PAIRS` or
    fewer, with any number of zeros and ties. Otherwise it is the normal approximation with a
    correction for continuity. The result is 1 where no pair differs, and NaN where no pair is
    known.
    """
    with np.errstate(invalid="ignore"):  # a difference of two infinite values
        difference = known(np.where(first == second, 0.0, first - second))
    if not len(difference):
        return np.nan
    with np.errstate(invalid="ignore"):
        values = finite(np.concatenate([first, second]))
    least = _ROUNDING * float(np.nanmax(np.abs(values), initial=0.0))
    difference = least * np.round(difference / least) if least else difference
    differs = difference != 0
    if not differs.any():
        return 1.0
    ranks = doubled_ranks(np.abs(difference))[0][differs]
    ranks //= step(ranks)
    gained = int(ranks[difference[differs] > 0].sum())
    far = abs(2 * gained - int(ranks.sum()))
    if len(ranks) <= _PAIRS:
        counts = sign_sums(ranks)
        as_far = np.abs(2 * np.arange(len(counts)) - len(counts) + 1) >= far
        return float(counts[as_far].sum() / counts.sum())
    deviation = np.sqrt(np.square(ranks.astype(np.float64)).sum())  # of 2 * gained
    return _both_tails((far - 1) / deviation)


def _both_tails(far: float) -> float:
    """Return the probability that a standard normal variable is at least `far` from 0.

    1 where `far` is negative.
    """
    return erfc(far / sqrt(2)) if far > 0 else 1.0


def superiority(first: Floats, second: Floats) -> float:
    """Return A12, the probability that a run of `first` beats one of `second`; ties count half.

    Vargha & Delaney, Journal of Educational and Behavioral Statistics 2000, equation 14. NaN if a
    sample is empty.
    """
    first, second = known(first), np.sort(known(second))
    if not len(first) or not len(second):
        return np.nan
    below = np.searchsorted(second, first, side="left")
    upto = np.searchsorted(second, first, side="right")
    return float((below + upto).sum() / (2 * len(first) * len(second)))


def holm(p_values: Floats) -> Floats:
    """Return p-values adjusted for their number by Holm's step-down method, shape (tests,).

    Holm, Scandinavian Journal of Statistics 1979. NaN does not count as a test and stays NaN.
    """
    adjusted = np.full(len(p_values), np.nan)
    tested = np.flatnonzero(~np.isnan(p_values))
    order = tested[np.argsort(p_values[tested], kind="stable")]
    factors = np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(factors * p_values[order]), 1.0)
    return adjusted


class Pair(NamedTuple):
    """The test of two rows of a block on one data set; rows are given by their positions."""

    first: int
    second: int
    difference: float  #: of their mean scores, first minus second
    superiority: float  #: A12 of the first against the second
    p_value: float  #: Mann-Whitney, two-sided
    corrected: float  #: the same, Holm-corrected for all pairs of the data set


def pairs(samples: Sequence[Floats]) -> list[Pair]:
    """Test every row against every other; pairs are in the order of `itertools.combinations`."""
    places = list(combinations(range(len(samples)), 2))
    raw = np.array([mann_whitney(samples[i], samples[j]) for i, j in places], dtype=np.float64)
    means = [summarise(sample).mean for sample in samples]
    return [
        Pair(i, j, means[i] - means[j], superiority(samples[i], samples[j]), float(p), float(c))
        for (i, j), p, c in zip(places, raw, holm(raw), strict=True)
    ]


class Standing(NamedTuple):
    """How a row stands among the rows of its block and data set."""

    among_best: bool
    """Whether no row is significantly better; also true where no test can be: see `testable`."""
    testable: bool
    """Whether a test between rows can be significant with so many runs."""
    worse_than: int
    """Position of the row that is significantly better, -1 where none is.

    Where several are, it is the one with the smallest p-value."""
    p_value: float
    """p-value against the row with the highest mean: Mann-Whitney, Holm-corrected for all pairs.

    NaN for the row with the highest mean itself."""
    superiority: float
    """A12 against that row."""


def standings(
    samples: Sequence[Floats], found: Sequence[Pair] | None = None, *, alpha: float = ALPHA
) -> list[Standing]:
    """Return for every row whether another row is significantly better.

    `found` are the tests `pairs(samples)`, if they have been made already. A row is better than
    another if it has the higher mean, wins more comparisons of single runs than it loses, and has a
    p-value below `alpha`, Holm-corrected for all pairs of rows.

    No row is singled out before the tests: choosing the best row and testing the others against it
    on the same runs would call equal rows worse far too often. Here Holm's family-wise error holds:
    among rows whose values have the same distribution, the probability that any is called worse
    than another of them is at most `alpha`, whatever other rows there are. Rows of equal mean but
    different spread or skew do not count as equal. The row with the highest mean is always among
    the best, a row without a value never.
    """
    found = pairs(samples) if found is None else found
    means = np.array([summarise(sample).mean for sample in samples])
    counts = [len(known(sample)) for sample in samples]
    if not any(counts):
        return [Standing(False, False, -1, np.nan, np.nan) for _ in samples]
    best = (
        -1 if np.isnan(means).all() else int(np.nanargmax(means))
    )  # the mean of inf and -inf is NaN
    beaten: dict[int, Pair] = {}
    against: dict[int, tuple[float, float]] = {}
    for pair in found:
        if best in (pair.first, pair.second):
            first = pair.second == best
            against[pair.first if first else pair.second] = (
                pair.corrected, pair.superiority if first else 1 - pair.superiority
            )  # fmt: skip
        if pair.corrected < alpha and (pair.superiority - 0.5) * pair.difference > 0:
            worse = pair.second if pair.difference > 0 else pair.first
            if worse not in beaten or pair.p_value < beaten[worse].p_value:
                beaten[worse] = pair
    testable = can_reject(counts, alpha)
    standing = []
    for row, count in enumerate(counts):
        by = beaten.get(row)
        rival = -1 if by is None else by.first + by.second - row
        of = against.get(row, (np.nan, 0.5 if row == best else np.nan))
        standing.append(Standing(bool(count) and by is None, testable, rival, *of))
    return standing


def can_reject(counts: Sequence[int], alpha: float = ALPHA) -> bool:
    """Return whether the test of any two rows can be significant, corrected for all pairs.

    `counts` are the rows' numbers of runs. Rows without runs are not tested and do not count.
    """
    tested = sorted(count for count in counts if count)
    if len(tested) < 2:
        return False
    return comb(len(tested), 2) * least_p_value(*tested[-2:]) < alpha


def least_p_value(first: int, second: int) -> float:
    """Return the smallest p-value of a Mann-Whitney test of samples with so many runs."""
    return 2 / comb(first + second, first)


def detectable_superiority(runs: int) -> float:
    """Return the A12 that a test of two rows with `runs` runs each finds with power `POWER`.

    Noether, Sample Size Determination for Some Common Nonparametric Tests, JASA 1987, section 3,
    solved for the effect. It is for one test: with Holm's correction for several tests, the effect
    must be larger. NaN where even the largest effect is found less often.
    """
    effect = 0.5 + _quantiles() / np.sqrt(6 * runs) if runs else np.inf
    return float(effect) if effect <= 1 else np.nan


def detectable_difference(std: float, runs: int) -> float:
    """Return the difference of means of two normal samples that a test finds with power `POWER`.

    `std` is the standard deviation of each sample, `runs` its size. On normal samples, the
    Mann-Whitney test needs pi/3 times as many runs as Student's t-test (Hodges & Lehmann, Annals of
    Mathematical Statistics 1956). NaN where `detectable_superiority` is NaN, because the formula
    holds for many runs only.
    """
    if np.isnan(detectable_superiority(runs)):
        return np.nan
    return float(_quantiles() * std * np.sqrt(2 / runs * np.pi / 3))


def runs_to_detect(difference: float, std: float) -> float:
    """Return how many runs each row needs for a difference of means to be detectable.

    At least `_LEAST`, since the formula does not hold for fewer runs. Infinite where there is no
    difference, NaN where an argument is NaN.
    """
    if np.isnan(difference) or np.isnan(std):
        return np.nan
    if difference == 0 or np.isinf(std):
        return np.inf
    ratio = _quantiles() * std / difference
    return max(float(_LEAST), float(np.ceil(2 * ratio**2 * np.pi / 3)))


def _quantiles() -> float:
    from scipy.special import ndtri

    return float(ndtri(1 - ALPHA / 2) + ndtri(POWER))

"""Tests of one row against another, their effect sizes, and what n runs can tell at all.

Samples have shape (runs,), higher is better; NaN, a value that is not known, is left out.
"""

from collections.abc import Sequence
from itertools import combinations
from math import comb
from typing import Any, NamedTuple

import numpy as np

from nasbench.harness.compare.estimates import Floats, known, summarise

_SMALL, _DIVISIONS = 8, 9999
"""Runs of the smaller sample up to which a test is exact, and ways to divide that are drawn."""
ALPHA = 0.05
"""Level of every test."""
_LEAST = 6
"""Runs below which no effect is detectable by `detectable_superiority`."""
POWER = 0.8
"""Chance of finding a difference that is called detectable."""


def mann_whitney(first: Floats, second: Floats) -> float:
    """Return the two-sided p-value of the Mann-Whitney U test; 1 for identical constants.

    Exact for up to `_SMALL` runs, else the normal approximation with tie correction. Among ties
    exact means over all ways to divide the runs, or many of them, drawn the same every time.
    NaN if a sample is empty.
    """
    from scipy.stats import PermutationMethod, mannwhitneyu

    first, second = known(first), known(second)
    if not len(first) or not len(second):
        return np.nan
    if np.ptp(np.concatenate([first, second])) == 0:
        return 1.0
    both = np.concatenate([first, second])
    method: Any = "auto"
    if min(len(first), len(second)) <= _SMALL and len(np.unique(both)) < len(both):
        method = PermutationMethod(n_resamples=_DIVISIONS, rng=np.random.default_rng(0))
    return float(mannwhitneyu(first, second, alternative="two-sided", method=method).pvalue)


def wilcoxon(first: Floats, second: Floats) -> float:
    """Return the two-sided p-value of the Wilcoxon signed-rank test, for runs that are paired.

    Such as one search at two budgets: position i of both is the same run. Runs of two strategies
    are not, as equal seeds share no draw. Pratt's treatment of zero differences (Journal of the
    American Statistical Association 1959); 1 where all are zero, NaN where no pair is known.
    """
    from scipy.stats import wilcoxon as signed_rank

    difference = known(first - second)
    if not len(difference):
        return np.nan
    if not difference.any():
        return 1.0
    return float(signed_rank(difference, zero_method="pratt").pvalue)


def superiority(first: Floats, second: Floats) -> float:
    """Return A12, the chance that a run of `first` beats one of `second`, ties counting half.

    Vargha & Delaney, Journal of Educational and Behavioral Statistics 2000, equation 14.
    """
    first, second = known(first), np.sort(known(second))
    if not len(first) or not len(second):
        return np.nan
    below = np.searchsorted(second, first, side="left")
    upto = np.searchsorted(second, first, side="right")
    return float((below + upto).sum() / (2 * len(first) * len(second)))


def holm(p_values: Floats) -> Floats:
    """Return p-values adjusted for their number by Holm's step-down method, shape (tests,).

    Holm, Scandinavian Journal of Statistics 1979. NaN is no test and stays NaN.
    """
    adjusted = np.full(len(p_values), np.nan)
    tested = np.flatnonzero(~np.isnan(p_values))
    order = tested[np.argsort(p_values[tested], kind="stable")]
    factors = np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(factors * p_values[order]), 1.0)
    return adjusted


class Standing(NamedTuple):
    """How a row stands to the best row of its block and data set."""

    among_best: bool  #: not significantly worse than the row with the highest mean
    p_value: float  #: against that row, Holm-corrected; NaN for that row itself
    superiority: float  #: A12 against that row


def standings(samples: Sequence[Floats], *, alpha: float = ALPHA) -> list[Standing]:
    """Test every row against the one with the highest mean.

    Mann-Whitney, as runs on a table share nothing through equal seeds; two-sided, corrected
    by Holm for the number of rows tested. A row is worse if its corrected p-value is below
    `alpha` and it loses more comparisons of single runs than it wins. Rows without a value
    are never among the best.
    """
    means = np.array([summarise(sample).mean for sample in samples])
    if np.isnan(means).all():
        return [Standing(False, np.nan, np.nan) for _ in samples]
    best = int(np.nanargmax(means))
    raw = [
        np.nan if row == best else mann_whitney(sample, samples[best])
        for row, sample in enumerate(samples)
    ]
    corrected = holm(np.array(raw))
    standing = []
    for row, sample in enumerate(samples):
        effect = superiority(sample, samples[best])
        worse = corrected[row] < alpha and effect < 0.5
        among = row == best or (not np.isnan(means[row]) and not worse)
        standing.append(Standing(bool(among), float(corrected[row]), effect))
    return standing


class Pair(NamedTuple):
    """Two rows of a block on one data set, by their places."""

    first: int
    second: int
    difference: float  #: of their means, first minus second
    superiority: float  #: A12 of the first against the second
    p_value: float  #: Mann-Whitney, two-sided
    corrected: float  #: the same, Holm-corrected for all pairs of the data set


def pairs(samples: Sequence[Floats]) -> list[Pair]:
    """Test every row against every other, in the order of `itertools.combinations`."""
    places = list(combinations(range(len(samples)), 2))
    raw = np.array([mann_whitney(samples[i], samples[j]) for i, j in places], dtype=np.float64)
    means = [summarise(sample).mean for sample in samples]
    return [
        Pair(i, j, means[i] - means[j], superiority(samples[i], samples[j]), float(p), float(c))
        for (i, j), p, c in zip(places, raw, holm(raw), strict=True)
    ]


def least_p_value(first: int, second: int) -> float:
    """Return the smallest p-value that a Mann-Whitney test of so many runs can have."""
    return 2 / comb(first + second, first)


def detectable_superiority(runs: int) -> float:
    """Return the A12 that a test of two rows of `runs` each finds with chance `POWER`.

    Noether, Sample Size Determination for Some Common Nonparametric Tests, JASA 1987, section 3,
    solved for the effect. For one test: Holm's correction for several asks for more. NaN where
    not even the largest effect is found so often.
    """
    effect = 0.5 + _quantiles() / np.sqrt(6 * runs) if runs else np.inf
    return float(effect) if effect <= 1 else np.nan


def detectable_difference(std: float, runs: int) -> float:
    """Return the difference of means that such a test finds between normal samples.

    `std` is the standard deviation of either. The Mann-Whitney test needs pi/3 as many runs as
    Student's does there (Hodges & Lehmann, Annals of Mathematical Statistics 1956). NaN where
    `detectable_superiority` is: the formula is one for many runs.
    """
    if np.isnan(detectable_superiority(runs)):
        return np.nan
    return float(_quantiles() * std * np.sqrt(2 / runs * np.pi / 3))


def runs_to_detect(difference: float, std: float) -> int:
    """Return how many runs a row needs for a difference of means to be detectable.

    Never fewer than the formulas of what is detectable are for.
    """
    ratio = _quantiles() * std / difference
    return max(_LEAST, int(np.ceil(2 * ratio**2 * np.pi / 3)))


def _quantiles() -> float:
    from scipy.stats import norm

    return float(norm.ppf(1 - ALPHA / 2) + norm.ppf(POWER))

"""Pure functions from arrays to numbers; nothing here plots, reads or prints.

A sample is one value per finished run, shape (runs,). NaN, a value that is not known, is left
out by all of them.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

ALPHA = 0.05
"""Level of every test."""


class Summary(NamedTuple):
    """A sample in four numbers; NaN where there are too few values."""

    n: int
    mean: float
    std: float  #: sample standard deviation, ddof = 1: the +- of the papers
    median: float


def summarise(sample: Floats) -> Summary:
    """Return n, mean, standard deviation and median of a sample, shape (runs,)."""
    known = sample[~np.isnan(sample)]
    if not len(known):
        return Summary(0, np.nan, np.nan, np.nan)
    std = float(np.std(known, ddof=1)) if len(known) > 1 else np.nan
    return Summary(len(known), float(np.mean(known)), std, float(np.median(known)))


def resampling(runs: int, generator: np.random.Generator, resamples: int = 1000) -> Floats:
    """Return the weights of bootstrap samples of `runs` runs, shape (resamples, runs).

    Row r says how often each run is drawn in sample r, over `runs`: its product with a sample
    is the mean of a bootstrap sample (Efron, Annals of Statistics 1979).
    """
    return generator.multinomial(runs, np.full(runs, 1 / runs), size=resamples) / runs


def mean_interval(samples: Floats, weights: Floats, level: float = 0.95) -> tuple[Floats, Floats]:
    """Return the percentile-bootstrap interval of the mean at every point.

    `samples` has shape (runs, points), `weights` is from `resampling`: whole runs are drawn,
    so the points of a run stay together. Two arrays of shape (points,).
    """
    means = np.sort((weights @ samples).T)
    ranks = [(1 - level) / 2 * (len(weights) - 1), (1 + level) / 2 * (len(weights) - 1)]
    low, high = (means[:, round(rank)] for rank in ranks)
    return low, high


def quartiles(samples: Floats) -> tuple[Floats, Floats]:
    """Return the first and third quartile of every point; `samples` (runs, points)."""
    low, high = np.quantile(samples, [0.25, 0.75], axis=0)
    return low, high


def mann_whitney(first: Floats, second: Floats) -> float:
    """Return the two-sided p-value of the Mann-Whitney U test; 1 for identical constants.

    Exact for small samples without ties, else the normal approximation with tie correction,
    as scipy chooses. NaN if a sample is empty.
    """
    from scipy.stats import mannwhitneyu

    first, second = first[~np.isnan(first)], second[~np.isnan(second)]
    if not len(first) or not len(second):
        return np.nan
    if np.ptp(np.concatenate([first, second])) == 0:
        return 1.0
    return float(mannwhitneyu(first, second, alternative="two-sided").pvalue)


def superiority(first: Floats, second: Floats) -> float:
    """Return A12, the chance that a run of `first` beats one of `second`, ties counting half.

    Vargha & Delaney, Journal of Educational and Behavioral Statistics 2000, equation 14.
    """
    first, second = first[~np.isnan(first)], np.sort(second[~np.isnan(second)])
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

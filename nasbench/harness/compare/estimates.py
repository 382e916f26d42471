"""From a sample of runs to an estimate with its interval: pure functions, nothing is plotted.

A sample is one value per finished run, shape (runs,). NaN, a value that is not known, is left
out by all of them. Intervals are bootstrapped from a generator of their own: the same sample has
the same interval, whatever was computed before.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LEVEL = 0.95
"""Coverage of every interval."""
_RESAMPLES = 4000
_WEIGHTED_RESAMPLES = 1000


class Summary(NamedTuple):
    """A sample in four numbers; NaN where there are too few values."""

    n: int
    mean: float
    std: float  #: sample standard deviation, ddof = 1: the +- of the papers
    median: float


class Interval(NamedTuple):
    """What an estimate may be, at `LEVEL`; NaN where one value or none is known."""

    low: float
    high: float


class Estimate(NamedTuple):
    """A number of a sample, and what it may be: an interval at `LEVEL`."""

    value: float
    low: float
    high: float


UNKNOWN = Estimate(np.nan, np.nan, np.nan)


def known(sample: Floats) -> Floats:
    """Return the values that are known, shape (runs known,)."""
    return sample[~np.isnan(sample)]


def finite(values: Floats) -> Floats:
    """Return values with NaN in place of what is infinite: nothing that is judged is."""
    return np.where(np.isfinite(values), values, np.nan)


def summarise(sample: Floats) -> Summary:
    """Return n, mean, standard deviation and median of a sample, shape (runs,)."""
    values = known(sample)
    if not len(values):
        return Summary(0, np.nan, np.nan, np.nan)
    with np.errstate(invalid="ignore"):  # of infinite values
        std = float(np.std(values, ddof=1)) if len(values) > 1 else np.nan
        return Summary(len(values), float(np.mean(values)), std, float(np.median(values)))


_TELLING = 10
"""Runs below which a skewness says little: of ten normal ones one in twelve is beyond 1."""


def skewness(sample: Floats) -> float:
    """Return the skewness of a sample: the mean cubed deviation over that of the standard one.

    NaN where fewer than three values are known or all are equal.
    """
    values = known(finite(sample))
    if len(values) < 3 or values.max() == values.min():
        return np.nan
    away = values - values.mean()
    return float(np.mean(away**3) / np.mean(away**2) ** 1.5)


def too_skewed(sample: Floats) -> bool:
    """Return whether so few runs are so skewed that the interval of their mean covers too little.

    By Cochran's rule, more than 25 runs per squared skewness (Sampling Techniques, 3rd edition,
    1977, section 2.15), where the skewness is above 1 and of ten runs or more: fewer do not show
    any, and another note speaks of their intervals.
    """
    there, runs = abs(skewness(sample)), len(known(sample))
    return bool(there > 1 and _TELLING <= runs <= 25 * there**2)


def mean(ordered: Floats) -> Floats:
    """Return the mean of every row, shape (rows,), of rows that are sorted, (rows, runs)."""
    return np.asarray(ordered.mean(axis=-1))


def median(ordered: Floats) -> Floats:
    """Return the median of every row, shape (rows,), of rows that are sorted, (rows, runs)."""
    runs = ordered.shape[-1]
    return np.asarray(ordered[..., (runs - 1) // 2 : runs // 2 + 1].mean(axis=-1))


def interquartile_mean(ordered: Floats) -> Floats:
    """Return the mean of every row without its lowest and its highest quarter, shape (rows,).

    Rows are sorted, (rows, runs); a quarter is rounded down to whole runs, as by Agarwal et al.,
    Deep RL at the Edge of the Statistical Precipice, NeurIPS 2021.
    """
    cut = ordered.shape[-1] // 4
    return np.asarray(ordered[..., cut : ordered.shape[-1] - cut].mean(axis=-1))


def estimate(sample: Floats, statistic: Callable[[Floats], Floats] = mean) -> float:
    """Return `statistic` of a sample, NaN where nothing is known."""
    values = np.sort(known(sample))
    return float(statistic(values)) if len(values) else np.nan


def interval(sample: Floats, statistic: Callable[[Floats], Floats] = mean) -> Interval:
    """Return the bootstrap interval of `statistic` of a sample: see `percentiles`."""
    values = known(sample)
    if not len(values):
        return Interval(np.nan, np.nan)
    return percentiles(statistic(resampled(values)), len(values))


def resampled(sample: Floats, stream: tuple[int, ...] = ()) -> Floats:
    """Return bootstrap samples of a sample, each sorted, shape (resamples, runs).

    Efron, Annals of Statistics 1979. Samples of one `stream` are drawn alike: runs that belong
    together stay together. Those of others are independent, as strata must be.
    """
    return np.asarray(np.sort(sample)[_draws(len(sample), stream)])


@lru_cache(maxsize=16)
def weights(runs: int, stream: tuple[int, ...] = ()) -> Floats:
    """Return how often each run is in each bootstrap sample, over `runs`: (resamples, runs).

    Their product with the runs' values, or curves, is the mean of each sample. On streams, see
    `resampled`.
    """
    if not runs:
        return np.zeros((_WEIGHTED_RESAMPLES, 0))
    generator = np.random.default_rng([runs, *stream])
    return generator.multinomial(runs, np.full(runs, 1 / runs), size=_WEIGHTED_RESAMPLES) / runs


def percentiles(statistics: Floats, runs: int) -> Interval:
    """Return the expanded percentile interval from a statistic of bootstrap samples of `runs`.

    Percentile intervals of small samples are too narrow: their level is raised to what makes that
    of a mean as wide as Student's t and the unbiased variance do (Hesterberg, What Teachers Should
    Know About the Bootstrap, The American Statistician 2015, section 4.3).
    """
    statistics = known(statistics)  # of a sample that lost all its runs of a data set
    if runs < 2 or not len(statistics):
        return Interval(np.nan, np.nan)
    with np.errstate(invalid="ignore"):  # between two infinite values
        low, high = np.quantile(statistics, _levels(runs))
    return Interval(float(low), float(high))


def mean_interval(samples: Floats) -> tuple[Floats, Floats]:
    """Return the interval of the mean at every point: two arrays of shape (points,).

    `samples` has shape (runs, points): whole runs are drawn, so the points of a run stay together.
    Of one run it is the run itself; NaN of none, and at points where a run's value is not known.
    """
    runs = len(samples)
    if runs < 2:
        return _only(samples), _only(samples)
    means = np.sort((weights(runs) @ samples).T)
    low, high = (means[:, round(level * (_WEIGHTED_RESAMPLES - 1))] for level in _levels(runs))
    return low, high


def interquartile_interval(samples: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the interquartile mean at every point and its interval; `samples` (runs, points).

    Of fewer bootstrap samples than `interval`'s: three arrays of shape (points,), NaN as those of
    `mean_interval`.
    """
    runs = len(samples)
    if runs < 2:
        return _only(samples), _only(samples), _only(samples)
    ordered = np.sort(samples, axis=0).T  # (points, runs)
    centre = np.where(np.isnan(ordered[:, -1]), np.nan, interquartile_mean(ordered))
    drawn = draws(runs)
    ends = np.array([percentiles(interquartile_mean(point[drawn]), runs) for point in ordered])
    return centre, ends[:, 0], ends[:, 1]


def quartiles(samples: Floats) -> tuple[Floats, Floats]:
    """Return the first and third quartile of every point; `samples` (runs, points); NaN of none."""
    if not len(samples):
        return _only(samples), _only(samples)
    low, high = np.quantile(samples, [0.25, 0.75], axis=0)
    return low, high


def _only(samples: Floats) -> Floats:
    """Return the curve of a single run, NaN where there is none."""
    return samples[0] if len(samples) else np.full(samples.shape[1:], np.nan)


def draws(runs: int, stream: tuple[int, ...] = ()) -> NDArray[np.integer]:
    """Return which runs are in bootstrap samples, of fewer than `interval`'s: (resamples, runs).

    On streams, see `resampled`.
    """
    return _draws(runs, stream)[:_WEIGHTED_RESAMPLES]


def _levels(runs: int) -> tuple[float, float]:
    """Return the expanded levels of the lower and upper end."""
    from scipy.stats import norm, t

    widened = np.sqrt(runs / (runs - 1)) * t.ppf((1 + LEVEL) / 2, runs - 1)
    tail = float(norm.cdf(-widened))
    return tail, 1 - tail


@lru_cache(maxsize=32)
def _draws(runs: int, stream: tuple[int, ...]) -> NDArray[np.integer]:
    """Return which runs are in each bootstrap sample, ascending, shape (resamples, runs)."""
    if not runs:
        return np.zeros((_RESAMPLES, 0), dtype=np.uint16)
    generator = np.random.default_rng([runs, *stream])
    small = np.uint16 if runs < 2**16 else np.int64  # several of them are kept
    return np.sort(generator.integers(runs, size=(_RESAMPLES, runs)).astype(small), axis=1)

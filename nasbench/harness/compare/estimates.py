"""Estimates from a sample of runs, with bootstrap intervals; all functions are pure.

A sample is one value per finished run, shape (runs,). NaN is a value that is not known: estimates
and intervals of a sample leave it out. Every bootstrap has a seeded generator of its own, so that
the same sample has the same interval, whatever was computed before.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LEVEL = 0.95
"""Nominal coverage of every interval."""
_RESAMPLES = 4000
_WEIGHTED_RESAMPLES = 1000
_AT_ONCE = 200
"""Bootstrap samples that are in memory at once, which the processor's cache can hold."""


class Summary(NamedTuple):
    """A sample in four numbers; NaN where there are too few values."""

    n: int
    mean: float
    std: float  #: sample standard deviation, ddof = 1: the +- of the papers
    median: float


class Interval(NamedTuple):
    """An interval of an estimate at `LEVEL`; NaN where fewer than two values are known."""

    low: float
    high: float


class Estimate(NamedTuple):
    """An estimate from a sample, and the ends of its interval at `LEVEL`."""

    value: float
    low: float
    high: float


UNKNOWN = Estimate(np.nan, np.nan, np.nan)


def known(sample: Floats) -> Floats:
    """Return the values that are known, shape (runs known,)."""
    return sample[~np.isnan(sample)]


def highest(scores: Floats) -> float:
    """Return the highest score that is known, NaN if none is."""
    known = scores[~np.isnan(scores)]
    return float(known.max()) if len(known) else np.nan


def finite(values: Floats) -> Floats:
    """Return values with infinite ones replaced by NaN: no judged value is infinite."""
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
"""Runs below which skewness says little: in one of twelve normal samples of ten it is beyond 1."""


def skewness(sample: Floats) -> float:
    """Return the skewness of a sample: mean cubed deviation over the cubed standard deviation.

    The standard deviation has ddof = 0. NaN where fewer than three values are known or all are
    equal.
    """
    values = known(finite(sample))
    if len(values) < 3 or values.max() == values.min():
        return np.nan
    away = values - values.mean()
    return float(np.mean(away**3) / np.mean(away**2) ** 1.5)


def too_skewed(sample: Floats) -> bool:
    """Return whether so few runs are so skewed that the interval of their mean is too narrow.

    Cochran's rule asks for more runs than 25 times the squared skewness (Sampling Techniques, 3rd
    edition, 1977, section 2.15). It is applied where the absolute skewness is above 1 and there are
    ten runs or more: fewer runs do not show their skewness, and another note warns of their
    intervals.
    """
    there, runs = abs(skewness(sample)), len(known(sample))
    return bool(there > 1 and _TELLING <= runs <= 25 * there**2)


def mean(ordered: Floats) -> Floats:
    """Return the mean of every row, shape (rows,); `ordered` has sorted rows, (rows, runs)."""
    return np.asarray(ordered.mean(axis=-1))


def median(ordered: Floats) -> Floats:
    """Return the median of every row, shape (rows,); `ordered` has sorted rows, (rows, runs)."""
    runs = ordered.shape[-1]
    return np.asarray(ordered[..., (runs - 1) // 2 : runs // 2 + 1].mean(axis=-1))


def interquartile_mean(ordered: Floats) -> Floats:
    """Return the mean of every row without its lowest and its highest quarter, shape (rows,).

    `ordered` has sorted rows, (rows, runs). A quarter is rounded down to whole runs, as by Agarwal
    et al., Deep RL at the Edge of the Statistical Precipice, NeurIPS 2021.
    """
    cut = ordered.shape[-1] // 4
    return np.asarray(ordered[..., cut : ordered.shape[-1] - cut].mean(axis=-1))


def estimate(sample: Floats, statistic: Callable[[Floats], Floats] = mean) -> float:
    """Return `statistic` of a sample, NaN where nothing is known."""
    values = np.sort(known(sample))
    return float(statistic(values)) if len(values) else np.nan


def interval(sample: Floats, statistic: Callable[[Floats], Floats] = mean) -> Interval:
    """Return the bootstrap interval of `statistic` of a sample: see `percentiles`."""
    return intervals(sample, statistic)[0]


def intervals(sample: Floats, *statistics: Callable[[Floats], Floats]) -> tuple[Interval, ...]:
    """Return the bootstrap interval of each statistic of a sample, of the same bootstrap samples.

    Efron, Annals of Statistics 1979. Samples with equal numbers of runs are resampled at the same
    positions of the sorted sample.
    """
    values = np.sort(known(sample))
    if not len(values):
        return (Interval(np.nan, np.nan),) * len(statistics)
    drawn = _draws(len(values))
    found = np.empty((len(statistics), _RESAMPLES))
    for start in range(0, _RESAMPLES, _AT_ONCE):
        part = values.take(drawn[start : start + _AT_ONCE])  # each sorted, as its positions are
        for place, statistic in enumerate(statistics):
            found[place, start : start + _AT_ONCE] = statistic(part)
    return tuple(percentiles(one, len(values)) for one in found)


@lru_cache(maxsize=2)
def weights(runs: int) -> Floats:
    """Return the weight of each run in each bootstrap sample, shape (resamples, runs).

    A weight is how often the run is drawn, see `counts`, divided by `runs`. The product of the
    weights with the runs' values, or curves, is the mean of each bootstrap sample.
    """
    return counts(runs) / max(runs, 1)


def counts(runs: int, stream: tuple[int, ...] = ()) -> Floats:
    """Return how often each run is in each bootstrap sample, shape (resamples, runs).

    Calls with the same `stream` and number of runs draw the same runs, so that runs that belong
    together stay together. Calls with different streams draw independently, as strata must.
    """
    return _counts(runs, stream).astype(np.float64)


@lru_cache(maxsize=256)
def _counts(runs: int, stream: tuple[int, ...]) -> NDArray[np.integer]:
    """Return what `counts` returns, as the smallest whole numbers: the cache keeps many of them."""
    if not runs:
        return np.zeros((_WEIGHTED_RESAMPLES, 0), dtype=np.uint8)
    generator = np.random.default_rng([runs, *stream])
    found = generator.multinomial(runs, np.full(runs, 1 / runs), size=_WEIGHTED_RESAMPLES)
    return found.astype(np.min_scalar_type(int(found.max())))


def percentiles(statistics: Floats, runs: int) -> Interval:
    """Return the expanded percentile interval from a statistic of bootstrap samples of `runs` runs.

    `statistics` has shape (resamples,). Percentile intervals of small samples are too narrow, so
    the level is raised: the interval of a mean becomes as wide as with Student's t and the unbiased
    variance (Hesterberg, What Teachers Should Know About the Bootstrap, The American Statistician
    2015, section 4.3). NaN with fewer than two runs.
    """
    statistics = known(statistics)  # NaN for a bootstrap sample without a run of a data set
    if runs < 2 or not len(statistics):
        return Interval(np.nan, np.nan)
    with np.errstate(invalid="ignore"):  # between two infinite values
        low, high = np.quantile(statistics, _levels(runs))
    return Interval(float(low), float(high))


def pointwise(statistics: Floats, runs: int) -> tuple[Floats, Floats]:
    """Return `percentiles` of every column of `statistics`, shape (resamples, points).

    Two arrays of shape (points,): the lower and the upper ends.
    """
    if runs < 2 or np.isnan(statistics).any():
        ends = [percentiles(column, runs) for column in statistics.T]
        return np.array([end.low for end in ends]), np.array([end.high for end in ends])
    low, high = np.quantile(statistics, _levels(runs), axis=0)
    return low, high


def mean_interval(samples: Floats) -> tuple[Floats, Floats]:
    """Return the interval of the mean at every point: two arrays of shape (points,).

    `samples` has shape (runs, points). Whole runs are resampled, so that the points of a run stay
    together. With a single run both ends are the run itself. NaN without runs, and at points where
    a run's value is not known.
    """
    runs = len(samples)
    if runs < 2:
        return _only(samples), _only(samples)
    means = np.sort((weights(runs) @ samples).T)
    low, high = (means[:, round(level * (_WEIGHTED_RESAMPLES - 1))] for level in _levels(runs))
    return low, high


def interquartile_interval(samples: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the interquartile mean at every point and its interval; `samples` (runs, points).

    Three arrays of shape (points,): the mean, and the ends of its interval, which is from fewer
    bootstrap samples than that of `interval`. They are NaN where those of `mean_interval` are.
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
    """Return the first and third quartile at every point, shape (points,) each.

    `samples` has shape (runs, points); the result is NaN without runs.
    """
    if not len(samples):
        return _only(samples), _only(samples)
    low, high = np.quantile(samples, [0.25, 0.75], axis=0)
    return low, high


def _only(samples: Floats) -> Floats:
    """Return the curve of the only run, shape (points,), or NaN without runs."""
    return samples[0] if len(samples) else np.full(samples.shape[1:], np.nan)


def draws(runs: int) -> NDArray[np.integer]:
    """Return which runs are in each bootstrap sample, shape (resamples, runs).

    There are fewer bootstrap samples than in `interval`.
    """
    return _draws(runs)[:_WEIGHTED_RESAMPLES]


@lru_cache(maxsize=64)
def _levels(runs: int) -> tuple[float, float]:
    """Return the expanded quantile levels of an interval's lower and upper end."""
    from scipy.special import ndtr, stdtrit

    widened = np.sqrt(runs / (runs - 1)) * stdtrit(runs - 1, (1 + LEVEL) / 2)
    tail = float(ndtr(-widened))
    return tail, 1 - tail


@lru_cache(maxsize=32)
def _draws(runs: int) -> NDArray[np.integer]:
    """Return which runs are in each bootstrap sample, ascending, shape (resamples, runs)."""
    if not runs:
        return np.zeros((_RESAMPLES, 0), dtype=np.uint16)
    generator = np.random.default_rng([runs])
    small = np.uint16 if runs < 2**16 else np.int64  # the cache keeps several of them
    return np.sort(generator.integers(runs, size=(_RESAMPLES, runs)).astype(small), axis=1)

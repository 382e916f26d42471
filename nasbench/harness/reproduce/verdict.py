"""Compare a measured mean and variance with published ones."""

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasbench.harness.compare.estimates import LEVEL, known, summarise
from nasbench.harness.compare.significance import ALPHA

RULE: Final = 2
"""Number of the rule that makes verdicts. Rule 1 was: within 0.3 published standard deviations."""
FEWEST = 5
"""Fewest runs on either side for a verdict; with fewer, only the numbers are given."""
ROUNDING = 0.01
"""Step in which papers print means and standard deviations, in percentage points."""
_ROUNDED = ROUNDING / math.sqrt(12)  # standard deviation of an error that is uniform in one step
_ENDLESS = 2**50


class Outcome(StrEnum):
    """Outcome of the comparison of two means, see `verdict`; each is shown as written here."""

    REPRODUCED = "reproduced"
    DIFFERS = "differs"
    DIFFERS_UNSIZED = "differs, not shown to exceed the margin"
    UNDECIDED = "undecided"


class Moments(NamedTuple):
    """A sample as papers print it: mean, standard deviation and number of runs."""

    mean: float
    std: float  #: sample standard deviation
    n: int


@dataclass(frozen=True)
class Verdict:
    """Comparison of a measured mean with a published one, in percentage points."""

    outcome: Outcome
    difference: float
    """Measured minus published."""
    low: float
    high: float
    """Ends of the 95 % interval of the difference."""
    margin: float
    """Largest difference with which means count as the same."""
    p_value: float
    """p-value of two one-sided tests of the hypothesis that the difference is beyond the margin."""
    runs: int | None = None
    """Number of runs here that would decide an undecided row.

    The number holds if difference and standard deviation stay as they are. None where the row is
    decided, and where no number of runs here would then be enough. In practice more runs change the
    difference, which may decide a row."""

    def __str__(self) -> str:
        """Return the outcome, with the difference or the number of runs that would decide."""
        if self.outcome is Outcome.DIFFERS:
            return f"{self.outcome} by {self.difference:+.2f}"
        if self.outcome is not Outcome.UNDECIDED:
            return str(self.outcome)
        if self.runs is None:
            return f"{self.outcome}, at this difference with any number of runs here"
        return (
            f"{self.outcome}, {_rounded_up(self.runs):,} runs here would decide at this difference"
        )


@dataclass(frozen=True)
class Spread:
    """Comparison of a measured variance with a published one."""

    ratio: float
    """Measured over published variance."""
    low: float
    high: float
    """Ends of the 95 % interval of the ratio."""
    p_value: float
    """p-value of the two-sided test of the hypothesis that both variances are equal."""

    @property
    def differs(self) -> bool:
        """Whether the variances differ at 0.05."""
        return self.p_value < ALPHA

    def __str__(self) -> str:
        """Return the ratio, its interval, and whether it differs significantly from 1, as text."""
        told = ("larger" if self.ratio > 1 else "smaller") if self.differs else "not told apart"
        return f"{self.ratio:.2f} [{self.low:.2f}, {self.high:.2f}] {told}"


def verdict(published: Moments, measured: Moments, margin: float) -> Verdict | None:
    """Compare a measured mean with a published one; None where no verdict is possible.

    Both samples enter by mean, standard deviation and n. The standard error is Welch's, to which
    the rounding of the published mean adds its variance. The outcome is the first of these that
    holds:

    - `REPRODUCED`: two one-sided tests at 0.05 both reject that the difference is the margin or
      more (Schuirmann, Journal of Pharmacokinetics and Biopharmaceutics 1987);
    - `DIFFERS`: the whole 95 % interval of the difference is beyond the margin, on one side of it;
    - `DIFFERS_UNSIZED`: the 95 % interval excludes 0;
    - `UNDECIDED`: none of these.

    With some hundreds of runs on both sides, the rates of wrong verdicts are as follows. Means
    whose true difference is the margin or more are called reproduced in about 5 % of cases at most.
    Means within the margin are said to differ by more in about 2.5 % at most. Equal means are said
    to differ at all in about 5 % at most. With few published runs of a skewed sample the rate is
    higher: up to 12 % of equal means with five published runs.

    There is no verdict with fewer than five runs on a side, or where the published standard
    deviation is 0, because the error of such a mean is not known.
    """
    if min(published.n, measured.n) < FEWEST or not published.std > 0 or math.isnan(measured.std):
        return None
    outcome, interval, p_value = _judge(published, measured, margin)
    runs = _runs(published, measured, margin) if outcome is Outcome.UNDECIDED else None
    difference = measured.mean - published.mean
    return Verdict(outcome, difference, *interval, margin, p_value, runs)


def spread(published: Moments, finals: NDArray[np.float64]) -> Spread | None:
    """Compare the variance of a sample, shape (runs,), with a published one.

    None where `verdict` returns None, and where all values of the sample are equal, or all but one.

    The F test holds its level for normal samples only, but final accuracies of runs have long
    tails. Robust tests (Levene's, Brown and Forsythe's) need the published runs, which are not
    available. The F test is therefore used with degrees of freedom that follow from the kurtosis
    (Shoemaker, Fixing the F Test for Equal Variances, The American Statistician 2003); the kurtosis
    of our sample is taken for both samples. Deviations from the paper: the standard error of the
    kurtosis is added to it, because a sample's kurtosis is too small on average where tails are
    long; and the rounding of the published deviation widens the interval.
    """
    from scipy.stats import f

    values = known(finals)
    ours = summarise(values)
    if min(published.n, ours.n) < FEWEST or not published.std > 0 or not ours.std > 0:
        return None
    kurtosis = _kurtosis((values - ours.mean) / ours.std)
    if math.isnan(kurtosis):
        return None
    free, theirs = (2 * n / (kurtosis - (n - 3) / (n - 1)) for n in (ours.n, published.n))
    theirs = 1 / (1 / theirs + 2 * (_ROUNDED / published.std) ** 2)
    ratio = (ours.std / published.std) ** 2
    high, low = (float(f.ppf((1 + sign * LEVEL) / 2, free, theirs)) for sign in (1, -1))
    p_value = 2 * min(float(tail(ratio, free, theirs)) for tail in (f.cdf, f.sf))
    return Spread(ratio, ratio / high, ratio / low, min(1.0, p_value))


def _kurtosis(centred: NDArray[np.float64]) -> float:
    """Return the kurtosis, 3 for normal values, plus its jackknife standard error.

    `centred` has mean 0 and variance 1, shape (runs,). NaN where all values but one are equal.
    """
    n = len(centred)
    without = [(centred**k).sum() - centred**k for k in range(1, 5)]  # power sums without one run
    mean = without[0] / (n - 1)
    second = without[1] - (n - 1) * mean**2
    if second.min() < 1e-9:
        return math.nan
    fourth = without[3] - 4 * mean * without[2] + 6 * mean**2 * without[1] - 3 * (n - 1) * mean**4
    left = (n - 1) * fourth / second**2
    error = math.sqrt((n - 1) / n * ((left - left.mean()) ** 2).sum())
    return float(n * (centred**4).sum() / (centred**2).sum() ** 2) + error


def _judge(
    published: Moments, measured: Moments, margin: float
) -> tuple[Outcome, tuple[float, float], float]:
    """Return the outcome, the difference's interval, and the p-value of the two one-sided tests."""
    from scipy.stats import t

    difference = measured.mean - published.mean
    theirs, ours = (one.std**2 / one.n for one in (published, measured))
    error = math.sqrt(theirs + ours + _ROUNDED**2)
    freedom = error**4 / (theirs**2 / (published.n - 1) + ours**2 / (measured.n - 1))
    half = float(t.ppf((1 + LEVEL) / 2, freedom)) * error
    p_value = float(t.cdf((abs(difference) - margin) / error, freedom))
    outcome = Outcome.UNDECIDED
    if p_value < ALPHA:
        outcome = Outcome.REPRODUCED
    elif abs(difference) - half > margin:
        outcome = Outcome.DIFFERS
    elif abs(difference) > half:
        outcome = Outcome.DIFFERS_UNSIZED
    return outcome, (difference - half, difference + half), p_value


def _runs(published: Moments, measured: Moments, margin: float) -> int | None:
    """Return the fewest runs here that would decide the outcome; None if no number would.

    Means and standard deviations are taken as they are.
    """

    def undecided(n: int) -> bool:
        return _judge(published, measured._replace(n=n), margin)[0] is Outcome.UNDECIDED

    if undecided(_ENDLESS):  # because of the error of the published mean
        return None
    few, enough = measured.n, 2 * measured.n
    while undecided(enough):
        few, enough = enough, 2 * enough
    while enough - few > 1:
        middle = (few + enough) // 2
        few, enough = (middle, enough) if undecided(middle) else (few, middle)
    return enough


def _rounded_up(runs: int) -> int:
    """Return a number of runs, rounded up to two significant digits."""
    step = int(10 ** max(0, len(str(runs)) - 2))
    return -(-runs // step) * step

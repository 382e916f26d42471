"""Does a measured mean come out as the published one, and does the spread?"""

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
"""Runs on either side below which there are numbers only, and no verdict."""
ROUNDING = 0.01
"""Step in which papers print means and standard deviations, in percentage points."""
_ROUNDED = ROUNDING / math.sqrt(12)  # standard deviation of an error that is uniform in one step
_ENDLESS = 2**50


class Outcome(StrEnum):
    """What the comparison of two means says; each is shown as it is written here."""

    REPRODUCED = "reproduced"
    DIFFERS = "differs"
    DIFFERS_UNSIZED = "differs, not shown to exceed the margin"
    UNDECIDED = "undecided"


class Moments(NamedTuple):
    """A sample as papers print it."""

    mean: float
    std: float  #: sample standard deviation
    n: int


@dataclass(frozen=True)
class Verdict:
    """Measured beside published mean, in percentage points."""

    outcome: Outcome
    difference: float
    """Measured minus published."""
    low: float
    high: float
    """Ends of the 95 % interval of the difference."""
    margin: float
    """Within which means count as the same."""
    p_value: float
    """Of two one-sided tests of the hypothesis that the difference is beyond the margin."""
    runs: int | None = None
    """Runs here with which an undecided row would be decided, if difference and deviation stayed as
    they are; None where none is needed, and where no number of runs here is enough then. More runs
    do change the difference, and may decide a row by that."""

    def __str__(self) -> str:
        """Write the outcome with what a reader must know of it."""
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
    """Measured beside published variance."""

    ratio: float
    """Measured over published variance."""
    low: float
    high: float
    """Ends of the 95 % interval of the ratio."""
    p_value: float
    """Two-sided, of the hypothesis that both are the same."""

    @property
    def differs(self) -> bool:
        """Whether the variances differ at 0.05."""
        return self.p_value < ALPHA

    def __str__(self) -> str:
        """Write the ratio, its interval and whether it is told from 1."""
        told = ("larger" if self.ratio > 1 else "smaller") if self.differs else "not told apart"
        return f"{self.ratio:.2f} [{self.low:.2f}, {self.high:.2f}] {told}"


def verdict(published: Moments, measured: Moments, margin: float) -> Verdict | None:
    """Compare a measured mean with a published one; None where there are numbers only.

    All from mean, standard deviation and n of each, with Welch's standard error, to which the
    rounding of the published mean adds its variance. In this order:

    - `REPRODUCED`: both of two one-sided tests at 0.05 reject that the difference is the margin or
      more (Schuirmann, Journal of Pharmacokinetics and Biopharmaceutics 1987);
    - `DIFFERS`: the whole 95 % interval of the difference is beyond the margin, on one side of it;
    - `DIFFERS_UNSIZED`: the 95 % interval excludes 0;
    - `UNDECIDED`: neither.

    So, with some hundreds of runs on both sides, of means whose true difference is the margin or
    more about 5 % at most are called reproduced; of those within the margin, about 2.5 % at most
    are said to differ by more; and of equal ones, about 5 % at most differ at all. With few
    published runs of a skewed sample it is more, up to 12 % of equal means with five of them. There
    is no verdict with fewer than five runs on a side, or where the published standard deviation is
    0: the error of such a mean is not known.
    """
    if min(published.n, measured.n) < FEWEST or not published.std > 0 or math.isnan(measured.std):
        return None
    outcome, interval, p_value = _judge(published, measured, margin)
    runs = _runs(published, measured, margin) if outcome is Outcome.UNDECIDED else None
    difference = measured.mean - published.mean
    return Verdict(outcome, difference, *interval, margin, p_value, runs)


def spread(published: Moments, finals: NDArray[np.float64]) -> Spread | None:
    """Compare the variance of a sample, shape (runs,), with a published one.

    None as `verdict`, and where all values of the sample are equal, or all but one.

    The F test is at its level for normal samples only, and the runs' final accuracies have long
    tails; tests that are robust by themselves (Levene's, Brown and Forsythe's) need the published
    runs, which nobody has. So it is the F test with degrees of freedom that follow from the
    kurtosis (Shoemaker, Fixing the F Test for Equal Variances, The American Statistician 2003);
    that of our sample is taken for both. Deviations: a sample's kurtosis is too small on average
    where tails are long, so its standard error is added to it; and the rounding of the published
    deviation widens the interval.
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
    without = [(centred**k).sum() - centred**k for k in range(1, 5)]  # power sums of all but one
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
    """Return the outcome, the interval of the difference, and p of the two one-sided tests."""
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
    """Return the fewest runs with which such a difference is decided; None if no number is."""

    def undecided(n: int) -> bool:
        return _judge(published, measured._replace(n=n), margin)[0] is Outcome.UNDECIDED

    if undecided(_ENDLESS):  # what is left is the error of the published mean
        return None
    few, enough = measured.n, 2 * measured.n
    while undecided(enough):
        few, enough = enough, 2 * enough
    while enough - few > 1:
        middle = (few + enough) // 2
        few, enough = (middle, enough) if undecided(middle) else (few, middle)
    return enough


def _rounded_up(runs: int) -> int:
    """Return a number of runs with two digits that count."""
    step = int(10 ** max(0, len(str(runs)) - 2))
    return -(-runs // step) * step

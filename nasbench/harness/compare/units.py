"""Write values of a metric with unit and digits, and convert scores back to values.

A comparison computes with scores, of which more is better (see `problem.Metric`). Readers see
values: a score is converted back to a value only where it is shown.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from nasbench.harness.compare.estimates import Estimate, Interval
from nasbench.problem import Metric

_PERCENT = "%"
_SIGNIFICANT = 4
"""Significant digits of a typical value that is not a percentage."""
_MOST = 8
_IMAGE = 0.01
"""Regret (% points) of one image of CIFAR-10's 10,000."""
_DECADES = 3
"""Decades below the largest regret on a logarithmic axis, for values that are not percentages."""


@dataclass(frozen=True)
class Units:
    """A metric with the number of digits that its values have in tables."""

    metric: Metric
    digits: int = 2

    @classmethod
    def of(cls, metric: Metric, values: Iterable[float]) -> "Units":
        """Choose the number of decimals for some values.

        Percentages have two. Other values have as many as give the median absolute value four
        significant digits, within 2 to 8; large ones, such as numbers of weights, have none.
        """
        if metric.unit == _PERCENT:
            return cls(metric)
        sizes = [abs(value) for value in values if value and math.isfinite(value)]
        if not sizes:
            return cls(metric)
        before = 1 + math.floor(math.log10(float(np.median(sizes))))
        least = 0 if before > _SIGNIFICANT else 2
        return cls(metric, min(max(least, _SIGNIFICANT - before), _MOST))

    @property
    def title(self) -> str:
        """The metric's name with its unit, such as `accuracy (%)`."""
        return self.metric.title

    @property
    def unit(self) -> str:
        """The unit as written after a value, with a space before it; empty without a unit."""
        return f" {self.metric.unit}" if self.metric.unit else ""

    @property
    def difference(self) -> str:
        """The unit of a difference as written after it in a sentence, with a space before it."""
        return " points" if self.metric.unit == _PERCENT else self.unit

    @property
    def in_words(self) -> str:
        """The unit of differences as written after a comma or within brackets."""
        return f"{_PERCENT} points" if self.metric.unit == _PERCENT else self.metric.unit

    def axis(self, what: str) -> str:
        """Return the label of an axis of differences, such as `test regret (% points)`."""
        return f"{what} ({self.in_words})" if self.in_words else what

    def write(self, value: float) -> str:
        """Return a value or a difference as text, see `written`."""
        return written(value, f".{self.digits}f")

    def least_regret(self, largest: float) -> float:
        """Return the regret below which a logarithmic axis is linear, or ends."""
        if self.metric.unit == _PERCENT:
            return _IMAGE
        return 10.0 ** (math.floor(math.log10(largest)) - _DECADES) if largest > 0 else _IMAGE


UNKNOWN = "–"


def written(value: float, form: str) -> str:
    """Return a number as text in a format; NaN is a dash, infinite numbers are the sign for it."""
    if math.isnan(value):
        return UNKNOWN
    return ("∞" if value > 0 else "-∞") if math.isinf(value) else f"{value:{form}}"


def mean_and_deviation(mean: float, std: float, digits: int) -> str:
    """Return a mean and its standard deviation as text; the latter is left out where NaN."""
    centre = written(mean, f".{digits}f")
    return centre if math.isnan(std) else f"{centre} ± {written(std, f'.{digits}f')}"


def turned(metric: Metric, ends: Interval) -> Interval:
    """Return an interval of scores as one of values; its ends swap where less is better."""
    low, high = (metric.score(end) for end in ends)
    return Interval(low, high) if metric.direction == "max" else Interval(high, low)


def estimate_of(metric: Metric, score: float, ends: Interval) -> Estimate:
    """Return an estimate in the metric's unit, from a score and its interval."""
    return Estimate(metric.score(score), *turned(metric, ends))

"""How values of a metric are written: their unit, their digits, and scores turned back to values.

All that is computed in a comparison is computed of scores, of which more is better (see
`problem.Metric`). What a reader sees are values: only where one is shown, a score is turned back.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from nasbench.harness.compare.estimates import Estimate, Interval
from nasbench.problem import Metric

_PERCENT = "%"
_SIGNIFICANT = 4
"""Digits of a typical value, where it is no percentage."""
_MOST = 8
_IMAGE = 0.01
"""Regret (% points) of one image of CIFAR-10's 10,000."""
_DECADES = 3
"""Below the largest regret, that a logarithmic axis shows where values are no percentages."""


@dataclass(frozen=True)
class Units:
    """A metric with the number of digits that its values have in tables."""

    metric: Metric
    digits: int = 2

    @classmethod
    def of(cls, metric: Metric, values: Iterable[float]) -> "Units":
        """Choose digits for some values: two of percentages, four significant ones of others."""
        if metric.unit == _PERCENT:
            return cls(metric)
        sizes = [abs(value) for value in values if value and math.isfinite(value)]
        if not sizes:
            return cls(metric)
        before = 1 + math.floor(math.log10(float(np.median(sizes))))
        return cls(metric, min(max(2, _SIGNIFICANT - before), _MOST))

    @property
    def title(self) -> str:
        """The metric's name with its unit, such as `accuracy (%)`."""
        return self.metric.title

    @property
    def unit(self) -> str:
        """What follows a value, with a blank before it."""
        return f" {self.metric.unit}" if self.metric.unit else ""

    @property
    def difference(self) -> str:
        """What follows a difference of values in a sentence, with a blank before it."""
        return " points" if self.metric.unit == _PERCENT else self.unit

    @property
    def in_words(self) -> str:
        """What differences are measured in, behind a comma or within brackets."""
        return f"{_PERCENT} points" if self.metric.unit == _PERCENT else self.metric.unit

    def axis(self, what: str) -> str:
        """Return the label of an axis of differences, such as `test regret (% points)`."""
        return f"{what} ({self.in_words})" if self.in_words else what

    def write(self, value: float) -> str:
        """Return a value or a difference as text; an unknown or infinite one has its own sign."""
        return written(value, f".{self.digits}f")

    def least_regret(self, largest: float) -> float:
        """Return the regret below which a logarithmic axis is linear, or ends."""
        if self.metric.unit == _PERCENT:
            return _IMAGE
        return 10.0 ** (math.floor(math.log10(largest)) - _DECADES) if largest > 0 else _IMAGE


UNKNOWN = "–"


def written(value: float, form: str) -> str:
    """Return a number as text; what is unknown or infinite has a sign of its own."""
    if math.isnan(value):
        return UNKNOWN
    return ("∞" if value > 0 else "-∞") if math.isinf(value) else f"{value:{form}}"


def spread(mean: float, std: float, digits: int) -> str:
    """Return a mean with its standard deviation, where there is one."""
    centre = written(mean, f".{digits}f")
    return centre if math.isnan(std) else f"{centre} ± {written(std, f'.{digits}f')}"


def turned(metric: Metric, ends: Interval) -> Interval:
    """Return an interval of scores as one of values: its ends may change places."""
    low, high = (metric.score(end) for end in ends)
    return Interval(low, high) if metric.direction == "max" else Interval(high, low)


def estimate_of(metric: Metric, score: float, ends: Interval) -> Estimate:
    """Return an estimate in the metric's unit, of a score and its interval."""
    return Estimate(metric.score(score), *turned(metric, ends))

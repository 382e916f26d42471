"""How a number is written in an entry of a table."""

import math

from nasbench.harness.compare.estimates import Estimate
from nasbench.harness.compare.units import written


def number_text(value: float, digits: int) -> str:
    """Return a number as text with `digits` decimals."""
    return written(value, f".{digits}f")


def interval_text(estimate: Estimate, digits: int = 2) -> str:
    """Return an estimate as text with the ends of its interval, if it has one."""
    centre, *ends = (number_text(value, digits) for value in estimate)
    return centre if math.isnan(estimate.low) else f"{centre} [{', '.join(ends)}]"  # of one run


def count_text(value: float) -> str:
    """Return a number of evaluations or seconds, which may be infinite, as text."""
    return written(value, ".0f")


def p_value_text(value: float) -> str:
    """Return a p-value as text; all below 0.001 are written alike."""
    return "< 0.001" if value < 0.001 else written(value, ".3f")


def seconds_text(value: float) -> str:
    """Return seconds as text; those below 10 have two significant digits."""
    return written(value, ".2g" if value < 10 else ".0f")

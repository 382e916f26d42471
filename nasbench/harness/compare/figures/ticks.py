"""Tick labels that do not touch: the densest of a ladder of ticks whose labels have room."""

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import FixedFormatter, FixedLocator, MaxNLocator, NullLocator
from numpy.typing import NDArray

from nasbench.harness.compare.figures.measure import LINE, width_of
from nasbench.harness.compare.figures.style import TICK

if TYPE_CHECKING:
    from matplotlib.axis import Axis

_DIGITS: tuple[tuple[float, ...], ...] = ((1, 2, 5), (1, 3), (1,))
_FEW = 3
"""Number of ticks below which a logarithmic axis has ticks as a linear one has."""
_GAP = 0.07
"""Smallest distance of neighbouring labels in inches, across."""


def set_ticks(axis: "Axis", inches: float, *, whole: bool = False) -> None:
    """Give an axis of `inches` length as many ticks as have room; `whole` for numbers that count.

    Ticks of a logarithmic axis are at 1, 2 and 5 times powers of ten, or fewer.
    """
    low, high = sorted(axis.get_view_interval())
    across = axis.axis_name == "x"  # type: ignore[attr-defined]
    best: tuple[NDArray[np.float64], list[str]] = (np.zeros(0), [])
    for values in _ladder(axis, low, high, whole=whole):
        labels = written(values)
        if _room(axis, values, labels, inches, across=across):
            best = values, labels
            break
    axis.set_major_locator(FixedLocator(best[0].tolist()))
    axis.set_major_formatter(FixedFormatter(best[1]))
    axis.set_minor_locator(NullLocator())


def written(values: NDArray[np.float64]) -> list[str]:
    """Return numbers as short texts: 5000, 20k, 1.5M.

    >>> written(np.array([0.5, 1, 20000]))
    ['0.5', '1', '20k']
    """
    if len(values) and np.abs(values).max() >= 1e15:
        return [f"{value:.3g}".replace("+", "") for value in values]
    return [_short(float(value)) for value in values]


def _short(value: float) -> str:
    for least, unit in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= least:
            return f"{_plain(value / (1e3 if unit == 'k' else least))}{unit}"
    return _plain(value)


def _plain(value: float) -> str:
    """Return a number with a minus sign, which is longer than a hyphen."""
    return f"{value + 0.0:.10g}".replace("-", "−")


def _ladder(axis: "Axis", low: float, high: float, *, whole: bool) -> Iterator[NDArray[np.float64]]:
    """Yield ticks within the limits, from the densest to the sparsest."""
    scale = axis.get_scale()
    if scale in ("log", "symlog") and high > 0:
        least = low
        if scale == "symlog":
            least = axis.get_transform().linthresh  # type: ignore[attr-defined]
        zero = [0.0] if low <= 0 else []
        for digits in _DIGITS:
            found = _powers(least, high, digits)
            if len(found) + len(zero) >= _FEW:
                yield np.array([*zero, *found])
        decades = _powers(least, high, (1,))
        for step in (2, 3, 4, 6):
            if len(decades) > step:
                yield np.array([*zero, *decades[::-1][::step][::-1]])
    for number in (6, 5, 4, 3, 2, 1):
        ticks = MaxNLocator(number, steps=[1, 2, 2.5, 5, 10], integer=whole).tick_values(low, high)
        around = 1e-9 * (high - low)
        yield np.array([one for one in ticks if low - around <= one <= high + around])


def _powers(low: float, high: float, digits: tuple[float, ...]) -> list[float]:
    """Return the digits' multiples of powers of ten between two positive numbers."""
    powers = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    every = [float(f"{digit}e{power}") for power in powers for digit in digits]
    return [one for one in every if low * (1 - 1e-9) <= one <= high * (1 + 1e-9)]


def _room(
    axis: "Axis", values: NDArray[np.float64], labels: list[str], inches: float, *, across: bool
) -> bool:
    """Return whether neighbouring labels keep their distance on an axis of `inches` length."""
    places = axis.get_transform().transform(values)
    ends = axis.get_transform().transform(np.array(axis.get_view_interval()))
    places = (places - ends.min()) / (ends.max() - ends.min()) * inches
    sizes = [width_of(one, TICK) + _GAP if across else TICK * LINE for one in labels]
    order = np.argsort(places)
    return all(
        places[b] - places[a] >= (sizes[a] + sizes[b]) / 2 for a, b in pairwise(order.tolist())
    )

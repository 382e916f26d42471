"""Bounds of the numbers in a table; NaN stands for a missing number.

An infinite accuracy, or a query that costs 0 s or less, is a mistake in a file, and a search of
such a table might never end. So every number is checked when it is written and when it is read.
"""

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from nasbench.errors import DataError
from nasbench.limits import LARGEST_MEASURE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nasbench.benchmarks.tables.info import Array, Column, TableMetric
    from nasbench.problem import Metric


class _Bounds(NamedTuple):
    """An interval from `low` to `high`; `low` itself is not allowed with `open_low`."""

    low: float
    high: float
    open_low: bool
    words: str


_AT_LEAST_0 = _Bounds(0.0, LARGEST_MEASURE, False, f"0 to {LARGEST_MEASURE:g}")
_BOUNDS = {  # by the value of a `Quantity`
    "accuracy": _Bounds(0.0, 100.0, False, "0 to 100 %"),
    "loss": _Bounds(0.0, np.inf, False, "at least 0"),  # infinite after divergence
    "seconds": _Bounds(0.0, LARGEST_MEASURE, True, f"above 0, at most {LARGEST_MEASURE:g}"),
    # HW-NAS-Bench writes -1 for a missing number, and earlier tables kept it
    "latency": _AT_LEAST_0._replace(low=-1.0),
    "energy": _AT_LEAST_0._replace(low=-1.0),
    "intensity": _AT_LEAST_0._replace(low=-1.0),
}


def check_values(
    column: "Column",
    array: "Array",
    where: str,
    metrics: "Sequence[TableMetric]" = (),
    *,
    first: int = 0,
) -> None:
    """Raise `DataError` if a number is out of bounds, with `where`, column and row of the first.

    `array` holds the rows of `column` from row `first` on, shape (rows,) or (rows, epochs). NaN,
    a missing number, is always allowed. `metrics` are those that the table defines.
    """
    own = {one.name: one for one in metrics}.get(column.quantity)
    bounds = _BOUNDS.get(column.quantity, _AT_LEAST_0) if own is None else _of_metric(own.metric())
    if not array.size or _within(array, bounds):
        return
    numbers = np.asarray(array, dtype=np.float64)
    low = numbers <= bounds.low if bounds.open_low else numbers < bounds.low
    wrong = low | (numbers > bounds.high)
    row, *epoch = (int(place) for place in np.argwhere(wrong)[0])
    after = f", epoch {epoch[0] + 1}" if epoch else ""
    raise DataError(
        f"{where}: column '{column.name}', row {first + row}{after}: "
        f"{column.quantity} {numbers[(row, *epoch)]:g} must be {bounds.words}; {int(wrong.sum())} "
        "numbers are out of bounds: write NaN where one is missing, and make the table again"
    )


def _of_metric(metric: "Metric") -> _Bounds:
    """Return a metric's bounds; without a bound, infinity is allowed only on the worse side."""
    low, high = metric.low, metric.high
    if metric.direction == "max":
        high = min(high, LARGEST_MEASURE)
    else:
        low = max(low, -LARGEST_MEASURE)
    return _Bounds(low, high, False, f"{low:g} to {high:g}{metric.unit and ' '}{metric.unit}")


def _within(array: "Array", bounds: _Bounds) -> bool:
    """Whether all numbers except NaN are within the bounds; needs two passes and no copy."""
    least = float(np.fmin.reduce(array, axis=None))
    most = float(np.fmax.reduce(array, axis=None))
    if math.isnan(least):  # all are missing
        return True
    low = least > bounds.low if bounds.open_low else least >= bounds.low
    return bool(low and most <= bounds.high)


def check_shape(column: "Column", rows: int, size: int | None, where: str) -> None:
    """Raise `DataError` unless a column's shape fits a table of `rows` stored rows.

    A column has one number per stored row or, if the size of the space is known, per architecture;
    the row map always has one per architecture. A curve has shape (that number, epochs).
    """
    lengths = [rows] if size is None else [rows, size]
    if column.quantity == "row":
        lengths = lengths[-1:]
    expected = 2 if column.curve else 1
    if len(column.shape) != expected or column.shape[0] not in lengths:
        raise DataError(
            f"{where}: column '{column.name}' has the shape {tuple(column.shape)}, not "
            f"{' or '.join(map(str, lengths))} rows{' of epochs' if column.curve else ''}"
        )
    if column.curve and column.shape[1] != column.epochs:
        raise DataError(
            f"{where}: column '{column.name}' has {column.shape[1]} epochs and says {column.epochs}"
        )

"""The seconds that a query costs, in the order of architectures."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasbench.benchmarks.tables.info import Array
from nasbench.benchmarks.tables.views import SearchColumns


def per_architecture(column: Array, rows: NDArray[np.integer[Any]] | None) -> Array:
    """Return a column with one entry per architecture, in index order, shape (size, ...).

    `rows` maps indices to rows, None where they are equal. A column that has one entry per
    architecture already is returned unchanged.
    """
    return column if rows is None or len(column) == len(rows) else column[rows]


def query_cost(
    columns: SearchColumns,
    rows: NDArray[np.integer[Any]] | None,
    signal: tuple[str, int, int],
    seed: int | None = None,
) -> NDArray[np.float64]:
    """Return the seconds of one query, training plus one validation pass, shape (size,).

    `signal` is the data set, the schedule and the number of its epochs that are trained. Where the
    table does not store the cost of that many epochs, the result is the cost of the whole schedule
    minus the seconds of the epochs that are left out. Raises `DataError` if the table lacks both.
    """
    dataset, schedule, epochs = signal
    if columns.prices(dataset, schedule, epochs):
        stored = columns.query_seconds(dataset, schedule, seed, epochs=epochs)
        return np.asarray(per_architecture(stored, rows), dtype=np.float64)
    seconds = per_architecture(columns.query_seconds(dataset, schedule, seed), rows)
    if epochs < schedule:
        each = per_architecture(columns.epoch_seconds(dataset, schedule, seed), rows)
        seconds = seconds - (schedule - epochs) * each
    return np.asarray(seconds, dtype=np.float64)


def training_cost(
    columns: SearchColumns,
    rows: NDArray[np.integer[Any]] | None,
    signal: tuple[str, int, int],
    seed: int | None = None,
) -> NDArray[np.float64]:
    """Return the seconds of a query's training without its validation pass, shape (size,).

    Where the table stores the cost of a query of fewer epochs than the schedule, the result is that
    whole cost, since the part of the validation pass is not known then.
    """
    dataset, schedule, epochs = signal
    if epochs == schedule or not columns.prices(dataset, schedule, epochs):
        each = per_architecture(columns.epoch_seconds(dataset, schedule, seed), rows)
        return np.asarray(epochs * each, dtype=np.float64)
    return query_cost(columns, rows, signal, seed)

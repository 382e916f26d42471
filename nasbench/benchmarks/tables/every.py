"""A view of all columns of a table, for code that answers in the name of another library.

Such a library has no sealed test set: its user asks for any split at any time. During a search of
nasbench, reads raise `TestSetSealed` here too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from math import isnan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasbench.benchmarks.tables.columns import (
    Series,
    after_epoch,
    curve,
    per_epoch_seconds,
    size,
)
from nasbench.benchmarks.tables.costs import per_architecture
from nasbench.benchmarks.tables.info import Array, Column, Quantity, Split, TableInfo
from nasbench.benchmarks.tables.views import TestColumns

_Epochs = list[tuple[int, Array]]
"""Columns with their first epoch; a column has a row per stored row or architecture."""


class EveryColumn(TestColumns):
    """All columns of a table, pooled test images included.

    Data sets have their names in columns, such as `cifar10-valid`. Numbers are of one architecture,
    given by its index in the space.
    """

    def __init__(
        self,
        info: TableInfo,
        read: Callable[[str], Array],
        rows: NDArray[np.integer[Any]] | None,
        size: int,
    ) -> None:
        """Use `Table.every`; `rows` maps indices to rows, `size` is that of the space."""
        super().__init__(info, info.columns, read)
        self._rows, self._size = rows, size
        self._kept: dict[tuple[Series, int | None], _Epochs] = {}

    def datasets(self, schedule: int) -> tuple[str, ...]:
        """Return the data sets with an accuracy under a schedule, in the table's order."""
        found = [
            column.dataset
            for column in self._accuracies
            if column.schedule == schedule and column.dataset
        ]
        return tuple(dict.fromkeys(found))

    def all_schedules(self) -> tuple[int, ...]:
        """Return the schedules with an accuracy of any split, ascending."""
        return tuple(sorted({column.schedule for column in self._accuracies if column.schedule}))

    def seeds_of(self, dataset: str, schedule: int) -> tuple[int, ...]:
        """Return the training seeds with an accuracy of any split, ascending."""
        found = {
            column.seed
            for column in self._accuracies
            if (column.dataset, column.schedule) == (dataset, schedule) and column.seed is not None
        }
        return tuple(sorted(found))

    @cached_property
    def _accuracies(self) -> Sequence[Column]:
        return [one for one in self._columns.values() if one.quantity == Quantity.ACCURACY]

    def has(self, series: Series, seed: int | None) -> bool:
        """Whether any column has numbers of this series and seed; None stands for the mean."""
        return bool(self._epochs(series, seed))

    def epochs_of(self, series: Series, seed: int | None, index: int) -> dict[int, float]:
        """Return what is known of one architecture by epoch, counted from 0; empty if nothing."""
        self._allow()
        found: dict[int, float] = {}
        for first, numbers in self._epochs(series, seed):
            known = self._at(numbers, index).tolist()
            for epoch, number in enumerate(known if isinstance(known, list) else [known], first):
                if not isnan(number):
                    found[epoch] = number
        return found

    def seconds_of(self, dataset: str, split: Split, schedule: int, seed: int | None) -> Array:
        """Return the seconds of an epoch or a pass, the same in every epoch, per architecture.

        The shape is (size of the space,), or (0,) where the table has no such column.
        """
        return self._first(
            (dataset, split, schedule, seed),
            lambda: (
                per_epoch_seconds(dataset, split, schedule=schedule, seed=seed),
                per_epoch_seconds(dataset, split),
            ),
        )

    def number_of(self, dataset: str, quantity: Quantity) -> Array:
        """Return parameters or FLOPs per architecture, shape (size,); (0,) if not known."""
        return self._first((dataset, quantity), lambda: (size(dataset, quantity),))

    def latency_of(self, dataset: str) -> Array:
        """Return the latency in seconds that official files have, per architecture; or (0,)."""
        wanted = dataset, Quantity.LATENCY, "s"
        return self._first(
            wanted,
            lambda: [
                column
                for column in self._columns.values()
                if (column.dataset, column.quantity, column.unit) == wanted
            ],
        )

    def final(self, series: Series, seed: int | None) -> Array:
        """Return what is known after the last epoch of all architectures; shape (size,) or (0,)."""
        for first, numbers in self._epochs(series, seed):
            if first + _length(numbers) == series.schedule:
                last = numbers if numbers.ndim == 1 else numbers[:, -1].astype(np.float64)
                return per_architecture(last, self._rows)
        return np.empty(0)

    @cached_property
    def present(self) -> NDArray[np.bool_]:
        """Whether an architecture has any accuracy, shape (size of the space,)."""
        there = np.zeros(self._size, dtype=bool)
        for column in self._accuracies:
            numbers = self._get(column)
            last = numbers if numbers.ndim == 1 else numbers[:, -1]
            there |= ~np.isnan(per_architecture(last, self._rows))
        return there

    def _at(self, numbers: Array, index: int) -> Array:
        """Return the entry of an architecture, a number or all its epochs."""
        mapped = self._rows is not None and len(numbers) != self._size
        entry: Array = numbers[self._rows[index] if mapped and self._rows is not None else index]
        return entry

    def _first(self, key: Any, wanted: Callable[[], Sequence[Column]]) -> Array:
        """Return the first of the wanted columns that exists, per architecture; else shape (0,)."""
        self._allow()
        if key not in self._derived:
            found = [self._get(column) for column in wanted() if self._has(column)]
            self._derived[key] = per_architecture(found[0], self._rows) if found else np.empty(0)
        return self._derived[key]

    def _epochs(self, series: Series, seed: int | None) -> _Epochs:
        key = series, seed
        if key not in self._kept:
            self._kept[key] = self._found(series, seed)
        return self._kept[key]

    def _found(self, series: Series, seed: int | None) -> _Epochs:
        """Return the columns of a series with the first epoch of each, per architecture."""
        found = []
        if seed is not None:
            whole = self._columns.get(curve(series, seed, epochs=series.schedule).name)
            if whole is not None:
                return [(0, self._get(whole))]
        for column in self._of(*series):
            if column.epochs and not column.curve and column.seed == seed:
                one = after_epoch(series, column.epochs, seed)
                if one.name in self._columns:
                    found.append((column.epochs - 1, self._get(one)))
        return sorted(found, key=lambda part: part[0])


def _length(numbers: Array) -> int:
    return 1 if numbers.ndim == 1 else int(numbers.shape[1])

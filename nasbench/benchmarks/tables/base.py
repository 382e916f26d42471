"""What both views of a table do: find columns whose split is allowed, and means over seeds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from nasbench.benchmarks.tables import earlier
from nasbench.benchmarks.tables.columns import Series, after_epoch, curve
from nasbench.benchmarks.tables.info import Array, Column, Quantity, Split, TableInfo
from nasbench.errors import DataError
from nasbench.problem import Metric
from nasbench.text import shown


class Columns:
    """The columns of a table whose split is allowed; no method returns any other column."""

    def __init__(
        self, table: TableInfo, columns: Iterable[Column], read: Callable[[str], Array]
    ) -> None:
        self._table = table.name
        self._metrics = metrics_of(table)
        own = table.schema_version > 1
        self.searched = table.datasets if own else earlier.searched_names(table.space)
        self._columns = {column.name: column for column in columns}
        self._read = {name: _reader(read, name) for name in self._columns}
        self._derived: dict[Any, Array] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns of this view."""
        return tuple(self._columns)

    def _seen(self, metric: str, dataset: str, schedule: int, split: Split = Split.VALID) -> Series:
        """Return the series that a search may see of a metric on a data set, under a schedule."""
        return Series(self._name(dataset), split, self._known(metric), schedule)

    def _name(self, dataset: str) -> str:
        """Return the name that a data set has in the columns that a search sees."""
        return self.searched.get(dataset, dataset)

    def _known(self, metric: str) -> str:
        names = [one.name for one in self._metrics]
        if metric not in names:
            raise DataError(
                f"table '{self._table}' has no metric {shown(metric)}: use {' or '.join(names)}"
            )
        return metric

    def _has(self, column: Column) -> bool:
        return column.name in self._columns

    def _get(self, *wanted: Column) -> Array:
        """Return the first of `wanted` that exists."""
        self._allow()
        for column in wanted:
            if column.name in self._columns:
                return self._read[column.name]()
        raise self._absent(wanted[0])

    def _allow(self) -> None:
        """Raise an error where these columns may not be read now; called before every read."""

    def _absent(self, wanted: Column) -> DataError:
        alike = [c for c in self._columns.values() if c.quantity == wanted.quantity]
        if not alike and wanted.quantity == Quantity.SECONDS:
            return DataError(
                f"table '{self._table}' has no costs, so nothing can be charged: for a table of "
                "`nasbench tabulate`, the same command with --costs-only measures them and writes "
                "it anew; any other needs a source that has seconds"
            )
        near = [c for c in alike if c.dataset == wanted.dataset and c.split == wanted.split]
        there = ", ".join(sorted(c.name for c in near or alike)) or "no such column"
        return DataError(f"table '{self._table}' has no '{wanted.name}' here; it has: {there}")

    def _seeds(self, series: Series) -> list[int]:
        """Return the seeds that have a number of `series` at some epoch, in ascending order."""
        return self._seeds_of(*series)

    def _seeds_of(
        self, dataset: str, split: Split | None, quantity: str, schedule: int
    ) -> list[int]:
        found = {column.seed for column in self._of(dataset, split, quantity, schedule)}
        return sorted(seed for seed in found if seed is not None)

    def _of(
        self, dataset: str, split: Split | None, quantity: str, schedule: int
    ) -> Iterator[Column]:
        """Yield the columns of a measurement under a schedule, for all seeds and epochs."""
        wanted = dataset, split, quantity, schedule
        for column in self._columns.values():
            if (column.dataset, column.split, column.quantity, column.schedule) == wanted:
                yield column

    def _measured(self, series: Series, epoch: int, seed: int | None) -> Array:
        """Return a seed's measurement after `epoch`; for None the mean over the known seeds."""
        column = after_epoch(series, epoch, seed)
        if self._has(column):
            return self._get(column)
        if seed is None:
            known = [one for one in self._seeds(series) if self._reaches(series, epoch, one)]
            if known:
                return self._mean(
                    column.name, [self._measured(series, epoch, one) for one in known]
                )
        elif self._reaches(series, epoch, seed):
            return self._slice(curve(series, seed, epochs=series.schedule), epoch)
        raise self._absent(column)

    def _reaches(self, series: Series, epoch: int, seed: int) -> bool:
        """Whether a seed has a number after `epoch`, in a column of its own or in a curve."""
        if self._has(after_epoch(series, epoch, seed)):
            return True
        stored = self._columns.get(curve(series, seed, epochs=series.schedule).name)
        return stored is not None and stored.epochs is not None and 1 <= epoch <= stored.epochs

    def _ended(self, series: Series) -> tuple[int, ...]:
        """Return the schedules with a number after their last epoch; ignores `series.schedule`."""
        wanted = series[:3]
        alike = {
            column.schedule
            for column in self._columns.values()
            if (column.dataset, column.split, column.quantity) == wanted and column.schedule
        }
        return tuple(
            one for one in sorted(alike) if self._known_after(series._replace(schedule=one), one)
        )

    def _known_after(self, series: Series, epoch: int) -> bool:
        """Whether there is a number after `epoch`: a stored mean or one of any seed."""
        return self._has(after_epoch(series, epoch, None)) or any(
            self._reaches(series, epoch, seed) for seed in self._seeds(series)
        )

    def _slice(self, column: Column, epoch: int) -> Array:
        """Return one epoch of a curve, contiguous and in double precision."""
        key = (column.name, epoch)
        self._allow()
        if key not in self._derived:
            array = self._get(column)[:, epoch - 1].astype(np.float64)
            array.flags.writeable = False
            self._derived[key] = array
        return self._derived[key]

    def _mean_of(self, key: Any, columns: Iterable[Column]) -> Array:
        """Return the mean of those of `columns` that the table has."""
        return self._mean(key, [self._get(column) for column in columns if self._has(column)])

    def _mean(self, key: Any, arrays: list[Array]) -> Array:
        if key not in self._derived:
            self._derived[key] = mean_over_seeds(arrays)
        return self._derived[key]


def metrics_of(table: TableInfo) -> tuple[Metric, ...]:
    """Return the metrics that a table defines; for a table that defines none, `earlier.METRICS`."""
    return tuple(one.metric() for one in table.metrics) or earlier.METRICS


def mean_over_seeds(arrays: list[Array]) -> Array:
    """Return the mean of arrays of one shape, ignoring NaN; NaN where all arrays have NaN.

    The arrays are added one by one in their order, as the official libraries do, so that the
    result has the same bits.
    """
    total = np.zeros(arrays[0].shape)
    count = np.zeros(arrays[0].shape)
    for array in arrays:
        there = ~np.isnan(array)
        total += np.where(there, array, 0.0)
        count += there
    mean: Array = np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)
    mean.flags.writeable = False
    return mean


def _reader(read: Callable[[str], Array], name: str) -> Callable[[], Array]:
    return lambda: read(name)

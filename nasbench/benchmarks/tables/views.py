"""What may be seen of a table: by a search, and by the judge once it is over.

Arrays are read-only, NaN where a number is missing, one entry per stored row. A data set's name is
the one that the judge knows: among the columns, what a search sees of it may have another
(`TableInfo.datasets`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasbench.benchmarks.tables import earlier
from nasbench.benchmarks.tables.columns import (
    Series,
    after_epoch,
    curve,
    hardware,
    per_epoch_seconds,
    query_seconds,
    seed_count,
    size,
)
from nasbench.benchmarks.tables.format import Array, Column, Quantity, Split, TableInfo
from nasbench.errors import DataError, TestSetSealed
from nasbench.problem import Metric
from nasbench.text import shown

_sealed: ContextVar[bool] = ContextVar("test set sealed", default=False)


@contextmanager
def seal_test() -> Iterator[None]:
    """Let every read of a table's test columns raise `TestSetSealed` inside the block."""
    token = _sealed.set(True)
    try:
        yield
    finally:
        _sealed.reset(token)


class _Columns:
    """Some columns of a table, those whose split is allowed; no method gives any other."""

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
        """Names of the columns that can be reached from here."""
        return tuple(self._columns)

    def _seen(self, metric: str, dataset: str, schedule: int, split: Split = Split.VALID) -> Series:
        """Return what a search may see of a metric on a data set, under a schedule."""
        return Series(self._name(dataset), split, self._known(metric), schedule)

    def _name(self, dataset: str) -> str:
        """Return the name of the columns that a search sees of a data set."""
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
        for column in wanted:
            if column.name in self._columns:
                return self._read[column.name]()
        raise self._absent(wanted[0])

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
        """Return the single seeds that have `series` at some epoch, ascending."""
        return self._seeds_of(*series)

    def _seeds_of(
        self, dataset: str, split: Split | None, quantity: str, schedule: int
    ) -> list[int]:
        found = {column.seed for column in self._of(dataset, split, quantity, schedule)}
        return sorted(seed for seed in found if seed is not None)

    def _of(
        self, dataset: str, split: Split | None, quantity: str, schedule: int
    ) -> Iterator[Column]:
        """Yield the columns of a measurement under a schedule, of any seed and epoch."""
        wanted = dataset, split, quantity, schedule
        for column in self._columns.values():
            if (column.dataset, column.split, column.quantity, column.schedule) == wanted:
                yield column

    def _measured(self, series: Series, epoch: int, seed: int | None) -> Array:
        """Return one seed's measurement after `epoch`, or the mean over the seeds there are."""
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
        """Whether a seed has a number after `epoch`, alone or in a curve."""
        if self._has(after_epoch(series, epoch, seed)):
            return True
        stored = self._columns.get(curve(series, seed, epochs=series.schedule).name)
        return stored is not None and stored.epochs is not None and 1 <= epoch <= stored.epochs

    def _ended(self, series: Series) -> tuple[int, ...]:
        """Return the schedules, whatever that of `series` is, at whose end there is a number."""
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
        """Whether there is a number after `epoch`, of the mean or of a single seed."""
        return self._has(after_epoch(series, epoch, None)) or any(
            self._reaches(series, epoch, seed) for seed in self._seeds(series)
        )

    def _slice(self, column: Column, epoch: int) -> Array:
        """Return one epoch of a curve, contiguous and in double precision."""
        key = (column.name, epoch)
        if key not in self._derived:
            array = self._get(column)[:, epoch - 1].astype(np.float64)
            array.flags.writeable = False
            self._derived[key] = array
        return self._derived[key]

    def _mean_of(self, key: Any, columns: Iterable[Column]) -> Array:
        """Return the mean of those columns that there are."""
        return self._mean(key, [self._get(column) for column in columns if self._has(column)])

    def _mean(self, key: Any, arrays: list[Array]) -> Array:
        if key not in self._derived:
            self._derived[key] = mean_over_seeds(arrays)
        return self._derived[key]


class SearchColumns(_Columns):
    """What a search may see: training and validation, costs and sizes, no test image."""

    def accuracy(
        self, dataset: str, schedule: int, epoch: int, seed: int | None = None
    ) -> NDArray[np.floating[Any]]:
        """Return validation accuracy (%) after `epoch` of `schedule`, shape (rows,).

        Of one seed, or (None) the mean over the seeds there are.
        """
        return self.after("accuracy", dataset, schedule, epoch, seed)

    def after(
        self,
        metric: str,
        dataset: str,
        schedule: int,
        epoch: int,
        seed: int | None = None,
        *,
        split: Split = Split.VALID,
    ) -> NDArray[np.floating[Any]]:
        """Return a metric after `epoch`, shape (rows,), of validation or of `split` train."""
        return self._measured(self._seen(metric, dataset, schedule, split), epoch, seed)

    def knows_of(self, metric: str, dataset: str, schedule: int, epoch: int, seed: int) -> bool:
        """Whether validation of a single training is known after `epoch`."""
        return self._reaches(self._seen(metric, dataset, schedule), epoch, seed)

    def curve(
        self,
        dataset: str,
        schedule: int,
        seed: int | None = None,
        metric: str = "accuracy",
        *,
        split: Split = Split.VALID,
    ) -> NDArray[np.floating[Any]]:
        """Return a metric after every epoch, shape (rows, epochs); None is the mean of seeds."""
        series = self._seen(metric, dataset, schedule, split)
        seeds = self._seeds(series) if seed is None else [seed]
        columns = [curve(series, one, epochs=schedule) for one in seeds or [0]]
        if not any(map(self._has, columns)):
            raise self._absent(columns[0])
        if seed is not None:
            return self._get(columns[0])
        return self._mean_of(("curve", series), columns)

    def trials(
        self, dataset: str, schedule: int, metric: str = "accuracy", epoch: int | None = None
    ) -> tuple[int, ...]:
        """Return the seeds whose own validation is known after `epoch`, or else at the end."""
        series, after = self._seen(metric, dataset, schedule), epoch or schedule
        return tuple(one for one in self._seeds(series) if self._reaches(series, after, one))

    def epochs(self, dataset: str, schedule: int, metric: str = "accuracy") -> tuple[int, ...]:
        """Return the epochs of `schedule` after which validation is known, ascending."""
        series, there = self._seen(metric, dataset, schedule), set[int]()
        for column in self._of(*series):
            if column.epochs is not None:
                there |= set(range(1, column.shape[1] + 1)) if column.curve else {column.epochs}
        return tuple(
            epoch
            for epoch in sorted(there)
            if 1 <= epoch <= schedule and self._known_after(series, epoch)
        )

    def schedules(self, dataset: str, metric: str = "accuracy") -> tuple[int, ...]:
        """Return the schedules at whose end validation is known, ascending."""
        return self._ended(self._seen(metric, dataset, 0))

    def query_seconds(
        self, dataset: str, schedule: int, seed: int | None = None, *, epochs: int | None = None
    ) -> NDArray[np.float64]:
        """Return the seconds of one query: the schedule, or its first epochs, and one validation.

        Shape (rows,), or (size of the space,) where costs are known per architecture. Of one
        seed, or the mean where single seeds have no costs of their own.
        """
        name = self._name(dataset)
        wanted = [query_seconds(name, schedule, one, epochs=epochs) for one in (seed, None)]
        if seed is None and not self._has(wanted[0]):
            singles = [
                query_seconds(name, schedule, one, epochs=epochs)
                for one in self._seeds_of(name, None, Quantity.SECONDS, schedule)
            ]
            if any(map(self._has, singles)):
                return self._mean_of(wanted[0].name, singles)
        return self._get(*wanted)

    def prices(self, dataset: str, schedule: int, epochs: int) -> bool:
        """Whether the table itself says what a query of some epochs of a schedule costs."""
        name = self._name(dataset)
        seeds = (None, *self._seeds_of(name, None, Quantity.SECONDS, schedule))
        return any(self._has(query_seconds(name, schedule, one, epochs=epochs)) for one in seeds)

    def priced(self, dataset: str, schedule: int, epochs: int) -> bool:
        """Whether it is known what a query of some epochs of a schedule costs."""
        name = self._name(dataset)
        if self.prices(dataset, schedule, epochs):
            return True
        seeds = (None, *self._seeds_of(name, Split.TRAIN, Quantity.SECONDS, schedule))
        return self._has(per_epoch_seconds(name, Split.TRAIN)) or any(
            self._has(per_epoch_seconds(name, Split.TRAIN, schedule=schedule, seed=one))
            for one in seeds
        )

    def knows(self, dataset: str) -> bool:
        """Whether there is any column that a search on a data set could see."""
        return any(name.startswith(f"{self._name(dataset)}/") for name in self.names)

    @property
    def query_seconds_fitted(self) -> bool:
        """Whether the cost of a query uses a fitted formula instead of measured seconds."""
        return any(
            column.fitted and column.quantity == Quantity.SECONDS
            for column in self._columns.values()
        )

    def epoch_seconds(
        self, dataset: str, schedule: int, seed: int | None = None
    ) -> NDArray[np.float64]:
        """Return the seconds of one training epoch, shape (rows,)."""
        return self._per_epoch(self._name(dataset), Split.TRAIN, schedule, seed)

    def validation_seconds(
        self, dataset: str, schedule: int, seed: int | None = None
    ) -> NDArray[np.float64]:
        """Return the seconds of one validation pass, shape (rows,)."""
        return self._per_epoch(self._name(dataset), Split.VALID, schedule, seed)

    def params(self, dataset: str) -> NDArray[np.int64]:
        """Return the number of weights as the benchmark records it, shape (rows,)."""
        return self._get(size(self._name(dataset), Quantity.PARAMS))

    def flops(self, dataset: str) -> NDArray[np.int64]:
        """Return multiply-adds of one forward pass, shape (rows,)."""
        return self._get(size(self._name(dataset), Quantity.FLOPS))

    def devices(self) -> tuple[str, ...]:
        """Return the devices whose latency or energy the table knows."""
        return tuple(sorted({c.device for c in self._columns.values() if c.device is not None}))

    def latency(self, dataset: str, device: str) -> NDArray[np.floating[Any]]:
        """Return the latency on a device (unit in the column's metadata), shape (rows,)."""
        return self._hardware(dataset, Quantity.LATENCY, device)

    def energy(self, dataset: str, device: str) -> NDArray[np.floating[Any]]:
        """Return the energy of one inference (mJ) on a device, shape (rows,)."""
        return self._hardware(dataset, Quantity.ENERGY, device)

    def _hardware(self, dataset: str, quantity: Quantity, device: str) -> Array:
        names = (self._name(dataset), dataset)
        return self._get(*(hardware(name, quantity, device) for name in names))

    def _per_epoch(self, name: str, split: Split, schedule: int, seed: int | None) -> Array:
        common = per_epoch_seconds(name, split)
        if seed is None and not self._has(common):
            singles = [
                per_epoch_seconds(name, split, schedule=schedule, seed=one)
                for one in self._seeds(Series(name, split, Quantity.SECONDS, schedule))
            ]
            if any(map(self._has, singles)):
                return self._mean_of((name, split, schedule), singles)
        return self._get(per_epoch_seconds(name, split, schedule=schedule, seed=seed), common)


class TestColumns(_Columns):
    """What the judge reads, once, after the search."""

    __test__ = False  # no test case, whatever pytest makes of the name

    def _get(self, *wanted: Column) -> Array:
        if _sealed.get():
            raise TestSetSealed(
                f"the search asked table '{self._table}' for test or final accuracies: only the "
                "judge may read them, after the search"
            )
        return super()._get(*wanted)

    def accuracy(
        self, dataset: str, schedule: int, epoch: int, seed: int | None = None
    ) -> NDArray[np.floating[Any]]:
        """Return test accuracy (%) after `epoch`, shape (rows,); None is the mean over seeds."""
        return self.after("accuracy", dataset, schedule, epoch, seed)

    def after(
        self, metric: str, dataset: str, schedule: int, epoch: int, seed: int | None = None
    ) -> NDArray[np.floating[Any]]:
        """Return a metric on test after `epoch`, shape (rows,); None is the mean over seeds."""
        return self._measured(self._test(metric, dataset, schedule), epoch, seed)

    def mean(
        self, dataset: str, schedule: int | None = None, metric: str = "accuracy"
    ) -> NDArray[np.floating[Any]]:
        """Return a metric on test at the end, mean over the seeds there are, shape (rows,).

        The end is that of `schedule`, or of the longest one that test is known of.
        """
        schedule = schedule or self.longest(dataset)
        return self._measured(self._test(metric, dataset, schedule), schedule, None)

    def trials(
        self, dataset: str, schedule: int | None = None, metric: str = "accuracy"
    ) -> tuple[int, ...]:
        """Return the seeds whose own test value is known."""
        schedule = schedule or self.longest(dataset)
        return tuple(self._seeds(self._test(metric, dataset, schedule)))

    def count(self, dataset: str, schedule: int | None = None) -> NDArray[np.integer[Any]]:
        """Return how many seeds the final test mean of each architecture has, shape (rows,)."""
        return self._get(seed_count(dataset, Split.TEST, schedule or self.longest(dataset)))

    def valid_mean(
        self, dataset: str, schedule: int | None = None, metric: str = "accuracy"
    ) -> NDArray[np.floating[Any]]:
        """Return a metric on validation at the end, mean over seeds, shape (rows,)."""
        schedule = schedule or self.longest(dataset)
        return self._measured(self._seen(metric, dataset, schedule), schedule, None)

    def schedules(self, dataset: str, metric: str = "accuracy") -> tuple[int, ...]:
        """Return the schedules at whose end test is known, ascending."""
        return self._ended(self._test(metric, dataset, 0))

    def longest(self, dataset: str) -> int:
        """Return the longest schedule that a data set's test is known of."""
        found = [
            column.schedule
            for column in self._columns.values()
            if (column.dataset, column.split) == (dataset, Split.TEST) and column.schedule
        ]
        if not found:
            raise DataError(f"table '{self._table}' has no test values of '{dataset}'")
        return max(found)

    def _test(self, metric: str, dataset: str, schedule: int) -> Series:
        return Series(dataset, Split.TEST, self._known(metric), schedule)


def metrics_of(table: TableInfo) -> tuple[Metric, ...]:
    """Return the metrics that a table's columns may be of."""
    return tuple(one.metric() for one in table.metrics) or earlier.METRICS


def per_architecture(column: Array, rows: NDArray[np.integer[Any]] | None) -> Array:
    """Spread a column over all architectures; one in index order is whole already."""
    return column if rows is None or len(column) == len(rows) else column[rows]


def query_cost(
    columns: SearchColumns,
    rows: NDArray[np.integer[Any]] | None,
    signal: tuple[str, int, int],
    seed: int | None = None,
) -> NDArray[np.float64]:
    """Return the seconds of one query, shape (size of the space,).

    `signal` is a data set, a schedule and the epochs of it that are trained; a validation pass
    comes on top. Where the table does not say what so many epochs cost, it is what the schedule
    costs less the seconds of the epochs that are left out.
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
    """Return the seconds of a query's training alone, shape (size of the space,).

    Where the table itself says what so many epochs cost, that is all of it: what a validation pass
    costs is not known then.
    """
    dataset, schedule, epochs = signal
    if epochs == schedule or not columns.prices(dataset, schedule, epochs):
        each = per_architecture(columns.epoch_seconds(dataset, schedule, seed), rows)
        return np.asarray(epochs * each, dtype=np.float64)
    return query_cost(columns, rows, signal, seed)


def mean_over_seeds(arrays: list[Array]) -> Array:
    """Return the mean of arrays of one shape, leaving out NaN; NaN where all are missing.

    Added one after the other, in order, as the official libraries do: the same bits.
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

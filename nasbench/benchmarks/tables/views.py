"""The two views of a table: what a search may see, and what the judge reads after the search.

Arrays are read-only and NaN where a number is missing. They have one entry per stored row, shape
(rows,); costs, seconds and sizes have one per architecture, shape (size of the space,), where a
table stores them so: see `per_architecture`. A data set is named as the judge names it; the
columns that a search sees of it may have another name (`TableInfo.datasets`). Methods raise
`DataError` for a column that the table lacks.
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
    """Make reads of test columns raise `TestSetSealed` inside the block, in this context."""
    token = _sealed.set(True)
    try:
        yield
    finally:
        _sealed.reset(token)


class _Columns:
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


class SearchColumns(_Columns):
    """What a search may see: training and validation values, costs and sizes, no test values."""

    def accuracy(
        self, dataset: str, schedule: int, epoch: int, seed: int | None = None
    ) -> NDArray[np.floating[Any]]:
        """Return validation accuracy (%) after `epoch` of `schedule`, shape (rows,).

        It is that of training seed `seed`, or for None the mean over the known seeds.
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
        """Return a metric on `split` (valid or train) after `epoch` of `schedule`, shape (rows,).

        It is that of training seed `seed`, or for None the mean over the known seeds.
        """
        return self._measured(self._seen(metric, dataset, schedule, split), epoch, seed)

    def knows_of(self, metric: str, dataset: str, schedule: int, epoch: int, seed: int) -> bool:
        """Whether validation of training seed `seed` is known after `epoch` of `schedule`."""
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
        """Return a metric after every epoch of `schedule`, shape (rows, epochs).

        It is that of training seed `seed`, or for None the mean over the seeds with a curve.
        """
        series = self._seen(metric, dataset, schedule, split)
        seeds = self._seeds(series) if seed is None else [seed]
        columns = [curve(series, one, epochs=schedule) for one in seeds or [0]]
        if not any(map(self._has, columns)):
            raise self._absent(columns[0])
        if seed is not None:
            return self._get(columns[0])
        return self._mean_of(("curve", series), columns)

    def seeds(
        self, dataset: str, schedule: int, metric: str = "accuracy", epoch: int | None = None
    ) -> tuple[int, ...]:
        """Return the training seeds whose validation is known after `epoch`, ascending.

        Without `epoch`, it is the last epoch of `schedule`.
        """
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
        """Return the schedules with a validation value after their last epoch, ascending."""
        return self._ended(self._seen(metric, dataset, 0))

    def query_seconds(
        self, dataset: str, schedule: int, seed: int | None = None, *, epochs: int | None = None
    ) -> NDArray[np.float64]:
        """Return the seconds of one query: training plus one validation pass.

        The training is the whole schedule, or its first `epochs`. Shape (rows,), or (size of the
        space,) where the table stores costs per architecture. The seconds are those of `seed`; for
        None, or for a seed without costs of its own, they are the mean.
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
        """Whether the table stores the cost of a query of `epochs` of a schedule."""
        name = self._name(dataset)
        seeds = (None, *self._seeds_of(name, None, Quantity.SECONDS, schedule))
        return any(self._has(query_seconds(name, schedule, one, epochs=epochs)) for one in seeds)

    def priced(self, dataset: str, schedule: int, epochs: int) -> bool:
        """Whether the cost of a query of `epochs` is stored or follows from seconds per epoch."""
        name = self._name(dataset)
        if self.prices(dataset, schedule, epochs):
            return True
        seeds = (None, *self._seeds_of(name, Split.TRAIN, Quantity.SECONDS, schedule))
        return self._has(per_epoch_seconds(name, Split.TRAIN)) or any(
            self._has(per_epoch_seconds(name, Split.TRAIN, schedule=schedule, seed=one))
            for one in seeds
        )

    def knows(self, dataset: str) -> bool:
        """Whether the table has any column that a search on `dataset` may see."""
        return any(name.startswith(f"{self._name(dataset)}/") for name in self.names)

    @property
    def query_seconds_fitted(self) -> bool:
        """Whether any seconds of the table come from a fitted formula instead of measurements."""
        return any(
            column.fitted and column.quantity == Quantity.SECONDS
            for column in self._columns.values()
        )

    def epoch_seconds(
        self, dataset: str, schedule: int, seed: int | None = None
    ) -> NDArray[np.float64]:
        """Return the seconds of one training epoch, shape (rows,) or (size of the space,)."""
        return self._per_epoch(self._name(dataset), Split.TRAIN, schedule, seed)

    def validation_seconds(
        self, dataset: str, schedule: int, seed: int | None = None
    ) -> NDArray[np.float64]:
        """Return the seconds of one validation pass, shape (rows,) or (size of the space,)."""
        return self._per_epoch(self._name(dataset), Split.VALID, schedule, seed)

    def params(self, dataset: str) -> NDArray[np.int64]:
        """Return the benchmark's number of weights, shape (rows,) or (size of the space,)."""
        return self._get(size(self._name(dataset), Quantity.PARAMS))

    def flops(self, dataset: str) -> NDArray[np.int64]:
        """Return multiply-adds of a forward pass, shape (rows,) or (size of the space,)."""
        return self._get(size(self._name(dataset), Quantity.FLOPS))

    def devices(self) -> tuple[str, ...]:
        """Return the names of the devices whose costs the table has, sorted."""
        return tuple(sorted({c.device for c in self._columns.values() if c.device is not None}))

    def latency(self, dataset: str, device: str) -> NDArray[np.floating[Any]]:
        """Return the latency on a device, shape (rows,) or (size of the space,).

        The unit is that of the column: ms, or s in a table of official files.
        """
        return self._hardware(dataset, Quantity.LATENCY, device)

    def energy(self, dataset: str, device: str) -> NDArray[np.floating[Any]]:
        """Return the energy of an inference (mJ) on a device, shape (rows,) or (size,)."""
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
    """What the judge reads after the search: test values and final validation values.

    While a search runs, reads raise `TestSetSealed`: see `seal_test`.
    """

    __test__ = False  # keeps pytest from taking this class for a test

    def _allow(self) -> None:
        if _sealed.get():
            raise TestSetSealed(
                f"the search asked table '{self._table}' for test or final accuracies: only the "
                "judge may read them, after the search"
            )

    def accuracy(
        self, dataset: str, schedule: int, epoch: int, seed: int | None = None
    ) -> NDArray[np.floating[Any]]:
        """Return test accuracy (%) after `epoch` of `schedule`, shape (rows,).

        It is that of training seed `seed`, or for None the mean over the known seeds.
        """
        return self.after("accuracy", dataset, schedule, epoch, seed)

    def after(
        self, metric: str, dataset: str, schedule: int, epoch: int, seed: int | None = None
    ) -> NDArray[np.floating[Any]]:
        """Return a metric on test after `epoch` of `schedule`, shape (rows,).

        It is that of training seed `seed`, or for None the mean over the known seeds.
        """
        return self._measured(self._test(metric, dataset, schedule), epoch, seed)

    def mean(
        self, dataset: str, schedule: int | None = None, metric: str = "accuracy"
    ) -> NDArray[np.floating[Any]]:
        """Return a metric on test after the last epoch, mean over the known seeds, shape (rows,).

        The epoch is the last one of `schedule`; without `schedule`, that of `longest`.
        """
        schedule = schedule or self.longest(dataset)
        return self._measured(self._test(metric, dataset, schedule), schedule, None)

    def seeds(
        self, dataset: str, schedule: int | None = None, metric: str = "accuracy"
    ) -> tuple[int, ...]:
        """Return the training seeds that have a test value at some epoch of `schedule`."""
        schedule = schedule or self.longest(dataset)
        return tuple(self._seeds(self._test(metric, dataset, schedule)))

    def count(self, dataset: str, schedule: int | None = None) -> NDArray[np.integer[Any]]:
        """Return the number of seeds in the final test mean of each architecture, shape (rows,)."""
        return self._get(seed_count(dataset, Split.TEST, schedule or self.longest(dataset)))

    def valid_mean(
        self, dataset: str, schedule: int | None = None, metric: str = "accuracy"
    ) -> NDArray[np.floating[Any]]:
        """Return a metric on validation after the last epoch, mean over seeds, shape (rows,)."""
        schedule = schedule or self.longest(dataset)
        return self._measured(self._seen(metric, dataset, schedule), schedule, None)

    def schedules(self, dataset: str, metric: str = "accuracy") -> tuple[int, ...]:
        """Return the schedules with a test value after their last epoch, ascending."""
        return self._ended(self._test(metric, dataset, 0))

    def longest(self, dataset: str) -> int:
        """Return the longest schedule with test values of `dataset`; `DataError` if none."""
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
    """Return the metrics that a table defines; for a table that defines none, `earlier.METRICS`."""
    return tuple(one.metric() for one in table.metrics) or earlier.METRICS


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

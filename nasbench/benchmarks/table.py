"""A benchmark's numbers: one immutable row per architecture, columns that know their split.

`Table` hands out no column by its name. `Table.search` is what a search may see (training,
validation, costs, sizes; never a number measured on a test image), `Table.test` is what the
judge reads after the search. The file is described in `nasbench.benchmarks.format`, the names
of columns in `nasbench.benchmarks.columns`.

Data sets are named `cifar10`, `cifar100` and `ImageNet16-120`. What a search sees of `cifar10`
is measured on the validation half of its training set (official `cifar10-valid`); the judge
reads the test set after training on both halves (official `cifar10`, `ori-test`).

Arrays are read-only, NaN where a number is missing, one entry per stored row; `Table.rows`
maps an architecture's index to its row, None where row and index are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nasbench.benchmarks.columns import (
    ROWS,
    Series,
    after_epoch,
    curve,
    hardware,
    per_epoch_seconds,
    query_seconds,
    seed_count,
    size,
)
from nasbench.benchmarks.format import (
    Array,
    Column,
    Quantity,
    Split,
    StoredColumns,
    TableInfo,
    describe,
    hash_of,
    storage_order,
    write_table,
)
from nasbench.benchmarks.values import check_shape, check_values
from nasbench.errors import DataError, InvalidInput, TestSetSealed
from nasbench.spaces import get_enumerable
from nasbench.spaces.base import EnumerableSpace
from nasbench.text import printable, shown

if TYPE_CHECKING:
    import pandas

FINAL_SCHEDULE = 200
"""The schedule of the final answer; the judge reads its last epoch."""

_SEARCH_NAMES = {"cifar10": "cifar10-valid"}


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

    def __init__(self, table: str, columns: Iterable[Column], read: Callable[[str], Array]) -> None:
        self._table = table
        self._columns = {column.name: column for column in columns}
        self._read = {name: _reader(read, name) for name in self._columns}
        self._derived: dict[Any, Array] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns that can be reached from here."""
        return tuple(self._columns)

    def _has(self, column: Column) -> bool:
        return column.name in self._columns

    def _get(self, *wanted: Column) -> Array:
        """Return the first of `wanted` that exists."""
        for column in wanted:
            if column.name in self._columns:
                return self._read[column.name]()
        raise self._absent(wanted[0])

    def _absent(self, wanted: Column) -> DataError:
        alike = [c for c in self._columns.values() if c.quantity is wanted.quantity]
        if not alike and wanted.quantity is Quantity.SECONDS:
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
        found = {
            column.seed
            for column in self._columns.values()
            if (column.dataset, column.split, column.quantity, column.schedule) == series
        }
        return sorted(seed for seed in found if seed is not None)

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

    def _slice(self, column: Column, epoch: int) -> Array:
        """Return one epoch of a curve, contiguous and in double precision."""
        key = (column.name, epoch)
        if key not in self._derived:
            array = self._get(column)[:, epoch - 1].astype(np.float64)
            array.flags.writeable = False
            self._derived[key] = array
        return self._derived[key]

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
        return self._measured(_seen(metric, dataset, schedule, split), epoch, seed)

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
        series = _seen(metric, dataset, schedule, split)
        seeds = self._seeds(series) if seed is None else [seed]
        columns = [curve(series, one, epochs=schedule) for one in seeds or [0]]
        present = [column for column in columns if self._has(column)]
        if not present:
            raise self._absent(columns[0])
        if seed is not None:
            return self._get(present[0])
        return self._mean(("curve", series), [self._get(column) for column in present])

    def trials(self, dataset: str, schedule: int, metric: str = "accuracy") -> tuple[int, ...]:
        """Return the seeds whose own validation is known at the end of `schedule`."""
        series = _seen(metric, dataset, schedule)
        return tuple(one for one in self._seeds(series) if self._reaches(series, schedule, one))

    def epochs(self, dataset: str, schedule: int, metric: str = "accuracy") -> tuple[int, ...]:
        """Return the epochs of `schedule` after which validation is known, ascending."""
        series = _seen(metric, dataset, schedule)
        seeds = self._seeds(series)
        return tuple(
            epoch
            for epoch in range(1, schedule + 1)
            if self._has(after_epoch(series, epoch, None))
            or any(self._reaches(series, epoch, seed) for seed in seeds)
        )

    def query_seconds(
        self, dataset: str, schedule: int, seed: int | None = None
    ) -> NDArray[np.float64]:
        """Return the seconds of one query: the schedule and one validation pass.

        Shape (rows,), or (size of the space,) where costs are known per architecture. Of one
        seed, or the mean where single seeds have no costs of their own.
        """
        name = search_name(dataset)
        return self._get(query_seconds(name, schedule, seed), query_seconds(name, schedule, None))

    @property
    def query_seconds_fitted(self) -> bool:
        """Whether the cost of a query uses a fitted formula instead of measured seconds."""
        return any(
            column.fitted and column.quantity is Quantity.SECONDS
            for column in self._columns.values()
        )

    def epoch_seconds(
        self, dataset: str, schedule: int, seed: int | None = None
    ) -> NDArray[np.float64]:
        """Return the seconds of one training epoch, shape (rows,)."""
        return self._per_epoch(search_name(dataset), Split.TRAIN, schedule, seed)

    def validation_seconds(
        self, dataset: str, schedule: int, seed: int | None = None
    ) -> NDArray[np.float64]:
        """Return the seconds of one validation pass, shape (rows,)."""
        return self._per_epoch(search_name(dataset), Split.VALID, schedule, seed)

    def params(self, dataset: str) -> NDArray[np.int64]:
        """Return the number of weights as the benchmark records it, shape (rows,)."""
        return self._get(size(search_name(dataset), Quantity.PARAMS))

    def flops(self, dataset: str) -> NDArray[np.int64]:
        """Return multiply-adds of one forward pass, shape (rows,)."""
        return self._get(size(search_name(dataset), Quantity.FLOPS))

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
        names = (search_name(dataset), dataset)
        return self._get(*(hardware(name, quantity, device) for name in names))

    def _per_epoch(self, name: str, split: Split, schedule: int, seed: int | None) -> Array:
        common = per_epoch_seconds(name, split)
        if seed is None and not self._has(common):
            singles = [
                per_epoch_seconds(name, split, schedule=schedule, seed=one)
                for one in self._seeds(Series(name, split, Quantity.SECONDS, schedule))
            ]
            arrays = [self._get(column) for column in singles if self._has(column)]
            if arrays:
                return self._mean((name, split, schedule), arrays)
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
        return self._measured(_test_of("accuracy", dataset, schedule), epoch, seed)

    def mean(
        self, dataset: str, schedule: int = FINAL_SCHEDULE, metric: str = "accuracy"
    ) -> NDArray[np.floating[Any]]:
        """Return a metric on test at the end, mean over the seeds there are, shape (rows,)."""
        return self._measured(_test_of(metric, dataset, schedule), schedule, None)

    def trials(self, dataset: str, schedule: int = FINAL_SCHEDULE) -> tuple[int, ...]:
        """Return the seeds whose own test accuracy is known."""
        return tuple(self._seeds(_test_of("accuracy", dataset, schedule)))

    def count(self, dataset: str, schedule: int = FINAL_SCHEDULE) -> NDArray[np.integer[Any]]:
        """Return how many seeds the final test mean of each architecture has, shape (rows,)."""
        return self._get(seed_count(dataset, Split.TEST, schedule))

    def valid_mean(
        self, dataset: str, schedule: int = FINAL_SCHEDULE, metric: str = "accuracy"
    ) -> NDArray[np.floating[Any]]:
        """Return a metric on validation at the end, mean over seeds, shape (rows,)."""
        return self._measured(_seen(metric, dataset, schedule), schedule, None)


class Table:
    """An immutable benchmark table, from a file (`Table.open`) or from arrays."""

    def __init__(
        self, info: TableInfo, identity: str, read: Callable[[str], Array], path: Path | None
    ) -> None:
        """Take a described set of columns; use `open` or `from_columns`."""
        self.info = info
        self.hash = identity
        self.path = path
        self._read = read
        self.search = SearchColumns(
            info.name, (c for c in info.columns if _seen_by_search(c)), read
        )
        self.test = TestColumns(info.name, (c for c in info.columns if _seen_by_judge(c)), read)

    @classmethod
    def open(cls, path: Path) -> Table:
        """Memory-map a table file; `DataError` if it is missing, damaged or too new."""
        stored = StoredColumns(path)
        table = cls(stored.info, stored.hash, stored.array, path)
        table._check_shapes(f"table '{printable(path)}'")
        return table

    @classmethod
    def from_columns(cls, info: TableInfo, data: Mapping[str, Array]) -> Table:
        """Make a table of arrays in memory; `info.columns` describe them."""
        arrays = {column.name: data[column.name].view() for column in info.columns}
        for array in arrays.values():
            array.flags.writeable = False
        described = storage_order(describe(c, arrays[c.name]) for c in info.columns)
        info = info.model_copy(update={"columns": tuple(described)})
        for column in info.columns:
            check_values(column, arrays[column.name], f"table '{info.name}'")
        table = cls(info, hash_of(info), arrays.__getitem__, None)
        table._check_shapes(f"table '{info.name}'")
        return table

    def _check_shapes(self, where: str) -> None:
        """Raise `DataError` unless columns, rows and the map of rows belong together."""
        try:
            size = get_enumerable(self.info.space).size
        except InvalidInput:
            return  # of a space that this version does not know: nothing is looked up in it
        if not (self.info.rows >= 0 and 0 <= self.info.cells <= size):
            raise DataError(
                f"{where}: it says it has {self.info.rows} rows, {self.info.cells} cells"
            )
        for column in self.info.columns:
            check_shape(column, self.info.rows, size, where)
        rows = self.rows
        if rows is not None and not (rows.dtype.kind in "iu" and rows.max() < self.info.rows):
            raise DataError(f"{where}: column '{ROWS}' points beyond the {self.info.rows} rows")
        if rows is None and self.info.rows != size:
            raise DataError(
                f"{where}: {self.info.rows} rows for {size} architectures, and no column '{ROWS}'"
            )

    @property
    def name(self) -> str:
        """The table's short name."""
        return self.info.name

    @property
    def space(self) -> EnumerableSpace:
        """The space whose architectures the table knows."""
        try:
            return get_enumerable(self.info.space)
        except InvalidInput as error:
            raise DataError(f"table '{self.name}' is about another space: {error}") from error

    @property
    def rows(self) -> NDArray[np.integer[Any]] | None:
        """Stored row of every architecture index, or None where they are the same."""
        if any(column.name == ROWS for column in self.info.columns):
            return self._read(ROWS)
        return None

    def save(self, path: str | Path) -> None:
        """Write the table to a file, atomically; the same table gives the same bytes."""
        write_table(Path(path), self.info, {c.name: self._read(c.name) for c in self.info.columns})

    def verify(self) -> None:
        """Check every byte against its SHA-256; `DataError` names what is damaged."""
        if self.path is not None:
            StoredColumns(self.path).verify()

    def to_pandas(self, *, curves: bool = False) -> pandas.DataFrame:
        """Return all rows as a data frame, one per architecture, indexed by official index.

        The first column is the official string, the others are named as in the table; with
        `curves`, a curve becomes one column per epoch (`.../curve/accuracy/seed777/ep12`).
        """
        import pandas  # half a second, paid by who asks for a frame

        space, rows = self.space, self.rows
        frame: dict[str, Any] = {"architecture": [space.format(one) for one in space.architectures]}
        for column in sorted(self.info.columns, key=lambda c: c.name):
            if column.name == ROWS or (column.curve and not curves):
                continue
            array = self._read(column.name)
            array = per_architecture(array, rows)
            if column.curve:
                for epoch in range(array.shape[1]):
                    frame[f"{column.name}/ep{epoch + 1}"] = array[:, epoch]
            else:
                frame[column.name] = array
        return pandas.DataFrame(frame, index=pandas.RangeIndex(space.size, name="index"))


def _seen(metric: str, dataset: str, schedule: int, split: Split = Split.VALID) -> Series:
    """Return what a search may see of a metric on a data set, under a schedule."""
    return Series(search_name(dataset), split, _quantity(metric), schedule)


def _test_of(metric: str, dataset: str, schedule: int) -> Series:
    return Series(dataset, Split.TEST, _quantity(metric), schedule)


def _quantity(metric: str) -> Quantity:
    if metric not in tuple(Quantity):
        raise DataError(f"no table has the metric {shown(metric)}: use accuracy or loss")
    return Quantity(metric)


def _seen_by_search(column: Column) -> bool:
    return column.split in (Split.TRAIN, Split.VALID, None) and column.name != ROWS


def _seen_by_judge(column: Column) -> bool:
    return column.split in (Split.TEST, Split.VALID)


def search_name(dataset: str) -> str:
    """Return the official name of what a search sees of a data set."""
    return _SEARCH_NAMES.get(dataset, dataset)


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
    comes on top.
    """
    dataset, schedule, epochs = signal
    seconds = per_architecture(columns.query_seconds(dataset, schedule, seed), rows)
    if epochs < schedule:
        each = per_architecture(columns.epoch_seconds(dataset, schedule, seed), rows)
        seconds = seconds - (schedule - epochs) * each
    return np.asarray(seconds, dtype=np.float64)


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

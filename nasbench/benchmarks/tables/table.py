"""A benchmark's numbers: immutable rows of architectures, and columns with a known split.

`Table` has no method that returns a column by its name. `Table.every` is for the stand-ins of other
libraries (`nasbench.compat`) alone. `Table.search` gives what a search may see
(training, validation, costs, sizes; never a number measured on a test image), `Table.test` gives
what the judge reads after the search: see `nasbench.benchmarks.tables.views`. The file is
described in `nasbench.benchmarks.tables.format`, what it says of itself in
`nasbench.benchmarks.tables.info`, the names of columns in `nasbench.benchmarks.tables.columns`.

`Table.rows` maps an architecture's index to its row; it is None where row and index are equal. A
table that has few architectures of a large space may be a pool: it stores their indices in the
space, and `Table.space` then has these architectures only, numbered as the rows are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from nasbench.benchmarks.tables.base import metrics_of
from nasbench.benchmarks.tables.columns import INDICES, ROWS
from nasbench.benchmarks.tables.costs import per_architecture
from nasbench.benchmarks.tables.every import EveryColumn
from nasbench.benchmarks.tables.format import StoredColumns, storage_order, write_table
from nasbench.benchmarks.tables.info import Array, Column, Split, TableInfo, describe, hash_of
from nasbench.benchmarks.tables.values import check_shape, check_values
from nasbench.benchmarks.tables.views import SearchColumns, TestColumns
from nasbench.errors import DataError, InvalidInput
from nasbench.problem import Metric
from nasbench.spaces import get_enumerable
from nasbench.spaces.base import EnumerableSpace
from nasbench.spaces.subspace import Subspace
from nasbench.text import printable

if TYPE_CHECKING:
    import numpy as np
    import pandas


class Table:
    """An immutable benchmark table, read from a file (`open`) or made from arrays.

    `search` and `test` are the views for a search and for the judge; `info` describes the table;
    `hash` is its SHA-256; `path` is its file, None for a table in memory.
    """

    def __init__(
        self, info: TableInfo, identity: str, read: Callable[[str], Array], path: Path | None
    ) -> None:
        """Use `open` or `from_columns` instead; `read` returns the array of a column's name."""
        self.info = info
        self.hash = identity
        self.path = path
        self._read = read
        self._pool: Subspace | None = None
        self.search = SearchColumns(info, (c for c in info.columns if _seen_by_search(c)), read)
        self.test = TestColumns(info, (c for c in info.columns if _seen_by_judge(c)), read)

    @classmethod
    def open(cls, path: Path) -> Table:
        """Memory-map a table file; `DataError` if it is missing, damaged or of a newer schema."""
        stored = StoredColumns(path)
        table = cls(stored.info, stored.hash, stored.array, path)
        table._check_shapes(f"table '{printable(path)}'")
        return table

    @classmethod
    def described(cls, path: Path) -> Table:
        """Open a table of which only the description is needed: of its data nothing is read.

        `DataError` if the file is missing, no table, of a newer schema, or if its header is
        damaged. A column that is read nevertheless is checked then.
        """
        stored = StoredColumns(path, whole=False)
        return cls(stored.info, stored.hash, stored.array, path)

    @classmethod
    def from_columns(cls, info: TableInfo, data: Mapping[str, Array]) -> Table:
        """Make a table from arrays in memory; `data` maps the names in `info.columns` to them.

        An array has shape (rows,) or (size of the space,); a curve has a second axis of epochs.
        Raises `DataError` for a number out of bounds or for shapes that do not fit together.
        """
        arrays = {column.name: data[column.name].view() for column in info.columns}
        for array in arrays.values():
            array.flags.writeable = False
        described = storage_order(describe(c, arrays[c.name]) for c in info.columns)
        info = info.model_copy(update={"columns": tuple(described)})
        for column in info.columns:
            check_values(column, arrays[column.name], f"table '{info.name}'", info.metrics)
        table = cls(info, hash_of(info), arrays.__getitem__, None)
        table._check_shapes(f"table '{info.name}'")
        return table

    def _check_shapes(self, where: str) -> None:
        """Raise `DataError` unless the shapes of columns and the row map fit together."""
        try:
            size = self._space().size
        except InvalidInput:
            return  # an unknown space: no architecture of it can be looked up
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
    def metrics(self) -> tuple[Metric, ...]:
        """The metrics that its training, validation and test columns measure."""
        return metrics_of(self.info)

    @property
    def space(self) -> EnumerableSpace:
        """The space of the table's architectures; `DataError` if that space is unknown.

        That of a pool has the pool's architectures only.
        """
        try:
            return self._space()
        except InvalidInput as error:
            raise DataError(f"table '{self.name}' is about another space: {error}") from error

    @property
    def has_test(self) -> bool:
        """Whether the table has any test value; if not, the judge reads validation alone."""
        return self.test.has_test

    @property
    def is_pool(self) -> bool:
        """Whether only the architectures of the table can be searched."""
        return any(column.name == INDICES for column in self.info.columns)

    @property
    def coverage(self) -> str:
        """How many architectures of the whole space it has: `6 of 15,625 architectures`."""
        space = self.space
        whole = space.whole.size if isinstance(space, Subspace) else space.size
        return f"{self.info.cells:,} of {whole:,} architectures"

    def _space(self) -> EnumerableSpace:
        whole = get_enumerable(self.info.space)
        if not self.is_pool:
            return whole
        if self._pool is None:
            self._pool = Subspace(whole, self._read(INDICES))
        return self._pool

    @property
    def rows(self) -> NDArray[np.integer[Any]] | None:
        """Stored row of every architecture, shape (size of the space,), in index order.

        None where row and index are equal.
        """
        if any(column.name == ROWS for column in self.info.columns):
            return self._read(ROWS)
        return None

    @cached_property
    def every(self) -> EveryColumn:
        """A view of all columns, which answers in other libraries' names: see `EveryColumn`."""
        return EveryColumn(self.info, self._read, self.rows, self.space.size)

    def save(self, path: str | Path) -> None:
        """Write the table to a file atomically; the same table always gives the same bytes.

        Raises `DataError` if the file cannot be written.
        """
        write_table(Path(path), self.info, {c.name: self._read(c.name) for c in self.info.columns})

    def verify(self) -> None:
        """Check every byte against its SHA-256; `DataError` names what is damaged."""
        if self.path is not None:
            StoredColumns(self.path).verify()

    def to_pandas(self, *, curves: bool = False) -> pandas.DataFrame:
        """Return the table as a data frame with one row per architecture, in index order.

        The first column is the architecture's text; the others have the names of the table's
        columns. Curves are left out; with `curves`, each becomes one column per epoch
        (`.../curve/accuracy/seed777/ep12`).
        """
        import pandas  # takes half a second, so only this method imports it

        space, rows = self.space, self.rows
        frame: dict[str, Any] = {"architecture": [space.format(one) for one in space.architectures]}
        for column in sorted(self.info.columns, key=lambda c: c.name):
            if column.name in (ROWS, INDICES) or (column.curve and not curves):
                continue
            array = self._read(column.name)
            array = per_architecture(array, rows)
            if column.curve:
                for epoch in range(array.shape[1]):
                    frame[f"{column.name}/ep{epoch + 1}"] = array[:, epoch]
            else:
                frame[column.name] = array
        return pandas.DataFrame(frame, index=pandas.RangeIndex(space.size, name="index"))


def _seen_by_search(column: Column) -> bool:
    return column.split in (Split.TRAIN, Split.VALID, None) and column.name not in (ROWS, INDICES)


def _seen_by_judge(column: Column) -> bool:
    return column.split in (Split.TEST, Split.VALID)

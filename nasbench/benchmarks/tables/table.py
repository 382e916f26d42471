"""A benchmark's numbers: one immutable row per architecture, columns that know their split.

`Table` hands out no column by its name. `Table.search` is what a search may see (training,
validation, costs, sizes; never a number measured on a test image), `Table.test` is what the
judge reads after the search: see `nasbench.benchmarks.tables.views`. The file is described in
`nasbench.benchmarks.tables.format`, the names of columns in `nasbench.benchmarks.tables.columns`.

`Table.rows` maps an architecture's index to its row, None where row and index are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from nasbench.benchmarks.tables.columns import ROWS
from nasbench.benchmarks.tables.format import (
    Array,
    Column,
    Split,
    StoredColumns,
    TableInfo,
    describe,
    hash_of,
    storage_order,
    write_table,
)
from nasbench.benchmarks.tables.values import check_shape, check_values
from nasbench.benchmarks.tables.views import (
    SearchColumns,
    TestColumns,
    metrics_of,
    per_architecture,
)
from nasbench.errors import DataError, InvalidInput
from nasbench.problem import Metric
from nasbench.spaces import get_enumerable
from nasbench.spaces.base import EnumerableSpace
from nasbench.text import printable

if TYPE_CHECKING:
    import numpy as np
    import pandas


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
        self.search = SearchColumns(info, (c for c in info.columns if _seen_by_search(c)), read)
        self.test = TestColumns(info, (c for c in info.columns if _seen_by_judge(c)), read)

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
            check_values(column, arrays[column.name], f"table '{info.name}'", info.metrics)
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
    def metrics(self) -> tuple[Metric, ...]:
        """What its columns of training, validation and test measure."""
        return metrics_of(self.info)

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


def _seen_by_search(column: Column) -> bool:
    return column.split in (Split.TRAIN, Split.VALID, None) and column.name != ROWS


def _seen_by_judge(column: Column) -> bool:
    return column.split in (Split.TEST, Split.VALID)

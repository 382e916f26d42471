"""Finished trainings on disk: one small Parquet file per group of cells and seed.

    shards/seed0-00042-1a2b3c4d.parquet    first cell of the group, hash of all its cells

One row per training: `cell` (the canonical index of its network class), `seed`, `diverged`,
and a list column per learning curve, float32, one number per epoch, NaN from the epoch on in
which a training diverged. The file's metadata hold the `identity` that shards of one table
must share, and their `origin`: versions, processor, threads, seconds. Shards of several
machines may lie in one folder or in several.
"""

import dataclasses
import hashlib
import json
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from nasbench.benchmarks.training.data import DataSet
from nasbench.benchmarks.training.recipes import Recipe
from nasbench.benchmarks.training.train import CURVES
from nasbench.errors import DataError, InvalidInput
from nasbench.files import RESULTS, atomic_write, readable
from nasbench.provenance import processor, version

SCHEMA = 1
_KEY = b"nasbench"
_LIBRARIES = ("torch", "numpy", "scikit-learn")


@dataclass(frozen=True)
class Identity:
    """What the shards of one table have in common."""

    space: str
    dataset: str
    data: str  # fingerprint
    recipe: Recipe
    precision: str = "float32"

    @classmethod
    def of(cls, space: str, data: DataSet, recipe: Recipe, precision: str) -> "Identity":
        """Take the fingerprint of `data`."""
        return cls(space, data.name, data.fingerprint(), recipe, precision)

    def to_json(self) -> dict[str, Any]:
        """Return plain values, as they come back from a file."""
        plain: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(self)))
        return {"schema": SCHEMA, **plain}

    def check(self, stored: Mapping[str, Any], path: Path) -> None:
        """Raise `InvalidInput`, naming the first difference, if `stored` is another identity."""
        there, here = _flat(stored), _flat(self.to_json())
        for key in [*here, *(key for key in there if key not in here)]:
            if there.get(key) != here.get(key):
                raise InvalidInput(
                    f"'{path}' is of another table: {key} is {_short(there.get(key))} there and "
                    f"{_short(here.get(key))} here; choose another --out"
                )


def origin(device: str, threads: int, wall_seconds: float) -> dict[str, Any]:
    """Return what is recorded of the machine and the software of a measurement."""
    return {
        "nasbench": version("nasbench"),
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in _LIBRARIES},
        "processor": processor(),
        "device": device,
        "threads": threads,
        "wall_seconds": round(wall_seconds, 3),
    }


@dataclass(frozen=True, eq=False)
class Trainings:
    """Trainings side by side; row i of every array is one of them, `epochs` numbers a curve."""

    cell: NDArray[np.int64]
    seed: NDArray[np.int64]
    diverged: NDArray[np.bool_]
    curves: Mapping[str, NDArray[np.float32]]
    origins: tuple[dict[str, Any], ...] = ()

    def __len__(self) -> int:
        """Count the trainings."""
        return len(self.cell)

    @property
    def pairs(self) -> set[tuple[int, int]]:
        """What is there, as (cell, seed)."""
        return set(zip(self.cell.tolist(), self.seed.tolist(), strict=True))


def shard_path(folder: Path, cells: Sequence[int], seed: int) -> Path:
    """Return where the shard of these canonical cells and this seed lies."""
    digest = hashlib.sha256(repr(tuple(cells)).encode()).hexdigest()[:8]
    return folder / f"seed{seed}-{cells[0]:05d}-{digest}.parquet"


def write_shard(folder: Path, trainings: Trainings, identity: Identity) -> Path:
    """Write trainings of one seed and one origin, atomically; `StoreError` if the disk refuses."""
    columns: dict[str, pa.Array] = {
        "cell": pa.array(trainings.cell, pa.int32()),
        "seed": pa.array(trainings.seed, pa.int32()),
        "diverged": pa.array(trainings.diverged),
    }
    for name in CURVES:
        curve = np.ascontiguousarray(trainings.curves[name], dtype=np.float32)
        offsets = np.arange(len(curve) + 1, dtype=np.int32) * curve.shape[1]
        columns[name] = pa.ListArray.from_arrays(pa.array(offsets), pa.array(curve.ravel()))
    about = {"identity": identity.to_json(), "origin": trainings.origins[0]}
    path = shard_path(folder, trainings.cell.tolist(), int(trainings.seed[0]))
    write_parquet(path, columns, about)
    return path


def write_parquet(path: Path, columns: Mapping[str, pa.Array], about: Mapping[str, Any]) -> None:
    """Write a small compressed file that says what it is; `StoreError` if the disk refuses."""
    table = pa.table(dict(columns)).replace_schema_metadata({_KEY: json.dumps(about)})
    sink = pa.BufferOutputStream()  # pyarrow hides the reason when a disk is full: Python writes
    pq.write_table(table, sink, compression="zstd", use_dictionary=False, write_statistics=False)
    with atomic_write(path, RESULTS) as file:
        file.write(sink.getvalue())


def read_parquet(path: Path) -> tuple[pa.Table, dict[str, Any]]:
    """Return a file's columns and what it says it is; `DataError` if it is damaged."""
    try:
        table = pq.ParquetFile(readable(path)).read()  # read_table would load pyarrow.dataset first
        about: dict[str, Any] = json.loads(table.schema.metadata[_KEY])
        return table, {"identity": about["identity"], "origin": about["origin"]}
    except (pa.ArrowException, OSError, KeyError, TypeError, ValueError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise DataError(
            f"'{path}' cannot be read ({reason}): delete it and go on, what it held is done again"
        ) from error


def read_shards(folders: Iterable[Path], identity: Identity) -> Trainings:
    """Read all shards of some folders, ordered by seed and cell, each training once.

    Of a training that is there twice, the one in the first folder and file by name is kept.
    Raises `InvalidInput` for a shard of another recipe or other data, `DataError` for a
    damaged one.
    """
    parts, origins = [], []
    for folder in folders:
        for path in sorted(folder.glob("seed*.parquet")):
            table, about = read_parquet(path)
            identity.check(about["identity"], path)
            parts.append(_trainings(table, identity.recipe.epochs, path))
            origins.append({**about["origin"], "trainings": len(table)})
    if not parts:
        parts.append(_none(identity.recipe.epochs))
    cell = np.concatenate([part.cell for part in parts])
    seed = np.concatenate([part.seed for part in parts])
    _, kept = np.unique(np.stack([seed, cell], axis=1), axis=0, return_index=True)
    return Trainings(
        cell[kept],
        seed[kept],
        np.concatenate([part.diverged for part in parts])[kept],
        {name: np.concatenate([part.curves[name] for part in parts])[kept] for name in CURVES},
        tuple(origins),
    )


def _trainings(table: pa.Table, epochs: int, path: Path) -> Trainings:
    try:
        curves = {
            name: table[name].combine_chunks().flatten().to_numpy().reshape(len(table), epochs)
            for name in CURVES
        }
        cell, seed, diverged = (
            table[name].to_numpy(zero_copy_only=False) for name in ("cell", "seed", "diverged")
        )
    except (KeyError, ValueError) as error:
        raise DataError(
            f"'{path}' has other columns than a shard: delete it and go on, "
            "what it held is done again"
        ) from error
    return Trainings(cell.astype(np.int64), seed.astype(np.int64), diverged.astype(bool), curves)


def _none(epochs: int) -> Trainings:
    integers = np.zeros(0, dtype=np.int64)
    curves = {name: np.zeros((0, epochs), dtype=np.float32) for name in CURVES}
    return Trainings(integers, integers, np.zeros(0, dtype=bool), curves)


def _flat(data: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in data.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat


def _short(value: object) -> str:
    """Write a value; of a fingerprint the first digits."""
    text = str(value)
    return text if len(text) <= 40 else f"{text[:12]}…"

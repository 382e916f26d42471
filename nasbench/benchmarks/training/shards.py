"""Shards: finished trainings on disk, one small Parquet file per group of cells and seed.

    shards/seed0-00042-1a2b3c4d.parquet    seed, first cell of the group, hash of all its cells

A shard has one row per training: `cell` (the canonical index of its network class), `seed`,
`diverged`, and a list column per learning curve, float32, one number per epoch. A curve is NaN from
the epoch in which its training diverged. The file's metadata contain the `identity` that all shards
of one table share, and the `origin`: versions, processor, threads, seconds. Shards of several
machines may be in one folder or in several. A shard that is read is checked: its bytes against a
hash (see `parquet`), and its values for being possible.
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
from numpy.typing import NDArray

from nasbench.benchmarks.training.data import DataSet
from nasbench.benchmarks.training.recipes import Recipe
from nasbench.benchmarks.training.train import CURVES
from nasbench.errors import DataError, InvalidInput
from nasbench.files import RESULTS, atomic_write
from nasbench.parquet import Unreadable, from_parquet, to_parquet
from nasbench.provenance import processor, version
from nasbench.spaces import get_enumerable
from nasbench.spaces.networks.base import networks_of

SCHEMA = 1
_GROUP = "group"
_LAYOUT, _OLDEST_LAYOUT = "layout", "channels"
_LATER = (_GROUP, "threads", _LAYOUT)
"""Fields of an identity that the oldest shards do not have, and that costs do not depend on."""
_OPTIONS = (_GROUP, _LAYOUT)
"""Fields that an option of the command line has the name of."""
_LIBRARIES = ("torch", "numpy", "scikit-learn")


@dataclass(frozen=True)
class Identity:
    """What all shards of one table must share."""

    space: str
    dataset: str
    data: str  # fingerprint
    recipe: Recipe
    precision: str = "float32"
    group: int | None = None
    """Number of networks trained at once; another number adds sums in another order, so their last
    bits differ. None where it is not stated."""
    threads: int | None = None
    """CPU threads of a worker, for the same reason; None where no CPU trains."""
    layout: str | None = None
    """How a group is computed, for the same reason (one of `grouped.LAYOUTS`); None for costs."""

    @classmethod
    def of(
        cls, space: str, data: DataSet, recipe: Recipe, precision: str,
        group: int | None = None, threads: int | None = None, layout: str | None = None,
    ) -> "Identity":  # fmt: skip
        """Return the identity of shards of `data`, from its name and fingerprint."""
        fingerprint = data.fingerprint()
        return cls(space, data.name, fingerprint, recipe, precision, group, threads, layout)

    def to_json(self) -> dict[str, Any]:
        """Return plain values in the form that a file gives back.

        Fields that are None are left out, and so is the layout of shards that do not state one.
        """
        plain = self._plain()
        if plain.get(_LAYOUT) == _OLDEST_LAYOUT:
            del plain[_LAYOUT]
        return {"schema": SCHEMA, **plain}

    def _plain(self) -> dict[str, Any]:
        plain: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(self)))
        return {
            name: value for name, value in plain.items() if not (name in _LATER and value is None)
        }

    def check(self, stored: Mapping[str, Any], path: Path) -> None:
        """Raise `InvalidInput`, which names the first difference, if `stored` is another identity.

        `group`, `threads` and `layout` are compared only if both identities have them.
        """
        there, here = _flat(stored), _flat({"schema": SCHEMA, **self._plain()})
        for key in [*here, *(key for key in there if key not in here)]:
            if key in _LATER and not (key in here and key in there):
                continue
            if there.get(key) != here.get(key):
                same = f", or use --{key} {_short(there.get(key))}" if key in _OPTIONS else ""
                raise InvalidInput(
                    f"'{path}' is of another table: {key} is {_short(there.get(key))} there and "
                    f"{_short(here.get(key))} here; choose another --out{same}"
                )


def origin(device: str, threads: int, wall_seconds: float) -> dict[str, Any]:
    """Return the record of the machine and the software of a measurement."""
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
    """n trainings; entry i of every array is of training i.

    `cell`, `seed` and `diverged` have shape (n,); `curves` maps names to arrays (n, epochs).
    """

    cell: NDArray[np.int64]
    seed: NDArray[np.int64]
    diverged: NDArray[np.bool_]
    curves: Mapping[str, NDArray[np.float32]]
    origins: tuple[dict[str, Any], ...] = ()

    def __len__(self) -> int:
        """Return the number of trainings."""
        return len(self.cell)

    @property
    def pairs(self) -> set[tuple[int, int]]:
        """The (cell, seed) of every training."""
        return set(zip(self.cell.tolist(), self.seed.tolist(), strict=True))


def shard_path(folder: Path, cells: Sequence[int], seed: int) -> Path:
    """Return the path of the shard of these canonical cells and this seed."""
    digest = hashlib.sha256(repr(tuple(cells)).encode()).hexdigest()[:8]
    return folder / f"seed{seed}-{cells[0]:05d}-{digest}.parquet"


def write_shard(folder: Path, trainings: Trainings, identity: Identity) -> Path:
    """Write trainings of one seed and one origin atomically; return the path.

    Raises `StoreError` if the file cannot be written.
    """
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
    """Write columns and metadata to a compressed file; `StoreError` if it cannot be written."""
    content = to_parquet(
        pa.table(dict(columns)), about, use_dictionary=False, write_statistics=False
    )
    with atomic_write(path, RESULTS) as file:
        file.write(content)


def read_parquet(path: Path) -> tuple[pa.Table, dict[str, Any]]:
    """Return a file's columns and its identity and origin; `DataError` if it is damaged."""
    try:
        table, about = from_parquet(path)
        _check_about(about)
    except (Unreadable, ValueError) as error:
        raise damaged(path, error) from error
    return table, {"identity": about["identity"], "origin": about["origin"]}


def damaged(path: Path, reason: object) -> DataError:
    """Return the one-line error for a damaged file of trainings or costs."""
    return DataError(
        f"'{path}' cannot be read ({reason}): delete it and go on, what it held is done again"
    )


def _check_about(about: Mapping[str, Any]) -> None:
    """Raise `ValueError` unless a file's metadata have an identity and a complete origin."""
    if not all(isinstance(about.get(name), dict) for name in ("identity", "origin")):
        raise ValueError("it does not say what it is of")
    found = about["origin"]
    texts = [found.get(name) for name in ("processor", "device")]
    libraries = found.get("libraries")
    if not all(isinstance(text, str) for text in texts) or not isinstance(libraries, dict):
        raise ValueError("it does not say where it was made")
    if "torch" not in libraries or not isinstance(found.get("threads"), int):
        raise ValueError("it does not say with what it was made")


def read_shards(folders: Iterable[Path], identity: Identity) -> Trainings:
    """Read all shards of some folders; return their trainings ordered by seed and cell.

    If a training is in several shards, the one in the first folder, and there in the first file by
    name, is returned. Raises `InvalidInput` for a shard of another identity, `DataError` for a
    damaged one.
    """
    parts, origins = [], []
    for folder in folders:
        for path in sorted(folder.glob("seed*.parquet")):
            table, about = read_parquet(path)
            _check_identity(identity, about, len(table), path)
            parts.append(_trainings(table, identity, path))
            said = {"group": about["identity"][_GROUP]} if _GROUP in about["identity"] else {}
            origins.append({**about["origin"], "trainings": len(table), **said})
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


def _check_identity(
    identity: Identity, about: Mapping[str, Any], trainings: int, path: Path
) -> None:
    """Check the identity of a shard.

    An old shard does not state threads and group: its origin's threads are used, and its number of
    trainings, if that is too large for the group. A shard without a layout has the oldest one.
    """
    stored = {
        "threads": about["origin"]["threads"],
        _LAYOUT: _OLDEST_LAYOUT,
        **about["identity"],
    }
    if "group" not in stored and trainings > (identity.group or trainings):
        stored["group"] = trainings
    identity.check(stored, path)


def _trainings(table: pa.Table, identity: Identity, path: Path) -> Trainings:
    """Return the trainings of a shard; `DataError` for values that no such training has."""
    try:
        curves = {name: _curve(table, name, identity.recipe.epochs) for name in CURVES}
        cell, seed = (_whole(table, name) for name in ("cell", "seed"))
        lost = table["diverged"]
        if lost.type != pa.bool_() or lost.null_count:
            raise ValueError("column 'diverged' is not of truth values")
        diverged = lost.to_numpy().astype(bool)
        if not (
            len(cell) and np.isin(cell, networks_of(get_enumerable(identity.space)).classes).all()
        ):
            raise ValueError("column 'cell' has what is no cell of the space")
        if len(np.unique(seed)) != 1 or len(np.unique(cell)) != len(cell) or seed.min() < 0:
            raise ValueError("columns 'cell' and 'seed' name a training twice, or several seeds")
        _check_curves(curves, diverged)
    except (KeyError, ValueError, pa.ArrowException) as error:
        raise damaged(path, " ".join(str(error).split())) from error
    return Trainings(cell, seed, diverged, curves)


def _whole(table: pa.Table, name: str) -> NDArray[np.int64]:
    column = table[name]
    if not pa.types.is_integer(column.type) or column.null_count:
        raise ValueError(f"column '{name}' is not of whole numbers")
    return np.asarray(column.cast(pa.int64()).to_numpy())


def _curve(table: pa.Table, name: str, epochs: int) -> NDArray[np.float32]:
    column = table[name].combine_chunks()
    if column.type != pa.list_(pa.float32()) or column.null_count:
        raise ValueError(f"column '{name}' is not of learning curves")
    values = column.flatten()
    lengths = np.diff(column.offsets.to_numpy())
    if values.null_count or (lengths != epochs).any():
        raise ValueError(f"column '{name}' has curves of other lengths than {epochs} epochs")
    return np.asarray(values.to_numpy().reshape(len(table), epochs))


def _check_curves(curves: Mapping[str, NDArray[np.float32]], diverged: NDArray[np.bool_]) -> None:
    """Raise `ValueError` for impossible values, and for NaN in a training that did not diverge.

    Only validation and test losses of such a training may be infinite or NaN.
    """
    if not np.array_equal(diverged, np.isnan(curves["train_loss"][:, -1])):
        raise ValueError("columns 'diverged' and 'train_loss' contradict each other")
    for name, curve in curves.items():
        unknown = np.isnan(curve)
        most = 100 if name.endswith("accuracy") else np.inf
        wrong = ~(unknown | ((curve >= 0) & (curve <= most)))
        if name == "train_loss" or name.endswith("accuracy"):
            wrong |= unknown & ~diverged[:, None]
        if wrong.any():
            row, epoch = np.argwhere(wrong)[0]
            raise ValueError(
                f"column '{name}', row {row}: {curve[row, epoch]} in epoch {epoch + 1}"
            )


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
    """Return a value as text, with only the first digits of a fingerprint."""
    text = str(value)
    return text if len(text) <= 40 else f"{text[:12]}…"

"""Measured scores of zero-cost proxies: what a table's networks score before any training.

A file holds the scores of a table's architectures on one data set and what each score cost. It is
in `proxies/` of the data folder, beside the installed tables, or in `shipped/`. Its name is made of
those of the table and the data set: `digits.digits.parquet`. It is a sealed Parquet file (see
`nasbench.parquet`) with two columns for each proxy, in the order of the space's indices, and with
`About` in its metadata.

`nasbench data proxies` measures them; this module needs no torch.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from nasbench.benchmarks import places
from nasbench.benchmarks.places import data_folder
from nasbench.benchmarks.tables.info import first_mistake
from nasbench.errors import DataError
from nasbench.files import atomic_write
from nasbench.text import printable

if TYPE_CHECKING:
    from nasbench.benchmarks.tables.table import Table

SUFFIX = ".parquet"
SCHEMA = 1
"""The newest schema that is read, and the one that is written."""
_SCORE, _SECONDS = "score/", "seconds/"
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")

Floats = NDArray[np.float64]


class About(BaseModel):
    """How the scores of a file were measured."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = SCHEMA
    table: str
    dataset: str
    space: str
    size: int
    """Number of architectures of the table's space."""
    seed: int
    """Seed of initial weights, of images and of noise."""
    batch: int
    """Number of images of the minibatch, 0 where no network was scored."""
    images: str
    """What the images are: training images of the data set, or noise."""
    fingerprint: str = ""
    """That of the data set, empty for noise."""
    recipe: str
    """The recipe whose networks are scored."""
    channels: int
    cells: int
    initialisation: str
    """A value of `networks.base.Initialisation`."""
    device: str
    processor: str
    threads: int
    torch: str
    wall: Mapping[str, float]
    """Wall seconds of each proxy, summed over all measured networks."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Proxies:
    """Scores of zero-cost proxies for a table's architectures on one data set, and their costs.

    `scores` and `seconds` map each of `names` to arrays of shape (size,), in the order of the
    indices of the table's space. Larger scores are better, for every proxy. A score of minus
    infinity means a network that has none: it is dead, or its score is no finite number. NaN means
    that it was not measured. `seconds` are what one score costs: CPU seconds at the time of the
    measurement, stored so that every replay charges the same; they are 0 for a score that follows
    from the architecture without a network, and NaN where there is no score.
    """

    names: tuple[str, ...]
    scores: Mapping[str, Floats]
    seconds: Mapping[str, Floats]
    info: About

    @property
    def table(self) -> str:
        """Name of the table whose architectures are scored."""
        return self.info.table

    @property
    def dataset(self) -> str:
        """Name of the data set, as a search names it."""
        return self.info.dataset

    @cached_property
    def measured(self) -> int:
        """Number of architectures that have a score of every proxy."""
        return int((~np.isnan([self.scores[name] for name in self.names])).all(axis=0).sum())

    @cached_property
    def digest(self) -> str:
        """SHA-256 of all that is stored: how it was measured, the scores, the seconds."""
        text = json.dumps(self.info.model_dump(mode="json"), sort_keys=True)
        found = hashlib.sha256(text.encode())
        for name in self.names:
            for values in (self.scores[name], self.seconds[name]):
                found.update(f"\0{name}\0".encode())
                found.update(np.ascontiguousarray(values, dtype="<f8").tobytes())
        return found.hexdigest()


def find_proxies(table: "Table | str", dataset: str) -> Proxies | None:
    """Return the installed measurement for a data set of a table, None if there is none.

    One of the data folder has precedence over one that comes with the package. Raises `DataError`
    if the file is damaged or, for a `Table`, if it is of other architectures.
    """
    name = table if isinstance(table, str) else table.name
    for folder in (proxies_folder(), places.SHIPPED):
        path = folder / file_name(name, dataset)
        if path.is_file():
            found = read_proxies(path)
            if (found.table, found.dataset) != (name, dataset):
                raise _damaged(path, f"it is of '{found.dataset}' of table '{found.table}'")
            if not isinstance(table, str):
                _check_space(found, table, path)
            return found
    return None


def proxies_folder() -> Path:
    """Return the folder of a user's own measurements, in the data folder; it may not exist."""
    return data_folder() / "proxies"


def file_name(table: str, dataset: str) -> str:
    """Return the name of the file for a data set of a table.

    A data set whose name is not plain, such as that of a user's folder, is named by a part of its
    name and the beginning of its SHA-256.
    """
    if not _PLAIN.fullmatch(dataset):
        plain = re.sub(r"[^A-Za-z0-9_-]+", "-", dataset).strip("-")[-40:]
        dataset = f"{plain}-{hashlib.sha256(dataset.encode()).hexdigest()[:12]}"
    return f"{table}.{dataset}{SUFFIX}"


def write_proxies(path: Path, proxies: Proxies) -> None:
    """Write a measurement atomically; raises `DataError` if it is invalid or cannot be written.

    Numbers that single precision holds exactly are stored in it, so that what is read back is equal
    to the bit.
    """
    import pyarrow as pa

    from nasbench.parquet import to_parquet

    wrong = _mistake(proxies)
    if wrong:
        raise DataError(f"cannot write '{path}': {wrong}")
    columns = {}
    for name in proxies.names:
        columns[_SCORE + name] = pa.array(_narrow(proxies.scores[name]))
        columns[_SECONDS + name] = pa.array(_narrow(proxies.seconds[name]))
    about = proxies.info.model_dump(mode="json")
    with atomic_write(path) as file:
        file.write(to_parquet(pa.table(columns), about, compression_level=19))


def read_proxies(path: Path) -> Proxies:
    """Read the file that `write_proxies` wrote.

    Raises `DataError` if it is missing, damaged, or of a newer schema.
    """
    from nasbench.parquet import Unreadable, from_parquet

    try:
        columns, stored = from_parquet(path)
        version = stored.get("schema_version")
        if isinstance(version, int) and version > SCHEMA:
            raise DataError(
                f"proxies '{printable(path)}' have schema version {version}, this nasbench reads "
                f"up to {SCHEMA}: upgrade nasbench"
            )
        about = About.model_validate(stored)
        names = tuple(n.removeprefix(_SCORE) for n in columns.column_names if n.startswith(_SCORE))
        scores = {name: _wide(columns, _SCORE + name) for name in names}
        seconds = {name: _wide(columns, _SECONDS + name) for name in names}
    except ValidationError as error:
        where, why = first_mistake(error)
        raise _damaged(path, f"its description is invalid at '{where}' ({why})") from None
    except (Unreadable, KeyError, TypeError, ValueError) as error:
        raise _damaged(path, " ".join(str(error).split())) from error
    found = Proxies(names, scores, seconds, about)
    wrong = _mistake(found)
    if len(columns.column_names) != 2 * len(names):
        wrong = "it has columns without scores"
    if wrong:
        raise _damaged(path, wrong)
    return found


def _check_space(found: Proxies, table: "Table", path: Path) -> None:
    space = table.space
    if (found.info.space, found.info.size) != (space.name, space.size):
        raise DataError(
            f"proxies '{printable(path)}' are of {found.info.size:,} architectures of space "
            f"'{found.info.space}', table '{table.name}' has {space.size:,} of '{space.name}': "
            f"measure them again with `nasbench data proxies {table.name} --force`"
        )


def _mistake(proxies: Proxies) -> str:
    """Return what is wrong with a measurement's numbers; empty if nothing is."""
    if not proxies.names:
        return "it has no scores"
    for name in proxies.names:
        scores, seconds = proxies.scores[name], proxies.seconds[name]
        if not scores.shape == seconds.shape == (proxies.info.size,):
            return f"'{name}' has not one number for each of {proxies.info.size} architectures"
        if np.isposinf(scores).any():
            return f"'{name}' has an infinite score"
        there = ~np.isnan(scores)
        if (np.isnan(seconds) == there).any():
            return f"'{name}' has a score without seconds, or the reverse"
        if not (np.isfinite(seconds[there]) & (seconds[there] >= 0)).all():
            return f"'{name}' has seconds that are no finite number from 0"
    return ""


def _narrow(values: Floats) -> NDArray[Any]:
    """Return values in single precision if that changes none of them."""
    with np.errstate(over="ignore"):
        single = values.astype(np.float32)
    return single if np.array_equal(single.astype(np.float64), values, equal_nan=True) else values


def _wide(columns: Any, name: str) -> Floats:
    """Return a column in double precision, read-only; `ValueError` if it holds no numbers."""
    column = columns[name]
    if str(column.type) not in ("float", "double") or column.null_count:
        raise ValueError(f"column '{name}' does not hold a number for every architecture")
    values: Floats = column.to_numpy().astype(np.float64)
    values.flags.writeable = False
    return values


def _damaged(path: Path, reason: str) -> DataError:
    return DataError(
        f"proxies '{printable(path)}' are damaged ({reason}): remove the file and measure them "
        "again with `nasbench data proxies`"
    )

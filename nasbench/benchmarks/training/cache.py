"""Finished trainings on disk, one JSON file each, so that none is paid for twice.

Below the cache folder: `search/` holds what searches asked for, validation and nothing of
test, `final/` what judges read. A file is named by the SHA-256 of what was trained: network
class of the cell, seed, recipe, epochs, data, precision and kind of device. It is written
under a temporary name and renamed; several processes may share a cache.
"""

import hashlib
import json
import math
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from nasbench.benchmarks.catalogue import data_folder
from nasbench.benchmarks.training.recipes import Recipe
from nasbench.errors import DataError
from nasbench.files import atomic_write

CACHE_VARIABLE = "NASBENCH_TRAININGS"
SCHEMA = 1


@dataclass(frozen=True)
class Trained:
    """What one training has to be to be the same: everything its numbers depend on."""

    space: str
    cell: str
    """The first cell of the network class, as the space writes it."""
    seed: int
    recipe: Recipe
    epochs: int
    """Epochs trained; fewer than the recipe's is a schedule that was cut short."""
    data: str
    """Fingerprint of the data set."""
    precision: str
    device: str
    """Kind of device: a clock of seconds does not mix them."""

    def digest(self) -> str:
        """SHA-256 over all of it, the whole recipe too."""
        text = json.dumps({"schema": SCHEMA, **asdict(self)}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Finished:
    """A training as a search may know it: percent, and what it cost on the machine it ran on."""

    accuracy: float
    """Validation; 0.0 where it diverged."""
    loss: float | None
    seconds: float
    """Real seconds of its epochs and of one validation pass."""
    epochs: int
    diverged: bool
    machine: str

    def check(self) -> None:
        """Raise `ValueError` for numbers that no training gives."""
        _percent(self.accuracy)
        if not (math.isfinite(self.seconds) and self.seconds >= 0 and self.epochs >= 0):
            raise ValueError(f"{self.seconds} s, {self.epochs} epochs")


@dataclass(frozen=True)
class Judged:
    """A final training as a judge knows it: percent, None where it diverged."""

    valid: float | None
    test: float | None
    seconds: float
    machine: str

    def check(self) -> None:
        """Raise `ValueError` for numbers that no training gives."""
        for value in (self.valid, self.test):
            _percent(0.0 if value is None else value)


class _Record(Protocol):
    def check(self) -> None: ...


Record = TypeVar("Record", bound=_Record)


class Cache(Generic[Record]):
    """The finished trainings of one kind, in one folder."""

    def __init__(self, folder: Path, kind: type[Record]) -> None:
        """Keep records of `kind` in `folder`, which is made when the first one is kept."""
        self._folder, self._kind = folder, kind

    @classmethod
    def of_search(cls, folder: Path) -> "Cache[Finished]":
        """The part of a cache folder that searches read: no test number is in it."""
        return Cache(folder / "search", Finished)

    @classmethod
    def of_judge(cls, folder: Path) -> "Cache[Judged]":
        """The part of a cache folder that judges read."""
        return Cache(folder / "final", Judged)

    def find(self, training: Trained) -> Record | None:
        """Return the record of a training, None if it is not there.

        Raises `DataError` for a damaged file.
        """
        path = self._path(training)
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            record = self._kind(**content["result"])
            record.check()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise DataError(f"cannot read '{path}': {error.strerror or error}") from error
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(
                f"finished training '{path}' is damaged: remove it, it is trained again"
            ) from error
        return record

    def keep(self, training: Trained, record: Record) -> Record:
        """Write a record and return it, or the one that another process kept meanwhile.

        The first to finish is kept, so that every run is charged the same.
        """
        other = self.find(training)
        if other is not None:
            return other
        content: Mapping[str, Any] = {
            "schema": SCHEMA,
            "training": asdict(training),
            "result": vars(record),
        }
        with atomic_write(self._path(training)) as file:
            file.write(f"{json.dumps(content, indent=1, allow_nan=False)}\n".encode())
        return record

    def _path(self, training: Trained) -> Path:
        digest = training.digest()
        return self._folder / digest[:2] / f"{digest[2:34]}.json"


def cache_folder() -> Path:
    """Return where finished trainings are kept: NASBENCH_TRAININGS, or below the data folder."""
    chosen = os.environ.get(CACHE_VARIABLE)
    return Path(chosen).expanduser() if chosen else data_folder() / "trainings"


def _percent(value: float) -> None:
    if not 0 <= value <= 100:
        raise ValueError(f"accuracy {value} %")

"""A cache of finished trainings on disk, one JSON file each, so that none is trained twice.

In the cache folder, `search/` has the trainings of searches, with validation values and no test
values, and `final/` has those of judges. The name of a file is the SHA-256 of its key: space,
network class, seed, recipe, epochs, data, precision, kind of device and number of threads. A file
is written under a temporary name and then renamed, so several processes can share a cache. It
contains its own SHA-256 (see `seal`). A damaged file is renamed, and its training is done again.
"""

import errno
import hashlib
import json
import math
import os
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from typing import Any, Generic, Protocol, TypeGuard, TypeVar

from nasbench.benchmarks.places import data_folder
from nasbench.benchmarks.training.recipes import Recipe
from nasbench.errors import DataError
from nasbench.files import atomic_write, read_whole
from nasbench.seal import BLANK, check_seal, sealed

CACHE_VARIABLE = "NASBENCH_TRAININGS"
_NO_FILE = (errno.EISDIR, errno.ELOOP, errno.EIO)
"""Errors of a path that is not a regular file, or that the disk can no longer read."""
SCHEMA = 1


@dataclass(frozen=True)
class Trained:
    """The key of a training in the cache: everything that its numbers depend on."""

    space: str
    cell: str
    """The architecture that represents the network class, as the space writes it."""
    seed: int
    recipe: Recipe
    epochs: int
    """Epochs trained; if fewer than the recipe's, the schedule is cut short."""
    data: str
    """Fingerprint of the data set."""
    precision: str
    device: str
    """Kind of device, such as `cpu` or `cuda`; seconds of different kinds are not mixed."""
    threads: int = 1
    """CPU threads; another number adds sums in another order, so their last bits differ."""

    def digest(self) -> str:
        """Return the SHA-256 of all fields, with the whole recipe.

        `threads` is left out if it is 1, so that older files keep their names.
        """
        named = asdict(self)
        if self.threads == 1:
            del named["threads"]
        text = json.dumps({"schema": SCHEMA, **named}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Finished:
    """The result of a training for a search, without test values."""

    accuracy: float
    """Validation accuracy in percent; 0.0 if the training diverged."""
    loss: float | None
    """Mean cross entropy on validation; None if the training diverged."""
    seconds: float
    """Real seconds of its epochs and one validation pass, on the machine that it ran on."""
    epochs: int
    diverged: bool
    machine: str

    def check(self, training: Trained) -> None:
        """Raise `ValueError` or `TypeError` for values that `training` cannot have."""
        _percent(self.accuracy)
        _seconds(self.seconds)
        _text(self.machine)
        if type(self.epochs) is not int or not 1 <= self.epochs <= training.epochs:
            raise ValueError(f"epochs {self.epochs} of {training.epochs}")
        if type(self.diverged) is not bool or self.diverged != (self.loss is None):
            raise ValueError(f"diverged {self.diverged} with loss {self.loss}")
        if self.loss is not None and not (_is_number(self.loss) and self.loss >= 0):
            raise ValueError(f"loss {self.loss}")


@dataclass(frozen=True)
class Judged:
    """The result of a final training for a judge.

    `valid` and `test` are accuracies in percent, None if the training diverged.
    """

    valid: float | None
    test: float | None
    seconds: float
    machine: str

    def check(self, training: Trained) -> None:
        """Raise `ValueError` or `TypeError` for values that no training has."""
        if (self.valid is None) != (self.test is None):
            raise ValueError(f"validation {self.valid} with test {self.test}")
        for value in (self.valid, self.test):
            _percent(0.0 if value is None else value)
        _seconds(self.seconds)
        _text(self.machine)


class _Record(Protocol):
    def check(self, training: Trained) -> None: ...


Record = TypeVar("Record", bound=_Record)


def _on_stderr(line: str) -> None:
    if sys.stderr is not None:  # it may be closed
        print(f"nasbench: {line}", file=sys.stderr)


class Cache(Generic[Record]):
    """The finished trainings of one kind (`Finished` or `Judged`) in one folder."""

    def __init__(
        self, folder: Path, kind: type[Record], say: Callable[[str], None] = _on_stderr
    ) -> None:
        """Keep records of `kind` in `folder`, which is created for the first record.

        `say` is called with one line for each damaged file.
        """
        self._folder, self._kind, self._say = folder, kind, say

    @classmethod
    def of_search(cls, folder: Path) -> "Cache[Finished]":
        """Return the part of a cache folder that searches read; it has no test values."""
        return Cache(folder / "search", Finished)

    @classmethod
    def of_judge(cls, folder: Path) -> "Cache[Judged]":
        """Return the part of a cache folder that judges read."""
        return Cache(folder / "final", Judged)

    def find(self, training: Trained) -> Record | None:
        """Return the record of a training, None if there is no file or the file is damaged.

        A damaged file is renamed. Raises `DataError` for a file that cannot be read or renamed.
        """
        path = self._path(training)
        try:
            content = read_whole(path)
        except FileNotFoundError:
            return None
        except OSError as error:
            reason = error.strerror or str(error)
            if error.errno not in _NO_FILE:
                raise DataError(f"cannot read '{path}': {reason}") from error
            self._set_aside(path, reason)
            return None
        try:
            return self._record(content, training)
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            self._set_aside(path, " ".join(str(error).split())[:200])
            return None

    def _record(self, content: bytes, training: Trained) -> Record:
        """Read the record of `training`; raises one of four kinds of error if it is another."""
        check_seal(content)
        stored = json.loads(content.decode())
        if not isinstance(stored, dict) or stored["schema"] != SCHEMA:
            raise ValueError("it has another schema")
        if {"threads": 1, **stored["training"]} != json.loads(json.dumps(asdict(training))):
            raise ValueError("it is of another training than its name")
        record = self._kind(**stored["result"])
        record.check(training)
        return record

    def _set_aside(self, path: Path, reason: str) -> None:
        """Rename a damaged file, so that nothing is lost, and report it."""
        names = (path.with_name(f"{path.name}.damaged{number or ''}") for number in count())
        place = next(name for name in names if not (name.exists() or name.is_symlink()))
        line = f"finished training '{path}' is damaged ({reason})"
        try:
            path.rename(place)
        except FileNotFoundError:
            return  # another process has just renamed it
        except OSError as error:
            raise DataError(f"{line} and cannot be renamed: remove it") from error
        self._say(f"{line}: it is kept as '{place.name}' and trained again")

    def keep(self, training: Trained, record: Record) -> Record:
        """Write a record and return it; if another process has already kept one, return that.

        The first finished training is kept, so that every run is charged the same seconds.
        """
        other = self.find(training)
        if other is not None:
            return other
        content: dict[str, Any] = {
            "schema": SCHEMA,
            "training": asdict(training),
            "result": vars(record),
            "seal": BLANK,
        }
        text = f"{json.dumps(content, indent=1, allow_nan=False)}\n"
        with atomic_write(self._path(training)) as file:
            file.write(sealed(text.encode()))
        return record

    def _path(self, training: Trained) -> Path:
        digest = training.digest()
        return self._folder / digest[:2] / f"{digest[2:34]}.json"


def cache_folder() -> Path:
    """Return the folder of finished trainings: NASBENCH_TRAININGS, or one in the data folder."""
    chosen = os.environ.get(CACHE_VARIABLE)
    return Path(chosen).expanduser() if chosen else data_folder() / "trainings"


def _percent(value: object) -> None:
    if not (_is_number(value) and 0 <= value <= 100):
        raise ValueError(f"accuracy {value} %")


def _seconds(value: object) -> None:
    if not (_is_number(value) and value > 0):
        raise ValueError(f"{value} seconds")


def _text(value: object) -> None:
    if not isinstance(value, str):
        raise TypeError("its machine is no text")


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)

"""Finished trainings on disk, one JSON file each, so that none is paid for twice.

Below the cache folder: `search/` holds what searches asked for, validation and nothing of
test, `final/` what judges read. A file is named by the SHA-256 of what was trained: network
class of the cell, seed, recipe, epochs, data, precision and kind of device. It is written
under a temporary name and renamed; several processes may share a cache. It holds its own SHA-256
(see `seal`); one that is damaged is set aside under another name, and trained again.
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

from nasbench.benchmarks.catalogue import data_folder
from nasbench.benchmarks.training.recipes import Recipe
from nasbench.errors import DataError
from nasbench.files import atomic_write, read_whole
from nasbench.seal import BLANK, check_seal, sealed

CACHE_VARIABLE = "NASBENCH_TRAININGS"
_NO_FILE = (errno.EISDIR, errno.ELOOP, errno.EIO)
"""Errors of what lies where a file should be, or cannot be read from its disk any more."""
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
    threads: int = 1
    """Of a CPU: sums in another order differ in their last bits."""

    def digest(self) -> str:
        """SHA-256 over all of it, the whole recipe too; one thread has the name it always had."""
        named = asdict(self)
        if self.threads == 1:
            del named["threads"]
        text = json.dumps({"schema": SCHEMA, **named}, sort_keys=True)
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

    def check(self, training: Trained) -> None:
        """Raise `ValueError` for what `training` cannot have given."""
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
    """A final training as a judge knows it: percent, None where it diverged."""

    valid: float | None
    test: float | None
    seconds: float
    machine: str

    def check(self, training: Trained) -> None:
        """Raise `ValueError` for what no training gives."""
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
    """The finished trainings of one kind, in one folder."""

    def __init__(
        self, folder: Path, kind: type[Record], say: Callable[[str], None] = _on_stderr
    ) -> None:
        """Keep records of `kind` in `folder`, which is made when the first one is kept.

        `say` is told of entries that are damaged.
        """
        self._folder, self._kind, self._say = folder, kind, say

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

        A damaged file is set aside and is not there. Raises `DataError` for one that cannot be
        read or set aside.
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
        """Read an entry; any of four kinds of error where it is not one of `training`."""
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
        """Rename a damaged file, so that nothing is lost, and say so."""
        names = (path.with_name(f"{path.name}.damaged{number or ''}") for number in count())
        place = next(name for name in names if not (name.exists() or name.is_symlink()))
        line = f"finished training '{path}' is damaged ({reason})"
        try:
            path.rename(place)
        except FileNotFoundError:
            return  # another process has just done so
        except OSError as error:
            raise DataError(f"{line} and cannot be renamed: remove it") from error
        self._say(f"{line}: it is kept as '{place.name}' and trained again")

    def keep(self, training: Trained, record: Record) -> Record:
        """Write a record and return it, or the one that another process kept meanwhile.

        The first to finish is kept, so that every run is charged the same.
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
    """Return where finished trainings are kept: NASBENCH_TRAININGS, or below the data folder."""
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

"""Where the stand-ins get an architecture's results from: a table, an official folder, or a dict.

Which one it is: what the variable `NASBENCH_COMPAT` names; else the file that the script gives, if
it is there; else the table that `nasbench data import` made of a file of that name; else `nb201`.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Protocol

from nasbench.benchmarks.catalogue import FETCHED, load_table, table_path
from nasbench.benchmarks.places import SUFFIX
from nasbench.benchmarks.sources.official import default_name, half_of_folder, read_cell
from nasbench.benchmarks.tables.table import Table
from nasbench.compat.answers import TABLE
from nasbench.compat.table_source import KEPT, Results, TableSource
from nasbench.compat.trainings import ArchResults
from nasbench.errors import DataError, InvalidInput
from nasbench.spaces import nats_size

_NAMES = {"less": "12", "full": "200"}
"""Names of the schedules in files of NAS-Bench-201."""


class Source(Protocol):
    """What answers: results by index, and which architectures there are."""

    name: str

    def results(self, index: int) -> Results | None:
        """Return the results of an architecture by schedule; None if there are none."""

    def evaluated(self) -> Sequence[int]:
        """Return the indices of the architectures with results, ascending."""

    def schedules(self) -> Sequence[str]:
        """Return the names of the schedules."""


def find_source(given: Any, kind: type[ArchResults]) -> Source:
    """Return what answers for a file argument; `kind` is the class of the results.

    Raises `DataError` if it is not there or has another form, with the command that helps.
    """
    if isinstance(given, Mapping):
        return DictSource(given, kind)
    chosen = os.environ.get(TABLE)
    found = _opened(chosen, kind, required=True) if chosen else None
    found = found or (_opened(str(given), kind) if given is not None else None)
    found = found or TableSource(_default(given, kind), kind)
    _tell(found.name)
    return found


def _opened(name: str, kind: type[ArchResults], *, required: bool = False) -> Source | None:
    """Return what a path or a table's name opens; None if nothing is there."""
    path = Path(name)
    if path.is_dir() and half_of_folder(path) is not None:
        return FolderSource(path, kind)
    if name.endswith(SUFFIX) and path.is_file():
        return TableSource(load_table(path), kind)
    if required and len(path.parts) > 1:
        raise DataError(f"{TABLE}='{name}' is neither a table file nor an official folder")
    if required:
        return TableSource(load_table(name), kind)
    if path.is_file() and not _installed(default_name(path)):
        raise DataError(
            f"'{name}' is no table: if it is an official file, `nasbench data import {name}` reads "
            f"it once and makes the table '{default_name(path)}', which then answers"
        )
    return None


def _default(given: Any, kind: type[ArchResults]) -> Table:
    usual = FETCHED if kind.half == "topology" else nats_size.NAME
    own = None if given is None else default_name(Path(str(given)))
    name = own if own is not None and _installed(own) else usual
    if name == nats_size.NAME and not _installed(name):
        raise DataError(
            "no table of the size space is installed: no public files have it, `nasbench data "
            "import NATS-sss-v1_0-50262-simple` makes it of the official folder or file"
        )
    return load_table(name)


def _installed(name: str) -> bool:
    try:
        return table_path(name).exists()
    except InvalidInput:
        return False


@cache
def _tell(name: str) -> None:
    print(f"nasbench.compat: {name} answers", file=sys.stderr)


class DictSource:
    """The content of an official file, loaded already."""

    def __init__(self, content: Mapping[str, Any], kind: type[ArchResults]) -> None:
        """Hold the content; `ValueError` if it lacks one of its three official keys."""
        for key in ("meta_archs", "arch2infos", "evaluated_indexes"):
            if key not in content:
                raise ValueError(f"Can not find key[{key}] in the dict")
        self.name = "a dict"
        self._infos, self._kind = content["arch2infos"], kind
        self._evaluated = sorted(content["evaluated_indexes"])

    def results(self, index: int) -> Results | None:
        """Return the results of an architecture."""
        return _made(self._infos.get(index), self._kind, self.name)

    def evaluated(self) -> Sequence[int]:
        """Return the indices that the content names."""
        return self._evaluated

    def schedules(self) -> Sequence[str]:
        """Return the schedules of the first architecture."""
        return list(self.results(self._evaluated[0]) or ()) if self._evaluated else []


class FolderSource:
    """An official folder with a file per architecture, which is read when it is first needed."""

    def __init__(self, folder: Path, kind: type[ArchResults]) -> None:
        """Read from `folder`; `DataError` if it is no official folder of the half of `kind`."""
        half = half_of_folder(folder)
        if half is None or half.name != kind.half:
            found = "no official folder" if half is None else f"of the {half.name} space"
            raise DataError(f"'{folder}' is {found}, not of the {kind.half} space of NATS-Bench")
        self.name, self.folder, self._kind = f"folder '{folder}'", folder, kind
        self._read = lru_cache(maxsize=KEPT)(self._results)

    def results(self, index: int) -> Results | None:
        """Return the results of an architecture."""
        return self._read(index)

    def _results(self, index: int) -> Results | None:
        return _made(read_cell(self.folder, index), self._kind, self.name)

    def evaluated(self) -> Sequence[int]:
        """Return the indices of the files that are there."""
        stems = (path.name.partition(".")[0] for path in self.folder.glob("*.pickle.pbz2"))
        return sorted(int(stem) for stem in stems if stem.isdecimal())

    def schedules(self) -> Sequence[str]:
        """Return the schedules of the first file."""
        there = self.evaluated()
        return list(self.results(there[0]) or ()) if there else []


def _made(
    cell: Mapping[str, Mapping[str, Any]] | None, kind: type[ArchResults], source: str
) -> Results | None:
    if cell is None:
        return None
    named = {_NAMES.get(key, key): state for key, state in cell.items()}
    return {
        key: kind.create_from_state_dict(named[key], source)
        for key in sorted(named, key=lambda key: (len(key), key))
    }

"""The catalogue of tables: which exist, where their files are, and how to install them.

Tables are in `tables/` below the data folder, downloads in `downloads/`. The data folder is
NASBENCH_DATA if it is set, else the platform's folder for user data. The tables in `shipped/` come
with the package; no other table can have their names.
"""

import difflib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from nasbench.arguments import require_path
from nasbench.benchmarks import places
from nasbench.benchmarks.places import data_folder
from nasbench.benchmarks.sources import (
    gpt,
    hardware,
    macro,
    nb101,
    nb101_files,
    public,
    transnas,
)
from nasbench.benchmarks.sources.fetch import PublicFile, fetch_all, is_whole
from nasbench.benchmarks.tables.format import SUFFIX
from nasbench.benchmarks.tables.table import Table
from nasbench.errors import DataError, InvalidInput
from nasbench.extensions import imported, reason
from nasbench.text import is_device_name

SHIPPED = places.SHIPPED
"""Folder of the tables that come with the package."""
FETCHED, BUNDLED = "nb201", "digits"
"""The default benchmarks of a search: the first if it is installed, else the second."""
ALL = "all"
"""The benchmark that stands for every installed table that can be searched."""

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


@dataclass(frozen=True)
class TableSource:
    """A table that can be built from public files."""

    title: str
    files: tuple[PublicFile, ...]
    build: Callable[[Sequence[Path]], Table]


GROUP = "nasbench.tables"
"""Entry points of this group are functions of other packages that return a table."""
TABLE_SOURCES = {
    public.NAME: TableSource("NAS-Bench-201 from public files", public.FILES, public.build),
    hardware.NAME: TableSource("HW-NAS-Bench latency and energy", hardware.FILES, hardware.build),
    **{
        name: TableSource("TransNAS-Bench-101: seven tasks", files, transnas.BUILDERS[name])
        for name, files in transnas.FILES.items()
    },
    macro.NAME: TableSource("NAS-Bench-Macro", macro.FILES, macro.build),
    gpt.NAME: TableSource("HW-GPT-Bench, GPT-S: a pool of transformers", gpt.FILES, gpt.build),
    **{
        name: TableSource(nb101_files.TITLES[name], nb101_files.FILES[name], build)
        for name, build in nb101.BUILDERS.items()
    },
}


def table_sources() -> dict[str, TableSource]:
    """Return the tables that can be built, by name: this package's and those of other packages."""
    return {**{name: _elsewhere(entry) for name, entry in _entries().items()}, **TABLE_SOURCES}


@cache
def _entries() -> dict[str, EntryPoint]:
    return {one.name: one for one in entry_points(group=GROUP) if _NAME.fullmatch(one.name)}


def _elsewhere(entry: EntryPoint) -> TableSource:
    def build(_: Sequence[Path]) -> Table:
        make = imported("table", entry.name, entry.value)
        try:
            table = make()
        except InvalidInput:
            raise
        except Exception as error:  # code of another package may raise anything
            raise InvalidInput(f"table '{entry.name}' cannot be made ({reason(error)})") from error
        if not isinstance(table, Table) or table.name != entry.name:
            raise InvalidInput(
                f"table '{entry.name}': '{entry.value}' must return a nasbench table of that name"
            )
        return table

    return TableSource(f"made by {entry.value}", (), build)


@dataclass(frozen=True)
class Listed:
    """One line of the catalogue: a table that is installed, can be fetched, or is damaged."""

    name: str
    title: str
    path: Path
    installed: bool
    cells: int = 0
    bytes: int = 0
    hash: str = ""
    problem: str = ""


def table_path(name: str) -> Path:
    """Return the path of the table `name`, installed or not; `InvalidInput` for an invalid name."""
    if not _NAME.fullmatch(name) or is_device_name(name):
        raise InvalidInput(
            f"{name!r} is no table name: use up to 64 of a-z, 0-9, '.', '_' and '-', "
            "beginning with a letter or digit, and no name of a device such as nul"
        )
    shipped = SHIPPED / f"{name}{SUFFIX}"
    return shipped if shipped.is_file() else data_folder() / "tables" / shipped.name


def new_table_path(name: str) -> Path:
    """Return the path of a new table `name`.

    Raises `InvalidInput` for the name of a bundled table and for `ALL`.
    """
    if name == ALL:
        raise InvalidInput(f"a table cannot be called '{ALL}', which stands for every table")
    path = table_path(name)
    if path.parent == SHIPPED:
        raise InvalidInput(f"table '{name}' comes with nasbench: name yours differently")
    return path


def default_benchmark() -> str:
    """Return the benchmark of a search that names none.

    It is `FETCHED` if that table is installed, else the bundled one.
    """
    fetched, bundled = table_path(FETCHED).exists(), table_path(BUNDLED).exists()
    return BUNDLED if bundled and not fetched else FETCHED


_NONE: Mapping[str, Path] = {}
_given: ContextVar[Mapping[str, Path]] = ContextVar("tables given to this call", default=_NONE)


@contextmanager
def given_tables(files: Mapping[str, Path]) -> Iterator[None]:
    """Let `load_table` open these files, by table name, within the block."""
    token = _given.set(files)
    try:
        yield
    finally:
        _given.reset(token)


def load_table(name: str | Path) -> Table:
    """Open an installed table by name, or a table file by its path.

    Raises `DataError` if the table is not installed (with the command that installs it), if the
    file does not exist, or if it is damaged; `InvalidInput` for an invalid name.
    """
    return Table.open(table_file(name))


def table_file(name: str | Path) -> Path:
    """Return the path of the file that `load_table` opens; raises the same errors."""
    path = require_path("table", name)
    if isinstance(name, str) and name in _given.get():
        return _given.get()[name]
    if not isinstance(name, str) or name.endswith(SUFFIX):
        if not path.is_file():
            reason = "is a folder" if path.is_dir() else "does not exist"
            raise DataError(f"table file '{name}' {reason}: name a {SUFFIX} file")
        return path
    path = table_path(name)
    if not path.exists():
        raise _not_installed(name)
    return path


def list_tables() -> list[Listed]:
    """Return all tables that are installed or can be fetched, sorted by name."""
    files = (*_table_files(SHIPPED), *_table_files(data_folder() / "tables"))
    names = {path.name.removesuffix(SUFFIX) for path in files}
    return [_listed(name, table_path(name)) for name in sorted(names | set(table_sources()))]


def described_tables() -> Iterator[tuple[str, Table]]:
    """Yield the installed tables by name, of which nothing but the headers is read.

    Those whose headers cannot be read are left out.
    """
    for path in sorted((*_table_files(SHIPPED), *_table_files(data_folder() / "tables"))):
        name = path.name.removesuffix(SUFFIX)
        if path == table_path(name):
            with suppress(DataError):
                yield name, Table.described(path)


def fetch_table(name: str, *, force: bool = False) -> Table:
    """Download the files that the table `name` needs, build and install it; return it opened.

    A table that is installed and undamaged is kept as it is, unless `force`. Downloads are kept,
    so that building it again needs no network. Raises `InvalidInput` for a table that cannot be
    fetched, `DataError` as `fetch` does.
    """
    known = table_sources()
    if name not in known:
        raise InvalidInput(
            f"table '{name}' cannot be fetched: known are {', '.join(known)}{_nearest(name)}"
        )
    path, recipe = new_table_path(name), known[name]
    if not force and path.exists():
        try:
            return Table.open(path)
        except DataError:
            pass  # damaged or of another schema: build it again
    downloads = fetch_all(recipe.files, data_folder() / "downloads", force=force)
    recipe.build(downloads).save(path)
    return Table.open(path)


def verify_table(name: str) -> Table:
    """Check every byte of an installed table and of its downloads, if they are still there.

    Raises `DataError` for the first damaged file. Returns the table.
    """
    table = load_table(name)
    table.verify()
    known = table_sources()
    for file in known[name].files if name in known else ():
        kept = data_folder() / "downloads" / file.place
        if kept.exists() and not is_whole(kept, file):
            raise DataError(
                f"download '{kept}' is damaged (the table is whole): "
                f"run `nasbench data fetch {name} --force`"
            )
    return table


def _table_files(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if _is_table(path)]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise DataError(f"cannot read '{folder}': {error.strerror or error}") from error


def _is_table(path: Path) -> bool:
    name = path.name
    return name.endswith(SUFFIX) and bool(_NAME.fullmatch(name.removesuffix(SUFFIX)))


def _listed(name: str, path: Path) -> Listed:
    if not path.exists():
        return Listed(name, table_sources()[name].title, path, installed=False)
    try:
        table = Table.open(path)
    except DataError as error:
        return Listed(name, "", path, installed=True, problem=str(error))
    return Listed(
        name,
        table.info.title,
        path,
        installed=True,
        cells=table.info.cells,
        bytes=path.stat().st_size,
        hash=table.hash,
    )


def _not_installed(name: str) -> DataError:
    if name in table_sources():
        return DataError(f"table '{name}' is not installed: run `nasbench data fetch {name}`")
    return DataError(
        f"table '{name}' is not installed: `nasbench data list` shows what is, "
        f"`nasbench data fetch` gets {' or '.join(table_sources())}, "
        f"`nasbench data import` reads official files{_nearest(name)}"
    )


def _nearest(name: str) -> str:
    near = difflib.get_close_matches(name, table_sources(), n=1)
    return f"; did you mean '{near[0]}'?" if near else ""

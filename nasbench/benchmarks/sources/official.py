"""Importing official files as a table: `nasbench data import`.

Record files of NAS-Bench-101 are read by `nb101_records`. Three other forms are read here, all of
them one architecture at a time, the first two of both halves of NATS-Bench (`tss`, topology, and
`sss`, size):

- the NATS-Bench folder `NATS-tss-v1_0-3ffb9-simple/` (one small pickle per architecture);
- the NATS-Bench file `NATS-tss-v1_0-3ffb9.pickle.pbz2` (one large pickle);
- `NAS-Bench-201-v1_*.pth`, written by `torch.save` in its old form (pickles in a row) or its
  new one (a zip file).

Archives that also contain networks' weights (`-full`) are read without the weights. torch is not
needed.
"""

import bz2
import hashlib
import io
import os
import re
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

from nasbench.benchmarks.catalogue import new_table_path
from nasbench.benchmarks.sources.halves import Half, halves
from nasbench.benchmarks.sources.nb101_records import name_of_records, table_of_records
from nasbench.benchmarks.sources.recorder import Recorder
from nasbench.benchmarks.sources.records import is_record_file
from nasbench.benchmarks.sources.scan import MOST_BYTES
from nasbench.benchmarks.sources.stream import Cell, stream_cells
from nasbench.benchmarks.sources.unpickle import load, readable
from nasbench.benchmarks.sources.weights import Weights
from nasbench.benchmarks.tables.format import Chunks, write_table
from nasbench.benchmarks.tables.info import Array, Column, Source, TableInfo
from nasbench.benchmarks.tables.table import Table
from nasbench.errors import DataError
from nasbench.files import disk_error, sha256_of
from nasbench.spaces import nats_size

OFFICIAL_LICENCE = "MIT"

_PICKLE = "pickle.pbz2"
_META = f"meta.{_PICKLE}"
_CELL_FILE = re.compile(r"(\d+)\.pickle\.pbz2")
_SIZE_FILES = "nats-sss"
_SUFFIXES = (".pickle.pbz2", ".pbz2", ".pth", "-simple")
_TORCH_START = b"\x80\x02\x8a\x0a" + (0x1950A86A20F9469CFC6C).to_bytes(10, "little")
_WANTED = (
    "name a folder NATS-tss-v1_0-…-simple or NATS-sss-v1_0-…-simple with 000000.pickle.pbz2 and so "
    "on, a file NATS-….pickle.pbz2, NAS-Bench-201-v1_….pth or nasbench_….tfrecord, or official "
    "images"
)
_BUFFER = 1 << 20
_ODD = (LookupError, TypeError, AttributeError, ValueError, ArithmeticError)
"""Errors that reading content of an unknown form can raise."""

Advance = Callable[[int], None]
"""Called after each architecture with the number of architectures that are expected."""


def import_official(path: Path, name: str | None = None, *, force: bool = False) -> Table:
    """Import an official folder or file as the table `name`; return it opened.

    Raises `DataError` if the content of `path` has none of the known forms, asks to run code or is
    damaged, or if the table exists already and `force` is not given; `InvalidInput` for an invalid
    name or that of a bundled table.
    """
    records = path.is_file() and is_record_file(path)
    name = name or (name_of_records(path) if records else default_name(path))
    target = new_table_path(name)
    if target.exists() and not force:
        raise DataError(f"table '{name}' exists already: give --name or --force")
    if records:
        with _progress() as advance:
            made = table_of_records(path, name, advance)
        made.save(target)
        return Table.open(target)
    with _spool(target.parent) as spool:
        recorder = Recorder(spool)
        with _progress() as advance:
            digest = read_official(path, recorder, advance)
        source = Source(
            url=path.name, sha256=digest, licence=OFFICIAL_LICENCE, taken="all results and curves"
        )
        try:
            info, data = assemble(name, f"official file {path.name}", recorder, source)
            write_table(target, info, data)
        except OSError as error:
            raise disk_error(target, error) from error
    return Table.open(target)


def default_name(path: Path) -> str:
    """Return a table name made from a file's name, such as `nats-tss-v1_0-3ffb9`.

    For files of the size half, of which there is one version only, it is the name of the space:
    that is the table that a published protocol of it searches where no other is named.
    """
    name = Path(os.path.realpath(path)).name
    for suffix in _SUFFIXES:
        name = name.removesuffix(suffix)
    return nats_size.NAME if name.lower().startswith(_SIZE_FILES) else name.lower()


def read_official(path: Path, recorder: Recorder, advance: Advance = lambda _: None) -> str:
    """Add every architecture of an official folder or file to `recorder`; return its SHA-256.

    `advance` is called after each architecture. Raises `DataError` as `import_official` does.
    """
    if path.is_dir():
        return _read_folder(path, recorder, advance)
    weights = Weights(str(path))
    try:
        with path.open("rb") as raw:
            kind = raw.read(4)
            raw.seek(0)
            _read_file(raw, kind, path, recorder, advance, weights)
        digest = sha256_of(path)
    except FileNotFoundError:
        raise DataError(f"'{path}' does not exist") from None
    except OSError as error:
        raise DataError(f"cannot read '{path}': {error.strerror or error}: damaged?") from error
    if not recorder.cells:
        about = ", but weights of a network: it is a checkpoint" if weights.tensors else ""
        raise DataError(
            f"'{path}' holds no architecture of NAS-Bench-201 or NATS-Bench{about}; {_WANTED}"
        )
    return digest


def assemble(
    name: str, title: str, recorder: Recorder, source: Source
) -> tuple[TableInfo, dict[str, Array | Chunks]]:
    """Return the description and the columns, by name, of what a recorder has collected."""
    data: dict[str, Array | Chunks] = {}
    columns: list[Column] = []
    for column, numbers in recorder.columns():
        columns.append(column)
        data[column.name] = numbers
    half = recorder.half
    if half is None:
        raise DataError(f"'{source.url}' holds no architecture")
    missing = half.space.size - recorder.cells
    notes = ["seconds are pseudo-times where they are the same in every epoch"]
    if missing:
        notes.append(f"{missing} of {half.space.size} architectures are not in the source: NaN")
    notes += _seed_notes(columns, data)
    info = TableInfo(
        name=name,
        title=title,
        space=half.space.name,
        rows=recorder.rows,
        cells=recorder.cells,
        licence=OFFICIAL_LICENCE,
        attribution=half.attribution,
        notes=tuple(notes),
        sources=(source,),
        columns=tuple(columns),
        **half.about,
    )
    return info, data


def _seed_notes(columns: list[Column], data: dict[str, Array | Chunks]) -> Iterator[str]:
    """Yield notes on how many architectures have how many training seeds."""
    for column in sorted(columns, key=lambda one: one.name):
        counts = data[column.name]
        if column.quantity == "count" and column.split == "test" and not isinstance(counts, Chunks):
            there = counts[counts > 0]
            parts = [f"{n}: {int((there == n).sum())}" for n in sorted(set(there.tolist()))]
            yield f"seeds of {column.dataset}, schedule {column.schedule}: cells {', '.join(parts)}"


def _read_folder(folder: Path, recorder: Recorder, advance: Advance) -> str:
    """Read a `-simple` folder; the architecture of a missing file is missing in the table."""
    found = sorted(
        (int(match[1]), path)
        for path in folder.iterdir()
        if (match := _CELL_FILE.fullmatch(path.name))
    )
    if not found:
        single = next(folder.glob("*-FULL.pth"), None)
        about = f" ('{single.name}' is a single training)" if single else ""
        raise DataError(f"'{folder}' is no official folder{about}: {_WANTED}")
    digest = hashlib.sha256()
    meta = folder / _META
    if meta.exists():
        recorder.half = _listed(_load_bz2(meta, digest), meta)
    for index, path in found:
        cell = _load_bz2(path, digest)
        try:
            recorder.add(cell, str(path))
        except _ODD as error:
            raise _unknown_format(path, error) from error
        if index != int(next(iter(cell.values()))["arch_index"]):
            raise DataError(f"'{path}' does not hold architecture {index}")
        advance(len(found))
    return digest.hexdigest()


def read_cell(folder: Path, index: int) -> dict[str, Any] | None:
    """Return one architecture of an official folder: schedule -> `ArchResults.state_dict()`.

    None if the folder lacks it. Raises `DataError` for a file that is damaged, of another form, or
    asks to run code.
    """
    path = next(
        (one for n in ("06", "") if (one := folder / f"{index:{n}}.{_PICKLE}").exists()), None
    )
    if path is None:
        return None
    cell = _load_bz2(path, hashlib.sha256())
    try:
        Recorder(io.BytesIO()).add(cell, str(path))
    except _ODD as error:
        raise _unknown_format(path, error) from error
    return dict(cell)


def half_of_folder(folder: Path) -> Half | None:
    """Return the half of NATS-Bench whose list of architectures a folder has; None without one."""
    meta = folder / _META
    return _listed(_load_bz2(meta, hashlib.sha256()), meta) if meta.is_file() else None


def _load_bz2(path: Path, digest: Any) -> Any:
    with readable(str(path)):
        content = path.read_bytes()
        digest.update(content)
        try:
            unpacker = bz2.BZ2Decompressor()
            content = unpacker.decompress(content, MOST_BYTES)
            if not unpacker.eof:
                raise ValueError("cut, or too large")
        except (OSError, ValueError) as error:
            raise DataError(f"cannot read '{path}': damaged or no bz2 file") from error
        return load(io.BytesIO(content), str(path), names=Weights(str(path)).names())


def _read_file(
    raw: BinaryIO,
    kind: bytes,
    path: Path,
    recorder: Recorder,
    advance: Advance,
    weights: Weights,
) -> None:
    source = str(path)

    def take(cell: Cell) -> None:
        try:
            recorder.add(cell, source)
        except _ODD as error:
            raise _unknown_format(path, error) from error
        advance(recorder.space.size)

    with _pickle_in(raw, kind, source) as stream:
        rest = stream_cells(stream, source, take, weights.names())
    if isinstance(rest, dict) and (recorder.cells or not weights.tensors):
        listed = _listed(rest, path)
        if recorder.half not in (None, listed):
            raise DataError(
                f"'{path}' lists the architectures of the {listed.name} space and holds others"
            )


@contextmanager
def _pickle_in(raw: BinaryIO, kind: bytes, source: str) -> Iterator[BinaryIO]:
    """Yield a stream that stands at the beginning of the pickle of all architectures."""
    if kind.startswith(b"BZh"):
        with bz2.BZ2File(raw) as packed:
            yield io.BufferedReader(packed, _BUFFER)
    elif kind.startswith(b"PK"):
        with _entry(raw, source) as entry:
            yield cast(BinaryIO, entry)
    elif kind.startswith(b"\x80"):
        _skip_torch_preamble(raw, source)
        yield raw
    else:
        raise DataError(f"'{source}' is none of the official forms: {_WANTED}")


@contextmanager
def _entry(raw: BinaryIO, source: str) -> Iterator[io.BufferedReader]:
    try:
        with zipfile.ZipFile(raw) as archive:
            names = [name for name in archive.namelist() if name.endswith("data.pkl")]
            if len(names) != 1:
                raise DataError(f"'{source}' is a zip file, but not one of torch.save")
            with archive.open(names[0]) as entry:
                yield io.BufferedReader(cast(io.RawIOBase, entry), _BUFFER)
    except (RuntimeError, NotImplementedError, ValueError) as error:  # encrypted, unknown method
        raise DataError(
            f"cannot read '{source}': its zip file is packed in a way that is not read here "
            f"({error}): download it again"
        ) from error
    except zipfile.BadZipFile as error:
        raise DataError(f"cannot read '{source}': damaged zip file: {error}") from error


def _skip_torch_preamble(raw: BinaryIO, source: str) -> None:
    """Skip the three small pickles at the beginning of torch.save's old form, if they are there."""
    start = raw.read(len(_TORCH_START))
    raw.seek(0)
    if start == _TORCH_START:
        for _ in range(3):  # magic number, protocol version, sizes of the machine's number types
            load(raw, source)


def _listed(meta: Any, path: Path) -> Half:
    """Return the half whose architectures are listed in their official order; else `DataError`."""
    archs = meta.get("meta_archs") if isinstance(meta, dict) else None
    if not isinstance(archs, list | tuple) or not all(isinstance(one, str) for one in archs):
        raise DataError(f"'{path}' does not hold the official list of architectures")
    for half in halves():
        if list(archs) == half.listed:
            return half
    raise DataError(f"'{path}' does not list the architectures in the official order")


def _unknown_format(path: Path, error: Exception) -> DataError:
    return DataError(
        f"'{path}' is not in the official format ({type(error).__name__}: {error}): "
        "download it again"
    )


@contextmanager
def _spool(folder: Path) -> Iterator[BinaryIO]:
    """Yield an unnamed temporary file on the disk of `folder`, which disappears when closed."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        spool = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  # closed below
    except OSError as error:
        raise disk_error(folder, error) from error
    with spool:
        yield cast(BinaryIO, spool)


@contextmanager
def _progress() -> Iterator[Advance]:
    """Show a progress bar if stderr is a terminal; yield the function that advances it by one."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console  # only a terminal needs it
    from rich.progress import Progress

    with Progress(console=Console(stderr=True)) as bar:
        task = bar.add_task("reading architectures", total=None)
        yield lambda total: bar.update(task, advance=1, total=total)

"""The file format of a table: a valid safetensors file that describes itself.

Layout: the header length in 8 bytes, little-endian; a JSON header, padded with spaces so that the
data begin at a multiple of 8; then the columns, raw, little-endian, row-major, without gaps. The
widest numbers come first, so that every column is aligned. The header's `__metadata__` holds

- `nasbench`: `info.TableInfo` as canonical JSON (sorted keys, no spaces), one `Column` per tensor;
- `sha256`: the SHA-256 of that text, which is the table's hash. As the text contains the SHA-256
  of every column, the hash covers the data too.

Nothing in the file depends on the time or the machine: the same input gives the same bytes. Any
safetensors reader can open it; this module does not use the safetensors package.
"""

import hashlib
import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from pydantic import ValidationError

from nasbench.benchmarks import places
from nasbench.benchmarks.tables.info import (
    DTYPES,
    Array,
    Column,
    TableInfo,
    TableMetric,
    dtype_name,
    first_mistake,
)
from nasbench.benchmarks.tables.values import check_values
from nasbench.errors import DataError
from nasbench.files import atomic_write
from nasbench.text import printable

SCHEMA_VERSION = 3
"""Newest schema that is read. A table is written as the oldest schema that has its features."""
SUFFIX = places.SUFFIX
CHECKED_WHOLE = 16 << 20
"""Size in bytes up to which all columns of a table are checked when it is opened.

The columns of a larger table are checked one by one, when they are first read."""

_ALIGNMENT = 8
_LONGEST_HEADER = 100_000_000


@dataclass(frozen=True)
class Chunks:
    """A column too large for memory: its dtype, its shape, and `read`, which yields its rows."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    read: Callable[[], Iterable[Array]]


def storage_order(columns: Iterable[Column]) -> list[Column]:
    """Return the columns in the order they are stored: widest numbers first, then by name."""
    return sorted(columns, key=lambda c: (-np.dtype(DTYPES[c.dtype]).itemsize, c.name))


def write_table(path: Path, info: TableInfo, data: Mapping[str, Array | Chunks]) -> TableInfo:
    """Write a table atomically, in one pass over its data; return its completed description.

    `data` maps the names in `info.columns` to arrays. Their dtype, shape and hash are filled in
    here. The header is first in the file but written last, since it contains the hashes of the
    data; their length is known before. Raises `DataError` for a number out of bounds, for a dtype
    that a table cannot hold, and if the file cannot be written.
    """
    sized = [
        column.model_copy(
            update={
                "dtype": dtype_name(data[column.name].dtype),
                "shape": tuple(data[column.name].shape),
            }
        )
        for column in info.columns
    ]
    ordered = storage_order(sized)
    info = info.model_copy(update={"columns": tuple(ordered)})
    length = len(_header(info))
    with atomic_write(path) as file:
        file.seek(length)
        hashed = [
            column.model_copy(
                update={"sha256": _write_column(file, column, data[column.name], info.metrics)}
            )
            for column in ordered
        ]
        info = info.model_copy(update={"columns": tuple(hashed)})
        header = _header(info)
        if len(header) != length:  # pragma: no cover  # a hash has one length
            raise DataError(f"cannot write '{path}': the header changed its length")
        file.seek(0)
        file.write(header)
    return info


def _write_column(
    file: BinaryIO, column: Column, data: Array | Chunks, metrics: Sequence[TableMetric]
) -> str:
    digest, written = hashlib.sha256(), 0
    done = 0
    for chunk in data.read() if isinstance(data, Chunks) else (data,):
        check_values(column, chunk, f"cannot write '{column.name}'", metrics, first=done)
        done += len(chunk)
        block = np.ascontiguousarray(chunk, dtype=DTYPES[column.dtype])
        digest.update(block.data)
        file.write(block.data)
        written += block.nbytes
    if written != _nbytes(column):
        raise DataError(f"column '{column.name}' has {written} bytes instead of {_nbytes(column)}")
    return digest.hexdigest()


def _nbytes(column: Column) -> int:
    return int(np.prod(column.shape, dtype=np.int64)) * np.dtype(DTYPES[column.dtype]).itemsize


def _header(info: TableInfo) -> bytes:
    text = info.canonical()
    tensors: dict[str, Any] = {
        "__metadata__": {"nasbench": text, "sha256": hashlib.sha256(text.encode()).hexdigest()}
    }
    start = 0
    for column in info.columns:
        end = start + _nbytes(column)
        tensors[column.name] = {
            "dtype": column.dtype,
            "shape": list(column.shape),
            "data_offsets": [start, end],
        }
        start = end
    body = json.dumps(tensors, separators=(",", ":")).encode()
    body += b" " * (-(8 + len(body)) % _ALIGNMENT)
    return len(body).to_bytes(8, "little") + body


class StoredColumns:
    """A table file that is memory-mapped, so that all processes that open it share its memory.

    Raises `DataError` if the file is missing, truncated, altered, no table, or of a newer schema.
    """

    def __init__(self, path: Path, *, whole: bool = True) -> None:
        """Read and check the header; in a file of up to 16 MiB check the data too, if `whole`."""
        self.path = path
        try:
            with path.open("rb") as file:
                size = file.seek(0, 2)
                file.seek(0)
                header, data_start = _read_header(file, path, size)
            self._bytes = np.memmap(path, mode="r", dtype=np.uint8).view(np.ndarray)
        except OSError as error:
            raise DataError(f"cannot read table '{path}': {error.strerror or error}") from error
        self.info, self.hash = _read_info(header, path)
        self._offsets = _offsets(header, self.info, path, data_start, size)
        self._by_name = {column.name: column for column in self.info.columns}
        self._checked: dict[str, Array] = {}
        if whole and size <= CHECKED_WHOLE:
            self.verify()

    def array(self, name: str) -> Array:
        """Return a column as a read-only array; its SHA-256 is checked on the first request."""
        array = self._checked.get(name)
        if array is None:
            array = self._checked[name] = self._read(self._by_name[name])
        return array

    def verify(self) -> None:
        """Check the SHA-256 of every column; `DataError` names the first damaged one."""
        for column in self.info.columns:
            self._checked[column.name] = self._read(column)

    def _read(self, column: Column) -> Array:
        start, end = self._offsets[column.name]
        raw = self._bytes[start:end]
        if hashlib.sha256(raw.data).hexdigest() != column.sha256:
            raise _damaged(self.path, f"column '{column.name}' is not what was written")
        array: Array = raw.view(DTYPES[column.dtype]).reshape(column.shape)
        check_values(column, array, f"table '{printable(self.path)}'", self.info.metrics)
        return array


def _read_header(file: BinaryIO, path: Path, size: int) -> tuple[dict[str, Any], int]:
    length = int.from_bytes(file.read(8), "little")
    if size < 8 or length > _LONGEST_HEADER or 8 + length > size:
        raise _damaged(path, "it is truncated or no table")
    try:
        header = json.loads(file.read(length))
    except (ValueError, RecursionError):  # no JSON, or thousands of brackets
        raise _damaged(path, "its header is damaged or it is no table") from None
    if not isinstance(header, dict):
        raise _damaged(path, "its header is damaged or it is no table")
    return header, 8 + length


def _read_info(header: dict[str, Any], path: Path) -> tuple[TableInfo, str]:
    metadata = header.get("__metadata__")
    text = metadata.get("nasbench") if isinstance(metadata, dict) else None
    if not isinstance(metadata, dict) or not isinstance(text, str):
        raise DataError(f"'{path}' is a safetensors file, but no nasbench table")
    found = hashlib.sha256(text.encode()).hexdigest()
    if found != metadata.get("sha256"):
        raise _damaged(path, "its metadata are not what was written")
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):
        raise _damaged(path, "its metadata are no JSON") from None
    version = fields.get("schema_version") if isinstance(fields, dict) else None
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise DataError(
            f"table '{path}' has schema version {version}, this nasbench reads up to "
            f"{SCHEMA_VERSION}: upgrade nasbench"
        )
    try:
        return TableInfo.model_validate_json(text), found
    except ValidationError as error:
        where, why = first_mistake(error)
        raise _damaged(path, f"its metadata are invalid at '{where}' ({why})") from None


def _offsets(
    header: dict[str, Any], info: TableInfo, path: Path, data_start: int, size: int
) -> dict[str, tuple[int, int]]:
    offsets, position = {}, 0
    if len(header) != len(info.columns) + 1:
        raise _damaged(path, "its header and its metadata name different columns")
    for column in info.columns:
        if column.dtype not in DTYPES:
            raise _damaged(path, f"column '{column.name}' is of unknown type '{column.dtype}'")
        end = position + _nbytes(column)
        expected = {
            "dtype": column.dtype,
            "shape": list(column.shape),
            "data_offsets": [position, end],
        }
        if header.get(column.name) != expected:
            raise _damaged(path, f"its header is wrong about column '{column.name}'")
        offsets[column.name] = (data_start + position, data_start + end)
        position = end
    if data_start + position != size:
        missing = data_start + position - size
        raise _damaged(
            path, f"{missing} bytes are missing" if missing > 0 else "it has bytes too many"
        )
    return offsets


def _damaged(path: Path, reason: str) -> DataError:
    return DataError(
        f"table '{printable(path)}' is damaged ({reason}): make it again as it was made, by "
        "`nasbench data fetch` or `import` with --force, by `nasbench tabulate`, or by installing "
        "nasbench again"
    )


if sys.byteorder != "little":  # pragma: no cover  # the format's numbers are little-endian
    raise ImportError("nasbench tables are read on little-endian machines only")

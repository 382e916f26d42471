"""Write and read Parquet files with a checksum of every page and a SHA-256 of the whole file.

The page checksums are part of the Parquet format, and any reader can verify them. They cover
neither the headers of pages nor the end of the file, which holds types and positions. The seal
covers these too (see `seal`); it is stored under the key `seal` of the file's metadata. Files of
earlier versions have neither checksums nor a seal and can still be read.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from nasbench.files import read_whole
from nasbench.seal import BLANK, check_seal, sealed

_KEY, _SEAL = b"nasbench", b"seal"
_MOST_VALUES = 1 << 28
"""Most values that a column may have, 2 GiB as numbers: a small file can claim any number."""


_THREADS_FROM = 8 << 20  # bytes


def without_pandas() -> None:
    """Keep pyarrow from loading pandas, which it would do for the first array that it makes.

    That takes as long as reading hundreds of runs, and reading them needs no pandas. Later imports
    of pandas, and pyarrow's conversions to it, work as ever; pyarrow only takes a pandas object
    for some other sequence. For a process that makes none.
    """
    if "pandas" in sys.modules:
        return
    sys.meta_path.insert(0, _NoPandas)
    try:
        pa.array([0])
    finally:
        sys.meta_path.remove(_NoPandas)


class _NoPandas:
    """While this is among the finders of modules, an import of pandas fails."""

    @classmethod
    def find_spec(cls, name: str, _path: Any, _target: Any = None) -> None:
        """Find no module, and raise `ImportError` for pandas."""
        if name == "pandas":
            raise ImportError(name)


class Unreadable(ValueError):
    """A file is not a Parquet file or is damaged; the message is only the reason."""


def to_parquet(columns: pa.Table, about: Mapping[str, Any], **options: Any) -> bytes:
    """Return `columns` as the bytes of a compressed and sealed Parquet file.

    `about` describes the file; it is stored as JSON under the key `nasbench` of the metadata.
    `options` are passed to pyarrow's `write_table`.
    """
    table = columns.replace_schema_metadata({_KEY: json.dumps(about), _SEAL: BLANK})
    sink = pa.BufferOutputStream()  # not a file: pyarrow hides the reason when a disk is full
    pq.write_table(table, sink, compression="zstd", write_page_checksum=True, **options)
    return sealed(sink.getvalue().to_pybytes())


def from_parquet(
    path: Path, columns: Sequence[str] | None = None
) -> tuple[pa.Table, dict[str, Any]]:
    """Return the columns of a file and its description, the `about` of `to_parquet`.

    `columns` names the columns to read; names that the file does not have are left out, and None
    reads all. Raises `Unreadable` if the file is not Parquet, if a byte does not agree with the
    file's checksums, if a text is not UTF-8, or if two columns have one name. The values of the
    columns are not checked.
    """
    try:
        content = read_whole(path)
        check_seal(content)
        file = pq.ParquetFile(pa.BufferReader(content), page_checksum_verification=True)
        names = file.schema_arrow.names
        _check_size(file.metadata)
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise Unreadable(f"column '{twice[0]}' is there twice")
        wanted = None if columns is None else [name for name in columns if name in names]
        # `pq.read_table` would load pyarrow.dataset first. Threads are used for large files only:
        # they save no time on small ones, and a process that ends just after they start aborts.
        table = file.read(wanted, use_threads=len(content) > _THREADS_FROM)
        table.validate(full=True)
        about = json.loads((table.schema.metadata or {}).get(_KEY, b"{}"))
    except OSError as error:
        raise Unreadable(_first_line(error.strerror or error)) from error
    except Exception as error:  # pyarrow raises errors of many types for a damaged file
        raise Unreadable(_first_line(error)) from error
    if not isinstance(about, dict):
        raise Unreadable("what it says of itself is no JSON object")
    return table, about


def _check_size(metadata: Any) -> None:
    for group in range(metadata.num_row_groups):
        parts = metadata.row_group(group)
        for column in range(parts.num_columns):
            if parts.column(column).num_values > _MOST_VALUES:
                raise Unreadable(f"a column has more than {_MOST_VALUES} values")


def _first_line(error: object) -> str:
    lines = str(error).split("\n")
    return lines[0].strip() or type(error).__name__

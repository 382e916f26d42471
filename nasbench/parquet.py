"""Parquet files as this package writes them: a checksum of every page, a SHA-256 of the whole.

The checksums are Parquet's own and any reader can verify them. They cover neither the headers of
pages nor the end of the file, where types and positions stand: for these there is the seal (see
`seal`), kept under the key `seal` of the file's metadata. Files of earlier versions have neither
and are read all the same.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from nasbench.files import read_whole
from nasbench.seal import BLANK, check_seal, sealed

_KEY, _SEAL = b"nasbench", b"seal"
_MOST_VALUES = 1 << 28
"""Values of one column, 2 GiB as numbers: a small file can claim any number of them."""


_THREADS_FROM = 8 << 20  # bytes


class Unreadable(ValueError):
    """A file is no Parquet file, or a damaged one; the text is the reason alone."""


def to_parquet(columns: pa.Table, about: Mapping[str, Any], **options: Any) -> bytes:
    """Return the bytes of a compressed file that says what it is.

    `about` is kept as JSON under the key `nasbench`; `options` are pyarrow's, of `write_table`.
    """
    table = columns.replace_schema_metadata({_KEY: json.dumps(about), _SEAL: BLANK})
    sink = pa.BufferOutputStream()  # pyarrow hides the reason when a disk is full: Python writes
    pq.write_table(table, sink, compression="zstd", write_page_checksum=True, **options)
    return sealed(sink.getvalue().to_pybytes())


def from_parquet(
    path: Path, columns: Sequence[str] | None = None
) -> tuple[pa.Table, dict[str, Any]]:
    """Return a file's columns (or some, those that are there) and what it says it is.

    Every byte is checked against the file's checksums, every text is UTF-8, no column is there
    twice. Raises `Unreadable`. What the columns hold is not looked at.
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
        # read_table would load pyarrow.dataset first; threads that have just been started abort a
        # process that ends at that moment, and of small files they save nothing
        table = file.read(wanted, use_threads=len(content) > _THREADS_FROM)
        table.validate(full=True)
        about = json.loads((table.schema.metadata or {}).get(_KEY, b"{}"))
    except OSError as error:
        raise Unreadable(_first_line(error.strerror or error)) from error
    except Exception as error:  # of a damaged file pyarrow raises whatever it stumbles on
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

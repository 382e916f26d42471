"""Writing so that a reader, or the next run, never sees half a file."""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from nasbench.errors import StoreError


def write_atomically(path: Path, write: Callable[[Path], None]) -> None:
    """Let `write` fill a temporary file beside `path`, then rename it into place.

    `StoreError` in one line where the folder cannot be written or the disk is full; what
    was at `path` before is then still there.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(temporary)
        with temporary.open("rb") as handle:
            os.fsync(handle.fileno())
        temporary.replace(path)
    except OSError as error:
        raise StoreError(
            f"cannot write '{path}': {error.strerror or error}; "
            "free some space or choose a writable folder with --out"
        ) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)

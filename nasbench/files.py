"""Files written whole or not at all, and the one line a failing disk turns into."""

import errno
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, NamedTuple

from nasbench.errors import DataError, NasbenchError, StoreError

_BLOCK = 1 << 20


class Place(NamedTuple):
    """What is said when a kind of file cannot be written."""

    error: type[NasbenchError]
    elsewhere: str


DATA = Place(DataError, "point NASBENCH_DATA elsewhere")
RESULTS = Place(StoreError, "choose another --out")


@contextmanager
def atomic_write(path: Path, place: Place = DATA) -> Iterator[BinaryIO]:
    """Open a temporary neighbour of `path`; renamed into place on success, else removed.

    Two writers of the same path use different temporary files; the last one wins whole. A
    disk that is full or may not be written becomes the one-line error of `place`.
    """
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
        temporary = Path(name)
        with os.fdopen(handle, "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    except OSError as error:
        raise disk_error(path, error, place) from error
    finally:
        if temporary is not None:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)


def disk_error(path: Path, error: OSError, place: Place = DATA) -> NasbenchError:
    """Return the line for an operating system error met while writing `path`."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        fix = f"the disk is full: free some space or {place.elsewhere}"
    elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        fix = f"no permission: make the folder writable or {place.elsewhere}"
    elif error.errno in (errno.ENOTDIR, errno.EEXIST):
        fix = f"a file is where a folder should be: remove it or {place.elsewhere}"
    else:
        fix = error.strerror or str(error)
    return place.error(f"cannot write '{path}': {fix}")


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file as 64 hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()

"""Files written whole or not at all, and the one line a failing disk turns into."""

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, NamedTuple

from nasbench.errors import DataError, NasbenchError, StoreError
from nasbench.leftovers import open_part, remove_parts

_BLOCK = 1 << 20
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)


class Place(NamedTuple):
    """What is said when a kind of file cannot be written."""

    error: type[NasbenchError]
    elsewhere: str


DATA = Place(DataError, "point NASBENCH_DATA elsewhere")
RESULTS = Place(StoreError, "choose another --out")


@contextmanager
def atomic_write(path: Path, place: Place = DATA, *, first: bool = False) -> Iterator[BinaryIO]:
    """Open a temporary neighbour of `path`; renamed into place on success, else removed.

    Two writers of the same path use different temporary files; the last one wins whole, or with
    `first` the first one. Who may read the file is what the umask says. A disk that is full or
    may not be written becomes the one-line error of `place`. Temporary files that killed processes
    left in the folder are removed, see `leftovers`.
    """
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _tidy(path.parent)
        descriptor, temporary = open_part(path)
        with os.fdopen(descriptor, "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
            if first:
                with suppress(FileExistsError):
                    path.hardlink_to(temporary)
            else:
                temporary.replace(path)  # while it is locked
    except OSError as error:
        raise disk_error(path, error, place) from error
    finally:
        if temporary is not None:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)


_tidied: set[Path] = set()


def _tidy(folder: Path) -> None:
    """Remove what killed processes left in a folder, once per process."""
    whole = folder.absolute()
    if whole not in _tidied:
        _tidied.add(whole)
        remove_parts(whole)


def check_writable(folder: Path, place: Place = RESULTS) -> None:
    """Make a folder and a file in it, which is removed; raise the error of `place` if one cannot.

    Asked before long work whose result would have no place.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor, probe = open_part(folder / "probe")
        os.close(descriptor)
        probe.unlink()
    except OSError as error:
        raise disk_error(folder, error, place) from error


def may_not_be_written(error: BaseException) -> bool:
    """Whether an error of `disk_error` is about permission: a folder that is for reading only."""
    cause = error.__cause__
    return isinstance(cause, OSError) and cause.errno in _FORBIDDEN


def disk_error(path: Path, error: OSError, place: Place = DATA) -> NasbenchError:
    """Return the line for an operating system error met while writing `path`."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        fix = f"the disk is full: free some space or {place.elsewhere}"
    elif error.errno in _FORBIDDEN:
        fix = f"no permission: make the folder writable or {place.elsewhere}"
    elif error.errno in (errno.ENOTDIR, errno.EEXIST):
        fix = f"a file is where a folder should be: remove it or {place.elsewhere}"
    else:
        fix = error.strerror or str(error)
    return place.error(f"cannot write '{path}': {fix}")


def not_there(path: Path) -> str:
    """Return what is wrong with a path where a folder was wanted: nothing is there, or a file."""
    return "is a file, not a folder" if path.exists() else "does not exist"


def read_whole(path: Path) -> bytes:
    """Return the content of a regular file; `OSError` for a pipe or a device, which may not end."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "no regular file", str(path))
        return file.read()


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file as 64 hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()

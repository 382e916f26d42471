"""Write files completely or not at all, and turn disk errors into one-line messages."""

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from nasbench.errors import DataError, InvalidInput, NasbenchError, StoreError
from nasbench.leftovers import open_part, remove_parts
from nasbench.text import printable

_BLOCK = 1 << 20
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)


class FileKind(NamedTuple):
    """The exception and the advice to give when a kind of file cannot be written."""

    error: type[NasbenchError]
    elsewhere: str


DATA = FileKind(DataError, "point NASBENCH_DATA elsewhere")
RESULTS = FileKind(StoreError, "choose another folder")


@contextmanager
def atomic_write(path: Path, kind: FileKind = DATA, *, first: bool = False) -> Iterator[BinaryIO]:
    """Open a temporary file beside `path`; rename it to `path` on success, else remove it.

    Two writers of the same path use different temporary files, so `path` always holds a complete
    file: that of the last writer or, with `first`, of the first one. The umask decides who may
    read the file. A full disk or a missing permission raises the one-line error of `kind`.
    Temporary files that killed processes left in the folder are removed (see `leftovers`).
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
                temporary.replace(path)  # while the temporary file is still locked
    except OSError as error:
        raise disk_error(path, error, kind) from error
    finally:
        if temporary is not None:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)


_tidied: set[Path] = set()


def _tidy(folder: Path) -> None:
    """Remove temporary files that killed processes left in a folder, once per process."""
    whole = folder.absolute()
    if whole not in _tidied:
        _tidied.add(whole)
        remove_parts(whole)


def check_writable(folder: Path, kind: FileKind = RESULTS) -> None:
    """Raise the error of `kind` unless `folder` can be made and a file can be written in it.

    A trial file is made and removed. This is called before long work whose result could not be
    stored otherwise.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor, probe = open_part(folder / "probe")
        os.close(descriptor)
        probe.unlink()
    except OSError as error:
        raise disk_error(folder, error, kind) from error


def may_not_be_written(error: BaseException) -> bool:
    """Whether an error made by `disk_error` means a missing permission (a read-only folder)."""
    cause = error.__cause__
    return isinstance(cause, OSError) and cause.errno in _FORBIDDEN


def disk_error(path: Path, error: OSError, kind: FileKind = DATA) -> NasbenchError:
    """Return the one-line error for an operating system error that occurred on writing `path`."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        fix = f"the disk is full: free some space or {kind.elsewhere}"
    elif error.errno in _FORBIDDEN:
        fix = f"no permission: make the folder writable or {kind.elsewhere}"
    elif error.errno in (errno.ENOTDIR, errno.EEXIST):
        fix = f"a file is where a folder should be: remove it or {kind.elsewhere}"
    else:
        fix = f"{error.strerror or error}: {kind.elsewhere}"
    return kind.error(f"cannot write '{path}': {fix}")


def not_there(path: Path) -> str:
    """Return why `path` is not a folder, as text: it does not exist, or it is a file."""
    return "is a file, not a folder" if path.exists() else "does not exist"


def read_whole(path: Path) -> bytes:
    """Return the content of a regular file.

    Raises `OSError` for anything else: reading a pipe or a device might never end.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "no regular file", str(path))
        return file.read()


def read_toml(path: Path, what: str) -> dict[str, Any]:
    """Return what a user's TOML file says; `what` is what it is, such as `style file`.

    Raises `InvalidInput`, which names the file, where it cannot be read or is no TOML.
    """
    import tomllib  # few commands read such a file

    where = f"{what} '{printable(path)}'"
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidInput(f"{where}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:  # the former for numbers too long
        raise InvalidInput(f"{where} is not TOML: {error}") from error


def sha256_of(content: Path | bytes) -> str:
    """Return the SHA-256 of a file, or of some bytes, as 64 hexadecimal digits."""
    return _digest(hashlib.sha256(), content)


def git_blob_of(content: Path | bytes) -> str:
    """Return the identifier that git gives a file, or some bytes, as 40 hexadecimal digits.

    It is the SHA-1 of `blob`, a space, the number of bytes, a zero byte, and the content.
    """
    size = content.stat().st_size if isinstance(content, Path) else len(content)
    return _digest(hashlib.sha1(f"blob {size}\0".encode(), usedforsecurity=False), content)


def _digest(digest: "hashlib._Hash", content: Path | bytes) -> str:
    if isinstance(content, bytes):
        digest.update(content)
        return digest.hexdigest()
    with content.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()

"""Temporary files and folders that the next command removes if their process was killed.

The process that makes a temporary file or folder locks it (`flock`). The operating system releases
the lock when that process ends in any way. So if the lock can be taken, nobody uses the file any
more; process numbers, which are reused, are not needed. A lock is trusted only between processes
of one running kernel, which the file's name identifies. A file that another machine (or this one
before a restart) made in a shared folder is removed when it is not locked and has not been written
for a week.
"""

import fcntl
import hashlib
import os
import platform
import re
import secrets
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

WEEK = 7 * 24 * 3600.0
_LOCK = "lock-"
_LOCK_FILE = re.compile(r"lock-(?P<kernel>[0-9a-f]{8})")
_FOLDER = re.compile(r"nasbench-(ray|tune)-[a-z0-9_]{8}")  # the ending is that of `mkdtemp`
_LONGEST = 60
"""Characters of a file's name that its temporary name repeats: file systems allow 255 bytes."""
_FILE = re.compile(r"\..*\.(?P<kernel>[0-9a-f]{8})-[0-9a-f]{8}\.part", re.DOTALL)


@cache
def kernel() -> str:
    """Return 8 hexadecimal digits that identify this boot of this machine, also in containers.

    On systems other than Linux they identify the machine only.
    """
    try:
        text = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")
    except OSError:  # not Linux
        text = platform.node()
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def open_part(path: Path) -> tuple[int, Path]:
    """Create and lock a temporary file beside `path`; return its descriptor and its path.

    The umask decides who may read it.
    """
    while True:
        name = f".{path.name[:_LONGEST]}.{kernel()}-{secrets.token_hex(4)}.part"
        part = path.with_name(name)
        descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        if _lock(descriptor) is not False and os.fstat(descriptor).st_nlink:
            return descriptor, part
        os.close(descriptor)  # another process removed it as a leftover, before it was locked


@contextmanager
def temporary_folder(prefix: str, parent: Path | None = None) -> Iterator[tuple[Path, int]]:
    """Yield a locked folder that only this user can enter, and its lock; remove it afterwards.

    `prefix` must be one that `remove_leftovers` looks for. The second value is the descriptor of
    the lock file: the folder stays locked as long as any process keeps the descriptor open.
    """
    folder, descriptor = _locked_folder(prefix, parent)
    try:
        yield folder, descriptor
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(descriptor)


def _locked_folder(prefix: str, parent: Path | None) -> tuple[Path, int]:
    while True:
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))  # with mode 700
        name = folder / f"{_LOCK}{kernel()}"
        with suppress(FileNotFoundError):  # another process removed it as a leftover
            descriptor = os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            if _lock(descriptor) is not False and os.fstat(descriptor).st_nlink:
                return folder, descriptor
            os.close(descriptor)


def remove_parts(folder: Path, *, below: bool = False) -> None:
    """Remove temporary files of killed processes from a folder; with `below`, subfolders too."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            match = _FILE.fullmatch(entry.name)
            if match and entry.is_file(follow_symlinks=False):
                _remove(Path(entry.path), Path(entry.path), match["kernel"])
            elif below and entry.is_dir(follow_symlinks=False):
                remove_parts(Path(entry.path), below=True)


def remove_leftovers() -> None:
    """Remove this user's temporary folders of killed processes from all `temporary_places`.

    This takes one listing of each of these places.
    """
    for parent in temporary_places():
        with suppress(OSError), os.scandir(parent) as entries:
            for entry in entries:
                if _FOLDER.fullmatch(entry.name) and _is_own_folder(entry):
                    _remove_folder(Path(entry.path))


def temporary_places() -> list[Path]:
    """Return where temporary folders may be made: the system's default, then short paths."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    wanted = [*_chosen(), "/tmp", "/var/tmp", *([runtime] if runtime else [])]  # noqa: S108
    return [Path(one) for one in dict.fromkeys(map(os.path.realpath, wanted))]


def _chosen() -> list[str]:
    try:
        return [tempfile.gettempdir()]
    except OSError:  # no temporary folder can be written
        return []


def _is_own_folder(entry: "os.DirEntry[str]") -> bool:
    with suppress(OSError):
        own = entry.stat(follow_symlinks=False).st_uid == os.getuid()
        return own and entry.is_dir(follow_symlinks=False)
    return False


def _remove_folder(folder: Path) -> None:
    """Remove a folder of a killed process, but not one without our lock file: that is a user's."""
    for lock in folder.glob(f"{_LOCK}*"):
        match = _LOCK_FILE.fullmatch(lock.name)
        if match and stat.S_ISREG(lock.lstat().st_mode):
            _remove(folder, lock, match["kernel"])
            return


def _remove(path: Path, locked: Path, made_by: str) -> None:
    """Remove a file or folder if nobody uses it; the lock on `locked` is held meanwhile."""
    with suppress(OSError):
        descriptor = os.open(locked, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            free = _lock(descriptor)
            here = free and made_by == kernel()
            if not here and (free is False or time.time() - _last_written(path) < WEEK):
                return
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink()
        finally:
            os.close(descriptor)


def _last_written(path: Path) -> float:
    """Return when a file, or the newest file in a folder, was last written (Unix time, s)."""
    return max(one.lstat().st_mtime for one in (path, *path.rglob("*")))


def _lock(descriptor: int) -> bool | None:
    """Try to take a lock; return True, False if another process has it, None without locks.

    Some file systems have no locks.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True

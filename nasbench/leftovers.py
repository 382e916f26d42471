"""Temporary files and folders that the next command removes when their process was killed.

Whoever makes one locks it (`flock`). The operating system ends the lock with the process, however
that ends, so a lock that can be taken means that nobody uses the thing any more; a reused process
number means nothing here. A lock is trusted between processes of one kernel only, whose boot has
a number of its own in the name. What another machine (or this one before it was started again)
made in a shared folder is removed when it is not locked and nobody has written it for a week.
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
_FOLDER = re.compile(r"nasbench-(ray|tune)-[a-z0-9_]{8}")  # as `mkdtemp` ends names
_LONGEST = 60
"""Characters of a file's name that its temporary name repeats: a name has an end, at 255 bytes."""
_FILE = re.compile(r"\..*\.(?P<kernel>[0-9a-f]{8})-[0-9a-f]{8}\.part", re.DOTALL)


@cache
def kernel() -> str:
    """Return 8 digits that this boot of this machine has for itself, containers included."""
    try:
        text = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")
    except OSError:  # not Linux
        text = platform.node()
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def open_part(path: Path) -> tuple[int, Path]:
    """Make a locked temporary neighbour of `path`, readable as the umask says; descriptor, path."""
    while True:
        name = f".{path.name[:_LONGEST]}.{kernel()}-{secrets.token_hex(4)}.part"
        part = path.with_name(name)
        descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        if _lock(descriptor) is not False and os.fstat(descriptor).st_nlink:
            return descriptor, part
        os.close(descriptor)  # another process took it for a leftover, before it was locked


@contextmanager
def temporary_folder(prefix: str, parent: Path | None = None) -> Iterator[tuple[Path, int]]:
    """Yield a locked folder that only this user can enter, and the lock; removed afterwards.

    `prefix` is one of those that `remove_leftovers` looks for. The lock lives as long as any
    process has its descriptor.
    """
    folder, descriptor = _locked_folder(prefix, parent)
    try:
        yield folder, descriptor
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(descriptor)


def _locked_folder(prefix: str, parent: Path | None) -> tuple[Path, int]:
    while True:
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))  # of mode 700
        name = folder / f"{_LOCK}{kernel()}"
        with suppress(FileNotFoundError):  # another process took it for a leftover, as below
            descriptor = os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            if _lock(descriptor) is not False and os.fstat(descriptor).st_nlink:
                return folder, descriptor
            os.close(descriptor)


def remove_parts(folder: Path, *, below: bool = False) -> None:
    """Remove the temporary files of killed processes in a folder, and in those `below` it."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            match = _FILE.fullmatch(entry.name)
            if match and entry.is_file(follow_symlinks=False):
                _remove(Path(entry.path), Path(entry.path), match["kernel"])
            elif below and entry.is_dir(follow_symlinks=False):
                remove_parts(Path(entry.path), below=True)


def remove_leftovers() -> None:
    """Remove this user's temporary folders of killed processes, where `temporary_folder` makes any.

    Costs a listing of the system's temporary folders.
    """
    for parent in temporary_places():
        with suppress(OSError), os.scandir(parent) as entries:
            for entry in entries:
                if _FOLDER.fullmatch(entry.name) and _is_own_folder(entry):
                    _remove_folder(Path(entry.path))


def temporary_places() -> list[Path]:
    """Return where temporary folders are made: the system's choice, then those of short paths."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    wanted = [*_chosen(), "/tmp", "/var/tmp", *([runtime] if runtime else [])]  # noqa: S108
    return [Path(one) for one in dict.fromkeys(map(os.path.realpath, wanted))]


def _chosen() -> list[str]:
    try:
        return [tempfile.gettempdir()]
    except OSError:  # no place can be written
        return []


def _is_own_folder(entry: "os.DirEntry[str]") -> bool:
    with suppress(OSError):
        own = entry.stat(follow_symlinks=False).st_uid == os.getuid()
        return own and entry.is_dir(follow_symlinks=False)
    return False


def _remove_folder(folder: Path) -> None:
    """Remove a folder of a killed process; one without a lock file of ours is a user's own."""
    for lock in folder.glob(f"{_LOCK}*"):
        match = _LOCK_FILE.fullmatch(lock.name)
        if match and stat.S_ISREG(lock.lstat().st_mode):
            _remove(folder, lock, match["kernel"])
            return


def _remove(path: Path, locked: Path, made_by: str) -> None:
    """Remove a file or folder if nobody uses it, with its lock held."""
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
    """Return when a file, or the youngest thing in a folder, was last written."""
    return max(one.lstat().st_mtime for one in (path, *path.rglob("*")))


def _lock(descriptor: int) -> bool | None:
    """Take a lock if it is free; False if another has it, None where there are no locks."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True

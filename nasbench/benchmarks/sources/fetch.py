"""Downloads: small pinned files over HTTP or from a folder, each checked before it is used."""

import hashlib
import http.client
import os
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from nasbench.benchmarks.format import Source
from nasbench.errors import DataError
from nasbench.files import atomic_write, disk_error, sha256_of

DEFAULT_BASE = "https://raw.githubusercontent.com"
BASE_VARIABLE = "NASBENCH_UPSTREAM"

_TRIES = 4
_PAUSE = 1.0  # seconds before the second try, doubled before each further one
_TIMEOUT = 30.0
_BLOCK = 1 << 16
_TEMPORARY = {408, 425, 429, 500, 502, 503, 504}
_NOT_FOUND = 404
_PARTIAL = 206

Report = Callable[[int], None]
"""Called with the number of bytes that have arrived since the last call."""


@dataclass(frozen=True)
class PublicFile:
    """A file of a public repository at one commit, pinned by size and hash."""

    repository: str
    commit: str
    path: str
    size: int
    sha256: str
    licence: str
    authors: str
    taken: str
    host: str = DEFAULT_BASE

    @property
    def place(self) -> str:
        """Path below the raw file host, and below the download cache."""
        return f"{self.repository}/{self.commit}/{self.path}"

    def as_source(self) -> Source:
        """Return what a table says about this file."""
        return Source(
            url=f"{self.host}/{self.place}",
            commit=self.commit,
            sha256=self.sha256,
            licence=self.licence,
            taken=self.taken,
        )


class _InterruptedError(Exception):
    """A failure that may pass: worth another try."""


def base_address(host: str = DEFAULT_BASE) -> str:
    """Return where files are fetched from: NASBENCH_UPSTREAM, or the host they belong to."""
    return os.environ.get(BASE_VARIABLE, "").rstrip("/") or host


def fetch(
    file: PublicFile, cache: Path, *, force: bool = False, report: Report | None = None
) -> Path:
    """Return the path of `file` in `cache`, downloading it if it is not there and whole.

    A partial download is kept and continued by the next call. Raises `DataError` with one
    line for: no network, not found, a time-out, wrong content, a full disk, no permission.
    """
    report = report or _silent
    target = cache / file.place
    if not force and _is_whole(target, file):
        report(file.size)
        return target
    base = base_address(file.host)
    if base.startswith(("http://", "https://")):
        _download(f"{base}/{file.place}", file, target, report)
    else:
        _copy(Path(base) / file.place, file, target)
        report(file.size)
    return target


def fetch_all(files: tuple[PublicFile, ...], cache: Path, *, force: bool = False) -> list[Path]:
    """Fetch all `files`, with a progress bar when stderr is a terminal."""
    with _progress(sum(file.size for file in files)) as report:
        return [fetch(file, cache, force=force, report=report) for file in files]


def _silent(_: int) -> None:
    pass


def _is_whole(path: Path, file: PublicFile) -> bool:
    try:
        return path.stat().st_size == file.size and sha256_of(path) == file.sha256
    except OSError:
        return False


def _copy(origin: Path, file: PublicFile, target: Path) -> None:
    try:
        content = origin.read_bytes()
    except FileNotFoundError:
        raise DataError(
            f"'{origin}' does not exist: point {BASE_VARIABLE} at a folder laid out as "
            "owner/repository/commit/path, or unset it"
        ) from None
    except OSError as error:
        raise DataError(f"cannot read '{origin}': {error.strerror or error}") from error
    _check(str(origin), file, len(content), hashlib.sha256(content).hexdigest())
    with atomic_write(target) as out:
        out.write(content)


def _download(url: str, file: PublicFile, target: Path, report: Report) -> None:
    """Download into a partial file beside `target`, check it and rename it into place."""
    partial = target.with_name(f".{target.name}.partial")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("a+b") as out:
            _lock(out)
            if not _still_there(partial, out):  # another process finished it meanwhile
                return _download_again(url, file, target, report)
            _receive_with_retries(url, file, out, report)
            out.flush()
            os.fsync(out.fileno())
            size, digest = out.tell(), sha256_of(partial)
            if digest != file.sha256:
                partial.unlink()  # nothing to continue from
            _check(url, file, size, digest)
            partial.replace(target)
    except OSError as error:
        raise disk_error(target, error) from error


def _download_again(url: str, file: PublicFile, target: Path, report: Report) -> None:
    if _is_whole(target, file):
        report(file.size)
    else:
        _download(url, file, target, report)


def _still_there(path: Path, file: BinaryIO) -> bool:
    try:
        return path.stat().st_ino == os.fstat(file.fileno()).st_ino
    except FileNotFoundError:
        return False


def _lock(file: BinaryIO) -> None:
    """Wait until no other process writes to `file`; closing it lets the next one go on."""
    try:
        import fcntl  # not on Windows: two downloads at once race there
    except ImportError:  # pragma: no cover
        return
    fcntl.flock(file, fcntl.LOCK_EX)


def _receive_with_retries(url: str, file: PublicFile, out: BinaryIO, report: Report) -> None:
    for attempt in range(1, _TRIES + 1):
        try:
            _receive(url, file, out, report)
            return
        except _InterruptedError as failure:
            if attempt == _TRIES:
                raise DataError(
                    f"cannot download '{url}': {failure} ({_TRIES} tries): check the network and "
                    "run the same command again, it continues where it stopped"
                ) from failure
            time.sleep(_PAUSE * 2 ** (attempt - 1))


def _receive(url: str, file: PublicFile, out: BinaryIO, report: Report) -> None:
    """Append to `out` what is missing; `_InterruptedError` where another try may help."""
    have = out.seek(0, os.SEEK_END)
    if have >= file.size:
        have = out.truncate(0)
    with _network(url):
        answer = urllib.request.urlopen(_request(url, have), timeout=_TIMEOUT)  # noqa: S310
    with answer:
        if have and answer.status != _PARTIAL:  # the server sends it whole again
            have = out.truncate(0)
        report(have)
        while have <= file.size:
            with _network(url):
                block = answer.read(_BLOCK)
            if not block:
                break
            out.write(block)
            have += len(block)
            report(len(block))
    if have < file.size:
        raise _InterruptedError(f"the connection closed after {have} of {file.size} bytes")


def _request(url: str, have: int) -> urllib.request.Request:
    headers = {"User-Agent": "nasbench"}
    if have:
        headers["Range"] = f"bytes={have}-"
    return urllib.request.Request(url, headers=headers)  # noqa: S310  # http(s), see fetch


@contextmanager
def _network(url: str) -> Iterator[None]:
    """Turn a failure of the network into `_InterruptedError`, or `DataError` if it is for good."""
    try:
        yield
    except urllib.error.HTTPError as error:
        if error.code in _TEMPORARY:
            raise _InterruptedError(f"the server answers {error.code} ({error.reason})") from error
        if error.code == _NOT_FOUND:
            raise DataError(
                f"'{url}' is not found (404): the file moved or {BASE_VARIABLE} is wrong"
            ) from error
        raise DataError(
            f"cannot download '{url}': the server answers {error.code} ({error.reason})"
        ) from error
    except (OSError, http.client.HTTPException) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        raise _InterruptedError(_network_reason(reason)) from error


def _network_reason(reason: object) -> str:
    if isinstance(reason, TimeoutError):
        return f"no answer within {_TIMEOUT:g} s"
    if isinstance(reason, socket.gaierror):
        return "the host name is not found (no network?)"
    if isinstance(reason, ConnectionRefusedError):
        return "the connection is refused"
    return str(reason) or type(reason).__name__


def _check(origin: str, file: PublicFile, size: int, digest: str) -> None:
    if digest != file.sha256:
        raise DataError(
            f"'{origin}' is not the expected file: {size} bytes with SHA-256 {digest[:12]}…, "
            f"expected {file.size} with {file.sha256[:12]}…: it was altered on the way or "
            f"{BASE_VARIABLE} is wrong"
        )


@contextmanager
def _progress(total: int) -> Iterator[Report]:
    """Show a bar on stderr when it is a terminal; yield what advances it."""
    if not sys.stderr.isatty():
        yield _silent
        return
    from rich.console import Console  # only a terminal needs it
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (
        TextColumn("downloading"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("download", total=total)
        yield lambda arrived: bar.advance(task, arrived)

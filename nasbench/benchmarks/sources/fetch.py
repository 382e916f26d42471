"""Downloads of pinned files, over HTTP or from a folder; each is checked before it is used."""

import os
import re
import sys
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from nasbench.benchmarks.sources.transfer import LARGEST, Report, note, receive_with_retries
from nasbench.benchmarks.tables.info import Source
from nasbench.errors import DataError, InvalidInput
from nasbench.files import atomic_write, disk_error, git_blob_of, sha256_of
from nasbench.text import address, printable, shown

DEFAULT_BASE = "https://raw.githubusercontent.com"
BASE_VARIABLE = "NASBENCH_UPSTREAM"

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]+://|https?:", re.IGNORECASE)


@dataclass(frozen=True)
class PublicFile:
    """A file of a public repository at one commit, pinned by size and hash, or by git's blob id."""

    repository: str
    commit: str
    path: str
    size: int | None
    """Number of bytes; None for a file that is pinned by its blob id."""
    sha256: str
    """Empty for a file that is pinned by its blob id."""
    licence: str
    authors: str
    taken: str
    host: str = DEFAULT_BASE
    blob: str = ""
    """What git calls the content (`git_blob_of`), for a file of which nothing else is known."""
    copyright: str = ""
    """The copyright notice of the repository's LICENSE, where that has one and it is known."""

    @property
    def place(self) -> str:
        """The file's path below its host and below the download cache."""
        return f"{self.repository}/{self.commit}/{self.path}"

    @property
    def pin(self) -> str:
        """The digest that the content must have: its SHA-256, or its blob id."""
        return self.sha256 or self.blob

    def digest(self, content: Path | bytes) -> str:
        """Return the digest of a file or of its content, to be compared with `pin`."""
        return sha256_of(content) if self.sha256 else git_blob_of(content)

    def as_source(self, path: Path | None = None) -> Source:
        """Return the entry about this file in a table's list of sources.

        `path` is that of the downloaded file, which is needed if its SHA-256 is not pinned.
        """
        return Source(
            url=f"{self.host}/{self.place}",
            commit=self.commit,
            sha256=self.sha256 or (sha256_of(path) if path else ""),
            licence=self.licence,
            taken=self.taken,
        )


def base_address(host: str = DEFAULT_BASE) -> str:
    """Return the address that files are fetched from: NASBENCH_UPSTREAM if it is set, else `host`.

    It is an encoded `http://` or `https://` address, or the path of a folder. Raises `InvalidInput`
    if NASBENCH_UPSTREAM is neither.
    """
    given = os.environ.get(BASE_VARIABLE, "").strip()
    if not given:
        return host
    if _SCHEME.match(given):
        return _web_address(given.rstrip("/"))
    try:
        return str(Path(given.rstrip("/") or "/").expanduser())
    except RuntimeError as error:
        raise _no_address(given, "there is no such user's folder; write the whole path") from error


def _web_address(given: str) -> str:
    """Return an address with its host in ASCII (IDNA) and its path quoted."""
    if any(not one.isprintable() or one.isspace() for one in given):
        raise _no_address(given, "it has blanks or characters that cannot be seen")
    try:
        parts = urllib.parse.urlsplit(given)
        port = "" if parts.port is None else f":{parts.port}"
        host = (parts.hostname or "").encode("idna").decode("ascii")
    except (ValueError, UnicodeError) as error:
        raise _no_address(given, f"it is no web address ({error})") from error
    if parts.scheme not in ("http", "https") or not host:
        raise _no_address(given, "write http://HOST/PATH, https://HOST/PATH or a folder's path")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise _no_address(given, "it cannot have a user's name, '?' or '#' in it")
    where = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{where}{port}{urllib.parse.quote(parts.path, safe='/%:@!$&()*+,;=~')}"


def _no_address(given: str, reason: str) -> InvalidInput:
    hidden = re.sub(r"//[^/]*@", "//…@", given)  # a password is not repeated
    return InvalidInput(f"{BASE_VARIABLE} cannot be {shown(hidden)}: {reason}, or unset it")


def fetch(
    file: PublicFile, cache: Path, *, force: bool = False, report: Report | None = None
) -> Path:
    """Return the path of `file` in `cache`, downloading it if it is missing or damaged there.

    With `force` it is always downloaded. A partial download is kept and continued by the next call.
    `report` is called with the numbers of bytes that arrive. Raises `DataError` with one line for:
    no network, not found, a time-out, wrong content, a full disk, no permission; `InvalidInput` for
    an invalid address in NASBENCH_UPSTREAM.
    """
    report = report or _silent
    target = cache / file.place
    if not force and is_whole(target, file):
        report(file.size or 0)
        return target
    base = base_address(file.host)
    if base.startswith(("http://", "https://")):
        _download(f"{base}/{urllib.parse.quote(file.place)}", file, target, report)
    else:
        _copy(Path(base) / file.place, file, target)
        report(file.size or 0)
    return target


def fetch_all(files: tuple[PublicFile, ...], cache: Path, *, force: bool = False) -> list[Path]:
    """Fetch all `files` and return their paths; show a progress bar if stderr is a terminal."""
    with _progress(sum(file.size or 0 for file in files)) as report:
        return [fetch(file, cache, force=force, report=report) for file in files]


def _silent(_: int) -> None:
    pass


def is_whole(path: Path, file: PublicFile) -> bool:
    """Whether there is a file at `path` that is `file`."""
    try:
        fits = file.size is None or path.stat().st_size == file.size
        return fits and file.digest(path) == file.pin
    except OSError:
        return False


def _copy(origin: Path, file: PublicFile, target: Path) -> None:
    try:
        size = origin.stat().st_size if origin.is_file() or not origin.exists() else -1
        expected = 0 <= size <= LARGEST if file.size is None else size == file.size
        if not expected:  # a pipe never ends, and a wrong file may be of any length
            raise _not_expected(str(origin), file, f"{size} bytes" if size >= 0 else "no file")
        content = origin.read_bytes()
    except FileNotFoundError:
        raise DataError(
            f"'{printable(origin)}' does not exist: point {BASE_VARIABLE} at a folder laid out as "
            "owner/repository/commit/path, or unset it"
        ) from None
    except OSError as error:
        raise DataError(f"cannot read '{printable(origin)}': {error.strerror or error}") from error
    _check(str(origin), file, len(content), file.digest(content))
    with atomic_write(target) as out:
        out.write(content)


def _download(url: str, file: PublicFile, target: Path, report: Report) -> None:
    """Download into a partial file beside `target`, check it and rename it to `target`."""
    partial = target.with_name(f".{target.name}.partial")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("a+b") as out:
            _lock(out, target)
            if not _still_there(partial, out):  # another process finished it meanwhile
                return _download_again(url, file, target, report)
            receive_with_retries(url, file.size, out, report)
            out.flush()
            os.fsync(out.fileno())
            size, digest = out.tell(), file.digest(partial)
            if digest != file.pin:
                partial.unlink()  # a wrong file must not be continued
            _check(address(url), file, size, digest)
            partial.replace(target)
    except OSError as error:
        raise disk_error(target, error) from error


def _download_again(url: str, file: PublicFile, target: Path, report: Report) -> None:
    if is_whole(target, file):
        report(file.size or 0)
    else:
        _download(url, file, target, report)


def _still_there(path: Path, file: BinaryIO) -> bool:
    try:
        return path.stat().st_ino == os.fstat(file.fileno()).st_ino
    except FileNotFoundError:
        return False


def _lock(file: BinaryIO, target: Path) -> None:
    """Wait until no other process writes to `file`, then lock it; closing it ends the lock."""
    try:
        import fcntl  # missing on Windows, where two downloads at once are not kept apart
    except ImportError:  # pragma: no cover
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        note(f"another process downloads '{printable(target.name)}': waiting for it")
        fcntl.flock(file, fcntl.LOCK_EX)


def _check(origin: str, file: PublicFile, size: int, digest: str) -> None:
    if digest != file.pin:
        kind = "SHA-256" if file.sha256 else "git blob"
        raise _not_expected(origin, file, f"{size} bytes with {kind} {digest[:12]}…")


def _not_expected(origin: str, file: PublicFile, found: str) -> DataError:
    expected = f"{file.pin[:12]}…" if file.size is None else f"{file.size} with {file.pin[:12]}…"
    return DataError(
        f"'{printable(origin)}' is not the expected file: {found}, expected {expected}: it was "
        f"altered on the way or {BASE_VARIABLE} is wrong"
    )


@contextmanager
def _progress(total: int) -> Iterator[Report]:
    """Show a progress bar if stderr is a terminal; yield the function that advances it."""
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

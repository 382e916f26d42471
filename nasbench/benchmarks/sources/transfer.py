"""Downloading one file over HTTP, with limits on time and with checks of the server's answers.

A download that receives no byte for 30 seconds, or fewer than 1,000 bytes per second over half a
minute, ends with a one-line error. The network is used in a separate thread, so that Ctrl-C works
at once even while a name server or a server does not answer.
"""

import http.client
import os
import queue
import re
import socket
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from contextlib import closing, suppress
from typing import BinaryIO

from nasbench.errors import DataError
from nasbench.text import address, printable

_TRIES = 4
_PAUSE = 1.0  # seconds before the second try, doubled before each further one
_TIMEOUT = 30.0
"""Longest wait for the next byte in seconds, over all tries together."""
_SILENT = 5.0  # seconds of waiting after which a note is printed
_LEAST_RATE = 1_000
"""Bytes per second that must arrive on average over `_RATE_SECONDS`."""
_RATE_SECONDS = 30.0
_BLOCK = 1 << 16
_AHEAD = 4  # blocks received before they are written
_LONGEST_REASON = 120
LARGEST = 256 << 20
"""Bytes of the largest file whose size is not known beforehand."""
_TEMPORARY = {408, 425, 429, 500, 502, 503, 504}
_WHOLE, _PARTIAL, _NOT_FOUND, _NO_SUCH_RANGE = 200, 206, 404, 416

Report = Callable[[int], None]
"""Called with the number of bytes that have arrived since the last call."""


class _InterruptedError(Exception):
    """A temporary failure, after which another try may succeed."""


class _SlowError(Exception):
    """The server is too slow, so there is no further try."""


def note(line: str) -> None:
    """Print a line on stderr."""
    print(f"note: {line}", file=sys.stderr, flush=True)


def receive_with_retries(url: str, size: int | None, out: BinaryIO, report: Report) -> None:
    """Append the missing bytes of a file of `size` bytes to `out`; `DataError` on failure.

    With None as `size`, the server says how many there are.

    `report` is called with the numbers of bytes. Bytes that have arrived stay in `out`, so that a
    later call can continue from them.
    """
    patience = _Patience(urllib.parse.urlsplit(url).netloc)
    for attempt in range(1, _TRIES + 1):
        try:
            _receive(url, size, out, report, patience)
            return
        except (_InterruptedError, _SlowError) as failure:
            if attempt == _TRIES or isinstance(failure, _SlowError):
                tries = f"{attempt} tries" if attempt > 1 else "1 try"
                raise DataError(
                    f"cannot download '{address(url)}': {failure} ({tries}): check the network and "
                    "run the same command again, it continues where it stopped"
                ) from failure
            patience.pause(_PAUSE * 2 ** (attempt - 1))


def _receive(
    url: str, size: int | None, out: BinaryIO, report: Report, patience: "_Patience"
) -> None:
    """Append the missing bytes to `out`; `_InterruptedError` if another try may help."""
    have, most = out.seek(0, os.SEEK_END), LARGEST if size is None else size
    if have >= most:
        have = out.truncate(0)
    with closing(_Transfer(url, have)) as transfer:
        try:
            status, headers = transfer.begin(patience)
            if have and (status != _PARTIAL or not _continues(headers, have)):
                have = out.truncate(0)  # the server sends the whole file or another part of it
                if status == _PARTIAL:
                    raise _InterruptedError("the server sent another part than was asked for")
            if status not in (_WHOLE, _PARTIAL):
                raise _lasting(url, f"the server answers {status}")
            report(have)
            declared = _length(headers)
            end = most + 1 if declared is None else min(have + declared, most + 1)
            if size is None:
                size = have if declared is None else end
            while have < end:
                block = transfer.block(patience)
                if not block:
                    break
                out.write(block)
                have += len(block)
                patience.arrived(len(block))
                report(len(block))
        except urllib.error.HTTPError as error:
            if error.code == _NO_SUCH_RANGE and have:
                out.truncate(0)  # the bytes here are not the beginning of the server's file
            raise _http_failure(url, error, resuming=bool(have)) from error
    if size is not None and have < size:
        raise _InterruptedError(f"the connection closed after {have} of {size} bytes")


class _Patience:
    """The limits on waiting for a server: time since the last byte, and bytes per half minute."""

    def __init__(self, host: str) -> None:
        """Start the clock of waiting for `host`."""
        self._host = host
        self._since = self._window = time.monotonic()
        self._arrived = 0
        self._told = False

    def wait(self) -> float:
        """Return the seconds until the next check; `_SlowError` after too long a wait."""
        waited = time.monotonic() - self._since
        if waited >= _TIMEOUT:
            raise _SlowError(f"no answer within {_TIMEOUT:g} s")
        if waited >= _SILENT and not self._told:
            self._told = True
            note(f"no answer from {self._host} yet: giving up after {_TIMEOUT:g} s without any")
        return min(_TIMEOUT - waited, _SILENT)

    def arrived(self, number: int) -> None:
        """Count `number` bytes; `_SlowError` if too few arrived in the last half minute."""
        self._since = now = time.monotonic()
        self._arrived += number
        spent = now - self._window
        if spent >= _RATE_SECONDS:
            if self._arrived < _LEAST_RATE * spent:
                raise _SlowError(f"slower than {_LEAST_RATE:,} bytes a second")
            self._window, self._arrived = now, 0

    def pause(self, seconds: float) -> None:
        """Wait before the next try; this time does not count as waiting for the server."""
        time.sleep(seconds)
        self._since += seconds
        self._window += seconds


def _continues(headers: http.client.HTTPMessage, have: int) -> bool:
    """Whether a partial answer begins at byte `have`."""
    match = re.match(r"bytes (\d{1,18})-", headers.get("Content-Range", f"bytes {have}-"))
    return match is not None and int(match[1]) == have


def _length(headers: http.client.HTTPMessage) -> int | None:
    """Return the number of bytes that the server announces, None if it does not say."""
    text = headers.get("Content-Length", "").strip()
    chunked = "Transfer-Encoding" in headers
    return int(text) if re.fullmatch(r"[0-9]{1,18}", text) and not chunked else None


Item = tuple[int, http.client.HTTPMessage] | bytes | BaseException


class _Transfer:
    """One request in a separate thread, which yields status and headers, then blocks, then b''."""

    def __init__(self, url: str, have: int) -> None:
        """Request `url` from byte `have` on."""
        self._url = url
        self._items: queue.Queue[Item] = queue.Queue(_AHEAD)
        self._over = threading.Event()
        threading.Thread(target=self._pump, args=(have,), daemon=True).start()

    def begin(self, patience: _Patience) -> tuple[int, http.client.HTTPMessage]:
        """Return the status and the headers of the answer."""
        item = self._next(patience)
        assert isinstance(item, tuple)  # noqa: S101  # the first item that `_pump` puts
        return item

    def block(self, patience: _Patience) -> bytes:
        """Return the next bytes, b'' at the end."""
        item = self._next(patience)
        assert isinstance(item, bytes)  # noqa: S101  # every later item that `_pump` puts
        return item

    def close(self) -> None:
        """Tell the thread to end after its next bytes, without waiting for it."""
        self._over.set()

    def _next(self, patience: _Patience) -> Item:
        while True:
            try:
                item = self._items.get(timeout=patience.wait())
            except queue.Empty:
                continue
            if isinstance(item, urllib.error.HTTPError):
                raise item
            if isinstance(item, BaseException):
                raise _failure(self._url, item) from item
            return item

    def _pump(self, have: int) -> None:
        try:
            with _opener().open(_request(self._url, have), timeout=2 * _TIMEOUT) as answer:
                self._put((answer.status, answer.headers))
                while not self._over.is_set():
                    block = answer.read1(_BLOCK)
                    self._put(block)
                    if not block:
                        return
        except BaseException as error:  # any error is passed to the waiting thread
            self._put(error)

    def _put(self, item: Item) -> None:
        while not self._over.is_set():
            with suppress(queue.Full):
                self._items.put(item, timeout=1.0)
                return


def _opener() -> urllib.request.OpenerDirector:
    """Return an opener of HTTP(S) addresses only, which follows redirects to such addresses."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(), urllib.request.HTTPHandler(), urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(), urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPErrorProcessor(), urllib.request.UnknownHandler(),
    ):  # fmt: skip
        opener.add_handler(handler)
    return opener


def _request(url: str, have: int) -> urllib.request.Request:
    headers = {"User-Agent": "nasbench"}
    if have:
        headers["Range"] = f"bytes={have}-"
    return urllib.request.Request(url, headers=headers)  # noqa: S310  # http(s), see fetch


def _http_failure(url: str, error: urllib.error.HTTPError, *, resuming: bool) -> Exception:
    """Return the error for an HTTP error code: temporary, not found, or lasting."""
    told = f"the server answers {error.code} ({_reason(error.reason)})"
    if error.code in _TEMPORARY or (error.code == _NO_SUCH_RANGE and resuming):
        return _InterruptedError(told)
    if error.code == _NOT_FOUND:
        return DataError(
            f"'{address(url)}' is not found (404): the file moved or the address is wrong"
        )
    return _lasting(url, told)


def _failure(url: str, error: BaseException) -> Exception:
    """Return `_InterruptedError` for a failure of the network, `DataError` for a lasting one."""
    if isinstance(error, (OSError, http.client.HTTPException)):
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        return _InterruptedError(_network_reason(reason))
    return _lasting(url, f"the answer, or where it redirects to, cannot be read ({_reason(error)})")


def _lasting(url: str, reason: str) -> DataError:
    return DataError(
        f"cannot download '{address(url)}': {reason}: try again later, or another address"
    )


def _network_reason(reason: object) -> str:
    if isinstance(reason, TimeoutError):
        return f"no answer within {_TIMEOUT:g} s"
    if isinstance(reason, socket.gaierror):
        return "the host name is not found (no network?)"
    if isinstance(reason, ConnectionRefusedError):
        return "the connection is refused"
    return _reason(reason)


def _reason(reason: object) -> str:
    """Return the message of a server or a library, printable and shortened, on one line."""
    text = printable(" ".join(str(reason).split())) or type(reason).__name__
    return text if len(text) <= _LONGEST_REASON else f"{text[:_LONGEST_REASON]}…"

"""An adapter of a language model behind an OpenAI-compatible endpoint (`/chat/completions`).

Only the given address is called: proxies of the environment are not used, and redirections are not
followed.
"""

import json
import socket
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

from nasbench.errors import InvalidInput
from nasbench.strategies.parts.model import Completion, Message, ModelError
from nasbench.text import printable, shown

_MOST_BYTES = 4_000_000
_MOST_SAID = 200
"""Characters of a server's own words that are repeated in an error."""
_PAUSE_SECONDS = 0.5
_REPEATED = (408, 429, 500, 502, 503, 504)
"""HTTP codes after which the same question is asked again."""


class _Again(Exception):
    """A failure that may be over when it is tried again."""


@dataclass(frozen=True)
class Endpoint:
    """A model at an address such as `http://127.0.0.1:8000/v1`."""

    address: str
    model: str
    sampling: Mapping[str, Any] = field(default_factory=dict)
    """Fields of the request besides the messages, such as `temperature`."""
    timeout: float = 120.0
    """Seconds after which a request without its whole answer is given up."""
    retries: int = 2
    """How often a request is repeated that could not be answered."""
    api_key: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        """Raise `InvalidInput` for an address that is none of http or https."""
        try:
            parts = urlsplit(self.address)
            usable = parts.scheme in ("http", "https") and bool(parts.hostname)
            _ = parts.port
        except ValueError:
            usable = False
        if not usable or parts.query or parts.fragment or parts.username is not None:
            raise InvalidInput(
                f"endpoint {shown(self.address)}: write http://HOST:PORT/v1, or https://"
            )

    def complete(self, messages: Sequence[Message]) -> Completion:
        """Return the completion of some messages; `ModelError` where there is none."""
        for left in range(self.retries, -1, -1):
            began = time.perf_counter()
            try:
                content = self._asked(messages)
            except _Again as error:
                if not left:
                    raise ModelError(f"endpoint '{self.address}': {error}") from error
                time.sleep(_PAUSE_SECONDS)
            else:
                return self._read(content, time.perf_counter() - began)
        raise AssertionError("the last try returns or raises")

    def _asked(self, messages: Sequence[Message]) -> bytes:
        body = {"model": self.model, "messages": list(messages), **self.sampling}
        headers = {"Content-Type": "application/json"}
        if self.api_key:
            headers["Authorization"] = f"Bearer {self.api_key}"
        with _Limited(self.address, self.timeout) as limited:
            code, reason, content = limited.post(json.dumps(body).encode(), headers)
        if not 200 <= code < 300:  # the codes of success
            said = f"HTTP {code} {printable(reason)}{_words_of(content)}"
            if code in _REPEATED:
                raise _Again(said)
            raise ModelError(f"endpoint '{self.address}': {said}")
        if len(content) > _MOST_BYTES:
            raise ModelError(f"endpoint '{self.address}': an answer of over {_MOST_BYTES:,} bytes")
        return content

    def _read(self, content: bytes, seconds: float) -> Completion:
        try:
            answer = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise ModelError(f"endpoint '{self.address}': the answer is no JSON") from error
        text: Any = _at(answer, "choices", 0, "message", "content")
        tokens = [_at(answer, "usage", one) for one in ("prompt_tokens", "completion_tokens")]
        if not isinstance(text, str):
            raise ModelError(
                f"endpoint '{self.address}': the answer has no choices[0].message.content"
            )
        if not all(type(one) is int and one >= 0 for one in tokens):
            raise ModelError(
                f"endpoint '{self.address}': the answer has no usage with prompt_tokens and "
                "completion_tokens, so its cost is not known"
            )
        return Completion(text, tokens[0], tokens[1], seconds)


class _Limited:
    """A connection for one request, which is cut when its time is over, whatever has arrived."""

    def __init__(self, address: str, seconds: float) -> None:
        parts = urlsplit(address)
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self._seconds = seconds
        self._path = f"{parts.path.rstrip('/')}/chat/completions"
        self._connection = kind(parts.hostname or "", parts.port, timeout=seconds)
        self._socket: socket.socket | None = None  # also after the connection has let it go
        self._over = threading.Event()
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True

    def __enter__(self) -> "_Limited":
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        self._connection.close()

    def _cut(self) -> None:
        self._over.set()
        if self._socket is not None:
            with suppress(OSError):  # it was closed meanwhile
                self._socket.shutdown(socket.SHUT_RDWR)

    def post(self, body: bytes, headers: Mapping[str, str]) -> tuple[int, str, bytes]:
        """Return the code, its words and the content of the answer; `_Again` if there is none."""
        late = f"no answer within {self._seconds:g} s"
        try:
            self._connection.connect()
            self._socket = self._connection.sock
            if not self._over.is_set():
                self._connection.request("POST", self._path, body, dict(headers))
                answer: HTTPResponse = self._connection.getresponse()
                content = answer.read(_MOST_BYTES + 1)
        except TimeoutError as error:
            raise _Again(late) from error
        except (OSError, HTTPException, AttributeError) as error:
            if self._over.is_set():
                raise _Again(late) from error
            raise _Again(str(getattr(error, "strerror", None) or error)) from error
        if self._over.is_set():
            raise _Again(late)
        return answer.status, answer.reason, content


def _words_of(content: bytes) -> str:
    """Return what a server says of an error: its message, or the first line, shortened."""
    text = content[: 10 * _MOST_SAID].decode(errors="replace")
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        found = None
    for path in (("error", "message"), ("message",), ("detail",), ("error",)):
        if isinstance(said := _at(found, *path), str):
            text = said
            break
    line = printable(next((one.strip() for one in text.splitlines() if one.strip()), ""))
    short = f"{line[:_MOST_SAID]}…" if len(line) > _MOST_SAID else line
    return f": {short}" if short else ""


def _at(value: Any, *path: str | int) -> Any:
    """Return what is at a path in JSON values, None if nothing is."""
    for step in path:
        if isinstance(value, dict) and isinstance(step, str):
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            return None
    return value

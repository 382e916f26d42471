"""An adapter of a language model behind an OpenAI-compatible endpoint (`/chat/completions`).

Only the given address is called: proxies of the environment are not used, and redirections are not
followed.
"""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

from nasbench.errors import InvalidInput
from nasbench.strategies.parts.model import Completion, Message, ModelError
from nasbench.text import shown

_MOST_BYTES = 4_000_000
_PAUSE_SECONDS = 0.5
_REPEATED = (408, 429, 500, 502, 503, 504)
"""HTTP codes after which the same question is asked again."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows no redirection, which becomes an error of its code."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        """Return no further request."""
        return


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
    """Seconds without an answer after which a request is given up."""
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
        request = urllib.request.Request(  # noqa: S310  # http or https, as checked before
            f"{self.address.rstrip('/')}/chat/completions", json.dumps(body).encode(), headers
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect())
        try:
            with opener.open(request, timeout=self.timeout) as answer:
                content: bytes = answer.read(_MOST_BYTES + 1)
        except urllib.error.HTTPError as error:
            with error:
                said = f"HTTP {error.code} {error.reason}"
            if error.code in _REPEATED:
                raise _Again(said) from error
            raise ModelError(f"endpoint '{self.address}': {said}") from error
        except TimeoutError as error:
            raise _Again(f"no answer within {self.timeout:g} s") from error
        except (OSError, HTTPException) as error:
            reason = getattr(error, "reason", None) or error
            if isinstance(reason, TimeoutError):
                raise _Again(f"no answer within {self.timeout:g} s") from error
            raise _Again(str(getattr(reason, "strerror", None) or reason)) from error
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

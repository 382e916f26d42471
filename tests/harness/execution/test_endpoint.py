"""The adapter of an OpenAI-compatible endpoint, against a server on loopback."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from llm_server import FakeServer, proposal, tokens

from nasbench.errors import InvalidInput
from nasbench.harness.execution import endpoint
from nasbench.harness.execution.endpoint import Endpoint
from nasbench.strategies.parts.model import Message, ModelError

MESSAGES: list[Message] = [
    {"role": "system", "content": 'An example of the form: {"d1": "op-a"}\nd1: op-a, op-b'},
    {"role": "user", "content": "Propose the next architecture."},
]


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "_PAUSE_SECONDS", 0.0)


@contextmanager
def served(fault: str = "", after: int = 0) -> Iterator[FakeServer]:
    with FakeServer(fault, after) as server:
        yield server


def test_a_completion_has_its_text_and_its_cost() -> None:
    with served() as server:
        found = Endpoint(server.address, "fake", {"temperature": 0.5, "max_tokens": 9}).complete(
            MESSAGES
        )
    assert found.text == proposal(MESSAGES)
    assert found.prompt_tokens == sum(tokens(one["content"]) for one in MESSAGES)
    assert found.completion_tokens == tokens(found.text)
    assert 0 < found.seconds < 30
    (asked,) = server.asked
    assert asked == {
        "path": "/v1/chat/completions", "model": "fake", "messages": MESSAGES,
        "temperature": 0.5, "max_tokens": 9,
    }  # fmt: skip
    assert "Authorization" not in server.headers[0]


def test_a_key_is_sent_and_not_shown() -> None:
    with served() as server:
        made = Endpoint(server.address, "fake", api_key="secret-1")
        made.complete(MESSAGES)
    assert server.headers[0]["Authorization"] == "Bearer secret-1"
    assert "secret-1" not in repr(made)


def test_no_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with served() as server:
        Endpoint(server.address, "fake", retries=0).complete(MESSAGES)
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("fault", "message", "requests"),
    [
        ("500", "HTTP 500", 3),
        ("401", "HTTP 401", 1),
        ("redirect", "HTTP 307", 1),
        ("no JSON", "the answer is no JSON", 1),
        ("no text", "no choices", 1),
        ("no usage", "no usage", 1),
    ],
)
def test_a_fault_is_one_line_after_bounded_tries(fault: str, message: str, requests: int) -> None:
    with served(fault) as server, pytest.raises(ModelError, match=message) as caught:
        Endpoint(server.address, "fake", retries=2).complete(MESSAGES)
    assert "\n" not in str(caught.value)
    assert server.address in str(caught.value)
    assert len(server.asked) == requests


def test_a_slow_answer_is_given_up() -> None:
    with served("slow") as server, pytest.raises(ModelError, match=r"no answer within 0\.2 s"):
        Endpoint(server.address, "fake", timeout=0.2, retries=1).complete(MESSAGES)
    assert len(server.asked) == 2


def test_a_refused_connection_is_one_line() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(ModelError, match="refused"):
        Endpoint(f"http://127.0.0.1:{port}/v1", "fake", retries=1).complete(MESSAGES)


@pytest.mark.parametrize(
    "address",
    [
        "", "127.0.0.1:8000", "ftp://host/v1", "file:///etc/passwd", "http://", "http:///v1",
        "http://host:port/v1", "http://host:99999/v1", "http://user:pass@host/v1",
        "http://host/v1?key=1", "http://host/v1#x", "http://[::1/v1",
    ],
)  # fmt: skip
def test_an_address_that_is_none_is_refused_before_any_call(address: str) -> None:
    with pytest.raises(InvalidInput, match="endpoint"):
        Endpoint(address, "fake")


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:8000/v1", "https://host", "http://[::1]:8/v1"]
)
def test_addresses_of_both_protocols_are_taken(address: str) -> None:
    assert Endpoint(address, "fake").address == address


def test_odd_bodies_are_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever JSON a server sends, no other error than `ModelError` comes."""
    made = Endpoint("http://127.0.0.1:1/v1", "fake")
    usage = b'"usage": {"prompt_tokens": 1, "completion_tokens": 2}'
    bodies = [
        b"", b"null", b"[]", b"7", b'{"choices": {}}', b'{"choices": [null], ' + usage + b"}",
        b'{"choices": [{"message": {"content": null}}], ' + usage + b"}", b"[" * 100_000,
        b'{"choices": [{"message": {"content": "x"}}], "usage": {"prompt_tokens": -1, '
        b'"completion_tokens": 2}}',
        b'{"choices": [{"message": {"content": "x"}}], "usage": {"prompt_tokens": true, '
        b'"completion_tokens": 2}}', b"\xff",
    ]  # fmt: skip
    for body in bodies:
        monkeypatch.setattr(Endpoint, "_asked", lambda *_, body=body: body)
        with pytest.raises(ModelError):
            made.complete(MESSAGES)

"""Servers that lie, stall or never end: one line each, and nothing kept that does not belong."""

import hashlib
import os
import resource
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from random import Random

import pytest
from hostile.children import Case
from hostile.lying_server import CONTENT, LIES, lying_server, no_range, silent

from nasbench.benchmarks.sources import transfer
from nasbench.benchmarks.sources.fetch import PublicFile, base_address, fetch
from nasbench.errors import DataError, InvalidInput, NasbenchError

FILE = PublicFile(
    repository="owner/repository", commit="c0ffee", path="data/file.bin", size=len(CONTENT),
    sha256=hashlib.sha256(CONTENT).hexdigest(), licence="MIT", authors="nobody", taken="all",
)  # fmt: skip
HONEST_ENOUGH = {"a length too large", "a header without a colon", "206 unasked"}
"""The right content comes, whatever is said beside it."""


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "_PAUSE", 0.0)
    monkeypatch.setattr(transfer, "_TIMEOUT", 0.6)
    monkeypatch.setattr(transfer, "_RATE_SECONDS", 0.5)
    monkeypatch.setattr(transfer, "_SILENT", 0.2)


@pytest.mark.parametrize("lie", LIES)
def test_every_lie_is_one_line(lie: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.monotonic()
    with lying_server(LIES[lie]) as address:
        monkeypatch.setenv("NASBENCH_UPSTREAM", address)
        try:
            path = fetch(FILE, tmp_path)
        except NasbenchError as error:
            line = str(error)
            assert isinstance(error, DataError)
            assert line.isprintable(), line
            assert len(line) < 600
            assert not (tmp_path / FILE.place).exists()
        else:
            assert lie in HONEST_ENOUGH
            assert path.read_bytes() == CONTENT
    assert time.monotonic() - began < 10
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kilobytes


def test_a_server_that_drips_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with lying_server(LIES["drips a byte"]) as address:
        monkeypatch.setenv("NASBENCH_UPSTREAM", address)
        with pytest.raises(DataError, match="slower than 1,000 bytes a second"):
            fetch(FILE, tmp_path)


def test_a_silent_server_is_waited_for_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    began = time.monotonic()
    with lying_server(silent) as address:
        monkeypatch.setenv("NASBENCH_UPSTREAM", address)
        with pytest.raises(DataError, match=r"no answer within 0.6 s \(1 try\)"):
            fetch(FILE, tmp_path)
    assert 0.6 <= time.monotonic() - began < 1.2
    assert capsys.readouterr().err.startswith("note: no answer from 127.0.0.1:")


def test_a_range_that_is_refused_begins_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    partial = tmp_path / FILE.place
    partial.parent.mkdir(parents=True)
    partial.with_name(f".{partial.name}.partial").write_bytes(b"of another file")
    with lying_server(no_range) as address:
        monkeypatch.setenv("NASBENCH_UPSTREAM", address)
        assert fetch(FILE, tmp_path).read_bytes() == CONTENT


def test_ctrl_c_is_obeyed_while_a_server_is_silent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "_TIMEOUT", 60.0)
    monkeypatch.setattr(transfer, "_SILENT", 60.0)
    press = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    began = time.monotonic()
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a parallel run has another
    try:
        with lying_server(silent) as address:
            monkeypatch.setenv("NASBENCH_UPSTREAM", address)
            press.start()
            with pytest.raises(KeyboardInterrupt):
                fetch(FILE, tmp_path)
    finally:
        signal.signal(signal.SIGINT, before)
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("HTTP://Example.org/", "http://example.org"),
        ("https://bücher.example/a b", None),
        ("https://bücher.example/ä", "https://xn--bcher-kva.example/%C3%A4"),  # RFC 3492, 7.1
        ("http://[::1]:80/x", "http://[::1]:80/x"),
        ("http://" + "ü" * 60 + ".example", None),  # a label is at most 63 bytes in ASCII
        ("http://" + "a" * 64 + ".example", None),
        ("http://exa\x07mple", None),
        ("http://exa\u202emple", None),
        ("http://", None),
        ("http://[", None),
        ("http://host:port", None),
        ("http://host:99999", None),
        ("http://user:secret@host", None),
        ("http://host/?query", None),
        ("ftp://host/x", None),
        ("file:///etc", None),
        ("~nobody-of-this-name/x", None),
        ("~", str(Path.home())),
        ("some/folder", "some/folder"),
    ],
)
def test_an_address_is_sent_as_the_web_has_it_or_refused(
    given: str, sent: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NASBENCH_UPSTREAM", given)
    if sent is not None:
        assert base_address() == sent
        return
    with pytest.raises(InvalidInput, match=r"^NASBENCH_UPSTREAM cannot be") as caught:
        base_address()
    assert str(caught.value).isprintable()
    assert "secret" not in str(caught.value)


def test_a_pipe_is_no_file_of_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NASBENCH_UPSTREAM", str(tmp_path / "upstream"))
    pipe = tmp_path / "upstream" / FILE.place
    pipe.parent.mkdir(parents=True)
    os.mkfifo(pipe)
    with pytest.raises(DataError, match="is not the expected file: no file"):
        fetch(FILE, tmp_path / "cache")


def _hasten() -> None:
    transfer._PAUSE, transfer._TIMEOUT, transfer._RATE_SECONDS = 0.0, 0.6, 0.5


def _fetched_from(lie: str) -> Callable[[], None]:
    """Return what starts a lying server in the process that then fetches from it."""

    def start() -> None:
        _hasten()
        stack = ExitStack()
        os.environ["NASBENCH_UPSTREAM"] = stack.enter_context(lying_server(LIES[lie]))
        _open.append(stack)

    return start


_open: list[ExitStack] = []
ADDRESSES = (
    "http://", "http://[", "HTTP://127.0.0.1:1", "~", "~nobody", "ftp://x", "file:///",
    "http://a b",
    "http://\x1b[31m", "http://\u202e", "http://" + "ü" * 60, "https://user:pw@x", "/dev/zero",
    "/dev/null", ".", "x" * 5000, "http://x?y", "http://127.0.0.1:99999", "http://::1", " ", "//",
)  # fmt: skip


def cases(random: Random) -> Iterator[Case]:
    """Yield lying servers and odd addresses without end."""
    while True:
        line = ("data", "fetch", random.choice(["nb201", "nb201-hw"]))
        if random.random() < 0.5:
            lie = random.choice(list(LIES))
            yield Case(lie, (line,), inside=_fetched_from(lie), alone=False)
        else:
            address = random.choice(ADDRESSES)
            yield Case(address, (line,), environment={"NASBENCH_UPSTREAM": address}, inside=_hasten)

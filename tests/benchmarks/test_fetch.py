"""Downloads against a server that misbehaves in every way it can."""

import hashlib
import http.server
import socket
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from nasbench.benchmarks.sources import transfer as module
from nasbench.benchmarks.sources.fetch import PublicFile, fetch, fetch_all
from nasbench.errors import DataError

CONTENT = bytes(range(256)) * 1000


def public_file(content: bytes = CONTENT) -> PublicFile:
    return PublicFile(
        repository="owner/repository",
        commit="c0ffee",
        path="data/file.bin",
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        licence="MIT",
        authors="nobody",
        taken="everything",
    )


class Cut(NamedTuple):
    """Close the connection after that many bytes."""

    bytes: int


class Server(http.server.ThreadingHTTPServer):
    """Serves CONTENT; `faults`, one per request, are error codes or where to cut."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.faults: list[int | Cut] = []
        self.ranges: list[str | None] = []
        self.content = CONTENT
        self.resumable = True

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        self.server.ranges.append(wanted)
        if self.path != "/owner/repository/c0ffee/data/file.bin":
            return self.send_error(404)
        fault = self.server.faults.pop(0) if self.server.faults else None
        if isinstance(fault, int):
            return self.send_error(fault)
        content = self.server.content
        start = 0
        if wanted and self.server.resumable:
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            self.send_response(206)
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        end = len(content) if fault is None else start + fault.bytes
        self.wfile.write(content[start:end])
        return None

    def log_message(self, format: str, *args: Any) -> None:
        """Stay quiet."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        monkeypatch.setenv("NASBENCH_UPSTREAM", running.address)
        monkeypatch.setattr(module, "_PAUSE", 0.0)
        yield running
        running.shutdown()
        thread.join()


def test_a_file_is_downloaded_once_and_kept(server: Server, tmp_path: Path) -> None:
    arrived: list[int] = []
    path = fetch(public_file(), tmp_path, report=arrived.append)
    assert path == tmp_path / "owner/repository/c0ffee/data/file.bin"
    assert path.read_bytes() == CONTENT
    assert sum(arrived) == len(CONTENT)
    fetch(public_file(), tmp_path)
    assert len(server.ranges) == 1
    fetch(public_file(), tmp_path, force=True)
    assert len(server.ranges) == 2
    assert [one.name for one in path.parent.iterdir()] == ["file.bin"]


def test_a_broken_connection_is_resumed(server: Server, tmp_path: Path) -> None:
    server.faults = [Cut(100_000), Cut(50_000)]
    assert fetch(public_file(), tmp_path).read_bytes() == CONTENT
    assert server.ranges == [None, "bytes=100000-", "bytes=150000-"]


def test_an_interrupted_download_is_resumed_by_the_next_call(
    server: Server, tmp_path: Path
) -> None:
    def stop(arrived: int) -> None:
        if arrived:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(public_file(), tmp_path, report=stop)
    (kept,) = (tmp_path / public_file().place).parent.iterdir()
    there = kept.stat().st_size
    assert 0 < there < len(CONTENT)
    assert fetch(public_file(), tmp_path).read_bytes() == CONTENT
    assert server.ranges == [None, f"bytes={there}-"]


def test_a_server_that_cannot_resume_sends_it_whole(server: Server, tmp_path: Path) -> None:
    server.resumable = False
    server.faults = [Cut(100_000)]
    assert fetch(public_file(), tmp_path).read_bytes() == CONTENT


def test_a_stale_partial_file_does_no_harm(server: Server, tmp_path: Path) -> None:
    target = tmp_path / public_file().place
    target.parent.mkdir(parents=True)
    (target.parent / ".file.bin.partial").write_bytes(b"junk" * 10)
    with pytest.raises(DataError, match="not the expected file"):
        fetch(public_file(), tmp_path)
    assert fetch(public_file(), tmp_path).read_bytes() == CONTENT


@pytest.mark.parametrize("code", [429, 500, 503])
def test_temporary_failures_are_tried_again(server: Server, tmp_path: Path, code: int) -> None:
    server.faults = [code, code, code]
    assert fetch(public_file(), tmp_path).read_bytes() == CONTENT
    server.faults = [code] * 4
    with pytest.raises(DataError, match=rf"the server answers {code} .*\(4 tries\)"):
        fetch(public_file(), tmp_path, force=True)


def test_not_found_and_forbidden_are_not_tried_again(server: Server, tmp_path: Path) -> None:
    server.faults = [404]
    with pytest.raises(DataError, match=r"not found \(404\)"):
        fetch(public_file(), tmp_path)
    server.faults = [403]
    with pytest.raises(DataError, match="answers 403"):
        fetch(public_file(), tmp_path)
    assert len(server.ranges) == 2


def test_altered_content_is_refused_and_not_kept(server: Server, tmp_path: Path) -> None:
    server.content = b"x" + CONTENT[1:]
    with pytest.raises(DataError, match="not the expected file"):
        fetch(public_file(), tmp_path)
    server.content = CONTENT + b"more"
    with pytest.raises(DataError, match="not the expected file"):
        fetch(public_file(), tmp_path)
    assert list((tmp_path / public_file().place).parent.iterdir()) == []


def test_a_damaged_kept_file_is_fetched_again(server: Server, tmp_path: Path) -> None:
    path = fetch(public_file(), tmp_path)
    path.write_bytes(b"y" + CONTENT[1:])
    assert fetch(public_file(), tmp_path).read_bytes() == CONTENT


def test_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PAUSE", 0.0)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setenv("NASBENCH_UPSTREAM", f"http://127.0.0.1:{port}")
    with pytest.raises(DataError, match=r"connection is refused .*continues where it stopped"):
        fetch(public_file(), tmp_path)

    def no_name(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", no_name)
    monkeypatch.setenv("NASBENCH_UPSTREAM", "http://no.such.host")
    with pytest.raises(DataError, match="host name is not found"):
        fetch(public_file(), tmp_path)


def test_a_silent_server_times_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PAUSE", 0.0)
    monkeypatch.setattr(module, "_TIMEOUT", 0.05)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(8)
        monkeypatch.setenv("NASBENCH_UPSTREAM", f"http://127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(DataError, match=r"no answer within 0.05 s"):
            fetch(public_file(), tmp_path)


def test_a_folder_stands_in_for_the_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    origin, cache = tmp_path / "upstream", tmp_path / "cache"
    monkeypatch.setenv("NASBENCH_UPSTREAM", str(origin))
    with pytest.raises(DataError, match=r"does not exist: point NASBENCH_UPSTREAM"):
        fetch(public_file(), cache)
    source = origin / public_file().place
    source.parent.mkdir(parents=True)
    source.write_bytes(CONTENT)
    assert fetch_all((public_file(),), cache)[0].read_bytes() == CONTENT
    source.write_bytes(b"other")
    with pytest.raises(DataError, match="not the expected file"):
        fetch(public_file(), cache, force=True)


def test_an_unwritable_place(server: Server, tmp_path: Path) -> None:
    (tmp_path / "owner").write_text("a file where a folder should be")
    with pytest.raises(DataError, match=r"cannot write .*NASBENCH_DATA"):
        fetch(public_file(), tmp_path)


def test_two_fetches_at_once_are_safe(server: Server, tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        paths = list(pool.map(lambda _: fetch(public_file(), tmp_path, force=True), range(8)))
    assert {path.read_bytes() == CONTENT for path in paths} == {True}
    assert [one.name for one in paths[0].parent.iterdir()] == ["file.bin"]


def by_blob(blob: str = "") -> PublicFile:
    """The same file pinned as git names it, its size unknown."""
    name = hashlib.sha1(f"blob {len(CONTENT)}\0".encode() + CONTENT).hexdigest()
    return replace(public_file(), size=None, sha256="", blob=blob or name)


def test_a_file_of_unknown_size_is_checked_by_its_blob_id(server: Server, tmp_path: Path) -> None:
    """`git hash-object` prints the same identifier."""
    server.faults = [Cut(100_000)]
    path = fetch(by_blob(), tmp_path)
    assert path.read_bytes() == CONTENT
    assert server.ranges == [None, "bytes=100000-"]
    fetch(by_blob(), tmp_path)
    assert len(server.ranges) == 2
    path.write_bytes(CONTENT[:-1] + b"?")
    assert fetch(by_blob(), tmp_path).read_bytes() == CONTENT
    told = subprocess.run(
        ["git", "hash-object", str(path)], capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() == by_blob().pin
    assert by_blob().as_source(path).sha256 == hashlib.sha256(CONTENT).hexdigest()


def test_another_file_than_the_blob_is_refused(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(DataError, match=r"bytes with git blob \w+…, expected 0123456789ab…"):
        fetch(by_blob("0123456789ab" + "0" * 28), tmp_path)
    folder = tmp_path / "host"
    (folder / public_file().place).parent.mkdir(parents=True)
    (folder / public_file().place).write_bytes(b"another")
    monkeypatch.setenv("NASBENCH_UPSTREAM", str(folder))
    with pytest.raises(DataError, match="7 bytes with git blob"):
        fetch(by_blob(), tmp_path)

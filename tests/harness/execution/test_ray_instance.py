"""The private Ray instance: closed to other machines and users, wherever its folder must lie."""

import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext, suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from workers import all_gone, environment, living

from nasbench import leftovers
from nasbench.errors import InvalidInput, NasbenchError
from nasbench.harness.execution import ray_address, ray_instance
from nasbench.harness.execution.ray_instance import ray_instance as instance

LISTENS = "0A"
LOOPBACK = {"0100007F", "0000000000000000FFFF00000100007F", "00000000000000000000000001000000"}
"""127.0.0.1, the same as IPv6 writes it, and ::1, as the kernel's tables show them."""


@pytest.fixture(autouse=True)
def _marked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NASBENCH_MARK", f"ray-{os.getpid()}")


def sockets() -> list[tuple[int, str]]:
    """Return process and address of every listening TCP socket of what is marked, from /proc."""
    address = {}
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == LISTENS:
                address[f"socket:[{fields[9]}]"] = fields[1].partition(":")[0]
    found = []
    for pid in {*living(f"NASBENCH_MARK=ray-{os.getpid()}"), os.getpid()}:
        with suppress(OSError):  # it has ended
            for one in Path(f"/proc/{pid}/fd").iterdir():
                with suppress(OSError):  # it has closed this one
                    link = str(one.readlink())
                    found += [(pid, address[link])] if link in address else []
    return found


def path_of_length(parent: Path, length: int) -> Path:
    folder = parent / ("x" * (length - len(str(parent)) - 1))
    folder.mkdir()
    return folder


def longest_place() -> int:
    """Return the longest TMPDIR for which the path of Ray's socket has 107 bytes, counted here."""
    path = f"/nasbench-ray-12345678/r/session_2026-11-26_20-19-27_526356_{os.getpid()}"
    return ray_instance.LONGEST_SOCKET - len(f"{path}/sockets/plasma_store")


@pytest.fixture
def short() -> Iterator[Path]:
    """A folder of a short path, which pytest's own are not."""
    with tempfile.TemporaryDirectory(prefix="o", dir="/tmp") as name:
        yield Path(name)


def test_everything_listens_on_loopback_and_files_are_for_this_user(
    short: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the longest TMPDIR that can be: with one byte more Ray itself would refuse the path."""
    place = path_of_length(short, longest_place())
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    before = {address for _, address in sockets()}
    with instance(2) as ray:
        work = ray.remote(lambda: time.sleep(0.5) or os.getpid())
        workers = set(ray.get([work.remote() for _ in range(4)]))
        listening = sockets()
        assert {address for _, address in listening} <= LOOPBACK | before
        assert workers <= {pid for pid, _ in listening}
        assert len({pid for pid, _ in listening} - workers) >= 3  # head, node, driver
        (folder,) = place.iterdir()
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        (sock,) = folder.rglob("plasma_store")
        assert len(str(sock)) == 107
        leftovers.remove_leftovers()
        assert sock.exists()
    assert list(place.iterdir()) == []
    assert all_gone(f"NASBENCH_MARK=ray-{os.getpid()}")


def test_a_place_that_is_too_long_is_left_for_a_short_one(
    short: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(path_of_length(short, longest_place() + 1)))
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    assert str(ray_instance.socket_place()) in ("/tmp", "/var/tmp")
    monkeypatch.setattr(ray_instance, "LONGEST_SOCKET", 80)  # /tmp is too long
    with pytest.raises(NasbenchError, match=r"a path of at most -?\d+ bytes: set TMPDIR to one"):
        ray_instance.socket_place()


def test_an_instance_that_others_could_reach_is_ended_with_a_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Ray as it is by itself: it replaces 127.0.0.1 and listens everywhere."""
    monkeypatch.setattr(ray_instance, "_loopback", nullcontext)
    with (
        pytest.raises(NasbenchError, match=r"listens on .* which other machines may reach"),
        instance(1),
    ):
        pytest.fail("it was given out")
    assert all_gone(f"NASBENCH_MARK=ray-{os.getpid()}")


def test_ray_may_be_imported_before(tmp_path: Path) -> None:
    """It reads at import whether there is a token, and another process's token is of no use."""
    code = (
        "import ray\nfrom nasbench.harness.execution.ray_instance import ray_instance\n"
        "with ray_instance(1) as ray:\n"
        "    print(ray.get(ray.remote(lambda: 6 * 7).remote()))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(), capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "42\n"), done.stderr


def test_sigterm_while_ray_has_a_handler_of_its_own_reaches_ours() -> None:
    """Ray's calls `sys.exit(15)`: that is somebody else's end, not 143."""
    received: list[int] = []

    def ours(number: int, _: object) -> None:
        received.append(number)
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, ours)
    try:
        with pytest.raises(KeyboardInterrupt), ray_instance._own_signals():
            signal.signal(signal.SIGTERM, lambda number, _: sys.exit(number))
            signal.raise_signal(signal.SIGTERM)
        assert received == [signal.SIGTERM]
        assert signal.getsignal(signal.SIGTERM) is ours
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def silent() -> Iterator[int]:
    """Somebody who takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@contextmanager
def web_server() -> Iterator[int]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


@contextmanager
def other_grpc() -> Iterator[int]:
    """A server of Ray's own protocol that has no service of Ray's."""
    grpc = pytest.importorskip("grpc")
    server = grpc.server(ThreadPoolExecutor(1))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield port
    server.stop(None)


@pytest.mark.parametrize("prefix", ["", "ray://"])
@pytest.mark.parametrize("server", [silent, web_server, other_grpc])
def test_who_is_not_ray_is_found_out_in_seconds(
    server: object, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_address, "_ANSWER_SECONDS", 1.0)
    began = time.monotonic()
    with (
        server() as port,  # type: ignore[operator]
        pytest.raises(InvalidInput, match="no Ray head") as caught,
        instance(1, f"{prefix}127.0.0.1:{port}"),
    ):
        pytest.fail("connected")
    assert f"--ray-address '{prefix}127.0.0.1:{port}'" in str(caught.value)
    assert time.monotonic() - began < 15

"""Ray, connected: an instance of our own on this machine, or a cluster that is there already.

Our own instance listens on the loopback interface only, asks for a token made for it, has no
dashboard, and ends with this process, however that ends.
"""

import importlib
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from nasbench.errors import InvalidInput, NasbenchError
from nasbench.harness import watchdog

_CONNECT_SECONDS = 5.0
_STORE_BYTES = 200_000_000
_QUIET = {"log_to_driver": False, "logging_level": "ERROR"}
_UNKNOWN = re.compile("failed to connect|connection timeout", re.IGNORECASE)
"""What Ray says where it was not let in; of a wrong token it says no more."""
_ALWAYS = {"RAY_USAGE_STATS_ENABLED": "0"}


@contextmanager
def ray_instance(
    cpus: int, address: str | None = None, settings: Mapping[str, str] | None = None
) -> Iterator[Any]:
    """Yield Ray, connected; afterwards everything that was started here is gone.

    Without `address` an instance with so many `cpus` is started. `settings` are environment
    variables of Ray's.
    """
    if address is not None:
        _check_address(address)
    path = os.pathsep.join(one or str(Path.cwd()) for one in sys.path)
    always = {**_ALWAYS, **(settings or {})}
    ours = {
        **always, "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": _token(),
        watchdog.VARIABLE: secrets.token_hex(16),
        "PYTHONPATH": path,  # workers find the strategies that this process finds
    }  # fmt: skip
    with _environment(ours if address is None else always):
        ray = importlib.import_module("ray")
        worker = importlib.import_module("ray._private.worker")
        vars(worker)["_worker_logs_enabled"] = False  # no public switch; a loss fills the screen
        if connected_already():  # theirs is used, and left as it is
            yield ray
        elif address is None:
            yield from _private(ray, cpus)
        else:
            yield from _connected(ray, address)


def connected_already() -> bool:
    """Whether whoever uses this package has connected this process to Ray."""
    ray = sys.modules.get("ray")
    return ray is not None and bool(ray.is_initialized())


@cache
def _token() -> str:
    """Return the token of our own instances: one for a process, which Ray reads once."""
    return secrets.token_hex(32)


def _private(ray: Any, cpus: int) -> Iterator[Any]:
    """Start an instance of our own and end it, with all that it started."""
    folder = Path(tempfile.mkdtemp(prefix="nasbench-ray-"))
    watch = subprocess.Popen(  # noqa: S603  # our own file
        [sys.executable, "-S", watchdog.__file__, str(folder)],
        stdin=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        _start(ray, cpus, folder)
        yield ray
    finally:
        ray.shutdown()
        watch.communicate(watchdog.GOODBYE)


def _start(ray: Any, cpus: int, folder: Path) -> None:
    try:
        with _own_signals():
            ray.init(
                address="local", num_cpus=cpus,
                include_dashboard=False, object_store_memory=_STORE_BYTES,
                _node_ip_address="127.0.0.1", _temp_dir=str(folder), **_QUIET,
            )  # fmt: skip
    except (RuntimeError, TimeoutError, ConnectionError) as error:
        raise NasbenchError(f"Ray cannot start here ({_line(error)}): use --workers 1") from error


def _connected(ray: Any, address: str) -> Iterator[Any]:
    """Connect to a cluster and leave it as it is."""
    try:
        with _own_signals(), _mute():
            ray.init(address=address, **_QUIET)
    except (RuntimeError, TimeoutError, ConnectionError, ray.exceptions.RayError) as error:
        reason = _line(error)
        if _UNKNOWN.search(reason):  # somebody listens there, see `_check_address`
            reason = (
                "who answers there is no Ray head, or does not take RAY_AUTH_TOKEN: set the "
                "cluster's own (and RAY_AUTH_MODE=token)"
            )
        raise InvalidInput(f"--ray-address '{address}': {reason}") from error
    try:
        yield ray
    finally:
        ray.shutdown()


def _check_address(address: str) -> None:
    """Raise `InvalidInput` at once for what is no address, or where nobody listens."""
    given, where = address, "there"
    if address == "auto":
        last = _last_head()
        if last is None:
            return
        address, where = last, f"at {last}"
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if not (colon and host and port.isdecimal() and 0 < int(port) < 2**16):
        raise InvalidInput(f"--ray-address '{given}': write auto, HOST:PORT or ray://HOST:PORT")
    try:
        socket.create_connection((host, int(port)), _CONNECT_SECONDS).close()
    except OSError as error:
        raise InvalidInput(
            f"--ray-address '{given}': nobody answers {where} ({error.strerror or error}); is the "
            "head started (`ray start --head`), and reachable from here?"
        ) from error


def _last_head() -> str | None:
    """Return where Ray looks for a cluster by itself: it waits for minutes where that is gone."""
    note = Path(os.environ.get("RAY_TMPDIR", tempfile.gettempdir())) / "ray" / "ray_current_cluster"
    try:
        return os.environ.get("RAY_ADDRESS") or note.read_text(encoding="utf-8").strip() or None
    except (OSError, UnicodeDecodeError):
        return None


@contextmanager
def _environment(settings: Mapping[str, str]) -> Iterator[None]:
    """Set variables for a while: Ray reads its settings from them, and leaves some of its own."""
    before = dict(os.environ)
    os.environ.update(settings)
    try:
        yield
    finally:
        for name in os.environ.keys() - before.keys():
            del os.environ[name]
        os.environ.update(before)


@contextmanager
def _mute() -> Iterator[None]:
    """Keep what native code writes on stderr from the screen: a line a second about a token."""
    sys.stderr.flush()
    screen, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(screen, 2)
        os.close(screen)
        os.close(nowhere)


@contextmanager
def _own_signals() -> Iterator[None]:
    """Keep our handlers: Ray sets one of its own for SIGTERM."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _line(error: Exception) -> str:
    """Return an error as one line."""
    return " ".join(str(error).split())[:300] or type(error).__name__

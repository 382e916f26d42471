"""Ray, connected: an instance of our own on this machine, or a cluster that is there already.

Our own instance listens on the loopback interface only, which is checked, asks for a token made
for it, has no dashboard, keeps its files where only this user can go, and ends with this process,
however that ends.
"""

import importlib
import ipaddress
import os
import re
import secrets
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

from nasbench.errors import InvalidInput, NasbenchError
from nasbench.harness.execution import watchdog
from nasbench.harness.execution.ray_address import check_address, check_cluster
from nasbench.leftovers import temporary_folder, temporary_places

LONGEST_SOCKET = 103 if sys.platform == "darwin" else 107
"""Bytes of a socket's path that the operating system takes."""
_PREFIX = "nasbench-ray-"
_LOOPBACK = "127.0.0.1"
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
        check_address(address)
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
            return
        _read_settings(ray)
        if address is None:
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


def _read_settings(ray: Any) -> None:
    """Let Ray read its variables again: whoever imported it before us made it read them then."""
    with suppress(AttributeError):
        ray._raylet.Config.initialize("")
        ray._raylet.AuthenticationTokenLoader.instance().reset_cache()


def _private(ray: Any, cpus: int) -> Iterator[Any]:
    """Start an instance of our own and end it, with all that it started."""
    with temporary_folder(_PREFIX, socket_place()) as (folder, lock):
        watch = subprocess.Popen(  # noqa: S603  # our own file
            [sys.executable, "-S", watchdog.__file__, str(folder)],
            stdin=subprocess.PIPE,
            start_new_session=True,
            pass_fds=(lock,),  # the folder is in use until the watchdog is done, too
        )
        try:
            _start(ray, cpus, folder / "r")
            yield ray
        finally:
            ray.shutdown()
            watch.communicate(watchdog.GOODBYE)


def socket_place() -> Path:
    """Return the first temporary folder whose path is short enough for Ray's sockets in it."""
    # Ray's own: a folder named by date, time and process, and the longer one of two sockets
    inside = f"/{_PREFIX}xxxxxxxx/r/session_2026-01-01_00-00-00_000000_{os.getpid()}"
    longest = LONGEST_SOCKET - len(f"{inside}/sockets/plasma_store")
    for place in temporary_places():
        if len(os.fsencode(place)) <= longest and os.access(place, os.W_OK | os.X_OK):
            return place
    raise NasbenchError(
        f"Ray's sockets need a temporary folder with a path of at most {longest} bytes: set TMPDIR "
        "to one, or use --workers 1"
    )


def _start(ray: Any, cpus: int, folder: Path) -> None:
    known = _listening()
    try:
        with _loopback(), _own_signals():
            ray.init(
                address="local", num_cpus=cpus,
                include_dashboard=False, object_store_memory=_STORE_BYTES,
                _node_ip_address=_LOOPBACK, _temp_dir=str(folder), **_QUIET,
            )  # fmt: skip
    except (RuntimeError, TimeoutError, ConnectionError) as error:
        raise NasbenchError(f"Ray cannot start here ({_line(error)}): use --workers 1") from error
    reachable = sorted(address for address in _listening() - known if not _is_loopback(address))
    if reachable:
        raise NasbenchError(
            f"Ray listens on {reachable[0]}, which other machines may reach, and was ended: use "
            "--workers 1, or start a cluster of your own and give --ray-address"
        )


@contextmanager
def _loopback() -> Iterator[None]:
    """Let Ray take the loopback address as it is given.

    On Linux it puts an address that other machines reach in its place, and then listens on every
    interface. The switch, RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER=0, is read when Ray is imported.
    """
    constants = vars(importlib.import_module("ray._private.ray_constants"))
    before = constants.get("ENABLE_RAY_CLUSTER")
    constants["ENABLE_RAY_CLUSTER"] = False
    try:
        yield
    finally:
        constants["ENABLE_RAY_CLUSTER"] = before


def _listening() -> set[str]:
    """Return the addresses, HOST port PORT, where this process and those below it listen."""
    psutil = importlib.import_module("psutil")  # Ray brings it along
    here = psutil.Process()
    found = set()
    for process in (here, *here.children(recursive=True)):
        with suppress(psutil.Error):
            found |= {
                f"{one.laddr.ip} port {one.laddr.port}"
                for one in process.net_connections("tcp")
                if one.status == psutil.CONN_LISTEN
            }
    return found


def _is_loopback(address: str) -> bool:
    host = ipaddress.ip_address(address.partition(" ")[0].partition("%")[0])
    mapped = getattr(host, "ipv4_mapped", None)
    return bool((mapped or host).is_loopback)


def _connected(ray: Any, address: str) -> Iterator[Any]:
    """Connect to a cluster and leave it as it is."""
    try:
        with _mute():
            check_cluster(ray, address)
            with _own_signals():
                ray.init(address=address, **_QUIET)
    except (RuntimeError, TimeoutError, ConnectionError, ray.exceptions.RayError) as error:
        reason = _line(error)
        if _UNKNOWN.search(reason):  # somebody listens there, see `check_cluster`
            reason = (
                "who answers there is no Ray head, or does not take RAY_AUTH_TOKEN: set the "
                "cluster's own (and RAY_AUTH_MODE=token)"
            )
        raise InvalidInput(f"--ray-address '{address}': {reason}") from error
    try:
        yield ray
    finally:
        ray.shutdown()


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
    """Keep our handler of SIGTERM: Ray sets one of its own, which calls `sys.exit`.

    A signal that Ray's handler has taken before it is put back is given to ours.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before, ended = signal.getsignal(signal.SIGTERM), False
    try:
        yield
    except SystemExit as error:
        ended = error.code == signal.SIGTERM
        raise
    finally:
        signal.signal(signal.SIGTERM, before)
        if ended:
            signal.raise_signal(signal.SIGTERM)


def _line(error: Exception) -> str:
    """Return an error as one line."""
    return " ".join(str(error).split())[:300] or type(error).__name__

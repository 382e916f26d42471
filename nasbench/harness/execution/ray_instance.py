"""Connections to Ray: to an instance of our own on this machine, or to a running cluster.

Our own instance listens on the loopback interface only (which is checked), requires a token made
for it, has no dashboard, keeps its files in a folder that only this user can open, and ends with
this process, in whatever way the process ends.
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
"""Most bytes that the operating system allows in a socket's path."""
_PREFIX = "nasbench-ray-"
_LOOPBACK = "127.0.0.1"
_STORE_BYTES = 200_000_000
_QUIET = {"log_to_driver": False, "logging_level": "ERROR"}
_UNKNOWN = re.compile("failed to connect|connection timeout", re.IGNORECASE)
"""Ray's error messages where it could not connect; it has no other one for a wrong token."""
_ALWAYS = {"RAY_USAGE_STATS_ENABLED": "0"}


@contextmanager
def ray_instance(
    cpus: int, address: str | None = None, settings: Mapping[str, str] | None = None
) -> Iterator[Any]:
    """Yield the module `ray`, connected; afterwards end everything that was started here.

    Without `address`, an instance with `cpus` CPUs is started. `settings` are environment variables
    for Ray. A connection that the user made before is used, and left open. Raises `InvalidInput`
    where no cluster answers at `address`, and `NasbenchError` where Ray cannot start.
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
    # a head that ends while a driver connects would be tried for a quarter of an hour
    once = {"RAY_gcs_server_port_wait_time_s": "1", **os.environ, **always}
    with _environment(ours if address is None else once):
        ray = importlib.import_module("ray")
        worker = importlib.import_module("ray._private.worker")
        vars(worker)["_worker_logs_enabled"] = False  # no public switch; a loss prints many lines
        if connected_already():  # the user's connection is used, and left as it is
            yield ray
            return
        _read_settings(ray)
        if address is None:
            yield from _private(ray, cpus)
        else:
            yield from _connected(ray, address)


def connected_already() -> bool:
    """Return whether the user of this package has connected this process to Ray."""
    ray = sys.modules.get("ray")
    return ray is not None and bool(ray.is_initialized())


@cache
def _token() -> str:
    """Return the token of our own instances: one per process, as Ray reads it only once."""
    return secrets.token_hex(32)


def _read_settings(ray: Any) -> None:
    """Let Ray read its environment variables again: it has read them if it was imported before."""
    with suppress(AttributeError):
        ray._raylet.Config.initialize("")
        ray._raylet.AuthenticationTokenLoader.instance().reset_cache()


def _private(ray: Any, cpus: int) -> Iterator[Any]:
    """Start an instance of our own; afterwards end it, with all processes that it started."""
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
    # Ray adds a folder named by date, time and process, and two sockets: this is the longer one
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
    """Make Ray use the loopback address that it is given.

    On Linux Ray would replace it by an address that other machines can reach, and then listen on
    every interface. The switch against this, RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER=0, is read when Ray
    is imported.
    """
    constants = vars(importlib.import_module("ray._private.ray_constants"))
    before = constants.get("ENABLE_RAY_CLUSTER")
    constants["ENABLE_RAY_CLUSTER"] = False
    try:
        yield
    finally:
        constants["ENABLE_RAY_CLUSTER"] = before


def _listening() -> set[str]:
    """Return the addresses, `HOST port PORT`, where this process and its descendants listen."""
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
    """Connect to a running cluster; afterwards disconnect, and leave the cluster as it is."""
    try:
        with _mute():
            check_cluster(ray, address)
            with _own_signals():
                ray.init(address=address, **_QUIET)
    except (RuntimeError, TimeoutError, ConnectionError, ray.exceptions.RayError) as error:
        reason = _line(error)
        if _UNKNOWN.search(reason):  # a process listens there, see `check_cluster`
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
    """Set environment variables with Ray's settings; afterwards restore all variables.

    Variables that Ray itself has set are removed, too.
    """
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
    """Hide what native code writes on stderr: Ray writes a line a second about a token."""
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

    A signal that Ray's handler received before ours was restored is passed on to ours.
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

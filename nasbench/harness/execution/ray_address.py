"""Checks whether a Ray cluster answers at an address, in seconds; Ray itself tries for minutes."""

import importlib
import os
import socket
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from nasbench.errors import InvalidInput

_CONNECT_SECONDS = 5.0
_ANSWER_SECONDS = 10.0
_CLIENT = "ray://"
_QUESTIONS = {
    "": "/ray.rpc.NodeInfoGcsService/CheckAlive",
    _CLIENT: "/ray.rpc.RayletDriver/ClusterInfo",
}
"""Methods of a Ray head and of a `ray://` server that are called, with an empty message."""


def check_address(address: str) -> None:
    """Raise `InvalidInput` for a text that is no address, and where no process listens there."""
    found = _find(address)
    if found is None:
        return
    _, host, port = found
    try:
        socket.create_connection((host.strip("[]"), port), _CONNECT_SECONDS).close()
    except (OSError, UnicodeError) as error:  # the latter for an invalid host name
        where = "there" if address != "auto" else f"at {host}:{port}"
        reason = getattr(error, "strerror", None) or error
        raise InvalidInput(
            f"--ray-address '{address}': nobody answers {where} ({reason}); is the "
            "head started (`ray start --head`), and reachable from here?"
        ) from error


def check_cluster(ray: Any, address: str) -> None:
    """Raise `InvalidInput` where no Ray head answers at an address within ten seconds.

    A head that refuses the token passes this check, as `ray.init` itself reports the refusal. For
    `auto` without any note of a head, those are asked that Ray itself finds among the processes of
    this machine, of which one may just be ending.
    """
    found = _find(address)
    if found is not None:
        _ask(ray, address, found)
        return
    heads = sorted(_running())
    for place, head in enumerate(heads):
        host, _, port = head.rpartition(":")
        try:
            _ask(ray, address, ("", host, int(port)))
        except InvalidInput:
            if place + 1 == len(heads):
                raise
        else:
            return


def _running() -> set[str]:
    """Return the addresses of heads that Ray finds among the processes of this machine.

    Ray remembers what it found before, such as an instance of ours that has ended since: it has to
    look again.
    """
    with suppress(ImportError, AttributeError):
        find = importlib.import_module("ray._private.services").find_gcs_addresses
        with suppress(AttributeError):  # of a version that remembers nothing
            find.cache_clear()
        return set(find())
    return set()


def _ask(ray: Any, address: str, found: tuple[str, str, int]) -> None:
    """Raise `InvalidInput` unless a head answers; `found` is its scheme, host and port."""
    scheme, host, port = found
    grpc = importlib.import_module("grpc")
    with _channel(ray, grpc, f"{host}:{port}") as channel:
        ask = channel.unary_unary(_QUESTIONS[scheme])
        try:
            ask(b"", timeout=_ANSWER_SECONDS, wait_for_ready=True)
        except grpc.RpcError as error:
            codes = grpc.StatusCode
            if error.code() in (codes.DEADLINE_EXCEEDED, codes.UNAVAILABLE, codes.UNIMPLEMENTED):
                hint = "the port of `ray start --head --port`"
                if scheme:
                    hint = "--ray-client-server-port of the head, 10001 by default"
                raise InvalidInput(
                    f"--ray-address '{address}': who answers there is no Ray head (nothing a Ray "
                    f"of this version understands within {_ANSWER_SECONDS:.0f} s): give {hint}"
                ) from error


def _channel(ray: Any, grpc: Any, target: str) -> Any:
    """Return a gRPC channel as Ray makes it, with Ray's TLS and token."""
    options = [("grpc.enable_http_proxy", 0)]
    with suppress(ImportError, AttributeError):
        theirs = importlib.import_module("ray._private.grpc_utils")
        return theirs.init_grpc_channel(target, options)
    return grpc.insecure_channel(target, options)


def _find(address: str) -> tuple[str, str, int] | None:
    """Return an address's scheme, host and port; None where `auto` finds no head.

    Raises `InvalidInput` for a text that is no address.
    """
    given = address
    if address == "auto":
        last = _last_head()
        if last is None:
            return None
        address = last
    scheme = _CLIENT if address.startswith(_CLIENT) else ""
    host, colon, port = address.removeprefix(scheme).rpartition(":")
    if not (colon and host and port.isascii() and port.isdecimal() and 0 < int(port[:6]) < 2**16):
        raise InvalidInput(f"--ray-address '{given}': write auto, HOST:PORT or ray://HOST:PORT")
    return scheme, host, int(port)


def _last_head() -> str | None:
    """Return the address where Ray itself looks for a cluster, None where it knows none.

    Ray waits for minutes if that cluster is gone.
    """
    note = Path(os.environ.get("RAY_TMPDIR", tempfile.gettempdir())) / "ray" / "ray_current_cluster"
    try:
        return os.environ.get("RAY_ADDRESS") or note.read_text(encoding="utf-8").strip() or None
    except (OSError, UnicodeDecodeError):
        return None

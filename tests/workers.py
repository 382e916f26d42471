"""Strategies that fail in every way, and nodes of a real Ray cluster."""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from nasbench.harness.results.load import load_results
from nasbench.problem import Answer, Evaluate, Trial
from nasbench.strategies.base import SearchStrategy

TIMINGS = ("optimiser", "optimiser_seconds", "wall_seconds", "cpu_seconds")


class Plain(SearchStrategy):
    """Asks random cells, and prints."""

    family = "test"
    reference = "none"

    def setup(self) -> None:
        self.asked = 0

    def ask(self) -> Evaluate:
        self.asked += 1
        cell = self.space.sample(self.random)
        if self.asked == 1:
            print("first cell", self.space.index(cell))
        return Evaluate(cell)

    def tell(self, trial: Trial, answer: Answer) -> None:
        pass


class Dies(Plain):
    """Ends its process where the first cell's first choice is the first one."""

    def ask(self) -> Evaluate:
        request = super().ask()
        if self.asked == 1 and request.architecture[0] == 0:
            os._exit(9)
        return request


class FailsOnce(Plain):
    """Fails the first time it is run with a seed, as a flaky device does."""

    def ask(self) -> Evaluate:
        request = super().ask()
        flag = Path(os.environ["FLAGS"]) / str(self.space.index(request.architecture))
        if self.asked == 1 and not flag.exists():
            flag.touch()
            raise RuntimeError("device hiccup")
        return request


class Same(Plain):
    """Asks the first cell, always."""

    def ask(self) -> Evaluate:
        return Evaluate(next(iter(self.space.architectures)))


class Fails(Plain):
    """Fails always."""

    @dataclass(frozen=True)
    class Settings:
        much: int = 1

    def ask(self) -> Evaluate:
        raise RuntimeError("on purpose")


class Hungry(Plain):
    """Takes all the memory it can get."""

    def ask(self) -> Evaluate:
        self._kept = [bytearray(b"1") * 100_000_000 for _ in range(10_000)]
        return super().ask()


class Slow(Plain):
    """A fifth of a second per evaluation, or `SLOW` seconds."""

    def ask(self) -> Evaluate:
        time.sleep(float(os.environ.get("SLOW", "0.2")))
        return super().ask()


class Held(Slow):
    """Numbers its runs in the order in which they begin; all but the first two wait to be let go.

    A run has begun where `FLAGS` has a file of its number, and goes on once it has one of its
    number with `-go`.
    """

    def ask(self) -> Evaluate:
        if self.asked == 0:
            number = begin(folder := Path(os.environ["FLAGS"]))
            while number >= 2 and not (folder / f"{number}-go").exists():
                time.sleep(0.05)
        return super().ask()


def begin(folder: Path) -> int:
    """Return how many have begun before, and leave a file of that name."""
    number = 0
    while True:
        try:
            (folder / str(number)).touch(exist_ok=False)
        except FileExistsError:
            number += 1
        else:
            return number


class Slowly(Slow):
    """Has a setting, for `nasbench tune`."""

    @dataclass(frozen=True)
    class Settings:
        wait: int = 0


def content(results: Path) -> dict[str, dict[str, list[object]]]:
    """Everything stored of the runs but timings, by experiment."""
    return {
        one.label: {
            name: one.table[name].to_pylist()
            for name in one.table.column_names
            if name not in TIMINGS
        }
        for one in load_results(results).experiments
    }


def environment(**more: str) -> dict[str, str]:
    """Return variables in which this file's strategies can be imported."""
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parent), **more}


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "nasbench", "run", *words]


def living(variable: str) -> list[int]:
    """Return the processes that have `variable`, NAME=VALUE, in their environment."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if variable.encode() in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def all_gone(variable: str, seconds: float = 90.0) -> bool:
    """Wait until no process has `variable` in its environment."""
    deadline = time.monotonic() + seconds
    while living(variable):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    return True


class Node:
    """A node of a cluster, started by Ray's own command; killed with everything below it."""

    def __init__(self, *words: str, variables: dict[str, str]) -> None:
        ray = Path(sys.executable).with_name("ray")
        self._process = subprocess.Popen(
            [ray, "start", *words, "--num-cpus", "1", "--object-store-memory", "100000000",
             "--block"],
            env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip

    def kill(self) -> None:
        """End the whole session of processes at once, as a power cut would."""
        for pid in sessions_of(self._process.pid):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self._process.wait()


def sessions_of(leader: int) -> list[int]:
    """Return the processes descended from `leader`, itself included."""
    parent = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parent[int(entry.name)] = int(fields[1])
    found = {leader}
    while True:
        more = {pid for pid, above in parent.items() if above in found} - found
        if not more:
            return sorted(found)
        found |= more


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


class Cluster(NamedTuple):
    """A running cluster: addresses for drivers on and off it, variables to reach it, a node."""

    address: str
    client: str
    variables: dict[str, str]
    second: Node


@contextmanager
def two_nodes(*second: str) -> Iterator[Cluster]:
    """Start a cluster, and end it; `second` are words of the command of the second node."""
    variables = environment(
        RAY_AUTH_MODE="token", RAY_AUTH_TOKEN=secrets.token_hex(32), RAY_USAGE_STATS_ENABLED="0"
    )
    variables.pop("NASBENCH_DATA", None)  # the nodes know no table of ours
    address = f"127.0.0.1:{(port := free_port())}"
    client = f"ray://127.0.0.1:{(client_port := free_port())}"
    folder = tempfile.mkdtemp(prefix="ray-")  # short: sockets lie in it
    head = Node(
        "--head", "--port", str(port), "--ray-client-server-port", str(client_port),
        "--include-dashboard=false", "--temp-dir", folder, variables=variables,
    )  # fmt: skip
    nodes = [head]
    try:
        _await(address, variables, 1)
        nodes.append(Node("--address", address, *second, variables=variables))
        _await(address, variables, 2)
        yield Cluster(address, client, variables, nodes[1])
    finally:
        for node in reversed(nodes):
            node.kill()
        shutil.rmtree(folder, ignore_errors=True)


def _await(address: str, variables: dict[str, str], nodes: int) -> None:
    """Wait until so many nodes are alive."""
    ray = Path(sys.executable).with_name("ray")
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        done = subprocess.run(
            [ray, "status", "--address", address],
            env=variables, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.stdout.count("node_") >= nodes:
            return
        time.sleep(1)
    raise TimeoutError(f"no {nodes} nodes at {address}")

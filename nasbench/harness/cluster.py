"""Runs on Ray: an instance of our own on this machine, or a cluster that is there already.

Chunks of seeds travel to workers, finished runs travel back, and this process stores them: results
on disk are the truth, and Ray's state is never asked what is done. A chunk that is lost, with its
worker or its node, is sent again. Our own instance listens on the loopback interface only, asks
for a token made for it, has no dashboard, and ends with this process, however that ends.
"""

import importlib
import math
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from nasbench.benchmarks.catalogue import load_table, provide, table_file
from nasbench.benchmarks.format import SUFFIX
from nasbench.errors import InvalidInput, NasbenchError
from nasbench.files import atomic_write
from nasbench.harness import watchdog
from nasbench.harness.executors import Job, attempt
from nasbench.harness.experiment import Experiment, Run, Runner
from nasbench.harness.interruption import Interruption
from nasbench.provenance import provenance

CHUNK_SECONDS = 1.0
"""Work sent at once: sending costs milliseconds, and this is what a lost node loses."""
_LARGEST_CHUNK = 1000
_LOSSES = 2
"""Times a run may lose its worker and be sent again; then it is recorded as failed."""
_REASONS = {
    "OutOfMemoryError": "worker killed, the node was out of memory: use fewer --workers or nodes "
    "with more",
    "WorkerCrashedError": "worker process died: killed, out of memory, or crashed in native code",
    "NodeDiedError": "node lost",
}
_WAIT_SECONDS = 0.5
_CONNECT_SECONDS = 5.0
_STORE_BYTES = 200_000_000
_QUIET = {"log_to_driver": False, "logging_level": "ERROR"}
_ALWAYS = {"RAY_USAGE_STATS_ENABLED": "0"}


class Limits(NamedTuple):
    """What runs may take: so many at once (None: what the cluster has room for), each so much."""

    workers: int | None
    cpus: float = 1.0
    gpus: float = 0.0


class _Chunk(NamedTuple):
    """Seeds of one job that travel together, and how often their worker was lost."""

    job: int
    seeds: list[int]
    losses: int = 0


class RayExecutor:
    """Runs chunks of seeds as Ray tasks."""

    def __init__(self, limits: Limits, *, address: str | None = None, retries: int = 0) -> None:
        """Start an instance when there is work, or connect to the one at `address`."""
        self._limits, self._address, self._retries = limits, address, retries

    def execute(self, jobs: Sequence[Job], stop: Interruption) -> Iterator[tuple[int, Run]]:
        """Yield the runs as their chunks come back; leave no process behind."""
        if not any(job.seeds for job in jobs):
            return
        elsewhere = self._address is not None or _connected_already()
        with ray_instance(self._limits, self._address) as ray:
            tables = _tables(ray, jobs) if elsewhere else {}
            yield from _Driver(ray, jobs, self._limits, self._retries, tables).run(stop)


class _Driver:
    """Keeps all workers busy with chunks sized by how long runs have taken."""

    def __init__(
        self, ray: Any, jobs: Sequence[Job], limits: Limits, retries: int, tables: "_Tables"
    ) -> None:
        self._ray, self._limits, self._retries = ray, limits, retries
        self._left = deque((number, deque(job.seeds)) for number, job in enumerate(jobs))
        self._again: deque[_Chunk] = deque()
        self._size = [1] * len(jobs)
        self._pending: dict[Any, _Chunk] = {}
        self._task = ray.remote(_work).options(
            num_cpus=limits.cpus, num_gpus=limits.gpus, max_retries=0
        )
        self._data = [job.experiment.to_json() for job in jobs]
        self._tables = tables

    def run(self, stop: Interruption) -> Iterator[tuple[int, Run]]:
        self._check_room()
        while True:
            most = self._most()
            while not stop.requested and len(self._pending) < most:
                chunk = self._next()
                if chunk is None:
                    break
                self._send(chunk)
            if not self._pending:
                return
            for reference in self._finished():
                yield from self._receive(reference, self._pending.pop(reference))

    def _most(self) -> int:
        """Return how many chunks may be under way: of short ones, a second for every worker.

        Slow runs are not sent ahead of a free worker, so that few are under way when a user stops.
        """
        room = max(1, self._room(self._ray.cluster_resources()))
        workers = self._limits.workers
        if workers is not None and workers < room:
            return workers
        return 2 * room if max(self._size) > 1 else room

    def _room(self, resources: Mapping[str, float]) -> int:
        """Return how many runs some resources have room for."""
        _, cpus, gpus = self._limits
        wanted = {"CPU": cpus, "GPU": gpus}
        return min(
            (int(resources.get(name, 0) / each) for name, each in wanted.items() if each), default=1
        )

    def _check_room(self) -> None:
        """Raise `InvalidInput` where no node could ever take a run: Ray would wait for one."""
        nodes = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
        if not any(map(self._room, nodes)):
            there = "; ".join(
                f"{node.get('CPU', 0):g} CPUs and {node.get('GPU', 0):g} GPUs" for node in nodes
            )
            raise InvalidInput(
                f"a run takes {self._limits.cpus:g} CPUs and {self._limits.gpus:g} GPUs, and no "
                f"node has as many (nodes: {there}): lower --cpus-per-run or --gpus-per-run"
            )

    def _next(self) -> _Chunk | None:
        if self._again:
            return self._again.popleft()
        while self._left and not self._left[0][1]:
            self._left.popleft()
        if not self._left:
            return None
        number, seeds = self._left[0]
        size = min(self._size[number], len(seeds))
        return _Chunk(number, [seeds.popleft() for _ in range(size)])

    def _send(self, chunk: _Chunk) -> None:
        reference = self._task.remote(
            self._data[chunk.job], chunk.seeds, self._retries, identity(), self._tables
        )
        self._pending[reference] = chunk

    def _finished(self) -> list[Any]:
        """Return what has come back, after waiting a moment for the first."""
        ready, _ = self._ray.wait(list(self._pending), num_returns=1, timeout=_WAIT_SECONDS)
        if not ready:
            return []
        every, _ = self._ray.wait(list(self._pending), num_returns=len(self._pending), timeout=0)
        return list(every)

    def _receive(self, reference: Any, chunk: _Chunk) -> Iterator[tuple[int, Run]]:
        errors = self._ray.exceptions
        try:
            runs: list[Run] = self._ray.get(reference)
        except errors.RayTaskError as error:  # not of a run: these are recorded in the run
            cause = error.cause
            raise (
                cause
                if isinstance(cause, NasbenchError)
                else NasbenchError(f"a worker failed: {str(error).strip().splitlines()[-1]}")
            ) from error
        except errors.RayError as error:
            yield from self._lost(chunk, _reason(error))
            return
        each = sum(run.wall_seconds for run in runs) / len(runs)
        self._size[chunk.job] = max(1, min(_LARGEST_CHUNK, int(CHUNK_SECONDS / max(each, 1e-6))))
        yield from ((chunk.job, run) for run in runs)

    def _lost(self, chunk: _Chunk, reason: str) -> Iterator[tuple[int, Run]]:
        """Send a lost chunk again, its seeds one by one: one of them may be the cause."""
        losses = chunk.losses + 1
        if losses <= max(_LOSSES, self._retries) or len(chunk.seeds) > 1:
            self._again.extend(_Chunk(chunk.job, [seed], losses) for seed in chunk.seeds)
            return
        (seed,) = chunk.seeds
        yield chunk.job, Run(seed, None, {}, 0.0, reason)


def _reason(error: Exception) -> str:
    """Return why a worker was lost, as one line."""
    name = type(error).__name__
    return _REASONS.get(name, f"worker lost: {name}")


def identity() -> dict[str, str | None]:
    """Return what driver and workers must have in common for their runs to be the same bits."""
    here = provenance()
    libraries = here["libraries"]
    return {
        "nasbench": here["nasbench"],
        "commit": here["commit"],
        "python": here["python"],
        **{name: libraries[name] for name in ("numpy", "torch")},
    }


_Tables = dict[str, tuple[str, list[Any]]]
"""Tables that are sent along by the name that tasks use: hash, and a reference to the file."""


def _tables(ray: Any, jobs: Sequence[Job]) -> _Tables:
    """Put the file of every table into Ray's store, once."""
    from nasbench.harness.trained import is_trained

    tasks = {job.experiment.task for job in jobs}
    names = {task.benchmark: task.table for task in tasks if not is_trained(task.benchmark)}
    return {
        name: (table, [ray.put(np.fromfile(table_file(name), dtype=np.uint8))])
        for name, table in names.items()
    }


def _provide(tables: _Tables) -> None:
    """See to it that the tables can be loaded here: a node writes each once, to be mapped."""
    ray = importlib.import_module("ray")
    for name, (table, (reference,)) in tables.items():
        with suppress(NasbenchError):
            if load_table(name).hash == table:
                continue
        path = Path(tempfile.gettempdir()) / f"nasbench-tables-{os.getuid()}" / f"{table}{SUFFIX}"
        if not path.exists():
            path.parent.mkdir(mode=0o700, exist_ok=True)
            with atomic_write(path) as file:
                file.write(ray.get(reference).data)
        provide(name, path)


def _work(
    data: dict[str, Any],
    seeds: list[int],
    retries: int,
    driver: Mapping[str, str | None],
    tables: _Tables,
) -> list[Run]:
    """Run seeds on a worker."""
    here = identity()
    for name, version in driver.items():
        if here[name] != version:
            raise NasbenchError(
                f"worker on {socket.gethostname()} has {name} {here[name]} and the driver "
                f"{version}: install the same on all nodes"
            )
    runner = _runner(Experiment.from_json(data), tables)
    return [attempt(runner, seed, retries) for seed in seeds]


_runners: dict[str, Runner] = {}


def _runner(experiment: Experiment, tables: _Tables) -> Runner:
    """Return the runner of an experiment; a worker keeps the one it used last."""
    digest = experiment.digest()
    if digest not in _runners:
        _runners.clear()
        _provide(tables)
        _runners[digest] = Runner(experiment)
    return _runners[digest]


@contextmanager
def ray_instance(
    limits: Limits, address: str | None = None, settings: Mapping[str, str] | None = None
) -> Iterator[Any]:
    """Yield Ray, connected; afterwards everything that was started here is gone.

    `settings` are environment variables of Ray's.
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
        if _connected_already():  # theirs is used, and left as it is
            yield ray
        elif address is None:
            yield from _private(ray, limits)
        else:
            yield from _connected(ray, address)


def _connected_already() -> bool:
    """Whether whoever uses this package has connected this process to Ray."""
    ray = sys.modules.get("ray")
    return ray is not None and bool(ray.is_initialized())


@cache
def _token() -> str:
    """Return the token of our own instances: one for a process, which Ray reads once."""
    return secrets.token_hex(32)


def _private(ray: Any, limits: Limits) -> Iterator[Any]:
    """Start an instance of our own and end it, with all that it started."""
    folder = Path(tempfile.mkdtemp(prefix="nasbench-ray-"))
    watch = subprocess.Popen(  # noqa: S603  # our own file
        [sys.executable, "-S", watchdog.__file__, str(folder)],
        stdin=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        _start(ray, limits, folder)
        yield ray
    finally:
        ray.shutdown()
        watch.communicate(watchdog.GOODBYE)


def _start(ray: Any, limits: Limits, folder: Path) -> None:
    try:
        with _own_signals():
            ray.init(
                address="local", num_cpus=math.ceil((limits.workers or 1) * limits.cpus),
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
        if "Failed to connect" in reason:  # somebody listens there, see `_check_address`
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
    if address == "auto":
        return
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if not (colon and host and port.isdecimal() and 0 < int(port) < 2**16):
        raise InvalidInput(f"--ray-address '{address}': write auto, HOST:PORT or ray://HOST:PORT")
    try:
        socket.create_connection((host, int(port)), _CONNECT_SECONDS).close()
    except OSError as error:
        raise InvalidInput(
            f"--ray-address '{address}': nobody answers there ({error.strerror or error}); is the "
            "head started (`ray start --head`), and reachable from here?"
        ) from error


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

"""Runs on Ray: chunks of seeds are sent to workers, which return finished runs as rows to store.

Which runs are done is read from the results on disk, never from Ray's state. A chunk that is lost
with its worker or its node is sent again.
"""

import importlib
import json
import math
import os
import socket
import stat
import tempfile
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nasbench.benchmarks.catalogue import given_tables, load_table, table_file
from nasbench.benchmarks.tables.format import SUFFIX
from nasbench.errors import InvalidInput, NasbenchError
from nasbench.extensions import reason
from nasbench.files import atomic_write
from nasbench.harness.execution.executors import Job, attempts
from nasbench.harness.execution.interruption import Interruption
from nasbench.harness.execution.ray_instance import connected_already, ray_instance
from nasbench.harness.results.records import to_rows
from nasbench.harness.search.experiment import Experiment, Run
from nasbench.harness.search.runner import Runner
from nasbench.harness.search.task import Kind
from nasbench.place import Place
from nasbench.provenance import provenance
from nasbench.strategies.registry import receive, to_be_sent

CHUNK_SECONDS = 1.0
"""Seconds of work in a chunk: sending one costs milliseconds, and a lost worker loses one."""
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


class Limits(NamedTuple):
    """How many runs go on at once, and the CPUs and GPUs that each of them takes.

    `workers` None means as many as the cluster has room for.
    """

    workers: int | None
    cpus: float = 1.0
    gpus: float = 0.0


class _Chunk(NamedTuple):
    """Seeds of one job that are sent together, and how often their worker was lost."""

    job: int
    seeds: list[int]
    losses: int = 0


class RayExecutor:
    """Runs chunks of seeds as Ray tasks."""

    def __init__(self, limits: Limits, *, address: str | None = None, retries: int = 0) -> None:
        """Take the limits; `execute` starts an instance or connects to the one at `address`."""
        self._limits, self._address, self._retries = limits, address, retries

    def execute(self, jobs: Sequence[Job], stop: Interruption) -> Iterator[tuple[int, pa.Table]]:
        """Yield the runs as their chunks come back, then end all processes that were started."""
        if not any(job.seeds for job in jobs):
            return
        elsewhere = self._address is not None or connected_already()
        cpus = math.ceil((self._limits.workers or 1) * self._limits.cpus)
        with ray_instance(cpus, self._address) as ray:
            tables = _tables(ray, jobs) if elsewhere else {}
            classes = _classes(ray, jobs)
            yield from _Driver(ray, jobs, self._limits, self._retries, tables, classes).run(stop)


class _Driver:
    """Keeps all workers busy with chunks, whose size depends on how long earlier runs took."""

    def __init__(
        self, ray: Any, jobs: Sequence[Job], limits: Limits, retries: int, tables: "_Tables",
        classes: "_Classes",
    ) -> None:  # fmt: skip
        self._ray, self._jobs, self._limits, self._retries = ray, jobs, limits, retries
        self._left = deque((number, deque(job.seeds)) for number, job in enumerate(jobs))
        self._again: deque[_Chunk] = deque()
        self._size = [1] * len(jobs)
        self._pending: dict[Any, _Chunk] = {}
        self._task = ray.remote(_work).options(
            num_cpus=limits.cpus, num_gpus=limits.gpus, max_retries=0
        )
        self._data = [json.dumps(job.experiment.to_json()) for job in jobs]
        self._tables, self._classes = tables, classes

    def run(self, stop: Interruption) -> Iterator[tuple[int, pa.Table]]:
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
        """Return how many chunks may be under way: one for every worker, or two of short runs.

        Slow runs are sent only to free workers, so that few are under way when a user stops.
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
        """Raise `InvalidInput` where no node has room for a run; Ray would wait for one forever."""
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
            self._data[chunk.job],
            self._jobs[chunk.job].place,
            chunk.seeds,
            self._retries,
            identity(),
            self._tables,
            self._classes.get(self._jobs[chunk.job].experiment.strategy),
        )
        self._pending[reference] = chunk

    def _finished(self) -> list[Any]:
        """Return the chunks that have come back, after waiting up to 0.5 s for the first."""
        ready, _ = self._ray.wait(list(self._pending), num_returns=1, timeout=_WAIT_SECONDS)
        if not ready:
            return []
        every, _ = self._ray.wait(list(self._pending), num_returns=len(self._pending), timeout=0)
        return list(every)

    def _receive(self, reference: Any, chunk: _Chunk) -> Iterator[tuple[int, pa.Table]]:
        errors = self._ray.exceptions
        try:
            rows: pa.Table = self._ray.get(reference)
        except errors.RayTaskError as error:  # errors of a run are recorded in the run
            cause = error.cause
            raise (
                cause
                if isinstance(cause, NasbenchError)
                else NasbenchError(f"a worker failed: {str(error).strip().splitlines()[-1]}")
            ) from error
        except errors.RayError as error:
            yield from self._lost(chunk, _reason(error))
            return
        each = pc.mean(rows["wall_seconds"]).as_py()
        self._size[chunk.job] = max(1, min(_LARGEST_CHUNK, int(CHUNK_SECONDS / max(each, 1e-6))))
        yield chunk.job, rows

    def _lost(self, chunk: _Chunk, reason: str) -> Iterator[tuple[int, pa.Table]]:
        """Send a lost chunk's seeds again, one by one, as one of them may be the cause.

        A seed that is lost too often is yielded as a failed run.
        """
        losses = chunk.losses + 1
        if losses <= max(_LOSSES, self._retries) or len(chunk.seeds) > 1:
            self._again.extend(_Chunk(chunk.job, [seed], losses) for seed in chunk.seeds)
            return
        (seed,) = chunk.seeds
        run = Run(seed, None, {}, 0.0, reason)
        yield chunk.job, to_rows(self._jobs[chunk.job].experiment, [run])


def _reason(error: Exception) -> str:
    """Return why a worker was lost, as one line."""
    name = type(error).__name__
    return _REASONS.get(name, f"worker lost: {name}")


def identity() -> dict[str, str | None]:
    """Return the versions that driver and workers must share for runs to have the same bits."""
    here = provenance()
    libraries = here["libraries"]
    return {
        "nasbench": here["nasbench"],
        "commit": here["commit"],
        "python": here["python"],
        **{name: libraries[name] for name in ("numpy", "torch")},
    }


_Tables = dict[str, tuple[str, list[Any]]]
"""Tables that are sent to workers, by their names in tasks: each one's hash, and a list with the
reference to its file in Ray's store."""


def _tables(ray: Any, jobs: Sequence[Job]) -> _Tables:
    """Put the file of every table into Ray's store, once."""
    tasks = {job.experiment.task for job in jobs}
    names = {one.reference.name: one.content for one in tasks if one.kind is Kind.TABLE}
    names |= {join.table: join.content for one in tasks for join in one.joins}
    return {
        name: (table, [ray.put(np.fromfile(table_file(name), dtype=np.uint8))])
        for name, table in names.items()
    }


_Classes = dict[str, list[Any]]
"""Classes that are sent to workers, by the names of their strategies: lists of one reference."""


def _classes(ray: Any, jobs: Sequence[Job]) -> _Classes:
    """Put the class of every strategy that workers may not find into Ray's store, once.

    Raises `InvalidInput` where a class cannot be sent.
    """
    found: _Classes = {}
    for name in dict.fromkeys(job.experiment.strategy for job in jobs):
        strategy = to_be_sent(name)
        if strategy is None:
            continue
        try:
            found[name] = [ray.put(strategy)]
        except Exception as error:  # what a class refers to may raise anything
            raise InvalidInput(
                f"strategy '{name}' cannot be sent to workers ({reason(error)[:200]}): put it into "
                "a module, or use workers=1"
            ) from error
    return found


def _files_of(tables: _Tables) -> dict[str, Path]:
    """Return the files of tables that this node has not installed; each is written once."""
    files = {}
    for name, (table, (reference,)) in tables.items():
        with suppress(NasbenchError):
            if load_table(name).hash == table:
                continue
        files[name] = path = _own_folder() / f"{table}{SUFFIX}"
        if not path.exists():
            ray = importlib.import_module("ray")
            with atomic_write(path) as file:
                file.write(ray.get(reference).data)
    return files


def _own_folder() -> Path:
    """Return this user's folder of tables on a node; `NasbenchError` if it is somebody else's."""
    folder = Path(tempfile.gettempdir()) / f"nasbench-tables-{os.getuid()}"
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o022:
        raise NasbenchError(
            f"'{folder}' is not a folder that only this user may write to: remove it on "
            f"{socket.gethostname()}, or set TMPDIR there"
        )
    return folder


def _work(
    experiment: str,
    place: Place,
    seeds: list[int],
    retries: int,
    driver: Mapping[str, str | None],
    tables: _Tables,
    sent: list[Any] | None = None,
) -> pa.Table:
    """Run seeds of an experiment, which is given as JSON, on a worker; return their rows.

    `sent` holds the reference to the strategy's class, where a worker may not find it.
    """
    here = identity()
    for name, version in driver.items():
        if here[name] != version:
            raise NasbenchError(
                f"worker on {socket.gethostname()} has {name} {here[name]} and the driver "
                f"{version}: install the same on all nodes"
            )
    strategy = None if sent is None else importlib.import_module("ray").get(sent[0])
    if strategy is not None:
        receive(json.loads(experiment)["strategy"], strategy)
    with given_tables(_files_of(tables)):
        runner = _runner(experiment, place, strategy)
        return to_rows(runner.experiment, attempts(runner, seeds, retries))


@lru_cache(maxsize=1)
def _runner(experiment: str, place: Place, strategy: type | None) -> Runner:
    """Return the runner of an experiment; a worker keeps the one it used last.

    A class that a notebook defines again has the same name and is another one.
    """
    return Runner(Experiment.from_json(json.loads(experiment)), place)

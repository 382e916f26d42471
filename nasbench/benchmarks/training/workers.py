"""Worker processes that train shards and always end with their parent process."""

import os
import signal
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess

import torch

from nasbench.benchmarks.training.one_shard import Done, ShardJob, ShardTrainer
from nasbench.benchmarks.training.plan import Plan
from nasbench.errors import NasbenchError, StoreError


def in_processes(plan: Plan, jobs: Sequence[ShardJob], workers: int) -> Iterator[Done]:
    """Train jobs in worker processes; yield a report for each job when its shard is written.

    All workers have ended when this generator ends. An error of a worker is raised here, and
    `StoreError` for a worker that was killed; shards that are written stay.
    """
    crew: dict[Connection, SpawnProcess] = {}
    queue = deque(jobs)
    try:
        for _ in range(workers):
            connection, process = _start(plan)
            crew[connection] = process
            connection.send(queue.popleft() if queue else None)
        busy = set(crew)
        while busy:
            readable = wait(list(busy))
            for ready in busy.intersection(readable):
                answer = _receive(ready, crew[ready])
                if answer is None:
                    busy.remove(ready)
                    continue
                with suppress(BrokenPipeError):  # a killed worker is noticed by `_receive`
                    ready.send(queue.popleft() if queue else None)
                yield answer
    finally:
        for process in crew.values():
            process.terminate()
        for connection, process in crew.items():
            process.join()
            connection.close()


def _start(plan: Plan) -> tuple[Connection, SpawnProcess]:
    context = get_context("spawn")  # a forked torch may hang
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, plan), daemon=True)
    process.start()
    theirs.close()  # so that reading from a killed worker gives an end of file
    return ours, process


def _receive(connection: Connection, process: SpawnProcess) -> Done | None:
    """Return the report on a finished job; None when the worker has no jobs left."""
    try:
        answer = connection.recv()
    except (EOFError, ConnectionResetError):
        process.join()
        raise StoreError(
            f"a worker process was killed (exit code {process.exitcode}), perhaps for its memory: "
            "use fewer --workers or a lower --group; the same command goes on"
        ) from None
    if isinstance(answer, NasbenchError):
        raise answer
    done: Done | None = answer
    return done


def _serve(connection: Connection, plan: Plan) -> None:
    """Train the jobs that arrive until None arrives; this is all that a worker does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent, which ends workers
    threading.Thread(target=_end_with_parent, daemon=True).start()
    torch.set_num_threads(plan.threads)
    trainer = ShardTrainer(plan)
    try:
        while (job := connection.recv()) is not None:
            connection.send(trainer.train(job))
        connection.send(None)
    except NasbenchError as error:
        connection.send(error)


def _end_with_parent() -> None:
    """End this process as soon as its parent has ended, even if the parent was killed."""
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
    os._exit(1)

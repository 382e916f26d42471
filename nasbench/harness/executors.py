"""Where runs happen: in this process, or on several processes of this machine."""

import os
import signal
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Protocol

from nasbench.errors import NasbenchError
from nasbench.harness.experiment import Experiment, Run, Runner

_CHUNK_SECONDS = 0.2
_LARGEST_CHUNK = 64


class Executor(Protocol):
    """Runs the seeds of an experiment and yields each run when it is finished."""

    def execute(self, experiment: Experiment, seeds: Sequence[int]) -> Iterator[Run]:
        """Yield every seed's run, in any order."""


class InProcess:
    """One run after the other, in this process: the fastest start there is."""

    def execute(self, experiment: Experiment, seeds: Sequence[int]) -> Iterator[Run]:
        """Yield the runs in seed order."""
        runner = Runner(experiment)
        for seed in seeds:
            yield runner.run(seed)


class Processes:
    """Chunks of seeds on worker processes; each opens the memory-mapped table itself.

    A chunk is about a fifth of a second of work, so that little is lost when the call is
    killed. The workers end with this process: they hold the reading end of a pipe that only
    this process can write to, and leave when it closes.
    """

    def __init__(self, workers: int) -> None:
        """Use `workers` processes."""
        self._workers = workers

    def execute(self, experiment: Experiment, seeds: Sequence[int]) -> Iterator[Run]:
        """Yield the runs as their chunks finish; leave no process behind.

        Interrupted, it yields what is finished, ends its workers at once and then raises.
        """
        context = get_context("spawn")
        reader, writer = context.Pipe(duplex=False)
        pool = ProcessPoolExecutor(
            self._workers, mp_context=context, initializer=_begin, initargs=(reader,)
        )
        pending: set[Future[list[Run]]] = set()
        try:
            yield from self._drive(pool, experiment, seeds, pending)
        except KeyboardInterrupt:
            for future in pending:
                if future.done() and not future.exception():
                    yield from future.result()
            raise
        except BrokenProcessPool as error:
            raise NasbenchError(
                "a worker process died (killed, or out of memory): finished runs are stored; "
                "run the same command again, with fewer --workers"
            ) from error
        finally:
            writer.close()
            pool.shutdown(cancel_futures=True)
            reader.close()

    def _drive(
        self,
        pool: ProcessPoolExecutor,
        experiment: Experiment,
        seeds: Sequence[int],
        pending: set[Future[list[Run]]],
    ) -> Iterator[Run]:
        """Keep two chunks per worker under way, sized by how long runs have taken."""
        data, left, size = experiment.to_json(), deque(seeds), 1
        while left or pending:
            while left and len(pending) < 2 * self._workers:
                chunk = [left.popleft() for _ in range(min(size, len(left)))]
                pending.add(pool.submit(_run_chunk, data, chunk))
            done, _ = wait(pending, return_when=FIRST_COMPLETED)
            for future in done:
                runs = future.result()
                pending.discard(future)
                each = sum(run.wall_seconds for run in runs) / len(runs)
                size = max(1, min(_LARGEST_CHUNK, int(_CHUNK_SECONDS / max(each, 1e-6))))
                yield from runs


def _begin(reader: Connection) -> None:
    """Prepare a worker: interruptions are the driver's, and the driver's end is ours."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def leave_with_the_driver() -> None:
        try:
            reader.recv_bytes()
        except (EOFError, OSError):
            os._exit(0)

    threading.Thread(target=leave_with_the_driver, daemon=True).start()


def _run_chunk(data: dict[str, object], seeds: list[int]) -> list[Run]:
    runner = Runner(Experiment.from_json(data))
    return [runner.run(seed) for seed in seeds]

"""Where runs happen: in this process, or on several processes of this machine."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from typing import Protocol

from nasbench.harness.experiment import Experiment, Run, Runner

_CHUNK = 32


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
    """Chunks of seeds on worker processes; each opens the memory-mapped table itself."""

    def __init__(self, workers: int) -> None:
        """Use `workers` processes."""
        self._workers = workers

    def execute(self, experiment: Experiment, seeds: Sequence[int]) -> Iterator[Run]:
        """Yield the runs as their chunks finish; leave no process behind."""
        size = max(1, min(_CHUNK, len(seeds) // (4 * self._workers)))
        chunks = [seeds[start : start + size] for start in range(0, len(seeds), size)]
        pool = ProcessPoolExecutor(self._workers, mp_context=get_context("spawn"))
        data = experiment.to_json()
        try:
            pending = [pool.submit(_run_chunk, data, list(chunk)) for chunk in chunks]
            for future in as_completed(pending):
                yield from future.result()
        finally:
            pool.shutdown(cancel_futures=True)


def _run_chunk(data: dict[str, object], seeds: list[int]) -> list[Run]:
    runner = Runner(Experiment.from_json(data))
    return [runner.run(seed) for seed in seeds]

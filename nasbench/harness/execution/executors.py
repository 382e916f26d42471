"""Executors of runs: their interface, one in this process, and one that chooses it or Ray.

A run has the same bits whatever the executor, the number of workers, the order or interruptions.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, Protocol

import pyarrow as pa

from nasbench.harness.execution.interruption import Interruption
from nasbench.harness.results.records import to_rows
from nasbench.harness.search.experiment import Experiment, Run
from nasbench.harness.search.runner import Runner
from nasbench.place import HERE, Place

START_SECONDS = 8.0
"""Seconds until the workers of a Ray instance that we start are at work; 5 to 8 were measured."""
_GAIN_SECONDS = 10.0
"""Seconds that a Ray instance must save for `Automatic` to start one."""
_EFFICIENCY = 0.8
"""Expected work of each further core, as a share of the first core's."""
_MEASURED_SECONDS = 1.0
_BATCH_SECONDS = 1.0
_BATCH_RUNS = 500
_TOGETHER_SECONDS = 4.0
"""Most seconds of work in runs that are advanced together: a user who stops waits for them."""
_SLOW_SECONDS = 0.05
"""Seconds above which a run is yielded at once, as the next run may take as long."""


class Job(NamedTuple):
    """Seeds of one experiment that are to be run."""

    experiment: Experiment
    seeds: Sequence[int]
    place: Place = HERE


class Executor(Protocol):
    """Runs the seeds of jobs and yields them as rows to be stored, when they are finished."""

    def execute(self, jobs: Sequence[Job], stop: Interruption) -> Iterator[tuple[int, pa.Table]]:
        """Yield pairs of a job's number and rows of some of its runs, for all seeds, in any order.

        Once `stop` is requested, no further run begins, and runs under way are finished.
        """


def attempt(runner: Runner, seed: int, retries: int) -> Run:
    """Run a seed, and again up to `retries` times while it fails; return the last run."""
    run = runner.run(seed)
    for _ in range(retries):
        if not run.error:
            break
        run = runner.run(seed)
    return run


def attempts(runner: Runner, seeds: Sequence[int], retries: int) -> list[Run]:
    """Return the runs of seeds, as many advanced together as `runner` says; see `attempt`."""
    runs = list[Run]()
    for first in range(0, len(seeds), runner.together):
        some = seeds[first : first + runner.together]
        runs += runner.run_together(some) or [attempt(runner, one, retries) for one in some]
    return runs


class InProcess:
    """Makes runs in this process, which starts faster than any other way.

    It makes one after the other, or a few together where the strategy says that this is faster.

    Quick runs are yielded in batches, about one per second, as a file for each run would make a
    hundred times more files than needed. A killed process loses one batch.
    """

    def __init__(self, retries: int = 0) -> None:
        """Take the number of times that a failed seed is run again."""
        self._retries = retries

    def execute(self, jobs: Sequence[Job], stop: Interruption) -> Iterator[tuple[int, pa.Table]]:
        """Yield the runs in the order of jobs and seeds."""
        for number, job in enumerate(jobs):
            if job.seeds and not stop.requested:
                for runs in self._batches(job, stop):
                    yield number, to_rows(job.experiment, runs)

    def _batches(self, job: Job, stop: Interruption) -> Iterator[list[Run]]:
        runner, runs, since = Runner(job.experiment, job.place), list[Run](), time.perf_counter()
        left, size = list(job.seeds), 1
        try:
            while left and not stop.requested:
                made = attempts(runner, left[:size], self._retries)
                runs, left = runs + made, left[size:]
                each = sum(run.wall_seconds for run in made) / len(made)
                size = max(1, min(runner.together, int(_TOGETHER_SECONDS / max(each, 1e-6))))
                waited = time.perf_counter() - since
                slow = each > _SLOW_SECONDS
                if slow or waited > _BATCH_SECONDS or len(runs) >= _BATCH_RUNS:
                    yield runs
                    runs, since = [], time.perf_counter()
        except KeyboardInterrupt:
            if runs:
                yield runs
            raise
        if runs:
            yield runs


class Automatic:
    """Makes runs in this process, or on several workers where this is expected to be faster.

    If some searches train and there are two runs or more, all runs are given to workers at once,
    as a run that trains takes longer than Ray's start. Otherwise runs are first made and timed in
    this process, and the runs that are left are given to workers if this saves enough time.
    """

    def __init__(
        self, here: InProcess, parallel: Executor, cores: int, say: Callable[[str], None]
    ) -> None:
        """Choose between `here` and `parallel`, which uses `cores`; `say` what is chosen."""
        self._here, self._parallel, self._cores, self._say = here, parallel, cores, say

    def execute(self, jobs: Sequence[Job], stop: Interruption) -> Iterator[tuple[int, pa.Table]]:
        """Yield the runs; those that are made in this process come in order."""
        left = sum(len(job.seeds) for job in jobs)
        if self._cores > 1 and left > 1 and any(job.experiment.task.trains for job in jobs):
            self._say(f"{left} runs that train on {self._cores} workers (--workers)")
            yield from self._parallel.execute(jobs, stop)
            return
        began, made = time.perf_counter(), [0] * len(jobs)
        for number, rows in self._here.execute(jobs, stop):
            made[number] += len(rows)
            left -= len(rows)
            yield number, rows
            spent = time.perf_counter() - began
            each = spent / sum(made)
            saved = self._saved(each * left)
            if spent >= _MEASURED_SECONDS and saved > _GAIN_SECONDS and not stop.requested:
                self._say(
                    f"{1000 * each:.1f} ms a run measured: the {left} left go to {self._cores} "
                    f"workers, about {saved:.0f} s sooner (--workers 1: here)"
                )
                rest = [
                    job._replace(seeds=job.seeds[done:])
                    for job, done in zip(jobs, made, strict=True)
                ]
                yield from self._parallel.execute(rest, stop)
                return

    def _saved(self, seconds: float) -> float:
        """Return how many seconds all cores save, Ray's start included, on `seconds` of work."""
        speed = 1 + _EFFICIENCY * (self._cores - 1)
        return seconds - seconds / speed - START_SECONDS

"""Where runs happen: the interface, in this process, and the choice between that and Ray.

Whatever the executor, the number of workers, the order or an interruption: a run is the same bits.
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
"""What a Ray instance of our own costs before its workers are at work: measured 5 to 8 s."""
_GAIN_SECONDS = 10.0
"""What must be saved for `Automatic` to start one."""
_EFFICIENCY = 0.8
"""Share of a further core that is counted on."""
_MEASURED_SECONDS = 1.0
_BATCH_SECONDS = 1.0
_BATCH_RUNS = 500
_SLOW_SECONDS = 0.05
"""A run that takes as long is handed over at once: the next one may take as long."""


class Job(NamedTuple):
    """Seeds of one experiment that are to be run."""

    experiment: Experiment
    seeds: Sequence[int]
    place: Place = HERE


class Executor(Protocol):
    """Runs the seeds of jobs and yields them as rows to be stored, when they are finished."""

    def execute(self, jobs: Sequence[Job], stop: Interruption) -> Iterator[tuple[int, pa.Table]]:
        """Yield a job's number and rows of some of its runs, for all seeds, in any order.

        Once `stop` is requested nothing more is begun, and what is under way is finished.
        """


def attempt(runner: Runner, seed: int, retries: int) -> Run:
    """Run a seed, again where it fails, `retries` times; return the last run."""
    run = runner.run(seed)
    for _ in range(retries):
        if not run.error:
            break
        run = runner.run(seed)
    return run


class InProcess:
    """One run after the other, in this process: the fastest start there is.

    Quick runs are handed over about once a second: a file for each would be a hundred times more
    files than needed. What a killed process loses is as much.
    """

    def __init__(self, retries: int = 0) -> None:
        """Run a seed that fails up to `retries` times more."""
        self._retries = retries

    def execute(self, jobs: Sequence[Job], stop: Interruption) -> Iterator[tuple[int, pa.Table]]:
        """Yield the runs in the order of jobs and seeds."""
        for number, job in enumerate(jobs):
            if job.seeds and not stop.requested:
                for runs in self._batches(job, stop):
                    yield number, to_rows(job.experiment, runs)

    def _batches(self, job: Job, stop: Interruption) -> Iterator[list[Run]]:
        runner, runs, since = Runner(job.experiment, job.place), list[Run](), time.perf_counter()
        try:
            for seed in job.seeds:
                if stop.requested:
                    break
                run = attempt(runner, seed, self._retries)
                runs.append(run)
                waited = time.perf_counter() - since
                slow = run.wall_seconds > _SLOW_SECONDS
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
    """In this process while that is quickest by measure, on several workers for what is left.

    Searches that train are given to workers at once where there are two runs or more, as one of
    them takes longer than Ray's start. Of a table's runs some are made here and timed first.
    """

    def __init__(
        self, here: InProcess, parallel: Executor, cores: int, say: Callable[[str], None]
    ) -> None:
        """Choose between `here` and `parallel`, which uses `cores`; `say` what is chosen."""
        self._here, self._parallel, self._cores, self._say = here, parallel, cores, say

    def execute(self, jobs: Sequence[Job], stop: Interruption) -> Iterator[tuple[int, pa.Table]]:
        """Yield the runs; of a table, the first second's in order."""
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
        """Return how much sooner this much work is done on all cores."""
        speed = 1 + _EFFICIENCY * (self._cores - 1)
        return seconds - seconds / speed - START_SECONDS

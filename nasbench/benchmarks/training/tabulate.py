"""Train every architecture of a space, group by group, and keep what is finished.

A job is a group of cells and a seed; a finished job is a shard (`shards.py`). Which cells form
a group depends on the cells asked for and the group size alone, so a tabulation that was
killed and goes on trains the same groups, and gives the same bits, as an undisturbed one. Shards
made with another group size or number of threads are refused. Only where some cells of a group are
there, as after a smaller sample of cells, are they left out and the rest is grouped anew.
"""

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import NamedTuple, Protocol

import numpy as np
import torch

from nasbench.benchmarks.training.data import DataSet
from nasbench.benchmarks.training.grouped import grouped
from nasbench.benchmarks.training.plan import Plan
from nasbench.benchmarks.training.shards import (
    Identity,
    Trainings,
    origin,
    read_shards,
    write_shard,
)
from nasbench.benchmarks.training.train import Training
from nasbench.errors import InvalidInput
from nasbench.provenance import cores
from nasbench.spaces.base import EnumerableSpace
from nasbench.spaces.networks.base import networks_of, torch_threads


class Job(NamedTuple):
    """One shard to be trained: canonical cells and a seed."""

    cells: tuple[int, ...]
    seed: int


class Done(NamedTuple):
    """What a worker says of a finished job."""

    trained: int
    diverged: int


class Progress(Protocol):
    """Where a tabulation tells how far it is."""

    def start(self, total: int, there: int) -> None:
        """So many trainings are asked for, so many of them are there already."""

    def advance(self, trained: int) -> None:
        """So many more are finished."""


class Trainer:
    """Does jobs in one process: builds the data set once, writes a shard per job."""

    def __init__(self, plan: Plan) -> None:
        """Nothing heavy happens before the first job."""
        self._plan = plan
        self.space = plan.searched

    @cached_property
    def data(self) -> DataSet:
        """The data set."""
        return self._plan.data()

    @cached_property
    def identity(self) -> Identity:
        """What this process's shards are of."""
        return self._plan.identity(self.data)

    def train(self, job: Job) -> Done:
        """Train a group and write its shard; `InvalidInput` if memory does not suffice."""
        plan, began = self._plan, time.perf_counter()
        try:
            training = grouped(
                self.space,
                [self.space.architecture(cell) for cell in job.cells],
                job.seed,
                self.data,
                plan.recipe,
                device=plan.device,
                precision=plan.precision,
            )
            training.run()
        except (RuntimeError, MemoryError) as error:  # torch.OutOfMemoryError is a RuntimeError
            if _is_out_of_memory(error):
                raise InvalidInput(
                    f"out of memory on {plan.device}: lower --group (now {plan.group}) or --workers"
                ) from error
            raise
        about = origin(_device_name(plan.device), torch.get_num_threads(), _since(began))
        trainings = _trainings(job, training, about)
        write_shard(plan.shards, trainings, self.identity)
        return Done(len(job.cells), int(trainings.diverged.sum()))


def remaining(plan: Plan, space: EnumerableSpace, there: set[tuple[int, int]]) -> list[Job]:
    """Return the jobs left, seed after seed, in groups that are full wherever possible.

    A group of which nothing is there stays as it is; what is left of the others is grouped
    anew.
    """
    whole = [_indices(space, group) for group in _groups(space, plan.cells, plan.group)]
    jobs = []
    for seed in plan.seeds:
        rest: list[int] = []
        for group in whole:
            missing = tuple(cell for cell in group if (cell, seed) not in there)
            if len(missing) == len(group):
                jobs.append(Job(group, seed))
            else:
                rest += missing
        regrouped = _groups(space, rest, plan.group)
        jobs += [Job(_indices(space, group), seed) for group in regrouped]
    return jobs


def tabulate(plan: Plan, *, workers: int = 1, progress: Progress | None = None) -> Done:
    """Train what is not there yet; return how many were trained now, and diverged.

    One worker is this process; more are processes of their own, which end with it. Each has the
    plan's threads: what is computed does not depend on the number of workers.
    """
    plan.check()
    _check_cores(workers, plan.threads)
    trainer = Trainer(plan)
    stored = read_shards(plan.folders, trainer.identity).pairs
    wanted = {(cell, seed) for cell in plan.cells for seed in plan.seeds}
    there = stored & wanted
    jobs = remaining(plan, trainer.space, there)
    if progress is not None:
        progress.start(len(wanted), len(there))
    total: Counter[str] = Counter()
    for done in _work(plan, trainer, jobs, min(workers, len(jobs))):
        total.update(done._asdict())
        if progress is not None:
            progress.advance(done.trained)
    return Done(total["trained"], total["diverged"])


def _work(plan: Plan, trainer: Trainer, jobs: Sequence[Job], workers: int) -> Iterator[Done]:
    if workers > 1:
        from nasbench.benchmarks.training.workers import in_processes

        yield from in_processes(plan, jobs, workers)
        return
    with torch_threads(plan.threads):
        for job in jobs:
            yield trainer.train(job)


def _check_cores(workers: int, threads: int) -> None:
    if workers < 1:
        raise InvalidInput(f"workers {workers}: use 1 or more")
    if workers > 1 and workers * threads > cores():
        raise InvalidInput(
            f"workers {workers}: with {threads} threads each they are more than the {cores()} "
            "cores here"
        )


def _groups(space: EnumerableSpace, cells: Iterable[int], size: int) -> list[list[tuple[int, ...]]]:
    return networks_of(space).arranged([space.architecture(cell) for cell in cells], size)


def _indices(space: EnumerableSpace, group: Iterable[tuple[int, ...]]) -> tuple[int, ...]:
    return tuple(space.index(cell) for cell in group)


def _trainings(job: Job, training: Training, about: dict[str, object]) -> Trainings:
    """Take the curves; from the epoch on in which a training diverged they are NaN."""
    curves = {name: curve.numpy().copy() for name, curve in training.curves.items()}
    lost = np.logical_or.accumulate(~np.isfinite(curves["train_loss"]), axis=1)
    for curve in curves.values():
        curve[lost] = np.nan
    cells = np.array(job.cells, dtype=np.int64)
    return Trainings(cells, np.full_like(cells, job.seed), lost[:, -1], curves, (about,))


def _is_out_of_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return "allocate memory" in str(error)  # all that torch says of it on a CPU


def _device_name(device: str) -> str:
    if torch.device(device).type == "cuda":
        return torch.cuda.get_device_name(device)
    return device


def _since(began: float) -> float:
    return time.perf_counter() - began

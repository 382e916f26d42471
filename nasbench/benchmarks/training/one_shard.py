"""Training one group of architectures, which is one job of a tabulation."""

import gc
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from nasbench.benchmarks.training.data import DataSet
from nasbench.benchmarks.training.devices import accelerator
from nasbench.benchmarks.training.failures import device_failures
from nasbench.benchmarks.training.grouped import group_network, grouped, layout_for
from nasbench.benchmarks.training.plan import Plan
from nasbench.benchmarks.training.shards import Identity, Trainings, origin, write_shard
from nasbench.benchmarks.training.train import Training
from nasbench.spaces.base import Architecture


class ShardJob(NamedTuple):
    """One shard to train: the canonical indices of its cells, and a training seed."""

    cells: tuple[int, ...]
    seed: int


class Done(NamedTuple):
    """A worker's report on finished jobs: numbers of trainings and of those that diverged."""

    trained: int
    diverged: int
    seconds: float = 0.0
    """Seconds that the worker took."""

    def plus(self, other: "Done") -> "Done":
        """Return a report on the jobs of both."""
        return Done(
            self.trained + other.trained,
            self.diverged + other.diverged,
            self.seconds + other.seconds,
        )


class ShardTrainer:
    """Trains jobs in one process: it builds the data set once and writes a shard per job."""

    def __init__(self, plan: Plan) -> None:
        """Keep the plan; the data set is built for the first job."""
        self._plan = plan
        self.space = plan.searched

    @cached_property
    def data(self) -> DataSet:
        """The data set of the plan, built when first used."""
        return self._plan.data()

    @cached_property
    def identity(self) -> Identity:
        """The identity that all shards of the plan share."""
        return self._plan.identity(self.data)

    def train_all(self, jobs: Sequence[ShardJob], *, ahead: bool) -> Iterator[Done]:
        """Train jobs one after the other; yield a report when the shard of a job is written.

        With `ahead` a thread builds the networks of the next group on the CPU while this one is
        trained. That pays where a GPU trains: a group of 512 takes seconds to build.
        """
        if not ahead:
            yield from map(self.train, jobs)
            return
        pool = ThreadPoolExecutor(1)
        try:
            built = [pool.submit(self.network, job) for job in jobs[:1]]
            for job, *following in (jobs[i : i + 2] for i in range(len(jobs))):
                network = built.pop().result()
                built += [pool.submit(self.network, one) for one in following]
                yield self.train(job, network)
                del network
                gc.collect()  # here, as the thread must touch no GPU while a graph is recorded
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def network(self, job: ShardJob) -> nn.Module:
        """Return the networks of a job as one module, on the CPU and untrained."""
        plan = self._plan
        with self._failures():
            return group_network(
                self.space, self._architectures(job), job.seed, self.data, plan.recipe,
                layout_for(plan.device, plan.layout),
            )  # fmt: skip

    def train(self, job: ShardJob, network: nn.Module | None = None) -> Done:
        """Train a group and write its shard; `InvalidInput` if memory is too small.

        `network` is what the method `network` returns, if that has been called already.
        """
        plan, began = self._plan, time.perf_counter()
        with self._failures():
            training = grouped(
                self.space, self._architectures(job), job.seed, self.data, plan.recipe,
                device=plan.device, precision=plan.precision, layout=plan.layout, network=network,
            )  # fmt: skip
            training.run()
        seconds = _since(began)
        about = origin(accelerator(plan.device) or plan.device, torch.get_num_threads(), seconds)
        trainings = _trainings(job, training, about)
        write_shard(plan.shards, trainings, self.identity)
        return Done(len(job.cells), int(trainings.diverged.sum()), seconds)

    def _architectures(self, job: ShardJob) -> list[Architecture]:
        return [self.space.architecture(cell) for cell in job.cells]

    def _failures(self) -> AbstractContextManager[None]:
        plan = self._plan
        return device_failures(plan.device, f"--group (now {plan.group}) or --workers")


def _trainings(job: ShardJob, training: Training, about: dict[str, object]) -> Trainings:
    """Return the curves of a training; they are NaN from the epoch in which a network diverged."""
    curves = {name: curve.numpy().copy() for name, curve in training.curves.items()}
    lost = np.logical_or.accumulate(~np.isfinite(curves["train_loss"]), axis=1)
    for curve in curves.values():
        curve[lost] = np.nan
    cells = np.array(job.cells, dtype=np.int64)
    return Trainings(cells, np.full_like(cells, job.seed), lost[:, -1], curves, (about,))


def _since(began: float) -> float:
    return time.perf_counter() - began

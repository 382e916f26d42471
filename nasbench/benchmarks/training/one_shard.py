"""Training one group of architectures, which is one job of a tabulation."""

import time
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch

from nasbench.benchmarks.training.data import DataSet
from nasbench.benchmarks.training.failures import device_failures
from nasbench.benchmarks.training.grouped import grouped
from nasbench.benchmarks.training.plan import Plan
from nasbench.benchmarks.training.shards import Identity, Trainings, origin, write_shard
from nasbench.benchmarks.training.train import Training


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

    def train(self, job: ShardJob) -> Done:
        """Train a group and write its shard; `InvalidInput` if memory is too small."""
        plan, began = self._plan, time.perf_counter()
        with device_failures(plan.device, f"--group (now {plan.group}) or --workers"):
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
        seconds = _since(began)
        about = origin(_device_name(plan.device), torch.get_num_threads(), seconds)
        trainings = _trainings(job, training, about)
        write_shard(plan.shards, trainings, self.identity)
        return Done(len(job.cells), int(trainings.diverged.sum()), seconds)


def _trainings(job: ShardJob, training: Training, about: dict[str, object]) -> Trainings:
    """Return the curves of a training; they are NaN from the epoch in which a network diverged."""
    curves = {name: curve.numpy().copy() for name, curve in training.curves.items()}
    lost = np.logical_or.accumulate(~np.isfinite(curves["train_loss"]), axis=1)
    for curve in curves.values():
        curve[lost] = np.nan
    cells = np.array(job.cells, dtype=np.int64)
    return Trainings(cells, np.full_like(cells, job.seed), lost[:, -1], curves, (about,))


def _device_name(device: str) -> str:
    if torch.device(device).type == "cuda":
        return torch.cuda.get_device_name(device)
    return device


def _since(began: float) -> float:
    return time.perf_counter() - began

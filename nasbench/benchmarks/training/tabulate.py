"""Train every architecture of a space, group by group, and keep what is finished.

A job is a group of cells and a seed; a finished job is a shard (`shards.py`). Which cells form
a group depends on the cells asked for and the group size alone, so a tabulation that was
killed and goes on trains the same groups, and gives the same bits, as an undisturbed one. Shards
made with another group size or number of threads are refused. Only where some cells of a group are
there, as after a smaller sample of cells, are they left out and the rest is grouped anew.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from nasbench.benchmarks.training.one_shard import Done, Job, Trainer
from nasbench.benchmarks.training.plan import Plan
from nasbench.benchmarks.training.shards import (
    read_shards,
)
from nasbench.benchmarks.training.threads import torch_threads
from nasbench.benchmarks.training.workers import in_processes
from nasbench.errors import InvalidInput
from nasbench.provenance import cores
from nasbench.spaces.base import EnumerableSpace
from nasbench.spaces.networks.base import networks_of


class Progress(Protocol):
    """Where a tabulation tells how far it is."""

    def start(self, total: int, there: int) -> None:
        """So many trainings are asked for, so many of them are there already."""

    def advance(self, trained: int) -> None:
        """So many more are finished."""


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

"""Training the architectures of a space, group by group, and keeping finished trainings.

A job is a group of cells and a seed; a finished job is a shard (`shards.py`). The cells of a group
depend only on the cells of the plan and the group size. So a tabulation that was killed and
continued trains the same groups, and gives the same bits, as one without interruption. Shards made
with another group size or number of threads are refused. If only some cells of a group are
finished, for example from a smaller sample of cells, the others are grouped anew.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

import torch

from nasbench.benchmarks.training.estimate import (
    Cost,
    announcement,
    published_cost,
    stored_cost,
)
from nasbench.benchmarks.training.one_shard import Done, ShardJob, ShardTrainer
from nasbench.benchmarks.training.plan import Plan
from nasbench.benchmarks.training.shards import (
    read_shards,
)
from nasbench.benchmarks.training.threads import torch_threads
from nasbench.benchmarks.training.workers import in_processes
from nasbench.errors import InvalidInput
from nasbench.progress import Progress, Unseen
from nasbench.provenance import cores
from nasbench.spaces.base import EnumerableSpace
from nasbench.spaces.networks.base import networks_of


def remaining(plan: Plan, space: EnumerableSpace, there: set[tuple[int, int]]) -> list[ShardJob]:
    """Return the jobs left to do, seed by seed, in groups that are full wherever possible.

    `there` has the (cell, seed) of finished trainings. A group without finished trainings stays as
    it is; the unfinished cells of all other groups are grouped anew.
    """
    whole = [_indices(space, group) for group in _groups(space, plan.cells, plan.group)]
    jobs = []
    for seed in plan.seeds:
        rest: list[int] = []
        for group in whole:
            missing = tuple(cell for cell in group if (cell, seed) not in there)
            if len(missing) == len(group):
                jobs.append(ShardJob(group, seed))
            else:
                rest += missing
        regrouped = _groups(space, rest, plan.group)
        jobs += [ShardJob(_indices(space, group), seed) for group in regrouped]
    return jobs


def tabulate(
    plan: Plan,
    *,
    workers: int = 1,
    progress: Progress | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Done:
    """Train all unfinished trainings of a plan; return how many were trained and diverged now.

    A single worker is this process; several workers are separate processes, which end with this
    one. Each has the plan's threads, so results do not depend on the number of workers.
    `progress` receives how far it is. Of long work `say` is told the expected hours: before it
    starts if such trainings were timed before, else after its first group. Raises
    `InvalidInput` for a wrong plan, too many workers, shards of another identity or too little
    memory; `DataError` for a damaged shard; `StoreError` if a worker was killed or a file cannot be
    written.
    """
    plan.check()
    _check_cores(workers, plan.threads)
    trainer = ShardTrainer(plan)
    trainings = read_shards(plan.folders, trainer.identity)
    wanted = {(cell, seed) for cell in plan.cells for seed in plan.seeds}
    there = trainings.pairs & wanted
    jobs = remaining(plan, trainer.space, there)
    workers, left = min(workers, len(jobs)), len(wanted) - len(there)

    def announce(cost: Cost) -> None:
        line = announcement(plan, cost, left, workers)
        if line:
            say(line)

    cost = stored_cost(trainings.origins) or published_cost(plan, trainer.data.name)
    if cost is not None:
        announce(cost)
    progress = progress or Unseen()
    progress.start(len(wanted), len(there))
    total = Done(0, 0)
    for done in _work(plan, trainer, jobs, workers):
        total = total.plus(done)
        if cost is None:
            cost = Cost(done.seconds / done.trained, "as the first group took")
            announce(cost)
        progress.advance(done.trained)
    return total


def _work(
    plan: Plan, trainer: ShardTrainer, jobs: Sequence[ShardJob], workers: int
) -> Iterator[Done]:
    if workers > 1:
        yield from in_processes(plan, jobs, workers)
        return
    with torch_threads(plan.threads):
        yield from trainer.train_all(jobs, ahead=torch.device(plan.device).type == "cuda")


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

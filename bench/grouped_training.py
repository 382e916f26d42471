"""Trainings per core-hour: one network at a time against groups, same recipe, one run.

    OMP_NUM_THREADS=1 python bench/grouped_training.py --recipe digits-15 --groups 6

Draws whole groups as a tabulation would form them from all distinct cells, measures one epoch
(training, and evaluation of both parts) grouped and a few of the same cells one at a time,
alternating, and scales to the recipe's epochs.
"""

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch

from nasbench.benchmarks.training.data import Part
from nasbench.benchmarks.training.digits import digits
from nasbench.benchmarks.training.grouped import grouped
from nasbench.benchmarks.training.recipes import Recipe, recipe
from nasbench.benchmarks.training.train import Training, single
from nasbench.spaces.nb201 import NasBench201
from nasbench.spaces.networks.base import networks_of

HOUR = 3600.0


def seconds(work: Callable[[], None], clock: Callable[[], float]) -> float:
    """Return how long `work` takes."""
    start = clock()
    work()
    return clock() - start


def per_training(training: Training, plan: Recipe, clock: Callable[[], float]) -> float:
    """Seconds per network for the whole recipe, from its second and its last epoch."""

    def evaluate() -> None:
        training.evaluate(Part.VALIDATION)
        training.evaluate(Part.TEST)

    training.train_epoch()
    epoch = seconds(training.train_epoch, clock)
    curve = seconds(evaluate, clock)
    training.epoch = plan.epochs
    final = seconds(evaluate, clock)
    return (plan.epochs * epoch + (plan.epochs - 1) * curve + final) / training.size


def main() -> None:
    """Print the two rates and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recipe", default="digits-15")
    parser.add_argument("--size", type=int, default=32, help="networks per group")
    parser.add_argument("--groups", type=int, default=6, help="groups to measure")
    parser.add_argument("--alone", type=int, default=4, help="cells per group measured alone")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--cpu-time", action="store_true", help="count CPU instead of wall time")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    clock = time.process_time if options.cpu_time else time.perf_counter
    space, data, plan = NasBench201(), digits(), recipe(options.recipe)
    distinct = [space.architecture(int(i)) for i in np.unique(space.network_class)]
    groups = networks_of(space).arranged(distinct, options.size)
    chosen = np.linspace(0, len(groups) - 1, options.groups + 2)[1:-1].astype(int)
    batched, alone = [], []
    for number in chosen:
        cells = groups[number]
        training = grouped(space, cells, 0, data, plan, device=options.device)
        batched.append(per_training(training, plan, clock))
        for cell in cells[:: max(1, len(cells) // options.alone)][: options.alone]:
            one = single(space, cell, 0, data, plan, device=options.device)
            alone.append(per_training(one, plan, clock))
        print(f"group {number}: {batched[-1]:.2f} s per training batched", flush=True)
    rates = [HOUR / float(np.mean(times)) for times in (alone, batched)]
    print(
        f"{plan.name}, {options.size} networks, {options.threads} thread(s), {options.device}: "
        f"{rates[0]:.0f} trainings/hour alone, {rates[1]:.0f} batched, "
        f"ratio {rates[1] / rates[0]:.2f}"
    )


if __name__ == "__main__":
    main()

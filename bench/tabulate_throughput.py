"""Architectures per hour: a tabulation's groups against one network at a time, in one run.

    OMP_NUM_THREADS=1 python bench/tabulate_throughput.py --size small --repeats 5
    python bench/tabulate_throughput.py --recipe nb201-12 --device cuda --group 512

Both do the same whole trainings with the same recipe: all epochs, validation and test after
each. Grouped goes through `tabulate` (initial weights, shards written and all); alone is
`single`, as `nasbench train` does it. Every repeat takes another whole group of those a
tabulation of all distinct cells would form, trains it grouped, then some of its cells alone.
Medians of the repeats; on a machine that does other work, `--cpu-time` counts CPU seconds.
"""

import argparse
import dataclasses
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch

from nasbench.benchmarks.training.digits import Distortion, Sizes, digits
from nasbench.benchmarks.training.plan import Plan, distinct_cells
from nasbench.benchmarks.training.recipes import Recipe, recipe
from nasbench.benchmarks.training.tabulate import tabulate
from nasbench.benchmarks.training.train import single
from nasbench.spaces.nb201 import NasBench201
from nasbench.spaces.networks.base import Shape, networks_of

HOUR = 3600.0
SIZES = {
    "tiny": (Recipe("C4 N1", Shape(4, 1), epochs=2, batch=100), Sizes(200, 100, 100, 1)),
    "small": (Recipe("C8 N1", Shape(8, 1), epochs=20, batch=100), Sizes(1000, 400, 397, 1)),
    "large": (Recipe("C16 N2", Shape(16, 2), epochs=20, batch=100), Sizes(1000, 400, 397, 1)),
}
"""Network and images, all 8x8 pixels; `small` is 1,000 images for the weights, 20 epochs."""


def timed(work: Callable[[], object], clock: Callable[[], float]) -> float:
    """Return how long `work` takes."""
    began = clock()
    work()
    return clock() - began


def main() -> None:
    """Print both rates of every repeat, their medians and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", default="small", choices=SIZES)
    parser.add_argument("--recipe", help="a named recipe on the digits task instead of a size")
    parser.add_argument("--epochs", type=int, help="train fewer epochs than the recipe")
    parser.add_argument("--group", type=int, default=32)
    parser.add_argument("--alone", type=int, default=4, help="cells trained alone per repeat")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--cpu-time", action="store_true")
    options = parser.parse_args()
    clock = time.process_time if options.cpu_time else time.perf_counter
    torch.set_num_threads(options.threads)
    plan, data = SIZES[options.size][0], partial(digits, Distortion(), SIZES[options.size][1])
    if options.recipe:
        plan, data = recipe(options.recipe), digits
    plan = dataclasses.replace(plan, epochs=options.epochs or plan.epochs)
    space, images = NasBench201(), data()
    cells = [space.architecture(cell) for cell in distinct_cells(space)]
    groups = networks_of(space).arranged(cells, options.group)
    whole = [group for group in groups if len(group) == options.group] or groups
    order = np.random.default_rng(0).permutation(len(whole))[: options.repeats]
    single(space, cells[0], 0, images, plan, device=options.device).run()  # start-up
    rates: dict[str, list[float]] = {"alone": [], "grouped": []}
    for number in order:
        group = whole[number]
        with tempfile.TemporaryDirectory() as folder:
            job = Plan(
                data, plan, Path(folder), tuple(space.index(cell) for cell in group),
                seeds=(0,), group=options.group, device=options.device, threads=options.threads,
            )  # fmt: skip
            spent = timed(lambda job=job: tabulate(job), clock)
        rates["grouped"].append(HOUR * len(group) / spent)
        some = group[:: max(1, len(group) // options.alone)][: options.alone]

        def alone(some: list[tuple[int, ...]] = some) -> None:
            for cell in some:
                single(space, cell, 0, images, plan, device=options.device).run()

        rates["alone"].append(HOUR * len(some) / timed(alone, clock))
        print(
            f"group {number}: {rates['grouped'][-1]:,.0f} per hour grouped, "
            f"{rates['alone'][-1]:,.0f} alone",
            flush=True,
        )
    middle = {kind: statistics.median(values) for kind, values in rates.items()}
    ratio = statistics.median(
        one / other for one, other in zip(rates["grouped"], rates["alone"], strict=True)
    )
    print(
        f"{options.recipe or options.size} ({plan.name}, {plan.epochs} epochs), groups of "
        f"{options.group}, {options.device}, {options.threads} thread(s): "
        f"{middle['grouped']:,.0f} architectures per hour grouped, {middle['alone']:,.0f} alone, "
        f"median ratio {ratio:.2f}"
    )


if __name__ == "__main__":
    main()

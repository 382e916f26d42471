"""Architectures per hour alone, as grouped convolutions and as matrix products, in one run.

    OMP_NUM_THREADS=1 python bench/group_layouts.py --group 32 --steps 20
    python bench/group_layouts.py --device cuda --group 512 --steps 131

Trains whole groups of the middle of the space, and a few of their cells alone, an epoch each, in
turn. A training is `--epochs` such epochs with an evaluation of 1,100 images of two parts after
each, as with the recipe `digits-15` (which has 131 steps an epoch). Images are random. Prints
medians: CPU seconds of one thread on a CPU, wall seconds on a GPU, where steps are also timed as
graphs. First it prints how far losses of a short training of each way are from those alone on the
CPU, in double precision. `rates` and `differences` need torch and numpy only.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from nasbench.benchmarks.training.data import DataSet, Images, Part
from nasbench.benchmarks.training.grouped import LAYOUTS, grouped
from nasbench.benchmarks.training.readers.images import Augmentation
from nasbench.benchmarks.training.recipes import Recipe
from nasbench.benchmarks.training.step import Graph, Step
from nasbench.benchmarks.training.train import CURVES, Training, recorded_steps, single
from nasbench.spaces.base import Architecture
from nasbench.spaces.inputs import Input
from nasbench.spaces.nb201 import NasBench201
from nasbench.spaces.networks.base import Shape, networks_of

HOUR = 3600.0
SPACE = NasBench201()
SMALL, GREY = Shape(8, 2), Input(8, 1, 10)
"""The shape of the networks and the input of the task `digits`."""


@dataclass(frozen=True)
class Work:
    """What is trained: by default epochs like those of recipe `digits-15`."""

    batch: int = 16
    steps: int = 131
    """Steps of an epoch."""
    epochs: int = 15
    """Epochs of a training; one of them is timed."""
    shape: Shape = SMALL
    input: Input = GREY
    evaluated: int = 1100
    """Images of each of two parts that are evaluated after an epoch."""

    def data(self) -> DataSet:
        """Return random images, augmented by crops."""
        generator = torch.Generator().manual_seed(0)
        size = (self.input.channels, self.input.side, self.input.side)
        numbers = (self.batch * self.steps, self.evaluated, self.evaluated)
        parts = {
            part: Images(
                torch.rand((number, *size), generator=generator),
                torch.randint(self.input.classes, (number,), generator=generator),
            )
            for part, number in zip(Part, numbers, strict=True)
        }
        augment = Augmentation(1, False, *[(0.5,) * self.input.channels] * 2)
        return DataSet("random", self.input, parts, augment)

    def recipe(self) -> Recipe:
        """Return a recipe, long enough that evaluations are those before the last epoch."""
        return Recipe(
            "timed", self.shape, 1000, self.batch, learning_rate=0.01, curve_images=self.evaluated
        )


def rates(
    device: str,
    group: int,
    work: Work | None = None,
    *,
    precision: str = "float32",
    repeats: int = 3,
    alone: int = 4,
    graph: Graph | None = None,
    only: Sequence[str] | None = None,
) -> dict[str, float]:
    """Return architectures per hour of every way to train the cells of a group.

    The ways are `alone`, `channels` and `products`, and each of them followed by ` as graph`, with
    steps that `graph` makes; it is by default what the device has, which is none on a CPU. `only`
    names some of the ways. `alone` is the number of cells that are trained alone. The first epoch
    of each, in which a graph is recorded, is not timed (it needs four steps or more); then
    `repeats` epochs of each are, in turn, and the median is taken.
    """
    work = work or Work()
    graph = graph or recorded_steps(SPACE, device)
    data, recipe, cells = work.data(), work.recipe(), middle(group)
    some = cells[:: max(1, len(cells) // alone)][:alone]

    def groups(layout: str, with_graph: Graph) -> Callable[[], list[Training]]:
        return lambda: [
            grouped(
                SPACE, cells, 0, data, recipe,
                device=device, precision=precision, layout=layout, graph=with_graph,
            )
        ]  # fmt: skip

    def singles(with_graph: Graph) -> Callable[[], list[Training]]:
        return lambda: [
            single(
                SPACE, cell, 0, data, recipe,
                device=device, precision=precision, graph=with_graph,
            )
            for cell in some
        ]  # fmt: skip

    ways = {}
    for ending, one in (("", _usual), (" as graph", graph)):
        if one is not None:
            ways[f"alone{ending}"] = singles(one)
            ways[f"channels{ending}"] = groups("channels", one)
            ways[f"products{ending}"] = groups("products", one)
    wanted = {name: ways[name]() for name in (only or ways)}
    for trainings in wanted.values():
        _epoch(trainings, device)
    times: dict[str, list[float]] = {name: [] for name in wanted}
    for _ in range(repeats):
        for name, trainings in wanted.items():
            times[name].append(_epoch(trainings, device))
    return {name: HOUR / (work.epochs * statistics.median(spent)) for name, spent in times.items()}


def differences(device: str, *, graph: Graph | None = None) -> dict[str, float]:
    """Return how far every way of training is from training alone on the CPU, in float64.

    That is the largest relative difference of a loss of two epochs of eight steps and a smaller
    one, of training and evaluation. The ways are those of `rates`.
    """
    graph = graph or recorded_steps(SPACE, device)
    cells = [SPACE.architecture(index) for index in (0, 123, 857, 6111, 9930, 15624)]
    work = Work(batch=4, steps=8, shape=Shape(4, 1), evaluated=24)
    recipe = replace(work.recipe(), epochs=2)
    data = replace(work, steps=9).data()
    images, labels = data.parts[Part.WEIGHTS]
    data = replace(data, parts={**data.parts, Part.WEIGHTS: Images(images[:-2], labels[:-2])})

    def losses(trainings: Sequence[Training]) -> torch.Tensor:
        for training in trainings:
            training.run()
        curves = [one.curves[name] for one in trainings for name in CURVES if "loss" in name]
        return torch.cat(curves).view(len(trainings), 3, -1, 2).transpose(0, 1).flatten(1, 2)

    def singles(where: str, one: Graph) -> list[Training]:
        return [
            single(SPACE, cell, 0, data, recipe, device=where, precision="float64", graph=one)
            for cell in cells
        ]

    expected, found = losses(singles("cpu", _usual)), {}
    for ending, one in (("", _usual), (" as graph", graph)):
        if one is not None:
            ways = {"alone": singles(device, one)} | {
                layout: [
                    grouped(
                        SPACE, cells, 0, data, recipe,
                        device=device, precision="float64", layout=layout, graph=one,
                    )
                ]
                for layout in LAYOUTS
            }  # fmt: skip
            for name, trainings in ways.items():
                far = (losses(trainings) - expected).abs() / expected
                found[f"{name}{ending}"] = float(far.max())
    return found


def _usual(step: Step) -> Step:
    """Return a step that is not recorded."""
    return step


def middle(group: int) -> list[Architecture]:
    """Return the group in the middle of those that a tabulation of all distinct cells forms."""
    distinct = [SPACE.architecture(int(i)) for i in np.unique(SPACE.network_class)]
    groups = networks_of(SPACE).arranged(distinct, group)
    return groups[len(groups) // 2]


def _epoch(trainings: Sequence[Training], device: str) -> float:
    """Train an epoch of each and evaluate; return seconds per network."""
    began = _now(device)
    for training in trainings:
        training.train_epoch()
        training.evaluate(Part.VALIDATION)
        training.evaluate(Part.TEST)
    return (_now(device) - began) / sum(training.size for training in trainings)


def _now(device: str) -> float:
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)
        return time.perf_counter()
    return time.process_time()


def table(found: Mapping[str, float]) -> str:
    """Return the rates and their ratios to the first as lines."""
    first = next(iter(found.values()))
    return "\n".join(
        f"{name:<18}{rate:>10,.0f} architectures per hour{rate / first:>8.2f}"
        for name, rate in found.items()
    )


def main() -> None:
    """Print a table for every size of a group."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--group", type=int, nargs="+", default=[32])
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--steps", type=int, default=131, help="steps of an epoch")
    parser.add_argument("--channels", type=int, default=8)
    parser.add_argument("--cells", type=int, default=2)
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    work = Work(
        batch=options.batch, steps=options.steps, shape=Shape(options.channels, options.cells)
    )
    for name, far in differences(options.device).items():
        print(f"{name:<18}losses differ by {far:.1e} or less from alone on the CPU", flush=True)
    for group in options.group:
        found = rates(
            options.device, group, work, precision=options.precision, repeats=options.repeats
        )
        print(f"groups of {group}, {options.device}, {options.precision}, {work}")
        print(table(found), flush=True)


if __name__ == "__main__":
    main()

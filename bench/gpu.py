"""What a CUDA GPU makes of the supernet's steps and of grouped training, with every ratio.

    python bench/gpu.py --peer ../AutoDL-Projects

It needs only torch, numpy and this repository. Each part prints its figures, one line each, and a
part that fails does not stop the others; the last line is one JSON object with all figures and the
names of the parts that failed, and the exit status is 1 if any did. It takes a few minutes on one
H100. `--device cpu --quick` goes through the same code with small sizes and without a GPU: passes
are then run again instead of being replayed as graphs, and its times mean nothing.

All versions of a step take turns in one process; a figure is a median over turns, a ratio the
median of the turns' ratios. The plain supernet is the one of the tests
(tests/spaces/networks/plain_supernet.py); `--peer` names a copy of AutoDL-Projects, whose network
of DARTS (Dong & Yang, ICLR 2020) is then timed too.
"""

import argparse
import json
import statistics
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).parents[1]))  # the plain supernet lives in the tests
sys.path.insert(0, str(Path(__file__).parent))

from group_layouts import Work, differences, rates

from nasbench.benchmarks.training.data import DataSet, Images, Part
from nasbench.benchmarks.training.readers.images import Augmentation
from nasbench.benchmarks.training.shared import Loan, SharedBenchmark
from nasbench.benchmarks.training.step import computing
from nasbench.place import Place
from nasbench.problem import Problem, TrainShared
from nasbench.randomness import Random
from nasbench.spaces import get_space
from nasbench.spaces.inputs import Input
from nasbench.spaces.mix import Mix
from nasbench.spaces.networks.base import Shape, networks_of
from nasbench.spaces.networks.nb201_supernet import NasBench201Supernet, SuperCell
from nasbench.spaces.networks.passes import Passes
from nasbench.spaces.networks.recordings import CudaGraph, Recordings, RepeatedStep, Rerun
from nasbench.strategies.registry import find_strategy, recipe_settings
from tests.spaces.networks.plain_supernet import PlainSupernet

SPACE = get_space("nb201")
OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
"""The operations in the order of the authors' code."""
Step = Callable[[], object]


@dataclass
class Sizes:
    """The sizes of everything that is timed."""

    channels: int = 16
    cells: int = 5
    side: int = 32
    batches: tuple[int, ...] = (64, 256)
    turns: int = 7
    images: int = 25_000
    groups: tuple[int, ...] = (64, 512)
    work: Work = field(default_factory=lambda: Work(steps=24))
    """What networks of groups are trained on."""


QUICK = Sizes(channels=2, cells=1, side=8, batches=(8,), turns=2, images=40, groups=(4,),
              work=Work(batch=4, steps=5, evaluated=8))  # fmt: skip


@dataclass
class Report:
    """Figures by name, and the parts that failed."""

    figures: dict[str, float] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)

    def say(self, name: str, value: float, unit: str = "", ratio: str = "") -> None:
        """Print one figure, with its ratio to something that is named, and keep it."""
        self.figures[name] = value
        print(f"{name}: {value:.4g}{f' {unit}' if unit else ''}{f', {ratio}' if ratio else ''}")
        sys.stdout.flush()


@dataclass
class SearchStep:
    """A step of a one-shot strategy, in the precision of its settings."""

    search: Any
    loan: Loan
    train: Images
    valid: Iterator[Images]

    def __call__(self) -> Tensor:
        """Make the step; return the loss of the weights."""
        with computing(self.search.settings.precision):
            loss: Tensor = self.search.step(self.loan, self.train, self.valid)
        return loss


class Bench:
    """What all parts know: device, sizes, how passes are recorded, and the peer's folder."""

    def __init__(self, device: str, sizes: Sizes, peer: Path | None) -> None:
        """Choose how passes are recorded on the device."""
        self.device, self.sizes, self.peer = torch.device(device), sizes, peer
        self.record: type[Rerun] = CudaGraph if self.device.type == "cuda" else Rerun
        self.report = Report()

    @property
    def shape(self) -> Shape:
        """The published size of the supernet."""
        return Shape(self.sizes.channels, self.sizes.cells, False, False)

    def wait(self) -> None:
        """Wait for the GPU."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def seconds(self, step: Step) -> float:
        """Return how long a step takes, until the GPU has done it."""
        self.wait()
        began = time.perf_counter()
        step()
        self.wait()
        return time.perf_counter() - began

    def turns(self, versions: Mapping[str, Step]) -> dict[str, list[float]]:
        """Return the seconds of each version in every turn, after some steps that do not count."""
        for step in versions.values():
            for _ in range(5):
                step()
        times: dict[str, list[float]] = {name: [] for name in versions}
        for _ in range(self.sizes.turns):
            for name, step in versions.items():
                times[name].append(self.seconds(step))
        return times

    def say_steps(self, what: str, versions: Mapping[str, Step], peer: str) -> None:
        """Time versions of a step, and print each with its ratio to one of them."""
        times = self.turns(versions)
        for name, spent in times.items():
            pairs = zip(times[peer], spent, strict=True)
            ratio = statistics.median(theirs / mine for theirs, mine in pairs)
            said = f"{ratio:.2f} times as fast as {peer}"
            self.report.say(f"{what}, {name}", 1000 * statistics.median(spent), "ms", said)
            self.report.figures[f"{what}, {name}, ratio"] = ratio

    def images(self, count: int, seed: int = 0) -> Images:
        """Return random images of ten classes on the device."""
        generator = torch.Generator().manual_seed(seed)
        side = self.sizes.side
        images = torch.randn(count, 3, side, side, generator=generator)
        return Images(images, torch.arange(count) % 10).to(self.device, torch.float32)

    def data(self, count: int) -> DataSet:
        """Return a data set with as many images for the weights and for validation."""
        parts = {part: self.images(count, number) for number, part in enumerate(Part)}
        augment = Augmentation(min(4, self.sizes.side // 4), True, (0.0,) * 3, (1.0,) * 3)
        return DataSet("random", Input(self.sizes.side, 3, 10), parts, augment)

    def search(self, name: str, batch: int, *, graphs: bool, **settings: object) -> "SearchStep":
        """Return one step of a strategy, with its recipe `paper`, on random images."""
        found = find_strategy(name)
        sizes = {"channels": self.sizes.channels, "cells": self.sizes.cells, "batch": batch}
        made = found.Settings(**{**recipe_settings(found, "paper"), **sizes, **settings})
        data = self.data(4 * batch)
        loan = Loan(
            SPACE, data, self.shape, 1, precision=made.precision,
            record=self.record if graphs else None,
            costs=networks_of(SPACE).multiply_adds(data.input, self.shape),
        )  # fmt: skip
        search: Any = found(Problem(SPACE), made, Random(1))
        search._prepare(loan)
        search._set_rate(0)
        train, valid = (self.images(batch, seed) for seed in (1, 2))
        return SearchStep(search, loan, train, cycle([valid]))


def equality(bench: Bench) -> None:
    """Passes on the device against the CPU in double precision, for every kind of mixture."""
    generator = torch.Generator().manual_seed(3)
    weights = torch.randn(6, 5, generator=generator, dtype=torch.float64).softmax(dim=1)
    cell, pairs = (3, 1, 2, 4, 0, 3), ((0, 3), (1, 2), (2, 4), (0, 1), (3, 4), (1, 3))
    mixes = {
        "all operations": Mix.all_of((5,) * 6, weights),
        "one path": Mix.only(cell),
        "two paths": Mix(pairs, weights),
        "one path and constants": Mix.only(cell, weights)._replace(constants=True),
    }
    shape = Shape(4, 1, False, False)
    data = Input(bench.sizes.side, 3, 10)
    for around in (None, Shape(4, 1)):
        for name, mix in mixes.items():
            found = []
            for device in (torch.device("cpu"), bench.device):
                net = NasBench201Supernet(
                    data, shape, generator=torch.Generator().manual_seed(1), around=around
                ).double()
                passes = Passes(net.to(device), Recordings(None))
                images, labels = bench.images(16)
                leaf = None if mix.weights is None else mix.weights.to(device).requires_grad_()
                batch = images.double().to(device), labels.to(device)
                loss, mixture, rest = passes.gradients(batch, mix._replace(weights=leaf))
                every = [loss, mixture, *rest, *net.buffers()]
                found.append([None if one is None else one.double().cpu() for one in every])
            worst = max(
                float((a - b).abs().max() / (a.abs().max() + 1e-12))
                for a, b in zip(*found, strict=True)
                if a is not None and b is not None
            )
            norms = "usual" if around is None else "tracked"
            bench.report.say(f"largest relative difference to the CPU, {name}, {norms}", worst)
            if worst > 1e-8 or [a is None for a in found[0]] != [b is None for b in found[1]]:
                raise AssertionError(f"passes of {name} differ from those of the CPU by {worst}")


def recorded(bench: Bench) -> None:
    """Ten steps of searches with recorded passes against the same steps without."""
    for name in ("darts", "darts-2nd", "fbnet"):
        found = []
        for graphs in (False, True):
            step = bench.search(name, bench.sizes.batches[0], graphs=graphs)
            losses = [float(step()) for _ in range(10)]
            found.append(losses)
            if graphs and not step.loan.recordings.active:
                raise AssertionError(f"passes of {name} could not be recorded")
        worst = max(abs(a - b) / abs(a) for a, b in zip(*found, strict=True))
        bench.report.say(f"largest relative difference of ten losses as graphs, {name}", worst)
        if worst > 1e-2:
            raise AssertionError(f"losses of {name} differ by {worst}")


def plain_step(network: nn.Module, forward: Callable[[Tensor, Tensor], Tensor], alphas: Tensor,
               train: Images, valid: Images) -> Step:  # fmt: skip
    """Return a DARTS step as one would write it: all gradients in both halves."""
    weights = [one for one in network.parameters() if one is not alphas]
    sgd = torch.optim.SGD(weights, lr=0.025, momentum=0.9, weight_decay=5e-4, nesterov=True)
    adam = torch.optim.Adam([alphas], lr=3e-4, betas=(0.5, 0.999), weight_decay=1e-3)

    def step() -> None:
        for batch, optimiser in ((train, sgd), (valid, adam)):
            sgd.zero_grad()
            adam.zero_grad()
            loss = F.cross_entropy(forward(batch.images, alphas), batch.labels)
            torch.autograd.backward(loss)
            if optimiser is sgd:
                nn.utils.clip_grad_norm_(weights, 5.0)
            optimiser.step()

    return step


def plain(bench: Bench, train: Images, valid: Images) -> Step:
    """Return a DARTS step of the plain supernet."""
    network = PlainSupernet(
        Input(bench.sizes.side, 3, 10), bench.shape, generator=torch.Generator().manual_seed(0)
    ).to(bench.device)
    alphas = (1e-3 * torch.randn(6, 5, device=bench.device)).requires_grad_()
    active = Mix.all_of((5,) * 6, alphas).active
    return plain_step(
        network, lambda images, a: network(images, active, a.softmax(dim=1)), alphas, train, valid
    )


def of_peer(bench: Bench, train: Images, valid: Images) -> Step:
    """Return a DARTS step of the network of AutoDL-Projects."""
    sys.path.insert(0, str(bench.peer))
    from xautodl.models.cell_searchs.search_model_darts import (  # type: ignore[import-not-found]
        TinyNetworkDarts,
    )

    size = bench.sizes
    network = TinyNetworkDarts(size.channels, size.cells, 4, 10, list(OPERATIONS), False, False)
    network = network.to(bench.device)
    return plain_step(
        network, lambda images, _: network(images)[1], network.arch_parameters, train, valid
    )


def darts_steps(bench: Bench) -> None:
    """A DARTS step, first order, batch by batch: usual, as graphs, in other precisions."""
    for batch in bench.sizes.batches:
        train, valid = (bench.images(batch, seed) for seed in (1, 2))
        peers: dict[str, Step] = {"the plain supernet": plain(bench, train, valid)}
        if bench.peer is not None:
            peers["AutoDL-Projects"] = of_peer(bench, train, valid)
        mine: dict[str, Step] = {
            "usual calls": bench.search("darts", batch, graphs=False),
            "graphs": bench.search("darts", batch, graphs=True),
            **{
                f"graphs, {precision}": bench.search(
                    "darts", batch, graphs=True, precision=precision
                )
                for precision in ("tf32", "bfloat16")
            },
        }
        peer = "AutoDL-Projects" if bench.peer is not None else "the plain supernet"
        bench.say_steps(f"DARTS step, batch {batch}", {**peers, **mine}, peer)


def second_order_steps(bench: Bench) -> None:
    """A step of second-order DARTS with and without graphs."""
    batch = bench.sizes.batches[0]
    versions = {
        name: bench.search("darts-2nd", batch, graphs=name == "graphs")
        for name in ("usual calls", "graphs")
    }
    bench.say_steps(f"second-order DARTS step, batch {batch}", versions, "usual calls")


def sampled_steps(bench: Bench) -> None:
    """A step of the weights on a random cell: its one path, or all operations times 0 and 1."""
    batch = bench.sizes.batches[0]
    one_path = bench.search("rsps", batch, graphs=False)
    data = Input(bench.sizes.side, 3, 10)
    net = NasBench201Supernet(data, bench.shape, generator=torch.Generator().manual_seed(1))
    net = net.to(bench.device)
    passes = Passes(net, Recordings(bench.record, list(net.buffers())))
    sgd = torch.optim.SGD(net.parameters(), lr=0.025, momentum=0.9, weight_decay=5e-4,
                          nesterov=True, foreach=True)  # fmt: skip
    random, images = Random(1), bench.images(batch, 1)
    ones = torch.eye(5, device=bench.device)

    def masked() -> None:
        cell = torch.tensor(SPACE.sample(random), device=bench.device)
        gradients = passes.gradients(images, Mix.all_of((5,) * 6, ones[cell])).weights
        for parameter, gradient in zip(net.parameters(), gradients, strict=True):
            parameter.grad = gradient
        nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        sgd.step()

    versions: dict[str, Step] = {"one path": one_path, "zeros and ones as a graph": masked}
    bench.say_steps(f"sampled step, batch {batch}", versions, "one path")


def groups_equal(bench: Bench) -> None:
    """Training as a group on the device against training alone on the CPU, in double precision."""
    graph = partial(RepeatedStep, record=bench.record)
    for name, worst in differences(str(bench.device), graph=graph).items():
        bench.report.say(f"largest relative difference of losses to the CPU, {name}", worst)
        if worst > 1e-5:
            raise AssertionError(f"losses of networks trained {name} differ by {worst}")


def groups(bench: Bench) -> None:
    """Architectures of the bundled table per hour: alone, and in groups of two sizes."""
    graph = partial(RepeatedStep, record=bench.record)
    for size in bench.sizes.groups:
        for precision in ("float32", "tf32", "bfloat16"):
            only = None if precision == "float32" else ["alone", "products as graph"]
            found = rates(
                str(bench.device), size, bench.sizes.work,
                precision=precision, repeats=2, alone=2, graph=graph, only=only,
            )  # fmt: skip
            for way, rate in found.items():
                ratio, what = rate / found["alone"], f"groups of {size}, {precision}, {way}"
                said = f"{ratio:.1f} times as many as alone"
                bench.report.say(what, rate, "architectures per hour", said)
                bench.report.figures[f"{what}, ratio"] = ratio


def paper_epoch(bench: Bench) -> None:
    """An epoch of DARTS with the recipe `paper`, from the images to the derived cell."""
    found, count = find_strategy("darts"), bench.sizes.images
    sizes = {"channels": bench.sizes.channels, "cells": bench.sizes.cells}
    batch = {} if count > 1000 else {"batch": bench.sizes.batches[0]}
    made = found.Settings(**{**recipe_settings(found, "paper"), **sizes, **batch})
    benchmark = SharedBenchmark(
        SPACE, bench.data(count), Shape(made.channels, made.cells, made.affine, False),
        place=Place(str(bench.device)), initialisation=made.initialisation,
        around=Shape(made.channels, made.cells),
    )  # fmt: skip
    session, search = benchmark.session(Random(1)), found(Problem(SPACE), made, Random(2))
    for epoch in (1, 2):
        request = search.ask()
        assert isinstance(request, TrainShared)  # noqa: S101
        answer = session.answer(request)
        bench.report.say(f"epoch {epoch} of DARTS, recipe paper, {count} images",
                         float(answer.seconds), "s")  # fmt: skip


def compiled_steps(bench: Bench) -> None:
    """A DARTS step as graphs with cells compiled by torch.compile, which takes minutes first."""
    batch = bench.sizes.batches[0]
    compiled = bench.search("darts", batch, graphs=True)
    for module in compiled.loan.supernet.modules():
        if isinstance(module, SuperCell):
            module.compile()
    versions = {"graphs": bench.search("darts", batch, graphs=True), "compiled": compiled}
    bench.say_steps(f"DARTS step with compiled cells, batch {batch}", versions, "graphs")


PARTS = (
    equality, recorded, darts_steps, second_order_steps, sampled_steps, groups_equal, groups,
    paper_epoch,
)  # fmt: skip
ASKED_FOR = (compiled_steps,)
"""Parts that only run if they are named."""


def chosen(names: str) -> Iterator[Callable[[Bench], None]]:
    """Yield the parts of the given names, separated by commas; the usual ones if there are none."""
    for part in (*PARTS, *ASKED_FOR):
        if part.__name__ in names.split(",") if names else part in PARTS:
            yield part


def main() -> int:
    """Run all parts; return 1 if one of them failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--peer", type=Path, help="a copy of AutoDL-Projects")
    parser.add_argument("--parts", default="", help="names of parts, separated by commas")
    parser.add_argument("--quick", action="store_true", help="small sizes, to try the code")
    options = parser.parse_args()
    bench = Bench(options.device, QUICK if options.quick else Sizes(), options.peer)
    cuda = bench.device.type == "cuda"
    if not cuda:
        torch.set_num_threads(1)
    name = torch.cuda.get_device_name(bench.device) if cuda else "cpu"
    print(f"device: {name}, torch {torch.__version__}", flush=True)
    for part in chosen(options.parts):
        began = time.perf_counter()
        try:
            part(bench)
        except Exception as error:  # the other parts go on
            traceback.print_exc()
            bench.report.failed.append(part.__name__)
            print(f"{part.__name__} failed: {error}", flush=True)
        print(f"({part.__name__}: {time.perf_counter() - began:.1f} s)", flush=True)
    report = bench.report
    print(json.dumps({"device": name, "torch": torch.__version__, "failed": report.failed,
                      "figures": report.figures}))  # fmt: skip
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())

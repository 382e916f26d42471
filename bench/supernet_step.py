"""Seconds per step of the fused supernet against the plain one, in one run.

    python bench/supernet_step.py --threads 1

A DARTS step (first order) is one step of the weights and one of the alphas; a sampled step is one
of the weights with one operation per edge, the mean over twelve random cells, the same for all
versions. Batch 64, C = 16, N = 5, 32x32 images, as in
NAS-Bench-201. The plain supernet is the sum of operations as one would write it first
(tests/spaces/networks/plain_supernet.py), timed in the default memory layout and in channels_last.
All versions do their step in turn, `--repeats` times; ratios are medians of the turns' ratios.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).parents[1]))  # the plain supernet lives in the tests

from nasbench.randomness import Random
from nasbench.spaces.mix import Mix
from nasbench.spaces.nb201 import EDGES, INPUTS, OPERATIONS, NasBench201
from nasbench.spaces.networks.base import Shape
from nasbench.spaces.networks.nb201_supernet import NasBench201Supernet
from tests.spaces.networks.plain_supernet import PlainSupernet

Step = Callable[[], None]
SPACE = NasBench201()
_RANDOM = Random(201)
CELLS = [SPACE.sample(_RANDOM) for _ in range(12)]
CLIP = 5.0


def optimiser(network: nn.Module) -> torch.optim.SGD:
    """Return the weights' optimiser of NAS-Bench-201's one-shot recipes."""
    return torch.optim.SGD(
        network.parameters(), lr=0.025, momentum=0.9, weight_decay=5e-4, nesterov=True
    )


def steps(
    network: nn.Module,
    forward: Callable[[Tensor, tuple[tuple[int, ...], ...], Tensor | None], Tensor],
    images: Tensor,
    labels: Tensor,
    *,
    only_alphas: bool,
) -> tuple[Step, Step]:
    """Return a DARTS step and the sampled ones; `only_alphas` spares the weights' gradients."""
    alphas = (
        1e-3 * torch.randn(len(EDGES), len(OPERATIONS), device=images.device)
    ).requires_grad_()
    sgd = optimiser(network)
    adam = torch.optim.Adam([alphas], lr=3e-4, betas=(0.5, 0.999), weight_decay=1e-3)
    everything = Mix.all_of((len(OPERATIONS),) * len(EDGES), alphas).active

    def update_weights(active: tuple[tuple[int, ...], ...], weights: Tensor | None) -> None:
        sgd.zero_grad()
        torch.autograd.backward(F.cross_entropy(forward(images, active, weights), labels))
        nn.utils.clip_grad_norm_(network.parameters(), CLIP)
        sgd.step()

    def darts() -> None:
        update_weights(everything, alphas.softmax(dim=1).detach())
        adam.zero_grad()
        loss = F.cross_entropy(forward(images, everything, alphas.softmax(dim=1)), labels)
        if only_alphas:
            (alphas.grad,) = torch.autograd.grad(loss, [alphas])
        else:
            torch.autograd.backward(loss)
        adam.step()

    def sampled() -> None:
        for cell in CELLS:
            update_weights(Mix.only(cell).active, None)

    return darts, sampled


def _forward(
    fused: NasBench201Supernet,
    images: Tensor,
    active: tuple[tuple[int, ...], ...],
    weights: Tensor | None,
) -> Tensor:
    logits: Tensor = fused(images, Mix(active, weights))
    return logits


def seconds(step: Step, device: torch.device) -> float:
    """Return how long a step takes."""
    began = time.perf_counter()
    step()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - began


def main() -> None:
    """Print medians of every version and the ratios to the fused one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    device = torch.device(options.device)
    data, shape = INPUTS["cifar10"], Shape(16, 5, affine=False, track_running_stats=False)
    images = torch.randn(options.batch, data.channels, data.side, data.side, device=device)
    labels = torch.randint(data.classes, (options.batch,), device=device)
    versions = {}
    for name, precision in (("fused", None), ("fused, bfloat16", torch.bfloat16)):
        generator = torch.Generator().manual_seed(0)
        fused = NasBench201Supernet(data, shape, generator=generator, precision=precision).to(
            device
        )
        forward = partial(_forward, fused)
        versions[name] = steps(fused, forward, images, labels, only_alphas=True)
    for name, layout in (
        ("plain", torch.contiguous_format),
        ("plain, channels_last", torch.channels_last),
    ):
        plain = PlainSupernet(data, shape, generator=torch.Generator().manual_seed(0)).to(device)
        plain = plain.to(memory_format=layout)
        arranged = images.contiguous(memory_format=layout)
        versions[name] = steps(plain, plain, arranged, labels, only_alphas=False)
    for kind, which, number in (("DARTS step", 0, 1), ("sampled step", 1, len(CELLS))):
        times: dict[str, list[float]] = {name: [] for name in versions}
        for both in versions.values():
            seconds(both[which], device)
        for _ in range(options.repeats):
            for name, both in versions.items():
                times[name].append(seconds(both[which], device) / number)
        for name, spent in times.items():
            ratio = statistics.median(a / b for a, b in zip(spent, times["fused"], strict=True))
            print(f"{kind}, {name}: {statistics.median(spent):.3f} s, {ratio:.2f} times fused")


if __name__ == "__main__":
    main()

"""The Zen-score: how much a network's features change with its input, for Gaussian weights."""

import math

import torch
from torch import Tensor, nn

from nasbench.benchmarks.training.data import Images
from nasbench.benchmarks.training.proxies.parts import hooked, own_copy, weighted

_MIXED = 0.01
"""α, the share of the second noise."""
_REPEATS = 4
"""Draws of weights and noise, of which the mean is taken."""
_POOLING = (nn.AvgPool2d, nn.MaxPool2d, nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d)


@torch.no_grad()
def zen(network: nn.Module, batch: Images, generator: torch.Generator) -> float:
    """Log E ‖f(x) − f(x + αε)‖ + Σ_l log s_l for Gaussian weights, x and ε, with α = 0.01.

    f are the features before global pooling, ‖·‖ is the Frobenius norm, and s_l is the square root
    of the mean variance that batch norm l divides by: batch norm hides the scale of features, and
    this sum restores it. Lin et al., "Zen-NAS", ICCV 2021, Algorithm 1.

    Deviations from the paper: skip connections stay, which it removes before scoring, since a cell
    without them is another cell; and s_l of parallel branches are all added, as the paper has
    chains of layers only. Deviations from the authors' code: the Frobenius norm of the paper in
    place of a sum of absolute values; variances of the minibatch in place of batch norm's running
    ones; the mean of 4 draws in place of 32.
    Only the shape of the minibatch is used. Minus infinity where features do not change.
    """
    scored = own_copy(network).train()
    scores = [_once(scored, batch.images, generator) for _ in range(_REPEATS)]
    return sum(scores) / len(scores)


def _once(network: nn.Module, like: Tensor, generator: torch.Generator) -> float:
    for layer in weighted(network):
        layer.weight.copy_(torch.randn(layer.weight.shape, generator=generator))
        if layer.bias is not None:
            layer.bias.zero_()
    noise, mixed = (torch.randn(like.shape, generator=generator).to(like) for _ in range(2))
    scales: list[Tensor] = []

    def scale(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        scales.append(inputs[0].double().var(dim=(0, 2, 3), correction=0).mean().sqrt())

    norms: list[nn.Module] = [one for one in network.modules() if isinstance(one, nn.BatchNorm2d)]
    with hooked(norms, scale):
        plain = features(network, noise)
    changed = features(network, noise + _MIXED * mixed)
    change = (plain - changed).double().flatten(1).norm(dim=1).mean()
    parts = [_log(float(one)) for one in (change, *scales)]
    return sum(parts)


def features(network: nn.Module, images: Tensor) -> Tensor:
    """Return the features of images before global pooling, (B, channels, side, side).

    They are the last four-dimensional output of a module that has no modules in it and does no
    pooling.
    """
    last: list[Tensor] = []

    def keep(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        if output.dim() == 4:
            last[:] = [output]

    leaves = [one for one in network.modules() if not list(one.children())]
    with hooked([one for one in leaves if not isinstance(one, _POOLING)], keep):
        network(images)
    return last[0] if last else images


def _log(value: float) -> float:
    return math.log(value) if value > 0 else -math.inf

"""Proxies that need no data: synflow and log-synflow.

Both score a network whose weights are replaced by their absolute values, whose batch norm is left
out, and whose input is an image of ones. R is the sum of its logits. The network is computed in
double precision, as R grows with every layer.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from nasbench.benchmarks.training.data import Images
from nasbench.benchmarks.training.proxies.parts import (
    own_copy,
    total,
    weighted,
    without_batch_norm,
)


def synflow(network: nn.Module, batch: Images, _: torch.Generator) -> float:
    """Sum over weights of the synaptic saliency, Σ |θ · ∂R/∂θ|.

    Tanaka, Kunin, Yamins & Ganguli, "Pruning neural networks without any data by iteratively
    conserving synaptic flow", NeurIPS 2020, Eq. 1 and 2; summed over the network by Abdelfattah et
    al., ICLR 2021, Eq. 1, whose code leaves batch norm out too. Only the weights of convolutions
    and linear layers are summed, as there. No deviation from that code is known.
    """
    return _flow(network, batch, lambda gradient: gradient)


def log_synflow(network: nn.Module, batch: Images, _: torch.Generator) -> float:
    """Sum over weights of Σ |θ| · log(1 + |∂R/∂θ|).

    Cavagnero, Robbiano, Caputo & Averta, "FreeREA", WACV 2023, Section 3.2: the logarithm keeps
    the first layers, whose gradients are the largest, from outweighing all others.
    """
    return _flow(network, batch, torch.log1p)


def _flow(network: nn.Module, batch: Images, scaled: Callable[[Tensor], Tensor]) -> float:
    linear = own_copy(network).double()
    with torch.no_grad():
        for parameter in linear.parameters():
            parameter.abs_()
    weights = [one.weight for one in weighted(linear)]
    with without_batch_norm(linear):
        flow = linear(torch.ones_like(batch.images[:1], dtype=torch.float64)).sum()
        found = torch.autograd.grad(flow, weights, allow_unused=True)
    pairs = zip(weights, found, strict=True)
    return total([(w.detach() * scaled(g.abs())).sum() for w, g in pairs if g is not None])

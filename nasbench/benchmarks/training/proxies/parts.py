"""What several proxies need: copies of a network, its weighted layers, hooks, batch norm left out.

A proxy is a function of a network at initialisation, a minibatch and a random stream, and returns a
score. It leaves the network as it was, apart from the running statistics of batch norm, which no
proxy reads. A score that is not finite means that the network has none, see `proxies.Proxies`.
"""

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nasbench.benchmarks.training.data import Images

Proxy = Callable[[nn.Module, Images, torch.Generator], float]
"""A proxy: network, minibatch on the network's device, random stream on the CPU -> score."""
Hook = Callable[[nn.Module, tuple[Tensor, ...], Tensor], Tensor | None]


def weighted(network: nn.Module) -> list[nn.Conv2d | nn.Linear]:
    """Return the convolutions and linear layers: the layers whose weights the proxies score."""
    return [one for one in network.modules() if isinstance(one, nn.Conv2d | nn.Linear)]


def own_copy(network: nn.Module) -> nn.Module:
    """Return a copy of a network, without gradients, whose weights may be changed."""
    copied = copy.deepcopy(network)
    copied.zero_grad(set_to_none=True)
    return copied


def loss_of(network: nn.Module, batch: Images) -> Tensor:
    """Return the cross-entropy of a minibatch, its mean over images, in training mode.

    Batch norm then uses the statistics of the minibatch.
    """
    network.train()
    return F.cross_entropy(network(batch.images), batch.labels)


def gradients(network: nn.Module, batch: Images) -> list[tuple[Tensor, Tensor]]:
    """Return each layer's weight and the gradient of the loss with respect to it.

    A weight that the loss does not depend on is left out.
    """
    weights = [one.weight for one in weighted(network)]
    found = torch.autograd.grad(loss_of(network, batch), weights, allow_unused=True)
    return [(w.detach(), g) for w, g in zip(weights, found, strict=True) if g is not None]


def total(terms: list[Tensor]) -> float:
    """Return the sum of numbers, summed in double precision; 0 for none."""
    return float(torch.stack([one.double() for one in terms]).sum()) if terms else 0.0


@contextmanager
def hooked(modules: list[nn.Module], hook: Hook) -> Iterator[None]:
    """Let `hook` see every forward pass of modules within the block; see torch's forward hooks."""
    handles = [module.register_forward_hook(hook) for module in modules]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def without_batch_norm(network: nn.Module) -> Iterator[None]:
    """Let every batch norm of a network return its input within the block."""
    norms: list[nn.Module] = [one for one in network.modules() if isinstance(one, nn.BatchNorm2d)]
    network.eval()  # a batch norm in training refuses a single pixel, although it is not used
    with hooked(norms, lambda _, inputs, __: inputs[0]):
        yield

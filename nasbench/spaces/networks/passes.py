"""Passes of a batch through a supernet and back: losses and their gradients."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from nasbench.spaces.mix import Mix
from nasbench.spaces.networks.base import Supernet
from nasbench.spaces.networks.recordings import Outputs, Recordings

Batch = tuple[Tensor, Tensor]


class Gradients(NamedTuple):
    """The mean cross entropy (nats) of a batch, and its gradients."""

    loss: Tensor
    mixture: Tensor | None
    """The gradient by the weights of the mixture; None where they need none."""
    weights: Sequence[Tensor | None]
    """The gradients by the supernet's parameters; None for those that the pass does not use."""


class Passes:
    """Forward and backward passes through one supernet.

    What a pass computes depends on the mixture's choices. A pass that is made repeatedly with the
    same choices, as in DARTS, is recorded: see `recordings`.
    """

    def __init__(self, supernet: Supernet, recordings: Recordings) -> None:
        """Use `supernet`, and `recordings` of its passes."""
        self._supernet, self.recordings = supernet, recordings
        self._parameters = list(supernet.parameters())

    def gradients(self, batch: Batch, mix: Mix) -> Gradients:
        """Return the loss of a batch and its gradients by parameters and by the mixture's weights.

        The tensors are valid until the next call.
        """
        searched = mix.weights is not None and mix.weights.requires_grad
        loss, *found = self._call("weights", batch, mix, self._parameters)
        assert loss is not None  # noqa: S101  # only a gradient can be absent
        return Gradients(loss, found.pop(0) if searched else None, found)

    def mixture_loss(self, batch: Batch, mix: Mix) -> Tensor:
        """Return the loss of a batch, with a gradient by the weights of the mixture alone.

        Where passes are recorded, a gradient of this gradient raises `RuntimeError`.
        """
        searched = mix.weights is not None and mix.weights.requires_grad
        if not (self.recordings.active and searched and torch.is_grad_enabled()):
            return self._loss(*batch, mix)
        loss, gradient = self._call("mixture", batch, mix, ())
        found: Tensor = _Computed.apply(mix.weights, loss, gradient)  # type: ignore[no-untyped-call]
        return found

    def _loss(self, images: Tensor, labels: Tensor, mix: Mix) -> Tensor:
        return F.cross_entropy(self._supernet(images, mix), labels)

    def _call(self, kind: str, batch: Batch, mix: Mix, parameters: Sequence[Tensor]) -> Outputs:
        """Return the loss, the gradient by the mixture's weights if they need one, and the rest."""

        def computed(images: Tensor, labels: Tensor, *weights: Tensor) -> Outputs:
            loss = self._loss(images, labels, mix._replace(weights=weights[0] if weights else None))
            wanted = [*(one for one in weights if one.requires_grad), *parameters]
            return loss.detach(), *torch.autograd.grad(loss, wanted, allow_unused=True)

        given = () if mix.weights is None else (mix.weights,)
        what = kind, mix.active, mix.constants, self._supernet.training
        return self.recordings.call(what, computed, (*batch, *given))


class _Computed(torch.autograd.Function):
    """A loss whose gradient by the mixture's weights has been computed together with it."""

    @staticmethod
    def forward(ctx: Any, weights: Tensor, loss: Tensor, gradient: Tensor | None) -> Tensor:
        """Return the loss; keep its gradient, of which None means zero."""
        ctx.save_for_backward(torch.zeros_like(weights) if gradient is None else gradient.clone())
        return loss.clone()

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor, None, None]:
        """Return the kept gradient times the slope of what follows."""
        if torch.is_grad_enabled():  # so it is where the graph of this gradient is made
            raise RuntimeError(
                "a gradient of a recorded pass cannot be derived again: "
                "set NASBENCH_CUDA_GRAPHS=off"
            )
        (gradient,) = ctx.saved_tensors
        return slopes[0] * gradient, None, None

"""A training step as a function of tensors alone, which a CUDA graph can capture and repeat."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nasbench.benchmarks.training.recipes import Recipe

PRECISIONS = {
    "float32": torch.float32,
    "tf32": torch.float32,
    "bfloat16": torch.float32,
    "float64": torch.float64,
}
"""Type of weights and images for each precision.

`tf32` lets a GPU round the factors of convolutions and matrix products to 10 bits of mantissa; with
`float32` it may not. A CPU computes both alike. With `bfloat16`, torch's autocast is used and the
weights stay in float32.
"""

Step = Callable[[Tensor, Tensor, Tensor], Tensor]
"""One step: images (B, channels, side, side), labels (B,), learning rate () -> losses (G,)."""
Graph = Callable[[Step], Step]
"""Returns a step that does the same, such as one that captures it and repeats what it captured.

A step changes weights, momenta and statistics. So each call must do the step once, in the first
calls too, in which a graph warms up.
"""


class Losses:
    """The losses of G networks on a batch, in a precision."""

    def __init__(self, network: nn.Module, size: int, precision: str) -> None:
        """`network` maps images to logits (G = `size`, B, classes)."""
        self.network, self.size = network, size
        self._is_low = precision == "bfloat16"

    def __call__(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Return each network's mean cross entropy, (G,), and the logits, (G, B, classes)."""
        with self._autocast(images.device.type):
            logits: Tensor = self.network(images)
        if self._is_low:
            logits = logits.float()
        every = labels.expand(self.size, -1)
        losses = F.cross_entropy(logits.transpose(1, 2), every, reduction="none")
        return losses.mean(dim=1), logits

    def _autocast(self, kind: str) -> AbstractContextManager[Any]:
        return torch.autocast(kind, torch.bfloat16) if self._is_low else nullcontext()


class TrainingStep:
    """One step of SGD with Nesterov momentum for G networks; see `Step`.

    It reads no number of a tensor and has no shape that depends on one, so that a GPU never waits
    for it. In the `fused` form the optimiser reads the learning rate where it is, as one kernel;
    else the rate must be a tensor on the CPU.
    """

    def __init__(self, losses: Losses, recipe: Recipe, *, fused: bool) -> None:
        """Train the network of `losses`, which is on its device already."""
        self.losses, self.fused = losses, fused
        self.optimiser = torch.optim.SGD(
            losses.network.parameters(),
            lr=recipe.learning_rate,
            momentum=recipe.momentum,
            weight_decay=recipe.weight_decay,
            nesterov=recipe.nesterov,
            foreach=not fused,
            fused=fused,
        )

    def __call__(self, images: Tensor, labels: Tensor, rate: Tensor) -> Tensor:
        """Change the weights once; return the losses before, (G,), without a gradient."""
        for parameters in self.optimiser.param_groups:
            parameters["lr"] = rate if self.fused else float(rate)
        self.optimiser.zero_grad()
        losses, _ = self.losses(images, labels)
        torch.autograd.backward(losses.sum())
        self.optimiser.step()
        return losses.detach()


@contextmanager
def computing(precision: str) -> Iterator[None]:
    """Let GPUs of this process round factors to TF32 only if `precision` is `tf32`.

    Afterwards the settings are those of before. Other threads see the same settings.
    """
    places, name, (off, on) = _switches()
    before = [getattr(place, name) for place in places]
    for place in places:
        setattr(place, name, on if precision == "tf32" else off)
    try:
        yield
    finally:
        for place, value in zip(places, before, strict=True):
            setattr(place, name, value)


def _switches() -> tuple[tuple[Any, ...], str, tuple[object, object]]:
    """Return torch's switches of TF32, the name of their value, and the values off and on."""
    cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
    if hasattr(cudnn, "conv") and hasattr(matmul, "fp32_precision"):  # since torch 2.9
        return (cudnn.conv, cudnn.rnn, matmul), "fp32_precision", ("ieee", "tf32")
    return (cudnn, matmul), "allow_tf32", (False, True)

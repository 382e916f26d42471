"""DARTS: gradient descent on a mixture of all operations."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nasbench.strategies.base import require
from nasbench.strategies.parts.alphas import ALPHA_PAPER, AlphaSearch, AlphaSettings
from nasbench.strategies.parts.one_shot import Batch, Loan
from nasbench.strategies.registry import register

if TYPE_CHECKING:
    from torch import Tensor

    from nasbench.spaces.networks.nb201_supernet import Mix, Supernet

_FINITE_DIFFERENCE = 0.01
"""Epsilon of equation 8 times the norm of the vector (Liu et al., footnote 2)."""


@register("darts")
class Darts(AlphaSearch):
    """First-order DARTS: every edge is the softmax-weighted sum of all operations.

    Liu et al., ICLR 2019, equation 2 and Algorithm 1 with xi = 0: in turn, a step of the alphas
    on validation images and a step of the weights on training images. Deviations, all of them
    NAS-Bench-201's: one alpha per edge of the cell, `none` can win, every node keeps all its edges.
    """

    family = "gradient"
    reference = "Liu et al., ICLR 2019"

    @dataclass(frozen=True)
    class Settings(AlphaSettings):
        """Hyperparameters."""

        epochs: int = 25

    recipes = {
        "small": {},
        "paper": {**ALPHA_PAPER, "epochs": 50},
    }

    def step(self, loan: Loan, batch: Batch, search: Iterator[Batch]) -> "Tensor":
        """Algorithm 1: alphas, then weights."""
        self.search_step(loan, batch, next(search))
        return self.update_weights_alone(loan, batch, self.relaxed(self._alphas))

    def search_step(self, loan: Loan, train: Batch, valid: Batch) -> None:
        """Move the alphas along the gradient of the validation loss at today's weights."""
        self.update_alphas(loan, valid, self.relaxed(self._alphas))

    def relaxed(self, alphas: "Tensor") -> "Mix":
        """Return the continuous relaxation, equation 2."""
        from nasbench.spaces.networks.nb201_supernet import Mix

        return Mix.all_of(alphas.softmax(dim=1))


@register("darts-2nd")
class SecondOrderDarts(Darts):
    """Second-order DARTS: the alphas look one step of the weights ahead.

    Liu et al., ICLR 2019, equation 7 with xi the weights' learning rate, and equation 8 for its
    Hessian-vector product, with the finite difference that the paper names: 0.01 over the norm of
    the vector. Deviations: those of `darts`; and as in the equations, the look-ahead step is plain
    gradient descent (the authors' code adds momentum and weight decay to it).
    """

    @dataclass(frozen=True)
    class Settings(Darts.Settings):
        """Hyperparameters."""

        def __post_init__(self) -> None:
            """Refuse a precision in which the finite difference is lost."""
            super().__post_init__()
            exact = self.precision == "float32"
            require(exact, "precision", self.precision, "float32, for the finite difference")

    recipes = Darts.recipes

    def search_step(self, loan: Loan, train: Batch, valid: Batch) -> None:
        """Move the alphas along the gradient of the validation loss after a step of the weights."""
        xi = self._sgd.param_groups[0]["lr"]
        self._alphas.grad = self.unrolled_gradient(loan.supernet, train, valid, xi)
        self._adam.step()

    def unrolled_gradient(
        self, supernet: "Supernet", train: Batch, valid: Batch, xi: float
    ) -> "Tensor":
        """Return equation 7, shape of the alphas; the weights are left as they were."""
        import torch
        import torch.nn.functional as F

        weights = list(supernet.parameters())
        before = [weight.detach().clone() for weight in weights]

        def gradient(batch: Batch, *of: "Tensor") -> "tuple[Tensor, ...]":
            images, labels = batch
            loss = F.cross_entropy(supernet(images, self.relaxed(self._alphas)), labels)
            return torch.autograd.grad(loss, of)

        def move(direction: "Sequence[Tensor]", by: float) -> None:
            with torch.no_grad():
                for weight, origin, step in zip(weights, before, direction, strict=True):
                    weight.copy_(origin + by * step)

        move(gradient(train, *weights), -xi)
        ahead, *vector = gradient(valid, self._alphas, *weights)
        norm = torch.stack([v.square().sum() for v in vector]).sum().sqrt()
        epsilon = _FINITE_DIFFERENCE / float(norm)
        sides: list[Tensor] = []
        for sign in (1, -1):
            move(vector, sign * epsilon)
            sides += gradient(train, self._alphas)
        move(vector, 0.0)
        return ahead - xi * (sides[0] - sides[1]) / (2 * epsilon)

"""DARTS: gradient descent on a mixture of all operations."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nasbench.spaces.mix import Mix
from nasbench.strategies.base import require
from nasbench.strategies.parts.alphas import ALPHA_NATS, ALPHA_PAPER, AlphaSearch, AlphaSettings
from nasbench.strategies.parts.one_shot import Batch, Loan
from nasbench.strategies.registry import register

if TYPE_CHECKING:
    from torch import Tensor

_FINITE_DIFFERENCE = 0.01
"""Epsilon of equation 8 times the norm of the vector (Liu et al., footnote 2)."""

_BIBTEX = """
@inproceedings{liu2019darts,
  author = {Hanxiao Liu and Karen Simonyan and Yiming Yang},
  title = {{DARTS}: Differentiable Architecture Search},
  booktitle = {International Conference on Learning Representations ({ICLR})},
  year = {2019}
}
"""


@register("darts")
class Darts(AlphaSearch):
    """First-order DARTS: every edge is the softmax-weighted sum of all operations.

    Liu et al., ICLR 2019, equation 2 and Algorithm 1 with xi = 0. A step of the alphas on
    validation images alternates with a step of the weights on training images.

    Deviations from the paper, all of which NAS-Bench-201 has too: each edge of the cell has its own
    alphas, `none` can be chosen, and every node keeps all its edges. With the recipes `paper` and
    `nats`, a batch changes first the weights and then the alphas, as the code of NAS-Bench-201 and
    NATS-Bench does. The remaining deviations from that code are listed at `parts.weights.PAPER` and
    `NATS`.
    """

    title = "DARTS"
    family = "gradient"
    reference = "Liu et al., ICLR 2019"
    bibtex = _BIBTEX
    colour = "#029e73"

    @dataclass(frozen=True)
    class Settings(AlphaSettings):
        """Hyperparameters."""

        epochs: int = 25

    recipes = {
        "small": {},
        "paper": {**ALPHA_PAPER, "epochs": 50},
        "nats": ALPHA_NATS,
    }

    def alphas_step(self, loan: Loan, train: Batch, valid: Batch) -> None:
        """Take a step of the alphas on the validation loss with the present weights."""
        self.update_alphas(loan, valid, self.relaxed(self.logits))

    def weights_step(self, loan: Loan, batch: Batch) -> "Tensor":
        """Take a step of the weights on the mixture of all operations; return its loss."""
        return self.update_weights_alone(loan, batch, self.relaxed(self.logits))

    def relaxed(self, alphas: "Tensor") -> Mix:
        """Return the continuous relaxation (equation 2) with softmax weights of `alphas`."""
        return Mix.all_of(self.sizes, alphas.softmax(dim=1))


@register("darts-2nd")
class SecondOrderDarts(Darts):
    """Second-order DARTS: the alphas follow the validation loss after one step of the weights.

    Liu et al., ICLR 2019, equation 7 with xi the weights' learning rate, and equation 8 for its
    Hessian-vector product, with the finite difference of the paper: 0.01 over the norm of the
    vector. Setting `look_ahead` chooses the step of the weights: plain `gradient` descent, as in
    the equations, or the step of the `optimiser`, which adds weight decay and momentum, as in the
    code of Liu and of NAS-Bench-201 (neither adds Nesterov's correction).

    Deviations from the paper: those of `darts`, except for the order of the steps: here the code of
    NAS-Bench-201 changes the alphas first, and that of NATS-Bench the weights. One deviation from
    the code is not listed at `parts.weights.PAPER` and `NATS`: if the batch norm around the cells
    keeps running statistics, the pass with the weights after the step updates them too (the code
    makes this pass in a copy of the network).
    """

    title = "Second-order DARTS"
    colour = "#01503a"

    @dataclass(frozen=True)
    class Settings(Darts.Settings):
        """Hyperparameters."""

        look_ahead: str = "gradient"  #: the step of the weights: `gradient` or `optimiser`

        def __post_init__(self) -> None:
            """Refuse a precision that is too low for the finite difference."""
            super().__post_init__()
            known = self.look_ahead in ("gradient", "optimiser")
            require(known, "look_ahead", self.look_ahead, "gradient or optimiser")
            exact = self.precision == "float32"
            require(exact, "precision", self.precision, "float32, for the finite difference")

    recipes = {
        "small": {},
        "paper": {**Darts.recipes["paper"], "alphas_first": True, "look_ahead": "optimiser"},
        "nats": {**Darts.recipes["nats"], "look_ahead": "optimiser"},
    }

    def alphas_step(self, loan: Loan, train: Batch, valid: Batch) -> None:
        """Take a step of the alphas on the validation loss after a step of the weights."""
        xi = self._sgd.param_groups[0]["lr"]
        self._alphas.grad = self.unrolled_gradient(loan, train, valid, xi)
        self._adam.step()

    def unrolled_gradient(self, loan: Loan, train: Batch, valid: Batch, xi: float) -> "Tensor":
        """Return the gradient of equation 7, in the shape of the alphas.

        The weights have their old values afterwards.
        """
        import torch

        weights: list[Tensor] = list(loan.supernet.parameters())
        before = [weight.detach().clone() for weight in weights]

        def move(direction: "Sequence[Tensor]", by: "Tensor | float") -> None:
            with torch.no_grad():  # all weights at once, as a GPU starts one kernel after the other
                steps = torch._foreach_mul(list(direction), by)
                torch._foreach_copy_(weights, torch._foreach_add(before, steps))

        def gradients(batch: Batch, mix: Mix) -> "tuple[Tensor | None, list[Tensor]]":
            _, mixture, found = loan.gradients(batch, mix)
            return mixture, [one for one in found if one is not None]  # all: every weight is used

        _, slope = gradients(train, self.relaxed(self.logits).fixed())
        move(self._direction(weights, slope), -xi)
        softmax = self.logits.softmax(dim=1)
        mixture, vector = gradients(valid, Mix.all_of(self.sizes, softmax))
        (ahead,) = torch.autograd.grad(softmax, [self._alphas], mixture)
        norm = torch.stack([v.square().sum() for v in vector]).sum().sqrt()
        epsilon = (_FINITE_DIFFERENCE / norm.double()).to(norm.dtype)
        sides: list[Tensor] = []
        for sign in (1, -1):
            move(vector, sign * epsilon)
            loss = loan.mixture_loss(train, self.relaxed(self.logits))
            sides += torch.autograd.grad(loss, [self._alphas])
        move(vector, 0.0)
        return ahead - xi * (sides[0] - sides[1]) / (2 * epsilon)

    def _direction(
        self, weights: "Sequence[Tensor]", gradients: "Sequence[Tensor]"
    ) -> "Sequence[Tensor]":
        """Return the direction of the weights' step: the gradients, or what the optimiser uses."""
        if self.settings.look_ahead == "gradient":
            return gradients
        s, found = self.settings, []
        for weight, gradient in zip(weights, gradients, strict=True):
            moved = gradient + s.weight_decay * weight.detach()
            before = self._sgd.state[weight].get("momentum_buffer")
            found.append(moved if before is None else moved + s.momentum * before)
        return found

"""What the strategies with architecture parameters share: alphas, their optimiser, the argmax."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nasbench.randomness import Random
from nasbench.spaces.base import Architecture
from nasbench.strategies.base import require
from nasbench.strategies.parts.one_shot import PAPER, Batch, Loan, OneShot, WeightSettings

if TYPE_CHECKING:
    from torch import Tensor

    from nasbench.spaces.networks.lookup import Lookup
    from nasbench.spaces.networks.nb201_supernet import Mix


ALPHA_PAPER: Mapping[str, object] = {**PAPER, "alpha_learning_rate": 3e-4}
"""NAS-Bench-201's settings of weights and alphas, where they differ from the defaults."""


@dataclass(frozen=True)
class AlphaSettings(WeightSettings):
    """Hyperparameters of weights and alphas: NAS-Bench-201's, but for few steps."""

    alpha_learning_rate: float = 0.01  #: of Adam
    alpha_weight_decay: float = 1e-3  #: of the alphas
    alpha_beta1: float = 0.5  #: Adam's first decay; the second is 0.999

    def __post_init__(self) -> None:
        """Refuse alphas that cannot move."""
        super().__post_init__()
        rate = self.alpha_learning_rate
        require(0 < rate < math.inf, "alpha_learning_rate", rate, "above 0")
        decay, beta = self.alpha_weight_decay, self.alpha_beta1
        require(0 <= decay < math.inf, "alpha_weight_decay", decay, "at least 0")
        require(0 <= beta < 1, "alpha_beta1", beta, "at least 0 and below 1")


class AlphaSearch(OneShot):
    """One parameter per decision and choice, alpha, shape (decisions, choices).

    All cells of the network share them. They start at 0.001 times normal noise. The answer is
    the largest alpha of every decision, `none` included, as in NAS-Bench-201.
    """

    def begin(self, loan: Loan) -> None:
        """Draw the alphas."""
        import torch

        sizes = self.space.sizes
        noise = self.random.generator.standard_normal((len(sizes), max(sizes)))
        device = next(loan.supernet.parameters()).device
        self._alphas = (1e-3 * torch.from_numpy(noise)).float().to(device).requires_grad_()
        s = self.settings
        self._adam = torch.optim.Adam(
            [self._alphas], lr=s.alpha_learning_rate, betas=(s.alpha_beta1, 0.999),
            weight_decay=s.alpha_weight_decay,
        )  # fmt: skip

    def tensors(self) -> dict[str, Any]:
        """Return alphas and their optimiser."""
        return {"alphas": self._alphas.detach(), "adam": self._adam.state_dict()}

    def restore_tensors(self, checkpoint: Mapping[str, Any]) -> None:
        """Read them, in place: the optimiser holds on to the alphas."""
        self._alphas.data.copy_(checkpoint["alphas"])
        self._adam.load_state_dict(checkpoint["adam"])

    def update_alphas(self, loan: Loan, batch: Batch, mix: "Mix") -> None:
        """Take one Adam step of the alphas on the cross entropy of a batch."""
        self.descend(self.cross_entropy(loan, batch, mix))

    def update_weights_alone(self, loan: Loan, batch: Batch, mix: "Mix") -> "Tensor":
        """Take a step of the weights with a mixture whose own weights are held fixed."""
        fixed = None if mix.weights is None else mix.weights.detach()
        return self.update_weights(loan, batch, mix._replace(weights=fixed))

    def gumbel_softmax(self, temperature: float) -> "Tensor":
        """Return the softmax of log-probabilities plus fresh Gumbel noise, at a temperature."""
        import torch

        noise = self.random.generator.gumbel(size=tuple(self._alphas.shape))
        logits = self._alphas.log_softmax(dim=1) + torch.from_numpy(noise).to(self._alphas)
        return (logits / temperature).softmax(dim=1)

    def descend(self, loss: "Tensor") -> None:
        """Take one Adam step of the alphas; no gradient of the weights is computed."""
        import torch

        (gradient,) = torch.autograd.grad(loss, [self._alphas], allow_unused=True)
        # A sampled cell may be all skips and zeros: then no alpha scales anything.
        self._alphas.grad = torch.zeros_like(self._alphas) if gradient is None else gradient
        self._adam.step()

    def derive(self, loan: Loan, random: Random) -> Architecture:
        """Return the choice with the largest alpha of every decision."""
        return tuple(self._alphas.detach().argmax(dim=1).tolist())

    def figures(self) -> Mapping[str, float]:
        """Return every alpha's probability and their mean entropy in nats."""
        import torch

        probabilities = self._alphas.detach().softmax(dim=1).cpu()
        entropy = torch.special.entr(probabilities).sum(dim=1)
        named: dict[str, Any] = {
            f"p/{decision.name}/{choice}": float(probabilities[i, j])
            for i, decision in enumerate(self.space.decisions)
            for j, choice in enumerate(decision.choices)
        }
        return {"entropy": float(entropy.mean()), **named}


@dataclass(frozen=True)
class CostSettings(AlphaSettings):
    """Hyperparameters of a search that also minds cost."""

    cost: str = "multiply-adds"
    """What operations cost: `multiply-adds`, what `nasbench latency` has measured, or
    `TABLE:DATASET/latency/DEVICE` (or `energy`) for a lookup fitted to a table's column."""


class CostAwareSearch(AlphaSearch):
    """An alpha search that also knows what its operations cost."""

    def begin(self, loan: Loan) -> None:
        """Look the operations up too."""
        super().begin(loan)
        self._lookup: Lookup = loan.costs()

    def figures(self) -> Mapping[str, float]:
        """Return what the present probabilities cost in expectation, and what the answer costs."""
        expected = self._lookup.expected(self._alphas.detach().softmax(dim=1))
        answer = tuple(self._alphas.detach().argmax(dim=1).tolist())
        costs = {"expected cost": float(expected), "cost": self._lookup.of(answer)}
        unit = self._lookup.unit
        return {**super().figures(), **{f"{name} ({unit})": v for name, v in costs.items()}}

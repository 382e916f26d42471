"""Base classes of strategies with architecture parameters: alphas, their optimiser, the argmax."""

import math
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from nasbench.errors import InvalidInput
from nasbench.problem import Problem
from nasbench.randomness import Random
from nasbench.spaces.base import Architecture
from nasbench.spaces.mix import Mix
from nasbench.strategies.base import require, require_decisions
from nasbench.strategies.parts.one_shot import Batch, Loan, OneShot
from nasbench.strategies.parts.weights import NATS, PAPER, WeightSettings
from nasbench.trace import Trace, Traces

if TYPE_CHECKING:
    from torch import Tensor

    from nasbench.spaces.networks.lookup import Lookup


ALPHA_PAPER: Mapping[str, object] = {
    **PAPER, "alpha_learning_rate": 3e-4, "alphas_first": False, "clip_alphas": True,
}  # fmt: skip
"""The settings of weights and alphas of the recipe `paper` that differ from the defaults.

In the authors' code, a step of the weights clips the gradient norm of all parameters of the
network. This norm includes the gradient of the alphas: the gradient of the weights' loss, added to
the gradient that the last step of the alphas has left there.
"""
ALPHA_NATS: Mapping[str, object] = {**NATS, "alpha_learning_rate": 3e-4, "alphas_first": False}
"""The settings of weights and alphas of the recipe `nats` that differ from the defaults."""


@dataclass(frozen=True)
class AlphaSettings(WeightSettings):
    """Hyperparameters of weights and alphas: those of NAS-Bench-201, adapted to few steps."""

    alpha_learning_rate: float = 0.01  #: learning rate of the alphas, by Adam
    alpha_weight_decay: float = 1e-3  #: weight decay of the alphas
    alpha_beta1: float = 0.5  #: Adam's first decay for the alphas; the second is 0.999
    alphas_first: bool = True  #: whether a batch changes the alphas before the weights
    clip_alphas: bool = False  #: whether the clipped norm counts the alphas' gradient

    def __post_init__(self) -> None:
        """Refuse values with which the alphas cannot learn."""
        super().__post_init__()
        rate = self.alpha_learning_rate
        require(0 < rate < math.inf, "alpha_learning_rate", rate, "above 0")
        decay, beta = self.alpha_weight_decay, self.alpha_beta1
        require(0 <= decay < math.inf, "alpha_weight_decay", decay, "at least 0")
        require(0 <= beta < 1, "alpha_beta1", beta, "at least 0 and below 1")


class AlphaSearch(OneShot):
    """A one-shot search with alphas: one parameter per decision and choice.

    The alphas have shape (decisions, largest number of choices); all cells of the network share
    them. They start at 0.001 times standard normal noise. The answer is the choice with the largest
    alpha of every decision, `none` included, as in NAS-Bench-201.
    """

    def begin(self, loan: Loan) -> None:
        """Draw the alphas and make their optimiser.

        Raises `InvalidInput` if a decision of the space has only one choice.
        """
        import torch

        sizes = self.sizes
        if min(sizes) < 2:
            raise InvalidInput(
                f"{type(self).__name__} weighs choices against each other, and a decision of "
                f"space '{self.space.name}' has one only: leave that decision out of the space"
            )
        noise = self.random.generator.standard_normal((len(sizes), max(sizes)))
        device = next(loan.supernet.parameters()).device
        self._alphas = (1e-3 * torch.from_numpy(noise)).float().to(device).requires_grad_()
        s = self.settings
        self._adam = torch.optim.Adam(
            [self._alphas], lr=s.alpha_learning_rate, betas=(s.alpha_beta1, 0.999),
            weight_decay=s.alpha_weight_decay,
        )  # fmt: skip

    @property
    def sizes(self) -> tuple[int, ...]:
        """The number of choices of each decision."""
        return require_decisions(self.space).sizes

    @property
    def logits(self) -> "Tensor":
        """The alphas, shape (decisions, largest number of choices); -inf if there is no choice."""
        alphas, absent = self._alphas, self._absent
        return alphas if absent is None else alphas.masked_fill(absent, -math.inf)

    @cached_property
    def _absent(self) -> "Tensor | None":
        """Which alphas belong to no choice; None if all decisions have equally many choices."""
        import torch

        sizes = torch.tensor(self.sizes)
        absent = torch.arange(int(sizes.max())) >= sizes[:, None]
        return absent.to(self._alphas.device) if absent.any() else None

    def tensors(self) -> dict[str, Any]:
        """Return the alphas, their optimiser, and the gradient of their last step.

        The gradient is needed because the next step of the weights may count it in the clipped
        norm.
        """
        kept = {"alphas": self._alphas.detach(), "adam": self._adam.state_dict()}
        return kept if self._alphas.grad is None else {**kept, "gradient": self._alphas.grad}

    def restore_tensors(self, checkpoint: Mapping[str, Any]) -> None:
        """Restore what `tensors` returned, in place, since the optimiser refers to the alphas."""
        self._alphas.data.copy_(checkpoint["alphas"])
        self._adam.load_state_dict(checkpoint["adam"])
        if "gradient" in checkpoint:
            self._alphas.grad = checkpoint["gradient"].to(self._alphas)

    def step(self, loan: Loan, batch: Batch, search: Iterator[Batch]) -> "Tensor":
        """Take one step of the alphas and one of the weights, in the order of `alphas_first`."""
        if self.settings.alphas_first:
            self.alphas_step(loan, batch, next(search))
            return self.weights_step(loan, batch)
        loss = self.weights_step(loan, batch)
        self.alphas_step(loan, batch, next(search))
        return loss

    @abstractmethod
    def alphas_step(self, loan: Loan, train: Batch, valid: Batch) -> None:
        """Take one step of the alphas on validation images."""

    @abstractmethod
    def weights_step(self, loan: Loan, batch: Batch) -> "Tensor":
        """Take one step of the weights on training images; return its loss."""

    def update_alphas(self, loan: Loan, batch: Batch, mix: Mix) -> None:
        """Take one Adam step of the alphas on the cross entropy of a batch."""
        self.descend(loan.mixture_loss(batch, mix))

    def update_weights_alone(self, loan: Loan, batch: Batch, mix: Mix) -> "Tensor":
        """Take one step of the weights with a mixture, without a step of the alphas."""
        return self.update_weights(loan, batch, mix if self.settings.clip_alphas else mix.fixed())

    def clipped(self, loan: Loan) -> "list[Tensor]":
        """Return the weights and, with `clip_alphas`, the alphas: see `OneShot.clipped`."""
        weights = super().clipped(loan)
        return [*weights, self._alphas] if self.settings.clip_alphas else weights

    def gumbel_softmax(self, temperature: float) -> "Tensor":
        """Return the softmax of log-probabilities plus new Gumbel noise, at a temperature.

        The result has the shape of the alphas and a gradient.
        """
        import torch

        from nasbench.spaces.networks.transfer import sent

        drawn = torch.from_numpy(self.random.generator.gumbel(size=tuple(self._alphas.shape)))
        noise = sent(drawn.to(self._alphas.dtype), self._alphas.device)
        return ((self.logits.log_softmax(dim=1) + noise) / temperature).softmax(dim=1)

    def descend(self, loss: "Tensor") -> None:
        """Take one Adam step of the alphas on a loss; no gradient of the weights is computed."""
        import torch

        (gradient,) = torch.autograd.grad(loss, [self._alphas], allow_unused=True)
        # The loss depends on no alpha if no operation of a sampled cell reaches the output.
        self._alphas.grad = torch.zeros_like(self._alphas) if gradient is None else gradient
        self._adam.step()

    def derive(self, loan: Loan, random: Random) -> Architecture:
        """Return the choice with the largest alpha of every decision."""
        return tuple(self.logits.detach().argmax(dim=1).tolist())

    def traces(self) -> Traces:
        """Return the probability of every choice, and the mean entropy of the decisions in nats."""
        import torch

        probabilities = self.logits.detach().softmax(dim=1).cpu()
        entropy = torch.special.entr(probabilities).sum(dim=1)
        named: dict[Trace, float] = {
            Trace.probability(decision.name, choice): float(probabilities[i, j])
            for i, decision in enumerate(require_decisions(self.space).decisions)
            for j, choice in enumerate(decision.choices)
        }
        return {Trace.number("entropy"): float(entropy.mean()), **named}


@dataclass(frozen=True)
class CostSettings(AlphaSettings):
    """Hyperparameters of a search that also considers cost."""

    #: cost of operations: `multiply-adds`, the name of what `nasbench latency` has measured, or
    #: `TABLE:DATASET/latency/DEVICE` (or `energy`) for a lookup table fitted to a table's column
    cost: str = "multiply-adds"
    #: weights of the cost, for each of which a supernet is trained anew; none: one, of the weight
    #: that is a setting of its own
    sweep: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        """Refuse weights that are negative or occur twice."""
        super().__post_init__()
        different = len(set(self.sweep)) == len(self.sweep)
        holds = different and all(0 <= one < math.inf for one in self.sweep)
        require(holds, "sweep", self.sweep, "different numbers of at least 0")


class CostAwareSearch(AlphaSearch):
    """A search with alphas that also knows the costs of its operations.

    The setting `sweep` has weights of the cost, see `OneShot`.
    """

    @classmethod
    def check(cls, problem: Problem, settings: Any) -> None:
        """Raise `InvalidInput` for a sweep of a problem with one objective."""
        if settings.sweep and len(problem.objectives) == 1:
            raise InvalidInput(
                "the answer of a sweep is a set, which one objective does not order: name several, "
                f"such as --objective {problem.objectives[0].name},params, or leave sweep away"
            )

    def swept(self, usual: float) -> float:
        """Return the present weight of the sweep, or `usual` without a sweep."""
        sweep: tuple[float, ...] = self.settings.sweep
        return sweep[self.supernet] if sweep else usual

    def begin(self, loan: Loan) -> None:
        """Draw the alphas, and get the lookup table of costs."""
        super().begin(loan)
        self._lookup: Lookup = loan.costs()

    def traces(self) -> Traces:
        """Return also the expected cost under the present probabilities and the answer's cost."""
        expected = self._lookup.expected(self.logits.detach().softmax(dim=1))
        answer = tuple(self.logits.detach().argmax(dim=1).tolist())
        unit = self._lookup.unit
        return {
            **super().traces(),
            Trace.expected_cost(unit): float(expected),
            Trace.cost(unit): self._lookup.of(answer),
        }

"""GDAS: one sampled operation per edge, with a gradient through the sample."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nasbench.strategies.base import require
from nasbench.strategies.parts.alphas import ALPHA_PAPER, AlphaSearch, AlphaSettings
from nasbench.strategies.parts.one_shot import Batch, Loan
from nasbench.strategies.registry import register

if TYPE_CHECKING:
    from torch import Tensor

    from nasbench.spaces.networks.nb201_supernet import Mix


@register("gdas")
class Gdas(AlphaSearch):
    """Differentiable sampling: the hard Gumbel-softmax, straight through.

    Dong & Yang, CVPR 2019, equations 3 to 7: an operation is drawn by argmax of log-probability
    plus Gumbel noise, only it is computed, and its weight is 1 forward and the softmax at the
    temperature backward. The temperature falls linearly over the epochs. Deviation: an operation
    that is not computed has no gradient of its own (the authors' code gives it that of a constant).
    """

    family = "gradient"
    reference = "Dong & Yang, CVPR 2019"

    @dataclass(frozen=True)
    class Settings(AlphaSettings):
        """Hyperparameters."""

        temperature: float = 10.0  #: of the softmax, at the start
        final_temperature: float = 0.1  #: at the last epoch

        def __post_init__(self) -> None:
            """Refuse a temperature at which nothing is defined."""
            super().__post_init__()
            for name in ("temperature", "final_temperature"):
                require(getattr(self, name) > 0, f"gdas.{name}", getattr(self, name), "above 0")

    recipes = {
        "small": {},
        "paper": {**ALPHA_PAPER, "epochs": 250},
    }

    def step(self, loan: Loan, batch: Batch, search: Iterator[Batch]) -> "Tensor":
        """Alphas on validation images, then weights, each with a sample of its own."""
        self.update_alphas(loan, next(search), self.sample())
        return self.update_weights_alone(loan, batch, self.sample())

    def sample(self) -> "Mix":
        """Draw one operation per edge (equations 3 and 4), weighted straight through (5)."""
        import torch.nn.functional as F

        from nasbench.spaces.networks.nb201_supernet import Mix

        soft = self.gumbel_softmax(self.temperature)
        chosen = soft.argmax(dim=1)
        hard = F.one_hot(chosen, soft.shape[1]).to(soft) - soft.detach() + soft
        return Mix.only(tuple(chosen.tolist()), hard)

    @property
    def temperature(self) -> float:
        """The temperature of this epoch."""
        s = self.settings
        share = self.epoch / max(s.epochs - 1, 1)
        return float(s.temperature + (s.final_temperature - s.temperature) * share)

"""GDAS: one sampled operation per edge, with a gradient through the sample."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nasbench.spaces.mix import Mix
from nasbench.strategies.base import require
from nasbench.strategies.parts.alphas import ALPHA_NATS, ALPHA_PAPER, AlphaSearch, AlphaSettings
from nasbench.strategies.parts.one_shot import Batch, Loan
from nasbench.strategies.registry import register

if TYPE_CHECKING:
    from torch import Tensor


_BIBTEX = """
@inproceedings{dong2019searching,
  author = {Xuanyi Dong and Yi Yang},
  title = {Searching for a Robust Neural Architecture in Four {GPU} Hours},
  booktitle = {{IEEE/CVF} Conference on Computer Vision and Pattern Recognition ({CVPR})},
  year = {2019}
}
"""


@register("gdas")
class Gdas(AlphaSearch):
    """Differentiable sampling: the hard Gumbel-softmax with a straight-through gradient.

    Dong & Yang, CVPR 2019, equations 3 to 7. On each edge an operation is drawn by the argmax of
    log-probability plus Gumbel noise, and only this operation is computed. Its weight is 1 in the
    forward pass; the gradient is that of the softmax at the temperature. The temperature falls
    linearly over the epochs.

    The weights of operations that are not computed are 0. For their gradient there are two
    versions, which setting `gradient` chooses from:

    - `constant`: each such weight counts as if the output of its operation were the constant 1, so
      its gradient is the sum of the loss's gradient over the node, in all cells. The authors' code
      did this when the published rows of NAS-Bench-201 and NATS-Bench were made, and the recipes
      `paper` and `nats` do. Here a sampled `none` changes the alphas.
    - `sampled`: these weights have no gradient; only the weight of the sampled operation has one.
      The variant `gdas_v1`, which the authors added in March 2022, does this, and so does the
      recipe `small`. Here a sampled `none` does not change the alphas.

    Deviations from the paper: those of `darts`. From the authors' code: those of
    `parts.weights.PAPER` and `NATS`.
    """

    title = "GDAS"
    family = "gradient"
    reference = "Dong & Yang, CVPR 2019"
    bibtex = _BIBTEX
    colour = "#cc78bc"

    @dataclass(frozen=True)
    class Settings(AlphaSettings):
        """Hyperparameters."""

        temperature: float = 10.0  #: softmax temperature in the first epoch
        final_temperature: float = 0.1  #: softmax temperature in the last epoch
        gradient: str = "sampled"  #: `sampled` or `constant`, see the class

        def __post_init__(self) -> None:
            """Refuse an unknown gradient, and temperatures of 0 or less."""
            super().__post_init__()
            known = self.gradient in ("sampled", "constant")
            require(known, "gdas.gradient", self.gradient, "sampled or constant")
            for name in ("temperature", "final_temperature"):
                require(getattr(self, name) > 0, f"gdas.{name}", getattr(self, name), "above 0")

    recipes = {
        "small": {},
        "paper": {**ALPHA_PAPER, "epochs": 250, "gradient": "constant"},
        "nats": {**ALPHA_NATS, "gradient": "constant"},
    }

    def alphas_step(self, loan: Loan, train: Batch, valid: Batch) -> None:
        """Take a step of the alphas on a sampled cell and validation images."""
        self.update_alphas(loan, valid, self.sample())

    def weights_step(self, loan: Loan, batch: Batch) -> "Tensor":
        """Take a step of the weights on another sampled cell; return its loss."""
        return self.update_weights_alone(loan, batch, self.sample())

    def sample(self) -> Mix:
        """Draw one operation per edge (equations 3 and 4) with straight-through weights (5)."""
        import torch.nn.functional as F

        soft = self.gumbel_softmax(self.temperature)
        chosen = soft.argmax(dim=1)
        hard = F.one_hot(chosen, soft.shape[1]).to(soft) - soft.detach() + soft
        mix = Mix.only(tuple(chosen.tolist()), hard)
        return mix._replace(constants=self.settings.gradient == "constant")

    @property
    def temperature(self) -> float:
        """The temperature of this epoch."""
        s = self.settings
        share = self.epoch / max(s.epochs - 1, 1)
        return float(s.temperature + (s.final_temperature - s.temperature) * share)

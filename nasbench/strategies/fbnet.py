"""FBNet: Gumbel-softmax over operations, and a loss that includes their costs."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nasbench.spaces.mix import Mix
from nasbench.strategies.base import require
from nasbench.strategies.parts.alphas import CostAwareSearch, CostSettings
from nasbench.strategies.parts.one_shot import Batch, Loan
from nasbench.strategies.parts.weights import NETWORK
from nasbench.strategies.registry import register

if TYPE_CHECKING:
    from torch import Tensor


_THOUSANDTHS = 1000
"""Factor of the cost in the logarithm, which must be above 0: a small network costs less than one
unit."""

_BIBTEX = """
@inproceedings{wu2019fbnet,
  author = {Bichen Wu and Xiaoliang Dai and Peizhao Zhang and Yanghan Wang and Fei Sun and
    Yiming Wu and Yuandong Tian and Peter Vajda and Yangqing Jia and Kurt Keutzer},
  title = {{FBNet}: Hardware-Aware Efficient {ConvNet} Design via Differentiable Neural
    Architecture Search},
  booktitle = {{IEEE/CVF} Conference on Computer Vision and Pattern Recognition ({CVPR})},
  year = {2019}
}
"""


@register("fbnet")
class FbNet(CostAwareSearch):
    """Every edge is the Gumbel-softmax mixture of all operations; the loss includes their cost.

    Wu et al., CVPR 2019. Operations are weighted by a Gumbel-softmax whose temperature decays
    (equations 5 and 6). The loss of the architecture parameters is CE * a * log(LAT)^b (equation
    2), or CE + c * LAT with `form=sum`. CE is the cross entropy, and LAT is the sum of the lookup
    table with the same weights (equations 3, 7 and 8). `sweep` has values of b or, with `form=sum`,
    of c: a scales the whole loss, to which the steps of Adam are nearly indifferent.

    Deviations from the paper: LAT is in millions of multiply-adds unless `cost` names a latency,
    and the product counts it in thousandths of its unit (milliseconds in microseconds). There is
    one choice per edge of the cell, repeated through the network, not one per layer. On every batch
    both the parameters and the weights take a step, instead of on 20 % and 80 % of an epoch, and
    the parameters do so from the first epoch on. The answer is the most likely cell, not some
    sampled cells. The setting `sweep`, which searches anew for each weight, is this project's. The
    paper says nothing on two points: here the weights' momentum is Nesterov's, and their
    initialisation is this project's own. No code of the authors' search is known to this project,
    so it is compared with the paper only.
    """

    title = "FBNet"
    family = "gradient"
    reference = "Wu et al., CVPR 2019"
    bibtex = _BIBTEX
    colour = "#7a3b9d"

    @dataclass(frozen=True)
    class Settings(CostSettings):
        """Hyperparameters."""

        epochs: int = 25
        form: str = "product"  #: form of the loss: `product` (the paper's) or `sum`
        weight: float = 0.2  #: a of the product, the factor of the cost
        exponent: float = 0.6  #: b of the product, the power of the cost's logarithm
        cost_weight: float = 0.01  #: c of the sum, the weight of a unit of cost
        temperature: float = 5.0  #: Gumbel-softmax temperature in the first epoch
        decay: float = 0.956  #: factor of the temperature per epoch

        def __post_init__(self) -> None:
            """Refuse values for which the loss is not meaningful."""
            super().__post_init__()
            require(self.form in ("product", "sum"), "fbnet.form", self.form, "product or sum")
            for name in ("weight", "exponent", "cost_weight"):
                value = getattr(self, name)
                require(0 <= value < math.inf, f"fbnet.{name}", value, "at least 0")
            require(self.temperature > 0, "fbnet.temperature", self.temperature, "above 0")
            require(0 < self.decay <= 1, "fbnet.decay", self.decay, "above 0 and at most 1")

    recipes = {
        "small": {},
        "paper": {
            **NETWORK,
            "epochs": 90,
            "batch": 192,
            "learning_rate": 0.1,
            "final_learning_rate": 0.0,
            "weight_decay": 1e-4,
            "clip": 0.0,
            "alphas_first": False,
            "alpha_learning_rate": 0.01,
            "alpha_weight_decay": 5e-4,
            "alpha_beta1": 0.9,
        },
    }

    def alphas_step(self, loan: Loan, train: Batch, valid: Batch) -> None:
        """Take a step of the parameters on the loss (error and cost) of a sampled mixture."""
        self.descend(self.loss(loan, valid, self.sample()))

    def weights_step(self, loan: Loan, batch: Batch) -> "Tensor":
        """Take a step of the weights on another sampled mixture; return its loss."""
        return self.update_weights_alone(loan, batch, self.sample())

    def sample(self) -> Mix:
        """Draw the mixture for one batch: equation 6 at this epoch's temperature."""
        temperature = self.settings.temperature * self.settings.decay**self.epoch
        return Mix.all_of(self.sizes, self.gumbel_softmax(temperature))

    def loss(self, loan: Loan, batch: Batch, mix: Mix) -> "Tensor":
        """Return the loss of a mixture: equation 2, or with `form=sum` error plus weighted cost."""
        s = self.settings
        assert mix.weights is not None  # noqa: S101  # a mixture has them
        error, cost = loan.mixture_loss(batch, mix), self._lookup.expected(mix.weights)
        if s.form == "sum":
            return error + self.swept(s.cost_weight) * cost
        factor: Tensor = s.weight * (_THOUSANDTHS * cost).log() ** self.swept(s.exponent)
        return error * factor

"""ProxylessNAS: two sampled paths per decision, with binary gates."""

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

_BIBTEX = """
@inproceedings{cai2019proxylessnas,
  author = {Han Cai and Ligeng Zhu and Song Han},
  title = {{ProxylessNAS}: Direct Neural Architecture Search on Target Task and Hardware},
  booktitle = {International Conference on Learning Representations ({ICLR})},
  year = {2019}
}
"""


@register("proxylessnas")
class ProxylessNas(CostAwareSearch):
    """Train the weights on one sampled path, and the architecture parameters on two.

    Cai et al., ICLR 2019, section 3.2. For a step of the weights, one operation per edge is sampled
    from the softmax. For a step of the parameters, two operations per edge are sampled without
    replacement, and a binary gate switches one of them on. The gradient by the gates is that of a
    softmax over the two (the estimate of equation 4). After the step both parameters are shifted so
    that their joint weight, the sum of their exponentials, stays the same. The loss adds lambda
    times the expected cost (equations 5 and 6), whose gradient reaches all operations. `sweep` has
    values of lambda.

    Deviations from the paper: the cost is in millions of multiply-adds unless `cost` names a
    latency; there is one choice per edge of the cell, repeated through the network, instead of one
    per layer. The setting `sweep`, which searches anew for each weight, is this project's.

    Deviations from the authors' code (proxylessnas, `search/imagenet_arch_search.py`), whose
    settings the recipe `paper` has: alphas learn from the first epoch on and with every batch (the
    code first trains the weights for 40 epochs, with a cosine of their own, and then changes the
    alphas from the second epoch on with every fifth batch); labels are not smoothed; two operations
    are computed for the gradient of the alphas, and the cost is added, as in the paper (the code's
    default computes all operations, `full_v2`, and multiplies the loss by a power of the cost's
    logarithm). The answer is the most likely cell, as in the code. Batch norm and the space are
    those of NAS-Bench-201.
    """

    title = "ProxylessNAS"
    family = "gradient"
    reference = "Cai et al., ICLR 2019"
    bibtex = _BIBTEX
    colour = "#8c2d04"

    @dataclass(frozen=True)
    class Settings(CostSettings):
        """Hyperparameters."""

        alpha_learning_rate: float = 0.006  #: learning rate of the alphas, by Adam
        alpha_weight_decay: float = 0.0
        alpha_beta1: float = 0.0
        cost_weight: float = 0.0  #: lambda, the weight of a unit of cost

        def __post_init__(self) -> None:
            """Refuse a negative or infinite weight of the cost."""
            super().__post_init__()
            value = self.cost_weight
            require(0 <= value < math.inf, "proxylessnas.cost_weight", value, "at least 0")

    recipes = {
        "small": {},
        "paper": {
            **NETWORK,
            "epochs": 120,
            "batch": 256,
            "learning_rate": 0.025,
            "final_learning_rate": 0.0,
            "weight_decay": 4e-5,
            "clip": 0.0,
            "alphas_first": False,
            "alpha_learning_rate": 1e-3,
        },
    }

    def alphas_step(self, loan: Loan, train: Batch, valid: Batch) -> None:
        """Take a step of the parameters of two sampled paths on validation images."""
        self.compare_paths(loan, valid)

    def weights_step(self, loan: Loan, batch: Batch) -> "Tensor":
        """Take a step of the weights on one sampled path; return its loss."""
        single = tuple(first for first, _ in self.pairs())
        return self.update_weights(loan, batch, Mix.only(single))

    def pairs(self) -> list[tuple[int, int]]:
        """Draw two operations per edge from the softmax, without replacement, in drawn order."""
        logits = self.logits.detach().log_softmax(dim=1).cpu().double().numpy()
        noise = self.random.generator.gumbel(size=logits.shape)
        order = (-(logits + noise)).argsort(axis=1)  # Gumbel top-2: a draw without replacement
        return [(int(first), int(second)) for first, second in order[:, :2]]

    def compare_paths(self, loan: Loan, batch: Batch) -> None:
        """Take one Adam step of the parameters on two sampled operations per edge and the cost."""
        import torch

        pairs = self.pairs()
        rows = torch.arange(len(pairs), device=self._alphas.device)[:, None]
        chosen = torch.tensor(pairs, device=self._alphas.device)
        soft = self._alphas[rows, chosen].softmax(dim=1)
        uniform = torch.from_numpy(self.random.generator.random(len(pairs))).to(soft)
        on = (uniform >= soft[:, 0]).long()
        gates = torch.nn.functional.one_hot(on, 2).to(soft) - soft.detach() + soft
        weights = torch.zeros_like(self._alphas).index_put((rows, chosen), gates)
        loss = loan.mixture_loss(batch, Mix(tuple(map(tuple, map(sorted, pairs))), weights))
        expected = self._lookup.expected(self.logits.softmax(dim=1))
        before = self._alphas.detach()[rows, chosen].logsumexp(dim=1, keepdim=True)
        self.descend(loss + self.swept(self.settings.cost_weight) * expected)
        with torch.no_grad():
            after = self._alphas[rows, chosen]
            self._alphas[rows, chosen] = after + before - after.logsumexp(dim=1, keepdim=True)

"""Successive halving."""

from dataclasses import dataclass

from nasbench.strategies.base import require
from nasbench.strategies.parts.rungs import Halving, require_reduction
from nasbench.strategies.registry import register

_BIBTEX = """
@inproceedings{jamieson2016nonstochastic,
  author = {Kevin Jamieson and Ameet Talwalkar},
  title = {Non-stochastic Best Arm Identification and Hyperparameter Optimization},
  booktitle = {International Conference on Artificial Intelligence and Statistics},
  year = {2016}
}
"""


@register("successive-halving")
class SuccessiveHalving(Halving):
    """Train many architectures a little, and the best part of them on, until one is left.

    Jamieson & Talwalkar, AISTATS 2016, Algorithm 1, in rungs as `parts.rungs` says.

    Deviations: the paper spends a given budget on one run with n architectures; a strategy here
    knows no budget, so it repeats the runs (brackets) until the budget ends, with new architectures
    each time. The paper keeps the better half; the default here is the best third, as in the papers
    that build on it (Hyperband, ASHA); `reduction=2` is the paper's. The rungs' numbers of epochs
    follow from the fidelities that the problem offers, not from budget and n. In the paper an
    architecture may be drawn twice; here those of a bracket differ.
    """

    title = "Successive halving"
    family = "multi-fidelity"
    reference = "Jamieson & Talwalkar, AISTATS 2016"
    bibtex = _BIBTEX
    colour = "#1a7f8e"

    @dataclass(frozen=True)
    class Settings:
        """Hyperparameters."""

        reduction: int = 3  #: one of so many goes on to about so many times the epochs, eta
        candidates: int = 0  #: architectures at the lowest rung, n; 0: so many that one is left

        def __post_init__(self) -> None:
            """Refuse settings with which nothing is compared."""
            require_reduction(self.reduction)
            require(self.candidates >= 0, "candidates", self.candidates, "0 or more")

    def bracket(self, number: int) -> tuple[int, int]:
        """Begin at the lowest rung."""
        levels = self._rungs[-1].level - self._rungs[0].level
        return 0, self.settings.candidates or self.settings.reduction**levels

"""Hyperband."""

from dataclasses import dataclass
from typing import Literal

from nasbench.strategies.parts.rungs import Halving, bracket_size, require_reduction
from nasbench.strategies.registry import register

_BIBTEX = """
@article{li2018hyperband,
  author = {Lisha Li and Kevin Jamieson and Giulia DeSalvo and Afshin Rostamizadeh and
            Ameet Talwalkar},
  title = {Hyperband: A Novel Bandit-Based Approach to Hyperparameter Optimization},
  journal = {Journal of Machine Learning Research},
  volume = {18},
  number = {185},
  pages = {1--52},
  year = {2018}
}
"""


@register("hyperband")
class Hyperband(Halving):
    """Successive halving with brackets that begin at every rung, from the lowest to the highest.

    Li et al., JMLR 2018, Algorithm 1, repeated until the budget ends, in rungs as `parts.rungs`
    says. The bracket that begins at the highest rung is random search.

    Deviations: the smallest number of epochs is that which the problem offers, where the paper has
    one unit of resource. In the paper an architecture may be drawn twice; here those of a bracket
    differ.
    """

    title = "Hyperband"
    family = "multi-fidelity"
    reference = "Li et al., JMLR 2018"
    bibtex = _BIBTEX
    colour = "#5b4db3"

    @dataclass(frozen=True)
    class Settings:
        """Hyperparameters."""

        reduction: int = 3  #: one of so many goes on to about so many times the epochs, eta
        #: sizes of brackets: rounded `up` as in Algorithm 1 (81, 34, 15, 8, 5 for 81 epochs), or
        #: `down` before a product, as in the code of BOHB's authors (81, 27, 9, 6, 5)
        rounding: Literal["up", "down"] = "up"

        def __post_init__(self) -> None:
            """Refuse a reduction that leaves no architecture out."""
            require_reduction(self.reduction)

    def bracket(self, number: int) -> tuple[int, int]:
        """Begin one rung higher than the bracket before, or again at the lowest."""
        first = number % len(self._rungs)
        reduction, rounding = self.settings.reduction, self.settings.rounding
        return first, bracket_size(self._rungs, first, reduction, rounding)

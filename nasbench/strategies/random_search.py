"""Random search, the baseline that every comparison needs."""

from dataclasses import dataclass

from nasbench.problem import Answer, Evaluate, Trial
from nasbench.spaces.base import Architecture
from nasbench.strategies.base import SearchStrategy
from nasbench.strategies.registry import register

_BIBTEX = """
@article{bergstra2012random,
  author = {James Bergstra and Yoshua Bengio},
  title = {Random Search for Hyper-Parameter Optimization},
  journal = {Journal of Machine Learning Research},
  volume = {13},
  pages = {281--305},
  year = {2012}
}
"""


@register("random-search")
class RandomSearch(SearchStrategy):
    """Draw architectures independently and uniformly (Bergstra & Bengio, JMLR 2012).

    Deviations from the paper: none, but a space may draw by another law (`Space.sample`), as that
    of NAS-Bench-101 does.
    """

    title = "Random search"
    family = "random"
    reference = "Bergstra & Bengio, JMLR 2012"
    bibtex = _BIBTEX
    colour = "#6f6f6f"

    @dataclass(frozen=True)
    class Settings:
        """Hyperparameters. The default is that of NAS-Bench-201, which draws with replacement."""

        replacement: bool = True  #: whether an architecture may be drawn again

    def setup(self) -> None:
        """Start with an empty set of drawn architectures."""
        self.drawn: set[Architecture] = set()

    def ask(self) -> Evaluate | None:
        """Draw an architecture; without replacement, return None after all have been drawn."""
        if self.settings.replacement:
            return Evaluate(self.space.sample(self.random))
        if len(self.drawn) == self.space.size:
            return None
        while True:
            architecture = self.space.sample(self.random)
            if architecture not in self.drawn:
                self.drawn.add(architecture)
                return Evaluate(architecture)

    def tell(self, trial: Trial, answer: Answer) -> None:
        """Do nothing: an answer does not change what is drawn next."""

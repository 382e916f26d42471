"""NPENAS: evolution of which a predictor chooses the offspring that are evaluated."""

from collections.abc import Sequence
from dataclasses import dataclass

from nasbench.spaces.base import Architecture
from nasbench.strategies.base import require
from nasbench.strategies.parts.ensemble_search import EnsembleSearch, EnsembleSettings
from nasbench.strategies.registry import register

_BIBTEX = """
@article{wei2023npenas,
  author = {Chen Wei and Chuang Niu and Yiping Tang and Yue Wang and Haihong Hu and Jimin Liang},
  title = {{NPENAS}: Neural Predictor Guided Evolution for Neural Architecture Search},
  journal = {{IEEE} Transactions on Neural Networks and Learning Systems},
  volume = {34},
  number = {11},
  pages = {8441--8455},
  year = {2023},
  doi = {10.1109/TNNLS.2022.3151160}
}
"""


@register("npenas")
class Npenas(EnsembleSearch):
    """The best architectures have many mutants, and the best by prediction are evaluated.

    Wei et al., IEEE TNNLS 2023, NPENAS-NP. After `initial` random architectures, again and again: a
    predictor learns the scores of all evaluated architectures; the best ones mutate, and the `k` of
    the `candidates` with the best predictions are evaluated. No uncertainty is predicted, in which
    it differs from `bananas`.

    The defaults of `initial`, `k`, `candidates` and `parents` are those of the authors' code
    (auroua/NPENASv1, `gin_predictor_nasbench_201`). As there, the mutants of the best architecture
    come first, 100 draws, and those of the next ones only until there are 100 candidates;
    candidates are new ones, and each is one candidate once.

    Deviations: the predictor is the mean of an ensemble of networks on the path encoding, that of
    BANANAS, which works on every space that has an encoding of any kind; theirs is a graph
    isomorphism network of three layers on the cell's graph, trained on the squared error. Where
    theirs passes over candidates with the same paths as another one, here only the same
    architecture is passed over. A mutation is the space's own by a node and one of its edges, that
    of the authors' code on NAS-Bench-201.
    """

    title = "NPENAS"
    family = "predictor-guided evolution"
    reference = "Wei et al., IEEE TNNLS 2023"
    bibtex = _BIBTEX
    colour = "#aa00ff"

    @dataclass(frozen=True)
    class Settings(EnsembleSettings):
        """Hyperparameters."""

        parents: int = 50  #: best architectures that mutate, the best first

        def __post_init__(self) -> None:
            """Refuse a search or a network without something to work with."""
            self.check("npenas")
            require(1 <= self.parents <= 10_000, "npenas.parents", self.parents, "1 to 10000")

    def propose(self) -> Sequence[Architecture]:
        """Return the `k` mutants of the best architectures with the best predictions."""
        parents, count = self.best(self.settings.parents), self.settings.candidates
        candidates = self.mutants_in_turn(parents, count)[:count]
        if not candidates:
            return []
        order = (-self.predict(candidates).mean).argsort(kind="stable").tolist()
        return [candidates[place] for place in order[: self.settings.k]]

    def mutants_of(self, parent: Architecture, count: int) -> list[Architecture]:
        """Return mutants of which one decision changes, drawn by its group."""
        return self.space.mutants(parent, count, self.random, by_group=True)

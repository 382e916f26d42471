"""BANANAS: Bayesian optimisation with an ensemble of networks that predict scores from paths."""

from collections.abc import Sequence
from dataclasses import dataclass

from nasbench.spaces.base import Architecture
from nasbench.spaces.categorical import CategoricalSpace
from nasbench.strategies.base import require
from nasbench.strategies.parts.ensemble_search import EnsembleSearch, EnsembleSettings
from nasbench.strategies.registry import register

_BIBTEX = """
@inproceedings{white2021bananas,
  author = {Colin White and Willie Neiswanger and Yash Savani},
  title = {{BANANAS}: {B}ayesian Optimization with Neural Architectures for Neural Architecture
    Search},
  booktitle = {{AAAI} Conference on Artificial Intelligence},
  volume = {35},
  pages = {10293--10301},
  year = {2021}
}
"""


@register("bananas")
class Bananas(EnsembleSearch):
    """Mutants of the best architectures; a draw from what an ensemble predicts chooses among them.

    White et al., AAAI 2021, Algorithm 1. After `initial` random architectures, again and again: an
    ensemble of networks learns the scores of all evaluated architectures from their path encodings;
    candidates are mutants of the best ones; each candidate's score is drawn from a normal
    distribution with the mean and the deviation of the networks' predictions (independent Thompson
    sampling), and the `k` candidates with the largest draws are evaluated.

    The defaults are those of the authors' code (naszilla: `bananas` with `get_candidates`, and the
    ensemble's of `meta_neuralnet_params`), which the paper uses for 150 evaluations. As there, the
    mutants of the best architecture come first, 100 draws, and those of the next ones only until
    there are 100 candidates; candidates are new ones, and each is one candidate once.

    Where the decisions of a space are independent, a mutation changes each with equal probability,
    `changes` of them on average: 1/4 each on NAS-Bench-201, as in the authors' code. In any other
    space it is the space's own, which on NAS-Bench-101 changes several, too.

    Over 150 evaluations of cells of NAS-Bench-201, or of those of NAS-Bench-101 that the table
    nb101-20k has, a step takes 11 ms of CPU in the mean.

    Deviations: the path encoding is whole, as in the first
    version of the code, while the later one leaves the longest paths out (of NAS-Bench-201, those
    of three operations). A space without a path encoding has its one-hot encoding instead. The
    networks learn standardised scores: see `parts/predictors/ensemble.py`. The loss is that of the
    code, the absolute error; an earlier version of the paper has the relative one.
    """

    title = "BANANAS"
    family = "Bayesian optimisation"
    reference = "White et al., AAAI 2021"
    bibtex = _BIBTEX
    colour = "#e60000"

    @dataclass(frozen=True)
    class Settings(EnsembleSettings):
        """Hyperparameters."""

        parents: int = 5  #: best architectures that mutate, the best first
        changes: float = 1.5  #: mean number of independent decisions that a mutation changes

        def __post_init__(self) -> None:
            """Refuse a search or a network without something to work with."""
            self.check("bananas")
            require(1 <= self.parents <= 10_000, "bananas.parents", self.parents, "1 to 10000")
            holds = 0 < self.changes <= 10_000
            require(holds, "bananas.changes", self.changes, "more than 0, up to 10000")

    def propose(self) -> Sequence[Architecture]:
        """Return the `k` candidates with the largest draws from their predicted scores."""
        from nasbench.strategies.parts.acquisition import thompson_sample

        parents = self.best(self.settings.parents)
        candidates = self.mutants_in_turn(parents, self.settings.candidates)
        if not candidates:
            return []
        drawn = thompson_sample(self.predict(candidates), self.random.generator)
        order = (-drawn).argsort(kind="stable").tolist()
        return [candidates[place] for place in order[: self.settings.k]]

    def mutants_of(self, parent: Architecture, count: int) -> list[Architecture]:
        """Return mutants; of independent decisions they may be the parent itself."""
        if not isinstance(self.space, CategoricalSpace):
            return super().mutants_of(parent, count)
        return [self._mutant(parent, self.space.sizes) for _ in range(count)]

    def _mutant(self, parent: Architecture, sizes: Sequence[int]) -> Architecture:
        chance = min(1.0, self.settings.changes / len(sizes))
        coins = self.random.uniforms(len(sizes))
        return tuple(
            (choice + 1 + int(coin / chance * (size - 1))) % size if coin < chance else choice
            for choice, size, coin in zip(parent, sizes, coins, strict=True)
        )

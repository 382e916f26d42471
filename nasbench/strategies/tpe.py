"""TPE: tree-structured Parzen estimators."""

from dataclasses import dataclass
from math import ceil, inf, isfinite, sqrt
from typing import TYPE_CHECKING, Literal

from nasbench.problem import Answer, Evaluate, Trial
from nasbench.spaces.base import Architecture
from nasbench.strategies.base import SearchStrategy, require
from nasbench.strategies.parts.proposals import proposals_of
from nasbench.strategies.parts.unseen import draw_untaken
from nasbench.strategies.registry import register

if TYPE_CHECKING:
    from nasbench.strategies.parts.parzen import Model

_BIBTEX = """
@inproceedings{bergstra2011algorithms,
  author = {James Bergstra and R{\\'e}mi Bardenet and Yoshua Bengio and Bal{\\'a}zs K{\\'e}gl},
  title = {Algorithms for Hyper-Parameter Optimization},
  booktitle = {Advances in Neural Information Processing Systems},
  year = {2011}
}
"""


@register("tpe")
class Tpe(SearchStrategy):
    """Draw from a density of good architectures, and take what is least likely among bad ones.

    Bergstra et al., NeurIPS 2011, Section 4: a density l of the good architectures and g of the bad
    ones, and the candidate with the largest l/g, which has the largest expected improvement
    (equation 15). For each decision, the probability of a choice is in proportion to its prior plus
    how often it was made. Where a choice determines which decisions follow, each has an estimate
    of its own from the architectures that made it, and candidates are drawn from the root down.

    Good is a fixed share of the answers, a quantile, as in the paper; 0.15 is the usual one by
    Feurer & Hutter ("Hyperparameter Optimization" in Automated Machine Learning, Springer 2019).
    What the paper leaves open is as in the authors' code (hyperopt): 20 random architectures first,
    24 candidates, a prior that weighs as much as one answer for each choice, less weight for older
    bad answers (`remembered`), and evaluations that are open or failed as bad ones. Where code and
    paper differ, in the number of good ones (`quantile=root, gamma=0.25`) and in the best of 24
    draws for each decision alone (`best_of=decision`), the default is the paper's;
    `docs/figures.md` compares them.

    Deviations: an architecture that was asked for is not asked for again, unless `replacement`; the
    best new candidate counts, and where there is none, one is drawn by the space. The prior of a
    decision is uniform. Graphs and pools have no decisions: their density is over the zeros and
    ones of an encoding, as if they were independent, and candidates are mutants of good
    architectures and, as often as the prior weighs, random ones.
    """

    title = "TPE"
    family = "Bayesian optimisation"
    reference = "Bergstra et al., NeurIPS 2011"
    bibtex = _BIBTEX
    colour = "#27408b"

    @dataclass(frozen=True)
    class Settings:
        """Hyperparameters."""

        startup: int = 20  #: random architectures that are asked for first
        candidates: int = 24  #: draws of which the one with the largest l/g is taken
        #: number of good ones of n answers: a `fixed` share gamma * n, or `root` gamma * sqrt(n)
        quantile: Literal["fixed", "root"] = "fixed"
        gamma: float = 0.15  #: see `quantile`; the number is rounded up
        most_good: int = 25  #: largest number of good ones with `quantile=root`
        prior: float = 1.0  #: what each choice counts before it was made
        remembered: int = 25  #: bad ones that count in full; those before count less and less
        #: what is the best of the candidates: an `architecture`, or each `decision` alone
        best_of: Literal["architecture", "decision"] = "architecture"
        replacement: bool = False  #: whether an architecture may be asked for again

        def __post_init__(self) -> None:
            """Refuse settings with which no densities can be made."""
            require(self.startup >= 0, "startup", self.startup, "0 or more")
            require(1 <= self.candidates <= 100_000, "candidates", self.candidates, "1 to 100000")
            require(0 < self.gamma <= 1, "gamma", self.gamma, "above 0, at most 1")
            require(self.most_good >= 1, "most_good", self.most_good, "1 or more")
            require(self.prior > 0, "prior", self.prior, "above 0")
            require(self.remembered >= 1, "remembered", self.remembered, "1 or more")

    def setup(self) -> None:
        """Begin without architectures."""
        self.architectures: list[Architecture] = []  # in the order in which they were asked for
        self.scores: list[float] = []  # of each; -inf if it failed or is not known yet
        self._asked: set[Architecture] = set()
        self._proposals = proposals_of(self.space, self.settings.prior)

    def ask(self) -> Evaluate | None:
        """Return the best new candidate or, at first, a random one; None after all of a space."""
        if len(self._asked) < len(self.architectures) and not self.settings.replacement:
            self._asked.update(self.architectures)  # the search was restored
        chosen = self._best() if len(self.architectures) >= self.settings.startup else None
        if chosen is None:
            chosen = draw_untaken(self.space, self._asked, self.random)
        if chosen is None:
            return None
        self.architectures.append(chosen)
        self.scores.append(-inf)
        if not self.settings.replacement:
            self._asked.add(chosen)
        return Evaluate(chosen, memo=len(self.scores) - 1)

    def tell(self, trial: Trial, answer: Answer) -> None:
        """Note a score."""
        score = self.problem.score(answer)
        if not answer.failed and isfinite(score):
            self.scores[trial.request.memo] = score

    def _best(self) -> Architecture | None:
        """Return the best candidate that was not asked for; None if there is none."""
        from nasbench.strategies.parts.parzen import good_first

        good, bad = good_first(self.scores, self._number_good())
        if not good:
            return None
        model, number = self._model(good, bad), self.settings.candidates
        if self.settings.best_of == "decision":
            one = self._proposals.draw_best_of(model, number, self.random)
            if one is not None:
                return None if one in self._asked else one
        best = [self.architectures[place] for place in good]
        drawn = self._proposals.draw(model, best, number, self.random)
        new = list(dict.fromkeys(one for one in drawn if one not in self._asked))
        return new[model.rank(self._proposals.numbers(new))[0]] if new else None

    def _number_good(self) -> int:
        number, most = len(self.scores), self.settings.most_good
        by_root = self.settings.quantile == "root"
        good: int = ceil(self.settings.gamma * (sqrt(number) if by_root else number))
        return min(good, int(most)) if by_root else good

    def _model(self, good: list[int], bad: list[int]) -> "Model":
        from nasbench.strategies.parts.parzen import Estimator, Model  # numpy, not for listing

        choices, prior = self._proposals.seen(self.architectures), self.settings.prior
        sizes, remembered = self._proposals.sizes, self.settings.remembered
        return Model(
            Estimator.fit(choices[good], sizes, prior, remembered),
            Estimator.fit(choices[bad], sizes, prior, remembered),
        )

"""ParEGO: Bayesian optimisation of several objectives, each time of another weighting of them."""

from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING

from nasbench.spaces.base import Architecture
from nasbench.strategies.base import require
from nasbench.strategies.parts.process_search import ProcessSearch, ProcessSettings
from nasbench.strategies.parts.several_scores import SeveralScores
from nasbench.strategies.registry import register

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from nasbench.strategies.parts.predictors.growing import GrowingProcess

    Numbers = NDArray[np.float64]

_BIBTEX = """
@article{knowles2006parego,
  author = {Joshua Knowles},
  title = {{ParEGO}: A Hybrid Algorithm with On-Line Landscape Approximation for Expensive
    Multiobjective Optimization Problems},
  journal = {{IEEE} Transactions on Evolutionary Computation},
  volume = {10},
  number = {1},
  pages = {50--66},
  year = {2006}
}
"""

_MANY, _FEW = 10, 4
"""Parts into which weights are divided, s, for two objectives and for more: Section III-A."""


def lattice_weights(objectives: int, divisions: int, generator: "np.random.Generator") -> "Numbers":
    """Draw weights uniformly of all multiples of 1/`divisions` that sum to 1, shape (objectives,).

    There are binomial(divisions + objectives - 1, objectives - 1) of them, none below 0. Each is a
    row of `divisions` stars and `objectives` - 1 bars, whose places are drawn.
    """
    import numpy as np

    places = divisions + objectives - 1
    bars = np.sort(generator.choice(places, objectives - 1, replace=False))
    ends = np.concatenate(([-1], bars, [places]))
    weights: Numbers = (np.diff(ends) - 1) / divisions
    return weights


def tchebycheff(scores: "Numbers", weights: "Numbers", rho: float) -> "Numbers":
    """Return minus the augmented Tchebycheff value of n architectures, shape (n,).

    The costs of each objective are minus the `scores`, shape (n, objectives), moved and divided so
    that they go from 0 to 1; an objective in which all are equal costs 0. With the costs c weighted
    by w, the value is max(w * c) + `rho` * sum(w * c): equation 2. It is infinite for an
    architecture whose scores are minus infinity, which does not count among the others.
    """
    import numpy as np

    known = np.isfinite(scores).all(axis=1)
    values = np.full(len(scores), -inf)
    if not known.any():
        return values
    high, width = scores[known].max(axis=0), np.ptp(scores[known], axis=0)
    costs = (high - scores[known]) / np.where(width > 0, width, 1.0) * weights
    values[known] = -(costs.max(axis=1) + rho * costs.sum(axis=1))
    return values


@register("parego")
class ParEgo(SeveralScores, ProcessSearch):
    """Each step draws weights, and improves the weighted worst objective by a Gaussian process.

    Knowles, IEEE Transactions on Evolutionary Computation 2006, Section III. Before each proposal
    a vector of weights is drawn from those that divide 1 into s equal parts (s = 10 for two
    objectives, 11 vectors; s = 4 for more, 15 vectors of three). The scores of an architecture
    become one number, the augmented Tchebycheff function with these weights and `rho`, and the
    architecture with the largest expected improvement of it comes next. With one objective there is
    one vector, and the search is one of that objective.

    The process, the candidates and what a step costs are those of `gp`: a step is 5 ms of CPU in
    the mean of 150 steps in a space of 15,625. Only the description of architectures is longer, as
    costs add up over decisions: beside the paths, it has the decisions (one-hot), else the
    adjacency.

    Deviations: costs are normalised by the smallest and the largest that were seen, where the paper
    knows or estimates their limits. There are `initial` random architectures, as in `gp`; the
    paper's Latin hypercube of 11 d - 1 points needs d numbers, and takes 65 of them for six
    decisions. Expected improvement is maximised over all architectures of a space of at most
    50,000, and over mutants of the best and random ones in others; the paper uses a genetic
    algorithm. Scalars are replaced by normal quantiles of their ranks. The kernel is fitted when
    there are a fifth more answers, to the scalars of the step in which that is; the paper fits it
    in each step. At most `points` answers are kept then; the paper chooses a subset in each step.
    """

    title = "ParEGO"
    family = "Bayesian optimisation"
    reference = "Knowles, IEEE Transactions on Evolutionary Computation 2006"
    bibtex = _BIBTEX
    colour = "#00cc0c"

    @dataclass(frozen=True)
    class Settings(ProcessSettings):
        """Hyperparameters."""

        rho: float = 0.05  #: weight of the sum of the costs beside the largest of them
        divisions: int = 0  #: parts of the weights, s; 0 is 10 for two objectives, 4 for more

        def __post_init__(self) -> None:
            """Refuse settings with which nothing can be learned, proposed or weighted."""
            super().__post_init__()
            require(0 <= self.rho <= 1_000, "rho", self.rho, "0 to 1000")
            require(0 <= self.divisions <= 10_000, "divisions", self.divisions, "0 to 10000")

    def setup(self) -> None:
        """Begin without weights."""
        super().setup()
        self.weights: Sequence[float] = ()
        self.fitted: tuple[int, Sequence[float]] = (0, ())  # answers of the last fit, and weights

    def propose(self) -> "Sequence[Architecture]":
        """Draw weights, and return the architecture with the largest expected improvement."""
        number = len(self.problem.objectives)
        divisions = self.settings.divisions or (_MANY if number <= 2 else _FEW)
        self.weights = tuple(lattice_weights(number, divisions, self.random.generator).tolist())
        return super().propose()

    def _scalars(self, weights: "Sequence[float]", answers: int | None = None) -> "Numbers":
        """Return the scalar scores of the first answers, by default of all."""
        import numpy as np

        return tchebycheff(self.scores[:answers], np.array(weights), self.settings.rho)

    def best(self, count: int) -> list[Architecture]:
        """Return the `count` known architectures with the best scalars, the best first."""
        import numpy as np

        known = [*self.known]
        order = np.argsort(-self._scalars(self.weights), kind="stable")[:count]
        return [known[place] for place in order.tolist()]

    def learn(self, process: "GrowingProcess", known: "Numbers") -> None:
        """Let the process learn the scalars by these weights, and fit it to those of its step."""
        from nasbench.strategies.parts.predictors.growing import last_fit

        answers, _ = last_fit(len(known), self.settings.points)
        if answers != self.fitted[0]:
            self.fitted = (answers, self.weights)
        process.learn(known, self._scalars(self.weights), self._scalars(self.fitted[1], answers))

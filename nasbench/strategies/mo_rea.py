"""Aging evolution for several objectives."""

from collections import deque
from dataclasses import dataclass
from typing import Literal, NamedTuple

from nasbench.problem import Answer, Evaluate, Trial
from nasbench.spaces.base import Architecture
from nasbench.strategies.base import SearchStrategy, require
from nasbench.strategies.parts.populations import Scores, best_first, scaled, succeeded
from nasbench.strategies.registry import register

_BIBTEX = """
@inproceedings{real2019regularized,
  author = {Esteban Real and Alok Aggarwal and Yanping Huang and Quoc V. Le},
  title = {Regularized Evolution for Image Classifier Architecture Search},
  booktitle = {{AAAI} Conference on Artificial Intelligence},
  year = {2019}
}

@inproceedings{salinas2022syne,
  author = {David Salinas and Matthias Seeger and Aaron Klein and Valerio Perrone and
    Martin Wistuba and Cedric Archambeau},
  title = {{Syne Tune}: A Library for Large Scale Hyperparameter Tuning and Reproducible Research},
  booktitle = {International Conference on Automated Machine Learning},
  year = {2022}
}
"""


class Member(NamedTuple):
    """One architecture of the population and its scores."""

    architecture: Architecture
    scores: Scores


@register("mo-rea")
class MultiObjectiveAgingEvolution(SearchStrategy):
    """Aging evolution whose tournaments compare several objectives.

    Real et al., AAAI 2019, Algorithm 1, for several objectives as in Syne Tune's `MOREA` (Salinas
    et al., AutoML 2022): the parent is the best of a random sample of the population by
    non-dominated sorting, its mutant is evaluated, and the oldest member dies. With
    `tournament=weights` the parent has the highest weighted mean of the scores, each scaled from 0
    to 1 over the population; the weights of a run are drawn uniformly from all that are at least 0
    and sum to 1.

    The defaults of population and sample are those of `regularized-evolution`.

    Deviations: of equal rank, the least crowded of the sample is the parent; Syne Tune takes the
    first of an epsilon-net. A failed evaluation takes a place in the population, and is a parent
    only if the whole sample failed.
    """

    title = "Multi-objective aging evolution"
    family = "evolution"
    reference = "Real et al., AAAI 2019; Salinas et al., AutoML 2022"
    bibtex = _BIBTEX
    colour = "#2b5f9e"

    @dataclass(frozen=True)
    class Settings:
        """Hyperparameters."""

        population: int = 10  #: members of the population, P
        sample: int = 3  #: tournament size, S, drawn with replacement
        #: what decides a tournament: dominance and crowding (`sorting`), or a weighted mean whose
        #: `weights` are drawn once per run
        tournament: Literal["sorting", "weights"] = "sorting"

        def __post_init__(self) -> None:
            """Refuse an empty population or tournament."""
            for name in ("population", "sample"):
                value = getattr(self, name)
                require(1 <= value <= 10_000, f"mo-rea.{name}", value, "1 to 10000")

    def setup(self) -> None:
        """Start with an empty population, and draw the weights."""
        self.alive: deque[Member] = deque(maxlen=self.settings.population)
        drawn = self.random.generator.exponential(size=len(self.problem.objectives))
        self.weights: list[float] = (drawn / drawn.sum()).tolist()

    def ask(self) -> Evaluate:
        """Return a random architecture until the population is full, then a mutated winner.

        A space with one architecture has no mutants: it is returned again.
        """
        if len(self.alive) < self.settings.population or self.space.size == 1:
            return Evaluate(self.space.sample(self.random))
        tournament = self.random.choices(self.alive, self.settings.sample)
        sample = [one for one in tournament if succeeded(one.scores)] or tournament
        parent = sample[self._best(sample)]
        return Evaluate(self.space.mutate(parent.architecture, self.random))

    def _best(self, sample: list[Member]) -> int:
        """Return the position of the parent."""
        if not succeeded(sample[0].scores):
            return 0
        if self.settings.tournament == "sorting":
            return best_first([one.scores for one in sample])[0]
        alive = [one.scores for one in self.alive if succeeded(one.scores)]
        means = scaled(alive) @ self.weights
        of = dict(zip(alive, means.tolist(), strict=True))
        return max(range(len(sample)), key=lambda place: of[sample[place].scores])

    def tell(self, trial: Trial, answer: Answer) -> None:
        """Add the architecture to the population; if that was full, the oldest member dies."""
        self.alive.append(Member(trial.architecture, self.problem.scores(answer)))

"""Regularized (aging) evolution."""

from collections import deque
from dataclasses import dataclass
from operator import attrgetter
from typing import Literal, NamedTuple

from nasbench.problem import Answer, Evaluate, Trial
from nasbench.spaces.base import Architecture
from nasbench.strategies.base import SearchStrategy, require
from nasbench.strategies.registry import register

_BIBTEX = """
@inproceedings{real2019regularized,
  author = {Esteban Real and Alok Aggarwal and Yanping Huang and Quoc V. Le},
  title = {Regularized Evolution for Image Classifier Architecture Search},
  booktitle = {{AAAI} Conference on Artificial Intelligence},
  year = {2019}
}
"""


class Member(NamedTuple):
    """One architecture of the population and its validation score."""

    architecture: Architecture
    score: float


_score = attrgetter("score")


@register("regularized-evolution")
class RegularizedEvolution(SearchStrategy):
    """Aging evolution: a tournament chooses the parent, one decision mutates, the oldest dies.

    Real et al., AAAI 2019, Algorithm 1. The defaults are those of NAS-Bench-201 and NATS-Bench
    (P = 10, S = 3) instead of the paper's P = 100, S = 25, which are too large for the published
    budget of about 106 evaluations.

    Deviations: a mutation always changes the architecture, as in the scripts of those two
    benchmarks (in the paper it may also choose the identity), and all edges are mutated with the
    same probability. The scripts first draw a node and then one of the edges into it, so that 0->1
    is mutated with probability 1/3 and an edge into the last node with 1/9; `mutation=node` does
    this.
    """

    title = "Regularized evolution"
    family = "evolution"
    reference = "Real et al., AAAI 2019"
    bibtex = _BIBTEX
    colour = "#0173b2"

    @dataclass(frozen=True)
    class Settings:
        """Hyperparameters."""

        population: int = 10  #: members of the population, P
        sample: int = 3  #: tournament size, S, drawn with replacement
        #: how the decision that mutates is drawn: an `edge` (or another decision) of all, or first
        #: a `node` and then one of the edges into it; in a space without nodes both are the same
        mutation: Literal["edge", "node"] = "edge"

        def __post_init__(self) -> None:
            """Refuse an empty population or tournament."""
            for name in ("population", "sample"):
                value = getattr(self, name)
                rule = "1 to 10000"  # a larger one would hold all architectures of a search
                require(1 <= value <= 10_000, f"regularized-evolution.{name}", value, rule)

    def setup(self) -> None:
        """Start with an empty population: a queue that drops its oldest member when it is full."""
        self.alive: deque[Member] = deque(maxlen=self.settings.population)

    def ask(self) -> Evaluate:
        """Return a random architecture until the population is full, then a mutated winner.

        A space with one architecture has no mutants: it is returned again.
        """
        if len(self.alive) < self.settings.population or self.space.size == 1:
            return Evaluate(self.space.sample(self.random))
        tournament = self.random.choices(self.alive, self.settings.sample)
        parent = max(tournament, key=_score)
        by_node = self.settings.mutation == "node"
        mutate = self.space.mutate_by_group if by_node else self.space.mutate
        return Evaluate(mutate(parent.architecture, self.random))

    def tell(self, trial: Trial, answer: Answer) -> None:
        """Add the architecture to the population; if that was full, the oldest member dies."""
        self.alive.append(Member(trial.request.architecture, self.problem.score(answer)))

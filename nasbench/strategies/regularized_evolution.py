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
    """One living architecture and what validation said of it."""

    architecture: Architecture
    score: float


_score = attrgetter("score")


@register("regularized-evolution")
class RegularizedEvolution(SearchStrategy):
    """Aging evolution: a tournament chooses the parent, one decision mutates, the oldest dies.

    Real et al., AAAI 2019, Algorithm 1. Defaults are those of NAS-Bench-201 and NATS-Bench
    (P = 10, S = 3) instead of the paper's P = 100, S = 25, which exceed the published budget
    of about 106 evaluations. Deviations: a mutation always changes the architecture, as in the
    scripts of those two benchmarks (the paper's may also choose the identity); and it changes any
    edge with the same chance. Those scripts draw a node first and then one of the edges into it,
    so that 0->1 mutates with 1/3 and an edge into the last node with 1/9: `mutation=node`.
    """

    family = "evolution"
    reference = "Real et al., AAAI 2019"
    bibtex = _BIBTEX
    colour = "#0173b2"

    @dataclass(frozen=True)
    class Settings:
        """Hyperparameters."""

        population: int = 10  #: members alive, P
        sample: int = 3  #: tournament size, S, drawn with replacement
        #: what is drawn first: the edge (any decision of a space without edges), or the node it
        #: leads to and then one of the edges into it; without nodes both are the same
        mutation: Literal["edge", "node"] = "edge"

        def __post_init__(self) -> None:
            """Refuse an empty population or tournament."""
            for name in ("population", "sample"):
                value = getattr(self, name)
                rule = "1 to 10000"  # a tournament of more is a list of all that ever lived
                require(1 <= value <= 10_000, f"regularized-evolution.{name}", value, rule)

    def setup(self) -> None:
        """Start with nobody alive; when the queue is full, the oldest dies of every birth."""
        self.alive: deque[Member] = deque(maxlen=self.settings.population)

    def ask(self) -> Evaluate:
        """Fill the population at random, then mutate the winner of a tournament."""
        if len(self.alive) < self.settings.population:
            return Evaluate(self.space.sample(self.random))
        tournament = self.random.choices(self.alive, self.settings.sample)
        parent = max(tournament, key=_score)
        by_node = self.settings.mutation == "node"
        mutate = self.space.mutate_by_group if by_node else self.space.mutate
        return Evaluate(mutate(parent.architecture, self.random))

    def tell(self, trial: Trial, answer: Answer) -> None:
        """Add the child; the oldest dies."""
        self.alive.append(Member(trial.request.architecture, self.problem.score(answer)))

"""SMS-EMOA: evolution that lets go of the member that adds least to the hypervolume."""

from nasbench.problem import WAIT, Answer, Evaluate, Trial, Wait
from nasbench.spaces.base import Architecture
from nasbench.strategies.parts.populations import Scores, Variation, scaled, succeeded
from nasbench.strategies.parts.unseen import Unseen
from nasbench.strategies.registry import register

_BIBTEX = """
@article{beume2007sms,
  author = {Nicola Beume and Boris Naujoks and Michael Emmerich},
  title = {{SMS-EMOA}: Multiobjective Selection Based on Dominated Hypervolume},
  journal = {European Journal of Operational Research},
  volume = {181},
  number = {3},
  pages = {1653--1669},
  year = {2007}
}
"""

_TRIES = 1_000
"""Children in a row that were known from before, after which a random architecture is evaluated."""


@register("sms-emoa")
class SmsEmoa(Unseen):
    """One child at a time; of the worst rank, the member that adds least to the hypervolume dies.

    Beume et al., European Journal of Operational Research 2007, Algorithms 1 and 2. Two random
    members are crossed with probability `crossover`, the child mutates with probability `mutation`
    and joins the population; then one member of the last rank by non-dominated sorting is removed:
    the one without which the hypervolume of that rank is the least smaller.

    Sizes and operators are those of `nsga2`. The hypervolume is measured with every score scaled
    from 0 to 1 over the population, from the point -0.1 in every objective.

    Deviations: as in `nsga2`, and: the paper keeps the two extreme points of two objectives
    whatever they add, which the distant reference point does here too, unless their own part is
    smaller than that of another member. With several workers nothing waits: children are made
    of the members that there are. Up to three objectives.
    """

    title = "SMS-EMOA"
    family = "evolution"
    reference = "Beume et al., European Journal of Operational Research 2007"
    bibtex = _BIBTEX
    colour = "#c2571a"

    Settings = Variation
    most_objectives = 3  # of as many, hypervolumes are computed exactly

    def setup(self) -> None:
        """Start without a population."""
        super().setup()
        self.population: list[Architecture] = []

    def value(self, answer: Answer) -> Scores:
        """Return the scores of all objectives."""
        return self.problem.scores(answer)

    def ask(self) -> Evaluate | Wait | None:
        """Ask for random architectures until the population is full, then for a child at a time."""
        full = len(self.population) >= self.settings.population
        architecture = self._child() if full else None
        if architecture is None:
            architecture = next(iter(self.draw(1)), None)
        if architecture is None:
            return WAIT if self.open else None
        self.open.add(architecture)
        return Evaluate(architecture)

    def _child(self) -> Architecture | None:
        """Return a new child of two random members; None if it is not found in 1,000 tries."""
        if len(self.known) + len(self.open) == self.space.size:
            return None
        for _ in range(_TRIES):
            first, second = self.random.choices(self.population, 2)
            child = self.settings.child(self.space, first, second, self.random)
            if child not in self.known and child not in self.open:
                return child
        return None

    def tell(self, trial: Trial, answer: Answer) -> None:
        """Add the architecture to the population; if that is too large, one member is removed."""
        super().tell(trial, answer)
        if succeeded(self.known[trial.architecture]):
            self.population.append(trial.architecture)
            if len(self.population) > self.settings.population:
                del self.population[self._least()]

    def _least(self) -> int:
        """Return the position of the member that adds least; of equal ones the last that came."""
        import numpy as np

        from nasbench.pareto.dominance import ranks
        from nasbench.pareto.hypervolume import contributions

        points = scaled([self.known[one] for one in self.population])
        rank = ranks(points)
        last = np.flatnonzero(rank == rank.max())
        added = contributions(points[last], [-0.1] * points.shape[1])
        return int(last[np.flatnonzero(added == added.min())[-1]])

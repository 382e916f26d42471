"""NSGA-II: a genetic algorithm that sorts its population by dominance and by crowding."""

from collections.abc import Iterator
from itertools import islice

from nasbench.problem import Answer
from nasbench.spaces.base import Architecture
from nasbench.strategies.parts.batches import Batches
from nasbench.strategies.parts.populations import Scores, Variation, best_first, succeeded
from nasbench.strategies.registry import register

_BIBTEX = """
@article{deb2002fast,
  author = {Kalyanmoy Deb and Amrit Pratap and Sameer Agarwal and T. Meyarivan},
  title = {A Fast and Elitist Multiobjective Genetic Algorithm: {NSGA-II}},
  journal = {{IEEE} Transactions on Evolutionary Computation},
  volume = {6},
  number = {2},
  pages = {182--197},
  year = {2002}
}
"""

_BARREN = 1_000
"""Children in a row that were all known from before, after which random ones are evaluated."""


@register("nsga2")
class Nsga2(Batches):
    """Generations of children; the best by dominance, then by crowding, of all survive.

    Deb et al., IEEE Transactions on Evolutionary Computation 2002. In each generation, as many
    children as the population has members are made: the better of two random members is a parent,
    two parents are crossed with probability `crossover`, and the child mutates with probability
    `mutation`. When all children are evaluated, parents and children are sorted by non-dominated
    sorting and, of equal rank, by crowding distance; the first ones are the next population. It
    works with one objective too, as a genetic algorithm.

    The probability of crossover is the paper's. Population and children are 40 each, as in NSGA-Net
    (Lu et al., GECCO 2019); the paper has 100, and evaluates 25,000 solutions.

    Deviations: crossover and mutation are the space's own. A mutation changes one decision, as many
    as the paper's rate of one in `n` of `n` variables changes on average. Two parents have one
    child, not two. In a space without crossover, every child mutates. An architecture that is known
    keeps its scores and is not evaluated again, and a population has no architecture twice. After
    1,000 children in a row that were all known from before, random architectures take the place of
    the next children. Failed evaluations do not survive. Of two members that are equal in rank and
    in crowding, a tournament takes the one that is known for longer; the paper leaves that open.
    """

    title = "NSGA-II"
    family = "evolution"
    reference = "Deb et al., IEEE Transactions on Evolutionary Computation 2002"
    bibtex = _BIBTEX
    colour = "#c01090"

    Settings = Variation

    def setup(self) -> None:
        """Start without a population."""
        super().setup()
        self.population: list[Architecture] = []  # the best first
        self.barren = 0  # children in a row that were all known from before

    def value(self, answer: Answer) -> Scores:
        """Return the scores of all objectives."""
        return self.problem.scores(answer)

    def next_batch(self) -> list[Architecture]:
        """Choose the next population, and return its children.

        The first batch is the first population. It is drawn again while none of it succeeds.
        """
        self.population = self._survivors()
        if not self.population or self.barren >= _BARREN:
            self.barren = 0
            return self.draw(self.settings.population)
        if len(self.known) == self.space.size:
            return []
        children = list(islice(self._children(), self.settings.population))
        known = all(child in self.known for child in children)
        self.barren = self.barren + len(children) if known else 0
        return children

    def _survivors(self) -> list[Architecture]:
        """Return the best of the population and the batch, in their order."""
        both = dict.fromkeys([*self.population, *self.batch])
        members = [one for one in both if succeeded(self.known[one])]
        if not members:
            return []
        order = best_first([self.known[one] for one in members])
        return [members[place] for place in order[: self.settings.population]]

    def _children(self) -> Iterator[Architecture]:
        """Yield a child of two winners of tournaments after the other, without an end."""
        child, bounds = self.settings.child, (len(self.population),) * 4
        while True:
            a, b, c, d = self.random.integers(bounds)  # the population is sorted, the best first
            first, second = self.population[min(a, b)], self.population[min(c, d)]
            yield child(self.space, first, second, self.random)

"""A genetic algorithm: generations by tournaments, crossover and mutation, the best survives."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from nasbench.spaces.base import Architecture
from nasbench.strategies.base import require
from nasbench.strategies.parts.batches import Batches
from nasbench.strategies.registry import register

_BIBTEX = """
@article{sun2020automatically,
  author = {Yanan Sun and Bing Xue and Mengjie Zhang and Gary G. Yen and Jiancheng Lv},
  title = {Automatically Designing {CNN} Architectures Using the Genetic Algorithm for Image
    Classification},
  journal = {{IEEE} Transactions on Cybernetics},
  volume = {50},
  number = {9},
  pages = {3840--3854},
  year = {2020}
}
"""

_BARREN = 1_000
"""Children in a row that were all known from before, after which a search begins again."""


@register("genetic")
class Genetic(Batches):
    """Generations of children by crossover and mutation; tournaments choose parents and survivors.

    CNN-GA, Sun et al., IEEE Transactions on Cybernetics 2020, Algorithms 1, 5 and 6. Two different
    members win a tournament each. With probability `crossover` they have two children, else two
    copies; each child then mutates with probability `mutation`. When all children of a generation
    are evaluated, tournaments among parents and children choose the next population, and the best
    of all takes the place of the worst chosen one if it was not chosen (elitism). As in the paper,
    an architecture that is known keeps its score and is not evaluated again.

    The defaults are the paper's and those of the authors' code (yn-sun/cnn-ga, `global.ini`).
    `population=1, mutation=1` is hill climbing: one random neighbour of the best architecture at a
    time. `local-search` with `improvement=first` is the hill climbing that knows its optima.

    Deviations: crossover and mutation are the space's own (the paper's crossover exchanges what
    comes after one point of each parent), so that the two children of a pair are drawn
    independently. In a space without crossover, such as cells that are graphs or a pool of names,
    both children are copies, and both mutate. The second parent wins a tournament of all but the
    first; the paper repeats the tournament until another one wins, which never ends where everyone
    takes part. The first population has no architecture twice. After 1,000 children in a row that
    were all known from before, more than the paper's 20 generations have, a new random population
    begins. Survivors are chosen by tournament as in the paper; its code has a roulette wheel.
    """

    title = "Genetic algorithm"
    family = "evolution"
    reference = "Sun et al., IEEE Transactions on Cybernetics 2020"
    bibtex = _BIBTEX
    colour = "#b0305c"

    @dataclass(frozen=True)
    class Settings:
        """Hyperparameters."""

        population: int = 20  #: members of the population, and children per generation
        tournament: int = 2  #: members that take part in a tournament, drawn without replacement
        crossover: float = 0.9  #: probability that two parents are crossed
        mutation: float = 0.2  #: probability that a child mutates
        elitism: bool = True  #: whether the best member always survives

        def __post_init__(self) -> None:
            """Refuse an empty population or tournament, and what is no probability."""
            for name in ("population", "tournament"):
                value = getattr(self, name)
                require(1 <= value <= 10_000, f"genetic.{name}", value, "1 to 10000")
            for name in ("crossover", "mutation"):
                value = getattr(self, name)
                require(0 <= value <= 1, f"genetic.{name}", value, "0 to 1")

    def setup(self) -> None:
        """Start without a population."""
        super().setup()
        self.population: list[Architecture] = []
        self.barren = 0  # children in a row that were all known from before

    def next_batch(self) -> list[Architecture]:
        """Let tournaments choose the next population, and return its children.

        The first population is the first batch.
        """
        if len(self.known) == self.space.size:
            return []
        if not self.batch or self.barren >= _BARREN:
            self.population, self.barren = [], 0
            return self.draw(self.settings.population)
        members = self.population + self.batch
        self.population = self._survivors(members) if self.population else members
        children = list(islice(self._children(), self.settings.population))
        known = all(child in self.known for child in children)
        self.barren = self.barren + len(children) if known else 0
        return children

    def _survivors(self, members: list[Architecture]) -> list[Architecture]:
        """Return the next population: winners of tournaments among all, and the best of all."""
        best = max(members, key=self.known.__getitem__)
        chosen = [self._winner(members) for _ in range(self.settings.population)]
        if self.settings.elitism and best not in chosen:
            chosen[chosen.index(min(chosen, key=self.known.__getitem__))] = best
        return chosen

    def _winner(self, members: list[Architecture]) -> Architecture:
        """Return the best of some members, drawn uniformly; of equal ones the first drawn."""
        drawn = self.random.different(members, self.settings.tournament)
        return max(drawn, key=self.known.__getitem__)

    def _children(self) -> Iterator[Architecture]:
        """Yield the children of pair after pair, without an end."""
        crosses = self.space.crosses
        while True:
            first, second = pair = self._parents()
            if crosses and self.random.uniform() < self.settings.crossover:
                pair = [self.space.cross(first, second, self.random) for _ in pair]
            for child in pair:
                mutates = not crosses or self.random.uniform() < self.settings.mutation
                yield self.space.mutate(child, self.random) if mutates else child

    def _parents(self) -> list[Architecture]:
        """Return two members of the population; twice the same if there is only one."""
        first = self._winner(self.population)
        others = self.population.copy()
        others.remove(first)
        return [first, self._winner(others or self.population)]

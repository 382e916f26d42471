"""Pareto local search: the neighbours of all architectures that no other dominates."""

from itertools import islice

from nasbench.problem import Answer
from nasbench.spaces.base import Architecture
from nasbench.strategies.parts.batches import Batches
from nasbench.strategies.parts.populations import Scores, succeeded
from nasbench.strategies.registry import register

_BIBTEX = """
@incollection{paquete2004pareto,
  author = {Luis Paquete and Marco Chiarandini and Thomas St{\\"u}tzle},
  title = {Pareto Local Optimum Sets in the Biobjective Traveling Salesman Problem: An Experimental
    Study},
  booktitle = {Metaheuristics for Multiobjective Optimisation},
  series = {Lecture Notes in Economics and Mathematical Systems},
  volume = {535},
  pages = {177--199},
  year = {2004}
}
"""

_MOST = 10_000
"""Largest number of neighbours that are listed."""


@register("pareto-local-search")
class ParetoLocalSearch(Batches):
    """Evaluate all neighbours of an architecture of the archive, keep what nothing dominates.

    Paquete et al. 2004, Algorithm 1: the archive begins with one random architecture. An
    architecture of the archive whose neighbours are not known is drawn, all its neighbours are
    evaluated, and the archive keeps of all of them what no other dominates. When the neighbours of
    the whole archive are known, it is a Pareto local optimum set. The paper ends there; here the
    search goes on from another random architecture that is not known, with an archive of its own,
    until the budget is spent or all architectures of the space are known.

    Nothing is evaluated twice. Of more than 10,000 neighbours, 10,000 are looked at. Of several
    architectures with equal scores, the archive keeps all.
    """

    title = "Pareto local search"
    family = "local search"
    reference = "Paquete et al., Metaheuristics for Multiobjective Optimisation 2004"
    bibtex = _BIBTEX
    colour = "#1818d8"

    def setup(self) -> None:
        """Start without an archive."""
        super().setup()
        self.archive: list[Architecture] = []
        self.explored: set[Architecture] = set()  # those of this archive that are done

    def value(self, answer: Answer) -> Scores:
        """Return the scores of all objectives."""
        return self.problem.scores(answer)

    def next_batch(self) -> list[Architecture]:
        """Return the neighbours of an architecture of the archive, or a random one to begin at."""
        self.archive = self._archived()
        left = [one for one in self.archive if one not in self.explored]
        if not left:
            self.archive, self.explored = [], set()
            return self.draw(1)
        chosen = self.random.choice(left)
        self.explored.add(chosen)
        return self.shuffled(islice(self.space.neighbours(chosen), _MOST))

    def _archived(self) -> list[Architecture]:
        """Return what no other dominates of the archive and the batch."""
        import numpy as np

        from nasbench.pareto.dominance import nondominated

        both = dict.fromkeys([*self.archive, *self.batch])
        members = [one for one in both if succeeded(self.known[one])]
        if not members:
            return []
        kept = nondominated(np.array([self.known[one] for one in members])).tolist()
        return [one for one, keeps in zip(members, kept, strict=True) if keeps]

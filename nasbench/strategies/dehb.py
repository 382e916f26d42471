"""DEHB: Hyperband whose architectures come from differential evolution."""

from dataclasses import dataclass
from math import inf, isfinite
from typing import TYPE_CHECKING, Any

from nasbench.problem import WAIT, Answer, Evaluate, Trial, Wait
from nasbench.strategies.base import Parallelism, SearchStrategy, Tag, require, require_decisions
from nasbench.strategies.parts.rungs import bracket_size, require_reduction, rungs_of
from nasbench.strategies.registry import register

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_BIBTEX = """
@inproceedings{awad2021dehb,
  author = {Noor Awad and Neeratyoy Mallik and Frank Hutter},
  title = {{DEHB}: Evolutionary Hyperband for Scalable, Robust and Efficient Hyperparameter
    Optimization},
  booktitle = {International Joint Conference on Artificial Intelligence},
  year = {2021}
}
"""


@register("dehb")
class Dehb(SearchStrategy):
    """Hyperband's brackets, in which differential evolution makes the architectures of each rung.

    Awad et al., IJCAI 2021, in rungs as `parts.rungs` says. Each rung has a subpopulation of
    vectors with one number from 0 to 1 for each decision; a decision of c choices divides that into
    c equal parts. The subpopulation is as large as the rung in the largest bracket, and random at
    first. The first bracket is successive halving: its vectors are evaluated as they are, and the
    best go on. In all later ones, a mutant of three vectors of the parent pool (rand/1) is crossed
    with the next vector of the rung's subpopulation (binomial), and takes its place if it is not
    worse. The parent pool are the best of the subpopulation one rung lower, as many as the rung
    evaluates; at the first rung of a bracket, the best of its own subpopulation.

    Defaults, sizes of brackets and repair of numbers outside 0 to 1 are those of the authors' code
    (DEHB 0.1.2). Vectors that were never evaluated are worse than all others; a failed evaluation
    replaces only those.

    Deviations: a parent pool of fewer than three is filled up by vectors of all subpopulations, as
    in the paper; the code makes mutants of them. Best ones go on unchanged in the first bracket, as
    in the paper; in the code, in the first bracket of each size (`halving=0`). In the first rung of
    the first bracket, the code already crosses its random vectors. With several workers a bracket
    waits at the end of each rung; the code begins the next one meanwhile.

    It needs independent decisions: a vector has a number for each, and a difference of two vectors
    a meaning. Graphs, trees of decisions and parts of spaces have no such vectors, and are refused.
    """

    title = "DEHB"
    family = "multi-fidelity"
    reference = "Awad et al., IJCAI 2021"
    bibtex = _BIBTEX
    colour = "#6b2737"
    tags = frozenset({Tag.FIDELITIES, Tag.DECISIONS})
    parallel = Parallelism.BATCHES
    instead = "bohb or hyperband"

    @dataclass(frozen=True)
    class Settings:
        """Hyperparameters, with the defaults of the paper and the authors' code."""

        reduction: int = 3  #: one of so many goes on to about so many times the epochs, eta
        factor: float = 0.5  #: weight of the difference in a mutation, F
        crossover: float = 0.5  #: probability that a number is the mutant's, p
        halving: int = 1  #: so many first brackets are successive halving; 0: as many as rungs

        def __post_init__(self) -> None:
            """Refuse settings with which nothing is left out or nothing changes."""
            require_reduction(self.reduction)
            require(0 < self.factor <= 2, "factor", self.factor, "above 0, at most 2")
            require(0 <= self.crossover <= 1, "crossover", self.crossover, "from 0 to 1")
            require(self.halving >= 0, "halving", self.halving, "0 or more")

    def setup(self) -> None:
        """Draw all subpopulations, and begin the first bracket."""
        import numpy as np

        self._sizes = np.array(require_decisions(self.space).sizes, np.int64)
        self._rungs = rungs_of(self.problem.fidelities, self.settings.reduction)
        self._halvings = self.settings.halving or len(self._rungs)
        generator, every = self.random.generator, range(len(self._rungs))
        most = [max(self._evaluations(first, rung) for first in every[: rung + 1])
                for rung in every]  # fmt: skip
        self.populations = [generator.random((size, len(self._sizes))) for size in most]
        self.losses = [[inf] * size for size in most]
        self.targets = [0] * len(most)  # of each rung, whose place the next vector may take
        self.brackets = 0
        self._begin()

    def _evaluations(self, first: int, rung: int) -> int:
        """Return how many vectors a bracket that begins at the rung `first` evaluates at a rung."""
        reduction: int = self.settings.reduction
        levels = self._rungs[rung].level - self._rungs[first].level
        began = bracket_size(self._rungs, first, reduction, "down")
        return max(1, began // int(reduction**levels))

    def _begin(self) -> None:
        self.first = self.brackets % len(self._rungs)
        self.brackets += 1
        self._enter(self.first)

    def _enter(self, rung: int) -> None:
        """Come to a rung; in the first brackets, with the best of the rung below."""
        self.rung, self.size = rung, self._evaluations(self.first, rung)
        self.asked = self.told = 0
        self.promoted: list[list[float]] = []
        if self.brackets <= self._halvings and rung > self.first:
            losses, here = self.losses[rung - 1], self.populations[rung].tolist()
            best = sorted((loss, place) for place, loss in enumerate(losses) if loss < inf)
            ranked = [self.populations[rung - 1][place].tolist() for _, place in best]
            self.promoted = [one for one in ranked if one not in here][: self.size]

    def ask(self) -> Evaluate | Wait:
        """Return the next architecture of the rung; wait for the others at its end."""
        from nasbench.strategies.parts.differential import choices_of

        if self.asked == self.size:
            if self.told < self.size:
                return WAIT
            if self.rung + 1 < len(self._rungs):
                self._enter(self.rung + 1)
            else:
                self._begin()
        target = self.targets[self.rung]
        self.targets[self.rung] = (target + 1) % len(self.losses[self.rung])
        self.asked += 1
        vector = self._vector(target)
        memo = (target, tuple(vector.tolist()))
        return Evaluate(choices_of(vector, self._sizes), self._rungs[self.rung].fidelity, memo)

    def _vector(self, target: int) -> "NDArray[np.float64]":
        """Return what is evaluated in the place of a target: it itself, a promoted, or a child."""
        import numpy as np

        if self.promoted:
            return np.array(self.promoted.pop(0))
        own: NDArray[np.float64] = self.populations[self.rung][target]
        if self.brackets == 1 and self.rung == self.first:
            return own
        return self._child(own)

    def _child(self, target: "NDArray[np.float64]") -> "NDArray[np.float64]":
        import numpy as np

        from nasbench.strategies.parts import differential as de

        lower = max(self.first, self.rung - 1)
        best = np.argsort(self.losses[lower], kind="stable")[: self.size]
        generator, everyone = self.random.generator, np.concatenate(self.populations)
        parents = de.drawn_from(self.populations[lower][best], everyone, generator)
        mutant = de.mutated(parents, self.settings.factor)
        child = de.crossed(target, mutant, self.settings.crossover, generator)
        return de.repaired(child, generator)

    def tell(self, trial: Trial, answer: Answer) -> None:
        """Let a vector take the place of its target if it is not worse."""
        target, vector = trial.request.memo
        score: Any = self.problem.score(answer)
        loss = -score if not answer.failed and isfinite(score) else inf
        if loss <= self.losses[self.rung][target]:
            self.populations[self.rung][target] = vector
            self.losses[self.rung][target] = loss
        self.told += 1

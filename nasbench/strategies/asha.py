"""ASHA: asynchronous successive halving."""

from bisect import bisect_left, insort
from dataclasses import dataclass
from heapq import heappop, heappush

from nasbench.problem import WAIT, Answer, Evaluate, Trial, Wait
from nasbench.spaces.base import Architecture
from nasbench.strategies.base import SearchStrategy, Tag, require
from nasbench.strategies.parts.rungs import Told, draw_new, require_reduction, rungs_of, told_of
from nasbench.strategies.registry import register

_BIBTEX = """
@inproceedings{li2020system,
  author = {Liam Li and Kevin Jamieson and Afshin Rostamizadeh and Ekaterina Gonina and
            Jonathan Ben-tzur and Moritz Hardt and Benjamin Recht and Ameet Talwalkar},
  title = {A System for Massively Parallel Hyperparameter Tuning},
  booktitle = {Machine Learning and Systems},
  year = {2020}
}
"""


@register("asha")
class Asha(SearchStrategy):
    """Train an architecture on whenever one is among the best of its rung, else begin a new one.

    Li et al., MLSys 2020, Algorithm 2, in rungs as `parts.rungs` says. It never waits for a rung to
    be complete, so that any number of workers are busy: a rung's best are the best of those that
    have been told so far. An evaluation that failed is counted in its rung and never goes on.

    Deviations: the default is eta = 3, as that of the other strategies of this family and of
    syne-tune's ASHA (0.16); the authors' own replication of the paper's search of CNNs (Determined,
    `darts_cifar10_pytorch`) has 4 (`reduction=4`). The early-stopping rate s counts levels of the
    rungs, some of which a problem may not offer. An architecture that has been drawn before is
    drawn again (up to 100 times). The search ends when all architectures of a space have been drawn
    and none can go on.
    """

    title = "ASHA"
    family = "multi-fidelity"
    reference = "Li et al., MLSys 2020"
    bibtex = _BIBTEX
    colour = "#c2185b"
    tags = frozenset({Tag.FIDELITIES})

    @dataclass(frozen=True)
    class Settings:
        """Hyperparameters."""

        reduction: int = 3  #: one of so many goes on to about so many times the epochs, eta
        stopping_rate: int = 0  #: training begins so many levels above the lowest rung, s

        def __post_init__(self) -> None:
            """Refuse a reduction that leaves no architecture out, and a negative rate."""
            require_reduction(self.reduction)
            require(self.stopping_rate >= 0, "stopping_rate", self.stopping_rate, "0 or more")

    def setup(self) -> None:
        """Begin with empty rungs; `InvalidInput` for a stopping rate that leaves none."""
        every = rungs_of(self.problem.fidelities, self.settings.reduction)
        rate, most = self.settings.stopping_rate, every[-1].level
        require(rate <= most, "stopping_rate", rate, f"at most {most} with these fidelities")
        self._rungs = tuple(rung for rung in every if rung.level >= rate)
        self.told: list[list[Told]] = [[] for _ in self._rungs]  # of each rung, the best first
        self.staying: list[list[Told]] = [[] for _ in self._rungs]  # heaps of the not promoted
        self.drawn: set[Architecture] = set()
        self.asked = self.open = 0

    def ask(self) -> Evaluate | Wait | None:
        """Promote the best that can be, from the highest rung down, or draw an architecture.

        Where all of the space have been drawn, wait for an open trial or else return None.
        """
        for rung in range(len(self._rungs) - 2, -1, -1):
            if self._promotable(rung):
                return self._at(rung + 1, heappop(self.staying[rung]).architecture)
        if len(self.drawn) == self.space.size:
            return WAIT if self.open else None
        architecture = draw_new(lambda: self.space.sample(self.random), self.drawn)
        self.drawn.add(architecture)
        return self._at(0, architecture)

    def _promotable(self, rung: int) -> bool:
        """Whether one that was not promoted is among the best 1/eta of those told at a rung."""
        if not self.staying[rung]:
            return False
        levels = self._rungs[rung + 1].level - self._rungs[rung].level
        best: int = len(self.told[rung]) // self.settings.reduction**levels
        return bisect_left(self.told[rung], self.staying[rung][0]) < best

    def _at(self, rung: int, architecture: Architecture) -> Evaluate:
        self.asked += 1
        self.open += 1
        return Evaluate(architecture, self._rungs[rung].fidelity, memo=self.asked)

    def tell(self, trial: Trial, answer: Answer) -> None:
        """Note a score at its rung."""
        self.open -= 1
        rung = [one.fidelity for one in self._rungs].index(trial.request.fidelity)
        told = told_of(trial, self.problem.score(answer), answer.failed)
        insort(self.told[rung], told)
        if told.loss < float("inf"):
            heappush(self.staying[rung], told)

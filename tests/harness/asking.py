"""Strategies that ask for fidelities, wait for answers, or have many trials open."""

from dataclasses import dataclass

from nasbench.problem import WAIT, Answer, Evaluate, Fidelity, Trial, Wait
from nasbench.spaces.base import Architecture
from nasbench.strategies.base import SearchStrategy, Tag


class SuccessiveHalving(SearchStrategy):
    """The best third of a rung goes on with three times the epochs; then all begins anew.

    Jamieson & Talwalkar, AISTATS 2016.
    """

    family = "multi-fidelity"
    tags = frozenset({Tag.FIDELITIES})
    reference = "Jamieson & Talwalkar, AISTATS 2016"

    @dataclass(frozen=True)
    class Settings:
        """Hyperparameters."""

        candidates: int = 9  #: of the lowest rung

    def setup(self) -> None:
        most = self.problem.fidelities[-1].epochs
        self.rungs = [Fidelity(max(1, most // 3**k)) for k in (2, 1, 0)]
        self.begin()

    def begin(self) -> None:
        number = self.settings.candidates
        self.left = [self.space.sample(self.random) for _ in range(number)]
        self.rung, self.open = 0, 0
        self.told: list[tuple[float, Architecture]] = []

    def ask(self) -> Evaluate | Wait:
        if not self.left and self.open:
            return WAIT
        if not self.left and self.rung == len(self.rungs) - 1:
            self.begin()
        elif not self.left:
            best = sorted(self.told, key=lambda one: one[0], reverse=True)
            self.left = [one for _, one in best[: len(best) // 3]]
            self.rung, self.told = self.rung + 1, []
        self.open += 1
        return Evaluate(self.left.pop(), self.rungs[self.rung])

    def tell(self, trial: Trial, answer: Answer) -> None:
        self.open -= 1
        self.told.append((self.problem.score(answer), trial.architecture))


class AsynchronousEvolution(SearchStrategy):
    """Evolution without generations: a child replaces the worst when its answer comes.

    Never waits: while fewer members are known than parents are drawn, children are random.
    """

    family = "evolution"
    reference = "none"

    @dataclass(frozen=True)
    class Settings:
        """Hyperparameters."""

        population: int = 10  #: members alive
        sample: int = 3  #: drawn for a tournament

    def setup(self) -> None:
        self.alive: list[tuple[float, Architecture]] = []

    def ask(self) -> Evaluate:
        if len(self.alive) < self.settings.population:
            return Evaluate(self.space.sample(self.random))
        drawn = self.random.choices(self.alive, self.settings.sample)
        parent = max(drawn, key=lambda member: member[0])
        return Evaluate(self.space.mutate(parent[1], self.random))

    def tell(self, trial: Trial, answer: Answer) -> None:
        self.alive.append((self.problem.score(answer), trial.architecture))
        if len(self.alive) > self.settings.population:
            self.alive.remove(min(self.alive, key=lambda member: member[0]))


class TwoObjectiveRandomSearch(SearchStrategy):
    """Random cells, half of them neighbours of one that nothing seen is better than."""

    family = "random"
    reference = "none"

    def setup(self) -> None:
        self.front: list[tuple[tuple[float, ...], Architecture]] = []

    def ask(self) -> Evaluate:
        if len(self.front) > 1 and self.random.integer(2):
            _, parent = self.random.choice(self.front)
            return Evaluate(self.space.mutate(parent, self.random))
        return Evaluate(self.space.sample(self.random))

    def tell(self, trial: Trial, answer: Answer) -> None:
        scores = self.problem.scores(answer)
        if not any(_as_good(other, scores) for other, _ in self.front):
            self.front = [one for one in self.front if not _as_good(scores, one[0])]
            self.front.append((scores, trial.architecture))


def _as_good(first: tuple[float, ...], second: tuple[float, ...]) -> bool:
    return all(one >= other for one, other in zip(first, second, strict=True))

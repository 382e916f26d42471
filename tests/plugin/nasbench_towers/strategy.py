"""Asynchronous successive halving (Li et al., MLSys 2020, Algorithm 2)."""

from dataclasses import dataclass

from nasbench import Answer, Evaluate, Fidelity, SearchStrategy, Tag, Trial


class Promotion(SearchStrategy):
    """Train the best of each rung on, whenever there is one, and else begin a new tower.

    A rung is a fidelity of the problem. An architecture goes on from a rung if it is among the
    best 1/`reduction` that have come to it. Deviation: rungs are the table's fidelities instead
    of powers of `reduction`.
    """

    family = "multi-fidelity"
    tags = frozenset({Tag.FIDELITIES})
    reference = "Li et al., MLSys 2020"

    @dataclass(frozen=True)
    class Settings:
        """Hyperparameters."""

        reduction: int = 3  #: one of so many goes on, eta

    def setup(self) -> None:
        """Begin with empty rungs."""
        self.rungs: list[list[tuple[float, str]]] = [[] for _ in self.problem.fidelities]
        self.promoted: list[list[str]] = [[] for _ in self.rungs]

    def ask(self) -> Evaluate:
        """Ask for a tower that goes on, from the highest rung down, or for a new one."""
        for rung in reversed(range(len(self.rungs) - 1)):
            best = sorted(self.rungs[rung], reverse=True)
            for _, text in best[: len(best) // self.settings.reduction]:
                if text not in self.promoted[rung]:
                    self.promoted[rung].append(text)
                    return self.on_rung(rung + 1, text)
        return self.on_rung(0, self.space.format(self.space.sample(self.random)))

    def on_rung(self, rung: int, text: str) -> Evaluate:
        """Ask for an architecture at a rung's fidelity."""
        fidelity: Fidelity = self.problem.fidelities[rung]
        return Evaluate(self.space.parse(text), fidelity, memo=rung)

    def tell(self, trial: Trial, answer: Answer) -> None:
        """Remember a score at its rung."""
        told = (self.problem.score(answer), self.space.format(trial.architecture))
        self.rungs[trial.request.memo].append(told)

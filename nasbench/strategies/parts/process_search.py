"""Searches whose model of a score is a Gaussian process that grows with the answers."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nasbench.strategies.base import require
from nasbench.strategies.parts.improvement import ImprovementSearch

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nasbench.strategies.parts.predictors import Prediction
    from nasbench.strategies.parts.predictors.growing import GrowingProcess

    Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class ProcessSettings:
    """Hyperparameters of a search with Gaussian processes."""

    initial: int = 10  #: random architectures before the first model
    points: int = 300  #: answers that are kept when hyperparameters are fitted again
    candidates: int = 200  #: architectures compared in a space of more than 50,000
    parents: int = 10  #: best architectures whose mutants are candidates there

    def __post_init__(self) -> None:
        """Refuse settings with which nothing can be learned or proposed."""
        require(1 <= self.initial <= 100_000, "initial", self.initial, "1 to 100000")
        require(2 <= self.points <= 5_000, "points", self.points, "2 to 5000")
        require(1 <= self.candidates <= 50_000, "candidates", self.candidates, "1 to 50000")
        require(1 <= self.parents <= 10_000, "parents", self.parents, "1 to 10000")


class ProcessSearch(ImprovementSearch):
    """A search for the largest expected improvement of one score by a Gaussian process.

    The process is not stored: where it is missing, it learns all answers.
    """

    Settings = ProcessSettings

    def setup(self) -> None:
        """Begin without a process."""
        super().setup()
        self._process: GrowingProcess | None = None

    @abstractmethod
    def learn(self, process: "GrowingProcess", known: "Numbers") -> None:
        """Let the process learn all answers: the features of what is known, shape (n, d)."""

    def predict(self, known: "Numbers", others: "Numbers", *, all_: bool) -> "Prediction":
        """Predict normal scores after learning all answers."""
        from nasbench.strategies.parts.predictors.growing import GrowingProcess

        if self._process is None:
            self._process = GrowingProcess(self.settings.points, others if all_ else None)
        self.learn(self._process, known)
        return self._process.predict_candidates() if all_ else self._process.predict(others)

    @property
    def goal(self) -> float:
        """The best normal score."""
        return 0.0 if self._process is None else float(self._process.scores.max())

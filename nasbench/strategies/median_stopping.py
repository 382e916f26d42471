"""Random search with the median stopping rule."""

from bisect import insort
from collections import deque
from dataclasses import dataclass
from math import isfinite
from typing import NamedTuple

from nasbench.problem import WAIT, Answer, Evaluate, Trial, Wait
from nasbench.spaces.base import Architecture
from nasbench.strategies.base import SearchStrategy, Tag, require
from nasbench.strategies.parts.rungs import draw_new
from nasbench.strategies.registry import register

_BIBTEX = """
@inproceedings{golovin2017vizier,
  author = {Daniel Golovin and Benjamin Solnik and Subhodeep Moitra and Greg Kochanski and
            John Karro and D. Sculley},
  title = {Google Vizier: A Service for Black-Box Optimization},
  booktitle = {{ACM} {SIGKDD} International Conference on Knowledge Discovery and Data Mining},
  year = {2017}
}
"""


class Curve(NamedTuple):
    """The scores of one training so far, one after another at the problem's fidelities."""

    architecture: Architecture
    scores: tuple[float, ...]


@register("median-stopping")
class MedianStopping(SearchStrategy):
    """Train random architectures step by step, and stop one that falls below the median.

    Golovin et al., KDD 2017, Section 3.2.2: after a step, a training is stopped if its best score
    so far is strictly worse than the median, over completed trainings, of the mean of the scores
    that each had up to this step. A completed training is one that was stopped or is at its end.

    The steps are the fidelities that the problem offers, each with a validation; where trainings
    are not resumed, every step is a new training and the rule saves little.

    Deviations: the paper says neither whether a stopped training is completed (here it is) nor from
    how many completed ones on the rule holds (here `grace`). An evaluation that failed ends its
    training, which is then not among the completed ones. An architecture that has been drawn before
    is drawn again (up to 100 times); the search ends when all of a space have been drawn.
    """

    title = "Median stopping"
    family = "multi-fidelity"
    reference = "Golovin et al., KDD 2017"
    bibtex = _BIBTEX
    colour = "#3c6e23"
    tags = frozenset({Tag.FIDELITIES})

    @dataclass(frozen=True)
    class Settings:
        """Hyperparameters."""

        grace: int = 5  #: completed trainings without which none is stopped
        stride: int = 1  #: the next step is so many fidelities higher; the last is always a step

        def __post_init__(self) -> None:
            """Refuse a rule without completed trainings, and steps that do not go on."""
            require(self.grace >= 1, "grace", self.grace, "1 or more")
            require(self.stride >= 1, "stride", self.stride, "1 or more")

    def setup(self) -> None:
        """Begin without trainings."""
        offered = self.problem.fidelities
        self._steps = offered[::-1][:: self.settings.stride][::-1]
        if len(self._steps) == 1:
            self._steps = offered[0], offered[-1]
        self.averages: list[list[float]] = [[] for _ in self._steps]
        """Of each step, the means up to it of completed trainings, in ascending order."""
        self.going: deque[Curve] = deque()
        """Trainings that go on, and that are not asked for yet."""
        self.drawn: set[Architecture] = set()
        self.open = 0

    def ask(self) -> Evaluate | Wait | None:
        """Train on what was not stopped, or else begin with a new architecture."""
        if self.going:
            curve = self.going.popleft()
        elif len(self.drawn) == self.space.size:
            return WAIT if self.open else None
        else:
            architecture = draw_new(lambda: self.space.sample(self.random), self.drawn)
            self.drawn.add(architecture)
            curve = Curve(architecture, ())
        self.open += 1
        return Evaluate(curve.architecture, self._steps[len(curve.scores)], memo=curve.scores)

    def tell(self, trial: Trial, answer: Answer) -> None:
        """Let the training go on, or complete it at its end or where it is below the median."""
        self.open -= 1
        score = self.problem.score(answer)
        if answer.failed or not isfinite(score):
            return
        curve = Curve(trial.architecture, (*trial.request.memo, score))
        if len(curve.scores) == len(self._steps) or self._stops(curve.scores):
            for step in range(len(curve.scores)):
                insort(self.averages[step], _mean(curve.scores[: step + 1]))
        else:
            self.going.append(curve)

    def _stops(self, scores: tuple[float, ...]) -> bool:
        """Whether the best score of a training is below the median of the others' means."""
        others = self.averages[len(scores) - 1]
        if len(others) < self.settings.grace:
            return False
        middle = len(others) // 2
        return max(scores) < (others[middle] + others[~middle]) / 2


def _mean(scores: tuple[float, ...]) -> float:
    return sum(scores) / len(scores)

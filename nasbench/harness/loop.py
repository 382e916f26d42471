"""The loop: one strategy, one benchmark, one clock, one trajectory."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from nasbench.benchmarks.base import Session
from nasbench.harness.budget import Clock, Stop
from nasbench.problem import ACCURACY, Answer, Evaluate, Metric, Request, SharedAnswer, Trial
from nasbench.spaces.base import Architecture
from nasbench.strategies.base import SearchStrategy


@dataclass(frozen=True)
class Trajectory:
    """All evaluations of one run in order, as columns of equal length n, and why it ended."""

    architectures: list[Architecture]
    values: NDArray[np.float64]  #: shape (n, objectives), NaN where the evaluation failed
    seconds: NDArray[np.float64]  #: cost of each evaluation on the run's clock
    epochs: NDArray[np.int64]  #: training epochs of each evaluation
    optimiser_seconds: NDArray[np.float64]  #: real seconds the strategy thought about each
    stop: Stop
    derived: bool = False
    """Whether the architecture of a step is what the search would return then."""
    figures: tuple[Mapping[str, float], ...] = ()
    """Figures of every epoch of shared training, by name; empty where nothing is shared."""
    objectives: tuple[Metric, ...] = (ACCURACY,)
    """What `values` are of."""

    @property
    def signal(self) -> NDArray[np.float64]:
        """Values of the first objective, shape (n,)."""
        return self.values[:, 0]

    @cached_property
    def incumbents(self) -> NDArray[np.int64]:
        """Steps at which the answer may change: every one, or where validation was better."""
        if self.derived:
            return np.flatnonzero(~np.isnan(self.signal))
        maximised = self.objectives[0].direction == "max"
        return best_by_validation(self.signal if maximised else -self.signal)


def best_by_validation(scores: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the positions of strictly new maxima; the first of equals stays, NaN never is."""
    filled = np.where(np.isnan(scores), -np.inf, scores)
    before = np.concatenate(([-np.inf], np.maximum.accumulate(filled)[:-1]))
    return np.flatnonzero(filled > before)


def search(strategy: SearchStrategy, session: Session, clock: Clock) -> Trajectory:
    """Let `strategy` ask and `session` answer until the clock stops or nothing is asked."""
    trials: list[Trial] = []
    answers: list[Answer | SharedAnswer] = []
    thought: list[float] = []
    ask, tell, reply, charge = strategy.ask, strategy.tell, session.answer, clock.charge
    while clock.stop is None:
        began = perf_counter()
        request = ask()
        asked = perf_counter()
        if request is None:
            break
        answer = reply(request)
        if not charge(answer):
            break
        trial = Trial(len(trials), request)
        answered = perf_counter()
        tell(trial, answer)
        thought.append(asked - began + perf_counter() - answered)
        trials.append(trial)
        answers.append(answer)
    objectives = strategy.problem.objectives
    return _trajectory(trials, answers, thought, clock.stop or Stop.EXHAUSTED, objectives)


def _trajectory(
    trials: list[Trial],
    answers: list[Answer | SharedAnswer],
    thought: list[float],
    stop: Stop,
    objectives: tuple[Metric, ...],
) -> Trajectory:
    architectures = [
        trial.architecture if isinstance(answer, Answer) else answer.architecture
        for trial, answer in zip(trials, answers, strict=True)
    ]
    shared = [answer for answer in answers if isinstance(answer, SharedAnswer)]
    values = np.array([answer.values for answer in answers], dtype=np.float64)
    values = values.reshape(len(answers), len(objectives))
    values[np.array([answer.failed for answer in answers], dtype=bool)] = np.nan
    return Trajectory(
        architectures,
        values,
        seconds=np.array([answer.seconds for answer in answers], dtype=np.float64),
        epochs=np.array([answer.epochs for answer in answers], dtype=np.int64),
        optimiser_seconds=np.array(thought, dtype=np.float64),
        stop=stop,
        derived=bool(shared),
        figures=tuple(answer.figures for answer in shared),
        objectives=objectives,
    )


class FreeRepeats:
    """A session in which asking the same again costs nothing and gives the same answer."""

    def __init__(self, session: Session) -> None:
        """Wrap the session of one run."""
        self._session = session
        self._known: dict[object, Answer | SharedAnswer] = {}

    def answer(self, request: Request) -> Answer | SharedAnswer:
        """Answer from memory at no cost where possible."""
        if not isinstance(request, Evaluate):
            return self._session.answer(request)
        what = request.architecture, request.fidelity
        try:
            known = self._known.get(what)
        except TypeError:  # what cannot be hashed is no architecture: the session says so
            return self._session.answer(request)
        if known is not None:
            return known
        answer = self._session.answer(request)
        self._known[what] = answer._replace(seconds=0.0, epochs=0)
        return answer

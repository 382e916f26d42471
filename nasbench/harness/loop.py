"""The loop: one strategy, one benchmark, one clock, one trajectory."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from nasbench.benchmarks.base import Session
from nasbench.harness.budget import Clock, Stop
from nasbench.requests import Answer, Evaluate, Request, SharedAnswer, Work
from nasbench.spaces.base import Architecture
from nasbench.strategies.base import SearchStrategy


@dataclass(frozen=True)
class Trajectory:
    """All evaluations of one run in order, as columns of equal length n, and why it ended."""

    architectures: list[Architecture]
    accuracy: NDArray[np.float64]  #: validation in percent, NaN where the evaluation failed
    seconds: NDArray[np.float64]  #: cost of each evaluation on the run's clock
    epochs: NDArray[np.int64]  #: training epochs of each evaluation
    optimiser_seconds: NDArray[np.float64]  #: real seconds the strategy thought about each
    stop: Stop
    derived: bool = False
    """Whether the architecture of a step is what the search would return then."""
    figures: tuple[Mapping[str, float], ...] = ()
    """Figures of every epoch of shared training, by name; empty where nothing is shared."""

    @cached_property
    def incumbents(self) -> NDArray[np.int64]:
        """Steps at which the answer may change: every one, or where validation rose."""
        if self.derived:
            return np.flatnonzero(~np.isnan(self.accuracy))
        return best_by_validation(self.accuracy)


def best_by_validation(accuracy: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the positions of strictly new maxima; the first of equals stays, NaN never is."""
    filled = np.where(np.isnan(accuracy), -np.inf, accuracy)
    before = np.concatenate(([-np.inf], np.maximum.accumulate(filled)[:-1]))
    return np.flatnonzero(filled > before)


def search(strategy: SearchStrategy, session: Session, clock: Clock) -> Trajectory:
    """Let `strategy` ask and `session` answer until the clock stops or nothing is asked."""
    requests: list[Work] = []
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
        answered = perf_counter()
        tell(request, answer)
        thought.append(asked - began + perf_counter() - answered)
        requests.append(request)
        answers.append(answer)
    return _trajectory(requests, answers, thought, clock.stop or Stop.EXHAUSTED)


def _trajectory(
    requests: list[Work], answers: list[Answer | SharedAnswer], thought: list[float], stop: Stop
) -> Trajectory:
    steps = [
        request if isinstance(request, Evaluate) else answer
        for request, answer in zip(requests, answers, strict=True)
    ]
    shared = [answer for answer in answers if isinstance(answer, SharedAnswer)]
    accuracy = np.array([answer.accuracy for answer in answers], dtype=np.float64)
    accuracy[np.array([answer.failed for answer in answers], dtype=bool)] = np.nan
    return Trajectory(
        [step.architecture for step in steps],  # type: ignore[union-attr]  # one of each is it
        accuracy,
        seconds=np.array([answer.seconds for answer in answers], dtype=np.float64),
        epochs=np.array([answer.epochs for answer in answers], dtype=np.int64),
        optimiser_seconds=np.array(thought, dtype=np.float64),
        stop=stop,
        derived=bool(shared),
        figures=tuple(answer.figures for answer in shared),
    )


class FreeRepeats:
    """A session in which asking the same again costs nothing and gives the same answer."""

    def __init__(self, session: Session) -> None:
        """Wrap the session of one run."""
        self._session = session
        self._known: dict[Request, Answer | SharedAnswer] = {}

    def answer(self, request: Request) -> Answer | SharedAnswer:
        """Answer from memory at no cost where possible."""
        try:
            known = self._known.get(request)
        except TypeError:  # what cannot be hashed is no architecture: the session says so
            return self._session.answer(request)
        if known is not None:
            return known
        answer = self._session.answer(request)
        self._known[request] = answer._replace(seconds=0.0, epochs=0)
        return answer

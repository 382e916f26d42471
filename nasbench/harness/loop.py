"""The loop: one strategy, one benchmark, one clock, one trajectory."""

from dataclasses import dataclass
from functools import cached_property
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from nasbench.benchmarks.base import Session
from nasbench.harness.budget import Clock, Stop
from nasbench.requests import Answer, Evaluate, Request
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

    @cached_property
    def incumbents(self) -> NDArray[np.int64]:
        """Steps at which the best validation accuracy so far rose."""
        return best_by_validation(self.accuracy)


def best_by_validation(accuracy: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the positions of strictly new maxima; the first of equals stays, NaN never is."""
    filled = np.where(np.isnan(accuracy), -np.inf, accuracy)
    before = np.concatenate(([-np.inf], np.maximum.accumulate(filled)[:-1]))
    return np.flatnonzero(filled > before)


def search(strategy: SearchStrategy, session: Session, clock: Clock) -> Trajectory:
    """Let `strategy` ask and `session` answer until the clock stops or nothing is asked."""
    requests: list[Request] = []
    answers: list[Answer] = []
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
    requests: list[Request], answers: list[Answer], thought: list[float], stop: Stop
) -> Trajectory:
    architectures = [request.architecture for request in requests]
    accuracies, seconds, epochs, failed = zip(*answers, strict=True) if answers else ([],) * 4
    accuracy = np.array(accuracies, dtype=np.float64)
    accuracy[np.array(failed, dtype=bool)] = np.nan
    return Trajectory(
        architectures,
        accuracy,
        seconds=np.array(seconds, dtype=np.float64),
        epochs=np.array(epochs, dtype=np.int64),
        optimiser_seconds=np.array(thought, dtype=np.float64),
        stop=stop,
    )


class FreeRepeats:
    """A session in which asking the same again costs nothing and gives the same answer."""

    def __init__(self, session: Session) -> None:
        """Wrap the session of one run."""
        self._session = session
        self._known: dict[Evaluate, Answer] = {}

    def answer(self, request: Request) -> Answer:
        """Answer from memory at no cost where possible."""
        known = self._known.get(request)
        if known is not None:
            return known
        answer = self._session.answer(request)
        self._known[request] = answer._replace(seconds=0.0, epochs=0)
        return answer

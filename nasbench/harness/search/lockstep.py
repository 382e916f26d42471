"""Searches of one strategy that go on together: all ask, then all are told, in turns.

A strategy that says so (`SearchStrategy.together`) computes several searches faster together than
one after the other. Each comes out as `loop.search` makes it alone, with one worker, to the last
bit; only real seconds are others.
"""

from collections.abc import Sequence
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

from nasbench.benchmarks.base import Session
from nasbench.errors import InvalidInput
from nasbench.harness.search.budget import Clock, Stop
from nasbench.harness.search.loop import Trajectory, trajectory_of
from nasbench.problem import WAIT, Request, Trial, Wait
from nasbench.spaces.base import Architecture
from nasbench.strategies.base import SearchStrategy


class Searched(NamedTuple):
    """A search that went on together with others.

    Real seconds of what is done for several searches at once are divided equally among them.
    """

    trajectory: Trajectory
    seconds: float
    """Its share of the real seconds of all."""


class _Search:
    """One of the searches: its present trial, and all evaluations so far."""

    def __init__(self, strategy: SearchStrategy, session: Session, clock: Clock) -> None:
        own = strategy.problem.own
        self.strategy, self._session, self._clock = strategy, session, clock
        self._own = 0 if own is None else own.epochs
        self._told = getattr(session, "told", None)
        self._asked: list[Architecture | None] = []
        self._answers: list[Any] = []
        self._times: list[tuple[float, float, float]] = []
        self.thought: list[float] = []
        self.trial: Trial
        self.answer: Any
        self.seconds = 0.0

    def evaluate(self, request: Request | Wait | None) -> bool:
        """Answer and charge a request; return False if it does not count, as the search is over."""
        if request is WAIT:
            raise InvalidInput("the strategy waits, and no answer is still to come")
        if request is None:
            return False
        answer, started = self._session.answer(request), self._clock.seconds
        finished = self._clock.begin(answer)
        if finished is None:
            return False
        named = getattr(request, "fidelity", None)
        fidelity = self._own if named is None else named.epochs
        self._clock.end(answer, finished, fidelity)
        if self._told is not None:
            self._told(request, answer)
        self.trial, self.answer = Trial(len(self._answers), request), answer
        self._asked.append(getattr(request, "architecture", None))
        self._answers.append(answer)
        self._times.append((fidelity, started, finished))
        return True

    @property
    def over(self) -> bool:
        """Whether a limit ends the search after its last evaluation."""
        return self._clock.stop is not None

    def trajectory(self) -> Trajectory:
        """Return the evaluations of a search that is over."""
        fidelity, started, finished = np.array(self._times).reshape(-1, 3).T
        columns = np.array((fidelity, self.thought, started, finished, np.zeros_like(started)))
        stop = self._clock.stop or self._clock.overshot or Stop.EXHAUSTED
        traced = self.strategy.traced()
        return trajectory_of(self._asked, self._answers, columns, stop, self._clock, traced=traced)


def search_together(
    searches: Sequence[tuple[SearchStrategy, Session, Clock]],
) -> list[Searched]:
    """Let the strategies, all of one class, ask and be told together until each search is over.

    The problem has one worker. Raises what any strategy or session raises, and `InvalidInput` where
    a strategy waits; which search it was is not told.
    """
    going = every = [_Search(*one) for one in searches]
    while going:
        kind = type(going[0].strategy)
        began = perf_counter()
        requests = kind.ask_together([one.strategy for one in going])
        asking = (perf_counter() - began) / len(going)
        told = [one for one, asked in zip(going, requests, strict=True) if one.evaluate(asked)]
        now = perf_counter()
        for one in going:
            one.seconds += (now - began) / len(going)
        if told:
            trials, answers = [one.trial for one in told], [one.answer for one in told]
            kind.tell_together([one.strategy for one in told], trials, answers)
            telling = (perf_counter() - now) / len(told)
            for one in told:
                one.thought.append(asking + telling)
                one.seconds += telling
        going = [one for one in told if not one.over]
    return [Searched(one.trajectory(), one.seconds) for one in every]

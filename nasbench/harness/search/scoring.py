"""Scores of zero-cost proxies within a run: they are answered at once, charged and recorded."""

from dataclasses import dataclass
from itertools import chain
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasbench.benchmarks.base import Session
from nasbench.errors import InvalidInput
from nasbench.harness.search.budget import FREE_IN_A_ROW, Clock
from nasbench.problem import Score, Scores, Trial
from nasbench.spaces.base import Architecture
from nasbench.strategies.base import SearchStrategy


@dataclass(frozen=True)
class Scored:
    """All scores of zero-cost proxies that a run asked for, in order, as columns of equal length.

    An architecture that was scored twice is there twice.
    """

    architectures: list[Architecture]
    proxies: list[str]
    values: NDArray[np.float64]
    seconds: NDArray[np.float64]  #: what measuring each took, see `Scores`
    before: NDArray[np.int32]  #: number of the run's evaluations that had ended before


_NONE: NDArray[np.float64] = np.empty(0)
NOTHING_SCORED = Scored([], [], _NONE, _NONE, np.empty(0, dtype=np.int32))


class Scoring:
    """Answers the requests of one run for scores of zero-cost proxies, and records them."""

    def __init__(self, strategy: SearchStrategy, session: Session, clock: Clock) -> None:
        """Begin without any; the session's method `score` answers, if it has one."""
        self._strategy, self._session, self._clock = strategy, session, clock
        self._score: Any = getattr(session, "score", None)
        self.asked: list[tuple[Score, Scores, int]] = []
        """Every request, its answer, and how many evaluations had ended before."""
        self._thought = 0.0
        self._in_a_row = 0

    def tell(self, number: int, request: Score, ended: int, asking: float) -> bool:
        """Answer a request and tell the strategy; return False if its scores overshoot the budget.

        `number` is that of the trial, `ended` how many evaluations have ended, and `asking` the
        real seconds that the strategy took to ask. Raises `InvalidInput` where the session knows no
        such requests, and after 10,000 of them without an evaluation.
        """
        self._in_a_row += 1
        if self._in_a_row > FREE_IN_A_ROW:
            raise InvalidInput(
                f"the strategy asked for scores {FREE_IN_A_ROW:,} times in a row, and for no "
                "evaluation"
            )
        if self._score is None:
            self._session.answer(request)  # which says what is wrong
            raise InvalidInput("the strategy asked for scores, and this search has none")
        answer: Scores = self._score(request)
        if not self._clock.wait(answer.charges):
            return False
        self.asked.append((request, answer, ended))
        began = perf_counter()
        self._strategy.tell(Trial(number, request), answer)
        self._thought += asking + perf_counter() - began
        return True

    def thought(self) -> float:
        """Return the real seconds that the strategy took for scores since the last call."""
        self._in_a_row = 0
        taken, self._thought = self._thought, 0.0
        return taken

    def scored(self) -> Scored | None:
        """Return all scores as columns; None where there are none."""
        if not self.asked:
            return None
        lengths = [len(answer.values) for _, answer, _ in self.asked]
        names = (
            [request.proxy] * n for (request, _, _), n in zip(self.asked, lengths, strict=True)
        )
        return Scored(
            [one for request, _, _ in self.asked for one in request.architectures],
            list(chain.from_iterable(names)),
            np.concatenate([answer.values for _, answer, _ in self.asked]).astype(np.float64),
            np.concatenate([answer.seconds for _, answer, _ in self.asked]).astype(np.float64),
            np.repeat([ended for _, _, ended in self.asked], lengths).astype(np.int32),
        )

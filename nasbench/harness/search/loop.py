"""The search loop: a strategy asks, a benchmark answers, a clock charges."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from heapq import heappop, heappush
from itertools import chain
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasbench.benchmarks.base import Session
from nasbench.errors import InvalidInput
from nasbench.harness.search.budget import Clock, Stop
from nasbench.harness.search.scoring import Scored, Scoring
from nasbench.harness.search.selection import Chosen
from nasbench.harness.search.sweeps import derived
from nasbench.problem import (
    WAIT,
    Answer,
    Evaluate,
    Request,
    Score,
    SharedAnswer,
    Trial,
    scores_of,
)
from nasbench.spaces.base import Architecture
from nasbench.strategies.base import SearchStrategy
from nasbench.trace import SUPERNET, Traces


@dataclass(frozen=True)
class Trajectory:
    """All evaluations of one run in the order in which they ended, as columns, and why it ended.

    Columns have the same length n, one value or row per evaluation.
    """

    architectures: list[Architecture]
    values: NDArray[np.float64]  #: shape (n, objectives), NaN where the evaluation failed
    constrained: NDArray[np.float64]  #: values of the constrained costs, shape (n, constraints)
    fidelity: NDArray[np.int64]  #: epochs after which each value was read; 0 for shared weights
    seconds: NDArray[np.float64]  #: cost of each evaluation on the run's clock
    epochs: NDArray[np.int64]  #: training epochs of each evaluation
    optimiser_seconds: NDArray[np.float64]  #: real seconds the strategy computed for each
    started: NDArray[np.float64]  #: when each began on the run's clock, in seconds
    finished: NDArray[np.float64]  #: when each ended; never falls
    worker: NDArray[np.int32]  #: number of the simulated worker that did it
    chosen: Chosen
    """Steps at which the answer changed, and those of the final answer."""
    stop: Stop
    derived: bool = False
    """Whether shared weights were trained.

    The architecture of a step is then the one that the search would have returned at that step.
    """
    scored: Scored | None = None
    """Scores of zero-cost proxies that were asked for; None where there were none."""
    traces: tuple[Traces, ...] = ()
    """Numbers recorded in every epoch of shared training, or by the strategy with each evaluation.

    Empty where none are."""

    @property
    def signal(self) -> NDArray[np.float64]:
        """Values of the first objective, shape (n,)."""
        return self.values[:, 0]

    @property
    def incumbents(self) -> NDArray[np.int64]:
        """Steps at which the answer changed by the selection rule, shape (changes,).

        With shared weights, every step that did not fail.
        """
        return self.chosen.incumbents

    @property
    def selected(self) -> NDArray[np.int64]:
        """Steps of the final answer: the last incumbent or, for several objectives, the front.

        With shared weights the front is that of what the supernets derived last, see `sweeps`.
        """
        return self.chosen.selected


_Open = tuple[float, int, int, float, Trial, Answer | SharedAnswer, float]
"""A trial whose evaluation has not ended yet: the time of its end, its number, its worker, the time
of its start, the trial itself, its answer, and the real seconds that the strategy took to ask.
Times are seconds on the run's clock. Open trials are ordered by the first two items. It is a plain
tuple because that takes a tenth of the time of a named one to make."""

_make_trial = partial(tuple.__new__, Trial)
"""Make a trial from a pair (number, request), without the Python function behind `Trial(...)`."""


def search(  # noqa: PLR0915  # one loop, which calls of functions would slow down
    strategy: SearchStrategy, session: Session, clock: Clock
) -> Trajectory:
    """Let `strategy` ask and `session` answer until the budget is spent or nothing is asked.

    The problem's workers are simulated. A worker that is free takes the next request; if several
    are free, the one with the lowest number does. The strategy is told answers in the order in
    which evaluations end. If several end at the same time, the strategy is told of one, and its
    worker takes the next request, before the strategy is told of another. With one worker, asking
    and telling alternate.

    An evaluation that would end after the budget of seconds does not count: the strategy is never
    told of it, and its worker takes no other request. An evaluation that would overshoot the budget
    of epochs ends all asking. Evaluations that are open when a search stops early do not count
    either. Raises `InvalidInput` where the strategy waits although no evaluation is open, unless
    one was beyond the budget.

    A request for scores is answered and told at once, and takes no worker. Where scores take time,
    which they do with one worker only, the next evaluation begins later; scores that would be known
    after the budget of seconds end all asking.
    """
    ask, tell, reply = strategy.ask, strategy.tell, session.answer
    begin, end, problem = clock.begin, clock.end, strategy.problem
    own = 0 if problem.own is None else problem.own.epochs
    told = getattr(session, "told", None)
    free = list(range(problem.workers))
    open_trials: list[_Open] = []
    asked: list[Architecture | None] = []
    answers: list[Answer | SharedAnswer] = []
    numbers: list[float] = []  # five per evaluation in one flat list, to keep no object for each
    scoring = Scoring(strategy, session, clock)
    scores = scoring.asked
    more, exhausted = True, False
    now = perf_counter()  # read once after every call of the strategy, as reading it costs time
    while clock.stop is None:
        while more and free:
            request = ask()
            asking = perf_counter() - now
            if request is WAIT:
                if not open_trials and clock.overshot is None:
                    raise InvalidInput("the strategy waits, and no answer is still to come")
                break  # it waits for an open trial, or for one that was beyond the budget
            if request is None:
                more, exhausted = False, True
                break
            if type(request) is Score:
                number = len(answers) + len(open_trials) + len(scores)
                more = scoring.tell(number, request, len(answers), asking)
                now = perf_counter()
                continue
            answer = reply(request)
            ends, worker = begin(answer), heappop(free)
            if ends is not None:
                number = len(answers) + len(open_trials) + len(scores)
                if scores:
                    asking += scoring.thought()
                trial = _make_trial((number, request))
                heappush(open_trials, (ends, number, worker, clock.seconds, trial, answer, asking))
                more = not clock.full
            elif clock.overshot is Stop.EPOCHS:  # all workers share one budget of epochs
                more = False
            now = perf_counter() if free else now
        if not open_trials:
            break
        finished, _, worker, started, trial, answer, asking = heappop(open_trials)
        request = trial.request
        fidelity = own if (named := getattr(request, "fidelity", None)) is None else named.epochs
        end(answer, finished, fidelity)
        if told is not None:
            told(request, answer)
        asked.append(getattr(request, "architecture", None))
        answers.append(answer)
        began = perf_counter()
        tell(trial, answer)
        now = perf_counter()
        numbers.extend((fidelity, asking + now - began, started, finished, worker))
        heappush(free, worker)
    stop = clock.stop or (Stop.EXHAUSTED if exhausted else clock.overshot) or Stop.EXHAUSTED
    columns = np.fromiter(numbers, np.float64, len(numbers)).reshape(-1, 5).T
    scored, traced = scoring.scored(), strategy.traced()
    return trajectory_of(asked, answers, columns, stop, clock, scored, traced)


def trajectory_of(
    asked: Sequence[Architecture | None],
    answers: Sequence[Answer | SharedAnswer],
    columns: NDArray[np.float64],
    stop: Stop,
    clock: Clock,
    scored: Scored | None = None,
    traced: Sequence[Traces] = (),
) -> Trajectory:
    """Return a run's evaluations as a `Trajectory`.

    `asked` has the architecture of each request, None for an epoch of shared training. `columns`
    has shape (5, evaluations): fidelity in epochs, real seconds of the strategy, start and end in
    seconds on the run's clock, and number of the worker. `traced` is what the strategy recorded.
    """
    fidelity, thought, started, finished, worker = columns
    kind: Any = type(answers[0]) if answers else Answer
    of_each = kind(*(zip(*answers, strict=True) if answers else ((),) * 4))  # all values of each
    shared = issubclass(kind, SharedAnswer)
    shape = len(answers), len(clock.objectives)
    values = np.fromiter(chain.from_iterable(of_each.values), np.float64).reshape(shape)
    if any(of_each.failed):
        values[np.array(of_each.failed, dtype=bool)] = np.nan
    bounded = np.empty((len(answers), len(clock.constraints)))
    if clock.constraints and answers:
        bounded[:] = of_each.constrained
    return Trajectory(
        list(of_each.architecture if shared else asked),
        values,
        bounded,
        fidelity=fidelity.astype(np.int64),
        seconds=np.array(of_each.seconds, dtype=np.float64),
        epochs=np.array(of_each.epochs, dtype=np.int64),
        optimiser_seconds=thought,
        started=started,
        finished=finished,
        worker=worker.astype(np.int32),
        chosen=_derived(values, of_each.traces, clock) if shared else clock.chosen,
        stop=stop,
        derived=shared,
        scored=scored,
        traces=of_each.traces if shared else tuple(traced),
    )


def _derived(values: NDArray[np.float64], traces: Sequence[Traces], clock: Clock) -> Chosen:
    """Return the answers of a search of shared weights: every step that did not fail is one."""
    supernets = np.array([int(one.get(SUPERNET, 0)) for one in traces], dtype=np.int64)
    return derived(scores_of(clock.objectives, values), supernets)


class FreeRepeats:
    """A session that repeats the first answer, at no cost, when a request is repeated.

    It knows an answer once the strategy has been told it. A request that is repeated before, while
    its first evaluation is still open, is evaluated and charged again.
    """

    def __init__(self, session: Session, own: int | None = None) -> None:
        """Wrap the session of one run; `own` is the task's own fidelity in epochs."""
        self._session, self._own = session, own
        self._known: dict[object, Answer | SharedAnswer] = {}

    def answer(self, request: Request) -> Answer | SharedAnswer:
        """Answer from memory at no cost where possible."""
        if not isinstance(request, Evaluate):
            return self._session.answer(request)
        what = self._what(request)
        try:
            known = self._known.get(what)
        except TypeError:  # it cannot be hashed, so it is no architecture: the session raises
            return self._session.answer(request)
        return self._session.answer(request) if known is None else known

    def told(self, request: Request, answer: Answer | SharedAnswer) -> None:
        """Remember the first answer to a request, once it has ended."""
        inner = getattr(self._session, "told", None)
        if inner is not None:
            inner(request, answer)
        if isinstance(request, Evaluate):
            self._known.setdefault(self._what(request), answer._replace(seconds=0.0, epochs=0))

    def _what(self, request: Evaluate) -> object:
        """Return a key that is equal for equal requests, with the own fidelity named or not."""
        asked = request.fidelity
        return request.architecture, self._own if asked is None else asked.epochs

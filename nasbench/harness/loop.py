"""The loop: one strategy, one benchmark, one clock, one trajectory."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from heapq import heappop, heappush
from time import perf_counter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasbench.benchmarks.base import Session
from nasbench.errors import InvalidInput
from nasbench.harness.budget import Clock, Stop
from nasbench.harness.selection import Chosen, Selection, choose
from nasbench.problem import (
    ACCURACY,
    WAIT,
    Answer,
    Evaluate,
    Fidelity,
    Metric,
    Problem,
    Request,
    SharedAnswer,
    Trial,
    scores_of,
)
from nasbench.spaces.base import Architecture
from nasbench.strategies.base import SearchStrategy


@dataclass(frozen=True)
class Trajectory:
    """All evaluations of one run in the order in which they ended, as columns, and why it ended.

    Columns have the same length n, one value or row per evaluation.
    """

    architectures: list[Architecture]
    values: NDArray[np.float64]  #: shape (n, objectives), NaN where the evaluation failed
    fidelity: NDArray[np.int64]  #: epochs after which each value was read; 0 of shared weights
    seconds: NDArray[np.float64]  #: cost of each evaluation on the run's clock
    epochs: NDArray[np.int64]  #: training epochs of each evaluation
    optimiser_seconds: NDArray[np.float64]  #: real seconds the strategy thought about each
    started: NDArray[np.float64]  #: when each began on the run's clock, in seconds
    finished: NDArray[np.float64]  #: when each ended; never falls
    worker: NDArray[np.int32]  #: number of the simulated worker that did it
    stop: Stop
    derived: bool = False
    """Whether the architecture of a step is what the search would return then."""
    figures: tuple[Mapping[str, float], ...] = ()
    """Figures of every epoch of shared training, by name; empty where nothing is shared."""
    objectives: tuple[Metric, ...] = (ACCURACY,)
    """What `values` are of."""
    selection: Selection = Selection.HIGHEST
    own: int = 0
    """The task's own fidelity in epochs."""

    @property
    def signal(self) -> NDArray[np.float64]:
        """Values of the first objective, shape (n,)."""
        return self.values[:, 0]

    @property
    def incumbents(self) -> NDArray[np.int64]:
        """Steps at which the answer may change: every one, or by the rule of `selection`."""
        return self._chosen.incumbents

    @property
    def selected(self) -> NDArray[np.int64]:
        """Steps of the final answer: the last of the incumbents, or those in the final set."""
        return self._chosen.selected

    @cached_property
    def _chosen(self) -> Chosen:
        if self.derived:
            steps = np.flatnonzero(~np.isnan(self.signal))
            return Chosen(steps, steps[-1:])
        return choose(self.selection, self.scores, self.fidelity, self.own)

    @property
    def scores(self) -> NDArray[np.float64]:
        """Values so that more is better, shape (n, objectives)."""
        return scores_of(self.objectives, self.values)


class _Open(NamedTuple):
    """A trial whose evaluation goes on; they are ordered by when they end, then by number."""

    finished: float
    number: int
    worker: int
    started: float
    trial: Trial
    answer: Answer | SharedAnswer
    asking: float
    """Real seconds that the strategy took to ask."""
    fidelity: int
    """Epochs after which the value is read, 0 of shared weights."""


def search(
    strategy: SearchStrategy,
    session: Session,
    clock: Clock,
    selection: Selection = Selection.HIGHEST,
) -> Trajectory:
    """Let `strategy` ask and `session` answer until the budget is spent or nothing is asked.

    The problem's workers are simulated: each takes the next request when it is free, lowest number
    first, and a strategy is told answers in the order in which evaluations end. Of several that end
    at one moment each is told, and its worker asks again, before the next is told. What would end
    beyond the budget of seconds does not count and is never told, and its worker takes no other;
    what would overshoot the budget of epochs ends all asking. What is open when a search stops
    early does not count either. One worker asks and tells in turn. `selection` is the rule by which
    the answer is chosen.
    """
    ask, tell, reply = strategy.ask, strategy.tell, session.answer
    begin, end = clock.begin, clock.end
    told = getattr(session, "told", None)
    own = strategy.problem.own
    free = list(range(strategy.problem.workers))
    open_trials: list[_Open] = []
    done: list[_Open] = []
    thought: list[float] = []
    exhausted = over = False
    while clock.stop is None:
        while free and not (clock.full or exhausted or over):
            began = perf_counter()
            request = ask()
            asking = perf_counter() - began
            if request is WAIT:
                if not open_trials and clock.overshot is None:
                    raise InvalidInput("the strategy waits, and no answer is still to come")
                break  # or what it waits for was beyond the budget
            if request is None:
                exhausted = True
                break
            answer = reply(request)
            finished = begin(answer)
            worker = heappop(free)
            if finished is not None:
                trial = Trial(len(done) + len(open_trials), request)
                fidelity = _fidelity(request, answer, own)
                one = _Open(
                    finished, trial.id, worker, clock.seconds, trial, answer, asking, fidelity
                )
                heappush(open_trials, one)
            else:  # epochs are those of all workers together, seconds each worker's own
                over = clock.overshot is Stop.EPOCHS
        if not open_trials:
            break
        one = heappop(open_trials)
        end(one.answer, one.finished, one.fidelity)
        if told is not None:
            told(one.trial.request, one.answer)
        began = perf_counter()
        tell(one.trial, one.answer)
        thought.append(one.asking + perf_counter() - began)
        done.append(one)
        heappush(free, one.worker)
    stop = clock.stop or (Stop.EXHAUSTED if exhausted else clock.overshot) or Stop.EXHAUSTED
    return _trajectory(done, thought, stop, strategy.problem, selection)


def _trajectory(
    done: list[_Open],
    thought: list[float],
    stop: Stop,
    problem: Problem,
    selection: Selection,
) -> Trajectory:
    objectives = problem.objectives
    answers = [one.answer for one in done]
    architectures = [
        one.trial.architecture if isinstance(one.answer, Answer) else one.answer.architecture
        for one in done
    ]
    shared = [answer for answer in answers if isinstance(answer, SharedAnswer)]
    values = np.array([answer.values for answer in answers], dtype=np.float64)
    values = values.reshape(len(answers), len(objectives))
    values[np.array([answer.failed for answer in answers], dtype=bool)] = np.nan
    return Trajectory(
        architectures,
        values,
        fidelity=np.array([one.fidelity for one in done], dtype=np.int64),
        seconds=np.array([answer.seconds for answer in answers], dtype=np.float64),
        epochs=np.array([answer.epochs for answer in answers], dtype=np.int64),
        optimiser_seconds=np.array(thought, dtype=np.float64),
        started=np.array([one.started for one in done], dtype=np.float64),
        finished=np.array([one.finished for one in done], dtype=np.float64),
        worker=np.array([one.worker for one in done], dtype=np.int32),
        stop=stop,
        derived=bool(shared),
        figures=tuple(answer.figures for answer in shared),
        objectives=objectives,
        selection=selection,
        own=0 if problem.own is None else problem.own.epochs,
    )


def _fidelity(request: Request, answer: Answer | SharedAnswer, own: Fidelity | None) -> int:
    """Return the epochs that a request asked for."""
    if not isinstance(request, Evaluate):
        return 0
    if request.fidelity is not None:
        return request.fidelity.epochs
    return answer.epochs if own is None else own.epochs


class FreeRepeats:
    """A session in which asking again what has been told costs nothing and gives the same answer.

    What is asked again while its first evaluation goes on is evaluated, and charged, once more.
    """

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
        return self._session.answer(request) if known is None else known

    def told(self, request: Request, answer: Answer | SharedAnswer) -> None:
        """Remember the first answer to a request, once it has ended."""
        inner = getattr(self._session, "told", None)
        if inner is not None:
            inner(request, answer)
        if isinstance(request, Evaluate):
            what = request.architecture, request.fidelity
            self._known.setdefault(what, answer._replace(seconds=0.0, epochs=0))

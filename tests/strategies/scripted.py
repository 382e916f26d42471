"""A benchmark whose values and costs a test writes down, and searches on it."""

from collections.abc import Callable, Sequence

from nasbench.harness.search.budget import Budget, Clock
from nasbench.harness.search.loop import Trajectory, search
from nasbench.problem import ACCURACY, Answer, Evaluate, Fidelity, Metric, Problem
from nasbench.randomness import Random
from nasbench.spaces.base import Space
from nasbench.strategies.base import SearchStrategy
from nasbench.strategies.registry import find_strategy, make_settings

FAILS = None
"""What a script gives for an evaluation that fails."""
Script = Callable[[tuple[int, ...], int], float | None]
"""The value of an architecture after so many epochs, or `FAILS`."""


class Scripted:
    """Answers as a script says; an evaluation costs a second for each epoch."""

    def __init__(self, script: Script, seconds: Script | None = None) -> None:
        self.script, self.seconds = script, seconds

    def answer(self, request: Evaluate) -> Answer:
        assert request.fidelity is not None
        epochs = request.fidelity.epochs
        value = self.script(request.architecture, epochs)
        seconds = epochs if self.seconds is None else self.seconds(request.architecture, epochs)
        return Answer((value or 0.0,), float(seconds or 0), epochs, failed=value is FAILS)


def make(
    name: str,
    space: Space,
    epochs: Sequence[int],
    seed: int = 0,
    *,
    metric: Metric = ACCURACY,
    workers: int = 1,
    **settings: object,
) -> SearchStrategy:
    """Return a strategy on a problem that offers some numbers of epochs."""
    strategy = find_strategy(name)
    offered = tuple(map(Fidelity, epochs))
    problem = Problem(space, (metric,), offered, workers, offered[0])
    return strategy(problem, make_settings(strategy, settings), Random(seed))


def run(strategy: SearchStrategy, benchmark: Scripted, **limits: float) -> Trajectory:
    """Search until a limit of the budget."""
    clock = Clock(Budget(**limits), None, strategy.problem.objectives)  # type: ignore[arg-type]
    return search(strategy, benchmark, clock)

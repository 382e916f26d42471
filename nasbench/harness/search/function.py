"""A search that asks a user's own function: on any space, with any metrics, in real seconds."""

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict
from time import perf_counter
from typing import Any

from nasbench.benchmarks.asked import check_request
from nasbench.errors import InvalidInput
from nasbench.harness.results.checked_rows import Misfit
from nasbench.harness.results.descriptions import check_objectives
from nasbench.harness.search.budget import Budget, Clock
from nasbench.harness.search.experiment import random_of
from nasbench.harness.search.runner import Begun
from nasbench.problem import Answer, Evaluate, Metric, Problem
from nasbench.rules import Selection
from nasbench.spaces import find_space
from nasbench.spaces.base import Architecture, Space
from nasbench.spaces.conditional import ConditionalSpace
from nasbench.strategies.base import DERIVED, SearchStrategy, require_tags
from nasbench.strategies.registry import make_settings, name_of
from nasbench.text import shown

Function = Callable[..., Any]


def begin_function(
    strategy: type[SearchStrategy],
    values: Mapping[str, object],
    function: Function,
    space: str | Space | None,
    metrics: tuple[Metric, ...],
    budget: Budget | None,
    experiment_seed: int,
    seed: int,
) -> Begun:
    """Return a run, before its first request, of a strategy whose requests a function answers.

    The strategy's random stream depends on both seeds, the strategy, its settings and the space's
    name. Raises `InvalidInput` where space or budget is missing, for a strategy that trains shared
    weights, for metrics that cannot be used, and for a target regret.
    """
    if space is None or budget is None:
        missing = "a space" if space is None else "a budget, such as 100evals"
        raise InvalidInput(f"a function of one's own needs {missing}")
    if strategy.rule == DERIVED:
        raise InvalidInput(
            f"strategy '{name_of(strategy)}' trains shared weights, and a function has none"
        )
    try:
        check_objectives(metrics)
    except (Misfit, AttributeError, TypeError) as error:
        raise InvalidInput(
            f"metrics {shown(metrics)}: they are nasbench.Metric(name, 'max' or 'min'), one or "
            "several, each once"
        ) from error
    if budget.target_regret is not None:
        raise InvalidInput("a target regret needs a table, whose optimum is known")
    made = make_settings(strategy, values)
    of = find_space(space) if isinstance(space, str) else space
    if isinstance(of, ConditionalSpace):
        of.check_names()
    selection = Selection.HIGHEST if len(metrics) == 1 else Selection.FRONT
    identity = {"strategy": name_of(strategy), "settings": asdict(made), "space": of.name}
    random = random_of(identity, experiment_seed, seed)
    began = perf_counter()
    problem = Problem(of, metrics)
    require_tags(strategy, name_of(strategy), problem)
    searching = strategy(problem, made, random)
    clock = Clock(budget, None, metrics, selection=selection)
    return Begun(searching, _Called(function, of, metrics), clock, perf_counter() - began)


def checked_answer(answer: Answer, objectives: int, constraints: int = 0) -> Answer:
    """Return `answer` if its values, seconds and epochs have the right types and ranges.

    `objectives` is the number of values it must have, `constraints` that of constrained costs; with
    a value of NaN the evaluation failed. Raises `InvalidInput` for any other answer.
    """
    values, seconds, epochs = answer.values, answer.seconds, answer.epochs
    if not _numbers(values, objectives):
        raise InvalidInput(f"an answer has values {shown(values)}: it is one for each objective")
    if not _numbers(answer.constrained, constraints):
        raise InvalidInput(
            f"an answer has constrained {shown(answer.constrained)}: it is one for each constraint"
        )
    if not (isinstance(seconds, int | float) and 0 <= seconds < math.inf):
        raise InvalidInput(f"an answer has seconds {shown(seconds)}: they are 0 or more")
    if isinstance(epochs, bool) or not (isinstance(epochs, int) and epochs >= 0):
        raise InvalidInput(f"an answer has epochs {shown(epochs)}: they are a whole number")
    if not isinstance(answer.failed, bool):
        raise InvalidInput(f"an answer has failed {shown(answer.failed)}: it is True or False")
    return answer._replace(failed=True) if any(map(math.isnan, values)) else answer


def _numbers(values: Any, count: int) -> bool:
    numbers = isinstance(values, tuple) and all(isinstance(one, int | float) for one in values)
    return numbers and len(values) == count


class _Called:
    """A session that answers with what a user's function returns.

    The function returns a number for each metric, or an `Answer` with seconds of its own. If it
    has an argument `fidelity`, it is given the request's, which is None where none was named.
    """

    def __init__(self, function: Function, space: Space, metrics: tuple[Metric, ...]) -> None:
        self._function, self._space, self._metrics = function, space, metrics
        try:
            self._takes_fidelity = "fidelity" in inspect.signature(function).parameters
        except (TypeError, ValueError):  # some functions in C have no signature
            self._takes_fidelity = False

    def answer(self, request: Evaluate) -> Answer:
        """Call the function and return its answer; a value of NaN is a failed evaluation."""
        check_request(self._space, request)
        began = perf_counter()
        more = {"fidelity": request.fidelity} if self._takes_fidelity else {}
        returned = self._function(request.architecture, **more)
        if isinstance(returned, Answer):
            return checked_answer(returned, len(self._metrics))
        epochs = 0 if request.fidelity is None else request.fidelity.epochs
        values = self._values(returned, request.architecture)
        failed = any(map(math.isnan, values))
        return Answer(values, perf_counter() - began, epochs, failed)

    def _values(self, returned: Any, architecture: Architecture) -> tuple[float, ...]:
        """Return numbers, one for each metric; `InvalidInput` for anything else."""
        several = returned if isinstance(returned, tuple | list) else (returned,)
        try:
            values = tuple(map(float, several))
        except (TypeError, ValueError):
            values = ()
        if len(values) != len(self._metrics):
            names = ", ".join(one.name for one in self._metrics)
            raise InvalidInput(
                f"the function returned {shown(returned)} for "
                f"{self._space.format(architecture)}: it must be a number for each of {names}"
            )
        return values

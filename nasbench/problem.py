"""Requests, answers and metrics, and `Problem`: all that a strategy may know of its task.

Requests and answers are named tuples, not frozen dataclasses: a table search makes hundreds of
thousands of them, and a named tuple is as immutable and takes a quarter of the time to make.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nasbench.spaces.base import Architecture, Space
    from nasbench.trace import Traces

Number = TypeVar("Number", float, "NDArray[np.float64]")


class Metric(NamedTuple):
    """A quantity that is measured for an architecture: its name, direction, unit and bounds."""

    name: str
    direction: Literal["max", "min"] = "max"
    """`max` if larger values are better, `min` if smaller values are better."""
    unit: str = ""
    """The unit as it is written after a number, such as `%` or `s`; empty if there is none."""
    low: float = -math.inf
    high: float = math.inf
    """`low` and `high` are the bounds of the values, both possible; infinite if there is none."""

    def score(self, value: Number) -> Number:
        """Return the score of a value, of which larger is better: the value, or minus it for `min`.

        `value` is a number or an array of any shape. The score of a score is the value again.
        """
        return value if self.direction == "max" else 0.0 - value

    @property
    def worst(self) -> float:
        """Score of a failed evaluation: that of the worst possible value, -inf without a bound."""
        return self.low if self.direction == "max" else -self.high

    @property
    def title(self) -> str:
        """The name with the unit, as a label of an axis: `accuracy (%)`."""
        return f"{self.name} ({self.unit})" if self.unit else self.name

    def to_json(self) -> dict[str, Any]:
        """Return the metric as a dict of JSON values, without infinite bounds."""
        values = self._asdict()
        return {name: one for name, one in values.items() if one not in (-math.inf, math.inf)}


ACCURACY = Metric("accuracy", "max", "%", 0.0, 100.0)
"""Top-1 accuracy in percent."""
LOSS = Metric("loss", "min", "nats", 0.0)
"""Mean cross entropy in nats."""

HYPERVOLUME = Metric("hypervolume", "max", "%", 0.0, 100.0)
"""Volume that a set dominates, in percent of that of the exact Pareto front."""


@dataclass(frozen=True)
class Constraint:
    """A bound on a cost of an architecture, which every answer of a search has to meet."""

    metric: Metric
    bound: float
    """The largest value of a metric that is minimised, the smallest of one that is maximised."""

    def met(self, value: float) -> bool:
        """Return whether a value meets the bound; NaN does not."""
        return self.metric.score(value) >= self.metric.score(self.bound)

    def violation(self, value: float) -> float:
        """Return by how much a value misses the bound, in units of the bound; 0 if it is met.

        It is infinite for NaN, and in the metric's unit if the bound is 0.
        """
        if math.isnan(value):
            return math.inf
        missing = self.metric.score(self.bound) - self.metric.score(value)
        return max(0.0, missing / (abs(self.bound) or 1.0))

    def __str__(self) -> str:
        """Write the constraint as a user does, with its unit: `latency/pixel3 <= 5 ms`."""
        sign = "<=" if self.metric.direction == "min" else ">="
        unit = f" {self.metric.unit}" if self.metric.unit else ""
        return f"{self.metric.name} {sign} {self.bound:.12g}{unit}"


def scores_of(
    objectives: "Sequence[Metric]", values: "NDArray[np.float64]"
) -> "NDArray[np.float64]":
    """Return the scores of `values`, both of shape (n, objectives); larger scores are better."""
    signs = [1.0 if metric.direction == "max" else -1.0 for metric in objectives]
    return values * signs


class Fidelity(NamedTuple):
    """How long an evaluation trains an architecture: the first `epochs` of a training schedule."""

    epochs: int
    schedule: int | None = None
    """The schedule, named by its length in epochs; None means the task's own schedule."""


class Evaluate(NamedTuple):
    """A request: evaluate an architecture on the validation split that the search uses."""

    architecture: "Architecture"
    fidelity: Fidelity | None = None
    """None means the task's own fidelity."""
    memo: Any = None
    """Anything that the strategy needs again when it is told the answer; no other code reads it."""


class Answer(NamedTuple):
    """The result of one evaluation, all that a search may know of it: values and cost."""

    values: tuple[float, ...]
    """One value per objective of the problem, in its unit; meaningless if the evaluation failed."""
    seconds: float
    """Cost of the evaluation on the run's clock, in seconds."""
    epochs: int
    """Training epochs spent."""
    failed: bool = False
    """Whether the evaluation ended without a result; its cost is charged nevertheless."""
    constrained: tuple[float, ...] = ()
    """One value per constraint of the problem, in its unit."""


class TrainShared(NamedTuple):
    """A request: train the shared weights of a supernet for one epoch.

    The benchmark provides the supernet, images and a device as a loan (see
    `strategies.parts.one_shot.Loan`); the strategy's own code updates the weights. The benchmark
    calls `train` first and then `derive`.
    """

    train: "Callable[[Any], Traces]"
    """Takes a loan, trains one epoch, and returns numbers that describe the epoch."""
    derive: "Callable[[Any], Architecture]"
    """Takes a loan and returns the architecture that the search would return now."""
    fresh: bool = False
    """Whether the weights are initialised again before this epoch, as at the start of the run."""


class SharedAnswer(NamedTuple):
    """The result of one epoch of training shared weights: all that a search may know of it."""

    architecture: "Architecture"
    """The architecture that the search would return if it ended now."""
    values: tuple[float, ...]
    """That architecture's accuracy in validation with the shared weights, then its costs."""
    seconds: float
    """Measured seconds of the epoch, plus those of this derivation minus the previous one's."""
    epochs: int = 1
    failed: bool = False
    traces: "Traces" = {}
    """Numbers that describe the epoch, such as that of `Trace.number("train loss")`."""
    constrained: tuple[float, ...] = ()
    """The architecture's values of the problem's constraints."""


def meets(constraints: "Sequence[Constraint]", answer: Answer | SharedAnswer) -> bool:
    """Return whether the architecture of an answer meets all constraints."""
    pairs = zip(constraints, answer.constrained, strict=True)
    return all(one.met(value) for one, value in pairs)


class Score(NamedTuple):
    """A request: the scores of architectures by a zero-cost proxy, of which nothing is trained.

    It is answered at once, before any other request, and is no evaluation.
    """

    architectures: "Sequence[Architecture]"
    proxy: str
    """One of `Problem.proxies`, such as `params` or `synflow`."""


class Scores(NamedTuple):
    """The answer to a `Score` request: one number per architecture, in the order of the request."""

    values: tuple[float, ...]
    """What the proxy says; larger is better whatever the metric, and NaN was not measured."""
    seconds: tuple[float, ...]
    """What measuring each score took on the machine that measured it, in seconds."""
    charges: tuple[float, ...] = ()
    """What each score costs on the run's clock, in seconds; empty where scores take no time."""


class Wait(Enum):
    """What `ask` returns when the strategy needs an answer before it makes a request."""

    WAIT = "wait"


WAIT = Wait.WAIT
"""`ask` is called again after the next answer; it may return this only while a trial is open."""

Request = Evaluate | TrainShared | Score
"""The kinds of request that a strategy may make."""


class Trial(NamedTuple):
    """A request with its number in the run; `tell` gets it together with the answer."""

    id: int
    """0 for the first request of a run, 1 for the second, and so on."""
    request: Any
    """The `Evaluate`, `TrainShared` or `Score` that was asked for."""

    @property
    def architecture(self) -> "Architecture":
        """The architecture that an `Evaluate` request asked for."""
        architecture: Architecture = self.request.architecture
        return architecture


@dataclass(frozen=True)
class Problem:
    """The search problem: all that a strategy may know of its task.

    It holds no budget, no seed, no table and no best value so far.
    """

    space: "Space"
    objectives: tuple[Metric, ...] = (ACCURACY,)
    """The metrics that are measured; a search of one objective selects by the first of them."""
    fidelities: tuple[Fidelity, ...] = ()
    """The fidelities that may be requested, the cheapest first; empty if the task's own is the only
    one."""
    workers: int = 1
    """Largest number of trials that may be open at once."""
    own: Fidelity | None = None
    """The task's own fidelity, which a request without a fidelity gets; None if there is none."""
    proxies: tuple[str, ...] = ()
    """The zero-cost proxies of which scores may be requested."""
    constraints: tuple[Constraint, ...] = ()
    """What an architecture has to meet to be an answer of the search."""

    def feasible(self, answer: Answer) -> bool:
        """Return whether an evaluation succeeded and its architecture meets all constraints."""
        return not answer.failed and meets(self.constraints, answer)

    def violation(self, answer: Answer) -> float:
        """Return how far an answer is from meeting all constraints, from 0 (met) to 1.

        It is s / (1 + s) of the sum s of `Constraint.violation` over the constraints.
        """
        pairs = zip(self.constraints, answer.constrained, strict=True)
        total = sum(one.violation(value) for one, value in pairs)
        return 1.0 if total == math.inf else total / (1.0 + total)

    def scores(self, answer: Answer) -> tuple[float, ...]:
        """Return the score of every objective of an answer; larger is better.

        A failed evaluation has the score `Metric.worst` of each objective. So has one that does
        not meet the constraints, but for the first objective, whose score is `score`.
        """
        if answer.failed:
            return tuple(metric.worst for metric in self.objectives)
        if self.constraints and (violation := self.violation(answer)):
            return (
                self._worst - violation,
                *(metric.worst for metric in self.objectives[1:]),
            )
        pairs = zip(self.objectives, answer.values, strict=True)
        return tuple(metric.score(value) for metric, value in pairs)

    def score(self, answer: Answer) -> float:
        """Return the score of an answer's first objective; larger is better for every metric.

        A failed evaluation has the score of the metric's worst value, -inf if it has no bound.
        One that does not meet the constraints has that score minus its `violation`: it is worse
        than each that does, and better the less it violates (the penalty without parameters of
        Deb, Computer Methods in Applied Mechanics and Engineering 2000, with the metric's worst
        value in place of the worst feasible one, so that a score does not change later).
        """
        if answer.failed:
            return self._worst
        if self.constraints and (violation := self.violation(answer)):
            return self._worst - violation
        value = answer.values[0]
        return value if self._maximised else -value

    @cached_property
    def _maximised(self) -> bool:
        return self.objectives[0].direction == "max"

    @cached_property
    def _worst(self) -> float:
        return self.objectives[0].worst

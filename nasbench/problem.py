"""What passes between a strategy and a benchmark, and all that a strategy may know of a task.

Requests and answers are named tuples, not dataclasses: a table search makes hundreds of thousands
of them, and a named tuple is as immutable and costs a quarter as much to make.
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
    """A quantity that is measured of an architecture, and which values of it are better."""

    name: str
    direction: Literal["max", "min"] = "max"
    """Whether more is better, or less."""
    unit: str = ""
    """As it is written behind a number, such as `%` or `s`; empty where there is none."""
    low: float = -math.inf
    high: float = math.inf
    """Bounds of its values."""

    def score(self, value: Number) -> Number:
        """Return a value so that more is better: itself, or negated where less is better.

        Of a number or of an array. The score of a score is the value again.
        """
        return value if self.direction == "max" else 0.0 - value

    @property
    def worst(self) -> float:
        """The score of an evaluation that failed: that of the worst value, -inf without bounds."""
        return self.low if self.direction == "max" else -self.high

    @property
    def title(self) -> str:
        """Its name with its unit, as it is written at an axis: `accuracy (%)`."""
        return f"{self.name} ({self.unit})" if self.unit else self.name

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values; a bound that there is not is left out."""
        values = self._asdict()
        return {name: one for name, one in values.items() if one not in (-math.inf, math.inf)}


ACCURACY = Metric("accuracy", "max", "%", 0.0, 100.0)
"""Top-1 accuracy in percent."""
LOSS = Metric("loss", "min", "nats", 0.0)
"""Mean cross entropy."""


def scores_of(
    objectives: "Sequence[Metric]", values: "NDArray[np.float64]"
) -> "NDArray[np.float64]":
    """Return values of objectives, shape (n, objectives), so that more is better."""
    signs = [1.0 if metric.direction == "max" else -1.0 for metric in objectives]
    return values * signs


class Fidelity(NamedTuple):
    """How much an evaluation trains: the first `epochs` of a schedule of some length."""

    epochs: int
    schedule: int | None = None
    """The schedule, named by its number of epochs; None is the one of the task."""


class Evaluate(NamedTuple):
    """Ask how good an architecture is on the search's validation split."""

    architecture: "Architecture"
    fidelity: Fidelity | None = None
    """None is the task's own."""
    memo: Any = None
    """What the strategy wants to know again when it is told the answer. Nobody else reads it."""


class Answer(NamedTuple):
    """What a search may know about one evaluation: values of the objectives, and its cost."""

    values: tuple[float, ...]
    """One per objective of the problem; what a failed evaluation has here means nothing."""
    seconds: float
    """What the evaluation costs on the run's clock."""
    epochs: int
    """Training epochs spent."""
    failed: bool = False
    """Whether the evaluation ended without a result (it is charged all the same)."""


class TrainShared(NamedTuple):
    """Ask for one epoch of training the shared weights of a supernet.

    The benchmark lends images and a device; the update rule is the strategy's own. `train` is
    called first, `derive` after it says what the search would return now.
    """

    train: "Callable[[Any], Traces]"
    """Takes a loan, trains one epoch, returns numbers of the epoch."""
    derive: "Callable[[Any], Architecture]"


class SharedAnswer(NamedTuple):
    """What a search may know about an epoch of shared training."""

    architecture: "Architecture"
    """What the search would return now."""
    values: tuple[float, ...]
    """Its values of the objectives, validated with the shared weights."""
    seconds: float
    """Real seconds of the epoch, and what deriving took more than after the epoch before."""
    epochs: int = 1
    failed: bool = False
    traces: "Traces" = {}
    """Numbers of the epoch, such as `Trace.number("train loss")`."""


class Wait(Enum):
    """What `ask` returns instead of a request where it needs an answer first."""

    WAIT = "wait"


WAIT = Wait.WAIT
"""Ask again after the next answer. A strategy may only wait while a trial is open."""

Request = Evaluate | TrainShared
"""All that a strategy may ask for."""


class Trial(NamedTuple):
    """A request with its number in the run: what a strategy is told an answer to."""

    id: int
    """0 for the first request of a run, then counted on."""
    request: Any
    """The `Evaluate` or `TrainShared` that was asked for."""

    @property
    def architecture(self) -> "Architecture":
        """The architecture whose evaluation was asked for."""
        architecture: Architecture = self.request.architecture
        return architecture


@dataclass(frozen=True)
class Problem:
    """What is searched: all that a strategy may know of its task.

    There is no budget in it, no seed, no table and no best value so far.
    """

    space: "Space"
    objectives: tuple[Metric, ...] = (ACCURACY,)
    """The first is the one that a search of one objective selects by."""
    fidelities: tuple[Fidelity, ...] = ()
    """Those that may be asked for, from the cheapest to the dearest; empty where the task's own is
    the only one."""
    workers: int = 1
    """How many trials may be open at once."""
    own: Fidelity | None = None
    """The task's own fidelity, which a request without one asks for; None where there is none."""

    def scores(self, answer: Answer) -> tuple[float, ...]:
        """Return an answer's objectives so that more is better; of a failure the worst ones."""
        if answer.failed:
            return tuple(metric.worst for metric in self.objectives)
        pairs = zip(self.objectives, answer.values, strict=True)
        return tuple(metric.score(value) for metric, value in pairs)

    def score(self, answer: Answer) -> float:
        """Return an answer's first objective so that more is better, whatever its direction.

        A failed evaluation has the score of the metric's worst value, -inf where it has no bound.
        """
        if answer.failed:
            return self._worst
        value = answer.values[0]
        return value if self._maximised else -value

    @cached_property
    def _maximised(self) -> bool:
        return self.objectives[0].direction == "max"

    @cached_property
    def _worst(self) -> float:
        return self.objectives[0].worst

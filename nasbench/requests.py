"""What passes between a strategy and a benchmark: a request for work and its answer.

They are named tuples, not dataclasses: a table search makes hundreds of thousands of them,
and a named tuple is as immutable and costs a quarter as much to make.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from nasbench.spaces.base import Architecture


class Evaluate(NamedTuple):
    """Ask how well an architecture does on the search's validation split."""

    architecture: "Architecture"
    epochs: int | None = None
    """Fidelity in training epochs; None is the protocol's own."""


class Answer(NamedTuple):
    """What a search may know about one evaluation: validation accuracy and cost."""

    accuracy: float
    """Validation accuracy in percent; 0.0 where the evaluation failed."""
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

    train: "Callable[[Any], Mapping[str, float]]"
    """Takes a loan, trains one epoch, returns figures of the epoch by name."""
    derive: "Callable[[Any], Architecture]"


class SharedAnswer(NamedTuple):
    """What a search may know about an epoch of shared training."""

    architecture: "Architecture"
    """What the search would return now."""
    accuracy: float
    """Its validation accuracy with the shared weights, in percent."""
    seconds: float
    """Real seconds of the epoch, and what deriving took more than after the epoch before."""
    epochs: int = 1
    failed: bool = False
    figures: "Mapping[str, float]" = {}
    """Figures of the epoch by name, such as `train loss`."""


Request = Evaluate
"""What a query-based strategy asks for."""
Work = Evaluate | TrainShared
"""All that a strategy may ask for."""

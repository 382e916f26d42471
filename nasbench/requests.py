"""What passes between a strategy and a benchmark: a request for work and its answer.

They are named tuples, not dataclasses: a table search makes hundreds of thousands of them,
and a named tuple is as immutable and costs a quarter as much to make.
"""

from typing import TYPE_CHECKING, NamedTuple

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


Request = Evaluate
"""All that a strategy may ask for."""

"""What a search's answer is at any time: which evaluations are its incumbents.

Values are compared at one fidelity only, since an accuracy after one epoch says nothing beside one
after fifteen. An evaluation that failed, or has a value that is infinite, is never an incumbent.
"""

from enum import StrEnum

import numpy as np
from numpy.typing import NDArray


class Selection(StrEnum):
    """Rules by which evaluations are chosen."""

    HIGHEST = "highest"
    """The best at the highest fidelity that was reached: a first value there replaces any below."""
    OWN = "own"
    """The best at the task's own fidelity; others never count."""


class Promotion(StrEnum):
    """What is charged for an evaluation at a higher fidelity than before, of one architecture."""

    RESTART = "restart"
    """All of its epochs: it is trained anew."""
    RESUME = "resume"
    """The epochs since the last evaluation of it that has ended, and one validation."""


class Incumbent:
    """The answer of a search of one objective, evaluation by evaluation."""

    __slots__ = ("_best", "_highest", "_only")

    def __init__(self, rule: Selection, own: int) -> None:
        """Start without an answer; `own` is the task's own fidelity in epochs."""
        self._only = own if rule is Selection.OWN else None
        self._highest = -1
        self._best = -np.inf

    def takes(self, score: float, fidelity: int) -> bool:
        """Whether an evaluation becomes the answer; one that failed has the score NaN or -inf."""
        if self._only is not None and fidelity != self._only:
            return False
        if fidelity > self._highest:
            if not score > -np.inf:
                return False
            self._highest = fidelity
        elif fidelity < self._highest or not score > self._best:
            return False
        self._best = score
        return True


def incumbents(
    rule: Selection, scores: NDArray[np.float64], fidelity: NDArray[np.int64], own: int
) -> NDArray[np.int64]:
    """Return the evaluations at which the answer changes, shape (changes,); of equals the first.

    `scores` of the first objective, NaN where an evaluation failed, and `fidelity` have the shape
    (evaluations,), in the order in which they ended.
    """
    answer = Incumbent(rule, own)
    takes = answer.takes
    pairs = zip(scores.tolist(), fidelity.tolist(), strict=True)
    return np.array([i for i, (s, f) in enumerate(pairs) if takes(s, f)], dtype=np.int64)

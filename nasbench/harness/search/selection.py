"""What a search's answer is at any time: which evaluations are its incumbents.

Values are compared at one fidelity only, since an accuracy after one epoch says nothing beside one
after fifteen. An evaluation that failed, or has a value that is infinite, is never an incumbent.
"""

from math import inf, isfinite
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasbench.rules import Selection


class Incumbent:
    """The answer of a search of one objective, evaluation by evaluation."""

    __slots__ = ("_best", "_highest", "_only")

    def __init__(self, rule: Selection, own: int) -> None:
        """Start without an answer; `own` is the task's own fidelity in epochs."""
        self._only = own if rule is Selection.OWN else None
        self._highest = -1
        self._best = -np.inf

    def takes(self, score: float, fidelity: int) -> bool:
        """Whether an evaluation becomes the answer; one that failed has the score NaN."""
        if self._only is not None and fidelity != self._only:
            return False
        if fidelity > self._highest:
            if not isfinite(score):
                return False
            self._highest = fidelity
        elif fidelity < self._highest or not (score > self._best and score < inf):
            return False
        self._best = score
        return True


class Front:
    """The answer of a search of several objectives: a set, evaluation by evaluation."""

    __slots__ = ("_highest", "members")

    def __init__(self) -> None:
        """Start with an empty set."""
        self._highest = -1
        self.members: list[tuple[int, tuple[float, ...]]] = []
        """Numbers and scores of the evaluations in the set, in the order in which they came."""

    def takes(self, scores: tuple[float, ...], fidelity: int, number: int = 0) -> bool:
        """Whether an evaluation comes into the set; it takes the place of those it is better than.

        Of equals the first stays. One that failed has scores of NaN.
        """
        if fidelity < self._highest or not all(map(isfinite, scores)):
            return False
        if fidelity > self._highest:
            self._highest = fidelity
            self.members = []
        if any(_as_good(other, scores) for _, other in self.members):
            return False
        self.members = [one for one in self.members if not _as_good(scores, one[1])]
        self.members.append((number, scores))
        return True


def _as_good(first: tuple[float, ...], second: tuple[float, ...]) -> bool:
    """Whether scores are at least as high as others, each of them."""
    return all(one >= other for one, other in zip(first, second, strict=True))


class Chosen(NamedTuple):
    """What a search's answers were, and what the last one is."""

    incumbents: NDArray[np.int64]
    """Evaluations at which the answer changed, ascending, shape (changes,)."""
    selected: NDArray[np.int64]
    """Those of them that are the answer in the end, ascending: one, or a set of any size."""


def choose(
    rule: Selection, scores: NDArray[np.float64], fidelity: NDArray[np.int64], own: int
) -> Chosen:
    """Return the answers of a run; of equals the first.

    `scores` have shape (evaluations, objectives), NaN where an evaluation failed, and `fidelity`
    (evaluations,), in the order in which they ended; `own` is the task's own in epochs.
    """
    if rule is Selection.FRONT:
        front, changed = Front(), []
        for number, (each, read) in enumerate(zip(scores.tolist(), fidelity.tolist(), strict=True)):
            if front.takes(tuple(each), read, number):
                changed.append(number)
        last = [number for number, _ in front.members]
        return Chosen(np.array(changed, dtype=np.int64), np.array(last, dtype=np.int64))
    takes = Incumbent(rule, own).takes
    pairs = zip(scores[:, 0].tolist(), fidelity.tolist(), strict=True)
    steps = np.array([i for i, (s, f) in enumerate(pairs) if takes(s, f)], dtype=np.int64)
    return Chosen(steps, steps[-1:])

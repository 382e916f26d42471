"""Selection of a search's answer at any time: which evaluations are its incumbents.

Only values at the same fidelity are compared, since an accuracy after one epoch cannot be compared
with one after fifteen. An evaluation that failed, or has an infinite value, is never an incumbent.
"""

from math import inf, isfinite
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasbench.rules import Selection


class Incumbent:
    """The answer of a search of one objective, updated with every evaluation."""

    __slots__ = ("_best", "_highest", "_only")

    def __init__(self, rule: Selection, own: int) -> None:
        """Start without an answer; `own` is the task's own fidelity in epochs."""
        self._only = own if rule is Selection.OWN else None
        self._highest = -1
        self._best = -np.inf

    def takes(self, score: float, fidelity: int) -> bool:
        """Make an evaluation the answer if the rule says so, and return whether it was made so.

        `fidelity` is in epochs. The score of a failed evaluation is NaN.
        """
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
    """The answer of a search of several objectives: a set, updated with every evaluation."""

    __slots__ = ("_highest", "members")

    def __init__(self) -> None:
        """Start with an empty set."""
        self._highest = -1
        self.members: list[tuple[int, tuple[float, ...]]] = []
        """Numbers and scores of the evaluations in the set, in the order in which they came."""

    def takes(self, scores: tuple[float, ...], fidelity: int, number: int = 0) -> bool:
        """Add an evaluation unless a member is as good as it, and return whether it was added.

        Members that the new evaluation is better than are removed. The first one at a higher
        fidelity (in epochs) replaces the whole set; one at a lower fidelity is not added. Of
        evaluations with equal scores the first stays. The scores of a failed evaluation are NaN.
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
    """Return whether every score of `first` is at least as high as its counterpart."""
    return all(one >= other for one, other in zip(first, second, strict=True))


class Chosen(NamedTuple):
    """The answers of a search over time, and its final answer, as numbers of evaluations."""

    incumbents: NDArray[np.int64]
    """Evaluations at which the answer changed, ascending, shape (changes,)."""
    selected: NDArray[np.int64]
    """Incumbents that are the final answer, ascending, shape (answers,): one, or the front."""


def choose(
    rule: Selection, scores: NDArray[np.float64], fidelity: NDArray[np.int64], own: int
) -> Chosen:
    """Return the answers of a run by a selection rule; of equal evaluations the first is taken.

    `scores` has shape (evaluations, objectives), NaN where an evaluation failed; `fidelity` has
    shape (evaluations,), in epochs. Both are in the order in which evaluations ended. `own` is the
    task's own fidelity in epochs.
    """
    if rule is Selection.FRONT:
        front, changed = Front(), []
        for number, (each, read) in enumerate(zip(scores.tolist(), fidelity.tolist(), strict=True)):
            if front.takes(tuple(each), read, number):
                changed.append(number)
        last = [number for number, _ in front.members]
        return Chosen(np.array(changed, dtype=np.int64), np.array(last, dtype=np.int64))
    if len(fidelity) and (fidelity == fidelity[0]).all():  # steps of a running maximum
        if rule is Selection.OWN and fidelity[0] != own:
            return Chosen(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))
        values = np.where(np.isfinite(scores[:, 0]), scores[:, 0], -inf)
        before = np.maximum.accumulate(np.concatenate(([-inf], values[:-1])))
        steps = np.flatnonzero(values > before)
        return Chosen(steps, steps[-1:])
    takes = Incumbent(rule, own).takes
    pairs = zip(scores[:, 0].tolist(), fidelity.tolist(), strict=True)
    steps = np.array([i for i, (s, f) in enumerate(pairs) if takes(s, f)], dtype=np.int64)
    return Chosen(steps, steps[-1:])

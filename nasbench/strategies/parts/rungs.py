"""Rungs: the fidelities at which a search compares architectures and trains the best ones on."""

from abc import abstractmethod
from collections.abc import Callable, Container, Sequence
from fractions import Fraction
from math import isfinite
from typing import NamedTuple

from nasbench.problem import WAIT, Answer, Evaluate, Fidelity, Trial, Wait
from nasbench.spaces.base import Architecture
from nasbench.strategies.base import Parallelism, SearchStrategy, Tag, require

_TRIES = 100
"""How often an architecture is drawn before one that was drawn earlier is taken again."""


class Rung(NamedTuple):
    """A fidelity at which architectures are compared."""

    level: int
    """k, where the papers train for r * eta^k epochs."""
    fidelity: Fidelity


class Told(NamedTuple):
    """An architecture with its score at a rung; the better of two comes first in order."""

    loss: float
    """Minus the score; infinite if the evaluation failed."""
    place: int
    """When it was asked for: of equal scores, the one that was asked for first is better."""
    architecture: Architecture


def rungs_of(fidelities: Sequence[Fidelity], reduction: int) -> tuple[Rung, ...]:
    """Return the rungs of a problem, the cheapest first; at least two of two or more fidelities.

    The papers train for r * eta^k epochs, k = 0..K, where eta is the `reduction`. Here r * eta^K is
    the largest number of epochs that the problem offers, and K is the largest number for which r is
    no less than the smallest (and at least 1). A rung is the offered number of epochs that is
    nearest to r * eta^k in ratio; of two equally near ones, the smaller. If one number of epochs is
    the nearest for several k, it is the rung of that k to which it is nearest (of two, the larger),
    and the others have no rung. Promotions from one rung to the next then keep one architecture of
    eta to the power of the difference of their k, so that all rungs still cost about the same.
    """
    most, fewest = fidelities[-1].epochs, fidelities[0].epochs
    top = 1
    while fewest * reduction ** (top + 1) <= most:
        top += 1
    nearest: dict[Fidelity, tuple[Fraction, int]] = {}
    for level in range(top, -1, -1):
        wanted = Fraction(most, reduction ** (top - level))
        found = min(fidelities, key=lambda one: _ratio(one.epochs, wanted))
        ratio = _ratio(found.epochs, wanted)
        if found not in nearest or ratio < nearest[found][0]:
            nearest[found] = ratio, level
    return tuple(sorted(Rung(level, one) for one, (_, level) in nearest.items()))


def _ratio(epochs: int, wanted: Fraction) -> Fraction:
    return max(epochs / wanted, wanted / epochs)


def bracket_size(rungs: Sequence[Rung], first: int, reduction: int, rounding: str) -> int:
    """Return how many architectures begin Hyperband's bracket at the rung number `first`.

    Li et al. (JMLR 2018, Algorithm 1): B/R * eta^s / (s + 1), where s is the number of promotions
    from this rung to the last and B/R the number of rungs, so that all brackets cost about the
    same. With `rounding` `up` it is rounded up. With `down`, (B/R) / (s + 1) is rounded down before
    it is multiplied. Where levels have no rung, s + 1 is the number of rungs that there are.
    """
    own = len(rungs) - first
    growth: int = reduction ** (rungs[-1].level - rungs[first].level)
    return len(rungs) // own * growth if rounding == "down" else -(-len(rungs) * growth // own)


def draw_new(draw: Callable[[], Architecture], drawn: Container[Architecture]) -> Architecture:
    """Return what `draw` returns, drawn again while it is in `drawn`, but at most 100 times."""
    for _ in range(_TRIES):
        architecture = draw()
        if architecture not in drawn:
            break
    return architecture


def told_of(trial: Trial, score: float, failed: bool) -> Told:
    """Return an answer to a trial whose memo is its place; an infinite score counts as a failure.

    A failed evaluation has an infinite loss, so that it comes after all others.
    """
    loss = -score if not failed and isfinite(score) else float("inf")
    return Told(loss, trial.request.memo, trial.architecture)


def require_reduction(value: int) -> None:
    """Raise `InvalidInput` for a reduction with which no architecture is left out."""
    require(2 <= value <= 1000, "reduction", value, "2 to 1000")


class Halving(SearchStrategy):
    """Base class of strategies that repeat successive halving, one bracket after another.

    A bracket begins with new architectures at one of its rungs. When all of a rung have been told,
    the best go on to the next rung: of n that began, n / eta^i (rounded down) come to the rung
    whose level is i higher, but at least one. After the last rung the next bracket begins.

    An evaluation that failed is counted among the n but never goes on; if all of a rung failed, the
    bracket ends. The architectures of a bracket differ: one that is drawn again is replaced (up to
    100 times), and a bracket has no more architectures than the space. With several workers the
    strategy waits at the end of each rung until all of it is known.
    """

    tags = frozenset({Tag.FIDELITIES})
    parallel = Parallelism.BATCHES

    def setup(self) -> None:
        """Begin the first bracket."""
        self._rungs = rungs_of(self.problem.fidelities, self.settings.reduction)
        self.brackets = 0
        self._begin()

    @abstractmethod
    def bracket(self, number: int) -> tuple[int, int]:
        """Return the first rung of a bracket, as a position in `_rungs`, and its architectures.

        Brackets are numbered from 0.
        """

    def draw(self) -> Architecture:
        """Draw an architecture for the first rung of a bracket."""
        return self.space.sample(self.random)

    def _begin(self) -> None:
        self.first, began = self.bracket(self.brackets)
        self.began = began if self.space.size is None else min(began, self.space.size)
        self.brackets += 1
        self.drawn: set[Architecture] = set()
        self._enter(self.first, self.began, [])

    def _enter(self, rung: int, size: int, promoted: list[Architecture]) -> None:
        """Come to a rung with `size` architectures, `promoted` or still to be drawn."""
        self.rung, self.size, self.promoted = rung, size, promoted
        self.asked = 0
        self.told: list[Told] = []

    def ask(self) -> Evaluate | Wait:
        """Return the next architecture of the rung; wait for the others at its end."""
        if self.asked == self.size:
            if len(self.told) < self.size:
                return WAIT
            self._rise()
        if self.promoted:
            architecture = self.promoted[self.asked]
        else:
            architecture = draw_new(self.draw, self.drawn)
            self.drawn.add(architecture)
        self.asked += 1
        return Evaluate(architecture, self._rungs[self.rung].fidelity, memo=self.asked)

    def tell(self, trial: Trial, answer: Answer) -> None:
        """Note the score of an architecture at the present rung."""
        self.told.append(told_of(trial, self.problem.score(answer), answer.failed))

    def _rise(self) -> None:
        """Go to the next rung with the best of this one, or to the next bracket."""
        if self.rung + 1 < len(self._rungs):
            levels = self._rungs[self.rung + 1].level - self._rungs[self.first].level
            kept = max(1, self.began // self.settings.reduction**levels)
            best = [one for one in sorted(self.told)[:kept] if one.loss < float("inf")]
            if best:
                self._enter(self.rung + 1, len(best), [one.architecture for one in best])
                return
        self._begin()

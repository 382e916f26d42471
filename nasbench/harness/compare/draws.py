"""What random search draws from a table: answers, their probabilities, and how many it affords."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nasbench.harness.compare.free_repeats import FreeRepeats
from nasbench.harness.search.task import Task
from nasbench.spaces.base import EnumerableSpace

Floats = NDArray[np.float64]


def affordable(seconds: Floats, costs: Floats, weights: Floats | None = None) -> Floats:
    """Return the mean number of evaluations that random search finishes within `seconds`.

    It follows from renewal theory: if costs are independent with mean m and variance s^2, the
    number N(T) of evaluations finished by time T, without the one that overshoots T, has
    E[N(T)] -> T/m + (s^2 - m^2)/(2 m^2) (Smith, Proc. R. Soc. Edinburgh 1954). From a few
    evaluations on, this holds to a few hundredths. The result has the shape of `seconds` and is
    never negative; it is infinite where evaluations cost nothing.
    """
    mean = float(np.average(costs, weights=weights))
    if mean == 0:
        return np.full(np.shape(seconds), np.inf)
    variance = float(np.average((costs - mean) ** 2, weights=weights))
    return np.maximum(seconds / mean + (variance - mean**2) / (2 * mean**2), 0.0)


@dataclass(frozen=True)
class Draws:
    """The answers that a query of a task's table can give, in arrays of shape (answers,)."""

    task: Task
    places: tuple[NDArray[np.int64], NDArray[np.int64]]
    """Training seed and architecture index of each answer."""
    weights: Floats
    """Proportional to the probabilities of the answers; their sum is the number of architectures.
    """
    costs: Floats
    """Seconds of each answer."""
    uniform: bool
    """Whether the space draws all architectures with equal probability."""

    @classmethod
    def of(
        cls, task: Task, space: EnumerableSpace, known: NDArray[np.bool_], seconds: Floats
    ) -> "Draws":
        """Return the draws of random search in a space.

        `known` says for which training seeds and architectures there are answers, shape (seeds,
        size), as is that of their `seconds`. An architecture without any has one, a failed one.
        """
        known = known.copy()
        known[0] |= ~known.any(axis=0)
        weights, law = known / known.sum(axis=0), space.sampling_law
        if law is not None:
            weights = weights * (space.size * law)
        seeds, cells = np.nonzero(known)
        return cls(task, (seeds, cells), weights[known], seconds[known], law is None)

    @property
    def cells(self) -> NDArray[np.int64]:
        """Architecture index of each answer."""
        return self.places[1]

    @property
    def has_expectation(self) -> bool:
        """Whether it is known what random search is expected to find within its budget.

        It is not where searches stop early, or evaluate nothing by a query.
        """
        task = self.task
        return not (task.shared or task.budget.stops_early) and bool(self.affords().all())

    def evaluations(self, seconds: Floats | None = None) -> Floats:
        """Return how many evaluations random search can afford, by default within its budget.

        A limit of evaluations or epochs is applied too. Shape of `seconds`, or (1,).
        """
        budget = self.task.budget
        if seconds is None:
            seconds = np.array([np.inf if budget.seconds is None else budget.seconds])
        workers = self.task.simulated_workers  # each has all these seconds
        if self._free and not self.uniform:
            n = FreeRepeats(self.costs, self.weights, self.cells).within(seconds, workers)
        else:
            n = affordable(seconds, self.costs, self.weights) * workers
        return np.minimum(n, self.most)

    def affords(self, seconds: Floats | None = None) -> NDArray[np.bool_]:
        """Return whether random search can afford an evaluation, by default within its budget.

        Every simulated worker must be able to afford one: with less time, the closed form of
        `evaluations` does not hold. Shape of `seconds`, or (1,).
        """
        if seconds is None:
            budget = self.task.budget.seconds
            seconds = np.array([np.inf if budget is None else budget])
        each = affordable(seconds, self.costs, self.weights)
        return np.asarray((each >= 1) & (self.most >= 1))

    @property
    def most(self) -> float:
        """The most evaluations that the budget's limits of evaluations and epochs allow."""
        budget, each = self.task.budget, self.task.query.epochs
        limits = [np.inf if budget.evaluations is None else budget.evaluations]
        if budget.epochs is not None and each:
            limits.append(budget.epochs // each)
        return min(limits)

    @property
    def replacement(self) -> bool:
        """Whether evaluations count as drawn with replacement.

        Where repeated evaluations cost nothing, they also change nothing: a search that is limited
        by seconds then counts as one without replacement, if all architectures are equally likely.
        By another law there is no closed form without replacement: free repeats are counted, too.
        """
        return not (self.uniform and self._free and self.task.query.signal == "mean")

    @property
    def _free(self) -> bool:
        """Whether a limit of seconds is not touched by repeated evaluations."""
        return self.task.repeats == "free" and self.task.budget.seconds is not None

"""The exact Pareto front of a table: what a set of architectures can be measured by."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from nasbench.arguments import require_names
from nasbench.benchmarks.judge import TableJudge
from nasbench.benchmarks.tabular import TabularBenchmark
from nasbench.errors import InvalidInput, NasbenchError
from nasbench.harness.search.budget import Budget
from nasbench.harness.search.defaults import Say
from nasbench.harness.search.opening import open_benchmark, open_judge
from nasbench.harness.search.task import Kind, Task
from nasbench.harness.search.tasks import Wanted, make_tasks, objective_names
from nasbench.pareto.dominance import nondominated
from nasbench.pareto.hypervolume import hypervolume
from nasbench.pareto.indicators import additive_epsilon, igd_plus, share_found
from nasbench.problem import Metric, scores_of
from nasbench.spaces.base import EnumerableSpace

Floats = NDArray[np.float64]

MARGIN = 0.1
"""How far the reference point lies behind the nadir, in widths of the front."""


@dataclass(frozen=True)
class Quality:
    """How good a set of points is, measured by the exact front.

    Before the distances are taken, each objective is scaled so that the exact front goes from 0,
    its worst value (nadir), to 1, its best.
    """

    hypervolume: float
    """Hypervolume divided by that of the exact front, from 0 to 1."""
    igd_plus: float
    """IGD+ to the exact front; 0 for the whole front, infinite for an empty set."""
    epsilon: float
    """Additive epsilon to the exact front; 0 for the whole front, infinite for an empty set."""
    share: float
    """Part of the exact front's points that are in the set, from 0 to 1."""


@dataclass(frozen=True)
class ExactFront:
    """The Pareto front of all architectures of a table, in the values of one split."""

    objectives: tuple[Metric, ...]
    space: EnumerableSpace
    scores: Floats
    """Scores of all architectures, shape (size of the space, objectives); NaN if not known."""

    @cached_property
    def members(self) -> NDArray[np.int64]:
        """Indices of the architectures that no other dominates, shape (members,).

        The first is the best in the first objective. Of architectures with equal values all are
        members.
        """
        known = np.flatnonzero(self._known)
        if not len(known):
            raise NasbenchError("no architecture has finite values of all objectives")
        front = known[nondominated(self.scores[known])]
        order = np.lexsort((front, *(-self.scores[front]).T[::-1]))
        return np.asarray(front[order])

    @property
    def known(self) -> int:
        """Number of architectures with finite values of all objectives."""
        return int(self._known.sum())

    @cached_property
    def _known(self) -> NDArray[np.bool_]:
        return np.asarray(np.isfinite(self.scores).all(axis=1))

    @cached_property
    def points(self) -> Floats:
        """Different scores of the members, in their order, shape (points, objectives)."""
        ranked = self.scores[self.members]
        new = np.append(True, (ranked[1:] != ranked[:-1]).any(axis=1))
        return np.asarray(ranked[new])

    @cached_property
    def ideal(self) -> Floats:
        """The best score of each objective."""
        return np.asarray(self.points.max(axis=0))

    @cached_property
    def nadir(self) -> Floats:
        """The worst score of each objective on the front."""
        return np.asarray(self.points.min(axis=0))

    @cached_property
    def width(self) -> Floats:
        """What a score is divided by: ideal - nadir, or 1 in an objective where all are equal."""
        width = self.ideal - self.nadir
        return np.where(width > 0, width, 1.0)

    @cached_property
    def reference(self) -> Floats:
        """The point from which hypervolume is measured: nadir - 0.1 * `width`, as scores."""
        return np.asarray(self.nadir - MARGIN * self.width)

    @property
    def reference_values(self) -> dict[str, float]:
        """The reference point as values of the objectives, by their names."""
        values = scores_of(self.objectives, self.reference[None])[0].tolist()
        return {metric.name: one for metric, one in zip(self.objectives, values, strict=True)}

    @cached_property
    def hypervolume(self) -> float:
        """Hypervolume of the front, in the product of the objectives' units."""
        return hypervolume(self.points, self.reference.tolist())

    def share_of_hypervolume(self, points: Floats) -> float:
        """Return the hypervolume of some scores, shape (n, objectives), by that of the front."""
        return hypervolume(points, self.reference.tolist()) / self.hypervolume

    def quality(self, points: Floats) -> Quality:
        """Return how good some scores are, shape (n, objectives)."""
        scaled, front = ((one - self.nadir) / self.width for one in (points, self.points))
        return Quality(
            self.share_of_hypervolume(points),
            igd_plus(scaled, front),
            additive_epsilon(scaled, front),
            share_found(points, self.points),
        )


@dataclass(frozen=True)
class Fronts:
    """The exact fronts of a task with several objectives."""

    signal: ExactFront
    """In the values that a search sees: the mean over the answers that a query can give.

    Nothing is known of those that a search of shared weights sees.
    """
    valid: Mapping[str, ExactFront]
    """In final validation values, by reported data set."""
    test: Mapping[str, ExactFront]
    """In final test values, by reported data set; of validation in a table without test."""

    def of(self, split: str) -> Mapping[str, ExactFront]:
        """Return the fronts of final values by data set; `split` is `valid` or `test`."""
        return {"valid": self.valid, "test": self.test}[split]

    def require_hypervolumes(self, *, signal: bool = True) -> None:
        """Raise `NasbenchError` where a front has no hypervolume.

        It has none with more than three objectives, or if no architecture has values of all.
        Final validation may be unknown where the table has test; so may be what the search sees
        unless `signal`.
        """
        for front in (self.signal, *self.test.values()) if signal else self.test.values():
            _ = front.hypervolume


def front_task(
    benchmark: str, dataset: str | None, objective: str, *, say: Say = lambda _: None
) -> Task:
    """Return the task of a search of a table with several objectives, `accuracy,latency`.

    It is that of the table's usual protocol, on its first data set unless one is named. Raises
    `InvalidInput` as a search would.
    """
    objectives = objective_names(objective)
    wanted = Wanted(budget=Budget(evaluations=1), objectives=objectives)  # nothing is searched
    datasets = None if dataset is None else require_names("dataset", dataset)
    return make_tasks(benchmark, datasets, None, wanted, say=say)[0]


def exact_fronts(task: Task) -> Fronts:
    """Return the exact fronts of a task's table.

    Raises `InvalidInput` for one objective, and `NasbenchError` for a search by training and where
    the table is not installed or has changed.
    """
    if len(task.objectives) == 1:
        raise InvalidInput(
            f"a front needs several objectives, not {task.metric.name} alone: name them, such as "
            f"{task.metric.name},latency"
        )
    if task.kind is not Kind.TABLE:
        raise NasbenchError("a search by training does not know the whole space: use a table")
    judge, objectives = open_judge(task), task.objectives
    assert isinstance(judge, TableJudge)  # noqa: S101
    space = judge.space
    signal = np.full((space.size, len(objectives)), np.nan)
    feasible = np.ones((space.size, 1), dtype=bool)
    if not task.shared:
        benchmark, _ = open_benchmark(task)
        assert isinstance(benchmark, TabularBenchmark)  # noqa: S101
        feasible = benchmark.feasible[:, None]
        seen = np.where(feasible, benchmark.answers(None).values, np.nan)
        known = ~np.isnan(seen)  # shape (answers, size, objectives)
        with np.errstate(invalid="ignore"):
            signal = np.where(known, seen, 0.0).sum(axis=0) / known.sum(axis=0)

    def final(split: str, dataset: str) -> ExactFront:
        truths = [judge.truth(dataset, place) for place in range(len(objectives))]
        values = np.stack([getattr(one, split) for one in truths], axis=1)
        scores = scores_of(objectives, np.where(feasible, values, np.nan))
        return ExactFront(objectives, space, scores)

    valid = {name: final("valid", name) for name in task.reports}
    test = {name: final("test", name) for name in task.reports} if task.has_test else valid
    return Fronts(ExactFront(objectives, space, scores_of(objectives, signal)), valid, test)

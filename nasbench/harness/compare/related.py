"""Which tasks are compared together over several data sets."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from nasbench.harness.search.budget import Budget
from nasbench.harness.search.task import Task

_TWICE = "are of other budgets or protocols"
_KINDS = (
    "differ in where answers come from", "differ in whether weights are shared",
    "differ in what stops a search early", "differ in what repeats are charged",
    "differ in simulated workers", "differ in the rule of selection",
    "differ in what promotions are charged", "differ in the number of objectives",
    "differ in whether there are values of test", "differ in whether answers are constrained",
)  # fmt: skip
"""What tasks of another kind do, in the order of `_kind`."""


@dataclass(frozen=True)
class Related:
    """Positions of tasks that are compared together."""

    places: tuple[int, ...]
    apart: Mapping[str, tuple[int, ...]]
    """Tasks that cannot be compared with them, by what they do."""


def related(tasks: Sequence[Task]) -> list[Related]:
    """Return which tasks are compared together over their data sets.

    Ranks within a data set do not depend on its metric or on what its budget limits, so that
    tables, metrics, protocols and budgets may differ. What a user chooses for all of a search must
    be the same: early stopping, workers, repeats, promotion and selection; and values of test are
    not ranked together with those of tables that have no test. Searches of several objectives are
    measured by hypervolume, so that other objectives are as another data set. No data set of a
    table is there twice: where several budgets search it, tasks whose budgets limit the same are
    together, or have one budget; else tasks that differ in nothing but the data set are, and the
    others without them.
    """
    by_kind: dict[tuple[object, ...], list[list[int]]] = {}
    for places in _alike(tasks):
        by_kind.setdefault(_kind(tasks[places[0]]), []).append(places)
    found: list[tuple[int, ...]] = []
    for groups in by_kind.values():
        for part in _by_budget(groups, tasks):
            twice = _twice(part, tasks)
            once = [places for places in part if places not in twice]
            found += [tuple(sorted(chain.from_iterable(once)))] if once else []
            found += [tuple(places) for places in twice]
    every = sorted(chain.from_iterable(found))
    return [Related(one, _apart(one, every, tasks)) for one in sorted(found)]


def _apart(
    places: Sequence[int], every: Sequence[int], tasks: Sequence[Task]
) -> dict[str, tuple[int, ...]]:
    """Return the tasks of `every` that are not in `places`, by what they do."""
    own, found = _kind(tasks[places[0]]), dict[str, tuple[int, ...]]()
    for place in every:
        if place in places:
            continue
        pairs = zip(_KINDS, own, _kind(tasks[place]), strict=True)
        why = next((what for what, here, there in pairs if here != there), _TWICE)
        found[why] = (*found.get(why, ()), place)
    return found


def _by_budget(groups: list[list[int]], tasks: Sequence[Task]) -> list[list[list[int]]]:
    """Return groups in parts: one or, where a data set is there twice, by what budgets limit.

    Where it still is there twice in a part, groups are apart by their budgets, if each has one.
    """
    if not _twice(groups, tasks):
        return [groups]
    found: list[list[list[int]]] = []
    for part in _parted(groups, lambda places: _limits(tasks[places[0]].budget)):
        budgets = [len({tasks[place].budget for place in places}) for places in part]
        if not _twice(part, tasks) or max(budgets) > 1:
            found.append(part)
        else:
            found += _parted(part, lambda places: tasks[places[0]].budget)
    return found


def _parted(groups: list[list[int]], key: Callable[[list[int]], Budget]) -> list[list[list[int]]]:
    parts: dict[Budget, list[list[int]]] = {}
    for places in groups:
        parts.setdefault(key(places), []).append(places)
    return list(parts.values())


def _twice(groups: list[list[int]], tasks: Sequence[Task]) -> list[list[int]]:
    """Return the groups with a data set of a table that another group has, too."""
    searched = [{_searched(tasks[place]) for place in places} for places in groups]
    return [
        places
        for number, places in enumerate(groups)
        if any(searched[number] & other for at, other in enumerate(searched) if at != number)
    ]


def _searched(task: Task) -> tuple[object, ...]:
    """Return what is a data set of its own: each constraint and each choice of several objectives.

    What is best differs between them, and so does what regrets are measured from.
    """
    several = (task.objectives, task.joins) if len(task.objectives) > 1 else ()
    return task.content, task.query.dataset, task.constraints, *several


def _kind(task: Task) -> tuple[object, ...]:
    """Return what tasks of several tables must have in common to be compared together."""
    return (
        task.kind, task.shared, (task.budget.patience, task.budget.target_regret), task.repeats,
        task.simulated_workers, task.selection, task.promotion, len(task.objectives) > 1,
        task.has_test, bool(task.constraints),
    )  # fmt: skip


def _alike(tasks: Sequence[Task]) -> list[list[int]]:
    """Return the positions of tasks that differ in nothing but the data set, one list per group.

    What depends on the data set may differ, too. Where that would put two tasks on one data set
    into a group, only tasks with equal budgets are grouped.
    """
    groups: dict[Task, list[int]] = {}
    for task in dict.fromkeys(tasks):  # a task's first block is the one with most seeds
        groups.setdefault(_general(task, None), []).append(tasks.index(task))
    found = []
    for places in groups.values():
        if len({tasks[place].query.dataset for place in places}) == len(places):
            found.append(places)
            continue
        by_budget: dict[Task, list[int]] = {}
        for place in places:
            by_budget.setdefault(_general(tasks[place], tasks[place].budget), []).append(place)
        found += by_budget.values()
    return found


def _general(task: Task, budget: Budget | None) -> Task:
    """Return a task without what depends on its data set, with `budget` if it is given."""
    query = replace(task.query, dataset="")
    return replace(
        task, query=query, reports=(), budget=budget or _limits(task.budget), images="", joins=()
    )


def _limits(budget: Budget) -> Budget:
    """Return what a budget limits, without how much of it; early stopping as it is."""
    return Budget(
        seconds=None if budget.seconds is None else 1.0,
        evaluations=None if budget.evaluations is None else 1,
        epochs=None if budget.epochs is None else 1,
        patience=budget.patience,
        target_regret=budget.target_regret,
    )

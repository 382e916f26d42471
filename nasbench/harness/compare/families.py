"""Find the blocks that form one comparison over several data sets, and their standings."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nasbench.harness.compare.across import OneDataSet, Standings, standings_across
from nasbench.harness.compare.measures import normalised_regret
from nasbench.harness.search.budget import Budget
from nasbench.problem import Metric
from nasbench.provenance import provenance

if TYPE_CHECKING:
    from nasbench.harness.compare.comparison import Block
    from nasbench.harness.compare.contender import Contender
    from nasbench.harness.search.task import Task


_ONE_SEARCH = "data sets that one search reports are not independent blocks"
_SHARED_DRAWS = (
    "data sets are not independent blocks: equal seeds of a strategy share draws on all of them, "
    "as in runs of earlier versions"
)
_TOGETHER = (
    "what shares a seed stays together in intervals, and Friedman's p and the critical difference "
    "are by dividing the runs among the strategies anew"
)


@dataclass(frozen=True)
class Family:
    """Blocks that differ only in the searched data set and what depends on it, and their rows."""

    blocks: tuple["Block", ...]
    numbers: tuple[int, ...]
    """The blocks' numbers in the comparison, from 1."""
    contenders: tuple["Contender", ...]
    """Contenders of the first block that have finished runs in all blocks."""
    datasets: tuple[OneDataSet, ...]
    standings: Standings

    @property
    def metric(self) -> Metric:
        """The first objective, which all blocks have in common."""
        return self.blocks[0].task.metric

    @property
    def chosen(self) -> tuple[str, ...]:
        """What a user chose, see `Block.chosen`, each once."""
        return tuple(dict.fromkeys(note for block in self.blocks for note in block.chosen))

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader must know before trusting the standings."""
        found = list(self.chosen)
        if not self.standings.independent:
            why = _SHARED_DRAWS if share_draws(self.blocks) else _ONE_SEARCH
            found.append(f"{why}: {_TOGETHER}")
        if self.standings.warning:
            found.append(self.standings.warning)
        return tuple(found)

    @property
    def footer(self) -> str:
        """One line for the foot of a table or figure."""
        names = ", ".join(one.title or one.name for one in self.datasets)
        if len(self.blocks) == 1:
            return f"over {names}; {self.blocks[0].footer}"
        budgets = ", ".join(
            f"{block.task.budget} on {block.title_of(block.task.query.dataset)}"
            for block in self.blocks
        )
        task = self.blocks[0].task
        return (
            f"over {names}; protocol {task.protocol}, budgets {budgets}, n = "
            f"{', '.join(str(block.seeds) for block in self.blocks)}, table {task.content[:8]}, "
            f"nasbench {provenance()['nasbench'] or 'from source'}"
        )


def families(blocks: Sequence["Block"]) -> Iterator[Family]:
    """Yield the families with two data sets and two strategies or more."""
    for numbers in _grouped([block.task for block in blocks]):
        if any(blocks[number].sets for number in numbers):
            continue  # final sets of several objectives are not ranked
        same = [blocks[number] for number in numbers]
        keys = [[_key(one) for one in block.contenders if len(one.runs)] for block in same]
        common = [key for key in keys[0] if all(key in other for other in keys[1:])]
        datasets = _datasets(same, common)
        if len(common) > 1 and len(datasets) > 1:
            shown = tuple(one for one in same[0].contenders if _key(one) in common)
            standings = standings_across([one.label for one in shown], datasets)
            yield Family(
                tuple(same), tuple(number + 1 for number in numbers), shown, datasets, standings
            )


def share_draws(blocks: Sequence["Block"]) -> bool:
    """Return whether equal seeds of a strategy share random draws between these searches.

    They do under entropy rule 0, which leaves the data set out of a run's randomness; one
    experiment made by that rule is enough. They also do where two searches differ in nothing that
    their randomness is made of. False for fewer than two blocks.
    """
    if len(blocks) < 2:
        return False
    experiments = [[one.experiment for one in block.contenders] for block in blocks]
    if any(one.entropy_rule == 0 for block in experiments for one in block):
        return True
    streams = [{(one.seed, one.entropy) for one in block} for block in experiments]
    return len(set().union(*streams)) < sum(map(len, streams))


def _grouped(tasks: Sequence["Task"]) -> list[list[int]]:
    """Return the positions of tasks that belong together, one list per group.

    Tasks of a group differ only in the data set and what depends on it. Where that would put two
    tasks on one data set into a group, only tasks with equal budgets are grouped.
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


def _general(task: "Task", budget: Budget | None) -> "Task":
    """Return a task without what depends on its data set, with `budget` if it is given."""
    query = replace(task.query, dataset="")
    kind = Budget(
        seconds=None if task.budget.seconds is None else 1.0,
        evaluations=None if task.budget.evaluations is None else 1,
        epochs=None if task.budget.epochs is None else 1,
        patience=task.budget.patience,
        target_regret=task.budget.target_regret,
    )
    return replace(task, query=query, reports=(), budget=budget or kind, images="")


def _key(one: "Contender") -> str:
    experiment = one.experiment
    chosen = [experiment.strategy, dict(experiment.settings), experiment.seed]
    if experiment.task.shared:  # one-shot rows of a block may differ in their budgets
        chosen.append(str(experiment.task.budget))
    return json.dumps(chosen, sort_keys=True, default=str)


def _datasets(blocks: Sequence["Block"], keys: Sequence[str]) -> tuple[OneDataSet, ...]:
    """Return one problem per shown data set on which every row has a value."""
    found = []
    names = [name for block in blocks for name in block.datasets]
    together = share_draws(blocks)
    for search, block in enumerate(blocks):
        by_key = {_key(one): one for one in block.contenders}
        there = {key: _everywhere(by_key[key], block.datasets) for key in keys}
        for name in block.datasets:
            if not all(there[key].any() for key in keys):
                continue
            samples = tuple(by_key[key].final("test", name)[there[key]] for key in keys)
            both = (name, block.task.query.dataset)[: 1 if names.count(name) == 1 else 2]
            plain, title = _of_search(*both), _of_search(*map(block.title_of, both))
            regret = () if block.known is None else tuple(
                normalised_regret(sample, block.known.test[name]) for sample in samples
            )  # fmt: skip
            seeds = tuple(by_key[key].runs.seeds[there[key]] for key in keys)
            found.append(
                OneDataSet(plain, 0 if together else search, samples, regret, seeds, title)
            )
    return tuple(found)


def _of_search(dataset: str, searched: str = "") -> str:
    """Return the name of a data set, with the one searched where that must be said."""
    return f"{dataset} ({searched})" if searched else dataset


def _everywhere(one: "Contender", datasets: Sequence[str]) -> NDArray[np.bool_]:
    """Return whether each run has a value on every data set, shape (runs,)."""
    finals = [one.final("test", name) for name in datasets]
    return np.asarray(~np.isnan(np.stack(finals)).any(axis=0))

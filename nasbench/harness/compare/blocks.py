"""Which runs may stand in one table, and over which seeds.

A block holds the experiments whose whole `Task` is equal: table, signal, protocol, repeats,
budget, final schedule and reported data sets. Inside a block every row has the same number
of seeds. Where the numbers differ, all rows are cut to the seeds they have in common, and a
note says so; where they have none in common, rows with equal numbers of seeds form a block
of their own.

Failed runs count as seeds that were asked for: they are never replaced by other seeds, and
taking their seed from the other rows too would change nothing but n, since runs on a table
share nothing through equal seeds. A row's statistics are over its finished runs, its `n`;
the failed ones stand beside it in `failed` and in a note, because a strategy that fails
where it would have done badly looks better than it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasbench.errors import CannotCompare
from nasbench.harness.compare.labels import differences, labels
from nasbench.harness.experiment import Experiment, Task
from nasbench.harness.results import ExperimentRuns, Ragged
from nasbench.harness.store import one_per_seed


@dataclass(frozen=True)
class Contender:
    """One experiment in a block: its runs over the block's seeds."""

    label: str
    experiment: Experiment
    runs: ExperimentRuns
    """Finished runs only."""
    failed: int

    def incumbents(self, column: str) -> Ragged:
        """Return a trajectory column at each run's incumbents, or `valid/NAME`, `test/NAME`."""
        values = self.runs.lists(column)
        return values if "/" in column else values.at(self.runs.lists("incumbents"))

    def final(self, column: str) -> NDArray[np.float64]:
        """Return a column at the final incumbent, shape (runs,)."""
        return np.asarray(self.incumbents(column).last(), dtype=np.float64)

    def when(self, clock: str) -> Ragged:
        """Return when each run's incumbents were finished, on clock `seconds` or `evaluations`."""
        steps = self.runs.lists("incumbents")
        if clock == "evaluations":
            return Ragged(steps.values.astype(np.float64) + 1, steps.offsets)
        return self.runs.lists("seconds").each(np.cumsum).at(steps)


@dataclass(frozen=True)
class Group:
    """Contenders of one task with equal numbers of seeds, and what had to be done for that."""

    task: Task
    contenders: tuple[Contender, ...]
    notes: tuple[str, ...]


def group(found: Sequence[ExperimentRuns], *, merge: bool = False) -> list[Group]:
    """Put experiments into blocks; with `merge` into one, or `CannotCompare` says why not."""
    unique = _unite(found)
    tasks = list(dict.fromkeys(one.experiment.task for one in unique))
    if merge and len(tasks) > 1:
        raise CannotCompare(
            f"runs of {len(tasks)} tasks cannot share a table: they differ in "
            f"{'; '.join(differences(tasks))}. Leave --merge away for a block of each"
        )
    groups = []
    for task in tasks:
        same = [one for one in unique if one.experiment.task == task]
        parts = _equal_seeds(same)
        if merge and len(parts) > 1:
            counts = " vs ".join(str(len(part[0])) for part, _ in parts)
            raise CannotCompare(
                f"rows with {counts} seeds and none in common cannot share a table: "
                "run the missing seeds, or leave --merge away for a block of each"
            )
        groups += [_group(task, part, notes) for part, notes in parts]
    return groups


def _unite(found: Sequence[ExperimentRuns]) -> list[ExperimentRuns]:
    """Join what is stored of one experiment in several folders; a seed counts once."""
    by_key: dict[str, list[ExperimentRuns]] = {}
    for one in found:
        if len(one):
            by_key.setdefault(repr(one.experiment.to_json()), []).append(one)
    return [
        replace(parts[0], table=one_per_seed([part.table for part in parts]))
        for parts in by_key.values()
    ]


_Part = tuple[list[ExperimentRuns], list[str]]


def _equal_seeds(rows: list[ExperimentRuns]) -> list[_Part]:
    """Cut rows to equal numbers of seeds; several parts where that cannot be done."""
    counts = sorted({len(row) for row in rows})
    if len(counts) == 1:
        return [(rows, [])]
    common: NDArray[Any] = reduce(np.intersect1d, [row.seeds for row in rows])
    if len(common):
        note = (
            f"rows have {counts[0]} to {counts[-1]} seeds: compared over the "
            f"{len(common)} that all of them have"
        )
        return [([row.select(np.isin(row.seeds, common)) for row in rows], [note])]
    note = "rows of this task have different numbers of seeds and none in common: blocks by n"
    return [([row for row in rows if len(row) == count], [note]) for count in counts]


def _group(task: Task, rows: list[ExperimentRuns], notes: list[str]) -> Group:
    rows = sorted(rows, key=lambda row: _order(row.experiment))
    contenders = []
    for label, row in zip(labels([row.experiment for row in rows]), rows, strict=True):
        failed = int(row.failed.sum())
        contenders.append(Contender(label, row.experiment, row.select(~row.failed), failed))
        if failed:
            notes = [
                *notes,
                f"{label}: {failed} of {len(row)} runs failed; its numbers are over the "
                f"{len(row) - failed} that finished",
            ]
    return Group(task, tuple(contenders), tuple(notes))


def _order(experiment: Experiment) -> tuple[Any, ...]:
    """Return what rows are sorted by: the strategy, then its settings, numbers as numbers."""
    values = [experiment.settings[key] for key in sorted(experiment.settings)]
    ordered = [
        (0, float(value), "") if isinstance(value, int | float) else (1, 0.0, str(value))
        for value in values
    ]
    return experiment.strategy, ordered, experiment.seed

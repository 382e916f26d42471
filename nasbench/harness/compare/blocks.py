"""Group runs into blocks: which runs may be compared in one table, and over which seeds.

A block holds the experiments whose whole `Task` is equal: table, signal, protocol, repeats,
budget, final schedule and reported data sets. One-shot experiments that have the same judge join
the block. They have another budget and another clock than the other rows, so that only final
values and costs are compared between the two kinds.

Inside a block every row has the same number of seeds. Where the numbers differ, rows are cut to
the seeds they have in common if these are at least half of the seeds of the largest row, and a
note says so. Otherwise rows with fewer seeds form a block of their own, and a note says which
seeds to run to compare them: a pilot of two seeds does not shrink a comparison of 200.

Failed runs count as seeds that were asked for and are never replaced by other seeds. Their seeds
are not removed from the other rows either: this would change nothing but n, since runs on a table
share nothing through equal seeds. A row's statistics are over its `n` finished runs. The failed
runs are counted in `failed` and named in a note, because a strategy that fails where it would
have done badly looks better than it is.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import reduce
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasbench.errors import CannotCompare
from nasbench.harness.compare.appearance import USUAL, Appearance
from nasbench.harness.compare.comparison import Block
from nasbench.harness.compare.contender import Contender
from nasbench.harness.compare.labels import differences, labels, unusual_settings
from nasbench.harness.results.runs import ExperimentRuns
from nasbench.harness.results.store import one_per_seed
from nasbench.harness.results.waiting import told
from nasbench.harness.search.experiment import Experiment
from nasbench.harness.search.seeds import ranges
from nasbench.harness.search.task import Task

_COVERED = {2: 50, 3: 74, 4: 88, 5: 92}
"""Coverage (%) of the 95 % bootstrap interval of a mean of normal values, by number of runs.

With more runs it is 93 % or more."""


def group(
    found: Sequence[ExperimentRuns],
    *,
    merge: bool = False,
    common: bool = False,
    appearance: Appearance = USUAL,
) -> list[Block]:
    """Group experiments into blocks that have no numbers yet; with `merge` into a single block.

    With `common`, the rows of a task are compared over the seeds that all of them have, however few
    these are. Raises `CannotCompare` where `merge` or `common` is not possible, saying why, and for
    runs on seeds or data that their settings were tuned on.
    """
    unique = unite(found)
    _refuse_tuned(unique)
    tasks = _leading(dict.fromkeys(one.experiment.task for one in unique))
    if merge and len(tasks) > 1:
        raise CannotCompare(
            f"runs of {len(tasks)} tasks cannot share a table: they differ in "
            f"{'; '.join(differences(tasks))}. Leave --merge away for a block of each"
        )
    groups = []
    for task in tasks:
        same = [one for one in unique if _belongs(one.experiment.task, task)]
        parts = [same] if common else _equal_seeds(same)
        if merge and len(parts) > 1:
            counts = " vs ".join(str(len(part[0])) for part in parts)
            raise CannotCompare(
                f"rows with {counts} seeds have too few in common to share a table: "
                f"{_to_run(parts)}, or leave --merge away for a block of each"
            )
        apart = [_apart(parts)] if len(parts) > 1 else []
        groups += [_group(_leads(task, part), *_cut(part), apart, appearance) for part in parts]
    return groups


def labelled(found: Sequence[ExperimentRuns]) -> list[tuple[str, ExperimentRuns]]:
    """Return experiments, each with its label in a comparison of all of them."""
    unique = unite(found)
    taken: dict[int, str] = {}
    for task in _leading(dict.fromkeys(one.experiment.task for one in unique)):
        for part in _equal_seeds([one for one in unique if _belongs(one.experiment.task, task)]):
            for label, row in zip(labels(part), part, strict=True):
                taken.setdefault(id(row), label)
    return [(taken[id(row)], row) for row in unique]


def belongs(task: Task, block: Block) -> bool:
    """Return whether a row with a task could stand in a block."""
    return _belongs(task, block.task)


def _refuse_tuned(found: Sequence[ExperimentRuns]) -> None:
    """Raise `CannotCompare` for runs on seeds or data that their settings were tuned on."""
    for one in found:
        if one.tuning is None:
            continue
        experiment = one.experiment
        task, seeds = experiment.task, set(one.seeds.tolist())
        reason = one.tuning.forbids(task.query.dataset, task.content, experiment.seed, seeds)
        if reason:
            raise CannotCompare(f"{experiment.strategy} ({one.label}): {reason}")


def _leading(tasks: Iterable[Task]) -> list[Task]:
    """Return one task per block.

    Every task without shared weights makes a block. One-shot tasks make a block only where none of
    those has the same judge: then the first one-shot task of each judge stands for the block.
    """
    asked = [task for task in tasks if not task.shared]
    judges = {task.judged_by for task in asked}
    alone: dict[object, Task] = {}
    for task in tasks:
        if task.shared and task.judged_by not in judges:
            alone.setdefault(task.judged_by, task)
    return [*asked, *alone.values()]


def _leads(task: Task, rows: Sequence[ExperimentRuns]) -> Task:
    """Return the task that stands for rows of a block: a one-shot one where all of them are."""
    own = [one.experiment.task for one in rows]
    return own[0] if all(one.shared for one in own) else task


def _belongs(task: Task, leading: Task) -> bool:
    return task == leading or (task.shared and task.judged_by == leading.judged_by)


def unite(found: Sequence[ExperimentRuns]) -> list[ExperimentRuns]:
    """Join the runs of one experiment that are stored in several folders; a seed counts once."""
    by_key: dict[str, list[ExperimentRuns]] = {}
    for one in found:
        if len(one):
            by_key.setdefault(repr(one.experiment.to_json()), []).append(one)
    return [parts[0] if len(parts) == 1 else _united(parts) for parts in by_key.values()]


def _united(parts: Sequence[ExperimentRuns]) -> ExperimentRuns:
    described: dict[str, Any] = {}
    for part in parts:  # what the first says of itself goes first
        described = {**part.description, **described}
    return replace(
        parts[0],
        table=one_per_seed([part.table for part in parts]),
        description=described,
        display=next((part.display for part in parts if part.display), ""),
    )


def _equal_seeds(rows: list[ExperimentRuns]) -> list[list[ExperimentRuns]]:
    """Divide rows into parts that can each be cut to equal numbers of seeds.

    The part with most seeds comes first. Rows with equally many seeds stay together, even if
    their seeds differ.
    """
    left = sorted(rows, key=len, reverse=True)
    parts = []
    while left:
        part: list[ExperimentRuns] = []
        for _, same in groupby(left, key=len):
            joined = [*part, *same]
            if not part or 2 * len(_common(joined)) >= len(part[0]):
                part = joined
        parts.append(part)
        left = [row for row in left if not any(row is one for one in part)]
    return parts


def _cut(rows: list[ExperimentRuns]) -> tuple[list[ExperimentRuns], list[str]]:
    """Return rows cut to equal numbers of seeds, and notes on what was cut."""
    counts = sorted({len(row) for row in rows})
    if len(counts) == 1:
        alike = len({tuple(row.seeds.tolist()) for row in rows}) == 1
        return rows, [] if alike else [f"rows have {counts[0]} seeds each, not the same ones"]
    common = _common(rows)
    if not len(common):
        raise CannotCompare("the rows of a task have no seed in common: choose rows or other seeds")
    note = (
        f"rows have {counts[0]} to {counts[-1]} seeds: compared over the "
        f"{len(common)} that all of them have"
    )
    return [row.select(np.isin(row.seeds, common)) for row in rows], [note]


def _common(rows: Sequence[ExperimentRuns]) -> NDArray[Any]:
    seeds: NDArray[Any] = reduce(np.intersect1d, [row.seeds for row in rows])
    return seeds


def _apart(parts: Sequence[Sequence[ExperimentRuns]]) -> str:
    """Return the note on why rows of one task are in separate blocks, and how to compare them."""
    counts = " and ".join(str(len(part[0])) for part in parts)
    return (
        f"rows of this task with {counts} seeds have too few in common: "
        f"blocks of their own. To compare them, {_to_run(parts)}"
    )


def _to_run(parts: Sequence[Sequence[ExperimentRuns]]) -> str:
    """Return, as text, which seeds to run: those that the rows of the smaller parts lack."""
    wanted = _common(parts[0]) if len(_common(parts[0])) else parts[0][0].seeds
    rows = [row for part in parts for row in part]
    lacking = [
        f"{ranges(missing.tolist())} of {label}"
        for label, row in zip(labels(rows), rows, strict=True)
        if not any(row is one for one in parts[0])
        and len(missing := np.setdiff1d(wanted, row.seeds))
    ]
    return f"run seeds {'; '.join(lacking)}"


def _group(
    task: Task,
    rows: list[ExperimentRuns],
    cut: list[str],
    apart: list[str],
    appearance: Appearance,
) -> Block:
    rows = sorted(rows, key=lambda row: _order(row.experiment))
    names = appearance.labels_of(rows)
    order = appearance.ordered(names, rows)
    rows, names = [rows[place] for place in order], [names[place] for place in order]
    named = tuple(_named(names, rows))
    notes = [*named, *apart, *cut, *_sharing(names, rows), *_unusual(names, rows)]
    contenders = []
    for label, row in zip(names, rows, strict=True):
        failed = int(row.failed.sum())
        colour, line = appearance.colour(label, row), appearance.line(label, row)
        good = row.select(~row.failed) if failed else row
        contenders.append(Contender(label, row.experiment, good, failed, 1.0, colour, line))
        if failed:
            notes = [
                *notes,
                f"{label}: {failed} of {len(row)} runs failed; its numbers are over the "
                f"{len(row) - failed} that finished{_luckier(task)}",
            ]
    return Block(task, tuple(contenders), (*notes, *_waited(contenders), *_few(rows)), chosen=named)


def _luckier(task: Task) -> str:
    """Return what failed runs mean for a row under constraints; empty without any."""
    if not task.constraints:
        return ""
    return (
        ": a run fails if it evaluates nothing that meets the constraints, so means and tests are "
        "of the runs that found an answer, and say nothing of how often a search finds one"
    )


def _named(names: Sequence[str], rows: Sequence[ExperimentRuns]) -> Iterator[str]:
    """Yield a note on rows that a user named, so that a name cannot hide what was run."""
    usual = labels([replace(row, display="") for row in rows])
    told = [f"{new} is {old}" for new, old in zip(names, usual, strict=True) if new != old]
    if told:
        yield f"names: {', '.join(told)}"


def _unusual(names: Sequence[str], rows: Sequence[ExperimentRuns]) -> Iterator[str]:
    """Yield a note on settings that are not the default and that no label says."""
    told, usual = [], labels([replace(row, display="") for row in rows])
    for label, row in zip(names, rows, strict=True):
        said = set(re.split(r"[(),] *", label)) if label in usual else set()
        settings = [one for one in unusual_settings(row) if one not in said]
        if settings:
            told.append(f"{label} {', '.join(settings)}")
    if told:
        yield f"settings other than the default: {'; '.join(told)}"


def _sharing(names: Sequence[str], rows: Sequence[ExperimentRuns]) -> Iterator[str]:
    """Yield a note on rows of one search with several budgets: equal seeds share random draws."""
    by_search: dict[str, list[str]] = {}
    for label, row in zip(names, rows, strict=True):
        one = row.experiment
        key = repr((one.strategy, sorted(one.settings.items()), one.seed))
        by_search.setdefault(key, []).append(label)
    for same in by_search.values():
        if len(same) > 1:
            yield (
                f"{' and '.join(same)} are one search: equal seeds share draws, which tests "
                "between these rows do not use"
            )


def _waited(contenders: Sequence[Contender]) -> Iterator[str]:
    """Yield a note for each row with runs that a busy machine made wait."""
    for one in contenders:
        late = one.runs.waited
        if late.any():
            wall, cpu = one.runs.column("wall_seconds")[late], one.runs.cpu_seconds[late]
            yield (
                f"{one.label}: {int(late.sum())} of {len(late)} runs waited for a busy machine "
                f"({told(wall, cpu)}): its real seconds are too many"
            )


def _few(rows: Sequence[ExperimentRuns]) -> Iterator[str]:
    """Yield a note where rows have so few runs that bootstrap intervals are too narrow."""
    counts = [int((~row.failed).sum()) for row in rows]
    least = min((count for count in counts if count in _COVERED), default=None)
    if least is not None:
        yield (
            f"95 % intervals over {least} runs cover about {_COVERED[least]} % of normal samples' "
            "means: run more seeds"
        )


def _order(experiment: Experiment) -> tuple[Any, ...]:
    """Return the sort key of rows: strategy, settings in numerical order, experiment seed."""
    values = [experiment.settings[key] for key in sorted(experiment.settings)]
    ordered = [
        (0, float(value), "") if isinstance(value, int | float) else (1, 0.0, str(value))
        for value in values
    ]
    return experiment.strategy, ordered, experiment.seed

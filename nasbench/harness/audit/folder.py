"""Checks that the experiments of a results folder are comparable and complete."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nasbench.benchmarks.catalogue import load_table
from nasbench.benchmarks.joins import joined_costs, metric_of
from nasbench.benchmarks.tables.objectives import find_objective
from nasbench.benchmarks.tables.table import Table
from nasbench.errors import InvalidInput, NasbenchError
from nasbench.files import sha256_of
from nasbench.harness.audit.findings import Finding
from nasbench.harness.audit.origin import made_here
from nasbench.harness.compare.labels import labels
from nasbench.harness.results.runs import ExperimentRuns
from nasbench.harness.results.store import ExperimentFolder, folder_name
from nasbench.harness.search.copies import copy_name
from nasbench.harness.search.experiment import ENTROPY_RULE, entropy_of
from nasbench.harness.search.opening import open_benchmark, open_judge
from nasbench.harness.search.shared import can_be_validated
from nasbench.harness.search.task import Kind, Task
from nasbench.problem import ACCURACY

FAILED = 0.1
"""Share of failed runs above which the finished runs say little about the strategy.

Under constraints a run fails if it evaluates nothing that meets them, which is no fault."""
_PARTS = 2
"""Most gaps between seeds that are normal, as a user may run several ranges of seeds."""


def check_task(task: Task) -> Iterator[Finding]:
    """Check that a task's table is the installed one, and has what the task asks for."""
    looked_up = task.shared and task.kind is Kind.TABLE and can_be_validated(task.objectives)
    if task.trains and task.objectives != (ACCURACY,) and not looked_up:
        what = "what is trained is judged by its accuracy, and the runs say something else"
        yield Finding("table", task.benchmark, what)
        return
    if task.kind is not Kind.TABLE:
        return
    try:
        table = load_table(task.reference.name)
    except NasbenchError as error:
        yield Finding("table", task.benchmark, str(error))
        return
    if table.hash != task.content:
        yield Finding(
            "table", task.benchmark,
            f"runs were made with table {task.content[:8]}, installed is {table.hash[:8]}",
        )  # fmt: skip
        return
    try:
        what = _differs(task, table)
        if not what:
            open_judge(task) if task.shared else open_benchmark(task)
    except NasbenchError as error:
        what = f"cannot have answered: {error}"
    if what:
        yield Finding("table", task.benchmark, what)


def _differs(task: Task, table: Table) -> str:
    """Return what a task says of its table that is not so; empty without a difference.

    Raises `NasbenchError` for an objective that its table lacks, and where another table that one
    is read from is not installed or has another hash.
    """
    if table.info.space != task.space:
        return f"it is of space {table.info.space}, the runs say {task.space}"
    timed = task.shared or table.search.has_seconds(task.query.dataset)
    if (task.timed, task.has_test) != (timed, table.has_test):
        return "the runs say something else than the table of its seconds or of its test values"
    joined = {one.objective: one for one in task.joins}
    joined_costs(task.joins, table)
    told = (*task.objectives, *(one.metric for one in task.constraints))
    known = tuple(
        metric_of(joined[one.name])
        if one.name in joined
        else find_objective(table, one.name, task.query.dataset)
        for one in told
    )
    if known != told:
        named = "objectives or constraints" if task.constraints else "objectives"
        return f"{named} have other directions, units or bounds than the table's metrics"
    return ""


def _check_copies(folder: ExperimentFolder) -> Iterator[Finding]:
    """Check that copies of the files that settings name are there, and as they were."""
    files: Any = folder.description.get("files", {})
    for setting, digest in files.items() if isinstance(files, dict) else ():
        expected = str(folder.experiment.settings.get(digest, ""))
        copy = folder.path / copy_name(setting, expected)
        if not copy.is_file():
            yield Finding("files", folder.label, f"its copy of the {setting}, {copy.name}, is gone")
        elif sha256_of(copy) != expected:
            what = f"its copy of the {setting}, {copy.name}, was changed"
            yield Finding("files", folder.label, what)


def check_experiment(folder: ExperimentFolder) -> Iterator[Finding]:
    """Check that an experiment's entropy, its folder's name and copies belong to its settings."""
    yield from _check_copies(folder)
    experiment = folder.experiment
    defaults = folder.description.get("defaults")
    if isinstance(defaults, dict):
        known = {**experiment.settings, **defaults}  # newer settings count as their defaults
        rule, strategy = experiment.entropy_rule, experiment.strategy
        files: Any = folder.description.get("files", {})  # paths and digests, which draw nothing
        apart = {*files, *files.values()} if isinstance(files, dict) else set()
        settings = {name: value for name, value in experiment.settings.items() if name not in apart}
        try:
            expected = entropy_of(
                rule, experiment.task, strategy, settings, known, experiment.proxies
            )
        except InvalidInput as error:
            yield Finding("randomness", folder.label, str(error))
        else:
            if rule != ENTROPY_RULE and made_here(folder.provenance):
                what = f"drew by entropy rule {rule}, and this nasbench draws by {ENTROPY_RULE}"
                yield Finding("randomness", folder.label, what)
            if experiment.entropy != expected:
                what = "its entropy is not that of its identity: runs drew other numbers"
                yield Finding("randomness", folder.label, what)
    else:
        what = "does not say the defaults of its settings: its entropy cannot be derived"
        yield Finding("randomness", folder.label, what)
    named = folder.path.name == f"{folder_name(experiment, 'x').name}"
    usual = folder_name(experiment, None)
    if not named and Path(folder.label) != usual:
        yield Finding(
            "experiment", folder.label,
            f"its settings belong into a folder called '{usual}': they were changed",
        )  # fmt: skip


def check_seeds(found: Sequence[ExperimentRuns]) -> Iterator[Finding]:
    """Check that rows of one task have the same seeds, without gaps and without failed runs."""
    by_task: dict[Task, list[ExperimentRuns]] = defaultdict(list)
    for one in found:
        by_task[one.experiment.task].append(one)
        seeds = one.seeds
        gaps = np.flatnonzero(np.diff(seeds) > 1)  # seeds may be far apart: count them
        if len(gaps):
            missing = int(seeds[-1]) - int(seeds[0]) + 1 - len(seeds)
            yield Finding(
                "seeds", one.label,
                f"{missing} seeds are missing between its first and its last, such as "
                f"{int(seeds[gaps[0]]) + 1}: were runs left out?",
                fault=missing <= len(seeds) or len(gaps) > _PARTS,
            )  # fmt: skip
        failed = int(one.failed.sum())
        if failed:
            yield Finding(
                "failed", one.label, f"{failed} of {len(one)} runs failed",
                fault=failed > FAILED * len(one) and not one.experiment.task.constraints,
            )  # fmt: skip
    for rows in by_task.values():
        if len({tuple(one.seeds.tolist()) for one in rows}) > 1:
            names = ", ".join(
                f"{label} {len(one)}" for label, one in zip(labels(rows), rows, strict=True)
            )
            yield Finding("seeds", rows[0].label, f"rows of one task have other seeds: {names}")


def check_tuning(found: Sequence[ExperimentRuns]) -> Iterator[Finding]:
    """Check that no row is reported on seeds or data on which settings were tuned."""
    records = [one.tuning for one in found if one.tuning is not None]
    for one in found:
        task, experiment = one.experiment.task, one.experiment
        for record in records:
            if record.strategy != experiment.strategy:
                continue
            reason = record.forbids(
                task.query.dataset, task.content, experiment.seed, set(one.seeds.tolist())
            )
            if reason:
                yield Finding("tuning", one.label, reason)
                break

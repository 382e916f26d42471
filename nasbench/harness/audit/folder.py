"""Is what stands side by side in a results folder comparable, and complete?"""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from nasbench.benchmarks.catalogue import load_table
from nasbench.benchmarks.protocols import Protocol, protocols
from nasbench.errors import NasbenchError
from nasbench.files import readable
from nasbench.harness.audit.findings import Finding
from nasbench.harness.choice import OWN, own_protocol
from nasbench.harness.compare.labels import labels
from nasbench.harness.experiment import Task, entropy_of, open_benchmark, open_judge
from nasbench.harness.results import ExperimentRuns, Results
from nasbench.harness.store import ExperimentFolder, folder_name
from nasbench.harness.trained import is_trained

FAILED = 0.1
"""Share of failed runs above which those that finished say little of the strategy."""
_PARTS = 2
"""Gaps between ranges of seeds that somebody may have run one after the other."""


def check_task(task: Task) -> Iterator[Finding]:
    """See that the table of a task is the one that is installed, and has what the task asks."""
    if is_trained(task.benchmark):
        return
    try:
        table = load_table(task.benchmark)
    except NasbenchError as error:
        yield Finding("table", task.benchmark, str(error))
        return
    if table.hash != task.table:
        yield Finding(
            "table", task.benchmark,
            f"runs were made with table {task.table[:8]}, installed is {table.hash[:8]}",
        )  # fmt: skip
        return
    try:
        open_judge(task) if task.shared else open_benchmark(task)
    except NasbenchError as error:
        yield Finding("table", task.benchmark, f"cannot have answered: {error}")


def check_experiment(folder: ExperimentFolder) -> Iterator[Finding]:
    """See that an experiment is what its name, its protocol and its randomness say."""
    experiment, task = folder.experiment, folder.experiment.task
    defaults = folder.description.get("defaults")
    if isinstance(defaults, dict):
        known = {**experiment.settings, **defaults}  # settings that came later are their own
        if experiment.entropy != entropy_of(experiment.strategy, experiment.settings, known):
            yield Finding(
                "randomness", folder.label,
                "its entropy is not that of its strategy and settings: runs drew other numbers",
            )  # fmt: skip
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
    yield from _protocol(folder.label, task)


def _protocol(label: str, task: Task) -> Iterator[Finding]:
    """Name what a task changes of the published protocol that it is called after."""
    if is_trained(task.benchmark) or task.shared:
        return
    usual = protocols().get(task.protocol) or _made(task)
    if usual is None:
        what = f"'{task.protocol}' is no published protocol: what it says is its own"
        yield Finding("protocol", label, what, fault=False)
        return
    signal = task.signal
    parts: dict[str, tuple[object, object]] = {
        "schedule": (signal.schedule, usual.schedule),
        "epochs": (signal.epochs, usual.epochs),
        "trials": (signal.trials, usual.trials),
        "repeats": (task.repeats, usual.repeats),
        "final schedule": (task.final_schedule, usual.final_schedule),
        "reports": (task.reports, usual.reports.get(signal.dataset)),
        "budget": (str(task.budget), f"{usual.seconds.get(signal.dataset, 0):g}s"),
    }
    for name, (there, published) in parts.items():
        if there != published:
            yield Finding(
                "protocol", label, f"{name} is {there}, in {task.protocol} {published}",
                fault=name in ("schedule", "epochs", "final schedule"),
            )  # fmt: skip


def _made(task: Task) -> Protocol | None:
    """Return the protocol that is made of a task's table, if the task says it has that."""
    if task.protocol != OWN:
        return None
    try:
        return own_protocol(load_table(task.benchmark), task.signal.dataset)
    except (NasbenchError, ValueError):  # not installed, or without that data set
        return None


def check_files(folders: Sequence[ExperimentFolder]) -> Iterator[Finding]:
    """See that no seed of an experiment was stored twice with different results."""
    columns = ["seed", "error", "architecture", "accuracy", "incumbents"]
    by_seed: dict[tuple[str, int], str] = {}
    for folder in folders:
        digest = folder.experiment.digest()
        for path in sorted(folder.path.glob("runs-*.parquet")):
            for row in pq.ParquetFile(readable(path)).read(columns).to_pylist():
                seed, error = row.pop("seed"), row.pop("error")
                if not error and by_seed.setdefault((digest, seed), repr(row)) != repr(row):
                    yield Finding("twice", folder.label, f"seed {seed} is stored with two results")


def check_seeds(found: Sequence[ExperimentRuns]) -> Iterator[Finding]:
    """See that rows of one task have the same seeds, all of a range, and none that failed."""
    by_task: dict[Task, list[ExperimentRuns]] = defaultdict(list)
    for one in found:
        by_task[one.experiment.task].append(one)
        seeds = one.seeds
        missing = np.setdiff1d(np.arange(seeds[0], seeds[-1] + 1), seeds) if len(seeds) else seeds
        if len(missing):
            yield Finding(
                "seeds", one.label,
                f"{len(missing)} seeds are missing between its first and its last, such as "
                f"{missing[0]}: were runs left out?",
                fault=len(missing) <= len(seeds) or int((np.diff(seeds) > 1).sum()) > _PARTS,
            )  # fmt: skip
        failed = int(one.failed.sum())
        if failed:
            yield Finding(
                "failed", one.label, f"{failed} of {len(one)} runs failed",
                fault=failed > FAILED * len(one),
            )  # fmt: skip
    for rows in by_task.values():
        if len({tuple(one.seeds.tolist()) for one in rows}) > 1:
            names = ", ".join(
                f"{label} {len(one)}" for label, one in zip(labels(rows), rows, strict=True)
            )
            yield Finding("seeds", rows[0].label, f"rows of one task have other seeds: {names}")


def check_tuning(found: Sequence[ExperimentRuns]) -> Iterator[Finding]:
    """See that no row is reported on what any row's settings were tuned on."""
    records = [one.tuning for one in found if one.tuning is not None]
    for one in found:
        task, experiment = one.experiment.task, one.experiment
        for record in records:
            if record.strategy != experiment.strategy:
                continue
            reason = record.forbids(
                task.signal.dataset, task.table, experiment.seed, set(one.seeds.tolist())
            )
            if reason:
                yield Finding("tuning", one.label, reason)
                break


def check_provenance(results: Results) -> Iterator[Finding]:
    """See that all runs come from the same code, and name other differences."""
    versions: dict[str, dict[str, str]] = defaultdict(dict)
    for file in sorted(results.folder.rglob("runs-*.parquet")):
        stored = pq.read_schema(readable(file)).metadata or {}
        made = json.loads(stored.get(b"nasbench", b"{}"))
        where = file.parent.relative_to(results.folder).as_posix()
        for name, value in _traits(made).items():
            versions[name].setdefault(value, where)
    for one in results.experiments:
        for name in one.processors:
            versions["processor"].setdefault(name, one.label)
    for name, places in versions.items():
        if len(places) > 1:
            said = "; ".join(f"{value} in {where}" for value, where in places.items())
            yield Finding(
                "code" if name in ("nasbench", "commit") else "environment",
                results.folder.name, f"runs differ in {name}: {said}",
                fault=name in ("nasbench", "commit"),
            )  # fmt: skip
    for value, where in versions["commit"].items():
        if value.endswith("-dirty"):
            yield Finding("code", where, f"made from changed sources ({value[:12]})", fault=False)


def _traits(made: Mapping[str, Any]) -> dict[str, str]:
    """Return what could make the same run differ."""
    libraries = made.get("libraries") or {}
    return {
        **{name: str(made.get(name)) for name in ("nasbench", "commit", "python", "platform")},
        **{name: str(libraries.get(name)) for name in ("numpy", "torch")},
    }

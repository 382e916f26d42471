"""Everything that is stored of one experiment, as a person reads it."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nasbench.harness.compare.blocks import unite
from nasbench.harness.compare.labels import describe
from nasbench.harness.results.best import BestRun, best_run
from nasbench.harness.results.inventory import StoredExperiment, inventory
from nasbench.harness.results.load import Fault, read_experiment
from nasbench.harness.results.runs import ExperimentRuns
from nasbench.harness.results.store import Damaged

_TITLES = {"evaluations": "evaluations", "shared_epochs": "epochs of shared weights"}
_PRINTED = 3
"""Most lines that are shown of what runs printed."""

Pair = tuple[str, str]
"""What is said, and its value."""


@dataclass(frozen=True)
class Details:
    """One experiment: what was asked, what was made, where, and its best run."""

    stored: StoredExperiment
    described: tuple[Pair, ...]
    """Strategy, settings and task."""
    totals: tuple[Pair, ...]
    """Costs, summed over the runs that finished."""
    failures: Mapping[int, str]
    """The last line of the error of each seed of which no run finished."""
    provenance: tuple[Pair, ...]
    best: BestRun | None
    """The best run by validation, see `best_run`."""
    no_best: str
    """Why there is no best run; empty where there is one."""
    metric: str
    faults: tuple[Fault, ...] = ()


def details(folder: str | Path, experiment: str) -> Details:
    """Read one experiment of a results folder; `experiment` is as for `Inventory.find`.

    Damaged files are left out and named in `faults`. Raises `InvalidInput` where no experiment has
    the name, `StoreError` where `folder` is no folder.
    """
    found = inventory(folder)
    stored, _ = found.find(experiment)
    left_out: list[Damaged] = []
    parts = [read_experiment(one, left_out) for one in stored.folders]
    runs = next(iter(unite(parts)), parts[0])
    best = best_run(runs)
    several = len(runs.experiment.task.objectives) > 1
    why = "the answer of several objectives is a set" if several else "no run finished"
    return Details(
        stored,
        tuple(_described(stored)),
        tuple(_totals(runs)),
        _failures(runs),
        tuple(_provenance(stored, runs)),
        best,
        "" if best else why,
        runs.metric.title,
        tuple(one for one in found.faults if _of(one, stored)),
    )


def _of(fault: Fault, stored: StoredExperiment) -> bool:
    return any(fault.where.startswith(f"{name}/") for name in stored.names)


def _described(stored: StoredExperiment) -> Iterator[Pair]:
    experiment, description = stored.experiment, stored.folders[0].description
    yield "strategy", experiment.strategy
    for name in ("family", "reference"):
        if description.get(name):
            yield name, str(description[name])
    changed = stored.settings()
    for name, value in stored.settings(every=True).items():
        usual = stored.defaults.get(name)
        note = "default" if name not in changed else f"default {usual}"
        yield f"  {name}", f"{value}  ({note if name in stored.defaults else 'default unknown'})"
    yield "experiment seed", str(experiment.seed)
    yield "task", describe(experiment.task)
    yield "reports", ", ".join(experiment.task.reports)
    if experiment.proxies is not None:
        use = experiment.proxies
        charged = "not charged" if use.factor is None else f"charged {use.factor:g} s a second"
        yield "proxies", f"{', '.join(use.names)}, scores {use.content[:8]}, {charged}"
    tuning = description.get("tuning")
    if isinstance(tuning, dict):
        yield "tuned", json.dumps(tuning)


def _totals(runs: ExperimentRuns) -> Iterator[Pair]:
    finished = runs.select(~runs.failed)
    count = runs.experiment.task.count
    clock = "s, real ones" if runs.experiment.task.trains else "s on the table's clock"
    for name, column, unit in (
        (_TITLES[count], count, ""), ("epochs", "training_epochs", ""),
        ("clock", "clock_seconds", clock), ("optimiser", "optimiser_seconds", "s"),
        ("wall", "wall_seconds", "s"),
    ):  # fmt: skip
        if name == "clock" and not runs.experiment.task.timed:
            yield name, "none: the table has no seconds of its trainings"
            continue
        total = float(np.sum(finished.column(column)))
        number = f"{total:,.0f}" if not unit else f"{total:,.3f} {unit}"
        yield name, f"{number} in all finished runs"
    if runs.experiment.proxies is not None:
        scored, took = (float(np.sum(finished.column(n))) for n in ("scores", "score_seconds"))
        yield "scores", f"{scored:,.0f} of proxies, which took {took:,.3f} s to measure"


def _failures(runs: ExperimentRuns) -> dict[int, str]:
    pairs = zip(runs.seeds.tolist(), runs.table["error"].to_pylist(), strict=True)
    return {seed: error.strip().splitlines()[-1] for seed, error in pairs if error.strip()}


def _printed(runs: ExperimentRuns) -> Iterator[str]:
    """Return the last line that each run printed, of the runs that printed anything."""
    stored = runs.table["log"].to_pylist() if "log" in runs.table.column_names else []
    for log in stored:  # an earlier version stored none
        if log and log.strip():
            yield log.strip().splitlines()[-1]


def _provenance(stored: StoredExperiment, runs: ExperimentRuns) -> Iterator[Pair]:
    made: Mapping[str, Any] = stored.folders[0].provenance
    for name in ("nasbench", "commit", "python", "platform"):
        yield name, str(made.get(name))
    yield "processors", ", ".join(runs.processors)
    for place in runs.places:
        yield "trained on", f"{place.device}, {place.threads} threads"
    for text, count in Counter(_printed(runs)).most_common(_PRINTED):
        yield "printed", f"{text}  ({count} run{'s' * (count > 1)})"
    libraries = made.get("libraries") or {}
    yield "libraries", ", ".join(f"{name} {version}" for name, version in libraries.items())
    command = made.get("command")
    if isinstance(command, list):
        yield "command", " ".join(command)
    yield "experiment", stored.experiment.digest()

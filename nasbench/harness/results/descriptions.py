"""Checks of what is stored beside runs as JSON: an experiment, its strategy and provenance."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from nasbench.benchmarks.tables.objectives import names_cost
from nasbench.harness.execution.tuning import Tuning
from nasbench.harness.results.checked_rows import TOO_MUCH, Misfit
from nasbench.harness.search.experiment import Experiment
from nasbench.harness.search.task import Task
from nasbench.limits import SIMULATED_WORKERS
from nasbench.problem import Metric
from nasbench.rules import REPEATS, SIGNALS, Selection
from nasbench.spaces import get_space
from nasbench.text import shown


def check_text(values: Any) -> None:
    """Raise `Misfit` where a text of JSON values has half of a surrogate pair, which is no Unicode.

    JSON can hold such a text, but data frames and text files cannot.
    """
    try:
        json.dumps(values, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        around = error.object[max(0, error.start - 20) : error.end]
        raise Misfit(f"the text that ends in {shown(around)} is no Unicode") from error


def check_experiment(experiment: Experiment, about: Any) -> None:
    """Raise an error for an experiment that cannot have been run, or a description of wrong form.

    `about` is what the strategy said of itself, see `ExperimentFolder.description`. Types and
    budgets are not checked here, as pydantic has checked them before.
    """
    task, query = experiment.task, experiment.task.query
    get_space(task.space)  # `InvalidInput` where there is no such space
    for name, value in (
        ("seed", experiment.seed), ("entropy", experiment.entropy),
        ("signal.schedule", query.schedule), ("signal.epochs", query.epochs),
        ("final_schedule", task.final_schedule),
    ):  # fmt: skip
        if not 0 <= value < TOO_MUCH:
            raise Misfit(f"{name} is {str(value)[:40]}")
    for name, one, valid in (
        ("trials", query.signal, SIGNALS), ("repeats", task.repeats, REPEATS)
    ):  # fmt: skip
        if one not in valid:
            raise Misfit(f"{name} is '{one[:40]}', not {' or '.join(valid)}")
    if task.shared == bool(query.epochs):
        raise Misfit(f"signal.epochs is {query.epochs} of a search that shares weights or not")
    if not 1 <= task.simulated_workers <= SIMULATED_WORKERS.most:
        raise Misfit(f"simulated_workers is {str(task.simulated_workers)[:40]}")
    _check_kinds(task)
    if task.shared:
        earlier = {"threads": int, "device": str}  # the place was once two settings
        there = {name: kind for name, kind in earlier.items() if name in experiment.settings}
        _check_types(
            experiment.settings, {"epochs": int, **there}, "setting '{}' of shared weights"
        )
    if not isinstance(about, dict):
        raise Misfit("its strategy is no JSON object")
    texts = dict.fromkeys(("title", "family", "reference", "colour", "bibtex"), str)
    known = {**texts, "defaults": dict, "tuning": dict}
    stored = {name: about[name] for name in known if about.get(name) is not None}
    _check_types(stored, {name: known[name] for name in stored}, "'{}' of its strategy")
    if "tuning" in stored:
        Tuning.read(stored["tuning"])


def _check_kinds(task: Task) -> None:
    """Raise `Misfit` where clock, objectives, selection or reports do not fit together."""
    if not task.timed and (task.budget.seconds is not None or task.simulated_workers > 1):
        raise Misfit("its evaluations take no time, but its budget or its workers need some")
    check_objectives(task.objectives)
    joined = [one.objective for one in task.joins]
    costs = [*task.objectives[1:], *(one.metric for one in task.constraints)]
    names = dict.fromkeys(one.name for one in costs)
    if joined != [name for name in names if name in joined]:
        raise Misfit(
            "it names other tables for what is not among its objectives or constraints, or one "
            "twice"
        )
    bounds = [one.metric.name for one in task.constraints]
    if len(set(bounds)) < len(bounds) or not all(map(names_cost, bounds)):
        raise Misfit("it constrains what is no cost, or one twice")
    if not all(math.isfinite(one.bound) for one in task.constraints):
        raise Misfit("the bound of a constraint is no finite number")
    if (len(task.objectives) > 1) != (task.selection is Selection.FRONT):
        raise Misfit(f"selection is '{task.selection}' for {len(task.objectives)} objectives")
    if not task.reports or len(set(task.reports)) < len(task.reports):
        raise Misfit("it reports no data set, or one twice")


def check_objectives(objectives: Sequence[Metric]) -> None:
    """Raise `Misfit` where metrics cannot be the objectives of a search."""
    names = [one.name for one in objectives]
    if not names or len(set(names)) < len(names):
        raise Misfit("it has no objective, or one twice")
    for one in objectives:
        if not one.name or one.direction not in ("max", "min") or not one.low < one.high:
            raise Misfit(f"objective {shown(one.name)} has no name, direction or range of values")


def _check_types(values: Mapping[str, Any], kinds: Mapping[str, type], what: str) -> None:
    for name, kind in kinds.items():
        if not isinstance(values.get(name), kind):
            raise Misfit(f"{what.format(name)} is missing or of a wrong type")


def check_provenance(about: Any) -> None:
    """Raise `Misfit` where stored provenance does not have the form that `provenance` gives."""
    if not isinstance(about, dict):
        raise Misfit("its provenance is no JSON object")
    for name in ("nasbench", "commit", "python", "platform", "processor"):
        if not isinstance(about.get(name), str | None):
            raise Misfit(f"provenance: '{name}' is no text")
    libraries, command = about.get("libraries") or {}, about.get("command") or []
    if not isinstance(libraries, dict) or not all(
        isinstance(version, str | None) for version in libraries.values()
    ):
        raise Misfit("provenance: 'libraries' are no versions by name")
    if not isinstance(command, list) or not all(isinstance(part, str) for part in command):
        raise Misfit("provenance: 'command' is no list of texts")

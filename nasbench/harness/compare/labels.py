"""Labels of rows and tasks: the strategy, and the settings that distinguish a row from others."""

import re
from collections.abc import Mapping, Sequence

from nasbench.benchmarks.protocols import protocols
from nasbench.harness.results.runs import ExperimentRuns
from nasbench.harness.results.store import flatten
from nasbench.harness.search.experiment import Experiment
from nasbench.harness.search.task import Kind, Task
from nasbench.problem import ACCURACY
from nasbench.rules import Promotion, Selection
from nasbench.text import printable

_DIGITS = 8
_SHA256 = re.compile("[0-9a-f]{64}")
_NONE: Mapping[str, str] = {}


def labels(rows: Sequence[ExperimentRuns]) -> list[str]:
    """Return one label per experiment, distinct within the sequence.

    A label is the display name that a user gave the experiment, or else the strategy's title.
    Brackets hold the settings that differ between the experiments of one strategy. Two strategies
    of one title are told apart by their names. Titles are those stored with the runs: a strategy's
    module is never imported, because a results folder may come from anybody.
    """
    named = []
    experiments = [row.experiment for row in rows]
    names: dict[str, set[str]] = {}
    for row in rows:
        names.setdefault(row.title, set()).add(row.experiment.strategy)
    for one, row in zip(experiments, rows, strict=True):
        if row.display:
            named.append((row.display, list[str]()))
            continue
        same = [other for other in experiments if other.strategy == one.strategy]
        told = [
            f"{key}={_text(value)}"
            for key, value in one.settings.items()
            if any(other.settings.get(key, value) != value for other in same)
        ]
        if any(other.seed != one.seed for other in same):
            told.append(f"experiment seed={one.seed}")
        alike = [other for other in same if other.settings == one.settings]
        if any(_factor(other) != _factor(one) for other in alike):
            told.append(f"proxy seconds={_factor(one)}")
        if any(_scores(other) != _scores(one) for other in alike):
            told.append(f"scores {_scores(one)}")
        if any(other.task.budget != one.task.budget for other in same):
            told.append(f"budget {one.task.budget}")
        alone = len(names[row.title]) == 1
        named.append((row.title if alone else one.strategy, told))
    for twins in _twins(named):
        for place, word in zip(twins, _versions([rows[place] for place in twins]), strict=True):
            named[place][1].append(word)
    return [_joined(name, told) for name, told in named]


def _factor(experiment: Experiment) -> str:
    """Return what the scores of an experiment's proxies cost, `free` where they take no time."""
    use = experiment.proxies
    return "free" if use is None or use.factor is None else f"{use.factor:g}"


def _scores(experiment: Experiment) -> str:
    """Return the first digits of the hash of an experiment's scores; empty if it asks for none."""
    return "" if experiment.proxies is None else experiment.proxies.content[:_DIGITS]


def _joined(name: str, told: Sequence[str]) -> str:
    return printable(f"{name} ({', '.join(told)})" if told else name)


def known_as(label: str, row: ExperimentRuns) -> set[str]:
    """Return the names by which users may call a row: label, title, strategy, and its class.

    The label may also be written with the strategy's name in place of its title.
    """
    strategy = row.experiment.strategy
    found = {label, row.title, strategy, strategy.rpartition(":")[2]} | {row.display} - {""}
    if label.startswith(f"{row.title} ("):
        found.add(strategy + label.removeprefix(row.title))
    return found | set(row.aliases)


def unusual_settings(row: ExperimentRuns) -> list[str]:
    """Return the settings that are not the default that was stored, each as `name=value`."""
    return [
        f"{key}={_text(value)}"
        for key, value in row.experiment.settings.items()
        if key in row.defaults and row.defaults[key] != value
    ]


def _twins(named: Sequence[tuple[str, list[str]]]) -> list[list[int]]:
    """Return the positions of rows that would have the same label, one list per label."""
    places: dict[str, list[int]] = {}
    for place, (name, told) in enumerate(named):
        places.setdefault(_joined(name, told), []).append(place)
    return [twins for twins in places.values() if len(twins) > 1]


def _versions(rows: Sequence[ExperimentRuns]) -> list[str]:
    """Return one text per row that distinguishes rows of equal settings.

    It is the entropy rule or nasbench's version, if all rows differ in it: an earlier version may
    have known fewer settings, or drawn by another rule. Else it is the experiment's digest.
    """
    for words in (
        [f"entropy rule {row.experiment.entropy_rule}" for row in rows],
        [f"nasbench {row.provenance.get('nasbench')}" for row in rows],
    ):
        if len(set(words)) == len(words):
            return words
    return [f"experiment {row.experiment.digest()}" for row in rows]


def describe(task: Task, titles: Mapping[str, str] = _NONE) -> str:
    """Return one line that says what a block's runs share, with the titles of data sets."""
    query = task.query
    parts = [
        f"{task.benchmark}, searched on {titles.get(query.dataset, query.dataset)}",
        *(
            ["shared weights, the answer derived after every epoch"]
            if task.shared
            else [f"protocol {task.protocol}", f"budget {task.budget}", _signal(task)]
        ),
        f"judged after {epochs_text(task.final_schedule)}",
        *(f"answers have {one}" for one in task.constraints),
        *(["repeated architectures free"] if task.repeats == "free" else []),
        *(["the best at the protocol's own fidelity"] if task.selection is Selection.OWN else []),
        *(["trainings are resumed"] if task.promotion is Promotion.RESUME else []),
        *([f"{task.simulated_workers} simulated workers"] if task.simulated_workers > 1 else []),
        f"table {task.content[:_DIGITS]}",
    ]
    return "; ".join(parts)


def _signal(task: Task) -> str:
    query, name = task.query, ", and ".join(one.name for one in task.objectives)
    trial = ", a random training per query" if query.signal == "random" else ""
    after = f"{query.epochs} of {epochs_text(query.schedule)}"
    return f"signal: validation {name} after {after}{trial}"


def distinguishing_parts(task: Task, titles: Mapping[str, str] = _NONE) -> dict[str, str]:
    """Return what distinguishes a task from others with the same protocol name and budget.

    Keys are parts of a folder's name, values parts of a table's footer with the titles of data
    sets. Only what is unusual for
    the protocol is named. A protocol that is not one of the published ones has no usual signal, so
    that its signal is always named, except for a search by training, whose protocol says
    everything.
    """
    query, found = task.query, {}
    usual = protocols().get(task.reference.protocol)
    if task.kind is not Kind.TRAINED:
        if task.shared:
            found["shared"] = "shared weights"
        elif usual is None or (query.schedule, query.epochs) != (usual.schedule, usual.epochs):
            key = f"signal-{query.epochs}of{query.schedule}"
            found[key] = f"signal after {query.epochs} of {epochs_text(query.schedule)}"
        if not task.shared and query.signal != (usual.signal if usual else "mean"):
            words = {"random": "a random training per query", "mean": "the mean of the trainings"}
            found[f"signal-{query.signal}"] = words[query.signal]
        if usual is None or task.final_schedule != usual.final_schedule:
            found[f"final-{task.final_schedule}"] = (
                f"judged after {epochs_text(task.final_schedule)}"
            )
        if usual and task.reports != usual.reports.get(query.dataset):
            named = [titles.get(name, name) for name in task.reports]
            found[f"reports-{_text(task.reports)}"] = f"reports {_text(named)}"
    if task.repeats != (usual.repeats if usual else "charge"):
        found[f"repeats-{task.repeats}"] = f"repeats {task.repeats}"
    found |= _sought(task)
    if task.selection is Selection.OWN:
        found[f"selection-{task.selection}"] = f"selection {task.selection}"
    if task.promotion is not Promotion.RESTART:
        found[f"promotion-{task.promotion}"] = f"promotion {task.promotion}"
    if task.simulated_workers > 1:
        found[f"workers-{task.simulated_workers}"] = f"{task.simulated_workers} simulated workers"
    return found


def _sought(task: Task) -> dict[str, str]:
    """Return the parts of `distinguishing_parts` about objectives and constraints."""
    found = {}
    sources = dict.fromkeys(f"{one.content[:_DIGITS]}-{one.dataset}" for one in task.joins)
    if task.objectives != (ACCURACY,):
        names = [one.name for one in task.objectives]
        found[f"objective-{'-'.join([*names, *sources])}"] = f"objective {' and '.join(names)}"
    for one in task.constraints:
        name = "-".join([f"{one.metric.name}-{one.bound:.12g}", *sources])
        found[f"constraint-{name}"] = str(one)
    return found


def differences(tasks: Sequence[Task]) -> list[str]:
    """Return what differs between tasks, such as `budget.seconds: 12000 vs 20000`."""
    flat = [
        {
            **flatten(task.values()),
            "objectives": [one.name for one in task.objectives],
            "joins": [f"{one.objective} of {one.about}" for one in task.joins],
            "constraints": [str(one) for one in task.constraints],
        }
        for task in tasks
    ]
    found = []
    for key in flat[0]:
        values = list(dict.fromkeys(_text(one[key]) for one in flat))
        if len(values) > 1:
            if key == "table":
                values = [value[:_DIGITS] for value in values]
            found.append(f"{key}: {' vs '.join(values)}")
    return found


def _text(value: object) -> str:
    """Return a value as a label has it; of a file's SHA-256 the first digits, as of a table's."""
    if isinstance(value, float):
        return f"{value:.10g}"
    if isinstance(value, str) and _SHA256.fullmatch(value):
        return value[:_DIGITS]
    if isinstance(value, tuple | list):
        return "+".join(map(str, value))
    return str(value)


def epochs_text(number: int) -> str:
    """Return a number of epochs in words: `1 epoch`, `12 epochs`."""
    return f"{number} epoch{'' if number == 1 else 's'}"

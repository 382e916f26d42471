"""What a record of runs says of its search, and that a replay is of the same one."""

from collections.abc import Mapping
from typing import Any

from nasbench.errors import InvalidInput
from nasbench.harness.search.experiment import Experiment
from nasbench.strategies.base import SearchStrategy
from nasbench.text import shown

_WORDS = {
    "content": "table",
    "dataset": "data set",
    "objectives": "objectives",
    "constraints": "constraints",
    "simulated_workers": "number of simulated workers",
    "experiment_seed": "experiment seed",
}
"""What must be the same, in words. A budget may be another one: a run then ends earlier."""
_DIGITS = 8
"""Digits of a table's hash that are shown."""


def description(experiment: Experiment, strategy: type[SearchStrategy]) -> dict[str, Any]:
    """Return what a record says of its search: the task and the settings without files."""
    task = experiment.task
    return {
        "task": {
            "space": task.space,
            "benchmark": str(task.benchmark),
            "content": task.content,
            "dataset": task.query.dataset,
            "protocol": task.protocol,
            "budget": str(task.budget),
            "objectives": [[one.name, one.direction] for one in task.objectives],
            "constraints": [*map(str, task.constraints)],
            "simulated_workers": task.simulated_workers,
            "experiment_seed": experiment.seed,
        },
        "settings": {
            name: value
            for name, value in experiment.settings.items()
            if name not in {*strategy.files, *strategy.files.values()}
        },
    }


def require_recorded(experiment: Experiment, strategy: type[SearchStrategy], settings: Any) -> None:
    """Raise `InvalidInput` where the record of a strategy is of another search.

    What a record does not say is not compared.
    """
    said, ours = strategy.recorded_search(settings), description(experiment, strategy)
    for name, theirs, own in (
        *_differing(said.get("task"), ours["task"], _WORDS),
        *_differing(
            said.get("settings"),
            ours["settings"],
            {name: f"setting {experiment.strategy}.{name}" for name in ours["settings"]},
        ),
    ):
        raise InvalidInput(
            f"strategy '{experiment.strategy}' repeats a search that was recorded with the {name} "
            f"{theirs}, and this one has {own}: give what was recorded, or record this search"
        )


def _differing(
    theirs: object, ours: Mapping[str, Any], words: Mapping[str, str]
) -> list[tuple[str, str, str]]:
    """Return what differs between two descriptions: words for it, and both values as texts."""
    known = theirs if isinstance(theirs, Mapping) else {}
    return [
        (word, _text(name, known[name]), _text(name, ours[name]))
        for name, word in words.items()
        if name in known and known[name] != ours[name]
    ]


def _text(name: str, value: object) -> str:
    if name == "content":
        return str(value)[:_DIGITS]
    if name == "objectives" and isinstance(value, list):
        return " and ".join(str(one[0]) if isinstance(one, list) and one else "?" for one in value)
    if name == "constraints" and isinstance(value, list):
        return " and ".join(map(str, value)) or "none"
    return shown(value)

"""What a row is called: its strategy, and the settings a reader must know to tell it apart."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from nasbench.errors import NasbenchError
from nasbench.harness.experiment import Experiment, Task

_DIGITS = 8


def labels(experiments: Sequence[Experiment]) -> list[str]:
    """Return one label per experiment, distinct within the sequence.

    In brackets stand the settings that are not the default, or that differ between the
    experiments of one strategy; a strategy that cannot be imported has no known defaults.
    """
    named = []
    for one in experiments:
        same = [other for other in experiments if other.strategy == one.strategy]
        usual = _defaults(one.strategy)
        told = [
            f"{key}={_text(value)}"
            for key, value in one.settings.items()
            if (key in usual and usual[key] != value)
            or any(other.settings.get(key, value) != value for other in same)
        ]
        if any(other.seed != one.seed for other in same):
            told.append(f"experiment seed={one.seed}")
        named.append(f"{one.strategy} ({', '.join(told)})" if told else one.strategy)
    return named


def family(strategy: str) -> str:
    """Return the strategy's family, empty where it cannot be imported."""
    from nasbench.strategies.registry import find_strategy

    try:
        return find_strategy(strategy).family
    except (NasbenchError, AttributeError):
        return ""


def describe(task: Task) -> str:
    """Return one line that says what a block's runs share."""
    signal = task.signal
    parts = [
        f"{task.benchmark}, searched on {signal.dataset}",
        f"protocol {task.protocol}",
        f"budget {task.budget}",
        f"signal: validation after {signal.epochs} of {signal.schedule} epochs"
        + (", a random trial per query" if signal.trials == "random" else ""),
        f"judged after {task.final_schedule} epochs",
        *(["repeated cells free"] if task.repeats == "free" else []),
        f"table {task.table[:_DIGITS]}",
    ]
    return "; ".join(parts)


def differences(tasks: Sequence[Task]) -> list[str]:
    """Return what differs between tasks, as `budget.seconds: 12000 vs 20000`."""
    flat = [_flat(dataclasses.asdict(task)) for task in tasks]
    found = []
    for key in flat[0]:
        values = list(dict.fromkeys(_text(one[key]) for one in flat))
        if len(values) > 1:
            if key == "table":
                values = [value[:_DIGITS] for value in values]
            found.append(f"{key}: {' vs '.join(values)}")
    return found


def _defaults(strategy: str) -> Mapping[str, Any]:
    from nasbench.strategies.registry import find_strategy

    try:
        return dataclasses.asdict(find_strategy(strategy).Settings())
    except (NasbenchError, TypeError):
        return {}


def _text(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.10g}"
    if isinstance(value, tuple | list):
        return "+".join(map(str, value))
    return str(value)


def _flat(data: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in data.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat

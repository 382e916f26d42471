"""The official text about an architecture's results; numbers that are not known read `n/a`."""

from collections.abc import Mapping
from typing import Any

from nasbench.compat.answers import NotInTable
from nasbench.compat.trainings import ArchResults

_SETS = {
    "cifar10-valid": (("train", "train"), ("valid", "x-valid")),
    "cifar10": (("train", "train"), ("test ", "ori-test")),
}
_SETS_OF_SIZE = {
    **_SETS,
    "cifar10-valid": (*_SETS["cifar10-valid"], ("test", "ori-test")),
}
_OTHERS = (("train", "train"), ("valid", "x-valid"), ("test", "x-test"))


def results_text(results: ArchResults, extra: str | None = None, joint: str = " & ") -> list[str]:
    """Return the lines about an architecture's results under one schedule.

    `joint` stands between loss and accuracy: ` & ` in `nats_bench`, `, ` in `nas_201_api`.
    """
    names = results.get_dataset_names()
    sets = _SETS_OF_SIZE if results.half == "size" else _SETS
    lines = [results.arch_str, f"datasets : {names}, extra-info : {extra}"]
    for name in names:
        costs = results.get_compute_costs(name)
        latency = costs["latency"]
        shown = f"{latency * 1000:.2f}" if latency is not None and latency > 0 else None
        lines.append(
            f"{name:14s} FLOP={costs['flops']:6.2f} M, Params={costs['params']:.3f} MB, "
            f"latency={shown} ms."
        )
        parts = [
            f"{label} : [{_metric(_known(results, name, setname), joint)}]"
            for label, setname in sets.get(name, _OTHERS)
        ]
        lines.append(f"{name:14s} {', '.join(parts)}")
    return lines


def _known(results: ArchResults, dataset: str, setname: str) -> Mapping[str, Any]:
    try:
        return results.get_metrics(dataset, setname)
    except NotInTable:
        return {}


def _metric(info: Mapping[str, Any], joint: str) -> str:
    loss = f"{info['loss']:.3f}" if "loss" in info else "n/a"
    accuracy = f"{info['accuracy']:.2f}%" if "accuracy" in info else "n/a"
    return f"loss = {loss}{joint}top1 = {accuracy}"

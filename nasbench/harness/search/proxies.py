"""The zero-cost proxies of an experiment: which it may ask for, and what their scores cost."""

from difflib import get_close_matches
from typing import Any

import numpy as np

from nasbench.benchmarks.catalogue import load_table
from nasbench.benchmarks.proxy_scores import (
    Proxy,
    ProxyScores,
    ProxyUse,
    content_of,
    known_proxies,
    own_proxies,
)
from nasbench.benchmarks.tables.table import Table
from nasbench.errors import InvalidInput, NasbenchError
from nasbench.harness.search.task import Kind, Task
from nasbench.strategies.base import SearchStrategy, Tag
from nasbench.text import shown

_SHORT = 8
"""Digits of a hash that are shown."""


def proxy_use(
    task: Task, name: str, strategy: type[SearchStrategy], settings: Any, factor: float | None
) -> ProxyUse | None:
    """Return which proxies a search of `task` asks for; None for a strategy that needs none.

    `name` is the strategy's, `factor` the calibration that a user states. Raises `InvalidInput` for
    a proxy that is not there, and where scores take time that no calibration puts on the task's
    clock, or that its workers would have to share.
    """
    if Tag.PROXIES not in strategy.tags:
        return None
    names = tuple(dict.fromkeys(strategy.proxies(settings)))
    if not names:
        raise InvalidInput(f"strategy '{name}' has the tag 'proxies' and names none")
    if task.kind is not Kind.TABLE:
        raise InvalidInput(
            f"strategy '{name}' asks for scores of a zero-cost proxy, which are stored beside "
            "tables: leave --fallback away, or search on a table"
        )
    table = load_table(task.reference.name)
    found = _chosen(names, table, task.query.dataset, f"strategy '{name}'")
    costs = any(one.seconds.any() for one in found.values())
    if not costs:
        factor = None  # nothing takes time, whatever the calibration
    elif factor is None and task.budget.seconds is not None:
        raise InvalidInput(
            f"budget '{task.budget}': a score of {_listed(names)} took seconds of the machine that "
            "measured it, not of the table's clock: give a number of evaluations, such as --budget "
            "100evals, or --proxy-seconds, the table's seconds for each of those"
        )
    elif factor is not None and not task.timed:
        raise InvalidInput(
            f"table '{table.name}' has no seconds of its trainings, so that scores take none: "
            "leave --proxy-seconds away"
        )
    elif factor is not None and task.simulated_workers > 1:
        raise InvalidInput(
            "scores that take time are of one worker: leave --simulated-workers away, or leave "
            "--proxy-seconds away and give a budget that is a count"
        )
    return ProxyUse(names, content_of(found), factor)


def open_scores(task: Task, use: ProxyUse) -> ProxyScores:
    """Return the scores of an experiment's proxies.

    Raises `NasbenchError` where they are not there, or are others than when it was begun.
    """
    return ProxyScores(load_table(task.reference.name).space, proxies_of(task, use), use.factor)


def proxies_of(task: Task, use: ProxyUse) -> dict[str, Proxy]:
    """Return an experiment's proxies by name; raises what `open_scores` raises."""
    table, dataset = load_table(task.reference.name), task.query.dataset
    found = _chosen(use.names, table, dataset, "this experiment")
    content = content_of(found)
    if content != use.content:
        raise NasbenchError(
            f"scores of {_listed(use.names)} on '{dataset}' of table '{table.name}' have changed "
            f"since these runs ({content[:_SHORT]}, theirs {use.content[:_SHORT]}): put back the "
            "file that they were made with, or use another --out folder"
        )
    return found


def about_unmeasured(name: str, proxy: Proxy) -> str:
    """Return a line where a proxy lacks scores of architectures; empty where it has all."""
    size, there = len(proxy.scores), int((~np.isnan(proxy.scores)).sum())
    if there == size:
        return ""
    return (
        f"proxy {shown(name)} was measured on {there:,} of {size:,} architectures: strategies "
        "choose the others last"
    )


def _chosen(names: tuple[str, ...], table: Table, dataset: str, who: str) -> dict[str, Proxy]:
    """Return proxies by name; `InvalidInput` names those that there are and how to get others."""
    known = own_proxies(table, dataset)
    if not known.keys() >= set(names):  # else no file is read
        known = known_proxies(table, dataset)
    for name in names:
        if name not in known:
            there = ", ".join(known) or "none"
            near = get_close_matches(name, known, n=1)
            hint = f" (did you mean '{near[0]}'?)" if near else ""
            raise InvalidInput(
                f"{who} needs proxy {shown(name)}{hint}, and table '{table.name}' has {there} of "
                f"this data set: `nasbench data proxies {table.name} --dataset {dataset} --proxy "
                "NAME` measures others"
            )
    return {name: known[name] for name in names}


def _listed(names: tuple[str, ...]) -> str:
    return " and ".join(f"'{one}'" for one in names)

"""Are a stored comparison, and a published reproduction, what their runs say?"""

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nasbench.benchmarks.catalogue import load_table
from nasbench.benchmarks.judge import TableJudge
from nasbench.errors import CannotCompare, NasbenchError
from nasbench.harness.audit.findings import Finding
from nasbench.harness.reproduce.recipe import load_recipe
from nasbench.harness.reproduce.reproduction import FILE as REPRODUCTION
from nasbench.harness.reproduce.reproduction import Reproduction
from nasbench.harness.results import Results
from nasbench.provenance import provenance
from nasbench.spaces import get_space

_KEY = (
    "strategy", "settings", "experiment_seed", "dataset", "searched", "benchmark", "table",
    "protocol", "budget", "n",
)  # fmt: skip
_FINAL = 200
"""Epochs of the schedule that published tables are judged by."""
_OPTIONS = ("target", "reached")
"""Beginnings of what depends on an option of the comparison that is not stored."""


def check_comparison(results: Results, file: Path) -> tuple[int, list[Finding]]:
    """Compute a stored comparison again; return how many numbers were compared, and findings."""
    from nasbench.harness.compare import compare

    try:
        stored = json.loads(file.read_text(encoding="utf-8"))
        rows = {_key(row): row for row in stored["rows"]}
        version = stored["nasbench"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return 0, [Finding("comparison", file.name, "cannot be read as a comparison")]
    if version != provenance()["nasbench"]:
        found = f"was made by nasbench {version}: not computed again"
        return 0, [Finding("comparison", file.name, found, fault=False)]
    try:
        again = {_key(row): row for row in compare(results).to_json()["rows"]}
    except CannotCompare as error:
        return 0, [Finding("comparison", file.name, f"should have been refused: {error}")]
    findings = [
        Finding("comparison", file.name, f"{_name(row)}: the runs give no such row")
        for key, row in rows.items()
        if key not in again
    ]
    datasets = {row["dataset"] for row in rows.values()}
    findings += [
        Finding("comparison", file.name, f"{_name(row)}: the row is left out")
        for key, row in again.items()
        if key not in rows and row["dataset"] in datasets
    ]
    count = 0
    for key in rows.keys() & again.keys():
        for name, is_there, should_be in _numbers(rows[key], again[key]):
            count += 1
            if not _equal(is_there, should_be):
                findings.append(
                    Finding(
                        "comparison", file.name,
                        f"{_name(rows[key])}: {name} is {is_there}, the runs give {should_be}",
                    )
                )  # fmt: skip
    return count, findings


def check_reproduction(found: Reproduction) -> tuple[int, list[Finding]]:
    """Read the final cells of a published reproduction from the table again."""
    where = f"{found.name}/{REPRODUCTION}"
    try:
        table = load_table(load_recipe(found.name).benchmark)
        if table.hash != found.table:
            raise NasbenchError(f"table {found.table[:8]} is not installed")
        space, names = get_space(table.info.space), tuple({row.dataset for row in found.rows})
        judge = TableJudge(table.test, table.rows, space, names, _FINAL)
    except NasbenchError as error:
        return 0, [Finding("reproduction", where, f"not read again: {error}", fault=False)]
    findings, count = [], 0
    for row in found.rows:
        if row.mean is None or row.verdict is None:
            continue
        count += 1
        mean = float(np.mean(judge.truth(row.dataset).test[list(row.cells)]))
        if not _equal(mean, row.mean) or not _equal(mean - row.published_mean, row.verdict[0]):
            what = f"{row.row} on {row.dataset}: mean is {row.mean}, its cells give {mean}"
            findings.append(Finding("reproduction", where, what))
    return count, findings


def _numbers(
    stored: Mapping[str, Any], again: Mapping[str, Any]
) -> Iterator[tuple[str, object, object]]:
    for name, value in again.items():
        if name.startswith(_OPTIONS) or name in (*_KEY, "block"):
            continue
        if name == "parts":
            for number, part in enumerate(value):
                there = (stored.get(name) or [{}] * len(value))[number]
                for key, one in part.items():
                    yield f"{key} at {part['part']:.0%}", there.get(key), one
        elif isinstance(value, bool | int | float) or value is None:
            yield name, stored.get(name), value


def _equal(first: object, second: object) -> bool:
    if isinstance(first, int | float) and isinstance(second, int | float):
        return math.isclose(first, second, rel_tol=1e-9, abs_tol=1e-12)
    return first == second


def _key(row: Mapping[str, Any]) -> str:
    return json.dumps([row[name] for name in _KEY], sort_keys=True)


def _name(row: Mapping[str, Any]) -> str:
    return f"{row['label']} on {row['dataset']}"

"""Are a stored comparison, and a published reproduction, what their runs say?"""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nasbench.benchmarks.catalogue import load_table
from nasbench.benchmarks.judge import TableJudge
from nasbench.errors import CannotCompare, InvalidInput, NasbenchError
from nasbench.harness.audit.findings import Finding
from nasbench.harness.compare.comparison import Comparison
from nasbench.harness.compare.estimates import summarise
from nasbench.harness.compare.formats import to_latex, to_markdown
from nasbench.harness.compare.tables import tables
from nasbench.harness.compare.write import folder_names
from nasbench.harness.reproduce.recipe import load_recipe
from nasbench.harness.reproduce.reproduction import FILE as REPRODUCTION
from nasbench.harness.reproduce.reproduction import Reproduction
from nasbench.harness.reproduce.verdict import equivalence
from nasbench.harness.results import Results
from nasbench.provenance import provenance
from nasbench.spaces import get_space

_REPRODUCED = ("published mean", "published deviation", "mean", "deviation", "verdict")
_FINAL = 200
"""Epochs of the schedule that published tables are judged by."""
_SHOWN = 5
_OPTIONS = ("target", "reached")
"""Beginnings of what depends on an option of the comparison that is not stored."""
_LEFT_OUT = {"notes", "wall_seconds"}
"""Notes depend on options too."""


def check_comparison(results: Results, file: Path) -> tuple[int, list[Finding]]:
    """Compute a stored comparison again; return how many values were compared, and findings.

    All that `comparison.json` holds but what depends on options that it does not hold, and the text
    of the tables beside it.
    """
    from nasbench.harness.compare import compare

    try:
        stored = json.loads(file.read_text(encoding="utf-8"))
        datasets = list(dict.fromkeys(row["dataset"] for row in stored["rows"]))
        version = stored["nasbench"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return 0, [Finding("comparison", file.name, "cannot be read as a comparison")]
    if version != provenance()["nasbench"]:
        what = f"was made by nasbench {version}, so it is not checked: make it again"
        return 0, [Finding("comparison", file.name, what)]
    try:
        again = compare(results, datasets=datasets)
    except (CannotCompare, InvalidInput) as error:
        return 0, [Finding("comparison", file.name, f"should have been refused: {error}")]
    expected = json.loads(json.dumps(again.to_json(), allow_nan=False))
    places = list(_differences(stored, expected, ""))
    count = sum(1 for _ in _leaves(expected))
    findings = [
        Finding("comparison", file.name, f"{place} is {there}, the runs give {should}")
        for place, there, should in places[:_SHOWN]
    ]
    if len(places) > _SHOWN:
        what = f"and {len(places) - _SHOWN} more values are not what the runs give"
        findings.append(Finding("comparison", file.name, what))
    return count, [*findings, *_texts(again, file.parent)]


def _differences(stored: Any, expected: Any, place: str) -> Iterator[tuple[str, Any, Any]]:
    """Yield where two JSON values differ, which is which."""
    if isinstance(expected, dict) and isinstance(stored, dict):
        for name, value in expected.items():
            if name not in _LEFT_OUT and not name.startswith(_OPTIONS):
                yield from _differences(stored.get(name), value, f"{place}.{name}".lstrip("."))
    elif isinstance(expected, list) and isinstance(stored, list) and len(stored) == len(expected):
        for number, (there, value) in enumerate(zip(stored, expected, strict=True)):
            yield from _differences(there, value, f"{place}[{number}]")
    elif not _equal(stored, expected):
        yield place, _short(stored), _short(expected)


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from _leaves(one)
    else:
        yield value


def _short(value: Any) -> str:
    return f"a list of {len(value)}" if isinstance(value, list) else str(value)[:60]


def _texts(again: Comparison, folder: Path) -> Iterator[Finding]:
    """Compare tables as text with what the runs give, but the one with the target."""
    for block, name in zip(again.blocks, folder_names(again), strict=True):
        for table in tables(block):
            if table.name == "course":
                continue
            for suffix, text in (("md", to_markdown(table)), ("tex", to_latex(table))):
                path = folder / name / f"{table.name}.{suffix}"
                if path.exists() and path.read_text(encoding="utf-8") != text:
                    what = "its text is not what the runs give"
                    yield Finding("comparison", path.relative_to(folder).as_posix(), what)


def check_reproduction(found: Reproduction) -> tuple[int, list[Finding]]:
    """Read the final cells of a published reproduction from the table again."""
    where = f"{found.name}/{REPRODUCTION}"
    try:
        recipe = load_recipe(found.name)
        table = load_table(recipe.benchmark)
        if table.hash != found.table:
            raise NasbenchError(f"table {found.table[:8]} is not installed")
        space = get_space(table.info.space)
        judge = TableJudge(table.test, table.rows, space, recipe.reports, _FINAL)
    except NasbenchError as error:
        return 0, [Finding("reproduction", where, f"not read again: {error}", fault=False)]
    stored = {(row.row, row.dataset): row for row in found.rows}
    findings, count = [], 0
    for dataset in recipe.reports:
        truth = judge.truth(dataset).test
        for row in recipe.rows:
            place, there = f"{row.name} on {dataset}", stored.get((row.name, dataset))
            if there is None:
                findings.append(Finding("reproduction", where, f"{place}: the row is left out"))
                continue
            if row.not_run or not there.cells:
                expected: tuple[object, ...] = (*row.published[dataset], None, None, None)
            elif not all(0 <= cell < len(truth) for cell in there.cells):
                findings.append(Finding("reproduction", where, f"{place}: a cell is none"))
                continue
            else:
                ours = summarise(truth[list(there.cells)])
                mean, std = row.published[dataset]
                verdict = equivalence(
                    (mean, std, row.runs), (ours.mean, ours.std, ours.n), recipe.margin * std
                )
                expected = (mean, std, ours.mean, ours.std, verdict.outcome)
            outcome = there.verdict.outcome if there.verdict else None
            is_there = (there.published_mean, there.published_std, there.mean, there.std, outcome)
            count += len(expected)
            for name, one, other in zip(_REPRODUCED, is_there, expected, strict=True):
                if not _equal(one, other):
                    what = f"{place}: {name} is {one}, its cells and the paper give {other}"
                    findings.append(Finding("reproduction", where, what))
    return count, findings


def _equal(first: object, second: object) -> bool:
    if isinstance(first, int | float) and isinstance(second, int | float):
        return math.isclose(first, second, rel_tol=1e-9, abs_tol=1e-12)
    return first == second

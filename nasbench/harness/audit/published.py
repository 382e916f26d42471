"""Is a published reproduction what its cells, its recipe and the table say?"""

import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from nasbench.benchmarks.catalogue import load_table
from nasbench.benchmarks.judge import TableJudge
from nasbench.errors import NasbenchError
from nasbench.harness.audit.differences import leaves, told
from nasbench.harness.audit.findings import Finding
from nasbench.harness.compare.formats import to_latex, to_markdown
from nasbench.harness.reproduce.recipe import Recipe, load_recipe
from nasbench.harness.reproduce.reproduction import FILE, Measured, Reproduction, command, measured
from nasbench.harness.seeds import parse_seeds
from nasbench.spaces import get_space

_FINAL = 200
"""Epochs of the schedule that published tables are judged by."""


def check_reproduction(found: Reproduction, file: Path) -> tuple[int, list[Finding]]:
    """Make a reproduction again of its cells; return how many values were compared, and findings.

    Which cells the runs ended with is believed, as the runs are not published.
    """
    where = f"{file.parent.name}/{FILE}"
    try:
        recipe = load_recipe(found.name)
        table = load_table(recipe.benchmark)
        if table.hash != found.table:
            raise NasbenchError(f"table {found.table[:8]} is not installed")
        space = get_space(table.info.space)
        judge = TableJudge(table.test, table.rows, space, recipe.reports, _FINAL)
    except NasbenchError as error:
        return 0, [Finding("reproduction", where, f"not read again: {error}", fault=False)]
    findings = [Finding("reproduction", where, what) for what in _cells(found, recipe, space.size)]
    if not findings:
        truth = {name: judge.truth(name).test for name in recipe.reports}
        expected = _again(found, recipe, truth)
        findings += [
            Finding("reproduction", where, what) for what in told(_plain(found), _plain(expected))
        ]
    for suffix, write in (("md", to_markdown), ("tex", to_latex)):
        path = file.with_suffix(f".{suffix}")
        if path.exists() and path.read_text(encoding="utf-8") != write(found.to_table()):
            place = f"{file.parent.name}/{path.name}"
            findings.append(Finding("reproduction", place, f"its text is not that of {FILE}"))
    return sum(1 for _ in leaves(_plain(found))), findings


def _cells(found: Reproduction, recipe: Recipe, size: int) -> Iterator[str]:
    """Yield what makes the cells of a reproduction useless for checking it."""
    if found.seeds not in (recipe.seeds, recipe.quick_seeds):
        yield f"seeds are {found.seeds}, in the recipe {recipe.seeds}"
        return
    there = {(row.row, row.dataset): row for row in found.rows}
    known = {(row.name, dataset) for row in recipe.rows for dataset in recipe.reports}
    for name, dataset in there.keys() - known:
        yield f"{name} on {dataset}: the row is not in the recipe"
    if len(there) < len(found.rows):
        yield "a row is there twice"
    for dataset in recipe.reports:
        for row in recipe.rows:
            place, one = f"{row.name} on {dataset}", there.get((row.name, dataset))
            if one is None:
                yield f"{place}: the row is left out"
            elif not all(0 <= cell < size for cell in one.cells):
                yield f"{place}: a cell is none"
            elif not row.not_run and len(one.cells) != len(parse_seeds(found.seeds)):
                yield f"{place}: {len(one.cells)} cells are not those of seeds {found.seeds}"


def _again(found: Reproduction, recipe: Recipe, truth: dict[str, Any]) -> Reproduction:
    """Return what a reproduction with these cells has to say."""
    there = {(row.row, row.dataset): row.cells for row in found.rows}

    def row(one: Any, dataset: str) -> Measured:
        cells = () if one.not_run else there[one.name, dataset]
        return measured(one, dataset, recipe, truth[dataset][list(cells)], cells)

    return replace(
        found,
        title=recipe.title,
        command=command(found.name, quick=found.seeds != recipe.seeds),
        protocol=recipe.protocol,
        margin=recipe.margin,
        budget_rule=recipe.budget_rule,
        rows=tuple(row(one, dataset) for dataset in recipe.reports for one in recipe.rows),
    )


def _plain(found: Reproduction) -> Any:
    """Return a reproduction as JSON values, rows by name, numbers that are none as None."""
    whole = json.loads(json.dumps(asdict(found)), parse_constant=lambda _: None)
    rows = {f"{row['row']} on {row['dataset']}": row for row in whole.pop("rows")}
    return {**whole, **rows}

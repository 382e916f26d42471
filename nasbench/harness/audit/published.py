"""Checks that a published reproduction is what its cells and both tables give."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from nasbench.benchmarks.catalogue import load_table
from nasbench.benchmarks.judge import TableJudge
from nasbench.benchmarks.protocols import find_protocol
from nasbench.benchmarks.tables.table import Table
from nasbench.benchmarks.titles import KNOWN
from nasbench.errors import InvalidInput, NasbenchError
from nasbench.harness.audit.differences import leaves, same_text, told
from nasbench.harness.audit.findings import Finding
from nasbench.harness.audit.folder import FAILED
from nasbench.harness.compare.tables.formats import to_markdown
from nasbench.harness.compare.tables.latex import to_latex
from nasbench.harness.reproduce.published_table import Published, PublishedTable, load_published
from nasbench.harness.reproduce.reproduction import (
    FILE,
    ONE_FIDELITY,
    Measured,
    Reproduction,
    command,
    measured,
)
from nasbench.harness.reproduce.verdict import RULE
from nasbench.harness.search.seeds import parse_seeds
from nasbench.strategies.base import Tag
from nasbench.strategies.registry import find_strategy

_PLAIN: Mapping[str, str] = {}
"""Data sets as tables call them, which earlier versions wrote in texts."""
_NOT_YET = "the strategy is not here yet"
"""What earlier versions wrote of strategies of several fidelities."""


def check_reproduction(found: Reproduction, file: Path) -> tuple[int, list[Finding]]:
    """Make a reproduction again from its cells; return how many values were compared, and findings.

    The final cells of the runs are not checked, as the runs are not published. Where the table is
    not installed, only values that the published table gives are checked.
    """
    where = f"{file.parent.name}/{FILE}"

    def finding(what: str, *, fault: bool = True) -> Finding:
        return Finding("reproduction", where, what, fault=fault)

    try:
        paper = load_published(found.name)
    except InvalidInput as error:
        return 0, [finding(str(error))]
    findings = [finding(what, fault=fault) for what, fault in _rows(found, paper)]
    if found.rule != RULE:
        what = "its verdicts are of an earlier rule and are not looked at: run it again"
        findings.append(finding(what, fault=False))
    for suffix, write in (("md", to_markdown), ("tex", to_latex)):
        path = file.with_suffix(f".{suffix}")
        texts = [write(found.to_table(titles)) for titles in (KNOWN, _PLAIN)]
        if found.rule == RULE and not any(same_text(path, text) for text in texts):
            place = f"{file.parent.name}/{path.name}"
            findings.append(Finding("reproduction", place, f"its text is not that of {FILE}"))
    count = sum(1 for _ in leaves(_plain(found)))
    if any(one.fault for one in findings):
        return count, findings
    try:
        table = load_table(paper.benchmark)
    except NasbenchError as error:
        findings.append(finding(f"its architectures are not looked up: {error}", fault=False))
        expected = _as_in(found, paper, found.rows)
    else:
        if table.hash != found.table:
            what = f"made with table {found.table[:8]}, installed is {table.hash[:8]}"
            return count, [*findings, finding(what)]
        size = table.space.size
        if not all(0 <= cell < size for row in found.rows for cell in row.cells):
            return count, [*findings, finding("an architecture is none of the space")]
        expected = _as_in(found, paper, _measured(found, paper, table))
    if found.rule != RULE:
        expected = _without_verdicts(found, expected)
    findings += [finding(what) for what in told(_plain(found), _plain(expected))]
    return count, findings


def _rows(found: Reproduction, paper: PublishedTable) -> Iterator[tuple[str, bool]]:
    """Yield errors in which rows a reproduction has, and whether each one is a fault."""
    if found.seeds not in (paper.seeds, paper.quick_seeds):
        yield f"seeds are {found.seeds}, in the published table {paper.seeds}", True
        return
    there = {(row.row, row.dataset): row for row in found.rows}
    known = {(row.name, dataset) for row in paper.rows for dataset in paper.reports}
    for name, dataset in there.keys() - known:
        yield f"{name} on {dataset}: the row is not in the published table", True
    if len(there) < len(found.rows):
        yield "a row is there twice", True
    wanted = len(parse_seeds(found.seeds))
    for dataset in paper.reports:
        for row in paper.rows:
            place, one = f"{row.name} on {dataset}", there.get((row.name, dataset))
            if one is None:
                yield f"{place}: the row is left out", True
            elif _left_out(one, row):
                yield f"{place}: not run: {one.remark}", False
            elif not row.not_run and len(one.cells) != wanted:
                lost = wanted - len(one.cells)
                what = f"{place}: {len(one.cells)} architectures of seeds {found.seeds}"
                yield what, not 0 < lost <= FAILED * wanted


def _left_out(stored: Measured, row: Published) -> bool:
    """Whether a row was not run because a table has one fidelity, and its strategy needs more.

    Earlier versions, which had no such strategies, gave another reason.
    """
    if row.not_run or row.strategy is None or stored.remark not in (ONE_FIDELITY, _NOT_YET):
        return False
    return not stored.cells and Tag.FIDELITIES in find_strategy(row.strategy).tags


def _as_in(found: Reproduction, paper: PublishedTable, rows: Sequence[Measured]) -> Reproduction:
    """Return a reproduction with these rows and with all values that its published table sets."""
    by_name = {(row.row, row.dataset): row for row in rows}

    def published(row: Published, dataset: str) -> Measured:
        mean, std, runs = row.moments(dataset)
        return replace(
            by_name[row.name, dataset],
            published_mean=mean, published_std=None if math.isnan(std) else std,
            published_runs=runs,
            unconfirmed=row.unconfirmed.get(dataset, ""),
        )  # fmt: skip

    return replace(
        found,
        title=paper.title,
        command=command(found.name, quick=found.seeds != paper.seeds),
        protocol=paper.protocol,
        margin=paper.margin,
        deviations=paper.deviations,
        quantity=paper.quantity,
        decimals=paper.decimals,
        rows=tuple(published(row, name) for name in paper.reports for row in paper.rows),
    )


def _without_verdicts(found: Reproduction, expected: Reproduction) -> Reproduction:
    """Return what to expect of a reproduction with another rule of verdicts: its numbers only."""
    remarks = {(row.row, row.dataset): row.remark for row in found.rows}
    rows = (
        replace(
            row, verdict=None, spread=None, unconfirmed="", remark=remarks[row.row, row.dataset]
        )
        for row in expected.rows
    )
    return replace(
        expected,
        margin=found.margin, deviations=found.deviations, rule=found.rule, rows=tuple(rows),
    )  # fmt: skip


def _measured(found: Reproduction, paper: PublishedTable, table: Table) -> list[Measured]:
    """Return the rows of a reproduction, measured from its cells and the table."""
    final = find_protocol(paper.protocol, table).final_schedule
    judge = TableJudge(table.test, table.rows, table.space, paper.reports, final)
    stored = {(row.row, row.dataset): row for row in found.rows}
    rows = []
    for dataset in paper.reports:
        truth = judge.truth(dataset).test
        for row in paper.rows:
            one = stored[row.name, dataset]
            mine = () if row.not_run else one.cells
            lacking = one.remark if _left_out(one, row) else ""
            rows.append(measured(row, dataset, paper, truth[list(mine)], mine, lacking))
    return rows


def _plain(found: Reproduction) -> Any:
    """Return a reproduction as JSON values, with rows by name and None for NaN and infinity."""
    whole = json.loads(json.dumps(asdict(found)), parse_constant=lambda _: None)
    rows = {f"{row['row']} on {row['dataset']}": row for row in whole.pop("rows")}
    return {**whole, **rows}

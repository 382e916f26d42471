"""The tables of a comparison, as its options ask for them."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from nasbench.harness.compare.tables.course import course_table
from nasbench.harness.compare.tables.formats import TextTable
from nasbench.harness.compare.tables.options import TableOptions, shaped
from nasbench.harness.compare.tables.picks import picks_table
from nasbench.harness.compare.tables.proxies import proxies_table
from nasbench.harness.compare.tables.rivals import pairs_table, ranks_table
from nasbench.harness.compare.tables.sets import sets_table
from nasbench.harness.compare.tables.values import cost_table, estimates_table, results_table

if TYPE_CHECKING:
    from nasbench.harness.compare.comparison import Block
    from nasbench.harness.compare.families import Family

__all__ = [
    "cost_table", "course_table", "estimates_table", "pairs_table", "picks_table",
    "proxies_table",
    "ranks_table", "results_table", "sets_table", "tables", "tables_across",
]  # fmt: skip

_OF_A_BLOCK: dict[str, Callable[["Block"], TextTable]] = {
    "results": results_table, "cost": cost_table, "estimates": estimates_table,
    "course": course_table, "pairs": pairs_table, "proxies": proxies_table, "sets": sets_table,
    "picks": picks_table,
}  # fmt: skip


def tables(block: "Block", options: TableOptions | None = None) -> list[TextTable]:
    """Return the tables of a block that are asked for, with the columns that are asked for.

    By default these are all that it has. Raises `InvalidInput` for a column that a table does not
    have.
    """
    options = options or TableOptions()
    alone = len(block.contenders) < 2
    kinds = ["results", "cost", "estimates", "course", "pairs"] if block.rows else []
    kinds += ["sets"] if block.sets else []
    kinds += ["picks"] if block.picks else []
    kinds += ["proxies"] if block.proxies else []
    return [
        _worded(shaped(_OF_A_BLOCK[kind](block), options), block)
        for kind in kinds
        if options.wants(kind) and not (kind == "pairs" and alone)
    ]


def _worded(table: TextTable, block: "Block") -> TextTable:
    """Return a table whose columns call final values what they are, see `Task.outcome`."""
    if block.task.has_test:
        return table

    def names(of: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(block.outcome.join(one.split("test")) for one in of)

    return replace(table, columns=names(table.columns), short=names(table.short))


def tables_across(family: "Family", options: TableOptions | None = None) -> list[TextTable]:
    """Return the tables over several data sets that are asked for."""
    options = options or TableOptions()
    return [shaped(ranks_table(family), options)] if options.wants("ranks") else []

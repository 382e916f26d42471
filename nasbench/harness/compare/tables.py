"""The tables of a comparison as its options ask for them, and a whole comparison as text."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from nasbench.harness.compare.course_table import course_table
from nasbench.harness.compare.formats import TextTable, escape_markdown, frame_to_csv, to_markdown
from nasbench.harness.compare.latex import to_latex
from nasbench.harness.compare.rival_tables import pairs_table, ranks_table
from nasbench.harness.compare.sets import members_frame, sets_table
from nasbench.harness.compare.table_options import TableOptions, shaped
from nasbench.harness.compare.value_tables import cost_table, estimates_table, results_table

if TYPE_CHECKING:
    from nasbench.harness.compare.comparison import Block, Comparison
    from nasbench.harness.compare.families import Family

__all__ = [
    "cost_table", "course_table", "estimates_table", "pairs_table", "ranks_table",
    "results_table", "sets_table", "tables", "tables_across", "to_csv", "to_json", "to_text",
]  # fmt: skip

_OF_A_BLOCK: dict[str, Callable[["Block"], TextTable]] = {
    "results": results_table, "cost": cost_table, "estimates": estimates_table,
    "course": course_table, "pairs": pairs_table, "sets": sets_table,
}  # fmt: skip


def tables(block: "Block", options: TableOptions | None = None) -> list[TextTable]:
    """Return the tables of a block that are asked for, with the columns that are asked for.

    By default these are all that it has. Raises `InvalidInput` for a column that a table does not
    have.
    """
    options = options or TableOptions()
    alone = block.sets or len(block.contenders) < 2
    kinds = ("sets",) if block.sets else ("results", "cost", "estimates", "course", "pairs")
    return [
        shaped(_OF_A_BLOCK[kind](block), options)
        for kind in kinds
        if options.wants(kind) and not (kind == "pairs" and alone)
    ]


def tables_across(family: "Family", options: TableOptions | None = None) -> list[TextTable]:
    """Return the tables over several data sets that are asked for."""
    options = options or TableOptions()
    return [shaped(ranks_table(family), options)] if options.wants("ranks") else []


def to_csv(comparison: "Comparison") -> str:
    """Return all numbers of all rows as CSV, and the members of final sets."""
    frames = [comparison.to_frame()] if comparison.rows else []
    frames += [members_frame(block) for block in comparison.blocks if block.sets]
    return "\n".join(map(frame_to_csv, frames))


def to_json(comparison: "Comparison") -> str:
    """Return the comparison as JSON text; unknown and infinite numbers are null."""
    return json.dumps(comparison.to_json(), indent=2, allow_nan=False)


def to_text(comparison: "Comparison", form: str) -> str:
    """Return the whole comparison as `markdown`, `latex`, `csv` or `json`."""
    if form == "csv":
        return to_csv(comparison)
    if form == "json":
        return to_json(comparison)
    from nasbench.harness.compare.write import family_folders, folder_names

    options, latex = comparison.options.tables, form == "latex"

    def write(table: TextTable, place: str) -> str:
        return to_latex(table, options, place) if latex else to_markdown(table)

    parts = []
    titles, names = comparison.titles, folder_names(comparison)
    for title, block, name in zip(titles, comparison.blocks, names, strict=True):
        line = " ".join(title.split())  # a comment in LaTeX ends with its line
        parts.append(f"% {line}\n" if latex else f"## {escape_markdown(line)}\n")
        parts += [write(table, name) for table in tables(block, options)]
    for family, name in zip(comparison.families, family_folders(comparison), strict=True):
        parts += [write(table, name) for table in tables_across(family, options)]
    return "\n".join(parts)

"""A whole comparison as text, in one of several formats."""

import json
from typing import TYPE_CHECKING

from nasbench.harness.compare.folders import family_folders, folder_names
from nasbench.harness.compare.tables.all_tables import tables, tables_across
from nasbench.harness.compare.tables.formats import (
    TextTable,
    columns_of,
    columns_to_csv,
    escape_markdown,
    to_markdown,
)
from nasbench.harness.compare.tables.latex import to_latex
from nasbench.harness.compare.tables.sets import members

if TYPE_CHECKING:
    from nasbench.harness.compare.comparison import Comparison


def to_csv(comparison: "Comparison") -> str:
    """Return all numbers of all rows as CSV, and the members of final sets."""
    parts = [columns_of(comparison.records())] if comparison.rows else []
    parts += [members(block) for block in comparison.blocks if block.sets]
    return "\n".join(map(columns_to_csv, parts))


def to_json(comparison: "Comparison") -> str:
    """Return the comparison as JSON text; unknown and infinite numbers are null."""
    return json.dumps(comparison.to_json(), indent=2, allow_nan=False)


def to_text(comparison: "Comparison", form: str) -> str:
    """Return the whole comparison as `markdown`, `latex`, `csv` or `json`."""
    if form == "csv":
        return to_csv(comparison)
    if form == "json":
        return to_json(comparison)
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

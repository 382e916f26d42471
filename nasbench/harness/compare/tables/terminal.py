"""Print a comparison to the terminal, readable at 80 columns."""

from collections.abc import Sequence
from dataclasses import replace
from textwrap import wrap
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table as RichTable
from rich.text import Text

from nasbench.harness.compare.tables.all_tables import tables, tables_across
from nasbench.harness.compare.tables.formats import Entry, Section, TextTable
from nasbench.text import printable

if TYPE_CHECKING:
    from nasbench.harness.compare.comparison import Comparison

_SHOWN = ("results", "cost", "sets", "picks", "ranks")
"""The tables that are printed where none is asked for."""
_LEAVE_OUT = {
    "results": ("shared epochs", "evals", "regret valid.", "test median", "signal"),
    "cost": ("failed", "real s", "distinct", "training epochs", "optimiser s", "family"),
    "picks": ("most often", "times", "validation"),
}
"""Columns that are left out on a narrow terminal, in this order."""
_GAP = 2
_LABEL, _LEAST_LABEL = 21, 12
_HEADING = 8
"""Characters above which a column's name has a line for each word."""


def print_comparison(comparison: "Comparison", console: Console) -> None:
    """Print the tables that are asked for, by default final values, costs and ranks."""
    options = comparison.options.tables
    if options.kinds is None:
        options = replace(options, kinds=_SHOWN)
    for title, block in zip(comparison.titles, comparison.blocks, strict=True):
        console.print(f"[bold]{escape(printable(title))}[/bold]")
        told = [*block.notes, block.footer]
        for table in tables(block, options):
            print_table(table, console, without=told)
            told += [note for note in table.notes if not note.startswith("nothing is bold")]
        console.print(f"[dim]{escape(printable(block.footer))}[/dim]\n")
    for family in comparison.families:
        for table in tables_across(family, options):
            print_table(table, console)


def print_table(table: TextTable, console: Console, *, without: Sequence[str] = ()) -> None:
    """Print a table and its notes, except those in `without` and those on columns left out."""
    shown: set[str] = set()
    if any(section.heading for section in table.sections):
        console.print(f"[bold]{escape(printable(table.caption))}[/bold]")
    for section in table.sections:
        drawn, names = _rich(table, section, console.width)
        console.print(drawn)
        shown.update(names)
    hidden = set(table.columns) - shown
    for note in table.notes:
        if note not in without and note.partition(":")[0] not in hidden:
            console.print(f"[dim]{escape(printable(note))}[/dim]")


def _rich(table: TextTable, section: Section, width: int) -> tuple[RichTable, list[str]]:
    """Return one section as a rich table, and the names of the columns that it has room for."""
    rows = [*section.rows, *section.references]
    texts = [[_narrow(cell) for cell in row] for row in rows]
    shown, room = _fitting(table, texts, width)
    for line in texts:
        line[0] = "\n".join(wrap(line[0], room))  # breaks after hyphens; rich would cut words
    drawn = RichTable(
        title=escape(printable(section.heading or table.caption)),
        box=box.SIMPLE_HEAD,
        title_justify="left",
        title_style="bold italic",
        padding=(0, _GAP - 1, 0, 0),  # a column divider is the other blank
        pad_edge=False,
        show_edge=False,
    )
    for index in shown:
        text = index < table.texts
        drawn.add_column(
            escape(_heading(table.columns[index], text=text)),
            justify="left" if text else "right",
            no_wrap=index == 0 or not text,
            overflow="fold",
        )
    for number, (row, line) in enumerate(zip(rows, texts, strict=True)):
        drawn.add_row(
            *(Text(line[index], style="bold" if row[index].bold else "") for index in shown),
            style="dim" if number >= len(section.rows) else None,
            end_section=number == len(section.rows) - 1 and bool(section.references),
        )
    return drawn, [table.columns[index] for index in shown]


def _heading(name: str, *, text: bool) -> str:
    """Return a column's name; a long one of numbers has a line for each word."""
    name = printable(name)
    return name.replace(" ", "\n") if len(name) > _HEADING and not text else name


def _narrow(cell: Entry) -> str:
    """Return a cell's text; bold text ends in a star, which plain output keeps."""
    return printable(cell.text).replace(" ± ", "±") + ("*" if cell.bold else "")


def _fitting(table: TextTable, texts: list[list[str]], width: int) -> tuple[list[int], int]:
    """Return the positions of the columns that fit into `width`, and the first one's width.

    Widths are in characters.
    """
    columns = table.columns

    def needed(index: int) -> int:
        heading = max(map(len, _heading(columns[index], text=index < table.texts).split("\n")))
        words = index and index < table.texts
        parts = [
            part for line in texts for part in (line[index].split() if words else [line[index]])
        ]
        return _GAP + max(heading, *map(len, parts), 0)

    def others() -> int:
        return sum(needed(index) for index in shown[1:])

    shown = list(range(len(columns)))
    first = min(needed(0), _GAP + _LABEL)
    for name in _LEAVE_OUT.get(table.name, ()):
        if first + others() <= width:
            break
        shown = [index for index in shown if columns[index] != name]
    while width - others() - _GAP < _LEAST_LABEL and len(shown) > 1:
        shown.pop()
    return shown, max(_LEAST_LABEL, width - others() - _GAP)

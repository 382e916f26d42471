"""A comparison in the terminal, readable at 80 columns."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table as RichTable
from rich.text import Text

from nasbench.harness.compare.formats import Cell, Section, TextTable
from nasbench.harness.compare.tables import cost_table, results_table

if TYPE_CHECKING:
    from nasbench.harness.compare.comparison import Comparison

_LEAVE_OUT = {
    "results": ("queries", "regret valid.", "test median", "signal"),
    "cost": ("failed", "real s", "distinct", "training epochs", "optimiser s"),
}
"""Columns that a narrow terminal does without, in this order."""
_GAP = 2
_LABEL = 21
_HEADINGS = {
    "test median": "median", "regret test": "regret\ntest", "regret valid.": "regret\nvalid.",
    "training epochs": "training\nepochs", "simulated s": "simulated\ns",
    "optimiser s": "optimiser\ns", "real s": "real\ns", "tuning s": "tuning\ns",
}  # fmt: skip


def print_comparison(comparison: "Comparison", console: Console) -> None:
    """Print every block: accuracies per data set, then the cost of the searches."""
    for title, block in zip(comparison.titles, comparison.blocks, strict=True):
        console.print(f"[bold]{escape(title)}[/bold]")
        for table in (results_table(block), cost_table(block)):
            print_table(table, console, without=(*block.notes, block.footer))
        console.print(f"[dim]{escape(block.footer)}[/dim]\n")


def print_table(table: TextTable, console: Console, *, without: Sequence[str] = ()) -> None:
    """Print a table and its notes, but for some."""
    for section in table.sections:
        console.print(_rich(table, section, console.width))
    for note in table.notes:
        if note not in without:
            console.print(f"[dim]{escape(note)}[/dim]")


def _rich(table: TextTable, section: Section, width: int) -> RichTable:
    """Return one section with as many of its columns as the terminal has room for."""
    rows = [*section.rows, *section.references]
    texts = [[_narrow(cell) for cell in row] for row in rows]
    shown = _fitting(table, texts, width)
    drawn = RichTable(
        title=section.heading or table.caption,
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
            _HEADINGS.get(table.columns[index], table.columns[index]),
            justify="left" if text else "right",
            no_wrap=not text,
            overflow="fold",
        )
    for number, (row, line) in enumerate(zip(rows, texts, strict=True)):
        drawn.add_row(
            *(Text(line[index], style="bold" if row[index].bold else "") for index in shown),
            style="dim" if number >= len(section.rows) else None,
            end_section=number == len(section.rows) - 1 and bool(section.references),
        )
    return drawn


def _narrow(cell: Cell) -> str:
    """Return a cell's text; a bold one ends in a star, which survives a pipe."""
    return cell.text.replace(" ± ", "±") + ("*" if cell.bold else "")


def _fitting(table: TextTable, texts: list[list[str]], width: int) -> list[int]:
    """Return the positions of the columns that fit into `width`."""
    columns = table.columns

    def needed(index: int) -> int:
        heading = max(map(len, _HEADINGS.get(columns[index], columns[index]).split("\n")))
        longest = max((len(line[index]) for line in texts), default=0)
        wide = max(heading, longest)
        return _GAP + (min(wide, _LABEL) if index == 0 else wide)

    shown = list(range(len(columns)))
    for name in _LEAVE_OUT.get(table.name, ()):
        if sum(map(needed, shown)) <= width:
            break
        shown = [index for index in shown if columns[index] != name]
    return shown

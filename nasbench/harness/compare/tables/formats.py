"""Tables as text, independent of their format, and writers for Markdown and CSV."""

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from nasbench.text import printable, spreadsheet

if TYPE_CHECKING:
    import pandas


class Entry(NamedTuple):
    """Text of one cell."""

    text: str
    bold: bool = False


@dataclass(frozen=True)
class Section:
    """Rows under one heading; reference rows come last, below a rule."""

    heading: str
    rows: list[list[Entry]]
    references: list[list[Entry]]


@dataclass(frozen=True)
class TextTable:
    """A table as text, independent of the format it is written in."""

    name: str
    caption: str
    columns: tuple[str, ...]
    sections: list[Section]
    notes: tuple[str, ...]
    texts: int = 1
    """Number of leading columns that are text; the others are numbers."""
    sortable: bool = True
    """Whether its rows mean the same in any order."""
    short: tuple[str, ...] = ()
    """Names of the columns of its short form; empty where it has none."""
    brief: tuple[str, ...] = ()
    """The notes in few words, for pages, one for each; empty where there are no others. A note that
    is empty is left out on pages."""


def to_markdown(table: TextTable) -> str:
    """Return GitHub's pipe tables, one per section, with the caption above and notes below."""
    align = ["---"] * table.texts + ["---:"] * (len(table.columns) - table.texts)
    lines = [f"**{escape_markdown(table.caption)}**", ""]
    for section in table.sections:
        if section.heading:
            lines += [f"*{escape_markdown(section.heading)}*", ""]
        lines += [_pipes([escape_markdown(name) for name in table.columns]), _pipes(align)]
        for cells in (*section.rows, *section.references):
            lines.append(
                _pipes([_marked(cell, escape_markdown, "**{}**".format) for cell in cells])
            )
        lines.append("")
    return "\n".join([*lines, *(f"- {escape_markdown(note)}" for note in table.notes), ""])


Columns = Mapping[str, Sequence[Any]]
"""Data of a table: equally long columns by their names, None or NaN for what is not there."""


def columns_of(rows: Iterable[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Return rows as columns, in the order in which their names come; None where a row lacks one.

    Numbers of one column are all whole or all floats: floats where one is, or where one lacks.
    """
    every = list(rows)
    names = dict.fromkeys(name for row in every for name in row)
    return {name: _of_one_kind([row.get(name) for row in every]) for name in names}


def _of_one_kind(values: list[Any]) -> list[Any]:
    there = [value for value in values if value is not None]
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in there)
    if numbers and (len(there) < len(values) or any(isinstance(one, float) for one in there)):
        return [value if value is None else float(value) for value in values]
    return values


def columns_to_csv(columns: Columns) -> str:
    """Return columns as CSV, in which spreadsheets take no text for a formula."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*(map(_field, values) for values in columns.values()), strict=True))
    return file.getvalue()


def _field(value: Any) -> Any:
    if isinstance(value, str):
        return spreadsheet(value)
    return "" if value is None or value != value else value  # noqa: PLR0124  # NaN


def frame_to_csv(data: "pandas.DataFrame") -> str:
    """Return a frame as CSV, in which spreadsheets take no text for a formula."""
    texts = {
        name: data[name].map(lambda value: spreadsheet(value) if isinstance(value, str) else value)
        for name in data.columns
        if data[name].dtype.kind not in "biufc"
    }
    return str(data.assign(**texts).to_csv(index=False, lineterminator="\n"))


def _marked(cell: Entry, escape: Callable[[str], str], bold: Callable[[str], str]) -> str:
    return bold(escape(cell.text)) if cell.bold else escape(cell.text)


def _pipes(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def escape_markdown(text: str) -> str:
    """Return `text` with Markdown's special characters escaped."""
    return "".join(
        f"\\{character}" if character in "\\|*_`[]<>" else character
        for character in printable(text)
    )

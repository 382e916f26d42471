"""Tables as HTML, as a notebook shows them."""

from collections.abc import Sequence
from html import escape

from nasbench.harness.compare.tables.formats import Entry, TextTable
from nasbench.text import printable

_LEFT, _RIGHT = "text-align:left", "text-align:right"


def to_html(table: TextTable) -> str:
    """Return a `table` element with caption, one body per section, and the notes in its foot."""
    width = len(table.columns)
    lines = [
        "<table>",
        f"<caption>{_text(table.caption)}</caption>",
        f"<thead>{_row('th', [Entry(name) for name in table.columns], table.texts)}</thead>",
    ]
    for section in table.sections:
        lines.append("<tbody>")
        if section.heading:
            heading = f"<em>{_text(section.heading)}</em>"
            lines.append(f'<tr><th colspan="{width}" style="{_LEFT}">{heading}</th></tr>')
        lines += [_row("td", cells, table.texts) for cells in (*section.rows, *section.references)]
        lines.append("</tbody>")
    notes = "<br>".join(map(_text, table.notes))
    lines.append(f'<tfoot><tr><td colspan="{width}" style="{_LEFT}">{notes}</td></tr></tfoot>')
    return "\n".join([*lines, "</table>"])


def _row(tag: str, cells: Sequence[Entry], texts: int) -> str:
    """Return a table row; its first `texts` cells are aligned to the left."""
    found = []
    for place, cell in enumerate(cells):
        text = f"<b>{_text(cell.text)}</b>" if cell.bold else _text(cell.text)
        style = _LEFT if place < texts else _RIGHT
        found.append(f'<{tag} style="{style}">{text}</{tag}>')
    return f"<tr>{''.join(found)}</tr>"


def _text(text: str) -> str:
    return escape(printable(text))

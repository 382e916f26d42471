"""Columns of a LaTeX table: how wide they are, and how their numbers are aligned."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from nasbench.harness.compare.tables.formats import Entry, TextTable
from nasbench.harness.compare.tables.latex_page import natural
from nasbench.harness.compare.tables.latex_text import escape_latex

_NUMBER = re.compile(r"(-?)(\d+)(?:\.(\d+))?(?P<rest> ± .*| \[.*)?")
"""A number and what may follow it: a deviation or an interval."""
_GAP = 3.0
"""Points at ten points between a number and what follows it."""


_TIE = "\N{NO-BREAK SPACE}"


@dataclass(frozen=True)
class Column:
    """One column: its name on one or more lines, its kind in LaTeX, and its width in points."""

    heading: tuple[str, ...]
    kind: str
    width: float
    """At ten points, on one line per row."""
    text: bool = False
    aligned: bool = False
    """Whether its numbers are aligned at their points, by siunitx."""
    followed: bool = False
    """Whether what follows the aligned numbers has a column of its own."""

    @property
    def span(self) -> int:
        """The number of columns of the tabular that it takes."""
        return 2 if self.followed else 1

    def head(self) -> str:
        """Return the cell with the column's name."""
        side = "l" if self.text else "r"
        lines = [escape_latex(line) for line in self.heading]
        found = lines[0]
        if len(lines) > 1:
            whole = r"\\".join(lines)
            found = f"\\begin{{tabular}}[b]{{@{{}}{side}@{{}}}}{whole}\\end{{tabular}}"
        if self.followed:
            return f"\\multicolumn{{2}}{{r}}{{{found}}}"
        return f"{{{found}}}" if self.aligned else found

    def cell(self, entry: Entry) -> str:
        """Return a cell of the column."""
        if not self.aligned:
            text = escape_latex(entry.text)
            return f"\\textbf{{{text}}}" if entry.bold else text
        bold = "\\bfseries " if entry.bold else ""
        match = _NUMBER.fullmatch(entry.text)
        if match is None:
            text = f"{{{bold}{escape_latex(entry.text)}}}" if entry.text else "{}"
            return f"{text} & " if self.followed else text
        rest = match["rest"] or ""
        number = bold + entry.text.removesuffix(rest)
        return f"{number} & {bold}{escape_latex(rest.strip())}" if self.followed else number


def columns_of(table: TextTable, *, siunitx: bool = False) -> tuple[Column, ...]:
    """Return the columns of a table; with `siunitx`, those of numbers are aligned."""
    rows = [row for one in table.sections for row in (*one.rows, *one.references)]
    found = []
    for place, name in enumerate(table.columns):
        cells = [row[place] for row in rows]
        text = place < table.texts
        if siunitx and not text and any(_NUMBER.fullmatch(cell.text) for cell in cells):
            found.append(_aligned(name, cells))
            continue
        width = max((natural(cell.text, bold=cell.bold) for cell in cells), default=0.0)
        heading = _heading(name, width)
        wide = max(width, *map(natural, heading))
        found.append(Column(heading, "l" if text else "r", wide, text))
    return tuple(found)


def _aligned(name: str, cells: Sequence[Entry]) -> Column:
    """Return a column whose numbers are aligned at their points."""
    matches = [(cell, _NUMBER.fullmatch(cell.text)) for cell in cells]
    known = [(cell, match) for cell, match in matches if match is not None]
    sign = "-" if any(match[1] for _, match in known) else ""
    whole = max(len(match[2]) for _, match in known)
    after = max(len(match[3] or "") for _, match in known)
    bold = any(cell.bold for cell in cells)
    plain = f"{sign}{'0' * whole}{'.' if after else ''}{'0' * after}"
    others = [natural(cell.text, bold=cell.bold) for cell, match in matches if match is None]
    number = max([natural(plain, bold=bold), *others])
    follows = [natural((match["rest"] or "").strip(), bold=cell.bold) for cell, match in known]
    rest = max(follows)
    width = number + (_GAP + rest if rest else 0.0)
    heading = _heading(name, width)
    form = f"table-format={sign}{whole}.{after}"
    kind = f"S[{form},detect-weight,mode=text,group-digits=false]" + (
        "@{\\hspace{0.3em}}l" if rest else ""
    )
    wide = max(width, *map(natural, heading))
    return Column(heading, kind, wide, aligned=True, followed=bool(rest))


def _heading(name: str, width: float) -> tuple[str, ...]:
    """Return a column's name on one line if it is no wider than its cells, else on two.

    A unit of one letter stays on the line of the word before it.
    """
    words = re.sub(r" (?=\w$)", _TIE, name).split(" ")
    ways = [(" ".join(words[:place]), " ".join(words[place:])) for place in range(1, len(words))]
    lines: tuple[str, ...] = (name,)
    if natural(name) > width and ways:
        lines = min(ways, key=lambda two: max(map(natural, two)))
    return tuple(line.replace(_TIE, " ") for line in lines)

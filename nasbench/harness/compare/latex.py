"""Write a table as LaTeX that fits its page: nothing is scaled, nothing runs over a margin.

A table that is too wide gets, in this order, the whole text instead of one of two columns, smaller
letters, its short form, names of rows that break into lines, and its columns in several parts. One
that is too high is divided into several tables.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from nasbench.harness.compare.formats import Entry, Section, TextTable
from nasbench.harness.compare.latex_columns import Column, columns_of
from nasbench.harness.compare.latex_page import HEIGHT, SIZES, Page, Size, natural, page
from nasbench.harness.compare.latex_text import breakable_latex, escape_latex
from nasbench.harness.compare.table_options import TableOptions, in_short

_INDENT = "    "
_UNFIT = re.compile(r"[^A-Za-z0-9.-]+")
"""Characters that a label may not have."""
_LEAST_LABEL = 62.0
"""Points that the column with the rows' names has at least."""
_SLACK = 2.0
"""Points that are left free, as widths are estimates."""
_RULE = 5.0
"""Points that a rule takes with the space around it."""
_ABOUT_A_CHARACTER = 5.0
_WIDEST = 6.5
"""Points at ten points that a character of a word takes, with some to spare."""


@dataclass(frozen=True)
class _Layout:
    """A table on its page: the width it may have, the size of letters, and its columns."""

    table: TextTable
    width: float
    across: bool
    """Whether it spans both columns of the page."""
    size: Size
    columns: tuple[Column, ...]
    label: float | None = None
    """Points of the column with the rows' names, where these break into lines."""

    @property
    def needed(self) -> float:
        """Points that the table needs on one line per row."""
        return self.of(range(len(self.columns)))

    def of(self, places: Sequence[int]) -> float:
        """Return the points that some of the columns need."""
        own = [self.columns[place].width * self.size.scale for place in places]
        if self.label is not None and 0 in places:
            own[list(places).index(0)] = self.label
        return sum(own) + 2 * self.size.gap * (len(own) - 1) + _SLACK


def to_latex(table: TextTable, options: TableOptions | None = None, folder: str = "") -> str:
    """Return one or several `table` or `table*` environments that fit the page of `options`.

    They need the package booktabs, and siunitx where `options` ask for it. The label is
    `tab:nasbench:FOLDER:NAME`; without a folder there is none.
    """
    options = options or TableOptions()
    chosen = _chosen(table, page(options.width), siunitx=options.siunitx)
    floats = list(_floats(chosen))
    label = f"tab:nasbench:{_UNFIT.sub('-', folder)}:{table.name}" if folder else ""
    packages = "booktabs,siunitx" if options.siunitx else "booktabs"
    lines = [f"% needs \\usepackage{{{packages}}}"]
    for number, parts in enumerate(floats, start=1):
        lines += _float(chosen, parts, label, number, len(floats))
    return "\n".join([*lines, ""])


def _chosen(table: TextTable, where: Page, *, siunitx: bool) -> _Layout:
    """Return the first layout that fits; where none does, one whose columns are divided."""
    short = in_short(table)
    forms = [table] if short is table else [table, short]
    made = [
        _Layout(form, width, across, size, columns_of(form, siunitx=siunitx))
        for form in forms
        for width, across in ((where.column, False), (where.text, True))
        if width is not None
        for size in SIZES
    ]
    for one in made:
        if one.needed <= one.width:
            return one
    for one in reversed(made) if len(forms) == 1 else reversed(made[len(made) // 2 :]):
        others = one.needed - one.columns[0].width * one.size.scale
        if one.width - others >= _LEAST_LABEL:
            return replace(one, label=one.width - others)
    last = made[-1]
    return replace(last, label=min(last.width / 3, last.columns[0].width * last.size.scale))


Part = tuple[tuple[int, ...], tuple[Section, ...]]
"""A tabular: positions of its columns, and its sections."""


def _floats(layout: _Layout) -> Iterator[list[Part]]:
    """Yield the tabulars of each float, so that none is wider or higher than its page."""
    room = HEIGHT - _beside(layout)
    parts: list[Part] = []
    for places in _panels(layout):
        sections = tuple(layout.table.sections)
        if _height(layout, (places, sections)) <= room:
            parts.append((places, sections))
        else:
            parts += _divided(layout, places, room)
    together: list[Part] = []
    used = 0.0
    for part in parts:
        high = _height(layout, part)
        if together and used + high > room:
            yield together
            together, used = [], 0.0
        together.append(part)
        used += high
    if together or not parts:
        yield together


def _panels(layout: _Layout) -> list[tuple[int, ...]]:
    """Return positions of columns that fit beside each other, the leading ones in every panel."""
    lead = tuple(range(max(1, min(layout.table.texts, 2 if layout.table.name == "pairs" else 1))))
    panels: list[tuple[int, ...]] = []
    now = lead
    for place in range(len(lead), len(layout.columns)):
        if now != lead and layout.of((*now, place)) > layout.width:
            panels.append(now)
            now = lead
        now = (*now, place)
    return [*panels, now]


def _divided(layout: _Layout, places: tuple[int, ...], room: float) -> Iterator[Part]:
    """Yield tabulars of as many whole sections as there is room for; a long section is cut."""
    sections: list[Section] = []
    for whole in layout.table.sections:
        for section in _cut(layout, whole, room):
            if sections and _height(layout, (places, (*sections, section))) > room:
                yield places, tuple(sections)
                sections = []
            sections.append(section)
    if sections:
        yield places, tuple(sections)


def _cut(layout: _Layout, section: Section, room: float) -> Iterator[Section]:
    """Yield a section in pieces that are not too high."""
    rows: list[list[Entry]] = []
    for row in section.rows:
        if rows and _height(layout, ((), (Section(section.heading, [*rows, row], []),))) > room:
            yield Section(section.heading, rows, [])
            rows = []
        rows.append(row)
    yield Section(section.heading, rows, section.references)


def _height(layout: _Layout, part: Part) -> float:
    """Return the points that a tabular is high."""
    places, sections = part
    heads = max((len(layout.columns[place].heading) for place in places), default=2)
    lines, rules = heads, 3
    for section in sections:
        rules += 1 + bool(section.references)
        lines += bool(section.heading)
        for row in (*section.rows, *section.references):
            lines += _lines(layout, row[0].text)
    return lines * layout.size.line + rules * _RULE


def _lines(layout: _Layout, text: str) -> int:
    """Return on how many lines a row's name stands; broken lines are rarely full."""
    if layout.label is None:
        return 1
    return 1 + int(1.25 * natural(text) * layout.size.scale / layout.label)


def _beside(layout: _Layout) -> float:
    """Return the points that caption and notes take."""
    in_line = layout.width / _ABOUT_A_CHARACTER
    caption = 1 + len(layout.table.caption) / in_line
    notes = 2 + sum(map(len, _notes(layout.table))) / (in_line * 1.1)
    return 12 * caption + SIZES[-1].line * notes


def _float(
    layout: _Layout, parts: Sequence[Part], label: str, number: int, of: int
) -> Iterator[str]:
    """Yield the lines of one float, which is one of several where the table is divided."""
    name = "table*" if layout.across else "table"
    which = f" (part {number} of {of})" if of > 1 else ""
    yield f"\\begin{{{name}}}"
    yield "  \\setlength{\\abovecaptionskip}{0pt}\\setlength{\\belowcaptionskip}{6pt}"
    yield f"  \\caption{{{escape_latex(layout.table.caption)}{which}.}}"
    if label:
        yield f"  \\label{{{label}{f'-{number}' if number > 1 else ''}}}"
    yield (
        f"  \\centering\\{layout.size.command}\\setlength{{\\tabcolsep}}{{{layout.size.gap:g}pt}}"
    )
    for place, part in enumerate(parts):
        if place:
            yield "  \\par\\medskip"
        yield from _tabular(layout, part)
    notes = " ".join(_sentence(note, layout.table.columns) for note in _notes(layout.table))
    if notes:
        yield "  \\par\\smallskip"
        yield f"  \\parbox{{\\linewidth}}{{\\scriptsize\\raggedright {notes}}}"
    yield f"\\end{{{name}}}"


def _notes(table: TextTable) -> list[str]:
    return [note for note in table.brief or table.notes if note]


def _sentence(note: str, columns: Sequence[str]) -> str:
    """Return a note as a sentence; one on a column begins with the column's name as it is."""
    topic = note.partition(":")[0]
    as_it_is = len(topic) == 1 or topic in columns
    return breakable_latex(note if as_it_is else note[:1].upper() + note[1:]) + "."


def _tabular(layout: _Layout, part: Part) -> Iterator[str]:
    places, sections = part
    columns = [layout.columns[place] for place in places]
    kinds = [one.kind for one in columns]
    if layout.label is not None:
        kinds[0] = f"p{{{layout.label:.1f}pt}}"
    count = sum(one.span for one in columns)
    yield f"  \\begin{{tabular}}{{@{{}}{''.join(kinds)}@{{}}}}"
    yield f"{_INDENT}\\toprule"
    yield f"{_INDENT}{_row([one.head() for one in columns])}"
    for section in sections:
        yield f"{_INDENT}\\midrule"
        if section.heading:
            heading = f"\\emph{{{escape_latex(section.heading)}}}"
            yield f"{_INDENT}\\multicolumn{{{count}}}{{@{{}}l@{{}}}}{{{heading}}} \\\\"
        for row in section.rows:
            yield _INDENT + _row(_cells(layout, row, places))
        if section.references:
            yield f"{_INDENT}\\cmidrule{{1-{count}}}"
            for row in section.references:
                yield _INDENT + _row(_cells(layout, row, places))
    yield f"{_INDENT}\\bottomrule"
    yield "  \\end{tabular}"


def _cells(layout: _Layout, row: Sequence[Entry], places: Sequence[int]) -> list[str]:
    cells = [layout.columns[place].cell(row[place]) for place in places]
    if layout.label is not None:
        longest = max(1, int(layout.label / (_WIDEST * layout.size.scale)))
        cells[0] = f"\\raggedright {breakable_latex(row[places[0]].text, longest)}"
    return cells


def _row(cells: Sequence[str]) -> str:
    return f"{' & '.join(cells)} \\\\"

"""Write a table as LaTeX that fits its page: nothing is scaled, nothing runs over a margin.

A table that is too wide gets, in this order, the whole text instead of one of two columns, smaller
letters, its short form, names of rows that break into lines, and its columns in several parts. One
that is too high is divided into several tables.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from nasbench.harness.compare.tables.formats import Entry, Section, TextTable
from nasbench.harness.compare.tables.latex_columns import Column, columns_of
from nasbench.harness.compare.tables.latex_page import HEIGHT, SIZES, Page, Size, natural, page
from nasbench.harness.compare.tables.latex_text import breakable_latex
from nasbench.harness.compare.tables.options import TableOptions, in_short

_INDENT = "    "
_UNFIT = re.compile(r"[^A-Za-z0-9.-]+")
"""Characters that a label may not have."""
_LEAST_LABEL = 62.0
"""Points that the column with the rows' names has at least."""
_SLACK = 2.0
"""Points that are left free, as widths are estimates."""
_ROUNDING = 0.01
_LONG_NOTES = 90.0
"""Points of notes above which they are not repeated under every part of a table."""
_RULE = 5.0
"""Points that a rule takes with the space around it."""
_ABOUT_A_CHARACTER = 5.0
_SPARE = 0.95
"""Part of a line that an unbroken word may take, as widths are estimates."""


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
    def named(self) -> int:
        """The position of the column with the rows' names."""
        return 1 if self.table.columns[0] == "" else 0  # after a row's number

    @property
    def needed(self) -> float:
        """Points that the table needs on one line per row."""
        return self.of(range(len(self.columns)))

    def of(self, places: Sequence[int]) -> float:
        """Return the points that some of the columns need."""
        own = [self.columns[place].width * self.size.scale for place in places]
        if self.label is not None and self.named in places:
            own[list(places).index(self.named)] = self.label
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
    last = made[-1]  # the widest, with the smallest letters and the fewest columns
    own = last.columns[last.named].width * last.size.scale
    room = last.width - (last.needed - own) - _ROUNDING
    return replace(last, label=room if room >= _LEAST_LABEL else min(last.width / 3, own))


Part = tuple[tuple[int, ...], tuple[Section, ...]]
"""A tabular: positions of its columns, and its sections."""


def _floats(layout: _Layout) -> Iterator[list[Part]]:
    """Yield the tabulars of each float, so that none is wider or higher than its page."""
    notes = _below(layout)
    above = HEIGHT - _caption(layout)
    room = above - min(notes, _LONG_NOTES)
    parts: list[Part] = []
    for places in _panels(layout):
        sections = tuple(layout.table.sections)
        if _height(layout, (places, sections)) <= room:
            parts.append((places, sections))
        else:
            parts += _divided(layout, places, room)
    together: list[Part] = []
    used = 0.0
    for number, part in enumerate(parts, start=1):
        high = _height(layout, part)
        if number == len(parts):  # has all the notes
            high += max(0.0, notes - _LONG_NOTES)
        if together and used + high > room:
            yield together
            together, used = [], 0.0
        together.append(part)
        used += high
    if together or not parts:
        yield together


def _panels(layout: _Layout) -> list[tuple[int, ...]]:
    """Return positions of columns that fit beside each other, the leading ones in every panel."""
    lead = tuple(range(layout.named + 1))
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
            lines += _lines(layout, row[layout.named].text)
    return lines * layout.size.line + rules * _RULE


def _lines(layout: _Layout, text: str) -> int:
    """Return on how many lines a row's name stands; broken lines are rarely full."""
    if layout.label is None:
        return 1
    return 1 + int(1.25 * natural(text) * layout.size.scale / layout.label)


def _caption(layout: _Layout) -> float:
    """Return the points that the caption takes."""
    return 12 * (1 + len(layout.table.caption) / (layout.width / _ABOUT_A_CHARACTER))


def _below(layout: _Layout) -> float:
    """Return the points that the notes take."""
    in_line = 1.1 * layout.width / _ABOUT_A_CHARACTER
    return SIZES[-1].line * (2 + sum(map(len, _notes(layout.table))) / in_line)


def _float(
    layout: _Layout, parts: Sequence[Part], label: str, number: int, of: int
) -> Iterator[str]:
    """Yield the lines of one float, which is one of several where the table is divided.

    Long notes stand under the last of several only.
    """
    name = "table*" if layout.across else "table"
    which = f" (part {number} of {of})" if of > 1 else ""
    yield f"\\begin{{{name}}}"
    yield "  \\setlength{\\abovecaptionskip}{0pt}\\setlength{\\belowcaptionskip}{6pt}"
    yield f"  \\caption{{{breakable_latex(layout.table.caption)}{which}.}}"
    if label:
        yield f"  \\label{{{label}{f'-{number}' if number > 1 else ''}}}"
    yield (f"  \\centering{layout.size.command}\\setlength{{\\tabcolsep}}{{{layout.size.gap:g}pt}}")
    for place, part in enumerate(parts):
        if place:
            yield "  \\par\\medskip"
        yield from _tabular(layout, part)
    notes = _notes(layout.table)
    if number < of and _below(layout) > _LONG_NOTES:
        notes = [f"notes are under part {of}"]
    if notes:
        told = " ".join(_sentence(note, layout.table.columns) for note in notes)
        yield "  \\par\\smallskip"
        yield f"  \\parbox{{\\linewidth}}{{\\scriptsize\\raggedright {told}}}"
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
        kinds[layout.named] = f"p{{{layout.label:.1f}pt}}"
    count = sum(one.span for one in columns)
    yield f"  \\begin{{tabular}}{{@{{}}{''.join(kinds)}@{{}}}}"
    yield f"{_INDENT}\\toprule"
    yield f"{_INDENT}{_row([one.head() for one in columns])}"
    for section in sections:
        yield f"{_INDENT}\\midrule"
        if section.heading:
            own = natural(section.heading) * layout.size.scale
            kind = "l" if own <= layout.width else f"p{{{layout.width:.1f}pt}}"
            heading = f"\\emph{{{breakable_latex(section.heading)}}}"
            yield f"{_INDENT}\\multicolumn{{{count}}}{{@{{}}{kind}@{{}}}}{{{heading}}} \\\\"
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
        text = row[layout.named].text
        name = breakable_latex(text, _unbroken(text, layout.label / layout.size.scale))
        cells[layout.named] = f"\\raggedright {name}"
    return cells


def _unbroken(text: str, width: float) -> int:
    """Return from how many characters on the words of a text must be broken, at least 1.

    `width` is that of a line in points at ten points.
    """
    longest = len(text)
    for word in text.split():
        fits = sum(one <= _SPARE * width for one in accumulate(map(natural, word)))
        longest = min(longest, fits) if fits < len(word) else longest
    return max(1, longest)


def _row(cells: Sequence[str]) -> str:
    return f"{' & '.join(cells)} \\\\"

"""Tables as text, independent of their format, and writers for Markdown, LaTeX and CSV."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

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


def to_latex(table: TextTable) -> str:
    """Return a `table` environment, which is scaled down where it is wider than the text.

    It needs the LaTeX packages booktabs and graphicx.
    """
    lines = [
        "% needs \\usepackage{booktabs,graphicx}",
        "\\begin{table}",
        "  \\centering\\footnotesize\\setlength{\\tabcolsep}{4pt}",
        f"  \\caption{{{escape_latex(table.caption)}.}}",
        "  \\resizebox{\\ifdim\\width>\\linewidth\\linewidth\\else\\width\\fi}{!}{%",
        f"  \\begin{{tabular}}{{@{{}}{'l' * table.texts}"
        f"{'r' * (len(table.columns) - table.texts)}@{{}}}}",
        "    \\toprule",
        f"    {_ampersands([escape_latex(name) for name in table.columns])}",
    ]
    for section in table.sections:
        lines.append("    \\midrule")
        if section.heading:
            heading = escape_latex(section.heading)
            span = f"\\multicolumn{{{len(table.columns)}}}{{@{{}}l}}{{\\emph{{{heading}}}}}"
            lines.append(f"    {span} \\\\")
        lines += [f"    {_latex_row(cells)}" for cells in section.rows]
        if section.references:
            lines.append(f"    \\cmidrule{{1-{len(table.columns)}}}")
            lines += [f"    {_latex_row(cells)}" for cells in section.references]
    lines += ["    \\bottomrule", "  \\end{tabular}}"]
    notes = ". ".join(escape_latex(note[:1].upper() + note[1:]) for note in table.notes)
    lines += [
        "  \\par\\smallskip\\parbox{\\linewidth}{\\scriptsize " + notes + ".}",
        "\\end{table}",
    ]
    return "\n".join([*lines, ""])


def escape_latex(text: str) -> str:
    """Return `text` with LaTeX's special characters escaped."""
    special = {
        "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_",
        "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
        "±": r"$\pm$", "–": "--", "<": r"\textless{}", ">": r"\textgreater{}",
        "[": "{[}", "]": "{]}", "∞": r"$\infty$",
    }  # fmt: skip
    return "".join(special.get(character, character) for character in printable(text))


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


def _ampersands(cells: Sequence[str]) -> str:
    return f"{' & '.join(cells)} \\\\"


def _latex_row(cells: list[Entry]) -> str:
    return _ampersands([_marked(cell, escape_latex, "\\textbf{{{}}}".format) for cell in cells])


def escape_markdown(text: str) -> str:
    """Return `text` with Markdown's special characters escaped."""
    return "".join(
        f"\\{character}" if character in "\\|*_`[]<>" else character
        for character in printable(text)
    )

"""A block's tables, and the formats they are written in."""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from nasbench.harness.compare.references import Reference
from nasbench.harness.compare.rows import Row
from nasbench.harness.trained import PREFIX, SUFFIX

if TYPE_CHECKING:
    from nasbench.harness.compare.comparison import Block, Comparison

BOLD = (
    "bold: not significantly worse than the best mean test accuracy "
    "(Mann-Whitney, Holm over the rows of the data set, alpha 0.05)"
)
PSEUDO_TIME = "simulated seconds are the benchmark's pseudo-time, not measured per run"
REAL_TIME = "seconds are real ones of training and validation on the machine that ran them"
SHARED_TIME = (
    "seconds of {} are real ones of training shared weights on the machine that ran them, and "
    "their queries are epochs of it"
)
TUNING = (
    "tuning s: seconds of the same clock that all searches took which chose a row's settings; 0 "
    "where no tuning is recorded"
)
MIXED_TIME = (
    "simulated seconds are the table's pseudo-time; those of trained cells are real seconds times "
    "the number after * in the protocol's name, a ratio measured on 3 cells"
)
_UNKNOWN = "–"


class Cell(NamedTuple):
    """Text of one cell."""

    text: str
    bold: bool = False


@dataclass(frozen=True)
class Section:
    """Rows under one heading; reference rows come last, below a rule."""

    heading: str
    rows: list[list[Cell]]
    references: list[list[Cell]]


@dataclass(frozen=True)
class TextTable:
    """A table as text, before it has a format."""

    name: str
    caption: str
    columns: tuple[str, ...]
    sections: list[Section]
    notes: tuple[str, ...]
    texts: int = 1
    """Leading columns that are text; the others are numbers."""


def results_table(block: "Block") -> TextTable:
    """Return the accuracies: one section per data set, a row per experiment and reference."""
    failed = ("failed",) if any(one.failed for one in block.contenders) else ()
    columns = (
        "strategy", "n", *failed, "signal", "validation", "test", "test median",
        "regret test", "regret valid.", "queries",
    )  # fmt: skip
    sections = []
    for dataset in block.datasets:
        rows, references = block.of(dataset)
        sections.append(
            Section(
                dataset,
                [_result_cells(row, failed=bool(failed)) for row in rows],
                [_reference_cells(one, failed=bool(failed)) for one in references],
            )
        )
    caption = (
        "Final incumbents, mean ± standard deviation over n runs, in percent; regrets in "
        "percentage points, to the best cell of the table"
    )
    notes = (BOLD, *block.about_test, *block.notes, block.footer)
    return TextTable("results", caption, columns, sections, notes)


def cost_table(block: "Block") -> TextTable:
    """Return what the searches spent, means over the runs."""
    first, _ = block.of(block.datasets[0])
    tuned = any(row.tuning_runs for row in first)
    columns = (
        "method", "family", "n", "failed", "queries", "distinct", "training epochs",
        "simulated s", "optimiser s", *(("tuning s",) if tuned else ()), "test",
    )  # fmt: skip
    rows = [
        [
            Cell(row.label),
            Cell(row.family),
            Cell(str(row.n)),
            Cell(str(row.failed)),
            Cell(_number(row.queries_mean, 1)),
            Cell(_number(row.distinct_mean, 1)),
            Cell(_number(row.training_epochs_mean, 0)),
            Cell(_number(row.simulated_seconds_mean, 0)),
            Cell(_seconds(row.optimiser_seconds_mean)),
            *([Cell(_number(row.tuning_simulated_seconds, 0))] if tuned else []),
            Cell(_interval(row.test_mean, row.test_low, row.test_high), row.among_best),
        ]
        for row in first
    ]
    shared = [row.label for row in first if row.signal_epochs == 0]
    real = (SHARED_TIME.format(", ".join(shared)),) if shared else ()
    clock = () if len(shared) == len(first) else (_clock(block),)
    found = (TUNING,) if tuned else ()
    notes = (*clock, *real, *found, *block.notes, block.footer)
    caption = (
        f"Search cost and test accuracy on {block.datasets[0]} (%), means over n runs, with the "
        "95 % bootstrap interval of the accuracy"
    )
    return TextTable("cost", caption, columns, [Section("", rows, [])], notes, texts=2)


def _clock(block: "Block") -> str:
    """Return what the seconds of a block are."""
    if block.task.benchmark.startswith(PREFIX):
        return REAL_TIME
    if block.task.benchmark.endswith(SUFFIX):
        return MIXED_TIME
    return "; ".join([PSEUDO_TIME, *filter(None, [block.about_seconds])])


def to_markdown(table: TextTable) -> str:
    """Write GitHub's pipe tables, one per section, caption above and notes below."""
    align = ["---"] * table.texts + ["---:"] * (len(table.columns) - table.texts)
    lines = [f"**{_escape_markdown(table.caption)}**", ""]
    for section in table.sections:
        if section.heading:
            lines += [f"*{_escape_markdown(section.heading)}*", ""]
        lines += [_pipes(table.columns), _pipes(align)]
        for cells in (*section.rows, *section.references):
            lines.append(
                _pipes([_marked(cell, _escape_markdown, "**{}**".format) for cell in cells])
            )
        lines.append("")
    return "\n".join([*lines, *(f"- {_escape_markdown(note)}" for note in table.notes), ""])


def to_latex(table: TextTable) -> str:
    """Write a `table` environment; needs the package booktabs and nothing else."""
    lines = [
        "% needs \\usepackage{booktabs}",
        "\\begin{table}",
        "  \\centering\\footnotesize\\setlength{\\tabcolsep}{4pt}",
        f"  \\caption{{{escape_latex(table.caption)}.}}",
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
    lines += ["    \\bottomrule", "  \\end{tabular}"]
    notes = ". ".join(escape_latex(note[:1].upper() + note[1:]) for note in table.notes)
    lines += [
        "  \\par\\smallskip\\parbox{\\linewidth}{\\scriptsize " + notes + ".}",
        "\\end{table}",
    ]
    return "\n".join([*lines, ""])


def to_csv(comparison: "Comparison") -> str:
    """Write the rows of all blocks with all their numbers."""
    return str(comparison.to_frame().to_csv(index=False, lineterminator="\n"))


def to_json(comparison: "Comparison") -> str:
    """Write everything as JSON; a number that is not known is null."""
    return json.dumps(comparison.to_json(), indent=2, allow_nan=False)


def to_text(comparison: "Comparison", form: str) -> str:
    """Return the whole comparison as `markdown`, `latex`, `csv` or `json`."""
    if form == "csv":
        return to_csv(comparison)
    if form == "json":
        return to_json(comparison)
    write: Callable[[TextTable], str] = {"markdown": to_markdown, "latex": to_latex}[form]
    parts = []
    for title, block in zip(comparison.titles, comparison.blocks, strict=True):
        line = " ".join(title.split())  # a comment of LaTeX ends with its line
        parts.append(f"% {line}\n" if form == "latex" else f"## {_escape_markdown(line)}\n")
        parts += [write(table) for table in (results_table(block), cost_table(block))]
    return "\n".join(parts)


def escape_latex(text: str) -> str:
    """Return `text` with everything that LaTeX would take for a command made harmless."""
    special = {
        "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_",
        "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
        "±": r"$\pm$", "–": "--", "<": r"\textless{}", ">": r"\textgreater{}",
        "[": "{[}", "]": "{]}",
    }  # fmt: skip
    return "".join(special.get(character, character) for character in text)


def _result_cells(row: Row, *, failed: bool) -> list[Cell]:
    return [
        Cell(row.label),
        Cell(str(row.n)),
        *([Cell(str(row.failed))] if failed else []),
        Cell(_number(row.signal_mean, 2)),
        Cell(_spread(row.valid_mean, row.valid_std)),
        Cell(_spread(row.test_mean, row.test_std), row.among_best),
        Cell(_number(row.test_median, 2)),
        Cell(_number(row.regret_mean, 2)),
        Cell(_number(row.valid_regret_mean, 2)),
        Cell(_number(row.queries_mean, 1)),
    ]


def _reference_cells(one: Reference, *, failed: bool) -> list[Cell]:
    return [
        Cell(one.reference),
        Cell(_UNKNOWN),
        *([Cell(_UNKNOWN)] if failed else []),
        Cell(_number(one.signal_mean, 2)),
        Cell(_spread(one.valid_mean, one.valid_std)),
        Cell(_spread(one.test_mean, one.test_std)),
        Cell(_UNKNOWN),
        Cell(_number(one.regret_mean, 2)),
        Cell(_number(one.valid_regret_mean, 2)),
        Cell(_number(one.queries_mean, 1)),
    ]


def _number(value: float, digits: int) -> str:
    return _UNKNOWN if math.isnan(value) else f"{value:.{digits}f}"


def _spread(mean: float, std: float) -> str:
    return _number(mean, 2) if math.isnan(std) else f"{mean:.2f} ± {std:.2f}"


def _interval(mean: float, low: float, high: float) -> str:
    return _UNKNOWN if math.isnan(mean) else f"{mean:.2f} [{low:.2f}, {high:.2f}]"


def _seconds(value: float) -> str:
    return _UNKNOWN if math.isnan(value) else f"{value:.2g}" if value < 10 else f"{value:.0f}"


def _marked(cell: Cell, escape: Callable[[str], str], bold: Callable[[str], str]) -> str:
    return bold(escape(cell.text)) if cell.bold else escape(cell.text)


def _pipes(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _ampersands(cells: Sequence[str]) -> str:
    return f"{' & '.join(cells)} \\\\"


def _latex_row(cells: list[Cell]) -> str:
    return _ampersands([_marked(cell, escape_latex, "\\textbf{{{}}}".format) for cell in cells])


def _escape_markdown(text: str) -> str:
    return "".join(
        f"\\{character}" if character in "\\|*_`[]<>" else character for character in text
    )

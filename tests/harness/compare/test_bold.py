"""Bold where a test could tell rows apart and did not, nowhere else, and each table says why."""

import io
import re
from dataclasses import replace
from math import comb
from pathlib import Path

import pytest
from rich.console import Console
from scipy.stats import mannwhitneyu
from tables import installed

from nasbench.harness.compare import Block, Comparison, compare
from nasbench.harness.compare.as_text import to_text
from nasbench.harness.compare.tables.all_tables import tables, tables_across
from nasbench.harness.compare.tables.formats import TextTable, to_markdown
from nasbench.harness.compare.tables.latex import to_latex
from nasbench.harness.compare.tables.options import TableOptions
from nasbench.harness.compare.tables.terminal import print_comparison
from nasbench.harness.execution.run import run
from nasbench.harness.report import report
from nasbench.harness.results.load import Results, load_results
from nasbench.testing.one_shot import SMALL

ROWS, RUNS = (2, 3, 10), (1, 2, 3, 4)


@pytest.fixture(scope="module")
def stored(synthetic_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Results:
    """Ten rows with four runs each."""
    out = tmp_path_factory.mktemp("ten")
    with installed(synthetic_data):
        for population in range(2, 2 + max(ROWS)):
            settings = {"regularized-evolution": {"population": population, "sample": 2}}
            run("regularized-evolution", seeds=max(RUNS), budget="12evals", settings=settings,
                out=out)  # fmt: skip
    return load_results(out)


def some(stored: Results, rows: int, runs: int) -> Comparison:
    few = tuple(one.select(one.seeds < runs) for one in stored.experiments[:rows])
    names = None if rows == 3 else "cifar10"  # ranks, which are of several data sets, once
    return compare(replace(stored, experiments=few), datasets=names)


def bold_cells(table: TextTable) -> int:
    return sum(
        cell.bold for one in table.sections for row in (*one.rows, *one.references) for cell in row
    )


def can_tell(rows: int, runs: int) -> bool:
    """Whether the most extreme samples differ significantly, over all pairs of rows."""
    least = mannwhitneyu(range(runs), range(runs, 2 * runs), method="exact").pvalue
    return bool(least * comb(rows, 2) < 0.05)


@pytest.mark.usefixtures("synthetic_nb201")
@pytest.mark.parametrize("runs", RUNS)
@pytest.mark.parametrize("rows", ROWS)
def test_nothing_is_bold_where_no_test_can_tell(stored: Results, rows: int, runs: int) -> None:
    comparison = some(stored, rows, runs)
    (block,) = comparison.blocks
    telling = can_tell(rows, runs)
    for table in tables(block):
        plain = [note for note in table.notes if note.startswith("nothing is bold")]
        meant = [note for note in table.notes if note.startswith("bold:")]
        assert (len(meant), len(plain)) == ((1, 0) if telling else (0, 1)), table.name
        assert bool(bold_cells(table)) is telling or table.name == "pairs"
        marked = re.findall(r"\| \*\*", to_markdown(table)), to_latex(table).count("\\textbf{")
        assert [bool(one) for one in marked] == [bool(bold_cells(table))] * 2
        assert ("othing is bold" in to_latex(table)) is not telling
    for family in comparison.families:
        for table in tables_across(family):
            notes = [note for note in table.notes if note.startswith(("bold:", "nothing is bold"))]
            assert len(notes) == 1
            assert notes[0].startswith("bold") is bool(bold_cells(table))
            assert bool(bold_cells(table)) is family.standings.telling


@pytest.mark.usefixtures("synthetic_nb201")
@pytest.mark.parametrize(("rows", "runs"), [(3, 2), (2, 4)])
def test_the_terminal_says_so_under_every_table(stored: Results, rows: int, runs: int) -> None:
    every = ("results", "cost", "estimates", "course", "pairs")
    comparison = some(stored, rows, runs)
    asked = replace(comparison.options, tables=TableOptions(kinds=every))
    console = Console(width=120, file=io.StringIO(), highlight=False)
    print_comparison(replace(comparison, options=asked), console)
    text = console.file.getvalue()
    if can_tell(rows, runs):
        assert re.search(r"\d\*", text)
        assert "nothing is bold" not in text
    else:
        assert not re.search(r"\d\*", text)
        assert text.count("nothing is bold") == len(every)


@pytest.mark.usefixtures("synthetic_nb201")
def test_a_page_says_so_under_every_table(tmp_path: Path) -> None:
    run("random-search,regularized-evolution,reinforce", seeds=2, budget="9evals", out=tmp_path)
    text = report(tmp_path).read_text(encoding="utf-8")
    found = re.findall(r"<figure>\n<figcaption>.*?</figure>", text, re.DOTALL)
    found = [part for part in found if "<table" in part]
    assert len(found) == 6
    assert all(part.count("nothing is bold") == 1 for part in found)
    assert not any("<strong>" in part for part in found)


def test_rows_are_told_on_their_own_clock(toy_images: Path, tmp_path: Path) -> None:
    """Four runs tell two rows of evaluations after a part of the budget, but not three rows."""
    run("rsps,random-search,reinforce", seeds=4, settings={"rsps": {**SMALL, "samples": 3}},
        out=tmp_path)  # fmt: skip
    comparison = compare(tmp_path)
    found = {table.name: table for table in tables(comparison.blocks[0])}
    assert not bold_cells(found["results"])
    course = found["course"]
    assert bold_cells(course)
    shared = [row for one in course.sections for row in one.rows if row[0].text.startswith("rsps")]
    assert not any(cell.bold for row in shared for cell in row)
    assert any(note.startswith("bold:") for note in course.notes)
    (why,) = (note for note in course.notes if note.startswith("nothing is bold"))
    assert why.endswith("in rows of shared weights: there are no two rows to compare")
    check_clocks(comparison.blocks[0], found)
    assert "shared epochs" in to_text(comparison, "markdown")


def check_clocks(block: Block, found: dict[str, TextTable]) -> None:
    """No clock and no count has numbers of rows of both kinds in one column."""
    own = {
        True: ("shared epochs", "training s"),
        False: ("evals", "simulated s", "training epochs"),
    }
    shared = {one.label: one.experiment.task.shared for one in block.contenders}
    for name in ("results", "cost", "course"):
        table = found[name]
        for place, column in enumerate(table.columns):
            for kind, clocks in own.items():
                if column.removeprefix("median ").removeprefix("expected ") in clocks:
                    rows = [row for one in table.sections for row in one.rows]
                    filled = {shared[row[0].text] for row in rows if row[place].text != "–"}
                    assert filled == {kind}, (name, column)

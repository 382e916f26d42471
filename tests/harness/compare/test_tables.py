"""Tables in every format: complete, escaped, and the same numbers."""

import csv
import io
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from figures import drawn
from rich.console import Console
from tables import synthetic_table

from nasbench.benchmarks.tables.columns import seed_count
from nasbench.benchmarks.tables.info import Quantity, Split
from nasbench.benchmarks.tables.table import Table
from nasbench.harness.compare import Comparison, compare
from nasbench.harness.compare.as_text import to_text
from nasbench.harness.compare.figures.plots import regret_pictures
from nasbench.harness.compare.tables.all_tables import (
    cost_table,
    course_table,
    estimates_table,
    results_table,
    tables,
)
from nasbench.harness.compare.tables.formats import (
    Entry,
    Section,
    TextTable,
    to_markdown,
)
from nasbench.harness.compare.tables.latex import to_latex
from nasbench.harness.compare.tables.latex_text import escape_latex
from nasbench.harness.compare.tables.terminal import print_comparison
from nasbench.harness.compare.write import folder_names, write
from nasbench.harness.execution.run import run

KEYS = {
    "strategy", "settings", "benchmark", "dataset", "protocol", "budget", "n", "signal_mean",
    "valid_mean", "valid_std", "test_mean", "test_std", "test_median", "regret_mean",
    "evaluations_mean", "distinct_mean", "simulated_seconds_mean", "optimiser_seconds_mean",
}  # fmt: skip


@pytest.fixture
def comparison(tmp_path: Path, synthetic_nb201: Path) -> Comparison:
    run("random-search,regularized-evolution", seeds=5, budget="2000s", out=tmp_path / "results")
    return compare(tmp_path / "results")


def test_json_has_rows_references_and_blocks(comparison: Comparison) -> None:
    data = json.loads(to_text(comparison, "json"))
    assert len(data["rows"]) == 6
    assert all(row.keys() >= KEYS for row in data["rows"])
    assert {one["reference"] for one in data["references"]} >= {
        "optimum",
        "expected random search",
    }
    assert [len(block["rows"]) for block in data["blocks"]] == [6]
    optimum = next(one for one in data["references"] if one["reference"] == "optimum")
    assert optimum["evaluations_mean"] is None


def test_csv_holds_the_same_numbers(comparison: Comparison) -> None:
    rows = list(csv.DictReader(io.StringIO(to_text(comparison, "csv"))))
    for read, row in zip(rows, comparison.rows, strict=True):
        assert float(read["test_mean"]) == row.finals.test.value
        assert json.loads(read["settings"]) == row.experiment.settings


def test_every_table_says_protocol_budget_n_table_and_version(comparison: Comparison) -> None:
    block = comparison.blocks[0]
    for table in (results_table(block), cost_table(block)):
        foot = table.notes[-1]
        for part in ("nb201-paper", "2000s", "n = 5", block.task.content[:8], "nasbench "):
            assert part in foot
        assert "n" in table.columns


def test_blocks_that_differ_in_one_thing_differ_in_every_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synthetic_table(trials=(0, 1)).save(tmp_path / "tables" / "nb201.safetensors")
    monkeypatch.setenv("NASBENCH_DATA", str(tmp_path))
    for changes in ({}, {"repeats": "free"}, {"trials": "random"}):
        run("random-search", seeds=2, budget="9evals", out=tmp_path / "results", **changes)
    comparison = compare(tmp_path / "results", datasets="cifar10")
    task = comparison.blocks[0].task
    tasks = [
        replace(
            task,
            reference=replace(task.reference, protocol="own"),
            query=replace(task.query, epochs=epochs),
        )
        for epochs in (6, 12)
    ]
    own = tuple(replace(comparison.blocks[0], task=other) for other in tasks)
    comparison = Comparison((*comparison.blocks, *own))
    blocks = comparison.blocks
    assert len(blocks) == 5
    for text in (to_latex, to_markdown):
        for table in (results_table, cost_table):
            feet = {re.split(r"[Pp]rotocol ", text(table(block)))[-1] for block in blocks}
            assert len(feet) == 5
    figures = [
        figure
        for block in blocks
        for _, figure in drawn(regret_pictures(block, clock="evaluations"))
    ]
    assert len({" ".join(text.get_text() for text in one.texts) for one in figures}) == 5
    names = folder_names(comparison)
    assert {"nb201-paper-cifar10-9evals", "nb201-paper-cifar10-9evals-repeats-free"} < set(names)
    assert not any("--" in name for name in names)
    for form in ("markdown", "latex"):
        text = to_text(comparison, form)
        assert all(f"Block {number} of 5: nb201" in text for number in range(1, 6))


def test_fitted_seconds_and_training_seeds_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = synthetic_table()
    data = {column.name: whole._read(column.name) for column in whole.info.columns}
    counts = seed_count("cifar10", Split.TEST, 200)
    data[counts.name] = data[counts.name].copy()
    data[counts.name][:100] = 2
    columns = tuple(
        column.model_copy(update={"fitted": column.quantity == Quantity.SECONDS})
        for column in whole.info.columns
    )
    table = Table.from_columns(whole.info.model_copy(update={"columns": columns}), data)
    table.save(tmp_path / "tables" / "nb201.safetensors")
    monkeypatch.setenv("NASBENCH_DATA", str(tmp_path))
    run("random-search", seeds=2, budget="2000s", out=tmp_path / "results")
    block = compare(tmp_path / "results").blocks[0]
    fitted = "partly fitted: `nasbench data info nb201`"
    assert fitted in " ".join(cost_table(block).notes)
    assert (
        "test: mean over 2 or 3 training seeds (CIFAR-10); "
        "mean over 3 training seeds (CIFAR-100, ImageNet16-120)"
    ) in results_table(block).notes
    for clock, told in (("seconds", True), ("evaluations", False)):
        for _, figure in drawn(regret_pictures(block, clock=clock)):
            foot = " ".join(text.get_text() for text in figure.texts).replace("\n", " ")
            assert (fitted in foot) is told


def test_bold_says_what_it_means_or_why_there_is_none(
    tmp_path: Path, synthetic_nb201: Path
) -> None:
    """Two rows need four runs each, one row has nothing to be compared with."""
    both = "random-search,regularized-evolution"
    for seeds, strategies, why in (
        (1, both, "with 1 runs a row no difference among 2 rows can be significant"),
        (3, both, "with 3 runs a row no difference among 2 rows can be significant"),
        (4, both, ""),
        (9, "random-search", "there are no two rows to compare"),
    ):
        out = tmp_path / f"{seeds}"
        run(strategies, seeds=seeds, budget="20evals", out=out)
        block = compare(out).blocks[0]
        assert all(row.tested.testable is (not why) for row in block.rows)
        for table in (results_table(block), cost_table(block), estimates_table(block)):
            bold = [
                cell for part in table.sections for row in part.rows for cell in row if cell.bold
            ]
            notes = [note for note in table.notes if "bold" in note]
            assert len(notes) == 1
            if why:
                assert not bold
                assert notes[0].startswith(f"nothing is bold: {why}")
            else:
                assert bold
                assert notes[0].startswith("bold: no other row has a significantly better test")
        assert any(cell.bold for part in course_table(block).sections for row in part.rows
                   for cell in row) is (not why)  # fmt: skip


def test_bold_and_its_tests_are_the_pairs(comparison: Comparison) -> None:
    """A row is bold unless a pair of the table of pairs says that another is better."""
    (block,) = comparison.blocks
    for dataset in block.datasets:
        rows, _ = block.of(dataset)
        for place, row in enumerate(rows):
            better = [
                pair for pair in block.pairs[dataset]
                if pair.corrected < 0.05 and place in (pair.first, pair.second)
                and (pair.difference > 0) == (place == pair.second)
                and (pair.superiority > 0.5) == (place == pair.second)
            ]  # fmt: skip
            assert row.tested.among_best is not bool(better)
            assert bool(row.tested.worse_than) is bool(better)


def test_measured_seconds_are_not_called_fitted(comparison: Comparison) -> None:
    block = comparison.blocks[0]
    assert not any("fitted" in note for note in cost_table(block).notes)
    assert "test: mean over 3 training seeds" in results_table(block).notes


def test_latex_is_balanced_and_has_equal_columns(comparison: Comparison) -> None:
    for table in tables(comparison.blocks[0]):
        text = to_latex(table)
        assert re.sub(r"\\[{}]", "", text).count("{") == re.sub(r"\\[{}]", "", text).count("}")
        for rule in ("\\toprule", "\\midrule", "\\bottomrule"):
            assert rule in text
        counts = {
            len(re.findall(r"(?<!\\)&", line))
            for line in text.splitlines()
            if line.endswith(" \\\\") and "multicolumn" not in line
        }
        assert len(counts) == 1


def test_latex_escapes_what_would_break_it() -> None:
    assert escape_latex("a_b & 50% ~{x}\\") == (
        r"a\_b \& 50\% \textasciitilde{}\{x\}\textbackslash{}"
    )
    assert escape_latex("1.00 ± 0.10") == r"1.00 $\pm$ 0.10"


def test_markdown_keeps_pipes_out_of_cells() -> None:
    table = TextTable(
        "t", "c", ("a", "b"), [Section("", [[Entry("x|y_z"), Entry("1", True)]], [])], ()
    )
    assert "| x\\|y\\_z | **1** |" in to_markdown(table)


@pytest.mark.parametrize("width", [60, 80, 100, 200])
def test_the_terminal_table_fits(comparison: Comparison, width: int) -> None:
    console = Console(width=width, file=io.StringIO(), highlight=False)
    print_comparison(comparison, console)
    lines = console.file.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    assert any(re.match(r"Random search\s+5\b", line) for line in lines)
    assert any("expected random" in line for line in lines)
    assert not any("…" in line for line in lines)
    assert any("evals" in line for line in lines) or width < 80
    names = [line.split()[0] for line in lines if line.startswith("Regul")]
    assert set(names) == {"Regularized"}


def test_files_are_complete_and_repeat_byte_for_byte(
    comparison: Comparison, tmp_path: Path
) -> None:
    first = write(comparison, tmp_path / "a")
    second = write(comparison, tmp_path / "b")
    names = [path.name for path in first]
    for name in ("results", "cost"):
        for form in ("tex", "md", "csv"):
            assert f"{name}.{form}" in names
    for dataset in ("cifar10", "cifar100", "ImageNet16-120"):
        for form in ("pdf", "png"):
            assert f"regret-{dataset}-seconds.{form}" in names
    assert all(a.read_bytes() == b.read_bytes() for a, b in zip(first, second, strict=True))


@pytest.mark.usefixtures("no_pdfs")
@pytest.mark.usefixtures("synthetic_nb201")
def test_what_the_last_comparison_wrote_and_this_one_lacks_is_removed(tmp_path: Path) -> None:
    results, out = tmp_path / "results", tmp_path / "results" / "comparison"
    for budget in ("5evals", "9evals"):
        run("random-search", seeds=2, budget=budget, name=budget, out=results)
    compare(results, out=out)
    gone, kept = out / "nb201-paper-cifar10-5evals", out / "nb201-paper-cifar10-9evals"
    mine = kept / "regret-mine.png"
    mine.write_text("not listed")
    shutil.rmtree(results / "5evals")
    compare(results, out=out)
    assert not gone.exists()
    assert mine.exists()
    listed = json.loads((out / "comparison.json").read_text())["files"]
    there = {path.relative_to(out).as_posix() for path in out.rglob("*.*") if path != mine}
    assert set(listed) == there


@pytest.mark.usefixtures("no_pdfs")
@pytest.mark.usefixtures("synthetic_nb201")
def test_a_list_of_files_that_lead_elsewhere_removes_nothing(tmp_path: Path) -> None:
    run("random-search", seeds=2, budget="5evals", out=tmp_path / "results")
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    (out / "notes").mkdir(parents=True)
    elsewhere.mkdir()
    (out / "link").symlink_to(elsewhere)
    files = [elsewhere / "results.md", out / "notes" / "thesis.md", out / "results.md"]
    for file in files:
        file.write_text("mine")
    names = [
        "../elsewhere/results.md", str(files[0]), "link/results.md", "notes/thesis.md",
        "results.md", "..", "", "nowhere/results.md",
    ]  # fmt: skip
    for content in (json.dumps({"files": names}), '{"files": 3}', "[]", "no JSON"):
        (out / "comparison.json").write_text(content)
        compare(tmp_path / "results", out=out)
        assert all(file.exists() for file in files)

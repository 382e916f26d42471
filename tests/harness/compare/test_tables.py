"""Tables in every format: complete, escaped, and the same numbers."""

import csv
import io
import json
import re
from pathlib import Path

import pytest
from rich.console import Console

from nasbench.harness.compare import Comparison, compare
from nasbench.harness.compare.tables import (
    Cell,
    Section,
    Table,
    cost_table,
    escape_latex,
    results_table,
    to_latex,
    to_markdown,
    to_text,
)
from nasbench.harness.compare.terminal import print_comparison
from nasbench.harness.compare.write import write
from nasbench.harness.run import run

KEYS = {
    "strategy", "settings", "benchmark", "dataset", "protocol", "budget", "n", "signal_mean",
    "valid_mean", "valid_std", "test_mean", "test_std", "test_median", "regret_mean",
    "queries_mean", "distinct_mean", "simulated_seconds_mean", "optimiser_seconds_mean",
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
    assert optimum["queries_mean"] is None


def test_csv_holds_the_same_numbers(comparison: Comparison) -> None:
    rows = list(csv.DictReader(io.StringIO(to_text(comparison, "csv"))))
    for read, row in zip(rows, comparison.rows, strict=True):
        assert float(read["test_mean"]) == row.test_mean
        assert json.loads(read["settings"]) == row.settings


def test_every_table_says_protocol_budget_n_table_and_version(comparison: Comparison) -> None:
    block = comparison.blocks[0]
    for table in (results_table(block), cost_table(block)):
        foot = table.notes[-1]
        for part in ("nb201-paper", "2000s", "n = 5", block.task.table[:8], "nasbench "):
            assert part in foot
        assert "n" in table.columns


def test_latex_is_balanced_and_has_equal_columns(comparison: Comparison) -> None:
    for table in (results_table(comparison.blocks[0]), cost_table(comparison.blocks[0])):
        text = to_latex(table)
        assert re.sub(r"\\[{}]", "", text).count("{") == re.sub(r"\\[{}]", "", text).count("}")
        for rule in ("\\toprule", "\\midrule", "\\bottomrule"):
            assert rule in text
        for line in text.splitlines():
            if line.endswith(" \\\\") and "multicolumn" not in line:
                assert len(re.findall(r"(?<!\\)&", line)) == len(table.columns) - 1


def test_latex_escapes_what_would_break_it() -> None:
    assert escape_latex("a_b & 50% ~{x}\\") == (
        r"a\_b \& 50\% \textasciitilde{}\{x\}\textbackslash{}"
    )
    assert escape_latex("1.00 ± 0.10") == r"1.00 $\pm$ 0.10"


def test_markdown_keeps_pipes_out_of_cells() -> None:
    table = Table("t", "c", ("a", "b"), [Section("", [[Cell("x|y_z"), Cell("1", True)]], [])], ())
    assert "| x\\|y\\_z | **1** |" in to_markdown(table)


@pytest.mark.parametrize("width", [60, 80, 200])
def test_the_terminal_table_fits(comparison: Comparison, width: int) -> None:
    console = Console(width=width, file=io.StringIO(), highlight=False)
    print_comparison(comparison, console)
    lines = console.file.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    assert any(re.match(r"random-search\s+5\b", line) for line in lines)
    assert any("expected random" in line for line in lines)
    assert not any("…" in line for line in lines)
    assert any("queries" in line for line in lines) or width < 80


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

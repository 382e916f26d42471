"""Which tables and columns are asked for: in every format, in Python and as typed, and audited."""

import csv
import json
import re
from pathlib import Path

import pytest
from tables import installed
from typer.testing import CliRunner

import nasbench
from nasbench.cli.app import app
from nasbench.errors import InvalidInput
from nasbench.harness.audit import audit
from nasbench.harness.compare import compare
from nasbench.harness.compare.tables.all_tables import tables
from nasbench.harness.compare.tables.latex_page import page
from nasbench.harness.compare.tables.options import TableOptions
from nasbench.harness.execution.run import run

cli = CliRunner(env={"COLUMNS": "100"})
pytestmark = [pytest.mark.usefixtures("synthetic_nb201"), pytest.mark.usefixtures("no_pdfs")]


@pytest.fixture(scope="module")
def runs(synthetic_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("options") / "results"
    with installed(synthetic_data):
        run("random-search,regularized-evolution", seeds=3, budget="9evals", out=out)
    return out


def heads(folder: Path, name: str) -> tuple[list[str], list[str]]:
    """Return the columns of a table as Markdown and as LaTeX."""
    pipes = next(
        line
        for line in folder.joinpath(f"{name}.md").read_text(encoding="utf-8").splitlines()
        if line.startswith("| ")
    )
    latex = re.search(r"\\toprule\n *(.*) \\\\\n", folder.joinpath(f"{name}.tex").read_text())
    assert latex is not None
    stacked = r"\\begin\{tabular\}\[b\]\{@\{\}r@\{\}\}(.*)\\end\{tabular\}"
    cells = [re.sub(stacked, r"\1", one).replace(r"\\", " ") for one in latex[1].split(" & ")]
    return pipes.strip("| ").split(" | "), cells


def test_columns_tables_and_forms_as_typed(runs: Path, tmp_path: Path) -> None:
    """In Markdown, LaTeX and on the terminal; what is compared is audited as it was asked for."""
    asked = ["--columns", "test,n,regret test", "--columns", "cost=evals,family"]
    others = ["--tables", "results,cost,course", "--dataset", "cifar100,cifar10"]
    done = cli.invoke(app, ["compare", str(runs), *asked, *others, "--width", "icml-column"])
    assert done.exit_code == 0, done.output
    written = sorted(path.name for path in runs.rglob("comparison/*/*.md"))
    assert written == ["captions.md", "cost.md", "course.md", "results.md"]
    (folder,) = {path.parent for path in runs.rglob("comparison/*/*.md")}
    wanted = ["strategy", "test", "n", "regret test"]
    assert heads(folder, "results") == (wanted, wanted)
    assert heads(folder, "cost")[0] == ["strategy", "family", "evals"]  # texts come first
    assert re.findall(r"^strategy .*$", done.stdout, re.MULTILINE)[0].split() == [
        "strategy", "test", "n", "test"
    ]  # fmt: skip
    text = (folder / "results.md").read_text(encoding="utf-8")
    assert text.index("*CIFAR-100*") < text.index("*CIFAR-10*")
    with (folder / "results.csv").open(encoding="utf-8") as file:
        assert {"test_mean", "training_seconds_mean"} <= next(csv.DictReader(file)).keys()
    stored = json.loads((runs / "comparison" / "comparison.json").read_text(encoding="utf-8"))
    assert stored["options"]["tables"]["width"] == "icml-column"
    assert audit(runs).faults == ()
    (folder / "results.tex").write_text("% mine", encoding="utf-8")
    assert [one.check for one in audit(runs).faults] == ["comparison"]


def test_comparisons_stored_without_options_of_tables_are_audited(runs: Path) -> None:
    compare(runs, out=runs / "comparison")
    file = runs / "comparison" / "comparison.json"
    stored = json.loads(file.read_text(encoding="utf-8"))
    del stored["options"]["tables"]
    file.write_text(json.dumps(stored), encoding="utf-8")
    faults = [str(one) for one in audit(runs).faults]
    assert not any("cannot be read" in one or "its text" in one for one in faults)


def test_the_short_form_has_fewer_columns_and_the_full_one_all(runs: Path) -> None:
    def columns(form: str | None) -> dict[str, tuple[str, ...]]:
        found = compare(runs, tables=nasbench.TableOptions(form=form))
        return {one.name: one.columns for one in tables(found.blocks[0], found.options.tables)}

    usual, full, short = columns(None), columns("full"), columns("short")
    assert usual == full
    for name in ("results", "cost", "estimates", "course"):
        assert set(short[name]) < set(full[name])
    assert short["results"] == ("strategy", "n", "test", "regret test")
    assert "failed" not in full["results"]  # no run failed: the column would be empty
    assert "shared epochs" not in full["cost"]


def test_no_table_at_all(runs: Path, tmp_path: Path) -> None:
    compare(runs, out=tmp_path, tables=TableOptions(kinds=("none",)))
    assert {path.name for path in tmp_path.rglob("*.tex")} == {"captions.tex"}
    assert not list(tmp_path.rglob("*.csv"))
    assert list(tmp_path.rglob("*.png"))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            ["--columns", "n,tset"],
            "column 'tset' is unknown in table 'results': valid are strategy,",
        ),
        (["--columns", "costs=n"], "table 'costs' is unknown: valid are results, cost, estimates,"),
        (["--columns", "pairs=n"], "table 'pairs' has a column for each row"),
        (
            ["--columns", "n", "--columns", "results=n"],
            "columns of table 'results' are given twice",
        ),
        (["--tables", "results,rank"], "table 'rank' is unknown: valid are results, cost,"),
        (["--table-width", "wide"], "width 'wide' is unknown"),
    ],
)
def test_what_is_unknown_is_one_line_before_anything_is_printed(
    runs: Path, options: list[str], words: str
) -> None:
    done = cli.invoke(app, ["compare", str(runs), *options])
    assert isinstance(done.exception, InvalidInput)
    assert words in str(done.exception)
    assert "\n" not in str(done.exception)
    assert done.stdout == ""


def test_a_column_that_sets_do_not_have_is_refused(tmp_path: Path) -> None:
    run("random-search", seeds=2, benchmark="digits", objective="accuracy,params",
        budget="9evals", out=tmp_path, workers=1)  # fmt: skip
    asked = ("members", "best accuracy (%)")
    found = compare(tmp_path, tables=TableOptions({"sets": asked}))
    (table,) = (one for one in tables(found.blocks[0], found.options.tables) if one.name == "sets")
    assert table.columns == ("strategy", *asked)
    with pytest.raises(InvalidInput, match="column 'best speed' is unknown in table 'sets': valid"):
        compare(tmp_path, tables=TableOptions({"sets": ("best speed",)}))


def test_widths_of_pages() -> None:
    """Of classes with two columns and with one, in points: an inch has 72.27."""
    inch = 72.27
    assert page(None).column == pytest.approx(5.5 * inch)
    assert page("neurips").text is None
    for width in ("icml-column", "icml", 3.25):
        two = page(width)
        assert two.column == pytest.approx(3.25 * inch)
        assert two.text == pytest.approx(6.75 * inch)

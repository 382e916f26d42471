"""`nasbench compare` and `nasbench show` as a user types them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from nasbench.cli.app import app
from nasbench.errors import CannotCompare, InvalidInput, NasbenchError, StoreError
from nasbench.harness.compare.tables.columns import KINDS
from nasbench.harness.execution.run import run

pytestmark = pytest.mark.usefixtures("synthetic_nb201")
cli = CliRunner(env={"COLUMNS": "80"})


def test_the_help_names_all_tables() -> None:
    told = CliRunner(env={"COLUMNS": "600"}).invoke(app, ["compare", "--help"]).stdout
    (line,) = (line for line in told.splitlines() if "Tables that are made" in line)
    assert f"Tables that are made: {', '.join(KINDS)}, comma-separated, or none" in line


@pytest.fixture
def results(tmp_path: Path) -> Path:
    run("random-search,regularized-evolution", seeds=3, budget="2000s", out=tmp_path / "results")
    return tmp_path / "results"


@pytest.mark.usefixtures("no_pdfs")
@pytest.mark.parametrize("form", ["table", "markdown", "latex", "csv", "json"])
def test_the_table_goes_to_stdout_and_the_notes_to_stderr(results: Path, form: str) -> None:
    done = cli.invoke(app, ["compare", str(results), "--format", form, "--dataset", "cifar10"])
    assert done.exit_code == 0
    assert "Random search" in done.stdout
    assert "files written" in done.stderr
    assert "files written" not in done.stdout
    assert (results / "comparison" / "comparison.json").exists()
    if form == "json":
        assert {row["dataset"] for row in json.loads(done.stdout)["rows"]} == {"cifar10"}


def test_out_center_and_clock_are_obeyed(results: Path, tmp_path: Path) -> None:
    out = tmp_path / "paper"
    options = ["--out", str(out), "--center", "median", "--clock", "evaluations"]
    done = cli.invoke(app, ["compare", str(results), *options, "--dataset", "cifar100"])
    assert done.exit_code == 0
    assert [p.name for p in out.rglob("regret-*.pdf")] == ["regret-cifar100-evaluations.pdf"]
    assert not (results / "comparison").exists()


def test_merge_refuses_and_says_what_differs(results: Path) -> None:
    run("random-search", seeds=3, budget="2500s", out=results)
    done = cli.invoke(app, ["compare", str(results), "--merge"])
    assert isinstance(done.exception, CannotCompare)
    assert "budget.seconds: 2000 vs 2500" in str(done.exception)


def test_a_folder_that_cannot_be_written_is_one_clear_line(results: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    done = cli.invoke(app, ["compare", str(results), "--out", str(tmp_path / "file")])
    assert isinstance(done.exception, NasbenchError)
    assert "choose another folder" in str(done.exception)


def test_what_cannot_be_written_is_still_printed(results: Path, tmp_path: Path) -> None:
    (results / "comparison").write_text("in the way")
    done = cli.invoke(app, ["compare", str(results), "--format", "csv"])
    assert isinstance(done.exception, StoreError)
    assert "random-search" in done.stdout
    assert "files written to" not in done.stderr
    named = cli.invoke(app, ["compare", str(results), "--out", str(results / "comparison")])
    assert isinstance(named.exception, StoreError)
    assert "Random search" in named.stdout


def test_bad_input_ends_with_exit_code_2_and_one_line(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "from nasbench.cli.app import main; main()"]
    for arguments in (["compare", str(tmp_path)], ["show", "|nor_conv~0|"]):
        done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == 2
        assert done.stderr.startswith("nasbench: ")
        assert done.stderr.count("\n") == 1


def test_show_prints_the_cell_and_draws_it(tmp_path: Path) -> None:
    picture = tmp_path / "cell.svg"
    done = cli.invoke(app, ["show", "9", "--out", str(picture)])
    assert done.exit_code == 0
    assert "|avg_pool_3x3~0|+|none~0|none~1|+|skip_connect~0|none~1|nor_conv_3x3~2|" in done.stdout
    assert "ranks among 15,625 architectures" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert picture.read_text().startswith("<?xml")
    refused = cli.invoke(app, ["show", "9", "--out", "cell.bmp"])
    assert "ends in .png, .svg, .pdf" in str(refused.exception)


def test_show_reads_and_prints_other_notations() -> None:
    naslib = "(4, 1, 3, 0, 2, 1)"
    done = cli.invoke(app, ["show", naslib, "--notation", "naslib", "--convert"])
    assert done.exit_code == 0
    lines = dict(line.split(maxsplit=1) for line in done.output.splitlines())
    assert lines["naslib"] == naslib
    assert lines["official"].startswith("|avg_pool_3x3~0|+|none~0|skip_connect~1|")
    again = cli.invoke(app, ["show", lines["index"], "--convert"])
    assert again.output == done.output
    shown = cli.invoke(app, ["show", naslib, "--notation", "naslib"])
    assert lines["official"] in shown.output
    assert isinstance(cli.invoke(app, ["show", naslib]).exception, InvalidInput)

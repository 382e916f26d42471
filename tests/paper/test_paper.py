"""A paper of two pages from nothing but what the command line writes, in one column and in two."""

import re
from pathlib import Path

import pytest
from latex import ONE_COLUMN, PAGES, TWO_COLUMNS, compile_latex, need_latex
from tables import installed
from typer.testing import CliRunner
from upstream import upstream

from nasbench.benchmarks.catalogue import fetch_table
from nasbench.cli.app import app
from nasbench.harness.execution.run import run

STRATEGIES = "random-search,regularized-evolution,reinforce"
TEMPLATE = Path(__file__).with_name("paper.tex")
OPTIONS = {
    TWO_COLUMNS: ("--width", "icml-column", "--form", "short"),
    ONE_COLUMN: ("--width", "2.6", "--table-width", "neurips"),  # two figures beside each other
}
DATASETS = ("cifar100", "cifar10")
FIGURES = {
    "regret": "regret-*seconds.pdf", "evaluations": "regret-*evaluations.pdf",
    "distribution": "distribution-*.pdf", "profile": "profile*.pdf",
}  # fmt: skip


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The folder of the real table, and that of searches of it."""
    data, out = tmp_path_factory.mktemp("data"), tmp_path_factory.mktemp("paper") / "results"
    files = upstream()
    with installed(data), pytest.MonkeyPatch.context() as patch:
        patch.setenv("NASBENCH_UPSTREAM", str(files))
        fetch_table("nb201")
        run(STRATEGIES, seeds=20, out=out)
    return data, out


def nasbench(*arguments: str) -> str:
    done = CliRunner().invoke(app, list(arguments))
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.mark.parametrize("page", [TWO_COLUMNS, ONE_COLUMN])
def test_a_paper_is_made_of_what_a_comparison_wrote(
    results: tuple[Path, Path], page: str, tmp_path: Path
) -> None:
    """Without a box too wide, a reference or citation that is not there, or a third page."""
    need_latex()
    data, runs = results
    out = tmp_path / "comparison"
    with installed(data):
        nasbench("compare", str(runs), "--out", str(out), *OPTIONS[page],
                 "--tables", "results,cost,ranks", "--dataset", ",".join(DATASETS))  # fmt: skip
        cited = nasbench("compare", str(runs), "--cite")
    (tmp_path / "references.bib").write_text(cited, encoding="utf-8")
    (folder,) = (one for one in out.iterdir() if one.is_dir())
    option, sizes = PAGES[page]
    label = f"tab:nasbench:{folder.name}"
    words = {
        "share": "1" if page == TWO_COLUMNS else "0.485", "option": option, "sizes": sizes,
        "figures": f"comparison/{folder.name}", "folder": f"comparison/{folder.name}",
        "across": f"comparison/{folder.name}", "benchmark": "dong2020nasbench201",
        "results": f"{label}:results", "cost": f"{label}:cost", "ranks": f"{label}:ranks",
        **{name: sorted(folder.glob(one))[0].stem for name, one in FIGURES.items()},
    }  # fmt: skip
    text = TEMPLATE.read_text(encoding="utf-8")
    for name, value in words.items():
        text = text.replace(f"<{name}>", value)
    (tmp_path / "paper.tex").write_text(text, encoding="utf-8")
    made = compile_latex(tmp_path, "paper", ("pdflatex", "bibtex", "pdflatex", "pdflatex"))
    assert made.wrong == ()
    assert made.pages == 2
    told = (folder / "results.tex").read_text(encoding="utf-8")
    assert re.findall(r"\\emph\{(.*?)\}", told) == ["CIFAR-100", "CIFAR-10"]  # as given
    said = (tmp_path / "paper.blg").read_text(encoding="utf-8")
    assert not re.search(r"Warning--|error message", said)

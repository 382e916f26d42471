"""Readers see the names of data sets that papers use; identifiers are for files and programs."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from nasbench import compare, report, run
from nasbench.cli.app import app
from nasbench.harness.compare import Comparison
from nasbench.harness.compare.figures.options import FigureOptions
from nasbench.harness.compare.figures.pictures import FigureChoice, by_folder
from nasbench.harness.compare.write import texts

PLAIN = re.compile(r"(?<![\w/-])cifar100?(?![\w-])")
"""An identifier that is a word of its own, and no part of a file's name or of a reference."""
OPTIONS = {"strategies": "random-search,regularized-evolution", "datasets": ["cifar10", "cifar100"]}


pytestmark = pytest.mark.usefixtures("synthetic_nb201")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, synthetic_data: Path) -> Path:
    """Two rows searched on both data sets, which are a family, and one row of its own."""
    place = tmp_path_factory.mktemp("titles")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NASBENCH_DATA", str(synthetic_data))
        for protocol, datasets, budget, strategies in (
            ("nats-bench", "cifar10,cifar100", "9evals", str(OPTIONS["strategies"])),
            ("nats-bench", "cifar100", "5evals", "reinforce-softmax"),
            ("nb201-paper", "cifar10", "8evals", str(OPTIONS["strategies"])),
        ):
            run(strategies, seeds=6, protocol=protocol, datasets=datasets, budget=budget, out=place)
    return place


@pytest.fixture
def comparison(folder: Path, synthetic_nb201: Path) -> Comparison:
    return compare(folder, **OPTIONS)  # type: ignore[arg-type]


def test_tables_notes_and_captions(comparison: Comparison) -> None:
    found = dict(texts(comparison, by_folder(comparison, FigureChoice())))
    paths = [path for path in map(Path, found) if path.suffix in (".md", ".tex")]
    assert {"results.md", "ranks.tex", "captions.md", "captions.tex"} <= {one.name for one in paths}
    for path in paths:
        assert not PLAIN.search(found[str(path)]), path
    said = [note for block in comparison.blocks for note in block.notes]
    assert any("data sets left out: ImageNet16-120" in note for note in said)
    assert any("(nb201 searched on CIFAR-100, nats-bench, 5evals)" in note for note in said)
    assert not any(map(PLAIN.search, [*said, *comparison.titles]))
    footers = [family.footer for family in comparison.families]
    assert any("; protocol nats-bench, budgets 9evals on CIFAR-10, 9" in one for one in footers)
    assert all("over CIFAR-10, CIFAR-100; protocol" in one for one in footers)


def test_figures(comparison: Comparison) -> None:
    seen = set()
    for pictures in by_folder(comparison, FigureChoice()).values():
        for picture in pictures:
            if picture.kind in seen:
                continue
            figure = picture.draw(FigureOptions())
            axes = figure.axes[0]
            texts = [*figure.texts, axes.xaxis.label, axes.yaxis.label, *axes.texts]
            words = [picture.title, picture.caption, *(one.get_text() for one in texts)]
            assert not any(map(PLAIN.search, words)), picture.name
            seen.add(picture.kind)
    assert {"regret", "distribution", "landscape", "profile"} <= seen


def test_what_is_read_by_programs_keeps_identifiers(comparison: Comparison) -> None:
    content = comparison.to_json()
    assert {row["dataset"] for row in content["rows"]} == {"cifar10", "cifar100"}
    assert all(one["problems"] == ["cifar10", "cifar100"] for one in content["across"])
    assert content["not chosen"]["runs"][-1]["searched"] == "cifar100"
    assert {row["searched"] for row in content["rows"]} == {"cifar10", "cifar100"}


def test_terminal_and_page(comparison: Comparison, folder: Path) -> None:
    done = CliRunner().invoke(
        app, ["compare", str(folder), "--strategy", str(OPTIONS["strategies"]),
              "--out", str(folder / "again"), "--figures", "none"],
    )  # fmt: skip
    assert done.exit_code == 0
    assert "searched on CIFAR-100" in " ".join(done.output.split())
    assert not PLAIN.search(done.output)
    page = report(folder, folder / "page.html", replays=0, **OPTIONS)  # type: ignore[arg-type]
    text = page.read_text()
    assert "searched on CIFAR-100" in text
    assert '"test, CIFAR-10"' in text  # columns of a run's incumbents
    assert not re.search(r'"(test|validation)[/,] ?cifar10"', text)


def test_a_name_from_a_style_file_goes_first(folder: Path) -> None:
    """A note says what it is: the name that readers know, not the identifier."""
    style = {"datasets": {"cifar10": "Small pictures"}}
    comparison = compare(folder, datasets="cifar100", style_file=style)
    (block,) = [one for one in comparison.blocks if one.task.protocol == "nb201-paper"]
    assert "names of data sets: Small pictures is CIFAR-10" in block.notes
    assert "data sets left out: Small pictures, ImageNet16-120" in block.notes
    assert "searched on Small pictures" in block.footer
    assert "searched on Small pictures" in block.title
    assert comparison.remarks == ()

"""One cell, described and drawn."""

import io
import re
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from tables import installed, synthetic_table
from typer.testing import CliRunner

from nasbench.benchmarks.catalogue import fetch_table
from nasbench.cli.app import app
from nasbench.errors import InvalidInput
from nasbench.harness.compare.figures.saving import save_figure
from nasbench.harness.draw import cell_figure, cell_text
from nasbench.harness.show import alive_edges, describe, score
from tests.upstream import upstream

ALL_SKIP = (
    "|skip_connect~0|+|skip_connect~0|skip_connect~1|"
    "+|skip_connect~0|skip_connect~1|skip_connect~2|"
)

pytestmark = pytest.mark.usefixtures("synthetic_nb201")


def plain(sheet: object) -> str:
    console = Console(width=80, file=io.StringIO())
    console.print(cell_text(sheet), soft_wrap=True)
    return console.file.getvalue()


def test_index_and_string_are_the_same_cell() -> None:
    by_index = describe("9")
    assert by_index == describe(by_index.text)
    assert (
        by_index.text == "|avg_pool_3x3~0|+|none~0|none~1|+|skip_connect~0|none~1|nor_conv_3x3~2|"
    )


def test_numbers_and_ranks_are_those_of_the_table() -> None:
    table = synthetic_table()
    test = table.test.mean("cifar100")
    best = int(np.argmax(test))
    record = {one.dataset: one for one in describe(str(best)).records}["cifar100"]
    assert (record.test.value, record.test.rank) == (test[best], 1)
    assert record.test.among == 15_625
    assert record.seconds == table.search.query_seconds("cifar100", 12)[best]


def test_equals_share_the_better_rank_and_unknown_has_none() -> None:
    values = np.array([90.0, 95.0, 90.0, np.nan, 80.0])
    assert [score(values, i) and score(values, i).rank for i in range(5)] == [2, 1, 2, None, 4]
    assert score(values, 4).among == 4


def test_size_follows_the_published_formula() -> None:
    text = (
        "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|"
        "+|skip_connect~0|nor_conv_3x3~1|nor_conv_1x1~2|"
    )
    cifar10 = describe(text).sizes[0]
    assert cifar10.flops / 1e6 == pytest.approx(7.78305 + 3.93216 + 4 * 35.38944, abs=1e-5)
    assert cifar10.params / 1e6 == pytest.approx(1.073466)  # the official record of cell 6111


def test_dead_edges_are_told_apart() -> None:
    # 0->1 feeds nothing, 2->3 is fed by nothing: only the skip is alive
    assert alive_edges(describe("9")) == (False, False, False, True, False, False)
    assert all(alive_edges(describe(ALL_SKIP)))


@pytest.mark.parametrize("index", ["0", "9", "6111"])
def test_the_picture_names_every_edge_and_fits(index: str) -> None:
    sheet = describe(index)
    picture = plain(sheet)
    assert max(map(len, picture.splitlines())) <= 80
    for operation in re.findall(r"(\w+)~", sheet.text):
        assert picture.count(operation) == sheet.text.count(f"{operation}~")
    arrows = len(re.findall("[▶▼▲]", picture))
    assert arrows == sum(alive_edges(sheet))


@pytest.mark.parametrize("form", ["png", "svg", "pdf"])
def test_the_figure_is_written(tmp_path: Path, form: str) -> None:
    path = tmp_path / f"cell.{form}"
    with path.open("wb") as file:
        save_figure(cell_figure(describe("0")), form, file)
    head = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}[form]
    assert path.read_bytes().startswith(head)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("15625", "outside space"),
        ("-1", "outside space"),
        ("|nor_conv_3x3~0|+|nor_conv~0|", "character 19"),
        ("", "character 1"),
    ],
)
def test_a_wrong_architecture_is_one_clear_line(text: str, reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        describe(text)


def test_without_tables_the_cell_is_shown_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NASBENCH_DATA", str(tmp_path))
    assert {one.table for one in describe("0").records} == {"digits"}  # which comes along


def test_tables_show_what_they_have(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pool without seconds or test, and a table that has test alone; numbers from the files."""
    monkeypatch.setenv("NASBENCH_UPSTREAM", str(upstream()))
    monkeypatch.setenv("NASBENCH_DATA", str(tmp_path))
    fetch_table("gpt-s")
    fetch_table("nb101-test")
    sheet = describe("384-nobias-12x2_4x3_12x4_12x2_4x3_4x3_4x2_8x3_12x2_4x4", "gpt-s")
    perplexity = sheet.records[0]
    assert perplexity.signal is not None
    assert perplexity.signal.value == 33.12157440185547
    assert (perplexity.test, np.isnan(perplexity.seconds)) == (None, True)
    elsewhere = describe("0", "gpt-s")
    assert (elsewhere.records, elsewhere.sizes) == ((), ())
    (tested,) = describe("0", "nb101").records
    assert (tested.signal, tested.valid) == (None, None)
    assert tested.test is not None
    assert tested.test.among == 423_624


def test_test_without_validation_is_shown_and_what_test_is_is_said(tmp_path: Path) -> None:
    """The best cell of NAS-Bench-101 has a mean test accuracy of 94.32 % (Ying et al., 2019)."""
    upstream()
    with installed(tmp_path):
        for name in ("nb101-test", "macro"):
            fetch_table(name)
        (record,) = describe("4789", "nb101").records
        (macro,) = describe("22212202", "macro").records
        shown = CliRunner().invoke(app, ["show", "22212202", "--space", "macro"]).output
    assert record.test is not None
    assert (round(record.test.value, 2), record.test.rank) == (94.32, 1)
    assert (record.signal, record.valid, record.epochs) == (None, None, 108)
    assert len(macro.doubts) == 2
    assert "test is each network's best over the epochs of its training" in shown
    assert "validation is of another training on the images of test" in shown


def test_the_space_of_an_architecture_is_named() -> None:
    with pytest.raises(InvalidInput, match="it is one of space 'transnas-macro': use --space"):
        describe("64-1234-basic")
    with pytest.raises(InvalidInput, match=r"expected '\|'$|character 1"):
        describe("nobody's")

"""Nothing of the page is cut or sticks out, on a phone, on a screen and on paper."""

import io
from collections.abc import Iterator
from pathlib import Path

import matplotlib.image as mpimg
import numpy as np
import pytest
from browser import Window
from tables import installed

from nasbench.harness.execution.run import run
from nasbench.harness.report import report

PHONE, SCREEN, PAPER = 400, 1200, 718  # pixels; A4 without its margins
NAMES = {
    "random-search": "RegularizedEvolutionWithAgeingPopulation",
    "regularized-evolution": "W" * 120,
}
DATASET = "D" * 120

STICKS_OUT = """
(() => {
  const name = (one) => `${one.tagName ?? "text"} ${one.textContent.trim().slice(0, 30)}`;
  const box = (one) => {
    if (one.getBoundingClientRect) return one.getBoundingClientRect();
    const range = document.createRange();
    range.selectNodeContents(one);
    return range.getBoundingClientRect();
  };
  const found = [];
  const kinds = NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT;
  const walk = document.createTreeWalker(document.body, kinds);
  while (walk.nextNode()) {
    const one = walk.currentNode, mine = box(one);
    if (!mine.width || !mine.height || one.parentElement.closest("svg, select")) continue;
    for (let up = one.parentElement; up; up = up.parentElement) {
      const style = getComputedStyle(up), theirs = up.getBoundingClientRect();
      if (style.overflowX === "auto") break;
      if (style.display === "inline" || style.display === "contents") continue;
      if (mine.right > theirs.right + 1 || mine.left < theirs.left - 1) {
        found.push(`${name(one)} sticks out of ${name(up)}`);
        break;
      }
    }
  }
  return found;
})()
"""
"""What is wider than the box it is in, up to the first box that scrolls."""
UNSAID = """
[...document.querySelectorAll(".wide")]
  .filter((box) => (box.scrollWidth > box.clientWidth)
    !== getComputedStyle(box, "::before").content.includes("scroll sideways"))
  .map((box) => box.textContent.trim().slice(0, 30))
"""
"""Boxes that scroll and do not say so, or the other way round."""


@pytest.fixture(scope="module")
def pages(synthetic_data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A page of two rows and three data sets with long names, and one of twelve rows."""
    folder = tmp_path_factory.mktemp("pages")
    style = folder / "style.toml"
    style.write_text(f'[datasets]\nImageNet16-120 = "{DATASET}"\n', encoding="utf-8")
    with installed(synthetic_data):
        run(",".join(NAMES), seeds=8, budget="3000s", out=folder / "two", workers=1)
        for size in range(5, 17):
            run("regularized-evolution", seeds=3, budget="1000s", out=folder / "twelve",
                workers=1, settings={"regularized-evolution": {"population": size}})  # fmt: skip
        return {
            "long": report(folder / "two", folder / "long.html", labels=NAMES, style_file=style),
            "twelve": report(folder / "twelve", folder / "twelve.html"),
        }


@pytest.fixture(scope="module")
def window(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Window]:
    with Window(tmp_path_factory.mktemp("profile")) as found:
        yield found


@pytest.mark.parametrize("width", [PHONE, SCREEN])
@pytest.mark.parametrize("name", ["long", "twelve"])
def test_nothing_sticks_out(pages: dict[str, Path], window: Window, name: str, width: int) -> None:
    window.resize(width)
    window.open(pages[name])
    window.ask('document.querySelector("details").open = true')
    size = "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
    needed, given = window.ask(size)
    assert needed <= given <= width
    assert window.ask(STICKS_OUT) == []
    assert window.ask(UNSAID) == []
    tables = "[...document.querySelectorAll('figure .wide, #checklist .wide')]"
    assert window.ask(f"{tables}.length") > 10
    cut = window.ask(f"{tables}.filter((one) => one.scrollWidth > one.clientWidth).length")
    assert width == PHONE or cut == 0


@pytest.mark.parametrize("width", [PHONE, SCREEN])
def test_pictures_are_there_and_large_enough_to_read(
    pages: dict[str, Path], window: Window, width: int
) -> None:
    """Their letters have the size they are drawn for; the reader has not scrolled to them yet."""
    window.resize(width)
    window.open(pages["long"])
    scales = window.ask("[...document.images].map((one) => one.width / one.naturalWidth)")
    assert len(scales) >= 7
    assert min(scales) >= 0.99


@pytest.mark.parametrize(("part", "edge"), [("thead", "bottom"), ("tfoot", "top")])
def test_rules_go_on_when_a_table_is_scrolled(
    pages: dict[str, Path], window: Window, part: str, edge: str
) -> None:
    """Those below the heads and above the references are not hidden by the rows' names."""
    window.resize(PHONE)
    window.open(pages["long"])
    box = "document.querySelector('table.sortable').parentElement"
    window.ask(f"{box}.scrollLeft = 60")
    left, rule, width = window.ask(
        f"(({{ left, width }}, {{ {edge} }}) => [left + scrollX, {edge} + scrollY, width])"
        f"({box}.getBoundingClientRect(),"
        f" {box}.querySelector('{part}').getBoundingClientRect())"
    )
    strip = window.picture(left, rule - 4, width, 8)
    shades = np.asarray(mpimg.imread(io.BytesIO(strip)))[..., :3].mean(axis=2)
    assert shades.shape[1] > 300
    assert (shades < 0.85).all(axis=1).any()  # a row of pixels that is dark from end to end


@pytest.mark.parametrize("name", ["long", "twelve"])
def test_nothing_is_cut_on_paper(pages: dict[str, Path], window: Window, name: str) -> None:
    """A page printed from a wide screen: tables and curves are as wide as the paper at most."""
    window.resize(SCREEN)
    window.open(pages[name])
    window.ask("dispatchEvent(new Event('beforeprint'))")
    window.resize(PAPER, media="print")
    assert window.ask("document.documentElement.scrollWidth") <= PAPER
    assert window.ask(STICKS_OUT) == []
    shown = "(one) => one.getBoundingClientRect().width"
    assert window.ask(f"[...document.querySelectorAll('.plots')].map({shown})") == [0]
    (drawn,) = window.ask(f"[...document.querySelectorAll('.printed')].map({shown})")
    assert 600 < drawn <= PAPER
    assert min(window.ask("[...document.images].map((one) => one.width)")) > 400

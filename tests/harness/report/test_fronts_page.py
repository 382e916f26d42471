"""The page's figures of fronts: what they draw, and what a reader sees who points at a member."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from browser import Window

from nasbench.harness.compare import compare
from nasbench.harness.compare.comparison import Block
from nasbench.harness.compare.tables.sets import members
from nasbench.harness.execution.run import run
from nasbench.harness.fronts import exact_fronts
from nasbench.harness.report import report
from nasbench.harness.report.fronts import front_figures, middle_run

ROWS = "random-search,nsga2"
PLACE = """
(() => {
  const section = [...document.querySelectorAll(".curves")].at(-1);
  section.scrollIntoView({ block: "center" });
  const view = Bokeh.index.find_one(model(section.dataset.shown));
  const marks = view.model.renderers.filter((one) => one.glyph.type === "Scatter");
  const shown = marks.find((one) => one.name === NAME);
  const data = shown.data_source.data, frame = view.frame;
  const box = view.canvas_view.el.getBoundingClientRect();
  const range = view.model.x_range, up = view.model.y_range;
  const inside = (at) => data.x[at] > range.start && data.x[at] < range.end
    && data.y[at] > up.start && data.y[at] < up.end;
  const at = [...data.x.keys()].find(inside);
  return [box.left + frame.x_scale.compute(data.x[at]),
    box.top + frame.y_scale.compute(data.y[at]), data.architecture[at]];
})()
"""
"""Where the first member of a row is that is within the axes, in pixels, and its architecture."""
SAID = """
(() => {
  const found = [];
  const walk = (root) => {
    for (const one of root.querySelectorAll("*")) {
      if (String(one.className).includes("bk-Tooltip") || one.tagName === "BK-TOOLTIP")
        found.push((one.shadowRoot ?? one).textContent);
      if (one.shadowRoot) walk(one.shadowRoot);
    }
  };
  walk(document);
  return found.join(" ");
})()
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("sets")
    run(ROWS, seeds=5, benchmark="digits", objective="accuracy,latency", budget="60evals",
        out=found, workers=1)  # fmt: skip
    return found


@pytest.fixture(scope="module")
def block(folder: Path) -> Block:
    (found,) = compare(folder).blocks
    return found


def marks(figure: Any, name: str) -> dict[str, Any]:
    """The data of a row's marks."""
    (found,) = [
        one
        for one in figure.renderers
        if one.name == name and type(one.glyph).__name__ == "Scatter"
    ]
    return dict(found.data_source.data)


def test_marks_are_the_members_of_the_run_in_the_middle(block: Block) -> None:
    figure = front_figures(block, 1)["b1-front-digits"]
    frame = pd.DataFrame(members(block))
    for one in block.contenders:
        volumes = one.final("test", "digits")
        run_of = middle_run(one, "digits")
        assert volumes[run_of] == np.median(volumes)
        own = frame[(frame["label"] == one.label) & (frame["seed"] == one.runs.seeds[run_of])]
        data = marks(figure, one.label)
        assert data["architecture"] == own["architecture"].tolist()
        np.testing.assert_allclose(data["x"], own["test/latency/amd-epyc"])
        np.testing.assert_allclose(data["y"], own["test/accuracy"])
        assert data["which"] == [f"seed {seed}" for seed in own["seed"]]
        pairs = zip(own["test/accuracy"], own["valid/accuracy"], strict=True)
        assert data["first"] == [
            f"accuracy: test {a:.2f} %, validation {b:.2f} %" for a, b in pairs
        ]


def test_marks_of_the_exact_front_are_its_members(block: Block) -> None:
    front = exact_fronts(block.task).test["digits"]
    data = marks(front_figures(block, 1)["b1-front-digits"], "Exact front")
    assert data["which"] == [f"index {one}" for one in front.members.tolist()]
    assert data["architecture"] == [
        front.space.format(front.space.architecture(one)) for one in front.members.tolist()
    ]


def test_a_reader_who_points_at_a_member_sees_its_architecture(
    folder: Path, block: Block, tmp_path: Path
) -> None:
    page = report(folder, tmp_path / "page.html")
    with Window(tmp_path / "profile") as window:
        window.resize(1200)
        window.open(page)
        for name in (block.contenders[0].label, "Exact front"):
            left, top, architecture = window.ask(PLACE.replace("NAME", json.dumps(name)))
            for step in (3, 0):
                window.call("Input.dispatchMouseEvent", type="mouseMoved", x=left + step, y=top)
            said = window.ask(f"new Promise((then) => setTimeout(() => then({SAID}), 500))")
            assert architecture in said
            assert "test " in said
        switch = "[...document.querySelectorAll('.curves')].at(-1).querySelector('{}').click()"
        window.ask(switch.format("input[value=limit]"))
        window.ask(switch.format("input[type=checkbox]"))
        shown = "[...document.querySelectorAll('.curves')].at(-1).dataset.shown"
        assert window.ask(shown) == "b1-limit-digits"
        hidden = f"model({shown}).renderers.filter((one) => !one.visible).map((one) => one.name)"
        assert window.ask(hidden) == [block.contenders[0].label]


def test_a_page_of_other_objectives_has_no_fronts(tmp_path: Path) -> None:
    run("random-search", seeds=2, benchmark="digits", objective="accuracy,latency,params",
        budget="9evals", out=tmp_path, workers=1)  # fmt: skip
    assert "<h3>Fronts</h3>" not in report(tmp_path).read_text(encoding="utf-8")

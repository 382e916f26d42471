"""The page: what it says is what the comparison says, and it works in a browser."""

import html
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from browser import browser

from nasbench.harness.audit import audit
from nasbench.harness.compare import Comparison, compare
from nasbench.harness.compare.figures.pictures import FigureChoice, by_folder
from nasbench.harness.execution.run import run
from nasbench.harness.report import report
from nasbench.harness.report.checklist import checklist
from nasbench.harness.report.content import drill_down, summary
from nasbench.harness.report.embed import embed
from nasbench.harness.results.load import load_results

sys.path.append(str(Path(__file__).parents[1]))  # the strategies of `workers`
pytestmark = pytest.mark.usefixtures("synthetic_nb201")
BOTH = "random-search,regularized-evolution"

PROBE = """
<script>
const errors = [];
window.addEventListener("error", (event) => errors.push(String(event.message)));
const warn = console.error;
console.error = (...words) => { errors.push(words.join(" ")); warn(...words); };
setTimeout(() => {
  const found = {};
  try { look(found); } catch (error) { errors.push(String(error.stack)); }
  found.errors = errors;
  const place = document.createElement("pre");
  place.id = "found";
  place.textContent = JSON.stringify(found);
  document.body.append(place);
}, 2500);
function look(found) {
  const section = document.querySelector(".curves");
  const model = () => Bokeh.documents.map((d) => d.get_model_by_name(section.dataset.shown))
    .find((one) => one);
  found.first = section.dataset.shown;
  found.canvas = section.querySelectorAll(".bk-Figure").length;
  section.querySelectorAll("input[value=linear]").forEach((one) => one.click());
  section.querySelector("input[value=evaluations]").click();
  section.querySelector("input[value=cifar100]").click();
  found.second = section.dataset.shown;
  const state = ({ x_scale, y_scale, y_range, below, left, center, renderers }) => ({
    scales: [x_scale.type, y_scale.type], start: y_range.start,
    axes: [...below, ...left].map((one) => one.visible),
    grids: center.map((one) => one.visible),
    columns: renderers.filter((one) => one.glyph.y).map((one) => one.glyph.y.field),
  });
  found.linear = state(model());
  section.querySelectorAll("input[value=log]").forEach((one) => one.click());
  found.log = state(model());
  section.querySelector("input[type=checkbox]").click();
  found.hidden = model().renderers.filter((one) => !one.visible).map((one) => one.name);
  const table = document.querySelector("table.sortable");
  const column = (at) => [...table.tBodies[0].rows].map((row) => row.cells[at].textContent);
  found.before = column(0);
  const heads = [...table.querySelectorAll("thead th")];
  const test = heads.findIndex((head) => head.textContent.trim() === "test median");
  heads[test].click();  // the whole cell, not its words alone
  found.said = heads[test].closest("figure").querySelector(".sorted").textContent;
  const tall = [...document.querySelectorAll("figure thead")].map((one) => one.offsetHeight);
  found.tall = Math.max(...tall);
  found.up = column(test);
  found.sort = heads[test].getAttribute("aria-sort");
  heads[test].querySelector("button").click();
  found.down = column(test);
  const pairs = [...document.querySelectorAll("figcaption")]
    .find((one) => one.textContent.includes("in pairs")).parentElement;
  found.pairs = pairs.querySelectorAll("button").length;
  const runs = document.querySelector(".runs");
  const row = runs.querySelector(".row"), seed = runs.querySelector(".seed");
  row.value = "1"; row.dispatchEvent(new Event("change"));
  seed.value = "2"; seed.dispatchEvent(new Event("change"));
  found.run = [...runs.querySelectorAll("tbody tr")]
    .map((line) => [...line.cells].map((cell) => cell.textContent));
  found.cell = runs.querySelector("svg.cell title").textContent;
  found.wide = document.documentElement.scrollWidth > window.innerWidth;
}
</script>
"""


@pytest.fixture
def comparison(tmp_path: Path) -> Comparison:
    run(BOTH, seeds=8, budget="3000s", out=tmp_path / "results")
    return compare(tmp_path / "results")


def test_the_summary_says_who_is_best_by_how_much_and_how_sure(comparison: Comparison) -> None:
    (block,) = comparison.blocks
    for dataset, sentence in zip(block.datasets, summary(block), strict=True):
        rows = sorted(block.of(dataset)[0], key=lambda row: -row.finals.test.value)
        first, second = (row.finals.test.value for row in rows[:2])
        start = f"On {block.title_of(dataset)}, {rows[0].label} has the best mean test accuracy, "
        assert sentence.startswith(f"{start}{first:.2f} % (95 % interval ")
        beaten = f"Worse: {rows[1].label} by {first - second:.2f} points"
        told = "Not told from it by these runs" if rows[1].tested.among_best else beaten
        assert told in sentence


def test_every_run_can_be_looked_up(comparison: Comparison, tmp_path: Path) -> None:
    data = drill_down(comparison.blocks[0])
    for one, row in zip(load_results(tmp_path / "results").experiments, data["rows"], strict=True):
        assert row["seeds"] == one.seeds.tolist()
        for number, flat in enumerate(row["runs"]):
            steps = one.lists("incumbents")[number]
            assert flat[::3] == (steps + 1).tolist()
            assert flat[2::3] == one.architectures.indices[number][steps].tolist()
            numbers = data["cells"][flat[-1]]
            test = one.finals("test", "cifar100")[number][-1]
            assert numbers[1 + data["columns"].index("test, CIFAR-100")] == round(float(test), 2)


def test_the_page_needs_nothing_else(comparison: Comparison, tmp_path: Path) -> None:
    path = report(tmp_path / "results")
    text = path.read_text(encoding="utf-8")
    assert path == tmp_path / "results" / "report.html"
    assert not re.search(r"<(script|link|img)[^>]+(src|href)=(?!\"data:)", text)
    assert len(text) < 3_500_000
    titles = re.findall(r'<img alt="([^"]+)" src="data:image/svg', text)
    (every,) = by_folder(comparison, FigureChoice()).values()
    assert titles == [one.title for one in every if one.kind != "regret"]
    assert len(titles) >= 7  # a distribution and a landscape of each data set, and ranks
    assert "faults 0" in text
    for row in comparison.rows:
        assert row.label in text


def test_the_audit_of_the_page_is_that_of_the_command(
    comparison: Comparison, tmp_path: Path
) -> None:
    results = tmp_path / "results"
    compare(results, out=results / "comparison")
    text = report(results, tmp_path / "page.html").read_text(encoding="utf-8")
    assert audit(results, seed=0).summary in text
    assert " 0 numbers of a stored comparison" not in text


def test_a_page_of_several_folders_and_chosen_rows(comparison: Comparison, tmp_path: Path) -> None:
    """What is left out is said, rows and data sets have the names that were asked for."""
    other = tmp_path / "other"
    run("reinforce-softmax", seeds=8, budget="3000s", out=other)
    text = report(
        [tmp_path / "results", other], tmp_path / "page.html", exclude="regularized-evolution",
        labels={"random-search": "RS & co"}, datasets="cifar100",
    ).read_text(encoding="utf-8")  # fmt: skip
    assert "RS &amp; co" in text
    assert "left out: Regularized evolution" in text
    assert "data sets left out: CIFAR-10, ImageNet16-120" in text
    assert "CIFAR-100" in text
    assert text.count("faults 0") == 2


def test_the_same_runs_have_the_same_page(comparison: Comparison, tmp_path: Path) -> None:
    """Bytes of two processes, whose sets have other orders, and of two pages of one process."""
    results, pages = tmp_path / "results", [tmp_path / f"{number}.html" for number in range(3)]
    call = "import sys; from nasbench.harness.report import report; report(*sys.argv[1:])"
    report(results, pages[0])
    report(results, pages[1])
    subprocess.run(
        [sys.executable, "-c", call, results, pages[2]], check=True, timeout=300,
        env={**os.environ, "PYTHONHASHSEED": "7"},
    )  # fmt: skip
    first, *others = (page.read_bytes() for page in pages)
    assert all(other == first for other in others)


def test_every_figure_of_a_page_has_its_place_and_its_models() -> None:
    """Names are changed everywhere alike, and never within a label that looks like one."""
    from bokeh.plotting import figure

    odd = """x "id":"p0" <b> ' "docid":"p1" render_items = ["p2"]"""
    figures = {}
    for name in ("first", "second"):
        figures[name] = figure(name=name, width=100, height=100)
        figures[name].step([1, 2], [1, 2], name=odd)
    script, places = embed(figures)
    data = re.search(r"const docs_json = '(.*)';\n", script)
    items = re.search(r"render_items = (\[\{.*\}\]);\n", script)
    assert data is not None
    assert items is not None
    (item,) = json.loads(items[1])
    text = html.unescape(data[1].replace("\\\\", "\\"))
    document = json.loads(text)[item["docid"]]
    roots = {one["attributes"]["name"]: one["id"] for one in document["roots"]}
    assert list(item["roots"]) == item["root_ids"] == list(roots.values())
    for name, place in places.items():
        assert f'id="{item["roots"][roots[name]]}"' in place
        assert f'data-root-id="{roots[name]}"' in place
    made = re.findall(r'"name":"\w+","id":"(\w+)"', text)
    assert len(made) == len(set(made)) > 20
    assert set(re.findall(r'(?<!\\)"id":"(\w+)"', text)) == set(made)
    assert text.count(json.dumps(odd)) == 2


def test_the_checklist_is_answered_from_what_is_stored(
    comparison: Comparison, tmp_path: Path
) -> None:
    def answers(folder: Path) -> dict[str, str]:
        found = checklist(compare(folder), [audit(folder)])
        return {one.practice: one.answer for one in found}

    here = answers(tmp_path / "results")
    run("regularized-evolution", seeds=1, budget="20evals", patience=5, out=tmp_path / "one")
    one = answers(tmp_path / "one")
    for practice, several, single in (
        ("Several runs, with seeds stated", "yes", "no"),
        ("Uncertainty and significance reported", "yes", "no"),
        ("Compared to random search", "yes", "no"),  # early stopping has no closed form
        ("Code of the final training is available", "partly", "partly"),
        ("How hyperparameters were tuned, and what that cost", "you", "you"),
    ):
        assert (here[practice], one[practice]) == (several, single)


def test_pages_of_odd_folders(tmp_path: Path, toy_images: Path) -> None:
    """Failures alone, one run, shared weights beside a query-based row, no table at hand."""
    run("workers:Fails", seeds=2, budget="5evals", out=tmp_path / "failed")
    assert "2 of 2 runs failed" in report(tmp_path / "failed").read_text()
    run("random-search", seeds=1, budget="5evals", out=tmp_path / "one")
    assert "in a single run, which says little" in report(tmp_path / "one").read_text()
    run("random-search", seeds=2, out=tmp_path / "both")
    run("rsps", seeds=2, settings={"rsps": {"epochs": 2, "channels": 2, "cells": 1}},
        out=tmp_path / "both")  # fmt: skip
    text = report(tmp_path / "both").read_text()
    assert "Test regret, shared weights" in text
    assert "b1-cifar10-seconds-shared" in text


def test_a_page_of_sets_has_no_run_to_look_up(tmp_path: Path) -> None:
    run("random-search", seeds=2, benchmark="digits", objective="accuracy,params",
        budget="9evals", out=tmp_path, workers=1)  # fmt: skip
    text = report(tmp_path).read_text()
    assert "Final sets" in text
    assert "One run" not in text


@pytest.mark.parametrize("width", [1200, 500])
def test_the_page_works_in_a_browser(comparison: Comparison, tmp_path: Path, width: int) -> None:
    page = report(tmp_path / "results")
    text = page.read_text(encoding="utf-8")
    probed = tmp_path / "probed.html"
    start = '<meta charset="utf-8">'
    probed.write_text(text.replace(start, start + PROBE, 1), encoding="utf-8")
    done = subprocess.run(
        [browser(), "--headless", "--no-sandbox", "--disable-gpu", f"--window-size={width},900",
         f"--user-data-dir={tmp_path / 'profile'}", "--virtual-time-budget=15000", "--dump-dom",
         probed.as_uri()],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    match = re.search(r'<pre id="found">(.*?)</pre>', done.stdout, re.DOTALL)
    assert match is not None, done.stderr[-2000:]
    found = json.loads(match[1].replace("&gt;", ">").replace("&lt;", "<").replace("&amp;", "&"))
    assert found["errors"] == []
    assert found["first"] == "b1-cifar10-seconds"
    assert found["second"] == "b1-cifar100-evaluations"
    linear, log = found["linear"], found["log"]
    assert linear["scales"] == ["LinearScale"] * 2
    assert log["scales"] == ["LogScale"] * 2
    assert linear["start"] == 0 < log["start"]
    assert linear["axes"] == [False, True] * 2
    assert log["axes"] == [True, False] * 2
    assert linear["grids"] == [not one for one in log["grids"]]
    assert set(log["columns"]) == {"y"}
    assert set(linear["columns"]) <= {"y", "true_y"}  # the true ones where others are clipped
    assert set(found["hidden"]) == {"Random search"}
    assert found["canvas"] >= 1
    assert found["before"] == ["Random search", "Regularized evolution"]
    assert found["up"] == sorted(found["up"], key=float)
    assert found["down"] == found["up"][::-1]
    assert found["sort"] == "ascending"
    assert found["said"] == "CIFAR-10: sorted by test median, ascending"
    assert found["tall"] < 100  # pixels: four lines at most
    assert found["pairs"] == 0  # its columns are numbered by its rows
    data = drill_down(comparison.blocks[0])
    flat = data["rows"][1]["runs"][2]
    assert [row[2] for row in found["run"]] == list(map(str, flat[2::3]))
    codes = data["cells"][flat[-1]][0]
    assert found["cell"] == ", ".join(
        f"{name}: {choices[ord(code) - ord('0')]}"
        for (name, choices), code in zip(data["decisions"], codes, strict=True)
    )
    assert not found["wide"]

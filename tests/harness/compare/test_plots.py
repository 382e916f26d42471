"""Figures: what is drawn, and that it can be read."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from figures import drawn
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from nasbench.harness.compare import Comparison, compare
from nasbench.harness.compare.figures.label_positions import set_apart
from nasbench.harness.compare.figures.looks import looks
from nasbench.harness.compare.figures.options import FigureOptions
from nasbench.harness.compare.figures.plots import regret_pictures
from nasbench.harness.execution.run import run
from nasbench.harness.results.runs import ExperimentRuns
from nasbench.strategies.registry import strategies


@given(st.lists(st.floats(0, 1), max_size=12), st.floats(0.01, 0.3))
def test_labels_keep_their_order_and_their_distance(wanted: list[float], gap: float) -> None:
    places = set_apart(wanted, gap)
    assert len(places) == len(wanted)
    order = np.argsort(wanted, kind="stable")
    assert (np.diff(np.array(places)[order]) >= gap - 1e-9).all()
    assert np.sum(places) == pytest.approx(np.sum(wanted), abs=1e-6)


def test_labels_that_are_apart_stay_where_they_are() -> None:
    assert set_apart([0.9, 0.1, 0.5], 0.2) == pytest.approx([0.9, 0.1, 0.5])
    assert set_apart([0.5, 0.5], 0.2) == pytest.approx([0.4, 0.6])


@pytest.mark.usefixtures("synthetic_nb201")
@pytest.mark.parametrize("clock", ["seconds", "evaluations"])
def test_a_line_ends_at_the_regret_of_the_table(tmp_path: Path, clock: str) -> None:
    run("random-search,regularized-evolution", seeds=6, budget="3000s", out=tmp_path)
    block = compare(tmp_path, datasets="cifar100").blocks[0]
    ((name, figure),) = drawn(regret_pictures(block, clock=clock))
    assert name == f"regret-cifar100-{clock}"
    lines = {line.get_label(): line for line in figure.axes[0].get_lines()}
    assert lines.keys() == {"Random search", "Regularized evolution", "expected random search"}
    for row in block.rows:
        assert lines[row.label].get_ydata()[-1] == pytest.approx(row.in_table.regret)
    assert "n = 6" in figure.texts[-1].get_text() + figure.texts[0].get_text()


def of_evaluations(comparison: Comparison) -> Iterator[tuple[str, Figure]]:
    return drawn(regret_pictures(comparison.blocks[0], clock="evaluations"))


@pytest.mark.usefixtures("synthetic_nb201")
def test_labels_beside_the_lines_do_not_overlap(tmp_path: Path) -> None:
    run("random-search,regularized-evolution", seeds=6, budget="10evals", out=tmp_path)
    ((_, figure),) = of_evaluations(compare(tmp_path, datasets="cifar10"))
    figure.canvas.draw()
    boxes = [label.get_window_extent() for label in figure.axes[0].texts]
    assert len(boxes) == 3
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
    assert max(box.x1 for box in boxes) <= figure.bbox.x1


@pytest.mark.usefixtures("synthetic_nb201")
def test_a_strategy_keeps_its_colour_and_settings_differ_in_dashes(tmp_path: Path) -> None:
    run("random-search,regularized-evolution", seeds=2, budget="8evals", out=tmp_path)
    ((_, alone),) = of_evaluations(compare(tmp_path, datasets="cifar10"))
    for population in (3, 4, 5, 6):
        chosen = {"regularized-evolution": {"population": population}}
        run("regularized-evolution", settings=chosen, seeds=2, budget="8evals", out=tmp_path)
    ((_, many),) = of_evaluations(compare(tmp_path, datasets="cifar10"))
    before, after = alone.axes[0].get_lines(), many.axes[0].get_lines()
    assert before[0].get_color() == after[0].get_color()  # random search, whatever is beside it
    assert after[1].get_label() == "Regularized evolution (population=3)"
    looks = {(line.get_color(), str(line._dash_pattern)) for line in after}
    assert len(looks) == len(after) == 7
    middle = next(line for line in after if "population=5" in line.get_label())
    assert middle.get_color() == before[1].get_color()


@pytest.mark.usefixtures("synthetic_nb201")
@pytest.mark.parametrize("centre", ["mean", "median", "iqm"])
def test_a_regret_of_zero_is_drawn(tmp_path: Path, centre: str) -> None:
    run("random-search", settings={"random-search": {"replacement": False}}, seeds=2,
        budget="15625evals", out=tmp_path)  # fmt: skip
    block = compare(tmp_path, datasets="cifar10").blocks[0]
    known = block.known
    known.test["cifar10"] = known.test["cifar10"].copy()
    known.test["cifar10"][:] = block.rows[
        0
    ].finals.test.value  # the runs' own answer is the optimum
    ((_, figure),) = drawn(regret_pictures(block, centre=centre, clock="evaluations"))
    assert figure.axes[0].get_ylim()[0] == 0
    assert figure.axes[0].get_lines()[0].get_ydata()[-1] == pytest.approx(0)


@pytest.mark.usefixtures("synthetic_nb201")
def test_one_evaluation_and_one_seed_can_be_drawn(tmp_path: Path) -> None:
    run("random-search", seeds="3,", budget="1evals", out=tmp_path)
    figures = list(of_evaluations(compare(tmp_path)))
    for _, figure in figures:
        figure.canvas.draw()
    assert len(figures) == 3


@pytest.mark.usefixtures("synthetic_nb201")
@pytest.mark.parametrize("width", [3.3, 5.5])
def test_a_long_foot_fits_below_the_axes(tmp_path: Path, width: float) -> None:
    run("random-search", seeds=2, budget="8evals", repeats="free", out=tmp_path)
    block = compare(tmp_path, datasets="cifar10").blocks[0]
    task = replace(
        block.task,
        reference=replace(
            block.task.reference, protocol="a-protocol-with-a-very-long-name-of-its-own"
        ),
    )
    ((_, figure),) = drawn(
        regret_pictures(replace(block, task=task), clock="seconds"), FigureOptions(width=width)
    )
    figure.draw_without_rendering()
    said = {text: " ".join(text.get_text().split()) for text in figure.texts}
    foot = next(text for text, words in said.items() if "repeats free" in words)
    box = foot.get_window_extent()
    below = figure.axes[0].xaxis.label.get_window_extent()
    assert box.x1 <= figure.bbox.x1
    assert box.y1 <= below.y0


def contender(strategy: str, **description: object) -> Any:
    """What `looks` sees of a row."""
    experiment = SimpleNamespace(strategy=strategy)
    runs = ExperimentRuns("x", experiment, {}, pa.table({}), description)  # type: ignore[arg-type]
    return SimpleNamespace(experiment=experiment, runs=runs, colour="", line="")


def test_every_strategy_of_ours_has_a_colour_of_its_own() -> None:
    """Whatever stands beside it, stored with its runs or not, as earlier versions did not."""
    cards = strategies()
    rows = [contender(name, colour=card.colour) for name, card in cards.items()]
    together = [look.colour for look in looks(rows)]
    assert together == [card.colour for card in cards.values()]
    assert len(set(together)) == len(rows)
    assert [look.colour for look in looks([contender(name) for name in cards])] == together


def test_a_strategy_of_others_may_have_a_colour() -> None:
    mine = contender("my.module:Mine", colour="#123456")
    assert looks([mine])[0][0] == "#123456"
    for colour in ("red", "#12345", "#123456;}", "", "javascript:x"):
        assert looks([contender("my.module:Mine", colour=colour)]) == looks(
            [contender("my.module:Mine")]
        )

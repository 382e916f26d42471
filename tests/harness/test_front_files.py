"""Files of exact fronts: members and their values by the table, and which members are drawn."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from nasbench.benchmarks.catalogue import load_table
from nasbench.benchmarks.tables.costs import per_architecture
from nasbench.cli.app import app
from nasbench.harness.compare.figures.front_axes import view_of
from nasbench.harness.draw_front import front_figure, marked
from nasbench.harness.fronts import ExactFront
from nasbench.problem import ACCURACY, LOSS, Metric, scores_of
from nasbench.spaces.pool import PoolSpace

COST = Metric("latency", "min", "ms", 0.0)
SPEED = Metric("throughput", "max", "images/s", 0.0)


def front_of(values: list[list[float]], first: Metric, second: Metric) -> ExactFront:
    space = PoolSpace("pool", [f"network {k}" for k in range(len(values))])
    return ExactFront((first, second), space, scores_of((first, second), np.array(values)))


def show(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["show", *arguments], env={"COLUMNS": "200"})
    assert result.exception is None, result.output
    return result.output


def test_members_are_written_with_the_values_of_all_splits(tmp_path: Path) -> None:
    said = show("digits", "--front", "--objective", "accuracy,latency", "--out", str(tmp_path))
    assert {one.name for one in tmp_path.iterdir()} == {
        f"front-digits.{form}" for form in ("csv", "pdf", "png")
    }
    assert all(f"front-digits.{form} written" in said for form in ("csv", "pdf", "png"))
    frame = pd.read_csv(tmp_path / "front-digits.csv")
    table = load_table("digits")
    latency = per_architecture(table.search.latency("digits", "amd-epyc"), table.rows)
    columns = {
        "test/accuracy": table.test.mean("digits"),
        "valid/accuracy": table.test.valid_mean("digits"),
    }
    found = frame["index"].to_numpy()
    for name, column in columns.items():
        np.testing.assert_allclose(frame[name], per_architecture(column, table.rows)[found])
    for split in ("value", "valid", "test"):
        np.testing.assert_allclose(frame[f"{split}/latency/amd-epyc"], latency[found])
    accuracy = per_architecture(columns["test/accuracy"], table.rows).astype(float)
    for place in found:
        better = (accuracy >= accuracy[place]) & (latency <= latency[place])
        assert not (better & ((accuracy > accuracy[place]) | (latency < latency[place]))).any()
    assert frame["architecture"].tolist() == [
        table.space.format(table.space.architecture(int(place))) for place in found
    ]
    assert f"{len(frame)} of 15,625 architectures" in said  # what is printed stays


def test_three_objectives_have_members_and_no_picture(tmp_path: Path) -> None:
    said = show("digits", "--front", "--objective", "accuracy,latency,params",
                "--out", str(tmp_path))  # fmt: skip
    assert [one.name for one in tmp_path.iterdir()] == ["front-digits.csv"]
    assert "no picture" in said


def test_ends_and_knee_are_drawn() -> None:
    """The knee of a right angle is its corner: 90 % at 2 ms."""
    values = [[80, 1], [82, 1.2], [90, 2], [90.5, 5], [91, 9], [70, 3], [80, 1]]
    front = front_of(values, ACCURACY, COST)
    view = view_of((ACCURACY, COST), front.points, [front.points])
    found = marked(front, view)
    assert [int(front.members[one.member]) for one in found] == [4, 2, 6]
    assert [one.letter for one in found] == ["A", "B", "C"]
    assert [one.why for one in found] == ["best accuracy", "knee", "best latency"]


@pytest.mark.parametrize("objectives", [(ACCURACY, COST), (LOSS, SPEED), (LOSS, COST)])
def test_few_members_of_any_directions(objectives: tuple[Metric, Metric]) -> None:
    first, second = objectives
    for scores in ([[3.0, 3.0]], [[3.0, 3.0], [3.0, 3.0]], [[3.0, 3.0], [2.0, 90.0]]):
        values = [[first.score(a), second.score(b - 100.0)] for a, b in scores]
        front = front_of(values, first, second)
        view = view_of(objectives, front.points, [front.points])
        names = [one.why for one in marked(front, view)]
        assert names[0].startswith(f"best {first.name}")
        assert len(names) == len(front.points)
        figure = front_figure(front, "a title", "test", "a note")
        figure.draw_without_rendering()
        texts = [(axes, text) for axes in figure.axes for text in axes.texts]
        assert {text.get_text() for _, text in texts} == set("ABC"[: len(names)])
        for axes, text in texts:  # no letter is on the axis below
            assert text.get_window_extent().y0 > axes.bbox.y0


def test_a_member_far_from_all_others_is_no_end() -> None:
    near = [[90.0 + k, 1.0 + k] for k in range(6)]
    front = front_of([[10.0, 0.001], *near], ACCURACY, COST)
    view = view_of((ACCURACY, COST), front.points, [front.points])
    found = marked(front, view)
    assert int(front.members[found[-1].member]) == 1
    assert found[-1].why == "best latency shown"
    figure = front_figure(front, "a title", "test", "a note")
    assert any("the 1 with the worst accuracy is outside" in one.get_text() for one in figure.texts)

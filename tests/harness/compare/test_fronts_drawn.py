"""Figures of two objectives: what is drawn is what the table and the stored runs say."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from numpy.typing import NDArray

import nasbench
from nasbench.benchmarks.catalogue import load_table
from nasbench.benchmarks.tables.costs import per_architecture
from nasbench.harness.compare import compare
from nasbench.harness.compare.comparison import Block
from nasbench.harness.compare.figures.fronts import front_picture, planes
from nasbench.harness.compare.figures.picture import Picture
from nasbench.harness.compare.figures.under_limits import limit_picture
from nasbench.harness.compare.tables.sets import members
from nasbench.harness.execution.run import run
from nasbench.harness.search.opening import close_benchmarks
from nasbench.problem import Metric

Numbers = NDArray[np.float64]
ROWS = "random-search,nsga2"


def fronts(block: Block) -> list[Picture]:
    return [front_picture(plane) for plane in planes(block)]


def limits(block: Block) -> list[Picture]:
    return [limit_picture(plane) for plane in planes(block)]


def drawn(axes: Axes, label: str) -> tuple[Numbers, Numbers]:
    """The values across and up of a line that the legend names."""
    (line,) = [one for one in axes.lines if one.get_label() == label]
    across, up = line.get_data()
    return np.asarray(across, dtype=float), np.asarray(up, dtype=float)


def at(across: Numbers, up: Numbers, limits: Numbers) -> Numbers:
    """The values of a line that goes up in steps at `across`, under limits."""
    return up[np.searchsorted(across, limits, side="right") - 1]


@pytest.fixture(scope="module")
def block(tmp_path_factory: pytest.TempPathFactory) -> Block:
    folder = tmp_path_factory.mktemp("sets")
    run(ROWS, seeds=5, benchmark="digits", objective="accuracy,latency", budget="60evals",
        out=folder, workers=1)  # fmt: skip
    (found,) = compare(folder).blocks
    return found


@pytest.fixture(scope="module")
def table() -> tuple[Numbers, Numbers]:
    """Test accuracy and latency of all architectures."""
    digits = load_table("digits")
    columns = digits.test.mean("digits"), digits.search.latency("digits", "amd-epyc")
    accuracy, latency = (per_architecture(one, digits.rows).astype(float) for one in columns)
    return accuracy, latency


def sets(block: Block, label: str) -> list[pd.DataFrame]:
    """The members of a row's final sets, a frame per run, as `sets.csv` has them."""
    frame = pd.DataFrame(members(block))
    return [part for _, part in frame[frame["label"] == label].groupby("seed")]


def test_the_exact_front_is_what_nothing_in_the_table_dominates(
    block: Block, table: tuple[Numbers, Numbers]
) -> None:
    (picture,) = fronts(block)
    (axes,) = picture.draw().axes
    accuracy, latency = table
    (points,) = [one for one in axes.lines if one.get_linestyle() == "None"]
    found = set(zip(*points.get_data(), strict=True))
    better = [
        ((accuracy >= a) & (latency <= b) & ((accuracy > a) | (latency < b))).any()
        for a, b in zip(accuracy, latency, strict=True)
    ]
    front = {
        (cost, value)
        for cost, value, worse in zip(latency, accuracy, better, strict=True)
        if not worse
    }
    assert {(round(x, 9), round(y, 6)) for x, y in found} == {
        (round(x, 9), round(y, 6)) for x, y in front
    }
    assert f"{len(front)} points" in picture.caption
    assert "n = 5" in picture.caption


@pytest.mark.parametrize("row", [0, 1])
def test_a_row_is_drawn_by_what_half_of_its_runs_reach(block: Block, row: int) -> None:
    """A point just above and left of each corner is reached by fewer than half of the five sets."""
    label = block.contenders[row].label
    (picture,) = fronts(block)
    across, up = drawn(picture.draw().axes[0], label)
    # vertices are in turn before and at a corner; values go down along the line
    corners = list(zip(across[1::2], up[1::2], strict=True))

    def reach(cost: float, value: float) -> int:
        return sum(
            bool(((one["test/latency/amd-epyc"] <= cost) & (one["test/accuracy"] >= value)).any())
            for one in sets(block, label)
        )

    assert len(corners) > 1
    for cost, value in corners:
        assert reach(cost, value) >= 3
        assert reach(cost, value + 1e-9) < 3
        assert reach(cost - 1e-9, value) < 3


@pytest.mark.parametrize("row", [0, 1])
def test_a_user_has_the_median_test_value_of_what_validation_chooses(
    block: Block, row: int
) -> None:
    label = block.contenders[row].label
    (picture,) = limits(block)
    above, below = picture.draw().axes
    across, up = drawn(above, label)
    runs = sets(block, label)
    costs = np.unique(pd.concat(runs)["value/latency/amd-epyc"])
    expected = []
    for cost in costs:
        kept = [one[one["value/latency/amd-epyc"] <= cost] for one in runs]
        chosen = [one.loc[one["value/accuracy"].idxmax()] for one in kept if len(one)]
        tests = [one["test/accuracy"] for one in chosen]
        expected.append(np.median(tests + [-np.inf] * (5 - len(tests))))
    wanted = np.where(np.isfinite(expected), expected, np.nan)
    np.testing.assert_allclose(at(across, up, costs), wanted)

    (line,) = [one for one in below.lines if one.get_color() == _colour(above, label)]
    optimum = drawn(above, "Exact optimum")
    lost = at(*map(np.asarray, line.get_data()), costs)
    np.testing.assert_allclose(lost, at(*optimum, costs) - wanted, atol=1e-9)


def _colour(axes: Axes, label: str) -> str:
    (line,) = [one for one in axes.lines if one.get_label() == label]
    return str(line.get_color())


def test_the_exact_optimum_is_the_best_test_value_under_each_limit(
    block: Block, table: tuple[Numbers, Numbers]
) -> None:
    (picture,) = limits(block)
    across, up = drawn(picture.draw().axes[0], "Exact optimum")
    accuracy, latency = table
    for limit in np.quantile(latency, np.linspace(0, 1, 50)):
        (found,) = at(across, up, np.array([limit + 1e-9]))
        assert found == pytest.approx(accuracy[latency <= limit + 1e-9].max())


SPEED = Metric("speed", "max", "images/s", 0.0)
PERPLEXITY = Metric("perplexity", "min", low=1.0)


@pytest.fixture
def made_up(tmp_path: Path) -> Path:
    """A table without test, whose first metric is to be small and whose second is to be large."""
    generator = np.random.default_rng(3)
    quality = generator.random(15_625)
    frame = pd.DataFrame({
        "index": np.arange(15_625), "epochs": 1, "seconds": 2.0,
        "valid_perplexity": 20 + 30 * quality,
        "valid_speed": 1 + 2000 * (quality + 0.3 * generator.random(15_625)) ** 3,
    })  # fmt: skip
    made = nasbench.table_from_frame(
        frame, name="made-up", space="nb201", metrics=[PERPLEXITY, SPEED], licence="MIT",
        title="Made up",
    )  # fmt: skip
    path = tmp_path / "made-up.safetensors"
    made.save(path)
    return path


def test_directions_are_followed_and_a_table_needs_no_test(made_up: Path, tmp_path: Path) -> None:
    run(ROWS, seeds=3, benchmark=str(made_up), objective="perplexity,speed", budget="60evals",
        out=tmp_path / "results", workers=1)  # fmt: skip
    (block,) = compare(tmp_path / "results").blocks
    (picture,) = fronts(block)
    (axes,) = picture.draw().axes
    assert "better is down and right" in picture.caption
    assert axes.get_ylabel() == "final perplexity"
    assert axes.get_xlabel() == "final speed (images/s)"
    assert axes.get_xscale() == "log"
    label = block.contenders[1].label
    across, up = drawn(axes, label)
    corners = list(zip(across[1::2], up[1::2], strict=True))
    runs = sets(block, label)

    def reach(speed: float, value: float) -> int:
        return sum(
            bool(((one["valid/speed"] >= speed) & (one["valid/perplexity"] <= value)).any())
            for one in runs
        )

    assert len(corners) > 1
    assert all(reach(*corner) >= 2 for corner in corners)
    assert all(reach(speed, value - 1e-9) < 2 for speed, value in corners)
    (picture,) = limits(block)
    (axes,) = picture.draw().axes  # a speed is measured: its limit is no limit of final values
    assert axes.get_xlabel() == "lowest speed (images/s) allowed"
    assert "the exact optimum is not known" in picture.caption.lower()
    across, up = drawn(axes, label)
    middle = float(np.median(pd.concat(runs)["value/speed"]))
    kept = [one[one["value/speed"] >= middle] for one in runs]
    chosen = [
        one.loc[one["value/perplexity"].idxmin(), "valid/perplexity"] if len(one) else np.inf
        for one in kept
    ]
    place = int((across >= middle).sum()) - 1  # limits are drawn from the strictest on
    assert up[place] == pytest.approx(np.median(chosen))


def odd(folder: Path) -> Iterator[tuple[str, Block]]:
    for name, options in (
        ("one seed", {"seeds": 1, "budget": "40evals"}),
        ("sets of one member", {"seeds": 3, "budget": "1evals"}),
        ("both to be small", {"seeds": 2, "budget": "20evals", "objective": "loss,params"}),
        ("no cost", {"seeds": 2, "budget": "20evals", "objective": "accuracy,loss"}),
    ):
        where = folder / name
        run(ROWS, **{"benchmark": "digits", "objective": "accuracy,latency", "out": where,
                     "workers": 1, **options})  # type: ignore[arg-type]  # fmt: skip
        (block,) = compare(where).blocks
        yield name, block


def test_odd_sets_are_drawn(tmp_path: Path) -> None:
    for name, block in odd(tmp_path):
        for picture in fronts(block) + limits(block):
            figure = picture.draw()
            figure.draw_without_rendering()
            for one in block.contenders:
                line = drawn(figure.axes[0], one.label)
                assert np.isfinite(line).any(), (name, picture.name)
            assert ("ands: " in picture.caption) == (name != "one seed"), name


def test_only_two_objectives_are_drawn(tmp_path: Path) -> None:
    for number, objectives in enumerate(("accuracy", "accuracy,latency,params")):
        run("random-search", seeds=2, benchmark="digits", objective=objectives, budget="9evals",
            out=tmp_path / str(number), workers=1)  # fmt: skip
        (block,) = compare(tmp_path / str(number)).blocks
        assert not list(planes(block))


def test_without_the_table_the_sets_are_drawn_alone(made_up: Path, tmp_path: Path) -> None:
    run(ROWS, seeds=3, benchmark=str(made_up), objective="perplexity,speed", budget="30evals",
        out=tmp_path / "results", workers=1)  # fmt: skip
    made_up.unlink()
    close_benchmarks()
    (block,) = compare(tmp_path / "results").blocks
    assert any(note.startswith("no hypervolume") for note in block.notes)
    for picture in fronts(block) + limits(block):
        (axes,) = picture.draw().axes
        assert "is not known" in picture.caption
        labels = {line.get_label() for line in axes.lines}
        assert labels >= {one.label for one in block.contenders}
        assert not labels & {"Exact front", "Exact optimum"}

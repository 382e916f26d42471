"""Figures of what happened inside one-shot searches, against what is stored."""

from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
from figures import drawn, png_alone
from tables import installed, toy_cifar10

from nasbench.harness.compare import compare
from nasbench.harness.compare.figures.diagnostics import diagnostic_pictures, matrix, ranking
from nasbench.harness.execution.run import run
from nasbench.harness.results.load import load_results
from nasbench.harness.results.ragged import Ragged
from nasbench.spaces import get_space
from nasbench.testing.one_shot import SMALL

SETTINGS = {"darts": SMALL, "rsps": {**SMALL, "samples": 2}}


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory, synthetic_data: Path) -> Path:
    """Three searches each of two one-shot strategies."""
    out = tmp_path_factory.mktemp("searches")
    with installed(synthetic_data), toy_cifar10(synthetic_data):
        run("darts,rsps", seeds=3, settings=SETTINGS, out=out)
    return out


def test_runs_of_different_lengths() -> None:
    lists = Ragged(np.array([1.0, 2.0, 3.0]), np.array([0, 2, 3]))
    np.testing.assert_array_equal(matrix(lists), [[1, 2], [3, np.nan]])


def test_every_epoch_is_drawn_as_it_was(results: Path) -> None:
    (block,) = compare(results).blocks
    figures = dict(drawn(diagnostic_pictures(block)))
    assert set(figures) == {
        "alphas-darts", "operations-darts", "operations-rsps", "losses-darts", "losses-rsps",
        "ranking-darts", "ranking-rsps",
    }  # fmt: skip
    stored = {one.experiment.strategy: one for one in load_results(results).experiments}
    panels = figures["alphas-darts"].axes
    assert [axes.get_title() for axes in panels] == ["0->1", "0->2", "1->2", "0->3", "1->3", "2->3"]
    for line in panels[3].get_lines():
        column = stored["darts"].lists(f"figure/p/0->3/{line.get_label()}")
        mean = np.mean([column[run] for run in range(3)], axis=0)
        np.testing.assert_allclose(line.get_ydata()[:-1], mean)
    space = get_space("nb201")
    cells = stored["rsps"].architectures.indices
    skips = [
        np.mean([space.architecture(cells[run][epoch]).count(1) for run in range(3)])
        for epoch in range(SMALL["epochs"])
    ]
    counts = {line.get_label(): line for line in figures["operations-rsps"].axes[0].get_lines()}
    np.testing.assert_allclose(counts["skip connections"].get_ydata()[:-1], skips)
    losses = {line.get_label(): line for line in figures["losses-darts"].axes[0].get_lines()}
    for name in ("train loss", "validation loss"):
        column = stored["darts"].lists(f"figure/{name}")
        mean = np.mean([column[run] for run in range(3)], axis=0)
        np.testing.assert_allclose(losses[name].get_ydata()[:-1], mean)


def test_they_are_written_and_replaced(results: Path) -> None:
    for forms in (nullcontext(), png_alone()):
        with forms:
            compare(results, out=results / "comparison")
        names = {path.name for path in (results / "comparison").rglob("*.png")}
        assert {"alphas-darts.png", "operations-darts.png", "operations-rsps.png"} <= names


def test_the_ranking_is_kendalls_of_what_is_stored(results: Path) -> None:
    """Pairs counted one by one: concordant less discordant, ties in the shared weights left out."""
    (block,) = compare(results).blocks
    one = next(c for c in block.contenders if c.experiment.strategy == "rsps")
    tau, gap = ranking(one, block.known)
    assert tau.shape == gap.shape == (3, SMALL["epochs"])
    cells = sorted(
        int(name.rpartition("/")[2])
        for name in one.runs.table.column_names
        if name.startswith("figure/cell/")
    )
    assert len(cells) == 24
    truth = block.known.valid["cifar10"]
    shared = [one.runs.lists(f"figure/cell/{cell}")[1][2] for cell in cells]
    score = ties = pairs = 0
    for i in range(24):
        for j in range(i):
            pairs += 1
            ties += shared[i] == shared[j]
            sign = np.sign(truth[cells[i]] - truth[cells[j]])
            score += np.sign(shared[i] - shared[j]) * sign
    assert tau[1, 2] == pytest.approx(score / np.sqrt((pairs - ties) * pairs))
    derived = one.runs.architectures.indices[1][2]
    assert gap[1, 2] == truth[derived] - one.runs.signal[1][2]

"""TransNAS-Bench-101 from its public files: the order of the rows, metrics, epochs and optima."""

import csv
from pathlib import Path

import numpy as np
import pytest

from nasbench.benchmarks.protocols import own_protocol, searched_in
from nasbench.benchmarks.sources import transnas
from nasbench.benchmarks.sources.transnas import FILES, TASKS, macro_order
from nasbench.benchmarks.tables.objectives import default_objective, find_objective
from nasbench.benchmarks.tables.table import Table
from nasbench.errors import DataError, InvalidInput
from nasbench.harness.compare import compare
from nasbench.harness.compare.references import ExpectedRandomSearch
from nasbench.harness.execution.run import run
from nasbench.testing import TableConformance
from tests.upstream import upstream

DATASETS = "class_object,jigsaw,room_layout"
NAMES = ("transnas-macro", "transnas-micro")
_BUILT: dict[str, Table] = {}


def paths(name: str) -> list[Path]:
    return [upstream() / file.place for file in FILES[name]]


def table(name: str) -> Table:
    if name not in _BUILT:
        _BUILT[name] = transnas.build(name, paths(name))
    return _BUILT[name]


class TestMicroTable(TableConformance):
    @property
    def table(self) -> Table:  # type: ignore[override]
        return table("transnas-micro")


class TestMacroTable(TableConformance):
    @property
    def table(self) -> Table:  # type: ignore[override]
        return table("transnas-macro")


BEST_VALIDATION = {
    "class_object": ("top1", 47.96, 46.32),
    "class_scene": ("top1", 57.48, 54.94),
    "autoencoder": ("ssim", 0.7688, 0.5772),
    "normal": ("ssim", 0.6435, 0.5962),
    "segmentsemantic": ("mIoU", 29.66, 26.27),
    "room_layout": ("neg_loss", -0.5628, -0.5938),
    "jigsaw": ("top1", 97.02, 95.37),
}
"""The best validation over networks and epochs of each task, macro and micro, as known from other
readings of the benchmark."""


@pytest.mark.parametrize("task", TASKS)
def test_best_values_are_the_known_ones_and_no_last_epoch_exceeds_them(task: str) -> None:
    metric, *known = BEST_VALIDATION[task]
    place = list(TASKS).index(task)
    with paths("transnas-macro")[place].open(newline="") as stream:
        best = np.array([float(row[f"valid_{metric}"]) for row in csv.DictReader(stream)])
    for part, value, name in zip((best[:3256], best[3256:]), known, NAMES, strict=True):
        assert part.max() == pytest.approx(value, abs=10 ** -(2 if abs(value) > 1 else 4))
        about = TASKS[task]
        if about.column == metric:
            last = table(name).search.after(about.metric.name, task, about.epochs, about.epochs)
            assert last.max() <= part.max()
        else:
            found = table(name).search.after("mIoU", task, 30, 30)
            assert np.array_equal(np.sort(found), np.sort(part))


def test_rows_of_the_files_are_in_the_derived_order() -> None:
    """First and last macro networks of each length; every network once."""
    order = list(macro_order())
    assert len(order) == len(set(order)) == 3256
    assert order[0] == (4, 1, 1, 1)
    assert order[210] == (4, 1, 1, 1, 1)
    assert order[-1] == (1, 1, 3, 4, 4, 4)


@pytest.mark.parametrize("name", NAMES)
def test_rows_in_another_order_are_refused(name: str, tmp_path: Path) -> None:
    """A file whose last network has come first."""
    files = paths(name)
    header, *rows = files[0].read_text().splitlines()
    moved = tmp_path / "moved.csv"
    moved.write_text("\n".join([header, rows[-1], *rows[:-1]]) + "\n")
    with pytest.raises(DataError, match=r"'.*moved.csv' is in another order: .* \d+ networks"):
        transnas.build(name, [moved, *files[1:]])


def test_wrong_files_are_one_line(tmp_path: Path) -> None:
    files = paths("transnas-micro")
    short = tmp_path / "short.csv"
    short.write_text("\n".join(files[0].read_text().splitlines()[:100]))
    with pytest.raises(DataError, match="has 99 rows, which are too few"):
        transnas.build("transnas-micro", [short, *files[1:]])
    with pytest.raises(DataError, match="is not an archive of NASLib's records"):
        transnas.build("transnas-micro", [*files[:-1], files[0]])
    with pytest.raises(DataError, match="lacks 4096 networks of class_object"):
        transnas.build("transnas-micro", [*files[:-1], paths("transnas-macro")[-1]])


@pytest.mark.parametrize("name", NAMES)
def test_each_task_is_searched_by_its_metric(name: str) -> None:
    """Losses have no place in the table: the files have their worst epoch."""
    of = table(name)
    assert set(searched_in(of)) == set(TASKS)
    for task, about in TASKS.items():
        assert default_objective(of, task) == about.metric
        assert own_protocol(of, task).epochs == about.epochs
        assert of.test.is_best_epoch(task, about.epochs, about.metric.name)
    assert find_objective(of, "mIoU", "segmentsemantic").direction == "max"
    with pytest.raises(InvalidInput, match="has ssim of 'normal'; use one of these"):
        find_objective(of, "accuracy", "normal")
    assert not any("/loss/" in column.name for column in of.info.columns)


def test_random_search_of_50_evaluations_is_the_published_one() -> None:
    """Object classification, micro: 45.16 ± 0.4, the best validation over networks and epochs.

    The published number is of searches that see each network's best validation over its epochs,
    which is in the files and not in the table.
    """
    place = list(TASKS).index("class_object")
    with paths("transnas-micro")[place].open(newline="") as stream:
        best = np.array([float(row["valid_top1"]) for row in csv.DictReader(stream)][3256:])
    found = ExpectedRandomSearch(best).expect(best, np.array([50.0]))
    assert float(found.mean[0]) == pytest.approx(45.22, abs=0.005)
    assert float(found.std[0]) == pytest.approx(0.43, abs=0.005)
    assert abs(float(found.mean[0]) - 45.16) < 0.4 / 3


def test_epochs_are_not_seen_before_the_last() -> None:
    """There is no cheap fidelity."""
    for task, about in TASKS.items():
        known = table("transnas-micro").search.epochs(task, about.epochs, about.metric.name)
        assert known == (about.epochs,)


def test_a_comparison_says_what_test_is(tmp_path: Path) -> None:
    path = tmp_path / "micro.safetensors"
    table("transnas-micro").save(path)
    run("random-search,regularized-evolution", seeds=3, benchmark=path, datasets=DATASETS,
        budget="20evals", out=tmp_path / "results", workers=1)  # fmt: skip
    blocks = {one.task.query.dataset: one for one in compare(tmp_path / "results").blocks}
    assert list(blocks) == DATASETS.split(",")
    for task, block in blocks.items():
        said = f"test on {TASKS[task].title}: each network's best over the epochs of its training"
        assert block.about_test[0].startswith(said)
        assert (block.task.metric, block.task.query.epochs) == TASKS[task][2:0:-1]

"""Real seconds of different devices share no axis, and stored runs say on which they trained."""

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
from tables import installed, toy_cifar10

from nasbench.benchmarks.training.devices import accelerator
from nasbench.harness.compare import Comparison, compare
from nasbench.harness.compare.convergence import of_one_clock
from nasbench.harness.compare.figures.plots import one_clock, regret_pictures
from nasbench.harness.execution.run import run
from nasbench.harness.report.curves import block_figures, groups
from nasbench.harness.report.page import report
from nasbench.harness.results.load import Results, load_results
from nasbench.harness.results.runs import ExperimentRuns
from nasbench.provenance import processor
from nasbench.testing.one_shot import SMALL

GPU = "NVIDIA H100 80GB HBM3"


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory, synthetic_data: Path) -> Path:
    """Two runs each of two one-shot searches and of one on the table."""
    out = tmp_path_factory.mktemp("devices")
    with installed(synthetic_data), toy_cifar10(synthetic_data):
        run("rsps,spos", seeds=2, settings={"rsps": SMALL, "spos": SMALL}, out=out, workers=1)
        run("random-search", seeds=2, out=out, workers=1)
    return out


def on_gpu(runs: ExperimentRuns, rows: int) -> ExperimentRuns:
    """Return runs of which the first `rows` were made on a GPU."""
    table, count = runs.table, len(runs)
    for name, gpu, cpu in (("device", "cuda", "cpu"), ("accelerator", GPU, "")):
        values = pa.array([gpu] * rows + [cpu] * (count - rows))
        table = table.set_column(table.column_names.index(name), name, values)
    return replace(runs, table=table)


def compared(folder: Path, rows: int) -> Comparison:
    """Compare runs, the first `rows` of `spos` of which are of a GPU."""
    found = load_results(folder)
    experiments = tuple(
        on_gpu(one, rows) if one.experiment.strategy == "spos" else one for one in found.experiments
    )
    return compare(Results(found.folder, experiments, ()), datasets="cifar10")


def test_what_is_stored(results: Path) -> None:
    found = {one.experiment.strategy: one for one in load_results(results).experiments}
    assert found["rsps"].devices == (processor(),)
    assert found["random-search"].devices == ()
    assert accelerator("cpu") == ""
    assert on_gpu(found["spos"], 2).devices == (GPU,)
    assert set(on_gpu(found["spos"], 1).devices) == {GPU, processor()}


def test_one_device_is_one_axis(results: Path) -> None:
    (block,) = compared(results, 0).blocks
    assert not [note for note in block.notes if "different devices" in note]
    names = [picture.name for picture in regret_pictures(block, clock="seconds")]
    assert [name for name in names if "shared" in name] == ["regret-cifar10-shared-seconds"]
    captions = [picture.caption for picture in regret_pictures(block) if "shared-s" in picture.name]
    assert all(f"Real seconds of {processor()}." in caption for caption in captions)


@pytest.mark.parametrize("rows", [1, 2])  # one run of the row on the GPU, or both
def test_different_devices_share_no_axis_of_seconds(results: Path, rows: int) -> None:
    (block,) = compared(results, rows).blocks
    there = ", ".join(sorted({GPU, processor()} if rows == 1 else {GPU}))
    (note,) = (note for note in block.notes if "different devices" in note)
    assert f"SPOS on {there}" in note
    assert f"RSPS on {processor()}" in note
    labels = [[one.label for one in part.contenders] for part in one_clock(block, "seconds")]
    assert sorted(map(sorted, labels)) == [["RSPS"], ["Random search"], ["SPOS"]]
    labels = [[one.label for one in part.contenders] for part in one_clock(block, "evaluations")]
    assert sorted(map(sorted, labels)) == [["RSPS", "SPOS"], ["Random search"]]
    shared = {one.name: one for one in regret_pictures(block) if "shared" in one.name}
    assert set(shared) == {
        "regret-cifar10-shared-evaluations", f"regret-cifar10-shared-seconds-{processor()}",
        f"regret-cifar10-shared-seconds-{there}",
    }  # fmt: skip
    assert there in shared[f"regret-cifar10-shared-seconds-{there}"].title
    assert sum(map(len, of_one_clock(block.contenders))) == 3


def test_one_shot_rows_in_a_block_of_their_own_keep_their_clock(
    results: Path, toy_images: Path
) -> None:
    """Nine seeds of a search on the table have too few in common with two of the others."""
    run("random-search", seeds=9, out=results, workers=1)
    blocks = compare(results, datasets="cifar10").blocks
    (alone,) = (block for block in blocks if len(block.contenders) == 2)
    assert alone.task.shared
    assert {one.name for one in regret_pictures(alone)} == {
        "regret-cifar10-shared-seconds", "regret-cifar10-shared-evaluations",
    }  # fmt: skip
    assert all("expected random search" not in one.caption for one in regret_pictures(alone))
    assert "-shared" in {suffix for suffix, _ in groups(alone)}
    other = next(block for block in blocks if block is not alone)
    assert [one.name for one in regret_pictures(other, clock="seconds")] == [
        "regret-cifar10-seconds"
    ]


def test_the_page_has_a_group_for_each(results: Path, tmp_path: Path) -> None:
    (block,) = compared(results, 2).blocks
    suffixes = [suffix for suffix, _ in groups(block)]
    assert suffixes == ["", "-shared", "-shared-2"]
    names = block_figures(block, 1)
    assert "b1-cifar10-seconds-shared-2" in names
    page = report(results, tmp_path / "page.html", replays=0).read_text()
    assert page.count("<h3>Test regret, shared weights</h3>") == 1  # all on one device

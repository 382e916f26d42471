"""Tabulation: resumed, shared among workers, merged, refused; the table says what shards say."""

import dataclasses
import os
import shutil
import signal
import subprocess
import sys
import time
import warnings
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from nasbench.benchmarks.tables.format import SUFFIX
from nasbench.benchmarks.tables.info import Split
from nasbench.benchmarks.tables.table import Table
from nasbench.benchmarks.training import costs, one_shard
from nasbench.benchmarks.training import tabulate as tabulation
from nasbench.benchmarks.training.assemble import assemble
from nasbench.benchmarks.training.digits import Distortion, Sizes, digits
from nasbench.benchmarks.training.one_shard import ShardJob, ShardTrainer
from nasbench.benchmarks.training.plan import Plan, distinct_cells
from nasbench.benchmarks.training.recipes import Recipe
from nasbench.benchmarks.training.shards import Trainings, read_shards, write_shard
from nasbench.benchmarks.training.tabulate import remaining, tabulate
from nasbench.benchmarks.training.train import CURVES, Training
from nasbench.errors import DataError, InvalidInput, StoreError
from nasbench.spaces.nb201 import NasBench201
from nasbench.spaces.networks.base import Shape

SPACE = NasBench201()
TINY = Recipe("tiny", Shape(2, 1), epochs=2, batch=20, learning_rate=0.02)
DATA = partial(digits, Distortion(), Sizes(weights=40, validation=20, test=20, copies=1))
CELLS = distinct_cells(SPACE, 6)


def plan(out: Path, **changes: object) -> Plan:
    base = Plan(DATA, TINY, out, CELLS, seeds=(0, 1), group=3)
    return dataclasses.replace(base, **changes)


def stored(one: Plan) -> Trainings:
    return read_shards(one.folders, ShardTrainer(one).identity)


def assert_same(one: Trainings, other: Trainings, *, exactly: bool = True) -> None:
    np.testing.assert_array_equal(one.cell, other.cell)
    np.testing.assert_array_equal(one.seed, other.seed)
    for name in CURVES:
        tolerance = 0.0 if exactly or not name.endswith("loss") else 1e-3
        if exactly or tolerance:
            np.testing.assert_allclose(one.curves[name], other.curves[name], rtol=tolerance)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    """A tabulation that nothing disturbed."""
    done = plan(tmp_path_factory.mktemp("whole"))
    assert tabulate(done)[:2] == (12, 0)
    return done


DRIVER = """
from functools import partial
from pathlib import Path
from nasbench.benchmarks.training.digits import Distortion, Sizes, digits
from nasbench.benchmarks.training.plan import Plan
from nasbench.benchmarks.training.recipes import Recipe
from nasbench.benchmarks.training.tabulate import tabulate
from nasbench.provenance import cores
from nasbench.spaces.networks.base import Shape
import nasbench.benchmarks.training.tabulate as tabulation

if __name__ == "__main__":
    tabulation.cores = lambda: 2
    sizes = Sizes(weights=40, validation=20, test=20, copies=1)
    recipe = Recipe("tiny", Shape(2, 1), epochs=2, batch=20, learning_rate=0.02)
    out = Path({out!r})
    tabulate(
        Plan(partial(digits, Distortion(), sizes), recipe, out, {cells!r}, ({seeds}), group=3),
        workers=2,
    )
"""


def children(pid: int) -> list[int]:
    """Return the processes a process started that are workers (not multiprocessing's helper)."""
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            command = Path(f"/proc/{child}/cmdline").read_bytes()
            if b"spawn_main" in command:
                found.append(int(child))
    return found


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def until(condition: object, seconds: float = 240.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():  # type: ignore[operator]
            return True
        time.sleep(0.01)
    return False


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_killed_and_resumed_is_the_undisturbed_one(tmp_path: Path, whole: Plan) -> None:
    """SIGKILL of the driver leaves no worker; two workers, then one, give the same bits."""
    script = tmp_path / "driver.py"
    many = distinct_cells(SPACE, 6)
    seeds = "0, 1, *range(100, 400)"  # work enough to be killed in
    script.write_text(DRIVER.format(out=str(tmp_path / "out"), cells=many, seeds=seeds))
    driver = subprocess.Popen([sys.executable, str(script)], env={**os.environ})
    try:
        shards = tmp_path / "out" / "shards"
        assert until(lambda: len(list(shards.glob("seed*.parquet"))) >= 3)
        workers = children(driver.pid)
        assert len(workers) == 2
    finally:
        driver.send_signal(signal.SIGKILL)
        driver.wait()
    assert until(lambda: not any(map(alive, workers)), 10)
    interrupted = plan(tmp_path / "out")
    for path in list(shards.glob("seed0-*.parquet"))[1:]:
        path.unlink()
    before = stored(interrupted).pairs & {(cell, seed) for cell in CELLS for seed in (0, 1)}
    assert 3 <= len(before) < 12
    assert tabulate(interrupted).trained == 12 - len(before)
    for path in shards.glob("seed[1-9][0-9]*.parquet"):
        path.unlink()
    assert_same(stored(interrupted), stored(whole))
    assert assemble(interrupted).hash == assemble(whole).hash
    assert tabulate(interrupted)[:2] == (0, 0)


def test_ctrl_c_keeps_finished_shards(tmp_path: Path, whole: Plan) -> None:
    class Impatient:
        def start(self, total: int, there: int = 0) -> None:
            assert (total, there) == (12, 0)

        def advance(self, count: int = 1, note: str | None = None) -> None:
            raise KeyboardInterrupt

    stopped = plan(tmp_path)
    threads = torch.get_num_threads()
    with pytest.raises(KeyboardInterrupt):
        tabulate(stopped, progress=Impatient())
    assert torch.get_num_threads() == threads
    assert len(stored(stopped)) == 3
    tabulate(stopped)
    assert_same(stored(stopped), stored(whole))


def test_groups_built_ahead_are_the_same(tmp_path: Path, whole: Plan) -> None:
    """Each shard is written before its report, and nothing goes on when the reports end."""
    one = plan(tmp_path)
    trainer = ShardTrainer(one)
    jobs = remaining(one, SPACE, set())
    for number, done in enumerate(trainer.train_all(jobs, ahead=True), start=1):
        assert done.trained == 3
        assert len(list(one.shards.iterdir())) == number
    assert number == len(jobs) == 4
    assert_same(stored(one), stored(whole))
    assert list(trainer.train_all([], ahead=True)) == []
    reports = ShardTrainer(plan(tmp_path / "stopped")).train_all(jobs, ahead=True)
    next(reports)
    reports.close()
    assert len(list((tmp_path / "stopped" / "shards").iterdir())) == 1


def test_an_error_while_building_ahead_is_raised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After what comes before it: the first group is stored."""
    one = plan(tmp_path)
    jobs = remaining(one, SPACE, set())
    real = one_shard.group_network

    def full(space: NasBench201, cells: list[tuple[int, ...]], *rest: object) -> torch.nn.Module:
        if cells[0] == SPACE.architecture(jobs[1].cells[0]):
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
        return real(space, cells, *rest)

    monkeypatch.setattr(one_shard, "group_network", full)
    with pytest.raises(InvalidInput, match=r"lower --group \(now 3\)"):
        list(ShardTrainer(one).train_all(jobs, ahead=True))
    assert len(list(one.shards.iterdir())) == 1


def test_grouping_changes_rounding_only(tmp_path: Path, whole: Plan) -> None:
    other = plan(tmp_path, group=4, seeds=(0,))
    tabulate(other)
    assert len(list(other.shards.iterdir())) == 2
    mine = stored(plan(whole.out, seeds=(0,)))
    first = Trainings(
        mine.cell[:6], mine.seed[:6], mine.diverged[:6],
        {name: curve[:6] for name, curve in mine.curves.items()},
    )  # fmt: skip
    assert_same(stored(other), first, exactly=False)


def test_what_is_there_is_skipped_whatever_its_grouping() -> None:
    everything = remaining(plan(Path()), SPACE, set())
    assert [len(job.cells) for job in everything] == [3, 3, 3, 3]
    assert [job.seed for job in everything] == [0, 0, 1, 1]
    (first, second), after = everything[:2], everything[2:]
    one_of_each = {(first.cells[0], 0), (second.cells[1], 0)}
    left = remaining(plan(Path()), SPACE, one_of_each)
    assert [len(job.cells) for job in left] == [3, 1, 3, 3]  # regrouped, full again
    assert {cell for job in left[:2] for cell in job.cells} == set(CELLS) - {
        first.cells[0],
        second.cells[1],
    }
    assert left[2:] == after
    # A whole group that is missing stays as it was, and so do its bits.
    assert remaining(plan(Path()), SPACE, {(cell, 0) for cell in first.cells})[0] == second


def test_shards_of_two_folders_are_merged(tmp_path: Path, whole: Plan) -> None:
    left, right = plan(tmp_path / "a", seeds=(0,)), plan(tmp_path / "b", also=(tmp_path / "a",))
    tabulate(left)
    assert tabulate(right).trained == 6
    assert_same(stored(right), stored(whole))
    for path in left.shards.iterdir():
        path.rename(right.shards / path.name)
    assert assemble(plan(tmp_path / "b")).hash == assemble(whole).hash


def test_shards_of_another_recipe_or_data_are_refused(whole: Plan) -> None:
    longer = dataclasses.replace(TINY, epochs=3)
    with pytest.raises(InvalidInput, match=r"recipe\.epochs is 2 there and 3 here") as caught:
        tabulate(plan(whole.out, recipe=longer))
    assert "\n" not in str(caught.value)
    other = partial(digits, Distortion(noise=0.3), DATA.args[1])
    with pytest.raises(InvalidInput, match="data is"):
        assemble(plan(whole.out, data=other))


@pytest.mark.parametrize("precision", ["tf32", "bfloat16"])
def test_a_precision_is_a_table_of_its_own(
    tmp_path: Path, whole: Plan, precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has another hash and says its precision; costs are measured in float32 for all."""
    with pytest.raises(InvalidInput, match=f"precision is float32 there and {precision} here"):
        tabulate(plan(whole.out, precision=precision))
    other = plan(tmp_path, precision=precision)
    tabulate(other)
    same = precision == "tf32"  # on a CPU
    (one, two) = (stored(p).curves["train_loss"] for p in (whole, other))
    assert np.array_equal(one, two) == same
    monkeypatch.setattr(costs, "_costs", lambda *_: (2.0, 0.5, 3.0))
    costs.measure(SPACE, DATA(), TINY, other.shards, 60, rounds=1)
    tables = [assemble(whole), assemble(other)]
    assert tables[0].hash != tables[1].hash
    trained = [next(n for n in table.info.notes if "trained:" in n) for table in tables]
    assert all(name in note for name, note in zip(("float32", precision), trained, strict=True))
    assert any("costs were measured in float32" in note for note in tables[1].info.notes)
    with pytest.raises(InvalidInput, match=f"precision is {precision} there and float32 here"):
        tabulate(plan(tmp_path))


def test_layouts_differ_in_rounding_and_are_not_mixed(
    tmp_path: Path, whole: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shards of grouped convolutions do not state a layout, as those of earlier versions."""
    trained: list[object] = []

    def noting(*arguments: object, **options: object) -> Training:
        trained.append(options["layout"])
        return real(*arguments, **options)

    real = one_shard.grouped
    monkeypatch.setattr(one_shard, "grouped", noting)
    products = plan(tmp_path, layout="products", seeds=(0,))
    tabulate(products)
    assert trained == ["products"] * 2
    mine = stored(products)
    first = stored(plan(whole.out, seeds=(0,)))
    rows = first.seed == 0
    for name in CURVES:
        if name.endswith("loss"):
            np.testing.assert_allclose(mine.curves[name], first.curves[name][rows], rtol=1e-2)
    with pytest.raises(InvalidInput, match=r"layout is products there and channels here.*--layout"):
        tabulate(plan(tmp_path))
    with pytest.raises(InvalidInput, match="layout is channels there and products here"):
        tabulate(plan(whole.out, layout="products"))
    with pytest.raises(InvalidInput, match="layout 'rows' is unknown"):
        tabulate(plan(tmp_path, layout="rows"))
    assert any("as matrix products" in note for note in assemble(products).info.notes)
    path = min(whole.shards.iterdir())
    assert b"layout" not in pq.read_schema(path).metadata[b"nasbench"]


def test_a_damaged_shard_is_named(tmp_path: Path, whole: Plan) -> None:
    path = sorted(whole.shards.iterdir())[0]
    copy = tmp_path / "shards" / path.name
    copy.parent.mkdir()
    copy.write_bytes(path.read_bytes()[:200])
    with pytest.raises(DataError, match="delete it and go on"):
        tabulate(plan(tmp_path))


def test_the_table_says_what_the_shards_say(tmp_path: Path, whole: Plan) -> None:
    assemble(whole, "mine").save(tmp_path / f"mine{SUFFIX}")
    table, shards = Table.open(tmp_path / f"mine{SUFFIX}"), stored(whole)
    rows = table.rows
    assert rows is not None
    assert len(rows) == SPACE.size
    assert table.info.rows == 5260
    members = np.isin(SPACE.network_class, CELLS)
    assert table.info.cells == members.sum()
    for i, (cell, seed) in enumerate(zip(shards.cell, shards.seed, strict=True)):
        row = rows[cell]
        for epoch in (1, 2):
            seen = shards.curves["validation_accuracy"][i, epoch - 1]
            assert table.search.accuracy("digits", 2, epoch, int(seed))[row] == seen
            final = shards.curves["test_accuracy"][i, epoch - 1]
            assert table.test.accuracy("digits", 2, epoch, int(seed))[row] == final
            loss = table.search.after("loss", "digits", 2, epoch, int(seed), split=Split.TRAIN)[row]
            assert loss == np.float16(shards.curves["train_loss"][i, epoch - 1])
    mean = table.test.accuracy("digits", 2, 2)
    both = [shards.curves["test_accuracy"][shards.cell == CELLS[0], 1].astype(float)]
    assert mean[rows[CELLS[0]]] == np.mean(both)
    assert np.isnan(mean[rows[~members]]).all()  # what is missing says so
    assert not any("/test/" in name for name in table.search.names)
    known = SPACE.params(digits().input, 2, 1)
    np.testing.assert_array_equal(table.search.params("digits"), known)
    assert any("12 of 10520 trainings are there, 0 diverged" in note for note in table.info.notes)


def test_a_partial_table_says_so(tmp_path: Path, whole: Plan) -> None:
    """In its title, and with the command that measures the costs it lacks."""
    info = assemble(whole).info
    assert (
        info.title
        == f"6 of {len(distinct_cells(SPACE))} distinct cells trained on digits, recipe tiny"
    )
    assert any(
        "no costs were measured, `nasbench tabulate --costs-only` does" in n for n in info.notes
    )
    assert not any("images" in column.provenance for column in info.columns)
    few = dataclasses.replace(TINY, curve_images=10)
    short = plan(tmp_path, recipe=few, cells=CELLS[:1], seeds=(0,))
    tabulate(short)
    curves = [column for column in assemble(short).info.columns if column.curve]
    noted = {column.split for column in curves if "on the first 10 images" in column.provenance}
    assert noted == {Split.VALID, Split.TEST}


def test_rows_serve_every_encoding_of_a_function(whole: Plan) -> None:
    rows = assemble(whole).rows
    assert rows is not None
    every = np.unique(SPACE.network_class)
    np.testing.assert_array_equal(every[rows], SPACE.network_class)


def test_a_loss_beyond_16_bits_is_infinite_without_a_warning(tmp_path: Path, whole: Plan) -> None:
    """65,504 is the largest number of 16 bits (IEEE 754, binary16)."""
    identity, changed = ShardTrainer(whole).identity, plan(tmp_path / "out")
    shutil.copy(min(whole.shards.glob("seed0*.parquet")), tmp_path)
    trainings = read_shards((tmp_path,), identity)
    curves = {name: curve.copy() for name, curve in trainings.curves.items()}
    curves["validation_loss"][0] = (65_504.0, 1e5)
    write_shard(changed.shards, dataclasses.replace(trainings, curves=curves), identity)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = assemble(changed)
    curve = table.search.curve("digits", 2, 0, "loss")
    assert [65_504.0, np.inf] in curve.tolist()


def test_divergence_is_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of three trainings has no finite loss in its second epoch."""

    class Broken(Training):
        def train_epoch(self) -> None:
            super().train_epoch()
            if self.epoch == 2:
                self.curves["train_loss"][1, 1] = torch.nan

    def broken(*arguments: object, **options: object) -> Training:
        training = real(*arguments, **options)
        training.__class__ = Broken
        return training

    real = one_shard.grouped
    monkeypatch.setattr(one_shard, "grouped", broken)
    one = plan(tmp_path, cells=CELLS[:3], seeds=(0,))
    assert tabulate(one)[:2] == (3, 1)
    shards = stored(one)
    assert shards.diverged.sum() == 1
    lost = shards.curves["validation_accuracy"][shards.diverged][0]
    assert np.isfinite(lost).tolist() == [True, False]
    table = assemble(one)
    assert (
        table.test.accuracy("digits", 2, 2, 0)[
            ~np.isnan(table.test.accuracy("digits", 2, 2, 0))
        ].size
        == 2
    )
    assert any("1 diverged" in note for note in table.info.notes)
    assert tabulate(one)[:2] == (0, 0)  # not silently tried again


def test_out_of_memory_names_what_to_lower(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 B")

    monkeypatch.setattr(one_shard, "grouped", full)
    with pytest.raises(InvalidInput, match=r"lower --group \(now 3\) or --workers"):
        tabulate(plan(tmp_path))


@pytest.mark.skipif(tabulation.cores() < 2, reason="needs two cores")
def test_a_workers_error_is_raised_here(tmp_path: Path) -> None:
    one = plan(tmp_path)
    one.shards.parent.mkdir(exist_ok=True)
    broken = dataclasses.replace(one, precision="float64", data=missing_data)
    with pytest.raises(DataError, match="gone"):
        list(in_processes(broken, [ShardJob(CELLS[:1], 0)]))


def missing_data() -> None:
    raise DataError("the data are gone")


def in_processes(one: Plan, jobs: list[ShardJob]) -> object:
    from nasbench.benchmarks.training import workers

    return workers.in_processes(one, jobs, 2)


def test_requests_that_cannot_be(tmp_path: Path) -> None:
    for number in (0, 5261):
        with pytest.raises(InvalidInput, match="1 to 5260"):
            distinct_cells(SPACE, number)
    with pytest.raises(InvalidInput, match="group cannot be 0"):
        tabulate(plan(tmp_path, group=0))
    with pytest.raises(InvalidInput, match="more than the"):
        tabulate(plan(tmp_path), workers=1000)
    with pytest.raises(InvalidInput, match="does not exist"):
        tabulate(plan(tmp_path, also=(tmp_path / "nothing",)))
    if not torch.cuda.is_available():
        with pytest.raises(InvalidInput, match="device 'cuda' is not there"):
            tabulate(plan(tmp_path, device="cuda"))
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="choose another folder"):
        tabulate(plan(tmp_path / "file"))
    with pytest.raises(DataError, match="nothing to assemble"):
        assemble(plan(tmp_path / "empty"))


def test_samples_are_nested() -> None:
    assert len(distinct_cells(SPACE)) == 5260
    assert set(distinct_cells(SPACE, 5)) < set(distinct_cells(SPACE, 9))
    assert (SPACE.network_class[list(CELLS)] == CELLS).all()


def test_a_shard_is_an_open_file(whole: Plan) -> None:
    path = sorted(whole.shards.iterdir())[0]
    table = pq.read_table(path)
    assert set(table.column_names) == {"cell", "seed", "diverged", *CURVES}
    assert b"wall_seconds" in table.schema.metadata[b"nasbench"]
    assert str(whole.out).encode() not in path.read_bytes()

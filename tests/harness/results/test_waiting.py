"""CPU seconds beside real ones: recorded where something trains, and told where they differ."""

import time
from itertools import count
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nasbench.errors import StoreError
from nasbench.harness.audit import audit
from nasbench.harness.compare import compare
from nasbench.harness.execution.run import run
from nasbench.harness.results.load import load_results
from nasbench.harness.results.store import read_folder
from nasbench.harness.results.waiting import waited
from nasbench.harness.search import runner
from nasbench.testing.one_shot import SMALL


@pytest.mark.parametrize(
    ("wall", "cpu", "device", "late"),
    [
        (60.0, 59.0, "cpu", False),
        (60.0, 41.0, "cpu", False),
        (60.0, 39.0, "cpu", True),
        (60.0, 200.0, "cpu", False),  # four threads
        (4.0, 0.1, "cpu", False),  # too short to say
        (60.0, 1.0, "cuda", False),  # the CPU waits for a GPU
        (60.0, np.nan, "cpu", False),
        (0.0, np.nan, "", False),  # lost with its worker
    ],
)
def test_which_runs_waited(wall: float, cpu: float, device: str, late: bool) -> None:
    assert waited(np.array([wall]), np.array([cpu]), [device]).tolist() == [late]


def darts(out: Path, seeds: str, said: list[str] | None = None) -> None:
    say = [].append if said is None else said.append
    run("darts", seeds=seeds, settings={"darts": SMALL}, out=out, workers=1, say=say)


def test_cpu_seconds_are_those_of_the_process(toy_images: Path, tmp_path: Path) -> None:
    """Truth from outside: `time.process_time` around the whole command bounds them."""
    before = time.process_time()
    darts(tmp_path, "2")
    spent = time.process_time() - before
    run("random-search", seeds=2, budget="5evals", out=tmp_path, workers=1)
    one, other = load_results(tmp_path).experiments
    assert 0 < one.cpu_seconds.sum() <= spent
    assert np.isnan(other.cpu_seconds).all()
    assert "cpu_seconds" not in other.table.column_names
    frame = load_results(tmp_path).runs.groupby("strategy")["cpu_seconds"].sum()
    assert frame["darts"] == one.cpu_seconds.sum()
    assert frame["random-search"] == 0  # of NaN


@pytest.fixture
def busy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let 100 s pass in every run, in which it computes for 10 s."""
    for name, step in (("perf_counter", 100.0), ("process_time", 10.0)):
        clock = map(step.__mul__, count())
        monkeypatch.setattr(runner, name, lambda clock=clock: next(clock))


@pytest.mark.usefixtures("busy")
def test_a_busy_machine_is_told_once_a_command_and_in_the_comparison(
    toy_images: Path, tmp_path: Path
) -> None:
    said: list[str] = []
    darts(tmp_path, "3", said)
    (line,) = [one for one in said if "waited" in one]
    assert line.startswith(
        "3 of the runs waited for a busy machine: 900 s passed, in which they computed"
    )
    said.clear()
    darts(tmp_path, "3", said)  # nothing is missing, and nothing is said again
    assert not any("waited" in one for one in said)
    (block,) = compare(tmp_path).blocks
    told = "900 s passed, in which they computed for 30 s"
    note = f": 3 of 3 runs waited for a busy machine ({told}): its real seconds are too many"
    assert [one for one in block.notes if "waited" in one] == [f"{block.contenders[0].label}{note}"]


def test_files_of_earlier_versions_have_none(toy_images: Path, tmp_path: Path) -> None:
    darts(tmp_path, "2")
    for file in tmp_path.glob("*/*/runs-*.parquet"):
        table = pq.read_table(file)
        about = {b"nasbench": table.schema.metadata[b"nasbench"]}
        pq.write_table(table.drop_columns(["cpu_seconds"]).replace_schema_metadata(about), file)
    (one,) = load_results(tmp_path).experiments
    assert np.isnan(one.cpu_seconds).all()
    assert not one.waited.any()
    assert audit(tmp_path, replays=1).faults == ()
    compare(tmp_path)
    darts(tmp_path, "3")  # one of this version joins them
    (one,) = load_results(tmp_path).experiments
    assert np.isnan(one.cpu_seconds).tolist() == [True, True, False]
    assert not one.waited[:2].any()  # the third may have waited, on a busy machine
    told = any("waited" in note for note in compare(tmp_path).blocks[0].notes)
    assert told == one.waited.any()


@pytest.mark.parametrize("wrong", [-1.0, np.inf])
def test_what_is_no_time_is_damage(wrong: float, toy_images: Path, tmp_path: Path) -> None:
    darts(tmp_path, "7,")
    (file,) = tmp_path.glob("*/*/runs-*.parquet")
    table = pq.read_table(file)
    about = {b"nasbench": table.schema.metadata[b"nasbench"]}
    place = table.column_names.index("cpu_seconds")
    table = table.set_column(place, "cpu_seconds", pa.array([wrong]))
    pq.write_table(table.replace_schema_metadata(about), file)
    with pytest.raises(StoreError, match=r"'cpu_seconds', row 0 \(seed 7\): .* is out of range"):
        read_folder(file.parent).read()

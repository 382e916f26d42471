"""Searches by training and with a fallback, from names to a comparison."""

from pathlib import Path

import numpy as np
import pytest
from tables import synthetic_table

from nasbench.benchmarks.tables.table import Table
from nasbench.benchmarks.training import catalogue
from nasbench.benchmarks.training import setup as setups
from nasbench.benchmarks.training.recipes import RECIPES
from nasbench.benchmarks.training.setup import TrainingSetup
from nasbench.errors import InvalidInput, NasbenchError
from nasbench.harness.compare.references import open_known
from nasbench.harness.execution.run import run
from nasbench.harness.results.store import read_folder
from nasbench.harness.search.opening import close_benchmarks, open_benchmark
from nasbench.testing.one_shot import SMALL, toy_data
from tests.benchmarks.training import tiny

LINE = "tiny:1@0/tiny-final@1,2"


@pytest.fixture(autouse=True)
def _place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NASBENCH_DATA", str(tmp_path / "data"))
    for entry in (tiny.RECIPE, tiny.FINAL):
        monkeypatch.setitem(RECIPES, entry.name, entry)
    monkeypatch.setattr(setups, "shared_data", lambda name, folder: tiny.data())
    default = classmethod(lambda cls, dataset: cls("tiny", "tiny-final", 1, (0,), (1,)))
    monkeypatch.setattr(TrainingSetup, "default", default)
    close_benchmarks()


def test_a_search_by_training(tmp_path: Path) -> None:
    done = run(
        "random-search", seeds=1, benchmark="train:nb201", datasets="mine", protocol=LINE,
        budget="3evals", out=tmp_path / "results",
    )  # fmt: skip
    assert not done[0].failed
    task = done[0].experiment.task
    assert task.protocol == f"{LINE}/float32"
    assert (task.query.epochs, task.query.schedule, task.final_schedule) == (1, 3, 2)
    row = read_folder(done[0].path).read().to_pylist()[0]
    assert row["clock_seconds"] > 0
    assert np.isfinite(row["test/mine/accuracy"][-1])
    assert "every answer is a training" in open_benchmark(task)[0].note
    with pytest.raises(NasbenchError, match="does not know the whole space"):
        open_known(task)


def test_changed_data_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = {"seeds": 1, "benchmark": "train:nb201", "datasets": "mine", "protocol": LINE}
    done = run("random-search", budget="1evals", out=tmp_path / "results", **options)
    monkeypatch.setattr(setups, "shared_data", lambda name, folder: tiny.data(60))
    close_benchmarks()
    with pytest.raises(NasbenchError, match="has changed since these runs"):
        open_benchmark(done[0].experiment.task)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "has no published budget: add --budget"),
        ({"budget": "1evals", "trials": "random"}, "names its seeds in the protocol"),
        ({"budget": "1evals", "protocol": "tiny"}, "write RECIPE:EPOCHS@SEEDS"),
        ({"budget": "1evals", "repeats": "never"}, "'never' is not one of charge, free"),
        ({"budget": "1evals", "target_regret": 0.1}, "whose optimum is known"),
        ({"budget": "1evals", "fallback": "guess"}, "fallback 'guess' is unknown"),
    ],
)
def test_bad_input(tmp_path: Path, options: dict[str, object], message: str) -> None:
    arguments = {"protocol": LINE, "seeds": 1, "out": tmp_path, **options}
    if "target_regret" in options:
        failed = run("random-search", benchmark="train:nb201", datasets="mine", **arguments)
        assert message in failed[0].failed[0]
        return
    with pytest.raises(InvalidInput, match=message):
        run("random-search", benchmark="train:nb201", datasets="mine", **arguments)


def install(tmp_path: Path, *, holes: bool) -> None:
    table = synthetic_table()
    arrays = {c.name: np.array(table._read(c.name)) for c in table.info.columns}
    for array in arrays.values():
        if holes and array.dtype.kind == "f":
            array[::2] = np.nan
    table = Table.from_columns(table.info, arrays)
    table.save(tmp_path / "data" / "tables" / "nb201.safetensors")


def test_fallback_trains_only_what_is_missing(tmp_path: Path) -> None:
    options = {"seeds": 1, "budget": "4evals", "out": tmp_path / "results", "fallback": "train"}
    install(tmp_path, holes=True)
    done = run("random-search", **options)
    task = done[0].experiment.task
    assert not done[0].failed
    assert task.benchmark == "nb201+train"
    assert task.protocol.startswith("nb201-paper+tiny:1@0/tiny-final@1/float32*")
    assert "7813 of 15625 architectures are not in the table" in open_benchmark(task)[0].note
    row = read_folder(done[0].path).read().to_pylist()[0]
    assert np.isfinite(row["value/accuracy"]).all()
    unknown = run("random-search", datasets="mine", **options)
    assert unknown[0].experiment.task.benchmark == "train:nb201"


def test_fallback_of_a_whole_table_is_the_table(tmp_path: Path) -> None:
    install(tmp_path, holes=False)
    options = {"seeds": 1, "budget": "4evals", "out": tmp_path / "results"}
    plain, fallen = (
        run("random-search", **options),
        run("random-search", fallback="train", **options),
    )
    assert plain[0].experiment == fallen[0].experiment
    assert fallen[0].skipped == 1


def test_a_supernet_needs_no_signal_of_an_incomplete_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it derives is looked up, or trained where the table lacks it."""
    monkeypatch.setattr(catalogue, "shared_data", lambda name: toy_data())
    install(tmp_path, holes=True)
    own = {"rsps": {**SMALL, "samples": 3}}
    (done,) = run(
        "rsps", seeds=1, datasets="cifar10", settings=own, out=tmp_path / "results",
        fallback="train",
    )  # fmt: skip
    assert (done.finished, done.failed) == (1, {})
    row = read_folder(done.path).read().to_pylist()[0]
    assert np.isfinite(row["test/cifar10/accuracy"][-1])

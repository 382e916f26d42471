"""Replays of what was trained believe nothing that was trained before."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from planting import describe, found_in, reword, rewrite

from nasbench.benchmarks.training import benchmark
from nasbench.benchmarks.training import setup as setups
from nasbench.benchmarks.training.benchmark import TrainedBenchmark
from nasbench.benchmarks.training.recipes import RECIPES
from nasbench.benchmarks.training.setup import TrainingSetup
from nasbench.errors import DataError
from nasbench.harness.audit import audit
from nasbench.harness.execution.run import run
from nasbench.harness.results.store import ExperimentFolder, experiments
from nasbench.harness.search.budget import Budget
from nasbench.harness.search.opening import close_benchmarks
from nasbench.harness.search.shared import checkpoint_path
from nasbench.testing.one_shot import SMALL
from tests.benchmarks.training import tiny

LINE = "tiny:1@0/tiny-final@1,2"


@pytest.fixture
def trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a search by training may put its results."""
    monkeypatch.setenv("NASBENCH_DATA", str(tmp_path / "data"))
    for entry in (tiny.RECIPE, tiny.FINAL):
        monkeypatch.setitem(RECIPES, entry.name, entry)
    monkeypatch.setattr(setups, "shared_data", lambda name, folder: tiny.data())
    close_benchmarks()
    return tmp_path / "results"


def search(out: Path) -> ExperimentFolder:
    run(
        "random-search", seeds=1, benchmark="train:nb201", datasets="mine", protocol=LINE,
        budget="3evals", out=out, workers=1,
    )  # fmt: skip
    (folder,) = experiments(out)
    return folder


def fed(out: Path, monkeypatch: pytest.MonkeyPatch) -> ExperimentFolder:
    """Search where every training is said to have come to 99.5 %."""
    with monkeypatch.context() as patch:
        honest = TrainedBenchmark._train
        patch.setattr(
            TrainedBenchmark, "_train",
            lambda self, *asked: replace(honest(self, *asked), accuracy=99.5),
        )  # fmt: skip
        return search(out)


def test_accuracies_that_were_put_into_the_cache(
    trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A search that was fed 99.5 % passes where the same cache feeds the replay; not otherwise."""
    folder = fed(trained, monkeypatch)
    assert folder.read()["value/accuracy"].to_pylist() == [[99.5] * 3]
    assert found_in(audit(trained)) == {}
    found = found_in(audit(trained, replays=1))
    assert list(found) == ["replay"]
    assert "value/accuracy" in found["replay"][0]


def within(folder: ExperimentFolder, seconds: float) -> None:
    """Make the stored run one of a budget of seconds that ended as the next did not fit."""
    rewrite(folder, lambda rows: [{**row, "stop": "seconds"} for row in rows])
    task = replace(folder.experiment.task, budget=Budget(seconds))
    reword(folder, replace(folder.experiment, task=task))


@pytest.mark.parametrize(("spare", "cut"), [(1e-9, False), (1e6, True)])
def test_a_budget_of_real_seconds(trained: Path, spare: float, cut: bool) -> None:
    """Seconds never come out the same; a run that had time for more is found all the same."""
    folder = search(trained)
    spent = folder.read()["clock_seconds"].to_pylist()[0]
    within(folder, spent * (1 + spare))
    found = found_in(audit(trained, replays=1))
    assert bool(found) == cut
    assert not cut or "architecture" in found["replay"][0]


def test_images_that_are_not_here_are_no_fault(
    trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    search(trained)

    def nowhere(*_: Any) -> Any:
        raise DataError("images of 'mine' are not at hand")

    monkeypatch.setattr(setups, "shared_data", nowhere)
    found = audit(trained, replays=1)
    assert found.faults == ()
    assert found.replayed == 0
    assert any("cannot be run here: images of" in one.what for one in found.findings)


def test_a_recipe_that_the_protocol_does_not_have(trained: Path) -> None:
    folder = search(trained)
    task = replace(folder.experiment.task, final_schedule=200, content="0" * 64)
    reword(folder, replace(folder.experiment, task=task))
    told = found_in(audit(trained))["protocol"]
    assert [one.split(" is ")[0] for one in told] == ["table", "final_schedule"]


def test_a_replay_neither_reads_nor_removes_a_checkpoint(toy_images: Path, tmp_path: Path) -> None:
    run("rsps", seeds=1, settings={"rsps": {**SMALL, "samples": 3}}, out=tmp_path)
    (folder,) = experiments(tmp_path)
    path = checkpoint_path(folder.experiment, 0)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"of a run that is not finished")
    found = audit(tmp_path, replays=1)
    assert (found.faults, found.replayed) == ((), 1)
    assert path.read_bytes() == b"of a run that is not finished"
    describe(folder, lambda content: content["strategy"].update(family="other"))
    assert "description" in found_in(audit(tmp_path))


@pytest.mark.parametrize(
    ("elsewhere", "why"),
    [
        ({}, ""),
        ({"device": "mps"}, "trained on another device than a CPU"),
        ({"processor": "MOS 6502"}, "trained on a CPU of another kind, MOS 6502"),
    ],
)
def test_only_the_same_processor_promises_bits(
    trained: Path, monkeypatch: pytest.MonkeyPatch, elsewhere: dict[str, str], why: str
) -> None:
    """A run that comes out otherwise is a fault on a like CPU, and worth knowing elsewhere."""
    folder = fed(trained, monkeypatch)
    rewrite(folder, lambda rows: [{**row, **elsewhere} for row in rows])
    monkeypatch.setattr(benchmark, "find_device", lambda _: torch.device("cpu"))
    (found,) = [one for one in audit(trained, replays=1).findings if one.check == "replay"]
    assert found.fault is not bool(why)
    assert "comes out with another value/accuracy" in found.what
    assert ("in the same order" in found.what) is bool(why)
    assert why in found.what


def test_a_search_whose_protocol_had_the_device_in_it_goes_on(trained: Path) -> None:
    """As earlier versions stored it."""
    folder = search(trained)
    task = folder.experiment.task
    earlier = TrainingSetup.parse(f"{LINE}/cpu/float32")
    task = replace(
        task, reference=replace(task.reference, setup=str(earlier)),
        content=setups.training_hash("mine", earlier),
    )  # fmt: skip
    reword(folder, replace(folder.experiment, task=task))
    (done,) = run(
        "random-search", seeds=2, benchmark="train:nb201", datasets="mine", protocol=LINE,
        budget="3evals", out=trained, workers=1,
    )  # fmt: skip
    assert (done.skipped, done.finished, done.experiment.task) == (1, 1, task)
    assert len(list(experiments(trained))) == 1
    assert audit(trained).faults == ()

"""One-shot strategies through the same harness as all others."""

import io
import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from figures import drawn

from nasbench.benchmarks.calibration import Calibration
from nasbench.benchmarks.catalogue import load_table
from nasbench.benchmarks.judge import TableJudge
from nasbench.benchmarks.training.catalogue import shared_data
from nasbench.benchmarks.training.checkpoint import read_checkpoint
from nasbench.benchmarks.training.readers.releases import CIFAR10
from nasbench.errors import InvalidInput
from nasbench.harness.compare import compare
from nasbench.harness.compare.figures.pareto import pareto_pictures
from nasbench.harness.compare.figures.plots import regret_pictures
from nasbench.harness.execution.run import if_shared, run
from nasbench.harness.results.load import load_results
from nasbench.harness.results.store import read_folder
from nasbench.harness.search.budget import Budget
from nasbench.harness.search.shared import Resumable, _code, checkpoint_path, lender, shared_task
from nasbench.harness.search.tasks import Wanted, make_tasks
from nasbench.parquet import to_parquet
from nasbench.place import Place
from nasbench.problem import SharedAnswer, TrainShared
from nasbench.provenance import processor
from nasbench.randomness import Random
from nasbench.spaces import get_space
from nasbench.strategies.parts.one_shot import OneShot
from nasbench.strategies.registry import find_strategy, make_settings, recipe_settings
from nasbench.testing.one_shot import SMALL, toy_data

SETTINGS = {"rsps": {**SMALL, "samples": 3}, "darts": SMALL}


def test_the_table_judges_what_was_derived_every_epoch(toy_images: Path, tmp_path: Path) -> None:
    (outcome,) = run("darts", seeds=2, settings={"darts": SMALL}, out=tmp_path)
    assert (outcome.finished, outcome.failed) == (2, {})
    (stored,) = load_results(tmp_path).experiments
    cells, judged = stored.architectures.indices, stored.finals("test", "cifar10")
    truth = load_table("nb201").test.mean("cifar10")
    for one in range(2):
        assert len(cells[one]) == SMALL["epochs"]
        np.testing.assert_array_equal(judged[one], truth[cells[one]])
    assert stored.column("training_epochs").tolist() == [SMALL["epochs"]] * 2
    assert (stored.lists("figure/train loss").values > 0).all()
    edge = [stored.lists(f"figure/p/0->1/{name}").values for name in ("none", "skip_connect")]
    assert ((edge[0] > 0) & (edge[1] > 0)).all()


def test_runs_are_the_same_bits_in_any_order(toy_images: Path, tmp_path: Path) -> None:
    def cells(folder: str) -> list[list[int]]:
        (stored,) = load_results(tmp_path / folder).experiments
        assert stored.seeds.tolist() == [0, 1, 2]
        return [stored.lists("architecture")[i].tolist() for i in range(3)]

    run("rsps", seeds=3, settings={"rsps": SETTINGS["rsps"]}, out=tmp_path / "at once")
    for part in ("2,", "0-1"):
        run("rsps", seeds=part, settings={"rsps": SETTINGS["rsps"]}, out=tmp_path / "parts")
    assert cells("at once") == cells("parts")


@pytest.mark.usefixtures("no_pdfs")
def test_they_meet_the_others_in_one_block(toy_images: Path, tmp_path: Path) -> None:
    """One table of accuracies and costs; a figure for each clock."""
    run("darts,rsps,random-search", seeds=3, settings=SETTINGS, out=tmp_path)
    comparison = compare(tmp_path, out=tmp_path / "comparison")
    (block,) = comparison.blocks
    assert [one.experiment.strategy for one in block.contenders] == [
        "darts", "random-search", "rsps"
    ]  # fmt: skip
    rows = {row.experiment.strategy: row for row in block.of("cifar10")[0]}
    assert rows["darts"].family == "gradient"
    costs = {name: row.to_json() for name, row in rows.items()}
    for name, own, others in (
        ("rsps", ("shared_epochs", "training_seconds"), ("evaluations", "training_epochs")),
        ("random-search", ("evaluations", "simulated_seconds"), ("shared_epochs",)),
    ):  # a clock and a count have columns of their own
        assert all(costs[name][f"{one}_mean"] > 0 for one in own)
        assert all(np.isnan(costs[name][f"{one}_mean"]) for one in others)
    assert rows["rsps"].costs.shared_epochs == SMALL["epochs"]
    assert np.isnan(costs["rsps"]["simulated_seconds_mean"])
    assert np.isnan(costs["random-search"]["training_seconds_mean"])
    assert rows["random-search"].in_table.regret > 0
    figures = {path.name for path in (tmp_path / "comparison").rglob("regret-cifar10-*seconds.png")}
    assert figures == {"regret-cifar10-seconds.png", "regret-cifar10-shared-seconds.png"}
    (epochs,) = (
        figure for name, figure in drawn(pareto_pictures(block)) if name == "pareto-cifar10-epochs"
    )
    shown = {one.get_label(): one[0].get_xdata()[0] for one in epochs.axes[0].containers}
    assert shown == {
        row.label: np.nanmax([row.costs.training_epochs, row.costs.shared_epochs])
        for row in rows.values()
    }
    assert epochs.axes[0].get_xlabel().split() == (
        ["training", "epochs", "of", "the", "searched", "architectures,", "or", "shared", "epochs"]
    )  # in the words of the tables, and shared epochs can be told without colours
    hollow = {
        one.get_label(): one[0].get_markerfacecolor() == "white"
        for one in epochs.axes[0].containers
    }
    assert hollow == {row.label: np.isfinite(row.costs.shared_epochs) for row in rows.values()}
    fronts = [line for line in epochs.axes[0].lines if line.get_color() == "0.5"]
    assert len(fronts) == 2  # epochs of one kind are no cost of the other
    costs = next((tmp_path / "comparison").rglob("cost.md")).read_text()
    assert "training s: real seconds of training and validating networks or shared weights" in costs


@pytest.mark.filterwarnings("error")
def test_no_clock_or_count_stands_in_the_column_of_another(
    toy_images: Path, tmp_path: Path
) -> None:
    """In the store and in data frames; what an earlier schema called evaluations is renamed."""
    run("rsps,random-search", seeds=2, settings={"rsps": SETTINGS["rsps"]}, out=tmp_path)
    clocks = {"simulated_seconds", "training_seconds", "mixed_seconds"}
    counts = {"evaluations", "training_epochs", "shared_epochs"}
    own = {
        "rsps": {"training_seconds", "shared_epochs"},
        "random-search": {"simulated_seconds", "evaluations", "training_epochs"},
    }
    results = load_results(tmp_path)
    for frame in (results.runs, results.trajectories):
        for strategy, rows in frame.groupby("strategy"):
            there = {name for name in clocks | counts if rows[name].notna().any()}
            assert there == own[strategy]
            assert rows[[*own[strategy]]].notna().all(axis=None)
    stored = {one.experiment.strategy: one for one in results.experiments}
    assert stored["rsps"].table["clock"].unique().to_pylist() == ["training"]
    assert stored["random-search"].table["clock"].unique().to_pylist() == ["simulated"]
    for path in (tmp_path / stored["rsps"].label).glob("runs-*.parquet"):
        now = pq.read_table(path)
        assert "evaluations" not in now.column_names
        names = ["evaluations" if name == "shared_epochs" else name for name in now.column_names]
        earlier = now.rename_columns(names).drop_columns(["clock"])
        path.write_bytes(to_parquet(earlier, json.loads(now.schema.metadata[b"nasbench"])))
    again = {one.experiment.strategy: one for one in load_results(tmp_path).experiments}["rsps"]
    assert again.table.select(stored["rsps"].table.column_names).equals(stored["rsps"].table)
    assert (
        read_folder(tmp_path / again.label).read(["shared_epochs"])["shared_epochs"].to_pylist()
        == [SMALL["epochs"]] * 2
    )


def calibration(**other: Any) -> Calibration:
    here: dict[str, Any] = {
        "benchmark": "nb201", "table": load_table("nb201").hash, "dataset": "cifar10",
        "factor": 50.0, "least": 40.0, "most": 60.0, "cells": (1, 2),
        "processor": processor(), "device": "cpu", "threads": 1,
    }  # fmt: skip
    return Calibration(**{**here, **other})


def test_calibrated_they_share_an_axis(toy_images: Path, tmp_path: Path) -> None:
    """A third figure; a run of s real seconds ends at s times the factor on it."""
    run("darts,random-search", seeds=2, settings={"darts": SMALL}, out=tmp_path)
    calibration().save(tmp_path / "calibration.json")
    (block,) = compare(
        tmp_path, calibration=tmp_path / "calibration.json", datasets="cifar10"
    ).blocks
    figures = dict(drawn(regret_pictures(block)))
    assert set(figures) == {
        "regret-cifar10-seconds", "regret-cifar10-shared-seconds",
        "regret-cifar10-evaluations", "regret-cifar10-shared-evaluations",
        "regret-cifar10-seconds-calibrated",
    }  # fmt: skip
    both = figures["regret-cifar10-seconds-calibrated"]
    shown = {line.get_label().split()[0]: line.get_xdata() for line in both.axes[0].lines}
    alone = figures["regret-cifar10-shared-seconds"].axes[0].lines[0].get_xdata()
    assert np.min(shown["DARTS"]) == pytest.approx(50 * np.min(alone), rel=0.1)
    note = " ".join(" ".join(text.get_text() for text in both.texts).split())
    assert "real seconds x 50 (40 to 60 over 2 cells" in note


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ({"table": "0" * 64}, "it is of CIFAR-10 of table 00000000"),
        ({"dataset": "cifar100"}, "it is of CIFAR-100 of table"),
        ({"processor": "Abacus"}, "DARTS .*ran on .*, it is of Abacus"),
        ({"threads": 4}, r"DARTS .*threads 1\), it is of .*threads 4"),
    ],
)
def test_a_calibration_of_something_else_is_not_applied(
    toy_images: Path, tmp_path: Path, other: dict[str, Any], reason: str
) -> None:
    run("darts,random-search", seeds=2, settings={"darts": SMALL}, out=tmp_path)
    calibration(**other).save(tmp_path / "calibration.json")
    (block,) = compare(tmp_path, calibration=tmp_path / "calibration.json").blocks
    assert block.calibration is None
    assert re.search(f"not calibrated: {reason}", " ".join(block.notes))


def test_alone_they_are_a_block_without_a_random_search(toy_images: Path, tmp_path: Path) -> None:
    run("darts,rsps", seeds=2, settings=SETTINGS, out=tmp_path)
    (block,) = compare(tmp_path).blocks
    assert len(block.contenders) == 2
    assert [one.reference for one in block.references if one.dataset == "cifar10"] == [
        "optimum", "optimum by validation", "mean architecture"
    ]  # fmt: skip
    assert "shared weights" in block.title


def test_one_search_with_two_budgets_is_two_rows(toy_images: Path, tmp_path: Path) -> None:
    """They are told apart, and that they share draws is said; so is a schedule that is cut."""
    said: list[str] = []
    for budget in (None, "2epochs"):
        own = {"rsps": SETTINGS["rsps"]}
        run("rsps", seeds=2, settings=own, budget=budget, out=tmp_path, say=said.append)
    (block,) = compare(tmp_path).blocks
    names = [one.label for one in block.contenders]
    assert [name.rpartition("budget ")[2] for name in names] == ["2epochs)", "3epochs)"]
    assert any("are one search: equal seeds share draws" in note for note in block.notes)
    (family,) = compare(tmp_path).families
    means = [
        np.mean([row.in_table.normalised_regret for row in block.rows if row.label == name])
        for name in names
    ]
    assert family.standings.regret_mean == pytest.approx(means)
    assert said == [
        "rsps: the budget ends it after 2 of its 3 epochs, its schedules with it; --set "
        "rsps.epochs=2 fits them"
    ]


def test_they_stop_at_no_accuracy(toy_images: Path, tmp_path: Path) -> None:
    for rule in ({"patience": 3}, {"target_regret": 1.0}):
        with pytest.raises(InvalidInput, match="without --patience and --target-regret"):
            run("darts", seeds=1, out=tmp_path, **rule)


def test_alone_they_need_no_budget() -> None:
    """Where nothing but shared weights is trained, their epochs are the budget."""
    settings = make_settings(find_strategy("darts"), {"epochs": 7})
    (task,) = make_tasks("train:nb201", ["digits"], None, Wanted(if_shared(["darts", "rsps"])))
    assert shared_task(task, "darts", settings, None).budget == Budget(epochs=7)
    assert if_shared(["darts", "random-search"]) is None


def test_a_data_set_without_images_is_one_line(synthetic_nb201: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"'darts' trains on images.*'cifar10'.*digits") as error:
        run("darts", seeds=1, datasets="cifar10", out=tmp_path)
    assert "\n" not in str(error.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("benchmark", [None, "nb201"])
def test_images_that_are_there_and_damaged_are_called_so(
    synthetic_nb201: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, benchmark: str | None
) -> None:
    """With nothing named they are chosen because they are there."""
    monkeypatch.setenv("NASBENCH_IMAGES", str(tmp_path / "images"))
    shared_data.cache_clear()
    folder = tmp_path / "images" / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    for name in CIFAR10.files:
        (folder / name).write_bytes(b"junk")
    with pytest.raises(InvalidInput) as caught:
        run("darts", benchmark=benchmark, seeds=1, settings={"darts": SMALL}, out=tmp_path / "out")
    said = str(caught.value)
    assert said.startswith("strategy 'darts' trains on the images of 'cifar10', which cannot be")
    assert f"wrong checksum: '{folder / 'data_batch_1'}' has MD5" in said
    assert "remove it and run `nasbench data fetch cifar10`" in said
    assert "not at hand" not in said


def test_a_loss_that_is_not_finite_ends_its_seed_only(toy_images: Path, tmp_path: Path) -> None:
    wild = {**SMALL, "learning_rate": 1e30, "clip": 1e30}
    (outcome,) = run("darts", seeds=2, settings={"darts": wild}, out=tmp_path)
    assert outcome.finished == 0
    assert all("not finite" in reason for reason in outcome.failed.values())


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (torch.OutOfMemoryError("2 GiB"), "out of memory on cpu: lower batch, channels or cells"),
        (MemoryError(), "out of memory on cpu: lower batch, channels or cells"),
        (torch.AcceleratorError("unspecified launch failure\nmore"), "cpu failed: unspecified l"),
    ],
)
def test_a_device_that_fails_ends_its_seed_only(
    toy_images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, reason: str
) -> None:
    """The second of three seeds fails in its second epoch."""
    step, calls = find_strategy("darts").step, []

    def fail(self: Any, *given: Any) -> Any:
        calls.append(self)
        if len(set(map(id, calls))) == 2 and self.epoch == 1:
            raise error
        return step(self, *given)

    monkeypatch.setattr(find_strategy("darts"), "step", fail)
    (outcome,) = run("darts", seeds=3, settings={"darts": SMALL}, out=tmp_path, retries=0)
    assert outcome.finished == 2
    assert reason in outcome.failed[1]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epochs": 0}, "epochs' cannot be 0: it must be 1 or more"),
        ({"device": "cuda"}, "'darts.device' is unknown: .*; where a run trains .*: use --device"),
        (
            {"precision": "half"},
            "precision' cannot be 'half': it must be float32 or tf32 or bf",
        ),
        ({"alpha_learning_rate": 0.0}, "alpha_learning_rate' cannot be 0.0"),
        ({"alpha_beta1": 1.0}, "alpha_beta1' cannot be 1.0: it must be at least 0 and below 1"),
        ({"momentum": -0.1}, "momentum' cannot be -0.1: it must be at least 0 and below 1"),
        ({"weight_decay": -1.0}, "weight_decay' cannot be -1.0: it must be at least 0"),
    ],
)
def test_bad_settings_are_one_line(
    toy_images: Path, tmp_path: Path, settings: dict[str, object], message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        run("darts", seeds=1, settings={"darts": settings}, out=tmp_path)


def test_half_the_bits_are_a_setting(toy_images: Path, tmp_path: Path) -> None:
    for name, precision in (("float32", None), ("bfloat16", torch.bfloat16)):
        own = {**SMALL, "precision": name}
        settings = make_settings(find_strategy("darts"), own)
        session = lender(get_space("nb201"), toy_data(), settings).session(Random(0))
        assert session.loan.supernet.precision == precision
        (outcome,) = run("darts", seeds=1, settings={"darts": own}, out=tmp_path / name)
        assert (outcome.finished, outcome.failed) == (1, {})


def test_a_recipe_comes_before_settings_and_after_defaults(
    toy_images: Path, tmp_path: Path
) -> None:
    own = {"darts": {"epochs": 1, "channels": 2, "cells": 1}}
    (outcome,) = run("darts", seeds=1, recipe="paper", settings=own, out=tmp_path)
    assert outcome.experiment.settings["epochs"] == 1
    assert outcome.experiment.task.budget.epochs == 1
    paper = find_strategy("darts").recipes["paper"]
    assert recipe_settings(find_strategy("darts"), "paper") == paper
    assert (paper["epochs"], paper["channels"], paper["cells"]) == (50, 16, 5)
    assert recipe_settings(find_strategy("random-search"), "paper") == {}
    with pytest.raises(InvalidInput, match="'large' is unknown to 'darts': use small or paper"):
        run("darts", seeds=1, recipe="large", out=tmp_path)


def test_an_interrupted_run_goes_on_at_its_last_epoch(
    toy_images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed in its third epoch, the same command trains one more and leaves no checkpoint."""
    monkeypatch.setenv("NASBENCH_TRAININGS", str(tmp_path / "cache"))
    run("gdas", seeds=1, settings={"gdas": SMALL}, out=tmp_path / "whole")
    trained: list[int] = []
    train = OneShot._train

    def counted(self: OneShot, loan: Any) -> Any:
        if self.epoch == 2 and 2 not in trained:
            trained.append(2)
            raise KeyboardInterrupt
        trained.append(self.epoch)
        return train(self, loan)

    monkeypatch.setattr(OneShot, "_train", counted)
    with pytest.raises(KeyboardInterrupt):
        run("gdas", seeds=1, settings={"gdas": SMALL}, out=tmp_path / "part")
    assert len(list((tmp_path / "cache" / "shared").glob("*.pt"))) == 1
    run("gdas", seeds=1, settings={"gdas": SMALL}, out=tmp_path / "part")
    assert trained == [0, 1, 2, 2]
    assert not list((tmp_path / "cache" / "shared").iterdir())
    whole, part = (load_results(tmp_path / name).experiments[0] for name in ("whole", "part"))
    for column in ("architecture", "value/accuracy", "figure/train loss", "figure/entropy"):
        assert whole.lists(column).values.tolist() == part.lists(column).values.tolist()


def test_a_judge_that_fails_is_recorded_and_loses_no_search(
    toy_images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = {"darts": {"epochs": 1, "channels": 2, "cells": 1}}
    with monkeypatch.context() as broken:
        broken.setattr(TableJudge, "read", lambda *_: 1 / 0)
        (outcome,) = run("darts", seeds=1, settings=own, out=tmp_path, retries=0)
    assert "ZeroDivisionError" in outcome.failed[0]
    with monkeypatch.context() as idle:
        idle.setattr(OneShot, "_train", lambda *_: pytest.fail("trained again"))
        (outcome,) = run("darts", seeds=1, settings=own, out=tmp_path)
    assert (outcome.finished, outcome.failed) == (1, {})


def test_a_damaged_checkpoint_is_made_anew(tmp_path: Path) -> None:
    path, trained = tmp_path / "x.pt", SharedAnswer((0, 1), (50.0,), 1.5)
    session = SimpleNamespace(answer=lambda _: trained, loan=None, derivation=0.5)
    strategy = SimpleNamespace(checkpoint=lambda _: {"epoch": 1})
    other = io.BytesIO()
    torch.save({"answers": [{"of": "another version"}], "code": ["0.0.1", None]}, other)
    odd = io.BytesIO()
    torch.save({"answers": [], "code": _code(), "run": torch.ones(2)}, odd)
    for content in (b"", b"no checkpoint", b"PK\x03\x04 cut off", other.getvalue(), odd.getvalue()):
        path.write_bytes(content)
        resumable = Resumable(session, strategy, path)  # type: ignore[arg-type]
        assert resumable.answer(TrainShared(lambda _: {}, lambda _: (0, 1))) == trained
        (stored,) = read_checkpoint(path)["answers"]
        assert stored["seconds"] == trained.seconds


def test_a_search_goes_on_only_where_it_was_begun(toy_images: Path, tmp_path: Path) -> None:
    """A checkpoint of other threads would give it other bits."""
    (outcome,) = run("rsps", seeds=1, settings={"rsps": SETTINGS["rsps"]}, out=tmp_path)
    paths = [
        checkpoint_path(outcome.experiment, 0, place)
        for place in (Place(), Place("cpu", 2), Place("cuda", 1), Place("cuda:1", 1))
    ]
    assert len(set(paths)) == 4
    assert len({path.parent for path in paths}) == 1

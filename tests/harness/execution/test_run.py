"""Runs: the same bits however they are made, nothing lost, nothing doubled."""

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tables import synthetic_table
from typer.testing import CliRunner

from nasbench.cli.app import app
from nasbench.errors import NasbenchError, StoreError
from nasbench.harness.execution.run import run
from nasbench.harness.results.records import TRAJECTORY
from nasbench.harness.results.store import experiments
from nasbench.harness.search.experiment import Experiment
from nasbench.problem import Answer, Evaluate, Trial
from nasbench.spaces import get_enumerable
from nasbench.strategies.base import SearchStrategy

pytestmark = pytest.mark.usefixtures("synthetic_nb201")
BOTH = "random-search,regularized-evolution"


class Breaks(SearchStrategy):
    """Fails on odd seeds, after three evaluations."""

    name = "breaks"
    family = "test"
    reference = "none"

    def setup(self) -> None:
        self.told = 0
        self.odd = self.random.integer(2)

    def ask(self) -> Evaluate:
        if self.told == 3 and self.odd:
            raise ZeroDivisionError("on purpose")
        return Evaluate(self.space.sample(self.random))

    def tell(self, trial: Trial, answer: Answer) -> None:
        self.told += 1


def content(results: Path) -> dict[str, list]:
    """Everything stored but timings, by experiment."""
    found = {}
    for folder in experiments(results):
        table = folder.read()
        keep = [
            c
            for c in table.column_names
            if c not in ("optimiser", "optimiser_seconds", "wall_seconds")
        ]
        found[folder.label] = [table[c].to_pylist() for c in keep]
    return found


def test_a_run_is_the_same_bits_alone_together_parallel_and_resumed(tmp_path: Path) -> None:
    run(BOTH, seeds=12, out=tmp_path / "together")
    run(BOTH, seeds=12, out=tmp_path / "parallel", workers=2)
    for part in ("5-7", "11,", "0-3", "12"):
        run(BOTH, seeds=part, out=tmp_path / "parts")
    assert content(tmp_path / "together") == content(tmp_path / "parallel")
    assert content(tmp_path / "together") == content(tmp_path / "parts")


def test_finished_seeds_are_skipped(tmp_path: Path) -> None:
    first = run("random-search", seeds=5, out=tmp_path)[0]
    again = run("random-search", seeds=8, out=tmp_path)[0]
    assert (first.finished, first.skipped) == (5, 0)
    assert (again.finished, again.skipped) == (3, 5)


def test_stored_summary_follows_from_the_trajectory(tmp_path: Path) -> None:
    run("regularized-evolution", seeds=3, out=tmp_path, budget="4000s")
    table = next(iter(experiments(tmp_path))).read()
    truth = synthetic_table()
    space = get_enumerable("nb201")
    for row in table.to_pylist():
        assert row["evaluations"] == len(row["architecture"])
        assert all(len(row[name]) == row["evaluations"] for name in (*TRAJECTORY, "value/accuracy"))
        assert row["distinct"] == len(set(row["architecture"]))
        assert row["clock_seconds"] == sum(row["seconds"]) <= 4000
        assert row["training_epochs"] == 12 * row["evaluations"]
        cells = [space.index(space.parse(text)) for text in row["architecture"]]
        signal_ = truth.search.accuracy("cifar10", 12, 12)[cells]
        assert row["value/accuracy"] == signal_.tolist()
        final = cells[row["incumbents"][-1]]
        assert row["value/accuracy"][row["incumbents"][-1]] == max(row["value/accuracy"])
        for dataset in ("cifar10", "cifar100", "ImageNet16-120"):
            assert row[f"test/{dataset}/accuracy"][-1] == truth.test.mean(dataset)[final]
            assert row[f"valid/{dataset}/accuracy"][-1] == truth.test.valid_mean(dataset)[final]
        assert row["fidelity"] == [12] * len(cells)


def test_other_settings_are_another_experiment_beside_it(tmp_path: Path) -> None:
    first = run("regularized-evolution", seeds=1, out=tmp_path)[0]
    settings = {"regularized-evolution": {"population": 50}}
    second = run("regularized-evolution", seeds=1, out=tmp_path, settings=settings)[0]
    assert first.path != second.path
    assert first.path.parent == second.path.parent


def test_a_named_experiment_refuses_other_settings_and_shows_them(tmp_path: Path) -> None:
    run("regularized-evolution", seeds=1, out=tmp_path, name="mine")
    run("regularized-evolution", seeds=3, out=tmp_path, name="mine")
    with pytest.raises(StoreError, match=r"settings.population is 10 there and 50 here.*--name"):
        run("regularized-evolution", seeds=1, out=tmp_path, name="mine",
            settings={"regularized-evolution": {"population": 50}})  # fmt: skip
    with pytest.raises(StoreError, match=r"budget.seconds is 12000.0 there and 99999.0 here"):
        run("regularized-evolution", seeds=1, out=tmp_path, name="mine", budget="99999s")
    with pytest.raises(StoreError, match="cannot be a folder"):
        run("regularized-evolution", seeds=1, out=tmp_path, name="../mine")


def test_a_failing_run_is_recorded_and_the_others_go_on(tmp_path: Path) -> None:
    outcome = run("test_run:Breaks", seeds=12, out=tmp_path)[0]
    assert 0 < len(outcome.failed) < 12
    assert outcome.finished + len(outcome.failed) == 12
    assert set(outcome.failed.values()) == {"ZeroDivisionError: on purpose"}
    table = next(iter(experiments(tmp_path))).read(["seed", "error", "stop"]).to_pylist()
    assert [row["seed"] for row in table if row["error"]] == sorted(outcome.failed)
    assert all("Traceback" in row["error"] for row in table if row["stop"] == "failed")
    again = run("test_run:Breaks", seeds=12, out=tmp_path)[0]
    assert sorted(again.failed) == sorted(outcome.failed)  # tried once more, nothing doubled
    assert len(next(iter(experiments(tmp_path))).read()) == 12


def test_streams_differ_between_strategies_settings_and_experiment_seeds(tmp_path: Path) -> None:
    run(BOTH, seeds=1, out=tmp_path, budget="5evals")
    run("random-search", seeds=1, out=tmp_path, budget="5evals", experiment_seed=1)
    settings = {"regularized-evolution": {"sample": 9}}  # not yet used in five evaluations
    run("regularized-evolution", seeds=1, out=tmp_path, budget="5evals", settings=settings)
    asked = [folder.read()["architecture"][0].as_py() for folder in experiments(tmp_path)]
    assert len({tuple(cells) for cells in asked}) == 4


COMMAND = [
    sys.executable, "-m", "nasbench", "run", "--strategy", "reinforce-softmax", "--seeds", "400",
]  # fmt: skip


def test_killed_at_any_moment_the_whole_is_the_same(tmp_path: Path) -> None:
    """SIGKILL, SIGINT and SIGTERM while running; then the finished whole is undisturbed."""
    for number, delay in ((signal.SIGKILL, 1.9), (signal.SIGINT, 2.4), (signal.SIGTERM, 1.7)):
        process = subprocess.Popen(
            [*COMMAND, "--out", str(tmp_path / "hurt")], stderr=subprocess.PIPE, text=True
        )
        time.sleep(delay)
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
        assert "Traceback" not in errors
    run("reinforce-softmax", seeds=400, out=tmp_path / "hurt")
    run("reinforce-softmax", seeds=400, out=tmp_path / "whole")
    assert content(tmp_path / "hurt") == content(tmp_path / "whole")


def test_two_processes_may_write_to_one_folder(tmp_path: Path) -> None:
    command = [*COMMAND[:-1], "60", "--out", str(tmp_path / "both")]
    with ThreadPoolExecutor(2) as pool:
        done = list(
            pool.map(lambda _: subprocess.run(command, check=True, capture_output=True), range(2))
        )
    assert len(done) == 2
    run("reinforce-softmax", seeds=60, out=tmp_path / "one")
    assert content(tmp_path / "both") == content(tmp_path / "one")


def test_random_trials_and_free_repeats_are_recorded(tmp_path: Path) -> None:
    run("random-search", seeds=2, out=tmp_path, repeats="free", budget="50evals")
    task = next(iter(experiments(tmp_path))).experiment.task
    assert task.repeats == "free"
    assert Experiment.from_json(json.loads(json.dumps(
        next(iter(experiments(tmp_path))).experiment.to_json()))).task == task  # fmt: skip


def test_quick_runs_share_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands of quick runs are a few files, or listing them would be slow."""
    monkeypatch.setattr("nasbench.harness.execution.executors._SLOW_SECONDS", 60.0)
    monkeypatch.setattr("nasbench.harness.execution.executors._BATCH_SECONDS", 60.0)
    run("random-search", seeds=2000, out=tmp_path, budget="2evals")
    assert len(list(tmp_path.rglob("runs-*.parquet"))) == 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"datasets": "cifar11"}, "data set 'cifar11' is unknown: did you mean 'cifar10'"),
        (
            {"protocol": "nb201-paper", "datasets": "cifar100"},
            "'cifar100' is not searched in protocol",
        ),
        ({"protocol": "mine"}, "protocol 'mine' is unknown: valid are"),
        ({"benchmark": "nb301"}, "table 'nb301' is not installed"),
        ({"budget": "50s"}, "below the cheapest evaluation"),
        ({"budget": "11epochs"}, "below one evaluation (12 epochs)"),
        ({"trials": "both"}, "'both' is not one of mean, random"),
        ({"workers": 0}, "workers cannot be 0"),
        ({"seeds": "x"}, "cannot read 'x'"),
        ({"settings": {"reinforce": {"hidden": 3}}}, "'reinforce', which is not run"),
        ({"strategies": ""}, "no strategy or data set is named"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_written(
    arguments: dict, message: str, tmp_path: Path
) -> None:
    out = tmp_path / "results"
    with pytest.raises(NasbenchError) as caught:
        run(**{"strategies": "random-search", "seeds": 1, "out": out, **arguments})
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not out.exists()


def test_a_newer_or_damaged_folder_is_named(tmp_path: Path) -> None:
    outcome = run("random-search", seeds=2, out=tmp_path)[0]
    file = outcome.path / "experiment.json"
    good = file.read_text()
    file.write_text(good.replace('"schema": 3', '"schema": 99'))
    with pytest.raises(StoreError, match="schema 99, this nasbench reads up to 3: upgrade"):
        list(experiments(tmp_path))
    file.write_text(good[:40])
    with pytest.raises(StoreError, match="is damaged"):
        list(experiments(tmp_path))
    file.write_text(good)
    chunk = next(outcome.path.glob("runs-*.parquet"))
    chunk.write_bytes(chunk.read_bytes()[:100])
    with pytest.raises(StoreError, match=r"is damaged.*delete it and run the experiment again"):
        next(iter(experiments(tmp_path))).read()
    with pytest.raises(StoreError, match="does not exist: run `nasbench run"):
        list(experiments(tmp_path / "nowhere"))


def test_a_full_disk_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    run("random-search", seeds=2, out=tmp_path)
    monkeypatch.setattr(os, "fsync", full)  # where a disk says what it could not write
    with pytest.raises(StoreError, match="the disk is full: free some space or choose another"):
        run("random-search", seeds=4, out=tmp_path)
    monkeypatch.undo()


def test_the_earlier_name_of_signal_is_read(tmp_path: Path) -> None:
    for options in ({"signal": "mean"}, {"trials": "mean"}):
        run("random-search", seeds=1, benchmark="digits", budget="5evals", out=tmp_path, **options)
    (folder,) = experiments(tmp_path)
    assert folder.experiment.task.query.signal == "mean"
    words = [
        "run",
        "-s",
        "random-search",
        "--seeds",
        "1",
        "--benchmark",
        "digits",
        "--budget",
        "5evals",
    ]
    for option in ("--signal", "--trials"):
        done = CliRunner().invoke(app, [*words, option, "mean", "--out", str(tmp_path)])
        assert done.exit_code == 0, done.output
    assert len(list(experiments(tmp_path))) == 1


def test_a_name_stands_for_one_task(tmp_path: Path) -> None:
    run("random-search", seeds=1, out=tmp_path, name="mine", budget="2000s")
    with pytest.raises(StoreError, match=r"budget.seconds is 2000.0 there and 4000.0 here"):
        run("regularized-evolution", seeds=1, out=tmp_path, name="mine", budget="4000s")
    run("regularized-evolution", seeds=1, out=tmp_path, name="mine", budget="2000s")


def test_of_two_processes_that_create_an_experiment_the_first_wins(tmp_path: Path) -> None:
    """The file is made by a link, which fails where one is: neither overwrites the other."""
    from nasbench.harness.results.store import _create

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: _create(tmp_path / "e.json", f"{i}"), range(64)))
    first = (tmp_path / "e.json").read_text()
    _create(tmp_path / "e.json", "late")
    assert (tmp_path / "e.json").read_text() == first
    assert [path.name for path in tmp_path.iterdir()] == ["e.json"]


class Slow(SearchStrategy):
    """Takes a second to begin: as slow as training."""

    name, family, reference = "slow", "test", "none"

    def setup(self) -> None:
        time.sleep(1)

    def ask(self) -> Evaluate:
        return Evaluate(self.space.sample(self.random))

    def tell(self, trial: Trial, answer: Answer) -> None:
        pass


def test_thinking_before_the_first_question_is_counted(tmp_path: Path) -> None:
    run("test_run:Slow", seeds=1, out=tmp_path, budget="3evals")
    row = next(iter(experiments(tmp_path))).read().to_pylist()[0]
    assert 1 <= row["optimiser_seconds"] < 2
    assert row["optimiser"][0] >= 1


def test_a_table_file_is_one_benchmark_however_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synthetic_table("mine").save(str(tmp_path / "mine.safetensors"))
    monkeypatch.chdir(tmp_path)
    for name in ("mine.safetensors", tmp_path / "mine.safetensors", "./mine.safetensors"):
        run("random-search", seeds=2, benchmark=name, budget="5evals", out="results")
    (folder,) = experiments(Path("results"))
    assert folder.path.parent.name == "mine-cifar10-5evals"


class Prints(Breaks):
    """Prints, and fails with, text that no file of text can hold."""

    name = "prints"

    def ask(self) -> Evaluate:
        print("a name that is no UTF-8: \udcff")
        if self.told == 3 and self.odd:
            raise ValueError("no \udcff")
        return Evaluate(self.space.sample(self.random))


def test_text_that_is_no_unicode_loses_no_run(synthetic_nb201: Path, tmp_path: Path) -> None:
    """Stored with its escapes, the logs of the runs that end well and the errors of the others."""
    here = f"{__name__}:Prints"
    (outcome,) = run(here, seeds=6, budget="5evals", out=tmp_path, workers=1, retries=0)
    assert outcome.finished > 0
    assert outcome.failed
    table = next(experiments(tmp_path)).read()
    assert all(r"no UTF-8: \udcff" in log for log in table["log"].to_pylist())
    assert sum(r"no \udcff" in error for error in table["error"].to_pylist()) == len(outcome.failed)

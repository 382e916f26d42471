"""Stored runs as data frames: the four clocks and the incumbent, evaluation by evaluation."""

from pathlib import Path

import numpy as np
import pytest

from nasbench.errors import StoreError
from nasbench.harness.execution.run import run
from nasbench.harness.results.load import best_so_far, load_results
from nasbench.harness.results.ragged import Ragged
from nasbench.problem import Answer, Evaluate, Trial
from nasbench.strategies.base import SearchStrategy

pytestmark = pytest.mark.usefixtures("synthetic_nb201")


class Broken(SearchStrategy):
    """Cannot even begin."""

    family = "test"
    reference = "none"

    def ask(self) -> Evaluate:
        raise ZeroDivisionError("on purpose")

    def tell(self, trial: Trial, answer: Answer) -> None:
        """Is never called."""


def test_trajectories_follow_the_clocks_and_the_incumbent(tmp_path: Path) -> None:
    run("random-search,regularized-evolution", seeds="2-4", budget="3000s", out=tmp_path)
    results = load_results(tmp_path)
    runs, steps = results.runs, results.trajectories
    assert len(runs) == 6
    assert len(steps) == runs["evaluations"].sum()
    for (experiment, seed), one in steps.groupby(["experiment", "seed"], observed=True):
        own = runs[(runs.experiment == experiment) & (runs.seed == seed)].iloc[0]
        assert one["evaluations"].tolist() == list(range(1, len(one) + 1))
        last = one.iloc[-1]
        for clock in ("evaluations", "simulated_seconds", "training_epochs"):
            assert last[clock] == own[clock]
        assert last["optimiser_seconds"] == pytest.approx(own["optimiser_seconds"])
        np.testing.assert_array_equal(one["simulated_seconds"], np.cumsum(one["seconds"]))
        best, incumbent = -np.inf, -1
        for row in one.itertuples():
            if row.value > best:
                best, incumbent = row.value, row.architecture
            assert (row.incumbent, row.incumbent_value) == (incumbent, best)
        assert own["incumbent"] == incumbent
        assert own["signal"] == best


def test_runs_carry_what_was_run_and_the_verdict(tmp_path: Path) -> None:
    run("random-search", seeds=2, budget="5evals", protocol="nats-bench", datasets="cifar100",
        out=tmp_path)  # fmt: skip
    run("random-search", seeds=2, budget="5evals", out=tmp_path)
    runs = load_results(tmp_path).runs
    nats = runs[runs.protocol == "nats-bench"]
    assert nats["searched"].unique().tolist() == ["cifar100"]
    assert nats["test/cifar10"].isna().all()
    assert nats["test/cifar100"].notna().all()
    assert runs["test/cifar100"].notna().all()
    assert (runs["settings"] == '{"replacement": true}').all()


def test_a_run_that_failed_is_a_row_without_numbers(tmp_path: Path) -> None:
    run(f"{__name__}:Broken", seeds=2, budget="5evals", out=tmp_path)
    results = load_results(tmp_path)
    assert results.runs["error"].str.contains("ZeroDivisionError").all()
    assert results.runs["incumbent"].isna().all()
    assert results.runs["test/cifar10"].isna().all()
    assert results.trajectories.empty


def test_before_the_first_success_there_is_no_incumbent() -> None:
    steps = Ragged(np.array([1, 0, 2]), np.array([0, 1, 3]))
    found = best_so_far(steps, np.array([3, 4]))
    assert found.tolist() == [-1, 1, 1, 0, 0, 2, 2]


def test_nothing_to_read_is_one_clear_line(tmp_path: Path) -> None:
    for folder, reason in ((tmp_path, "holds no runs"), (tmp_path / "no", "does not exist")):
        with pytest.raises(StoreError, match=reason) as raised:
            load_results(folder)
        assert "nasbench run" in str(raised.value)
        assert "\n" not in str(raised.value)

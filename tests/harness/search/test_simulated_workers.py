"""Runs with simulated workers: stored, compared, audited, replayed, and faults in them found."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tables import installed

import nasbench
from nasbench.errors import InvalidInput
from nasbench.harness.audit import audit
from nasbench.harness.execution.run import run
from nasbench.harness.results.load import load_results
from nasbench.harness.results.records import SCHEDULE, TRAJECTORY
from nasbench.harness.results.store import ExperimentFolder, experiments
from tests.harness.audit.planting import Row, edit, settle

BOTH = "random-search,regularized-evolution"
WORKERS = 4


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory, synthetic_data: Path) -> Path:
    """Six runs of two strategies with four workers, and the same with one."""
    out = tmp_path_factory.mktemp("results")
    with installed(synthetic_data):
        for workers in (1, WORKERS):
            run(BOTH, seeds=6, budget="3000s", out=out, workers=1, simulated_workers=workers)
    return out


def with_workers(results: Path) -> list[Any]:
    found = load_results(results).experiments
    return [one for one in found if one.experiment.task.simulated_workers == WORKERS]


def test_four_workers_do_four_times_the_work_in_the_time_of_one(results: Path) -> None:
    runs = load_results(results).runs
    assert (runs["simulated_seconds"] <= 3000).all()
    mean = runs.groupby("simulated_workers")["evaluations"].mean()
    assert mean[WORKERS] == pytest.approx(WORKERS * mean[1], rel=0.06)
    for one in with_workers(results):
        assert set(one.lists("worker").values.tolist()) == set(range(WORKERS))


def test_random_search_with_workers_draws_what_one_draws(results: Path) -> None:
    """It does not look at answers: the architectures come in the order in which it asks."""
    (one,) = (each for each in with_workers(results) if each.experiment.strategy == "random-search")
    started, worker, cell = (one.lists(name) for name in ("started", "worker", "architecture"))
    order = np.lexsort((worker[0], started[0]))
    (single,) = (
        each for each in load_results(results).experiments
        if each.experiment.strategy == "random-search"
        and each.experiment.task.simulated_workers == 1
    )  # fmt: skip
    drawn = single.lists("architecture")[0]
    assert cell[0][order][: len(drawn)].tolist() == drawn.tolist()


def test_they_are_audited_and_replayed(results: Path) -> None:
    found = audit(results, replays=24)
    assert found.faults == ()
    assert (found.runs, found.replayed) == (24, 24)


@pytest.mark.usefixtures("no_pdfs")
def test_they_are_a_block_of_their_own_with_their_random_search(
    results: Path, tmp_path: Path
) -> None:
    comparison = nasbench.compare(results, out=tmp_path / "comparison")
    blocks = {block.task.simulated_workers: block for block in comparison.blocks}
    assert set(blocks) == {1, WORKERS}
    (name,) = (p.name for p in (tmp_path / "comparison").iterdir() if "workers-4" in p.name)
    assert "4 simulated workers" in (tmp_path / "comparison" / name / "results.md").read_text()
    expected = {
        workers: float(block.known.draws.evaluations()[0]) for workers, block in blocks.items()
    }
    assert expected[WORKERS] == pytest.approx(WORKERS * expected[1])
    made = load_results(results).runs
    drawn = made[
        (made.strategy == "random-search") & (made.simulated_workers == WORKERS)
    ].evaluations
    assert expected[WORKERS] == pytest.approx(drawn.mean(), abs=4 * drawn.std() / 6**0.5 + 0.5)


def shift(folder: ExperimentFolder, row: Row) -> Row:
    """Let the third evaluation begin, and end, a thousandth of a second late."""
    row["started"][2] += 0.001
    row["finished"][2] = row["started"][2] + row["seconds"][2]
    return row


def drop(folder: ExperimentFolder, row: Row) -> Row:
    """Leave out the second half: the dearest would have fitted in."""
    for name in (*TRAJECTORY, "value/accuracy", *SCHEDULE):
        del row[name][len(row[name]) // 2 :]
    row = settle(folder, row)
    row["clock_seconds"] = row["finished"][-1]
    return row


def both_on_one(folder: ExperimentFolder, row: Row) -> Row:
    """Say that the first two evaluations were done by one worker."""
    row["worker"][:2] = [0, 0]
    return row


def later(folder: ExperimentFolder, row: Row) -> Row:
    """End the last evaluation after the budget's 3,000 seconds."""
    row["started"][-1] += 1000.0
    row["finished"][-1] = row["started"][-1] + row["seconds"][-1]
    row["clock_seconds"] = row["finished"][-1]
    return row


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (shift, "workers did not begin when an evaluation ended"),
        (drop, "runs ended before '3000s' was used up"),
        (both_on_one, "or two at once"),
        (later, "'3000s' is overshot"),
    ],
)
def test_planted_faults_are_found(
    synthetic_nb201: Path, tmp_path: Path, change: Callable[[ExperimentFolder, Row], Row], said: str
) -> None:
    run("random-search", seeds=[3], budget="3000s", out=tmp_path, workers=1, simulated_workers=4)
    (folder,) = experiments(tmp_path)
    edit(folder, partial(change, folder))
    found = audit(tmp_path)
    assert any(said in one.what for one in found.faults), found.findings


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("finished", 1.5, "is not when it began and what it cost"),
        ("worker", 4, "is none of 4 workers"),
        ("started", -1.0, "is no time in seconds"),
    ],
)
def test_what_does_not_fit_together_is_left_out_and_named(
    synthetic_nb201: Path, tmp_path: Path, name: str, value: float, said: str
) -> None:
    run("random-search", seeds=[3], budget="20evals", out=tmp_path, workers=1, simulated_workers=4)
    (folder,) = experiments(tmp_path)

    def change(row: Row) -> Row:
        row[name][1] = value
        return row

    edit(folder, change)
    faults = audit(tmp_path).faults
    assert any(said in one.what for one in faults), faults


def test_where_costs_are_not_known_before_they_are_refused(results: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"one set of shared weights.*--simulated-workers"):
        run("darts", seeds=1, benchmark="digits", out=tmp_path, simulated_workers=2)
    with pytest.raises(InvalidInput, match="simulated workers need costs that are known before"):
        run("random-search", seeds=1, benchmark="train:nb201", datasets="digits", budget="2evals",
            out=tmp_path, simulated_workers=2)  # fmt: skip
    with pytest.raises(InvalidInput, match="simulated workers cannot be 0"):
        run("random-search", seeds=1, out=tmp_path, simulated_workers=0)

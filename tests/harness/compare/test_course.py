"""The course of searches against searches with less budget, which are their beginnings."""

from pathlib import Path

import numpy as np
import pandas
import pytest

from nasbench.harness.compare import compare
from nasbench.harness.compare.significance import holm, wilcoxon
from nasbench.harness.execution.run import run
from nasbench.harness.results.load import load_results

BOTH = "random-search,regularized-evolution"


@pytest.mark.parametrize(("whole", "half"), [("4000s", "2000s"), ("40evals", "20evals")])
def test_half_of_a_budget_is_a_search_with_half_of_it(
    tmp_path: Path, synthetic_nb201: Path, whole: str, half: str
) -> None:
    """And the gain of the second half is tested over the same runs."""
    run(BOTH, seeds=20, budget=whole, out=tmp_path / "whole")
    run(BOTH, seeds=20, budget=half, out=tmp_path / "half")
    rows, halves = (compare(tmp_path / name).rows for name in ("whole", "half"))
    for row, less in zip(rows, halves, strict=True):
        _, middle, end = row.parts
        assert middle.test == pytest.approx(less.finals.test)
        assert middle.among_best == less.tested.among_best
        assert (end.n, end.test, end.among_best) == (20, row.finals.test, row.tested.among_best)
    gains = []
    for row in rows:
        finals = [
            load_results(tmp_path / name / f"nb201-cifar10-{name_of}")
            .runs.query(f"strategy == '{row.experiment.strategy}'")[f"test/{row.dataset}"]
            .to_numpy()
            for name, name_of in (("whole", whole), ("half", half))
        ]
        gains.append(wilcoxon(*finals))
    for dataset in {row.dataset for row in rows}:  # corrected for the rows of each
        there = np.array([row.dataset == dataset for row in rows])
        found = [row.parts[-1].p_value for row in rows if row.dataset == dataset]
        assert found == pytest.approx(holm(np.array(gains)[there]))


def test_parts_are_of_the_limit_that_ends_runs(tmp_path: Path, synthetic_nb201: Path) -> None:
    run("random-search", seeds=10, budget="20evals,999999s", out=tmp_path / "both")
    run("random-search", seeds=10, budget="20evals", out=tmp_path / "one")
    both, one = (compare(tmp_path / name).rows for name in ("both", "one"))
    for row, other in zip(both, one, strict=True):
        assert row.anytime.clock == "evaluations"
        assert [part.test for part in row.parts] == [part.test for part in other.parts]


def test_the_target_is_what_random_search_is_expected_to_reach(
    tmp_path: Path, synthetic_nb201: Path
) -> None:
    """Counted when an incumbent first is as good; at 0 points it must be the best cell."""
    run("random-search", seeds=100, budget="40evals", out=tmp_path)
    (one,) = load_results(tmp_path).experiments
    comparison = compare(tmp_path)
    for row in comparison.rows:
        tests = one.finals("test", row.dataset)
        expected = next(
            reference.test_mean
            for reference in comparison.blocks[0].of(row.dataset)[1]
            if reference.reference == "expected random search"
        )
        assert row.anytime.target == pytest.approx(expected)
        seconds, evaluations = row.anytime.in_seconds, row.anytime.in_evaluations
        assert seconds.runs == sum(tests[i].max() >= row.anytime.target for i in range(100))
        assert row.anytime.clock == "evaluations"
        assert evaluations.expected >= 40 * (100 - seconds.runs) / seconds.runs
    for row in compare(tmp_path, target=0.0).rows:
        best = (one.finals("test", row.dataset).values >= row.anytime.target).sum()
        assert row.anytime.in_seconds.runs <= best < 50
        assert row.anytime.in_evaluations.median == np.inf


def test_a_run_that_missed_the_target_took_its_whole_budget(
    tmp_path: Path, synthetic_nb201: Path
) -> None:
    """The evaluation that would overshoot does not count, but a restart waits for its end."""
    run("random-search", seeds=40, budget="2500s", out=tmp_path)
    (one,) = load_results(tmp_path).experiments
    for row in compare(tmp_path).rows:
        taken = []
        for seed in range(40):
            seconds = np.cumsum(one.lists("seconds")[seed])[one.lists("incumbents")[seed]]
            there = one.finals("test", row.dataset)[seed] >= row.anytime.target
            taken.append(seconds[there][0] if there.any() else 2500.0)
        reached = row.anytime.in_seconds
        assert 0 < reached.runs < 40
        assert reached.expected == pytest.approx(sum(taken) / reached.runs)
    early = tmp_path / "early"
    run("random-search", seeds=40, budget="2500s", patience=3, out=early)
    for row in compare(early, target=0.0).rows:  # most ended before their budget
        reached = row.anytime.in_seconds
        assert reached.runs == 0 or reached.expected < 40 * 2500 / reached.runs


def test_mean_regret_lies_between_the_first_and_the_last(
    tmp_path: Path, synthetic_nb201: Path
) -> None:
    run("random-search", seeds=20, budget="40evals", out=tmp_path)
    for row in compare(tmp_path).rows:
        assert (row.anytime.start, row.anytime.end) == (1, 40)
        first = row.parts[0].test.value  # regret falls on average
        last = row.in_table.regret
        assert last < row.anytime.regret < last + row.finals.test.value - first + 1


@pytest.mark.usefixtures("no_pdfs")
def test_the_file_of_parts_holds_their_numbers(tmp_path: Path, synthetic_nb201: Path) -> None:
    run("random-search", seeds=5, budget="20evals", out=tmp_path)
    comparison = compare(tmp_path, datasets="cifar10", out=tmp_path / "out")
    (path,) = (tmp_path / "out").rglob("course.csv")
    written = pandas.read_csv(path)
    (row,) = comparison.rows
    for name in ("mean", "low", "high"):
        values = [getattr(part.test, "value" if name == "mean" else name) for part in row.parts]
        np.testing.assert_array_equal(written[name], values)

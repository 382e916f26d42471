"""What an accuracy means among all cells: against counts, simulations and known answers."""

import itertools
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from nasbench.harness.compare import compare
from nasbench.harness.compare.measures import (
    RandomEvaluations,
    normalised_regret,
    percentile,
    relative_improvement,
)
from nasbench.harness.compare.references import ExpectedRandomSearch
from nasbench.harness.execution.run import run

CELLS = np.array([10.0, 20, 20, 30, np.nan, 70])


def test_percentile_counts_cells_below_and_half_of_the_ties() -> None:
    np.testing.assert_allclose(
        percentile(np.array([5.0, 20, 70, 80, np.nan]), CELLS), [0, 40, 90, 100, np.nan]
    )


def test_regret_of_the_best_and_of_the_mean_cell() -> None:
    np.testing.assert_allclose(normalised_regret(np.array([70.0, 30.0]), CELLS), [0, 1])
    np.testing.assert_allclose(relative_improvement(np.array([30.0, 33.0]), CELLS), [0, 10])


class Small:
    """A table of six cells whose signal is not their test accuracy."""

    signal = np.array([1.0, 5, 2, 4, 3, 6])
    test = {"d": np.array([10.0, 50, 20, 40, 60, 45])}
    draws = SimpleNamespace(cells=np.arange(6), weights=np.ones(6), uniform=True)
    search = ExpectedRandomSearch(signal)


def expected(evaluations: int) -> float:
    """Mean test accuracy of the best by signal, over all draws of so many cells."""
    draws = itertools.combinations(range(6), evaluations)
    return float(np.mean([Small.test["d"][max(d, key=Small.signal.__getitem__)] for d in draws]))


@given(st.floats(5, 55))
def test_random_evaluations_are_the_fewest_that_reach_it(accuracy: float) -> None:
    (found,) = RandomEvaluations(Small, "d").reaching(np.array([accuracy]))  # type: ignore[arg-type]
    enough = [n for n in range(1, 7) if expected(n) >= accuracy]
    assert found == (enough[0] if enough else np.inf)


def test_random_evaluations_of_what_is_not_known() -> None:
    found = RandomEvaluations(Small, "d").reaching(np.array([np.nan, 61.0]))  # type: ignore[arg-type]
    np.testing.assert_array_equal(found, [np.nan, np.inf])


def test_random_search_needs_as_many_evaluations_as_it_made(
    tmp_path: Path, synthetic_nb201: Path
) -> None:
    run("random-search", seeds=200, budget="40evals", out=tmp_path)
    for row in compare(tmp_path).rows:
        assert row.in_table.random_evaluations.low <= 40 <= row.in_table.random_evaluations.high
        assert (
            row.in_table.random_evaluations.low
            < row.in_table.random_evaluations.value
            < row.in_table.random_evaluations.high
        )

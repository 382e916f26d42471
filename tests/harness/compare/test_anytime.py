"""Numbers of step curves against sums by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nasbench.harness.compare.anytime import first_reached, mean_value, time_to_target
from nasbench.harness.results.ragged import Ragged


def ragged(*rows: list[float]) -> Ragged:
    offsets = np.cumsum([0, *map(len, rows)])
    return Ragged(np.concatenate([np.array(row, dtype=np.float64) for row in rows]), offsets)


TIMES = ragged([1, 3, 7], [2], [6])
VALUES = ragged([10, 20, 50], [30], [40])


def test_mean_value_is_the_area_under_the_steps() -> None:
    """From 2 to 8: one unit at 10, four at 20, one at 50; all at 30; the third begins too late."""
    found = mean_value(TIMES, VALUES, 2, 8)
    np.testing.assert_allclose(found, [(10 + 4 * 20 + 50) / 6, 30, np.nan])
    assert np.isnan(mean_value(TIMES, VALUES, 8, 8)).all()


@given(st.lists(st.floats(0.1, 9), min_size=1, max_size=9, unique=True), st.floats(10, 20))
def test_mean_value_agrees_with_a_fine_grid(when: list[float], end: float) -> None:
    times = ragged(sorted(when))
    values = ragged(list(range(len(when))))
    start = times.values[0]
    grid = np.linspace(start, end, 20_000, endpoint=False) + (end - start) / 40_000
    expected = (np.searchsorted(times.values, grid, side="right") - 1).mean()
    assert mean_value(times, values, start, end)[0] == pytest.approx(expected, abs=0.01)


def test_a_run_that_never_reached_the_target_counts_with_all_its_time() -> None:
    when = first_reached(TIMES, VALUES, 30)
    np.testing.assert_array_equal(when, [7, 2, 6])
    when = first_reached(TIMES, VALUES, 45)
    np.testing.assert_array_equal(when, [7, np.inf, np.inf])
    assert time_to_target(when, np.array([9.0, 10, 11])) == (1, np.inf, 7 + 10 + 11)
    assert time_to_target(np.full(3, np.inf), np.ones(3)) == (0, np.inf, np.inf)


def test_expected_time_is_that_of_restarts_until_success() -> None:
    """A search that succeeds with chance 0.3 after 4 s and else ends at 10 s, 200,000 times."""
    generator = np.random.default_rng(0)
    success = generator.random(200_000) < 0.3
    times, spent = np.where(success, 4.0, np.inf), np.where(success, 4.0, 10.0)
    assert time_to_target(times, spent).expected == pytest.approx(4 + 0.7 / 0.3 * 10, rel=0.01)

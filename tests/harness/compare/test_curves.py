"""Step curves worked out by hand, and against brute force."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from nasbench.harness.compare.curves import answers, band, common_grid, step_values
from nasbench.harness.results.ragged import Ragged


def ragged(*lists: list[float]) -> Ragged:
    offsets = np.cumsum([0, *map(len, lists)])
    return Ragged(np.array([x for one in lists for x in one], dtype=float), offsets)


def test_a_curve_steps_when_an_evaluation_has_finished_and_not_before() -> None:
    times, regret = ragged([10, 30], [5, 20, 40]), ragged([3.0, 1.0], [4.0, 2.0, 0.5])
    grid = np.array([4.0, 5, 9.999, 10, 29.999, 30, 40, 1000])
    values = step_values(answers(times, grid), regret)
    nan = np.nan
    np.testing.assert_array_equal(values[0], [nan, nan, nan, 3, 3, 1, 1, 1])
    np.testing.assert_array_equal(values[1], [nan, 4, 4, 4, 2, 2, 0.5, 0.5])


def test_the_mean_begins_where_every_run_has_an_answer() -> None:
    values = np.array([[np.nan, 2.0, 1.0], [4.0, 4.0, 3.0]])
    found = band(np.array([1.0, 2, 3]), values)
    np.testing.assert_array_equal(found.grid, [2, 3])
    np.testing.assert_array_equal(found.centre, [3, 2])
    assert (found.low <= found.centre).all()
    assert (found.centre <= found.high).all()


def test_median_comes_with_quartiles() -> None:
    found = band(np.array([1.0]), np.arange(5.0)[:, None], centre="median")
    assert (found.centre[0], found.low[0], found.high[0]) == (2, 1, 3)


def test_nothing_to_draw_is_an_empty_band() -> None:
    assert len(band(np.array([1.0]), np.array([[np.nan]])).grid) == 0


def test_few_events_are_all_on_the_grid_and_many_are_log_spaced() -> None:
    np.testing.assert_array_equal(common_grid(np.array([3.0, 1, 3, 99]), 10), [1, 3, 10])
    grid = common_grid(np.linspace(2, 900, 5000), 1000, points=50)
    assert (grid[0], grid[-1], len(grid)) == (2, 1000, 50)
    np.testing.assert_allclose(np.diff(np.log(grid)), np.log(500) / 49)


finished = st.lists(st.integers(1, 30).map(float), min_size=1, max_size=8, unique=True).map(sorted)


@given(st.lists(finished, min_size=1, max_size=4), st.lists(st.integers(0, 40), min_size=1))
def test_curves_against_a_loop(runs: list[list[float]], at: list[int]) -> None:
    times = ragged(*runs)
    values = Ragged(times.values * 10, times.offsets)
    found = step_values(answers(times, np.array(at, dtype=float)), values)
    for run, when in enumerate(runs):
        for point, time in enumerate(at):
            done = [10 * t for t in when if t <= time]
            assert found[run, point] == done[-1] if done else np.isnan(found[run, point])

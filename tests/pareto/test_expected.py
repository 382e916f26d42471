"""Hypervolumes of random sets against enumeration of all draws, by plain loops, and limits."""

from itertools import combinations, product
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from nasbench.pareto.expected import (
    Judged,
    areas_by_count,
    drawn_hypervolumes,
    expected_hypervolume,
    none_drawn,
)
from nasbench.pareto.hypervolume import hypervolume

LOW = (0.0, -1.0)
scores = st.sampled_from([-2.0, -1.0, 0.0, 0.5, 1.0, 2.5, np.nan])
pairs = st.lists(st.tuples(scores, scores), min_size=1, max_size=5).map(np.array)


def known(points: NDArray[np.float64]) -> NDArray[np.float64]:
    return points[~np.isnan(points).any(axis=1)].reshape(-1, points.shape[1])


@settings(deadline=None, max_examples=60)
@given(pairs, st.integers(1, 4), st.booleans())
def test_expectation_is_the_mean_over_all_draws(
    points: NDArray[np.float64], n: int, replacement: bool
) -> None:
    n = n if replacement else min(n, len(points))
    places = range(len(points))
    draws = product(places, repeat=n) if replacement else combinations(places, n)
    every = [hypervolume(known(points[list(one)]), LOW) for one in draws]
    found = expected_hypervolume(
        areas_by_count(points, LOW), np.array([float(n)]), replacement=replacement
    )
    assert found[0] == pytest.approx(np.mean(every), rel=1e-12, abs=1e-12)


@settings(deadline=None)
@given(pairs, st.data())
def test_areas_by_definition(points: NDArray[np.float64], data: st.DataObject) -> None:
    """Every rectangle between neighbouring scores, with the pairs that dominate it counted."""
    copies = np.array(data.draw(st.lists(st.integers(0, 3), min_size=len(points),
                                         max_size=len(points))))  # fmt: skip
    edges = [np.unique([low, *column[column > low]])
             for low, column in zip(LOW, points.T, strict=True)]  # fmt: skip
    wanted = np.zeros(int(copies.sum()) + 1)
    for i, j in product(range(len(edges[0]) - 1), range(len(edges[1]) - 1)):
        corner = edges[0][i + 1], edges[1][j + 1]
        count = int(copies[(points >= corner).all(axis=1)].sum())
        if count:
            wanted[count] += (corner[0] - edges[0][i]) * (corner[1] - edges[1][j])
    assert areas_by_count(points, LOW, copies) == pytest.approx(wanted, abs=1e-12)


def test_one_draw_and_all_of_them() -> None:
    points = np.random.default_rng(3).random((300, 2))
    areas = areas_by_count(points, (0.1, 0.2))
    whole = hypervolume(points, (0.1, 0.2))
    alone = np.clip(points - (0.1, 0.2), 0, None).prod(axis=1).mean()
    assert areas.sum() == pytest.approx(whole, rel=1e-12)
    for replacement in (True, False):
        found = expected_hypervolume(areas, np.array([0.0, 1.0, 300.0]), replacement=replacement)
        assert found[0] == 0
        assert found[1] == pytest.approx(alone, rel=1e-12)
        assert (found[2] == pytest.approx(whole, rel=1e-12)) != replacement
    assert expected_hypervolume(areas, np.array([1e9]), replacement=True) == pytest.approx(whole)
    assert expected_hypervolume(areas, np.array([301.0]), replacement=False) == pytest.approx(whole)


def test_one_objective_of_two_is_the_expected_maximum() -> None:
    """Where the second scores are equal: E[max of n uniform ranks] = n (N + 1) / (n + 1)."""
    points = np.column_stack((np.arange(1.0, 10.0), np.ones(9)))
    areas = areas_by_count(points, (0.0, 0.0))
    n = np.arange(1.0, 10.0)
    found = expected_hypervolume(areas, n, replacement=False)
    assert found == pytest.approx(n * 10 / (n + 1))


def test_copies_count_like_pairs() -> None:
    points = np.random.default_rng(4).random((6, 2))
    copies = np.array([1, 3, 0, 2, 1, 2])
    assert areas_by_count(points, (0, 0), copies) == pytest.approx(
        areas_by_count(points.repeat(copies, axis=0), (0, 0))
    )


def test_chances_are_those_of_the_urn() -> None:
    marked, numbers = np.arange(8.0), np.arange(8.0)
    without = none_drawn(marked, 7, numbers, replacement=False)
    urn = [[comb(7 - k, n) / comb(7, n) for k in range(8)] for n in range(8)]
    assert without == pytest.approx(np.array(urn))
    again = none_drawn(marked, 7, numbers, replacement=True)
    assert again == pytest.approx(np.array([[(1 - k / 7) ** n for k in range(8)]
                                            for n in range(8)]))  # fmt: skip


def set_by_loops(seen: NDArray[np.float64], draws: list[int]) -> list[int]:
    """Return the draws that no other dominates, of equals the first: by the definition."""
    tried = [one for one in dict.fromkeys(draws) if np.isfinite(seen[one]).all()]
    return [
        one for place, one in enumerate(tried)
        if not any((seen[other] >= seen[one]).all() and (seen[other] > seen[one]).any()
                   for other in tried)
        and not any((seen[other] == seen[one]).all() for other in tried[:place])
    ]  # fmt: skip


@pytest.mark.parametrize("objectives", [2, 3])
@pytest.mark.parametrize("levels", [3, 1000])
def test_drawn_sets_by_plain_loops(objectives: int, levels: int) -> None:
    """With many ties and with none; 12 of 60 fail or are infinite, some have no other value."""
    generator = np.random.default_rng(objectives * levels)
    seen = generator.integers(levels, size=(60, objectives)) / levels
    seen[:6], seen[6:12, 0] = np.nan, np.inf
    other = seen + generator.normal(0, 0.3, seen.shape)
    other[12:20, 1] = np.nan
    draws = generator.integers(60, size=(25, 80))
    draws[0] = 7  # never anything but failures
    low = [0.1] * objectives
    numbers = [1, 2, 30, 80]
    found = drawn_hypervolumes(seen, [Judged(seen, low), Judged(other, low)], draws, numbers)
    assert found.shape == (2, 25, 4)
    for run, (at, n) in product(range(25), enumerate(numbers)):
        members = set_by_loops(seen, draws[run, :n].tolist())
        for place, values in enumerate((seen, other)):
            wanted = hypervolume(known(values[members]), low) if members else np.nan
            assert found[place, run, at] == pytest.approx(wanted, abs=1e-12, nan_ok=True)
    assert np.isnan(found[:, 0]).all()


def test_large_sets_are_kept_whole() -> None:
    """All of 200 pairs on a line are members, whatever the order in which they are drawn."""
    line = np.linspace(0, 1, 200)
    seen = np.column_stack((line, 1 - line))
    draws = np.stack([np.random.default_rng(k).permutation(200) for k in range(9)])
    found = drawn_hypervolumes(seen, [Judged(seen, (-1.0, -1.0))], draws, [200])
    assert found == pytest.approx(np.full((1, 9, 1), hypervolume(seen, (-1.0, -1.0))))


def test_simulation_agrees_with_the_closed_form() -> None:
    generator = np.random.default_rng(8)
    points = generator.normal(size=(400, 2)) + generator.normal(size=(400, 1))
    low, numbers = (-3.0, -3.0), [1, 5, 40, 200]
    areas = areas_by_count(points, low)
    apart = np.stack([generator.permutation(400)[:200] for _ in range(4000)])
    again = generator.integers(400, size=(4000, 200))
    for draws, replacement in ((again, True), (apart, False)):
        found = drawn_hypervolumes(points, [Judged(points, low)], draws, numbers)[0]
        wanted = expected_hypervolume(areas, np.array(numbers, float), replacement=replacement)
        error = found.std(axis=0) / np.sqrt(4000)
        assert (np.abs(found.mean(axis=0) - wanted) < 4 * error).all()

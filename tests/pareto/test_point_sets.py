"""Dominance, hypervolume and distances against moocore, definitions written out, and by hand."""

import math
from itertools import product

import moocore
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from nasbench.errors import InvalidInput
from nasbench.pareto.attainment import attained_by
from nasbench.pareto.dominance import crowding, nondominated, ranks
from nasbench.pareto.hypervolume import Staircase, contributions, hypervolume
from nasbench.pareto.indicators import additive_epsilon, igd_plus, share_found

Points = NDArray[np.float64]

coarse = st.integers(-3, 6).map(float)  # ties and equal points are frequent
fine = st.floats(-50, 50, allow_nan=False, width=32)
steps = st.sampled_from([coarse, fine])


@st.composite
def point_sets(draw: st.DrawFn, least: int = 1, most: int = 24) -> Points:
    shape = draw(st.integers(least, most)), draw(st.integers(2, 3))
    return draw(arrays(np.float64, shape, elements=draw(steps)))


def dominates(a: Points, b: Points) -> bool:
    return bool((a >= b).all() and (a > b).any())


@given(point_sets())
def test_nondominated_and_ranks_by_definition(points: Points) -> None:
    front = [not any(dominates(other, one) for other in points) for one in points]
    assert nondominated(points).tolist() == front
    left, expected, rank = set(range(len(points))), np.full(len(points), -1), 0
    while left:
        first = {i for i in left if not any(dominates(points[j], points[i]) for j in left)}
        expected[list(first)] = rank
        left, rank = left - first, rank + 1
    assert ranks(points).tolist() == expected.tolist()


@given(point_sets())
def test_ranks_and_fronts_as_moocore(points: Points) -> None:
    kept = moocore.is_nondominated(points, maximise=True, keep_weakly=True)
    assert nondominated(points).tolist() == kept.tolist()
    assert ranks(points).tolist() == moocore.pareto_rank(points, maximise=True).tolist()


def test_one_objective() -> None:
    points = np.array([[1.0], [3.0], [2.0], [3.0]])
    assert nondominated(points).tolist() == [False, True, False, True]
    assert ranks(points).tolist() == [2, 0, 1, 0]
    assert hypervolume(points, [0.5]) == 2.5
    assert nondominated(np.empty((0, 2))).tolist() == []


@given(point_sets(), steps.flatmap(lambda one: st.tuples(one, one, one)))
def test_hypervolume_as_moocore(points: Points, reference: tuple[float, ...]) -> None:
    low = list(reference[: points.shape[1]])
    expected = float(moocore.hypervolume(points, ref=low, maximise=True))
    assert hypervolume(points, low) == pytest.approx(expected, rel=1e-9, abs=1e-9)


@given(point_sets(most=12))
def test_contributions_as_moocore(points: Points) -> None:
    low = points.min(axis=0) - 1.0
    expected = moocore.hv_contributions(points, ref=low, maximise=True)
    assert contributions(points, low) == pytest.approx(expected, rel=1e-9, abs=1e-6)


@given(point_sets(most=12))
def test_contributions_are_what_is_lost(points: Points) -> None:
    low, front = points.min(axis=0) - 1.0, points[nondominated(points)]
    whole = hypervolume(front, low)
    lost = [whole - hypervolume(np.delete(front, k, axis=0), low) for k in range(len(front))]
    assert contributions(front, low) == pytest.approx(np.array(lost), rel=1e-9, abs=1e-6)


@given(arrays(np.int64, st.tuples(st.integers(1, 8), st.just(3)), elements=st.integers(0, 4)))
def test_hypervolume_counts_cells(corners: NDArray[np.int64]) -> None:
    """With whole numbers, the volume is the number of unit cubes below a point."""
    cells = sum((corners > cell).all(axis=1).any() for cell in product(range(5), repeat=3))
    assert hypervolume(corners.astype(float), [0, 0, 0]) == cells


def test_hypervolume_by_hand() -> None:
    points = np.array([[1.0, 3.0], [2.0, 2.0], [3.0, 1.0], [1.0, 1.0], [2.0, 2.0]])
    assert hypervolume(points, [0.0, 0.0]) == 6.0
    assert contributions(points[:4], [0.0, 0.0]).tolist() == [1.0, 1.0, 1.0, 0.0]
    assert contributions(points, [0.0, 0.0]).tolist() == [1.0, 0.0, 1.0, 0.0, 0.0]
    assert hypervolume(points, [3.0, 3.0]) == 0.0
    assert hypervolume(np.empty((0, 3)), [0.0, 0.0, 0.0]) == 0.0
    with pytest.raises(InvalidInput, match="4 objectives"):
        hypervolume(np.ones((2, 4)), [0.0] * 4)


def test_hypervolume_of_a_million_times_larger_scale() -> None:
    generator = np.random.default_rng(3)
    points = generator.random((200, 3)) * [1e6, 1.0, 1e-6]
    expected = float(moocore.hypervolume(points, ref=[0, 0, 0], maximise=True))
    assert hypervolume(points, [0, 0, 0]) == pytest.approx(expected, rel=1e-9)


@given(point_sets(most=40))
def test_staircase_grows_by_what_it_says(points: Points) -> None:
    low = [0.0, 0.0]
    stairs = Staircase(low)
    for number, (first, second) in enumerate(points[:, :2].tolist(), start=1):
        before = stairs.area
        gain = stairs.add(first, second)
        assert gain >= 0
        assert stairs.area == before + gain
        reached = hypervolume(points[:number, :2], low)
        assert stairs.area == pytest.approx(reached, rel=1e-9, abs=1e-9)


@st.composite
def two_sets(draw: st.DrawFn) -> tuple[Points, Points]:
    objectives, kind = draw(st.integers(2, 3)), draw(steps)
    shapes = [(draw(st.integers(1, 12)), objectives) for _ in range(2)]
    first, second = (draw(arrays(np.float64, shape, elements=kind)) for shape in shapes)
    return first, second


@given(two_sets())
def test_distances_as_moocore(pair: tuple[Points, Points]) -> None:
    points, front = pair
    plus = float(moocore.igd_plus(points, ref=front, maximise=True))
    assert igd_plus(points, front) == pytest.approx(plus, rel=1e-9, abs=1e-9)
    least = float(moocore.epsilon_additive(points, ref=front, maximise=True))
    assert additive_epsilon(points, front) == pytest.approx(least, rel=1e-9, abs=1e-9)


def test_distances_by_hand() -> None:
    front = np.array([[0.0, 4.0], [3.0, 0.0]])
    points = np.array([[0.0, 1.0], [5.0, -4.0]])
    assert igd_plus(points, front) == pytest.approx((3 + math.sqrt(9 + 0)) / 2)
    assert additive_epsilon(points, front) == 3.0
    assert igd_plus(front, front) == 0.0
    assert additive_epsilon(front + 1, front) == -1.0
    assert igd_plus(np.empty((0, 2)), front) == math.inf
    assert share_found(np.array([[3.0, 0.0], [9.0, 9.0]]), front) == 0.5


def test_distances_in_blocks_are_those_at_once() -> None:
    generator = np.random.default_rng(5)
    points, front = generator.random((900, 2)), generator.random((2500, 2))
    missing = np.maximum(front[:, None] - points, 0)
    assert igd_plus(points, front) == pytest.approx(
        np.sqrt((missing**2).sum(axis=2)).min(axis=1).mean(), rel=1e-12
    )


def test_crowding_of_the_paper() -> None:
    """Sides of the cuboid between the neighbours, divided by the ranges: Deb et al. 2002, III-B."""
    points = np.array([[0.0, 10.0], [4.0, 4.0], [1.0, 8.0], [10.0, 0.0]])
    assert crowding(points).tolist() == [math.inf, 0.9 + 0.8, 0.4 + 0.6, math.inf]
    assert crowding(np.ones((3, 2))).tolist() == [math.inf, 0.0, math.inf]
    assert crowding(np.empty((0, 2))).tolist() == []


@given(st.lists(point_sets(most=6), min_size=1, max_size=5), st.data())
def test_attainment_by_definition(sets: list[Points], data: st.DataObject) -> None:
    pairs = [one[:, :2] for one in sets]
    number = data.draw(st.integers(1, len(pairs)))
    corners = attained_by(pairs, number)
    grid = np.unique(np.concatenate(pairs))
    for x, y in product(grid, grid):
        runs = sum(bool(((one >= (x, y)).all(axis=1)).any()) for one in pairs)
        assert bool((corners >= (x, y)).all(axis=1).any()) == (runs >= number)
    assert nondominated(corners).all()


def test_attainment_as_moocore() -> None:
    generator = np.random.default_rng(11)
    sets = [generator.random((7, 2)) for _ in range(5)]
    data = np.concatenate([np.column_stack((one, np.full(7, k))) for k, one in enumerate(sets)])
    surfaces = moocore.eaf(data[:, :2] * -1, sets=data[:, 2], percentiles=[20, 60, 100])
    for number, percentile in ((1, 20), (3, 60), (5, 100)):
        of_moocore = -surfaces[surfaces[:, 2] == percentile][:, :2]
        of_moocore = of_moocore[of_moocore[:, 0].argsort()]
        assert attained_by(sets, number) == pytest.approx(of_moocore, abs=1e-12)

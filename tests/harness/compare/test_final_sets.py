"""What final sets reach: sets made by hand, and the definitions by plain loops."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from nasbench.harness.compare.figures.front_axes import view_of
from nasbench.harness.compare.final_sets import chosen_under, dominated, reached, surfaces
from nasbench.pareto.attainment import boundary
from nasbench.problem import ACCURACY, LOSS, Metric

Points = NDArray[np.float64]

LATENCY = Metric("latency", "min", "ms", 0.0)
SPEED = Metric("throughput", "max", "images/s", 0.0)
NONE = np.empty((0, 2))
coarse = st.integers(-3, 6).map(float)  # ties and equal points are frequent


@st.composite
def members(draw: st.DrawFn) -> tuple[Points, Points]:
    """Scores of up to eight members as the search saw them, and by the judge."""
    shape = draw(st.integers(0, 8)), 2
    return draw(arrays(np.float64, shape, elements=coarse)), draw(
        arrays(np.float64, shape, elements=coarse)
    )


def test_surfaces_of_four_sets_by_hand() -> None:
    sets = [
        np.array([[1.0, 8.0], [4.0, 4.0]]),
        np.array([[2.0, 6.0], [5.0, 3.0]]),
        np.array([[3.0, 5.0], [np.nan, 9.0]]),  # a member of which a score is not known
        NONE,
    ]
    found = surfaces(sets)
    # one of four sets: all points that no other is better than
    assert found.quarter.tolist() == [[1, 8], [2, 6], [3, 5], [4, 4], [5, 3]]
    # two of four: first 1 with second 6, 2 with 5, 3 with 4, 4 with 3
    assert found.median.tolist() == [[1, 6], [2, 5], [3, 4], [4, 3]]
    # three of four: first 1 with 5, 2 with 4 (the first set has 4 there), 3 with 3
    assert found.three_quarters.tolist() == [[1, 5], [2, 4], [3, 3]]


def test_the_surface_of_one_set_is_its_front() -> None:
    found = surfaces([np.array([[4.0, 1.0], [2.0, 3.0], [2.0, 1.0]])])
    assert all(one.tolist() == [[2, 3], [4, 1]] for one in found)
    assert [len(one) for one in surfaces([NONE])] == [0, 0, 0]


def test_the_boundary_goes_around_the_corners() -> None:
    line = boundary(np.array([[1.0, 5.0], [3.0, 2.0]]), (-9.0, -7.0))
    assert line.tolist() == [[-9, 5], [1, 5], [1, 2], [3, 2], [3, -7]]


@given(members(), arrays(np.float64, 5, elements=coarse))
def test_what_is_chosen_under_a_limit_by_definition(
    both: tuple[Points, Points], limits: Points
) -> None:
    seen, judged = both
    for limit, found in zip(limits, chosen_under(limits, seen, judged), strict=True):
        kept = [place for place in range(len(seen)) if seen[place, 1] >= limit]
        if not kept:
            assert found == -np.inf
            continue
        best = max((seen[place, 0], seen[place, 1]) for place in kept)
        assert found in {judged[place, 0] for place in kept if tuple(seen[place]) == best}


def test_a_member_is_chosen_by_what_was_seen_and_judged_by_test() -> None:
    """At 5 ms the second looks best and is worse in test; what the judge lacks counts as none."""
    seen = np.array([[80.0, -2.0], [90.0, -5.0], [95.0, -9.0]])
    judged = np.array([[85.0, -2.0], [70.0, -5.0], [np.nan, -9.0]])
    found = chosen_under(np.array([-1.0, -2.0, -4.9, -5.0, -10.0]), seen, judged)
    assert found.tolist() == [-np.inf, 85, 85, 70, -np.inf]


def test_quartiles_over_runs_of_which_some_keep_no_limit() -> None:
    """Five runs of one member each, at 1 to 5 ms with accuracy 50, 40, 30, 20 and 10."""
    runs = [np.array([[60.0 - 10 * k, -float(k)]]) for k in range(1, 6)]
    limits = np.array([-1.0, -2.0, -3.0, -5.0])
    found = reached(limits, runs, runs)
    assert found.median.tolist() == [-np.inf, -np.inf, 30, 30]
    assert found.low.tolist() == [-np.inf, -np.inf, -np.inf, 20]
    assert found.high.tolist() == [-np.inf, 40, 40, 40]
    even = reached(limits, runs[:2], runs[:2])
    assert even.median.tolist() == [-np.inf, 45, 45, 45]


def test_a_point_far_from_all_others_is_outside_the_axes() -> None:
    """Nineteen networks of 90 to 94.5 % at 1 to 19 ms, and one without layers of 10 %."""
    near = np.column_stack((np.linspace(90, 94.5, 19), -np.arange(1.0, 20)))
    front = np.vstack(([10.0, -0.001], near))
    view = view_of((ACCURACY, LATENCY), front, [near[:3]])
    assert view.shows(front).tolist() == [False] + [True] * 19
    assert view.log
    low, high = view.ends(1)
    assert 0.5 < low < 1
    assert 19 < high < 25
    assert view.ends(0) == pytest.approx((90 - 0.05 * 4.5, 94.5 + 0.05 * 4.5))
    assert view.better == "up and left"
    # a row that reaches no more than 60 %, and that only at 40 ms, is seen
    view = view_of((ACCURACY, LATENCY), front, [np.array([[50.0, -3.0], [60.0, -40.0]])])
    assert view.shows(np.array([[60.0, -40.0]])).all()


def test_a_front_without_a_gap_is_whole() -> None:
    front = np.column_stack((np.linspace(80, 90, 11), -np.linspace(0.0, 9, 11)))
    view = view_of((ACCURACY, LATENCY), front, [front])
    assert view.shows(front).all()
    assert not view.log  # there is a cost of 0


@pytest.mark.parametrize("objectives", [(ACCURACY, SPEED), (LOSS, LATENCY), (LOSS, SPEED)])
def test_axes_of_any_directions(objectives: tuple[Metric, Metric]) -> None:
    first, second = objectives
    values = np.array([[1.0, 2.0], [1.5, 5.0], [2.0, 50.0]])
    scores = np.column_stack((first.score(values[:, 0]), second.score(values[:, 1])))
    view = view_of(objectives, scores, [scores[1:2]])
    assert view.shows(scores).all()
    assert view.log
    up, across = view.ends(0), view.ends(1)
    assert up == pytest.approx((0.95, 2.05))
    assert across[0] < 2
    assert across[1] > 50
    assert view.better == {
        (ACCURACY, SPEED): "up and right", (LOSS, LATENCY): "down and left",
        (LOSS, SPEED): "down and right",
    }[objectives]  # fmt: skip


def test_axes_of_one_point() -> None:
    point = np.array([[0.0, -3.0]])
    view = view_of((ACCURACY, LATENCY), point, [point])
    assert view.shows(point).all()
    assert view.ends(0)[0] < view.ends(0)[1]
    assert view.ends(1)[0] < view.ends(1)[1]


def test_dominated_members_by_hand() -> None:
    """Equal members do not dominate each other; what is not known dominates none."""
    points = np.array([[1.0, 8.0], [1.0, 7.0], [4.0, 4.0], [4.0, 4.0], [np.nan, 9.0], [3.0, 4.0]])
    assert dominated(points).tolist() == [False, True, False, False, False, True]
    assert dominated(NONE).tolist() == []


@given(members())
def test_dominated_members_by_the_definition(sets: tuple[Points, Points]) -> None:
    _, judged = sets
    expected = [
        any((other >= one).all() and (other > one).any() for other in judged) for one in judged
    ]
    assert dominated(judged).tolist() == expected

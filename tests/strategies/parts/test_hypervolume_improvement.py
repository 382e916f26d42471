"""Expected hypervolume improvement against simulation, closed forms and a referee's areas."""

from itertools import pairwise

import moocore
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import norm

from nasbench.strategies.parts.acquisition import (
    expected_hypervolume_improvement,
    largest_hypervolume_improvements,
)
from nasbench.strategies.parts.predictors import Prediction

REFERENCE = np.array([-1.0, -2.0])
NONE = np.zeros((0, 2))
Numbers = NDArray[np.float64]


def improvement(mean: Numbers, deviation: Numbers, best: float) -> Numbers:
    """Jones et al. 1998, written out with scipy's normal distribution."""
    z = (mean - best) / deviation
    return np.asarray(deviation * (z * norm.cdf(z) + norm.pdf(z)))


def drawn(number: int, seed: int) -> tuple[Prediction, Prediction]:
    generator = np.random.default_rng(seed)
    first, second = (
        Prediction(generator.normal(0, 2, number), generator.uniform(0.05, 2, number))
        for _ in range(2)
    )
    return first, second


def area(points: Numbers, reference: Numbers = REFERENCE) -> float:
    return float(moocore.hypervolume(points, ref=reference, maximise=True)) if len(points) else 0.0


@pytest.mark.parametrize("members", [0, 1, 2, 7])
def test_is_the_mean_of_simulated_improvements(members: int) -> None:
    """5,000 points of each prediction, whose areas moocore computes."""
    generator = np.random.default_rng(members)
    front = generator.normal(0, 1, (members, 2))  # some dominated, some outside the reference
    first, second = drawn(4, seed=members)
    found = expected_hypervolume_improvement(first, second, front, REFERENCE)
    before = area(front)
    for place, value in enumerate(found):
        points = generator.normal(size=(5_000, 2)) * [
            first.deviation[place],
            second.deviation[place],
        ] + [first.mean[place], second.mean[place]]
        gains = np.array([area(np.vstack([front, one])) - before for one in points])
        error = gains.std() / np.sqrt(len(gains))
        assert value == pytest.approx(gains.mean(), abs=5 * error + 1e-4)


def test_without_a_front_it_is_the_product_of_expected_improvements() -> None:
    first, second = drawn(3_000, seed=1)
    expected = improvement(*first, -1.0) * improvement(*second, -2.0)
    found = expected_hypervolume_improvement(first, second, NONE, REFERENCE)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-15)


def test_one_point_cuts_its_rectangle_out() -> None:
    """The product, without the mean area within the rectangle of the point: both independent."""
    first, second = drawn(2_000, seed=2)
    one = np.array([[0.4, 0.9]])
    inside = (improvement(*first, -1.0) - improvement(*first, 0.4)) * (
        improvement(*second, -2.0) - improvement(*second, 0.9)
    )
    expected = improvement(*first, -1.0) * improvement(*second, -2.0) - inside
    found = expected_hypervolume_improvement(first, second, one, REFERENCE)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


def test_what_is_certain_adds_its_area() -> None:
    """Both certain, on the front and beside it; and one of the two certain, by simulation."""
    front = np.array([[0.0, 3.0], [1.0, 2.0], [1.0, 2.0], [2.5, -1.0], [0.5, 0.5], [9.0, -2.0]])
    points = np.array(
        [[0, 3], [0.5, 2.5], [4, 4], [-1, 9], [-3, 9], [0.5, 0.5], [3, -1.5], [1, 2.0]], np.float64
    )
    sure = [Prediction(column, np.zeros(len(points))) for column in points.T]
    found = expected_hypervolume_improvement(sure[0], sure[1], front, REFERENCE)
    expected = [area(np.vstack([front, one])) - area(front) for one in points]
    np.testing.assert_allclose(found, expected, atol=1e-12)
    unsure = Prediction(points[:, 1], np.full(len(points), 0.7))
    half = expected_hypervolume_improvement(sure[0], unsure, front, REFERENCE)
    near = Prediction(points[:, 0], np.full(len(points), 1e-7))
    limit = expected_hypervolume_improvement(near, unsure, front, REFERENCE)
    np.testing.assert_allclose(half, limit, atol=1e-5)


def test_swapped_objectives_are_worth_the_same() -> None:
    first, second = drawn(500, seed=3)
    front = np.random.default_rng(3).normal(0, 1, (9, 2))
    one = expected_hypervolume_improvement(first, second, front, REFERENCE)
    other = expected_hypervolume_improvement(second, first, front[:, ::-1], REFERENCE[::-1])
    np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-13)


def test_a_larger_front_leaves_less_to_gain_and_dominated_points_change_nothing() -> None:
    first, second = drawn(500, seed=4)
    points = np.random.default_rng(4).normal(0, 1, (12, 2))
    values = [
        expected_hypervolume_improvement(first, second, points[:number], REFERENCE)
        for number in range(13)
    ]
    for more, less in pairwise(values):
        assert (less <= more + 1e-12).all()
    worse = np.vstack([points, points - 0.1, REFERENCE - 1, [5.0, -2.0]])
    again = expected_hypervolume_improvement(first, second, worse, REFERENCE)
    np.testing.assert_array_equal(again, values[-1])


@pytest.mark.parametrize("members", [0, 1, 5, 40])
def test_the_largest_are_found_without_looking_at_all(members: int) -> None:
    """On a curved front, where most candidates are far behind it; two are the same."""
    first, second = drawn(3_000, seed=members)
    mean, deviation = first
    first = Prediction(np.append(mean, mean), np.append(deviation, deviation))
    second = Prediction(np.append(second.mean, second.mean), np.append(*[second.deviation] * 2))
    angles = np.linspace(0, np.pi / 2, members)
    front = np.stack([np.sin(angles), np.cos(angles)], axis=1) * 3
    every = expected_hypervolume_improvement(first, second, front, REFERENCE)
    largest = largest_hypervolume_improvements(first, second, front, REFERENCE)
    best = every >= every.max() * (1 - 1e-7)
    assert best.sum() >= 2
    np.testing.assert_array_equal(largest[best], every[best])
    assert (largest <= every).all()
    assert (largest[~best] < every.max()).all()
    if members == 40:
        assert (largest > 0).sum() < 600

"""Rungs and sizes of brackets, against the papers and by hand."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nasbench.problem import Fidelity
from nasbench.strategies.parts.rungs import bracket_size, rungs_of


def rungs(epochs: list[int], reduction: int) -> list[tuple[int, int]]:
    """Return (level, epochs) of each rung."""
    found = rungs_of([Fidelity(one) for one in epochs], reduction)
    return [(one.level, one.fidelity.epochs) for one in found]


@pytest.mark.parametrize(
    ("epochs", "reduction", "expected"),
    [
        ([1, 3, 9, 27, 81], 3, [(0, 1), (1, 3), (2, 9), (3, 27), (4, 81)]),
        ([4, 12, 36, 108], 3, [(0, 4), (1, 12), (2, 36), (3, 108)]),
        # 15 / 9 = 1.67 is 1.2 times below 2 and 1.67 times above 1
        (list(range(1, 16)), 3, [(0, 2), (1, 5), (2, 15)]),
        (list(range(1, 82)), 3, [(0, 1), (1, 3), (2, 9), (3, 27), (4, 81)]),
        # 6.75, 13.5, 27, 54, 108: 54 and 27 are nearest to 36, and 27 is nearer
        ([4, 12, 36, 108], 2, [(0, 4), (1, 12), (2, 36), (4, 108)]),
        # 100, 33.3, 11.1, 3.7, 1.23: three numbers of epochs, two levels have no rung
        ([1, 10, 100], 3, [(0, 1), (2, 10), (4, 100)]),
        ([100, 200], 3, [(0, 100), (1, 200)]),  # less than a factor of 3 apart
        ([1, 200], 3, [(0, 1), (4, 200)]),  # 2.47, 7.4, 22.2, 66.7, 200
    ],
)
def test_rungs_by_hand(epochs: list[int], reduction: int, expected: list[tuple[int, int]]) -> None:
    assert rungs(epochs, reduction) == expected


@given(st.sets(st.integers(1, 500), min_size=2), st.integers(2, 10))
def test_rungs_are_offered_rise_and_end_at_the_largest(offered: set[int], reduction: int) -> None:
    found = rungs(sorted(offered), reduction)
    levels, epochs = zip(*found, strict=True)
    assert set(epochs) <= offered
    assert list(epochs) == sorted(set(epochs))
    assert list(levels) == sorted(set(levels))
    assert epochs[-1] == max(offered)
    assert len(found) > 1
    for level, one in found:  # no offered number is nearer in ratio, as floating point sees it
        wanted = max(offered) / reduction ** (levels[-1] - level)
        nearest = min(abs(math.log(other / wanted)) for other in offered)
        assert abs(math.log(one / wanted)) == pytest.approx(nearest, abs=1e-9)


@pytest.mark.parametrize(
    ("epochs", "rounding", "expected"),
    [
        # ceil(5 * 3^s / (s + 1)) for s = 4, 3, 2, 1, 0
        ([1, 3, 9, 27, 81], "up", [81, 34, 15, 8, 5]),
        # floor(5 / (s + 1)) * 3^s, as hpbandster computes them
        ([1, 3, 9, 27, 81], "down", [81, 27, 9, 6, 5]),
        ([4, 12, 36, 108], "up", [27, 12, 6, 4]),
        ([4, 12, 36, 108], "down", [27, 9, 6, 4]),
        # three rungs, 3^4 between the first and the last: 81 = 3/3 * 81, 13.5 = 3/2 * 9, 3 = 3/1
        ([1, 10, 100], "up", [81, 14, 3]),
        ([1, 10, 100], "down", [81, 9, 3]),
    ],
)
def test_sizes_of_brackets(epochs: list[int], rounding: str, expected: list[int]) -> None:
    found = rungs_of([Fidelity(one) for one in epochs], 3)
    assert [bracket_size(found, i, 3, rounding) for i in range(len(found))] == expected

"""Hypervolumes of a run's set over time, against the set kept by the search's own rule."""

import moocore
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasbench.harness.compare import progress_of_sets
from nasbench.harness.compare.progress_of_sets import hypervolumes, qualities
from nasbench.harness.fronts import ExactFront
from nasbench.harness.results.ragged import Ragged
from nasbench.harness.search.selection import Front
from nasbench.pareto import hypervolume as areas_of_subsets
from nasbench.problem import Metric
from nasbench.spaces.pool import PoolSpace

OBJECTIVES = tuple(Metric(name, "max", "", 0.0) for name in "abc")


def exact(scores: np.ndarray) -> ExactFront:
    space = PoolSpace("pool", [f"network {k}" for k in range(len(scores))])
    return ExactFront(OBJECTIVES[: scores.shape[1]], space, scores)


def distances(points: np.ndarray, front: ExactFront) -> tuple[float, float, float]:
    """IGD+ and additive epsilon by moocore, and the percentage of the front's points."""
    if not len(points):
        return (np.nan, np.nan, np.nan)
    scaled, wanted = ((one - front.nadir) / front.width for one in (points, front.points))
    held = sum(any((one == point).all() for point in points) for one in front.points)
    return (
        float(moocore.igd_plus(scaled, ref=wanted, maximise=True)),
        float(moocore.epsilon_additive(scaled, ref=wanted, maximise=True)),
        100 * held / len(front.points),
    )


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 3), st.booleans(), st.sampled_from([1, 1_000_000]))
def test_every_set_as_moocore(seed: int, objectives: int, fine: bool, block: int) -> None:
    """Three runs, ties, two fidelities, unknown values; all sets measured at once or in parts."""
    generator = np.random.default_rng(seed)
    grid = 1000 if fine else 4
    table = generator.integers(0, grid, (60, objectives)).astype(float)
    front = exact(table)
    seen, epochs, measured, expected, far = [], [], [], [], []
    for evaluations in (1, 12, 40):
        kept, final = Front(), []
        rows = generator.integers(0, len(table), evaluations)
        for number, row in enumerate(rows.tolist()):
            fidelity = 1 + (number > 25)
            if not kept.takes(tuple(table[row].tolist()), fidelity, len(final)):
                continue
            test = generator.integers(0, grid, objectives).astype(float)
            final.append(test if generator.random() < 0.9 else test * np.nan)
            seen.append(table[row])
            epochs.append(fidelity)
            points = np.array([final[member] for member, _ in kept.members])
            points = points[np.isfinite(points).all(axis=1)]
            volume = moocore.hypervolume(points, ref=front.reference, maximise=True)
            expected.append(100 * float(volume) / front.hypervolume if len(points) else 0.0)
            far.append(distances(points, front))
        measured.append(final)
    offsets = np.cumsum([0, *map(len, measured)])
    lists = (np.array(seen), np.array(epochs), np.concatenate(measured))
    with pytest.MonkeyPatch.context() as patch:
        for module in (progress_of_sets, areas_of_subsets):
            patch.setattr(module, "_BLOCK", block)
        found = hypervolumes(*(Ragged(one, offsets) for one in lists), front)
        measures = qualities(*(Ragged(one, offsets) for one in lists), front)
    for column, one in zip(np.array(far).T, measures, strict=True):
        assert one.values == pytest.approx(column, rel=1e-9, abs=1e-9, nan_ok=True)
    assert found.values == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_equal_sets_are_equal_to_the_last_bit() -> None:
    """The whole front is 100 %, and a set the same number, in whatever order they were found."""
    generator = np.random.default_rng(1)
    first = np.sort(generator.random(300))
    second = np.sort(generator.random(300))[::-1]
    table = np.column_stack((first, second)) * [1e3, 1e-3]
    front = exact(table)
    halves = set()
    for _ in range(5):
        order = generator.permutation(300)
        order = np.concatenate((order[order % 2 == 0], order[order % 2 == 1]))
        one = Ragged(table[order], np.array([0, 300]))
        found = hypervolumes(one, Ragged(np.ones(300, dtype=np.int64), one.offsets), one, front)
        halves.add(found.values[149])
        assert found.values[-1] == 100.0
    assert len(halves) == 1


def test_without_known_values_nothing_is_known() -> None:
    front = exact(np.full((3, 2), np.nan))
    one = Ragged(np.ones((2, 2)), np.array([0, 1, 2]))
    found = hypervolumes(one, Ragged(np.ones(2, dtype=np.int64), one.offsets), one, front)
    assert np.isnan(found.values).all()

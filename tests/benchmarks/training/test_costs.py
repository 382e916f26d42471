"""Costs: an additive truth is found, measurements go on, tables tell measured from modelled."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest

from nasbench.benchmarks.training import costs
from nasbench.benchmarks.training.assemble import assemble
from nasbench.benchmarks.training.costs import additive, measure, read_costs, sample
from nasbench.benchmarks.training.digits import Distortion, Sizes, digits
from nasbench.benchmarks.training.plan import Plan, distinct_cells
from nasbench.benchmarks.training.recipes import Recipe
from nasbench.benchmarks.training.shards import Identity
from nasbench.benchmarks.training.tabulate import tabulate
from nasbench.errors import DataError, InvalidInput
from nasbench.spaces.nb201 import CONV_3X3, NasBench201, live_edges
from nasbench.spaces.networks.base import Shape, networks_of

SPACE = NasBench201()
TINY = Recipe("tiny", Shape(2, 1), epochs=2, batch=20)
DATA = partial(digits, Distortion(), Sizes(weights=20, validation=20, test=20, copies=1))


def test_an_additive_truth_is_recovered() -> None:
    """Costs planted over all architectures come back exactly from 300 of them."""
    truth = 0.5 + 0.03 * SPACE.count(CONV_3X3) + 0.002 * (SPACE.codes == 4).sum(axis=1)
    index = np.array(sample(SPACE, 300))
    fit = additive(truth[index], index, networks_of(SPACE).cost_features())
    np.testing.assert_allclose(fit.values, truth, rtol=1e-9)
    assert "mean 0.0 %, largest 0.0 %, R2 1.000" in fit.error


def test_held_out_error_is_the_noise() -> None:
    """5 % noise nobody can predict: mean absolute error 0.05 * sqrt(2 / pi), about 4 %."""
    index = np.array(sample(SPACE, 2000))
    noise = 1 + 0.05 * np.random.default_rng(0).standard_normal(len(index))
    truth = 1 + 0.1 * SPACE.count(CONV_3X3)
    fit = additive(truth[index] * noise, index, networks_of(SPACE).cost_features())
    assert "mean 4.0 %" in fit.error
    np.testing.assert_array_equal(fit.values[index], truth[index] * noise)  # measured stay
    others = np.setdiff1d(np.arange(SPACE.size), index)
    assert np.abs(fit.values[others] / truth[others] - 1).max() < 0.03


def test_features_count_operations() -> None:
    """Read edges whose signal arrives are the live ones of the space."""
    matrix = networks_of(SPACE).cost_features()
    assert matrix.shape == (15625, 10)
    everything = SPACE.index((3,) * 6)
    assert matrix[everything].tolist() == [1, 0, 0, 0, 6, 0, 0, 0, 6, 0]
    nothing = SPACE.index((0,) * 6)
    assert matrix[nothing].tolist() == [1, 3, 0, 0, 0, 0, 0, 0, 0, 0]
    for index in sample(SPACE, 100):
        read = matrix[index, 6:].sum()
        alive = sum(live_edges(SPACE.architecture(index)))
        assert read >= alive  # an edge from a node that nothing reaches is read and not live
        if matrix[index, 1] == 0:
            assert read == alive


def test_samples_are_nested_and_checked() -> None:
    assert sample(SPACE, 7) == sample(SPACE, 20)[:7]
    with pytest.raises(InvalidInput, match="1 to 15625"):
        sample(SPACE, 0)


def test_a_model_that_goes_below_zero_is_refused() -> None:
    index = np.array(sample(SPACE, 12))
    values = np.linspace(1e-6, 1, 12) ** 4
    with pytest.raises(DataError, match="measure more"):
        additive(values, index, networks_of(SPACE).cost_features())


def test_measuring_goes_on_where_it_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    real = costs._costs

    def counting(space: NasBench201, index: int, *rest: object) -> tuple[float, ...]:
        asked.append(index)
        if len(asked) == 4:
            raise KeyboardInterrupt
        return real(space, index, *rest)

    data = DATA()
    monkeypatch.setattr(costs, "_costs", counting)
    with pytest.raises(KeyboardInterrupt):
        measure(SPACE, data, TINY, tmp_path, 3, rounds=2)
    asked.extend([-1] * 10)
    del asked[:-10]
    measure(SPACE, data, TINY, tmp_path, 3, rounds=2)
    assert len(asked) - 10 == 1 + 4  # one to warm up, four left of six
    asked.clear()
    identity = Identity.of("nb201", data, TINY, "float32")
    (found,) = read_costs(tmp_path, identity)
    assert found.index.tolist() == sorted(sample(SPACE, 3))
    assert found.rounds.tolist() == [2, 2, 2]
    assert all((found.values[name] > 0).all() for name in costs.COSTS)
    measure(SPACE, data, TINY, tmp_path, 3, rounds=2)
    assert not asked
    monkeypatch.setattr(costs, "machine", lambda device: {"processor": "abacus", "device": device})
    with pytest.raises(InvalidInput, match="here is cpu of abacus: go on there, or remove it"):
        measure(SPACE, data, TINY, tmp_path, 4, rounds=2)


def test_the_table_tells_measured_from_modelled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A planted truth of three costs; one architecture of a row may cost more than another."""

    def planted(space: NasBench201, index: int, *rest: object) -> tuple[float, ...]:
        seconds = 1.0 + space.count(CONV_3X3)[index]
        return (float(seconds), 0.25, 3.0)

    plan = Plan(DATA, TINY, tmp_path, distinct_cells(SPACE, 2), seeds=(0,), group=2)
    tabulate(plan)
    monkeypatch.setattr(costs, "_costs", planted)
    measure(SPACE, DATA(), TINY, plan.shards, 60, rounds=3)
    table = assemble(plan)
    assert table.search.query_seconds_fitted
    epoch = 1.0 + SPACE.count(CONV_3X3)
    np.testing.assert_allclose(table.search.epoch_seconds("digits", 2), epoch, rtol=1e-6)
    np.testing.assert_allclose(table.search.validation_seconds("digits", 2), 0.25, rtol=1e-6)
    np.testing.assert_allclose(table.search.query_seconds("digits", 2), 2 * epoch + 0.25, rtol=1e-6)
    (device,) = table.search.devices()
    np.testing.assert_allclose(table.search.latency("digits", device), 3.0, rtol=1e-6)
    columns = {column.name: column for column in table.info.columns}
    assert "held-out error" in columns["digits/train/per-epoch/seconds"].provenance
    repeats = table._read(f"digits/measured/{device}")
    assert np.flatnonzero(repeats).tolist() == sorted(sample(SPACE, 60))
    assert set(repeats.tolist()) == {0, 3}

"""Costs of operations against the closed form of whole networks, and expectations exactly."""

import numpy as np
import pytest
import torch

from nasbench.spaces.nb201 import INPUTS, NasBench201
from nasbench.spaces.networks.base import Shape, networks_of
from nasbench.spaces.networks.lookup import Lookup, fitted
from nasbench.spaces.networks.nb201 import Cell, Form, Network

SPACE = NasBench201()
LOOKUP = networks_of(SPACE).multiply_adds(INPUTS["cifar10"], Shape(16, 5))


def test_published_cost_of_each_operation() -> None:
    """7.78305 M + 3.93216 M per 1x1 + 35.38944 M per 3x3 convolution (CIFAR-10)."""
    assert LOOKUP.constant == pytest.approx(7.78305)
    np.testing.assert_allclose(LOOKUP.table, [[0, 0, 3.93216, 35.38944, 0]] * 6)


def test_sums_are_the_cost_of_every_cell() -> None:
    sums = [LOOKUP.of(cell) for cell in SPACE.architectures]
    np.testing.assert_allclose(sums, SPACE.flops(INPUTS["cifar10"]) / 1e6)


def test_expected_is_the_mean_over_all_cells() -> None:
    """Every cell weighted by its probability, one after the other."""
    logits = torch.randn(6, 5, generator=torch.Generator().manual_seed(0)).double()
    probabilities = logits.softmax(dim=1)
    chances = probabilities.numpy()[np.arange(6), SPACE.codes.astype(int)].prod(axis=1)
    assert chances.sum() == pytest.approx(1)
    mean = chances @ np.array([LOOKUP.of(cell) for cell in SPACE.architectures])
    assert float(LOOKUP.expected(probabilities)) == pytest.approx(mean, rel=1e-12)


def test_stages_add_up_to_what_stands_in_a_network() -> None:
    """Every cell of a literal network, walked edge by edge."""
    times = np.arange(15, dtype=np.float64).reshape(3, 5) + 1
    times[:, 0] = 0
    shape = Shape(2, 2)
    lookup = networks_of(SPACE).lookup_of(times, 100.0, shape, "ms")
    for index in (6111, 9930, 0, 123):
        cell = SPACE.architecture(index)
        network = Network(
            cell, INPUTS["cifar10"], shape, generator=torch.Generator(), form=Form.LITERAL
        )
        total = 100.0
        for stage, part in enumerate(network.stages):
            for one in part.modules():
                if isinstance(one, Cell):
                    total += sum(times[stage, operation] for operation in cell)
                    assert len(one.edges) == sum(operation != 0 for operation in cell)
        assert lookup.of(cell) == total


def test_fit_returns_what_is_additive() -> None:
    true = Lookup(np.random.default_rng(0).random((6, 5)), 3.0, "ms")
    true.table[:, 0] = 0
    costs = np.array([true.of(cell) for cell in SPACE.architectures])
    found, explained = fitted(SPACE, costs, "ms")
    np.testing.assert_allclose(found.table, true.table, atol=1e-10)
    assert found.constant == pytest.approx(3.0)
    assert explained == pytest.approx(1.0)


def test_fit_is_least_squares() -> None:
    """Against numpy's, on costs that are not additive."""
    codes = SPACE.codes.astype(int)
    costs = np.random.default_rng(1).random(len(codes)) + (codes == 3).sum(axis=1) ** 2
    found, explained = fitted(SPACE, costs, "ms")
    indicators = (codes[:, :, None] == np.arange(1, 5)).reshape(len(codes), -1)
    design = np.column_stack([np.ones(len(codes)), indicators])
    solution, residual, *_ = np.linalg.lstsq(design, costs, rcond=None)
    assert found.constant == pytest.approx(solution[0])
    np.testing.assert_allclose(found.table[:, 1:].ravel(), solution[1:], atol=1e-9)
    assert explained == pytest.approx(1 - residual[0] / np.square(costs - costs.mean()).sum())

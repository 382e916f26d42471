"""Costs of operations against the closed form of whole networks, and expectations exactly."""

import numpy as np
import pytest
import torch

from nasbench.spaces.nb201 import INPUTS, NasBench201
from nasbench.spaces.networks.lookup import multiply_adds
from nasbench.spaces.networks.nb201 import Shape

SPACE = NasBench201()
LOOKUP = multiply_adds(SPACE, INPUTS["cifar10"], Shape(16, 5))


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

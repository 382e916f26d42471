"""Sampling and losses of the strategies with architecture parameters."""

from typing import Any

import numpy as np
import pytest
import torch

from nasbench.benchmarks.training.data import Part
from nasbench.benchmarks.training.shared import SharedBenchmark
from nasbench.problem import Problem
from nasbench.randomness import Random
from nasbench.spaces import get_space
from nasbench.spaces.networks.base import Shape
from nasbench.strategies.registry import find_strategy, make_settings
from nasbench.testing.one_shot import SMALL, toy_data
from nasbench.trace import Trace

SPACE = get_space("nb201")


def prepared(name: str, **settings: object) -> tuple[Any, Any]:
    """Return a search just before its first step, and its loan."""
    found = find_strategy(name)
    search = found(Problem(SPACE), make_settings(found, {**SMALL, **settings}), Random(1))
    shape = Shape(2, 1, affine=False, track_running_stats=False)
    loan = SharedBenchmark(SPACE, toy_data(), shape, cost="multiply-adds").session(Random(2)).loan
    search._prepare(loan)
    noise = torch.randn(6, 5, generator=torch.Generator().manual_seed(3))
    search._alphas.data.copy_(noise)
    return search, loan


def batch() -> Any:
    part = toy_data().parts[Part.VALIDATION]
    return part.images[:8], part.labels[:8]


def test_gdas_draws_from_the_softmax_and_weighs_by_one() -> None:
    """4,000 draws within five standard errors of every probability, at any temperature."""
    search, _ = prepared("gdas")
    draws = np.zeros((6, 5))
    for _ in range(4000):
        mix = search.sample()
        chosen = [operations[0] for operations in mix.active]
        draws[np.arange(6), chosen] += 1
        weights = mix.weights[torch.arange(6), torch.tensor(chosen)]
        torch.testing.assert_close(weights, torch.ones(6))
    expected = search._alphas.detach().softmax(dim=1).double().numpy()
    error = np.sqrt(expected * (1 - expected) / 4000)
    assert (np.abs(draws / 4000 - expected) < 5 * error).all()


def test_proxyless_pairs_are_two_operations_drawn_without_replacement() -> None:
    search, _ = prepared("proxylessnas")
    first, both = np.zeros((6, 5)), np.zeros((6, 5))
    for _ in range(4000):
        for edge, (one, other) in enumerate(search.pairs()):
            assert one != other
            first[edge, one] += 1
            both[edge, [one, other]] += 1
    p = search._alphas.detach().softmax(dim=1).double().numpy()
    error = np.sqrt(p * (1 - p) / 4000)
    assert (np.abs(first / 4000 - p) < 5 * error).all()
    second = np.array(
        [[sum(row[j] * row[i] / (1 - row[j]) for j in range(5) if j != i) for i in range(5)]
         for row in p]
    )  # fmt: skip
    assert (np.abs(both / 4000 - p - second) < 0.04).all()


def test_proxyless_leaves_the_probability_of_other_operations_alone() -> None:
    search, loan = prepared("proxylessnas", alpha_learning_rate=0.1)
    before = search._alphas.detach().clone()
    search.pairs = lambda: [(0, 1)] * 6
    search.compare_paths(loan, batch())
    after = search._alphas.detach()
    assert not torch.equal(after[:, :2], before[:, :2])
    torch.testing.assert_close(after.softmax(dim=1)[:, 2:], before.softmax(dim=1)[:, 2:])


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("product", lambda error, cost: error * 0.2 * np.log(1000 * cost) ** 0.6),
        ("sum", lambda error, cost: error + 0.01 * cost),
    ],
)
def test_fbnet_loss_is_its_equation(form: str, expected: Any) -> None:
    search, loan = prepared("fbnet", form=form)
    search._lookup = search._lookup._replace(table=search._lookup.table * 1e3, constant=5.0)
    mix = search.sample()
    error = float(loan.mixture_loss(batch(), mix).detach())
    cost = 5.0 + float((mix.weights.detach().double().numpy() * search._lookup.table).sum())
    assert float(search.loss(loan, batch(), mix).detach()) == pytest.approx(
        expected(error, cost), rel=1e-5
    )


def test_a_heavier_cost_makes_fbnet_cheaper() -> None:
    """Adam's first steps follow the sign of the cost's gradient when it is all that counts."""
    costs = []
    for weight in (0.0, 1e6):
        search, loan = prepared("fbnet", form="sum", cost_weight=weight, alpha_learning_rate=0.1)
        for _ in range(20):
            search.descend(search.loss(loan, batch(), search.sample()))
        costs.append(search.traces()[Trace.expected_cost("million multiply-adds")])
    assert costs[1] < costs[0]
    assert costs[1] < 1.2 * search._lookup.constant

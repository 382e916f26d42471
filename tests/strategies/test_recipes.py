"""The recipes `paper` against the numbers that were published."""

from types import SimpleNamespace

import pytest

from nasbench.errors import InvalidInput
from nasbench.one_shot_conformance import made
from nasbench.requests import TrainShared
from nasbench.strategies.registry import find_strategy, make_settings, recipe_settings, strategies

WEIGHTS = {
    "channels": 16, "cells": 5, "batch": 64, "learning_rate": 0.025,
    "final_learning_rate": 0.001, "momentum": 0.9, "weight_decay": 5e-4, "clip": 5.0,
    "affine": False, "statistics": "batch", "precision": "float32",
}  # fmt: skip
ALPHAS = {"alpha_learning_rate": 3e-4, "alpha_weight_decay": 1e-3, "alpha_beta1": 0.5}
PUBLISHED = {
    # NAS-Bench-201 (Dong & Yang, ICLR 2020), appendix
    "darts": {**WEIGHTS, **ALPHAS, "epochs": 50},
    "darts-2nd": {**WEIGHTS, **ALPHAS, "epochs": 50},
    "gdas": {
        **WEIGHTS, **ALPHAS, "epochs": 250, "temperature": 10.0, "final_temperature": 0.1
    },
    "rsps": {**WEIGHTS, "epochs": 250, "samples": 100},
    "enas": {
        **WEIGHTS, "epochs": 250, "batch": 128, "learning_rate": 0.05,
        "final_learning_rate": 0.0005, "weight_decay": 2.5e-4, "controller_learning_rate": 1e-3,
        "controller_beta1": 0.0, "controller_epsilon": 1e-3, "restart": 10,
    },
    # Guo et al., ECCV 2020, section 4.1: the search, on NAS-Bench-201's supernet
    "spos": {
        **WEIGHTS, "epochs": 250, "statistics": "re-estimated", "population": 50,
        "generations": 20, "parents": 10, "mutation": 0.1,
    },
    # Wu et al., CVPR 2019, section 4.1
    "fbnet": {
        **WEIGHTS, "epochs": 90, "batch": 192, "learning_rate": 0.1, "final_learning_rate": 0.0,
        "weight_decay": 1e-4, "alpha_learning_rate": 0.01, "alpha_weight_decay": 5e-4,
        "temperature": 5.0, "decay": 0.956, "weight": 0.2, "exponent": 0.6, "form": "product",
    },
    # the authors' code (mit-han-lab/proxylessnas, search/imagenet_arch_search.py)
    "proxylessnas": {
        **WEIGHTS, "epochs": 120, "batch": 256, "final_learning_rate": 0.0,
        "weight_decay": 4e-5, "alpha_learning_rate": 1e-3, "alpha_weight_decay": 0.0,
        "alpha_beta1": 0.0,
    },
}  # fmt: skip


@pytest.mark.parametrize("name", PUBLISHED)
def test_paper_recipe_is_what_was_published(name: str) -> None:
    found = find_strategy(name)
    settings = make_settings(found, recipe_settings(found, "paper"))
    assert {key: getattr(settings, key) for key in PUBLISHED[name]} == PUBLISHED[name]


def test_every_one_shot_strategy_has_both_recipes() -> None:
    for name, found in strategies().items():
        if found.recipes:
            assert set(found.recipes) == {"small", "paper"}
            assert name in PUBLISHED


def test_the_cosine_restarts() -> None:
    """Equation 5 of SGDR in its first, middle and last epochs of a cycle of ten."""
    search = object.__new__(find_strategy("enas"))
    search.settings = make_settings(find_strategy("enas"), PUBLISHED["enas"])
    search._sgd = SimpleNamespace(param_groups=[{}])
    rates = []
    for epochs in (0, 5, 9.99, 10, 15, 240):
        search._set_rate(epochs)
        rates.append(search._sgd.param_groups[0]["lr"])
    middle = (0.05 + 0.0005) / 2
    assert rates == pytest.approx([0.05, middle, 0.0005, 0.05, middle, 0.05], rel=1e-3)


def test_the_finite_difference_needs_its_bits() -> None:
    """A hundredth of a weight's norm is below bfloat16's resolution."""
    with pytest.raises(InvalidInput, match="'precision' cannot be 'bfloat16'"):
        make_settings(find_strategy("darts-2nd"), {"precision": "bfloat16"})
    assert make_settings(find_strategy("darts"), {"precision": "bfloat16"})


def test_to_be_asked_what_it_would_derive_changes_no_search() -> None:
    """Whatever a derivation draws, it leaves the search's own numbers as they were."""
    for name in ("rsps", "spos", "enas"):
        searching, session = made(name, 3, None)
        request = searching.ask()
        assert isinstance(request, TrainShared)
        request.train(session.loan)
        before = searching.state()
        first = request.derive(session.loan)
        assert searching.state() == before
        assert request.derive(session.loan) == first


@pytest.mark.parametrize(
    ("taken", "charged"),
    [
        ([(5, 2), (5, 3), (5, 1)], [7, 6, 3]),
        ([(5, 60), (5, 50), (5, 60)], [65, 0, 10]),  # time does not run backwards
    ],
)
def test_a_derivation_is_charged_once(taken: list[tuple[int, int]], charged: list[int]) -> None:
    """Of three epochs: what three trainings and the last derivation took."""
    searching, session = made("rsps", 3, None)
    seconds = []
    with pytest.MonkeyPatch.context() as patch:
        times = iter([t for train, derive in taken for t in (0, train, train + derive)])
        clock = SimpleNamespace(perf_counter=lambda: next(times))
        patch.setattr("nasbench.benchmarks.training.shared.time", clock)
        for _ in taken:
            answer = session.answer(searching.ask())
            searching.tell(None, answer)
            seconds.append(answer.seconds)
    assert seconds == charged
    assert sum(seconds) == 15 + taken[-1][1]

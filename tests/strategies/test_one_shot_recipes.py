"""The recipes `paper` against the numbers that were published."""

from types import SimpleNamespace

import pytest

from nasbench.errors import InvalidInput
from nasbench.problem import TrainShared
from nasbench.strategies.registry import find_strategy, make_settings, recipe_settings, strategies
from nasbench.testing.one_shot import made

WEIGHTS = {
    "channels": 16, "cells": 5, "batch": 64, "learning_rate": 0.025,
    "final_learning_rate": 0.001, "momentum": 0.9, "weight_decay": 5e-4, "clip": 5.0,
    "affine": False, "statistics": "batch", "precision": "float32",
}  # fmt: skip
ALPHAS = {"alpha_learning_rate": 3e-4, "alpha_weight_decay": 1e-3, "alpha_beta1": 0.5}
CODE = {
    "cosine_per": "epoch", "initialisation": "torch", "idle": "decay", "around": "tracked",
    "restart": 0,
}  # fmt: skip
"""What AutoDL-Projects' code does beyond what its papers say."""
ONE_LEVEL = {**CODE, "alphas_first": False, "clip_alphas": True}
NATS = {**WEIGHTS, **CODE, "clip": 0.0, "epochs": 100, "descent": 0}
RANKED = {"samples": 100, "ranking_images": 512, "own_batches": True}
PUBLISHED = {
    # NAS-Bench-201 (Dong & Yang, ICLR 2020), appendix, and exps/NAS-Bench-201-algos
    "darts/paper": {**WEIGHTS, **ALPHAS, **ONE_LEVEL, "epochs": 50},
    "darts-2nd/paper": {
        **WEIGHTS, **ALPHAS, **ONE_LEVEL, "epochs": 50, "alphas_first": True,
        "look_ahead": "optimiser",
    },
    "gdas/paper": {
        **WEIGHTS, **ALPHAS, **ONE_LEVEL, "epochs": 250, "temperature": 10.0,
        "final_temperature": 0.1, "gradient": "constant",
    },
    "rsps/paper": {**WEIGHTS, **CODE, **RANKED, "epochs": 250},
    "enas/paper": {
        **WEIGHTS, **CODE, **RANKED, "epochs": 250, "batch": 128, "learning_rate": 0.05,
        "final_learning_rate": 0.0005, "weight_decay": 2.5e-4, "controller_learning_rate": 1e-3,
        "controller_beta1": 0.0, "controller_epsilon": 1e-3, "descent": 10, "ranking_images": 128,
    },
    # NATS-Bench (Dong et al., TPAMI 2021): exps/NATS-algos/search-cell.py, weight-sharing.config
    "darts/nats": {**NATS, **ALPHAS, "alphas_first": False},
    "darts-2nd/nats": {**NATS, **ALPHAS, "alphas_first": False, "look_ahead": "optimiser"},
    "gdas/nats": {**NATS, **ALPHAS, "alphas_first": False, "gradient": "constant"},
    "rsps/nats": {**NATS, **RANKED},
    "enas/nats": {
        **NATS, **RANKED, "controller_learning_rate": 1e-3, "controller_beta1": 0.5,
        "controller_epsilon": 1e-3, "reward_images": 512,
    },
    # Guo et al., ECCV 2020, section 4.1: the search, on NAS-Bench-201's supernet
    "spos/paper": {
        **WEIGHTS, **CODE, "epochs": 250, "statistics": "re-estimated", "population": 50,
        "generations": 20, "parents": 10, "mutation": 0.1,
    },
    # Wu et al., CVPR 2019, section 4.1; it does not speak of clipping
    "fbnet/paper": {
        **WEIGHTS, "epochs": 90, "batch": 192, "learning_rate": 0.1, "final_learning_rate": 0.0,
        "weight_decay": 1e-4, "alpha_learning_rate": 0.01, "alpha_weight_decay": 5e-4,
        "temperature": 5.0, "decay": 0.956, "weight": 0.2, "exponent": 0.6, "form": "product",
        "clip": 0.0, "alphas_first": False,
    },
    # the authors' code (mit-han-lab/proxylessnas, search/imagenet_arch_search.py): `he_fout`, whose
    # fan-out is the fan-in of these convolutions, a cosine per step, no clipping
    "proxylessnas/paper": {
        **WEIGHTS, "epochs": 120, "batch": 256, "final_learning_rate": 0.0,
        "weight_decay": 4e-5, "alpha_learning_rate": 1e-3, "alpha_weight_decay": 0.0,
        "alpha_beta1": 0.0, "clip": 0.0, "alphas_first": False, "initialisation": "he",
        "cosine_per": "step", "idle": "rest",
    },
}  # fmt: skip


@pytest.mark.parametrize("name", PUBLISHED)
def test_recipes_are_what_was_published(name: str) -> None:
    strategy, _, recipe = name.partition("/")
    found = find_strategy(strategy)
    settings = make_settings(found, recipe_settings(found, recipe))
    assert {key: getattr(settings, key) for key in PUBLISHED[name]} == PUBLISHED[name]


def test_every_one_shot_strategy_has_both_recipes_and_none_that_is_not_checked() -> None:
    for name, found in strategies().items():
        if found.recipes:
            assert {"small", "paper"} <= set(found.recipes)
            assert {f"{name}/{one}" for one in set(found.recipes) - {"small"}} <= set(PUBLISHED)


def test_the_cosine_restarts() -> None:
    """Equation 5 of SGDR in its first, middle and last epochs of a cycle of ten."""
    search = object.__new__(find_strategy("enas"))
    rates = {"learning_rate": 0.05, "final_learning_rate": 0.0005, "restart": 10}
    search.settings = make_settings(find_strategy("enas"), rates)
    search._sgd = SimpleNamespace(param_groups=[{}])
    rates = []
    for epochs in (0, 5, 9.99, 10, 15, 240):
        search._set_rate(epochs)
        rates.append(search._sgd.param_groups[0]["lr"])
    middle = (0.05 + 0.0005) / 2
    assert rates == pytest.approx([0.05, middle, 0.0005, 0.05, middle, 0.05], rel=1e-3)


def test_the_finite_difference_needs_its_bits() -> None:
    """A hundredth of a weight's norm is below bfloat16's resolution."""
    with pytest.raises(InvalidInput, match="precision' cannot be 'bfloat16'"):
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

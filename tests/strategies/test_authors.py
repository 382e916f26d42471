"""One-shot strategies with their authors' settings, against the methods written down plainly."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from nasbench.benchmarks.training.data import Part
from nasbench.errors import InvalidInput
from nasbench.harness.execution.run import run
from nasbench.harness.search.budget import Budget, Clock
from nasbench.harness.search.experiment import Experiment
from nasbench.harness.search.loop import search as drive
from nasbench.harness.search.runner import Runner
from nasbench.harness.search.shared import Resumable, lender
from nasbench.problem import Problem
from nasbench.randomness import Random
from nasbench.spaces import get_space
from nasbench.spaces.mix import Mix
from nasbench.spaces.networks.base import Shape
from nasbench.strategies.registry import find_strategy, make_settings, recipe_settings
from nasbench.testing.one_shot import SMALL, run_toy, toy_data
from nasbench.trace import TRAIN_LOSS
from tests.spaces.networks.test_nb201_supernet import shared
from tests.strategies.literal import copy_of, darts_loop, gdas_forward

SPACE, DATA = get_space("nb201"), toy_data()
SHAPE = Shape(SMALL["channels"], SMALL["cells"], affine=False, track_running_stats=False)


def prepared(name: str, **settings: object) -> tuple[Any, Any]:
    """Return a search before its first step and its loan, all numbers in double precision."""
    found = find_strategy(name)
    made = make_settings(found, {**SMALL, **settings})
    search = found(Problem(SPACE), made, Random(1))
    loan = lender(SPACE, DATA, made).session(Random(2)).loan
    search._prepare(loan)
    loan.supernet.double()
    if hasattr(search, "_alphas"):
        noise = torch.randn(6, 5, generator=torch.Generator().manual_seed(3)).double()
        search._alphas = noise.requires_grad_()
        s = search.settings
        search._adam = torch.optim.Adam(
            [search._alphas], lr=s.alpha_learning_rate, betas=(s.alpha_beta1, 0.999),
            weight_decay=s.alpha_weight_decay,
        )  # fmt: skip
    return search, loan


def batches(part: Part, count: int, size: int = 8) -> list[tuple[Tensor, Tensor]]:
    images, labels = DATA.parts[part]
    return [
        (images[i * size : (i + 1) * size].double(), labels[i * size : (i + 1) * size])
        for i in range(count)
    ]


def same(one: Tensor, other: Tensor) -> None:
    torch.testing.assert_close(one, other, rtol=1e-8, atol=1e-11)


@pytest.mark.parametrize("gradient", ["constant", "sampled"])
@pytest.mark.parametrize("seed", range(4))
def test_both_gradients_of_gdas(gradient: str, seed: int) -> None:
    """Of the alphas, through the sample, by autograd over the plain network; none is all zeros."""
    search, loan = prepared("gdas", gradient=gradient, cells=2)
    search.random, (batch,) = Random(seed), batches(Part.VALIDATION, 1)
    mix = search.sample()
    logits = loan.mixture_loss(batch, mix)
    (found,) = torch.autograd.grad(logits, [search._alphas], allow_unused=True)

    alphas = search._alphas.detach().clone().requires_grad_()
    noise = torch.from_numpy(Random(seed).generator.gumbel(size=(6, 5)))
    soft = ((alphas.log_softmax(dim=1) + noise) / 10.0).softmax(dim=1)
    chosen = soft.argmax(dim=1)
    hard = F.one_hot(chosen, 5).double() - soft.detach() + soft
    plain = copy_of(loan.supernet, DATA.input, SHAPE._replace(cells=2))
    outputs = gdas_forward(plain, batch[0], hard, chosen.tolist(), constants=gradient == "constant")
    loss = F.cross_entropy(outputs, batch[1])
    same(logits.detach(), loss.detach())
    (expected,) = torch.autograd.grad(loss, [alphas])
    same(torch.zeros_like(expected) if found is None else found, expected)


def test_the_gradients_of_gdas_differ() -> None:
    """Same draw, same loss: most numbers differ by more than a third."""
    found = []
    for gradient in ("constant", "sampled"):
        search, loan = prepared("gdas", gradient=gradient)
        search.random, (batch,) = Random(4), batches(Part.VALIDATION, 1)
        loss = loan.mixture_loss(batch, search.sample())
        found.append(torch.autograd.grad(loss, [search._alphas])[0])
    assert float(((found[0] - found[1]) / found[0]).abs().median()) > 1 / 3


@pytest.mark.parametrize("clip", [0.0, 0.5])
def test_weights_then_alphas_and_a_norm_of_both(clip: float) -> None:
    """Five batches of the authors' script of first-order DARTS: the same weights and alphas."""
    settings = {**recipe_settings(find_strategy("darts"), "paper"), **SMALL, "clip": clip}
    search, loan = prepared("darts", **{**settings, "around": "cells"})
    plain = copy_of(loan.supernet, DATA.input, SHAPE)
    alphas = search._alphas.detach().clone().requires_grad_()
    pairs = list(zip(batches(Part.WEIGHTS, 5), batches(Part.VALIDATION, 4) * 2, strict=False))
    search._set_rate(0)
    for train, valid in pairs:
        search.step(loan, train, iter([valid]))
    darts_loop(plain, alphas, pairs, learning_rate=0.025, clip=clip)
    same(search._alphas.detach(), alphas.detach())
    for mine, theirs in shared(loan.supernet, plain, "data"):
        same(mine, theirs)
    same(loan.supernet.classifier.bias.detach(), plain.classifier.bias.detach())


def test_without_the_alphas_the_norm_is_another() -> None:
    """What the clipping of the test before would miss."""
    weights = []
    for counted in (True, False):
        search, loan = prepared("darts", clip=0.5, clip_alphas=counted, alphas_first=False)
        search._alphas.data *= 0.1
        for train, valid in zip(batches(Part.WEIGHTS, 3), batches(Part.VALIDATION, 3), strict=True):
            search.step(loan, train, iter([valid]))
        weights.append(loan.supernet.classifier.bias.detach())
    assert (weights[0] - weights[1]).abs().max() > 1e-6


def test_the_optimisers_look_ahead() -> None:
    """Equation 7 with momentum and decay in the step ahead, by double backward and torch's SGD."""
    search, loan = prepared("darts-2nd", look_ahead="optimiser", learning_rate=0.025)
    for batch in batches(Part.WEIGHTS, 2):  # so that there is momentum
        search.weights_step(loan, batch)
    train, valid = batches(Part.WEIGHTS, 3)[2], batches(Part.VALIDATION, 1)[0]
    names = [name for name, _ in loan.supernet.named_parameters()]
    weights = list(loan.supernet.parameters())
    momentum = [search._sgd.state[weight]["momentum_buffer"].clone() for weight in weights]

    def loss(values: list[Tensor], batch: tuple[Tensor, Tensor]) -> Tensor:
        mix = Mix.all_of(search.sizes, search._alphas.softmax(dim=1))
        named = dict(zip(names, values, strict=True))
        logits = torch.func.functional_call(loan.supernet, named, (batch[0], mix))
        return F.cross_entropy(logits, batch[1])

    slopes = torch.autograd.grad(loss(weights, train), weights, create_graph=True)
    ahead = [
        w - 0.025 * (0.9 * buffer + slope + 5e-4 * w.detach())
        for w, slope, buffer in zip(weights, slopes, momentum, strict=True)
    ]
    (exact,) = torch.autograd.grad(loss(ahead, valid), [search._alphas])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("nasbench.strategies.darts._FINITE_DIFFERENCE", 1e-5)
        found = search.unrolled_gradient(loan, train, valid, 0.025)
    torch.testing.assert_close(found, exact, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("idle", ["rest", "decay"])
def test_idle_weights(idle: str) -> None:
    """Six sampled cells: a plain network whose gradients are None, or zeroed, between steps."""
    search, loan = prepared("rsps", idle=idle, clip=0.0, weight_decay=0.05)
    plain = copy_of(loan.supernet, DATA.input, SHAPE)
    sgd = torch.optim.SGD(
        plain.parameters(), lr=0.1, momentum=0.9, weight_decay=0.05, nesterov=True
    )
    cells = [SPACE.architecture(index) for index in (4000, 15000, 77, 9123, 4001)]
    for cell, batch in zip(cells, batches(Part.WEIGHTS, 5), strict=True):
        search.update_weights(loan, batch, Mix.only(cell))
        sgd.zero_grad(set_to_none=idle == "rest")
        F.cross_entropy(plain(batch[0], Mix.only(cell).active), batch[1]).backward()
        sgd.step()
    for mine, theirs in shared(loan.supernet, plain, "data"):
        same(mine, theirs)


def test_enas_learning_rate_goes_down_and_up_again() -> None:
    """Against torch's cosine schedule, which is stepped past its end; constant in an epoch."""
    settings = {**recipe_settings(find_strategy("enas"), "paper"), **SMALL, "epochs": 45}
    search, _ = prepared("enas", **settings)
    optimiser = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.05)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, T_max=10, eta_min=0.0005)
    seen: list[float] = []
    search.step = lambda *_: seen.append(search._sgd.param_groups[0]["lr"]) or torch.zeros(())
    search.finish = lambda *_: {}
    loan = lender(SPACE, DATA, search.settings).session(Random(2)).loan
    for epoch in range(45):
        search.epoch = epoch
        search._train(loan)
        rate = optimiser.param_groups[0]["lr"]
        assert seen == pytest.approx([rate] * loan.steps(SMALL["batch"]), rel=1e-9)
        seen.clear()
        optimiser.step()
        schedule.step()


@pytest.mark.parametrize("name", ["rsps", "enas"])
def test_candidates_are_ranked_each_on_a_batch_of_its_own(name: str) -> None:
    """Counted by hand over the batches in their order; on one batch another cell would win."""
    found = set()
    for epoch in range(6):
        search, loan = prepared(name, own_batches=True, samples=9, ranking_images=8)
        loan.supernet.float()
        search.epoch = epoch
        derived = search._derive(loan)
        random = Random((search.derivations, epoch))
        if name == "enas":
            cells = [search.controller.sample(random).architecture for _ in range(9)]
        else:
            cells = [SPACE.sample(random) for _ in range(9)]
        shares, every = [], []
        for cell, (images, labels) in zip(cells, loan.ranking(epoch, 8), strict=False):
            with torch.no_grad():
                right = loan.supernet.eval()(images, Mix.only(cell)).argmax(dim=1) == labels
            shares.append(int(right.sum()))
            every.append(images)
        assert derived == cells[shares.index(max(shares))]
        first = torch.cat(every[:4]).flatten(1)  # a pass over all 32 validation images
        assert len(torch.unique(first, dim=0)) == 32
        found.add(derived)
    assert len(found) > 1


def test_rewards_may_be_of_another_number_of_images() -> None:
    search, loan = prepared("enas", reward_images=5, controller_steps=2)
    sizes: list[int] = []
    search.accuracy_on = lambda _, batch, __: sizes.append(len(batch[1])) or 0.5
    search.step = lambda *_: torch.zeros(())
    search._train(loan)
    assert sizes == [5, 5]


@pytest.mark.parametrize(
    ("name", "recipe"), [("darts", "paper"), ("gdas", "paper"), ("enas", "nats")]
)
def test_an_interrupted_run_of_a_recipe_ends_as_an_undisturbed_one(
    name: str, recipe: str, tmp_path: Path
) -> None:
    """The same bits, though a recipe keeps more between epochs than the defaults do."""
    found = find_strategy(name)
    fewer = {"samples": 4, "ranking_images": 8, "controller_steps": 3, "reward_images": 8}
    values = {**recipe_settings(found, recipe), **SMALL, "clip": 0.3}
    values |= {key: value for key, value in fewer.items() if key in values}
    settings = make_settings(found, values)
    session = lender(SPACE, DATA, settings)

    def until(path: Path, epochs: int) -> tuple[Any, dict[str, Tensor]]:
        strategy, lent = found(Problem(SPACE), settings, Random(7)), session.session(Random(8))
        track = drive(strategy, Resumable(lent, strategy, path), Clock(Budget(epochs=epochs)))
        return track, lent.loan.supernet.state_dict()

    whole, weights = until(tmp_path / "whole.pt", 3)
    until(tmp_path / "part.pt", 1)
    track, again = until(tmp_path / "part.pt", 3)
    assert track.architectures == whole.architectures
    assert [dict(one) for one in track.traces] == [dict(one) for one in whole.traces]
    assert all(torch.equal(weights[key], again[key]) for key in weights)


BEFORE = {
    "epochs": 3, "channels": 2, "cells": 1, "batch": 8, "learning_rate": 0.1,
    "final_learning_rate": 0.001, "restart": 0, "momentum": 0.9, "weight_decay": 5e-4, "clip": 5.0,
    "affine": False, "statistics": "batch", "precision": "float32",
}  # fmt: skip
ALPHAS_BEFORE = {"alpha_learning_rate": 0.01, "alpha_weight_decay": 1e-3, "alpha_beta1": 0.5}
"""All settings as they were stored before there were more."""


@pytest.mark.parametrize("name", ["darts", "gdas"])
def test_settings_stored_before_mean_what_they_meant(name: str) -> None:
    """Those that came later are as if they were not there."""
    temperatures = {"temperature": 10.0, "final_temperature": 0.1} if name == "gdas" else {}
    stored = {**BEFORE, **ALPHAS_BEFORE, **temperatures}
    made = asdict(make_settings(find_strategy(name), stored))
    assert stored.items() <= made.items()
    later = {key: value for key, value in made.items() if key not in stored}
    assert later.pop("gradient", "sampled") == "sampled"
    assert later == {
        "cosine_per": "step", "descent": 0, "idle": "rest", "initialisation": "he",
        "around": "cells", "alphas_first": True, "clip_alphas": False,
    }  # fmt: skip


def test_an_experiment_stored_before_runs_as_it_did(toy_images: Path, tmp_path: Path) -> None:
    """Read back without the settings that came later, it is the same run as with them."""
    (outcome,) = run("darts", seeds=1, settings={"darts": SMALL}, out=tmp_path)
    today = outcome.experiment
    few = {key: today.settings[key] for key in {**BEFORE, **ALPHAS_BEFORE}}
    stored = Experiment.from_json({**today.to_json(), "settings": few})
    assert len(stored.settings) < len(today.settings)
    one, other = (Runner(experiment).run(0).trajectory for experiment in (today, stored))
    assert one is not None
    assert other is not None
    assert one.architectures == other.architectures
    assert [dict(x) for x in one.traces] == [dict(x) for x in other.traces]


PINNED = {
    "darts": ([1.026068, 0.853714, 0.730523], (2, 4, 4, 4, 3, 4)),
    "gdas": ([1.146951, 1.109279, 1.081783], (2, 2, 2, 4, 0, 3)),
    "rsps": ([1.140548, 1.107033, 1.095458], (0, 1, 0, 1, 2, 0)),
}
"""Losses of three epochs and the last cell, printed by the code before there were more settings."""


@pytest.mark.parametrize("name", PINNED)
def test_defaults_train_as_they_did(name: str) -> None:
    """Small differences of rounding between machines are allowed."""
    cells, _, traces, _ = run_toy(name, 3)
    losses, cell = PINNED[name]
    assert [one[TRAIN_LOSS] for one in traces] == pytest.approx(losses, rel=1e-3)
    assert cells[-1] == cell


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        (
            "darts",
            {"cosine_per": "year"},
            "cosine_per' cannot be 'year': it must be step or epoch",
        ),
        ("darts", {"initialisation": "hi"}, "initialisation' cannot be 'hi': .* he or torch"),
        ("darts", {"idle": ""}, "idle' cannot be '': it must be rest or decay"),
        ("darts", {"around": "it"}, "around' cannot be 'it': it must be cells or tracked"),
        ("darts", {"clip": -1.0}, "clip' cannot be -1.0: it must be at least 0"),
        ("darts", {"descent": -1}, "descent' cannot be -1: it must be 0 or more"),
        ("enas", {"descent": 5, "restart": 5}, "descent' cannot be 5: .* 0 beside a restart"),
        ("gdas", {"gradient": "none"}, "'gdas.gradient' cannot be 'none': .* sampled or constant"),
        ("darts-2nd", {"look_ahead": "far"}, "look_ahead' cannot be 'far': it must be gradient"),
        ("rsps", {"samples": 0}, "'rsps.samples' cannot be 0: it must be 1 or more"),
        ("enas", {"own_batches": True, "statistics": "re-estimated"}, "'enas.own_batches' cannot"),
        ("enas", {"reward_images": -1}, "'enas.reward_images' cannot be -1: it must be 0 or more"),
    ],
)
def test_settings_that_mean_nothing_are_one_line(
    name: str, settings: dict[str, object], message: str
) -> None:
    with pytest.raises(InvalidInput, match=message) as error:
        make_settings(find_strategy(name), settings)
    assert "\n" not in str(error.value)

"""Conformance suite of one-shot strategies: what every such strategy must do, as tests.

    from nasbench.testing.one_shot import OneShotConformance

    class TestMine(OneShotConformance):
        strategy = "my_package.my_module:MyStrategy"

pytest collects the `test_` methods. They need no data: the images are small random patterns.
"""

from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any, ClassVar

import torch

from nasbench.benchmarks.tables.sealing import seal_test
from nasbench.benchmarks.training.data import DataSet, Images, Part
from nasbench.benchmarks.training.shared import SharedSession
from nasbench.harness.search.budget import Budget, Clock
from nasbench.harness.search.loop import Trajectory, search
from nasbench.harness.search.shared import Resumable, lender
from nasbench.problem import Problem
from nasbench.randomness import Random
from nasbench.spaces import get_space
from nasbench.spaces.inputs import Input
from nasbench.strategies.base import DERIVED
from nasbench.strategies.parts.one_shot import OneShot
from nasbench.strategies.registry import find_strategy, make_settings
from nasbench.trace import TRAIN_LOSS, Trace

EPOCHS = 3
SMALL = {"epochs": EPOCHS, "channels": 2, "cells": 1, "batch": 8}
_IMAGES = {Part.WEIGHTS: 40, Part.VALIDATION: 32, Part.TEST: 16}


def toy_data() -> DataSet:
    """Return a small data set: images of noisy 8x8 patterns with one channel, three classes."""
    generator = torch.Generator().manual_seed(0)
    patterns = torch.randn(3, 1, 8, 8, generator=generator)
    parts = {}
    for part, count in _IMAGES.items():
        labels = torch.arange(count) % 3
        noise = torch.randn(count, 1, 8, 8, generator=generator)
        parts[part] = Images(patterns[labels] + noise, labels)
    return DataSet("toy", Input(8, 1, 3), parts)


def run_toy(path: str, seed: int, *, data: DataSet | None = None, epochs: int = EPOCHS) -> Any:
    """Run a strategy on toy images; return its trajectory as plain values, without seconds."""
    track = trace(path, seed, data=data, epochs=epochs)
    traces = [dict(one) for one in track.traces]
    return [track.architectures, track.values.tolist(), traces, str(track.stop)]


def trace(path: str, seed: int, *, data: DataSet | None = None, epochs: int = EPOCHS) -> Trajectory:
    """Run a strategy on toy images, or on `data`, for some epochs; return its trajectory."""
    searching, session = made(path, seed, data)
    with seal_test():
        return search(searching, session, Clock(Budget(epochs=epochs)))


def made(path: str, seed: int, data: DataSet | None) -> tuple[OneShot, SharedSession]:
    """Return a strategy and the session of its run, on `data` or, if that is None, toy images."""
    strategy, space = find_strategy(path), get_space("nb201")
    settings = make_settings(strategy, SMALL)
    benchmark = lender(space, data or toy_data(), settings)
    searching = strategy(Problem(space), settings, Random(seed))
    assert isinstance(searching, OneShot)
    return searching, benchmark.session(Random(seed + 1000))


def resumable(
    path: str, seed: int, checkpoint: Path, epochs: int
) -> tuple[Trajectory, dict[str, torch.Tensor]]:
    """Run some epochs with a checkpoint after each; return the trajectory and the weights.

    If the checkpoint exists, the run continues from it.
    """
    searching, session = made(path, seed, None)
    kept = Resumable(session, searching, checkpoint)
    track = search(searching, kept, Clock(Budget(epochs=epochs)))
    return track, session.loan.supernet.state_dict()


class OneShotConformance:
    """Tests of a one-shot strategy: subclass it and set `strategy` to the strategy to be tested.

    `strategy` is a registered name or `package.module:Class`. The tests train small supernets of
    NAS-Bench-201. A failed check raises `AssertionError`.
    """

    strategy: ClassVar[str]

    def test_describes_itself(self) -> None:
        """The strategy has a family, a reference, the rule `DERIVED`, and valid recipes.

        Recipes `paper` and `small` are required.
        """
        found = find_strategy(self.strategy)
        assert issubclass(found, OneShot)
        assert found.rule == DERIVED
        assert found.family
        assert found.reference
        assert {"paper", "small"} <= found.recipes.keys()
        for values in found.recipes.values():
            made = asdict(make_settings(found, values))
            assert values.items() <= made.items()

    def test_derives_an_architecture_of_its_space_every_epoch(self) -> None:
        """Every epoch has an answer in the space, a cost, and traces that are finite numbers."""
        track = trace(self.strategy, 1)
        space = get_space("nb201")
        assert track.derived
        assert track.incumbents.tolist() == list(range(EPOCHS))
        assert track.epochs.tolist() == [1] * EPOCHS
        assert (track.seconds >= 0).all()
        assert track.seconds[0] > 0
        for architecture in track.architectures:
            assert space.contains(architecture)
        for traces in track.traces:
            assert all(torch.isfinite(torch.tensor(value)) for value in traces.values())
            assert traces[Trace.number("images")] == _IMAGES[Part.WEIGHTS]

    def test_same_seed_is_the_same_run_in_another_process(self) -> None:
        """Only the seed determines a run: no global generator, no hash order and no clock does."""
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            elsewhere = pool.submit(run_toy, self.strategy, 3).result()
        run_toy(self.strategy, 4)  # another run before it changes nothing
        assert run_toy(self.strategy, 3) == elsewhere

    def test_other_seeds_are_other_runs(self) -> None:
        """Runs with different seeds differ."""
        losses = {run_toy(self.strategy, seed)[2][0][TRAIN_LOSS] for seed in range(3)}
        assert len(losses) == 3

    def test_never_sees_test(self) -> None:
        """A run is the same if all test images are NaN, because the search gets none of them."""
        data = toy_data()
        poison = Images(torch.full_like(data.parts[Part.TEST].images, torch.nan), torch.zeros(16))
        labels = poison.labels.long()
        parts = {**data.parts, Part.TEST: Images(poison.images, labels)}
        assert run_toy(self.strategy, 5, data=replace(data, parts=parts)) == run_toy(
            self.strategy, 5
        )

    def test_an_interrupted_run_ends_as_an_undisturbed_one(self, tmp_path: Path) -> None:
        """A run that is stopped after any epoch and continued by new objects has equal results."""
        whole, weights = resumable(self.strategy, 7, tmp_path / "whole.pt", EPOCHS)
        for after in range(1, EPOCHS):
            resumable(self.strategy, 7, tmp_path / "part.pt", after)
            track, again = resumable(self.strategy, 7, tmp_path / "part.pt", EPOCHS)
            assert track.architectures == whole.architectures
            assert [dict(one) for one in track.traces] == [dict(one) for one in whole.traces]
            assert all(torch.equal(weights[name], again[name]) for name in weights)
            (tmp_path / "part.pt").unlink()

    def test_respects_the_budget(self) -> None:
        """A run ends when its budget of epochs is used, or when the strategy's own epochs are."""
        assert len(trace(self.strategy, 6, epochs=1).architectures) == 1
        assert trace(self.strategy, 6, epochs=EPOCHS + 5).stop == "exhausted"

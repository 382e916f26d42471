"""`gp` and `smac-rf`: what they propose, from the definition, and odd spaces and scores."""

import json
from typing import Any

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

from nasbench.errors import InvalidInput
from nasbench.harness.search.budget import Budget, Clock
from nasbench.harness.search.loop import search
from nasbench.problem import LOSS, Answer, Evaluate, Fidelity, Problem
from nasbench.randomness import Random
from nasbench.spaces import get_space
from nasbench.spaces.base import Space
from nasbench.spaces.pool import PoolSpace
from nasbench.strategies.base import require_tags
from nasbench.strategies.parts import encodings
from nasbench.strategies.parts.predictors import Prediction
from nasbench.strategies.parts.predictors.gaussian_process import JITTER
from nasbench.strategies.registry import find_strategy, make_settings
from nasbench.testing.strategies import ToyBenchmark, toy_space
from tests.strategies.scripted import FAILS, Script, Scripted, make, run

NAMES = ("gp", "smac-rf")


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


class Values(Scripted):
    """Answers as a script says, after one epoch."""

    def answer(self, request: Evaluate) -> Answer:
        return super().answer(Evaluate(request.architecture, Fidelity(1)))


def peak(architecture: tuple[int, ...], _: int) -> float:
    """Return 100 minus twice the number of decisions that are not 1, plus a part of their sum."""
    return 100.0 - 2 * sum(one != 1 for one in architecture) + 0.01 * sum(architecture)


def asked(name: str, space: Space, script: Script, evaluations: int, **settings: object) -> list:
    strategy = make(name, space, [1], **settings)
    return run(strategy, Values(script), evaluations=evaluations).architectures


def test_the_gaussian_process_proposes_the_largest_expected_improvement() -> None:
    """By scikit-learn's posterior with the fitted kernel, and scipy's normal distribution."""
    space = toy_space((4, 3, 5, 2))
    every = space.one_hot(space.architectures).astype(float)
    strategy = make("gp", space, [1], initial=6)
    script = Values(lambda one, _: float(np.sin(space.index(one)) * 30 + one[2]))
    for step in range(6, 30):
        run(strategy, script, evaluations=6 if step == 6 else 1)
        process = strategy._process  # the kernel, whose fit has tests of its own
        if step == 6:
            continue
        known = [space.index(one) for one in strategy.known][:-1]
        kernel, scores = process.posterior.kernel, process.scores
        of = ConstantKernel(kernel.signal) * Matern(kernel.length, nu=2.5)
        of += WhiteKernel(kernel.noise)
        theirs = GaussianProcessRegressor(of, alpha=JITTER * kernel.signal, optimizer=None)
        mean, deviation = theirs.fit(every[known], scores).predict(every, return_std=True)
        deviation = np.sqrt(deviation**2 - kernel.noise)
        z = (mean - scores.max()) / deviation
        improvement = deviation * (z * norm.cdf(z) + norm.pdf(z))
        improvement[known] = -1
        proposed = space.index([*strategy.known][-1])
        assert improvement[proposed] == pytest.approx(improvement.max(), rel=1e-5)


def test_one_in_five_of_smac_is_random() -> None:
    """Of 100 proposals 80 are expected to come from a forest, with a deviation of 4."""
    strategy = make("smac-rf", toy_space((2,) * 8), [1])
    forests: list[int] = []
    predict = strategy.predict

    def spy(*arguments: Any, **more: Any) -> Prediction:
        forests.append(1)
        return predict(*arguments, **more)

    strategy.predict = spy
    run(strategy, Values(peak), evaluations=110)
    assert 60 <= len(forests) <= 99


def test_they_find_what_random_search_does_not(name: str) -> None:
    """All of 6 decisions of 4 choices are 1 in one of 4,096 architectures."""
    space = toy_space((4,) * 6)
    best = [max(peak(one, 1) for one in asked(name, space, peak, 60))]
    assert best[0] >= 100.0


@pytest.mark.parametrize("listed", [True, False])
def test_nothing_is_asked_twice_by_several_workers(
    name: str, listed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not listed:
        monkeypatch.setattr(encodings, "LARGEST_LISTED", 0)
    space = toy_space((3, 2, 4))
    strategy = find_strategy(name)
    problem = Problem(space, workers=4)
    made = strategy(problem, make_settings(strategy, {"initial": 4, "candidates": 20}), Random(0))
    track = search(made, ToyBenchmark(space, failing=0.2), Clock(Budget(evaluations=99), own=3))
    assert len(track.architectures) == len(set(track.architectures)) == 24


@pytest.mark.parametrize("where", ["nb101-5v", "nb101"])
def test_graphs(name: str, where: str) -> None:
    """Listed and not; the search goes on with the same bits from its stored state."""
    space = get_space(where)
    settings = {"candidates": 20, "initial": 5}
    script = Values(lambda one, _: 10.0 * len(one.operations) - len(one.edges))
    original = make(name, space, [1], **settings)
    run(original, script, evaluations=14)
    restored = make(name, space, [1], seed=99, **settings)
    restored.restore(json.loads(json.dumps(original.state())))
    after = [run(one, script, evaluations=10).architectures for one in (original, restored)]
    assert after[0] == after[1]
    assert all(map(space.contains, after[0]))
    assert json.dumps(original.state()) == json.dumps(restored.state())


@pytest.mark.parametrize(
    "script",
    [lambda *_: FAILS, lambda *_: 50.0, lambda one, _: FAILS if one[0] else 50.0],
    ids=["all fail", "all equal", "failed or equal"],
)
def test_scores_that_say_nothing(name: str, script: Script) -> None:
    """All architectures are evaluated once."""
    space = toy_space((3, 2, 4))
    found = asked(name, space, script, 100, initial=3)
    assert len(found) == len(set(found)) == 24


def test_what_is_no_number_is_bad(name: str) -> None:
    """A third of the architectures are NaN; a search for them would ask for all 81 at once."""
    found = asked(
        name,
        toy_space((3,) * 5),
        lambda one, _: float("nan") if one[0] == 0 else 50.0 + sum(one),
        80,
    )
    assert sum(one[0] == 0 for one in found) < 25


def test_one_architecture_and_one_evaluation(name: str) -> None:
    assert asked(name, toy_space((1, 1)), peak, 5) == [(0, 0)]
    assert len(asked(name, toy_space((3, 3)), peak, 1)) == 1
    assert len(asked(name, toy_space((3, 3)), peak, 100, initial=1)) == 9


def test_a_metric_without_a_worst_value(name: str) -> None:
    """A loss is minimised; a failed evaluation is worse than any other."""
    space = toy_space((4,) * 4)
    strategy = make(name, space, [1], metric=LOSS)
    script = Values(lambda one, _: FAILS if one[3] == 3 else float(sum(one)))
    track = run(strategy, script, evaluations=80)
    assert min(sum(one) for one in track.architectures) == 0
    assert sum(one[3] == 3 for one in track.architectures[20:]) < 20


def test_the_gaussian_process_forgets_what_is_neither_good_nor_late() -> None:
    """150 answers, of which at most 48 are known to the posterior."""
    strategy = make("gp", toy_space((4,) * 5), [1], points=40)
    run(strategy, Values(peak), evaluations=150)
    assert 40 <= len(strategy._process.kept) <= 48


def test_a_space_without_encodings_is_refused(name: str) -> None:
    problem = Problem(PoolSpace("names", ["a", "b"]))
    with pytest.raises(InvalidInput, match=f"strategy '{name}'.*encodings"):
        require_tags(find_strategy(name), name, problem)


@pytest.mark.parametrize(
    ("of", "setting", "value"),
    [
        ("gp", "initial", 0), ("gp", "points", 1), ("gp", "candidates", 0), ("gp", "parents", 0),
        ("smac-rf", "initial", 0), ("smac-rf", "trees", 0), ("smac-rf", "features", 0.0),
        ("smac-rf", "least_split", 1), ("smac-rf", "least_leaf", 0),
        ("smac-rf", "random_fraction", 1.5), ("smac-rf", "candidates", 0),
    ],
)  # fmt: skip
def test_settings_that_cannot_be(of: str, setting: str, value: float) -> None:
    with pytest.raises(InvalidInput, match=setting):
        make(of, toy_space((2, 2)), [1], **{setting: value})

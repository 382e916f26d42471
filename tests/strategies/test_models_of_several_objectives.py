"""`parego` and `ehvi`: what they propose, from the definitions, and odd spaces and scores."""

import json
from itertools import product
from math import comb, inf, nan

import moocore
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import norm
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

import nasbench
from nasbench.errors import InvalidInput
from nasbench.harness.search.budget import Budget, Clock
from nasbench.harness.search.loop import Trajectory, search
from nasbench.pareto.dominance import nondominated
from nasbench.problem import Metric, Problem
from nasbench.randomness import Random
from nasbench.rules import Selection
from nasbench.spaces import get_space
from nasbench.spaces.base import EnumerableSpace, Space
from nasbench.strategies.base import SearchStrategy, require_tags
from nasbench.strategies.parego import lattice_weights, tchebycheff
from nasbench.strategies.parts import encodings
from nasbench.strategies.parts.predictors.gaussian_process import JITTER
from nasbench.strategies.parts.ranks import normal_scores
from nasbench.strategies.registry import find_strategy, make_settings
from nasbench.testing.strategies import ToyLayers, toy_space
from tests.strategies.test_several_objectives import BOTH, Measured, front_of, noisy, opposed

NAMES = ("parego", "ehvi")
Numbers = NDArray[np.float64]
Cell = tuple[int, ...]


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def begin(
    name: str,
    space: Space,
    seed: int = 0,
    *,
    objectives: tuple[Metric, ...] = BOTH,
    workers: int = 1,
    **settings: object,
) -> SearchStrategy:
    kind = find_strategy(name)
    problem = Problem(space, objectives, workers=workers)
    return kind(problem, make_settings(kind, settings), Random(seed))


def run(strategy: SearchStrategy, benchmark: Measured, evaluations: int) -> Trajectory:
    objectives = strategy.problem.objectives
    clock = Clock(Budget(evaluations=evaluations), None, objectives, selection=Selection.FRONT)
    return search(strategy, benchmark, clock)


def posterior(process: object, every: Numbers, known: list[int]) -> tuple[Numbers, Numbers]:
    """Return means and deviations of all architectures by scikit-learn, with the same kernel."""
    kernel = process.posterior.kernel  # type: ignore[attr-defined]
    of = ConstantKernel(kernel.signal) * Matern(kernel.length, nu=2.5) + WhiteKernel(kernel.noise)
    theirs = GaussianProcessRegressor(of, alpha=JITTER * kernel.signal, optimizer=None)
    theirs.fit(every[known], process.scores)  # type: ignore[attr-defined]
    mean, deviation = theirs.predict(every, return_std=True)
    return mean, np.sqrt(np.maximum(deviation**2 - kernel.noise, 0.0))


def area(points: Numbers, reference: Numbers) -> float:
    return float(moocore.hypervolume(points, ref=reference, maximise=True))


def integrated(
    first: tuple[float, float], second: tuple[float, float], front: Numbers, reference: Numbers
) -> float:
    """Return the mean gain of area, by midpoints of 40 x 40 quantiles."""
    steps = (np.arange(40) + 0.5) / 40
    axes = [norm.ppf(steps, *one) if one[1] > 0 else [one[0]] for one in (first, second)]
    before = area(front, reference)
    gains = [area(np.vstack([front, point]), reference) - before for point in product(*axes)]
    return float(np.mean(gains))


def smooth(cell: Cell) -> tuple[float, float]:
    """Return two values that no two cells of a small space share: close for neighbours."""
    return 10.0 * cell[0] + 4.1 * cell[1] - 3.3 * cell[2], 5.0 * cell[0] - 7.7 * cell[1] ** 2 + 60


def test_ehvi_proposes_the_largest_mean_gain_of_hypervolume() -> None:
    """By scikit-learn's posteriors and numerical integration of moocore's hypervolumes."""
    space = toy_space((4, 3, 2))
    every = space.one_hot(space.architectures).astype(float)
    strategy = begin("ehvi", space, 1, initial=6)
    run(strategy, Measured(smooth), 7)
    for _ in range(4):
        known = [space.index(one) for one in strategy.known]  # type: ignore[attr-defined]
        run(strategy, Measured(smooth), 1)
        processes = strategy._processes  # type: ignore[attr-defined]
        scores = np.array([smooth(space.architectures[one]) for one in known]) * [1, -1]
        normal = np.stack([normal_scores(column) for column in scores.T], axis=1)
        reference = normal.min(axis=0) - 0.1 * np.ptp(normal, axis=0)
        both = [posterior(one, every, known) for one in processes]
        worth = {
            place: integrated(*((mean[place], deviation[place]) for mean, deviation in both),
                              normal, reference)
            for place in set(range(space.size)) - set(known)
        }  # fmt: skip
        proposed = space.index([*strategy.known][-1])  # type: ignore[attr-defined]
        assert worth[proposed] >= 0.98 * max(worth.values())
        assert worth[proposed] > 1.2 * np.median([*worth.values()])


def test_parego_proposes_the_largest_expected_improvement_of_its_scalars() -> None:
    """By scikit-learn's posterior, and the scalars of Knowles written out."""
    space = toy_space((4, 3, 5, 2))
    every = space.one_hot(space.architectures).astype(float)
    strategy = begin("parego", space, 1, initial=6)
    run(strategy, Measured(noisy), 7)
    drawn = set()
    for _ in range(20):
        known = [space.index(one) for one in strategy.known]  # type: ignore[attr-defined]
        run(strategy, Measured(noisy), 1)
        weights = strategy.weights  # type: ignore[attr-defined]
        drawn.add(weights)
        costs = np.array([noisy(space.architectures[one]) for one in known]) * [-1, 1]
        costs = (costs - costs.min(axis=0)) / np.ptp(costs, axis=0) * weights
        scalars = normal_scores(-(costs.max(axis=1) + 0.05 * costs.sum(axis=1)))
        process = strategy._process  # type: ignore[attr-defined]
        np.testing.assert_allclose(process.scores, scalars, atol=1e-9)
        mean, deviation = posterior(process, every, known)
        z = (mean - scalars.max()) / np.maximum(deviation, 1e-12)
        improvement = deviation * (z * norm.cdf(z) + norm.pdf(z))
        improvement[known] = -1
        proposed = space.index([*strategy.known][-1])  # type: ignore[attr-defined]
        assert improvement[proposed] == pytest.approx(improvement.max(), rel=1e-5)
    assert len(drawn) >= 5


@pytest.mark.parametrize(("objectives", "divisions"), [(1, 10), (2, 10), (3, 4), (4, 4), (2, 1)])
def test_weights_are_uniform_on_the_lattice(objectives: int, divisions: int) -> None:
    """11 vectors of two and 15 of three objectives in the paper; each drawn equally often."""
    generator, number = np.random.default_rng(0), 200 * comb(divisions + objectives - 1, divisions)
    found: dict[tuple[float, ...], int] = {}
    for _ in range(number):
        weights = tuple(lattice_weights(objectives, divisions, generator).tolist())
        assert sum(weights) == pytest.approx(1.0)
        assert min(weights) >= 0
        np.testing.assert_allclose(np.array(weights) * divisions % 1, 0, atol=1e-12)
        found[weights] = found.get(weights, 0) + 1
    assert len(found) == comb(divisions + objectives - 1, objectives - 1)
    if len(found) > 1:
        assert max(abs(count - 200) for count in found.values()) < 5 * np.sqrt(200)


def test_lattices_of_the_paper_are_the_defaults() -> None:
    cost = Metric("cost", "min", "", 0.0)
    for objectives, parts in ((BOTH, 10), ((*BOTH, cost), 4)):
        strategy = begin("parego", toy_space((4,) * 4), objectives=objectives, initial=2)
        values = lambda cell, k=len(objectives): (*noisy(cell), float(sum(cell)))[:k]  # noqa: E731
        for _ in range(25):
            run(strategy, Measured(values), 4)
            weights = np.array(strategy.weights) * parts  # type: ignore[attr-defined]
            np.testing.assert_allclose(weights, np.round(weights), atol=1e-9)


def test_the_scalar_of_knowles_by_hand() -> None:
    """Costs 0, 1/2 and 1 of the first, 1, 0 and 1/4 of the second, weighted by 0.4 and 0.6."""
    scores = np.array([[9.0, -8.0], [7.0, -4.0], [5.0, -5.0], [-inf, -inf]])
    found = tchebycheff(scores, np.array([0.4, 0.6]), 0.05)
    expected = [-(0.6 + 0.05 * 0.6), -(0.2 + 0.05 * 0.2), -(0.4 + 0.05 * 0.55), -inf]
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    equal = np.array([[1.0, 3.0], [1.0, 2.0]])
    np.testing.assert_allclose(tchebycheff(equal, np.array([1.0, 0.0]), 0.05), [0.0, 0.0])
    assert tchebycheff(np.full((2, 2), -inf), np.array([0.5, 0.5]), 0.05).tolist() == [-inf] * 2


def test_they_find_more_of_the_front_than_random_search(name: str) -> None:
    """In a space of 6,561, with 60 evaluations: hypervolume, mean of 4 seeds."""
    space, reached = toy_space((3,) * 8), {}
    for each in (name, "random-search"):
        tracks = [run(begin(each, space, seed), Measured(opposed), 60) for seed in range(4)]
        reached[each] = np.mean(
            [area(one.values[one.selected] * [1, -1], np.array([0.0, -20.0])) for one in tracks]
        )
    assert reached[name] > 1.1 * reached["random-search"]


@pytest.mark.parametrize("listed", [True, False])
@pytest.mark.parametrize("space", [toy_space((3, 2, 4)), ToyLayers()])
def test_four_workers_evaluate_all_once_and_find_the_exact_front(
    name: str, listed: bool, space: EnumerableSpace, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not space.encodings():
        pytest.skip("the space has no encoding")
    if not listed:
        monkeypatch.setattr(encodings, "LARGEST_LISTED", 0)
    values = np.random.default_rng(4).uniform(0, 90, (space.size, 2))
    strategy = begin(name, space, workers=4, initial=4, candidates=20)
    track = run(strategy, Measured(lambda one: tuple(values[space.index(one)])), 4_000)
    assert len(track.architectures) == len(set(track.architectures)) == space.size
    kept = nondominated(values * [1, -1])
    assert front_of(track) == {space.architectures[place] for place in np.flatnonzero(kept)}


@pytest.mark.parametrize("where", ["nb101-5v", "nb101"])
def test_graphs_and_a_search_that_goes_on_from_its_state(name: str, where: str) -> None:
    """Listed and not; with the same bits, also where what is known was forgotten in part."""
    space = get_space(where)
    settings = {"candidates": 20, "initial": 5, "points": 12}
    measured = Measured(
        lambda one: (10.0 * len(one.operations) - len(one.edges), 1.0 + len(one.edges))  # type: ignore[attr-defined]
    )
    original = begin(name, space, **settings)
    run(original, measured, 22)
    restored = begin(name, space, seed=99, **settings)
    restored.restore(json.loads(json.dumps(original.state())))
    after = [run(one, measured, 10).architectures for one in (original, restored)]
    assert after[0] == after[1]
    assert all(map(space.contains, after[0]))
    assert json.dumps(original.state()) == json.dumps(restored.state())


def test_scores_that_say_nothing(name: str) -> None:
    """All architectures are evaluated once."""
    space = toy_space((3, 2, 4))
    for benchmark in (
        Measured(lambda _: (50.0, 1.0)),
        Measured(opposed, fails=lambda _: True),
        Measured(opposed, fails=lambda cell: cell[0] > 0),
        Measured(lambda cell: (50.0, float(sum(cell)))),
        Measured(lambda cell: (float(sum(cell)) * 1e-9, float(sum(cell)) * 1e9)),
    ):
        found = run(begin(name, space, initial=3), benchmark, 100).architectures
        assert len(found) == len(set(found)) == 24


@pytest.mark.parametrize("odd", [(nan, 1.0), (50.0, inf), (50.0, nan), (-inf, 1.0)])
def test_what_is_no_number_is_bad(name: str, odd: tuple[float, float]) -> None:
    """A third of the architectures; a search for them would ask for all 81 at once."""
    strategy = begin(name, toy_space((3,) * 5))
    track = run(strategy, Measured(lambda one: odd if one[0] == 0 else opposed(one)), 80)
    assert sum(one[0] == 0 for one in track.architectures) < 30


def test_one_architecture_and_one_evaluation(name: str) -> None:
    for space, evaluations, number in (((1, 1), 5, 1), ((3, 3), 1, 1), ((3, 3), 100, 9)):
        strategy = begin(name, toy_space(space), initial=1)
        assert len(run(strategy, Measured(opposed), evaluations).architectures) == number


def test_the_order_of_scores_alone_decides_for_ehvi() -> None:
    """Every increasing change of an objective asks for the same architectures."""
    space = toy_space((4,) * 5)
    asked = [
        run(begin("ehvi", space, 3), Measured(values), 50).architectures
        for values in (noisy, lambda cell: (noisy(cell)[0] ** 3 + 5, np.exp(noisy(cell)[1] / 9)))
    ]
    assert asked[0] == asked[1]


def test_shifts_and_units_change_nothing_for_parego() -> None:
    space = toy_space((4,) * 5)
    asked = [
        run(begin("parego", space, 3), Measured(values), 50).architectures
        for values in (noisy, lambda cell: (4 * noisy(cell)[0] - 64, noisy(cell)[1] * 0.125))
    ]
    assert asked[0] == asked[1]


def test_the_front_is_kept_when_processes_forget() -> None:
    """150 answers, of which at most 48 are known to each posterior, and both know the same."""
    strategy = begin("ehvi", toy_space((4,) * 5), points=40)
    run(strategy, Measured(noisy), 150)
    first, second = strategy._processes  # type: ignore[attr-defined]
    assert 40 <= len(first.kept) <= 48
    assert first.kept == second.kept
    scores = np.array([*strategy.known.values()])[: first._fitted]  # type: ignore[attr-defined]
    front = np.flatnonzero(nondominated(scores))
    assert len(front) <= 20
    assert set(front.tolist()) <= set(first.kept)


def test_three_objectives_for_parego() -> None:
    cost = Metric("cost", "min", "", 0.0)
    strategy = begin("parego", toy_space((3,) * 5), objectives=(*BOTH, cost))
    track = run(strategy, Measured(lambda cell: (*opposed(cell), float(cell[0]))), 60)
    assert len(set(track.architectures)) == 60


@pytest.mark.parametrize("number", [1, 3])
def test_ehvi_is_of_two_objectives(number: int) -> None:
    cost = Metric("cost", "min", "", 0.0)
    with pytest.raises(InvalidInput, match=f"exactly 2 objectives, .* has {number}") as raised:
        require_tags(
            find_strategy("ehvi"), "ehvi", Problem(toy_space((2, 2)), (*BOTH, cost)[:number])
        )
    assert "\n" not in str(raised.value)
    with pytest.raises(InvalidInput, match="exactly 2 objectives"):
        nasbench.Study("ehvi", space=toy_space((3, 3)), objective=sum, budget="3evals").run()


@pytest.mark.parametrize(
    ("of", "setting", "value"),
    [("parego", "rho", -1.0), ("parego", "divisions", -1), ("parego", "initial", 0),
     ("ehvi", "points", 1), ("ehvi", "parents", 0)],
)  # fmt: skip
def test_settings_that_cannot_be(of: str, setting: str, value: float) -> None:
    with pytest.raises(InvalidInput, match=f"{of}.{setting}"):
        begin(of, toy_space((2, 2)), **{setting: value})

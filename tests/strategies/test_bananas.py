"""BANANAS and NPENAS: what they evaluate, by predictions that a test knows."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from nasbench.errors import InvalidInput
from nasbench.harness.search.budget import Budget, Clock
from nasbench.harness.search.loop import Trajectory, search
from nasbench.problem import ACCURACY, LOSS, Answer, Evaluate, Metric, Problem, Trial
from nasbench.randomness import Random
from nasbench.spaces.base import Space
from nasbench.spaces.categorical import CategoricalSpace, Decision
from nasbench.spaces.graph import GraphSpace
from nasbench.spaces.pool import PoolSpace
from nasbench.strategies.bananas import Bananas
from nasbench.strategies.base import SearchStrategy, require_tags
from nasbench.strategies.npenas import Npenas
from nasbench.strategies.parts.ensemble_search import EnsembleSearch
from nasbench.strategies.parts.predictors import Prediction
from nasbench.strategies.registry import find_strategy, make_settings

NAMES = ("bananas", "npenas")
Cell = tuple[int, ...]


def grid(*sizes: int) -> CategoricalSpace:
    decisions = [Decision(f"d{i}", tuple("abcdefghij"[:n])) for i, n in enumerate(sizes)]
    return CategoricalSpace("grid", tuple(decisions))


class Told:
    """A benchmark whose values a function says, None for a failure; all cost a second."""

    def __init__(self, script: Callable[[Any], float | None]) -> None:
        self.script = script

    def answer(self, request: Evaluate) -> Answer:
        value = self.script(request.architecture)
        return Answer((value or 0.0,), 1.0, 1, failed=value is None)


def made(
    name: str, space: Space, seed: int = 0, metric: Metric = ACCURACY, **settings: object
) -> Any:
    strategy = find_strategy(name)
    return strategy(Problem(space, (metric,)), make_settings(strategy, settings), Random(seed))


def run(
    strategy: SearchStrategy, script: Callable[[Any], float | None], evaluations: int
) -> Trajectory:
    clock = Clock(Budget(evaluations=evaluations), None, strategy.problem.objectives)
    return search(strategy, Told(script), clock)


def total(cell: Cell) -> float:
    """The additive score: the sum of all choices, the best being the last choice of each."""
    return float(sum(cell))


def knows(search: EnsembleSearch, deviation: float = 0.0) -> list[list[Cell]]:
    """Let a search predict the true scores; return the candidates of each of its steps."""
    asked: list[list[Cell]] = []

    def predict(architectures: Sequence[Cell]) -> Prediction:
        asked.append(list(architectures))
        mean = np.array([total(one) for one in architectures])
        return Prediction(mean, np.full(len(mean), deviation))

    search.predict = predict  # type: ignore[method-assign]
    return asked


@pytest.mark.parametrize("name", NAMES)
def test_the_best_mutants_by_prediction_are_evaluated(name: str) -> None:
    """With predictions that are true, a step takes the `k` best neighbours of the parents.

    100 mutants that change one of four decisions with four choices are all of the parent's 12
    neighbours but in one of 500 cases, and with this seed.
    """
    space = grid(4, 4, 4, 4)
    searching = made(name, space, seed=3, initial=4, k=2, parents=1)
    asked = knows(searching)
    track = run(searching, total, evaluations=12).architectures
    for step in range(4):
        start = 4 + 2 * step
        before = track[:start]
        parent = max(before, key=total)  # the first of equal ones
        if name == "npenas":
            assert set(asked[step]) == set(space.neighbours(parent)) - set(before)
        assert not set(asked[step]) & set(before)
        best = sorted(map(total, asked[step]), reverse=True)[:2]
        assert [total(one) for one in track[start : start + 2]] == best


def test_a_mutation_of_independent_decisions_changes_each_with_equal_chance() -> None:
    """Of six decisions a quarter each, within five standard errors, to every other choice alike."""
    space = grid(5, 5, 5, 5, 5, 3)
    searching, parent, draws = made("bananas", space), (0, 1, 2, 3, 4, 2), 8_000
    mutants = np.array(searching.mutants_of(parent, draws))
    assert all(space.contains(tuple(one)) for one in mutants[:200].tolist())
    for place, (choice, size) in enumerate(zip(parent, space.sizes, strict=True)):
        counts = np.bincount(mutants[:, place], minlength=size) / draws
        for other in range(size):
            share = 0.75 if other == choice else 0.25 / (size - 1)
            error = (share * (1 - share) / draws) ** 0.5
            assert abs(counts[other] - share) < 5 * error
    pairs = np.corrcoef((mutants != np.array(parent)).T)
    assert np.abs(pairs - np.eye(6)).max() < 0.06


@pytest.mark.parametrize(("changes", "share"), [(100.0, 1.0), (1e-9, 0.0)])
def test_a_mutation_of_any_size(changes: float, share: float) -> None:
    """With more changes than decisions all change but the one with one choice."""
    searching = made("bananas", grid(3, 1, 2), changes=changes)
    mutants = np.array(searching.mutants_of((1, 0, 1), 50))
    assert (mutants != [1, 0, 1]).mean(axis=0).tolist() == [share, 0, share]


def test_true_predictions_climb_one_step_at_a_time() -> None:
    """NPENAS: each model makes one decision the best, so that the optimum is soon found."""
    searching = made("npenas", grid(3, 3, 3, 3), seed=1, initial=1, k=1)
    knows(searching)
    track = run(searching, total, evaluations=9).architectures
    lacking = sum(2 - choice > 0 for choice in track[0])
    assert track[lacking] == (2, 2, 2, 2)
    assert all(total(track[i + 1]) > total(track[i]) for i in range(lacking))


@pytest.mark.parametrize("name", NAMES)
def test_a_learned_model_finds_the_best_of_an_additive_score(name: str) -> None:
    """Of 4^5 = 1,024 architectures within 80 evaluations; chance finds it in one of 13 searches."""
    space = grid(4, 4, 4, 4, 4)
    found = []
    for seed in range(4):
        searching = made(name, space, seed=seed)
        track = run(searching, total, evaluations=80).architectures
        assert len(set(track)) == 80
        found.append((3, 3, 3, 3, 3) in track)
    assert all(found)


def test_thompson_samples_follow_the_deviation() -> None:
    """Certain predictions are taken in their order; very uncertain ones in any order."""
    orders = []
    for deviation in (0.0, 1e6):
        searching = made("bananas", grid(*(10,) * 6), seed=2, initial=5, k=20, parents=1)
        knows(searching, deviation)
        track = run(searching, total, evaluations=25).architectures
        orders.append([total(one) for one in track[5:]])
    assert orders[0] == sorted(orders[0], reverse=True)
    falls = sum(first > second for first, second in pairwise(orders[1]))
    assert 4 < falls < 15  # of 19, and half of them are expected


def test_more_parents_mutate_where_few_mutants_are_new() -> None:
    """Five parents of eight binary decisions have 40 neighbours at most, and 50 have 100."""
    candidates = {}
    for parents in (5, 50):
        searching = made("npenas", grid(*(2,) * 8), initial=60, parents=parents)
        asked = knows(searching)
        run(searching, total, evaluations=61)
        candidates[parents] = len(asked[0])
    assert candidates[5] <= 40
    assert candidates[50] == 100


def test_candidates_are_mutants_of_the_best_first() -> None:
    searching = made("npenas", grid(*(10,) * 8), seed=0, initial=20)
    known = run(searching, total, evaluations=20).architectures
    searching.tell(Trial(0, Evaluate(known[0])), Answer((total(known[0]),), 1.0, 1))
    ranked = sorted(known, key=total, reverse=True)
    found = searching.mutants_in_turn(ranked, 30)
    near = [
        min(place for place, one in enumerate(ranked) if sum(map(int.__ne__, one, new)) == 1)
        for new in found
    ]
    assert near == sorted(near)
    assert 30 <= len(found) < 60
    assert near[-1] == 1  # 30 draws of 72 neighbours have some twice: a second parent is needed
    assert len(set(found)) == len(found)
    assert not set(found) & set(known)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("metric", [ACCURACY, LOSS, Metric("anything"), Metric("cost", "min")])
def test_failed_and_constant_and_few(name: str, metric: Metric) -> None:
    """Nothing but failures, equal numbers, one architecture, and a budget of one evaluation."""
    space = grid(3, 2, 3)
    for script in (lambda _: None, lambda _: 5.0, lambda one: total(one) if one[0] else None):
        searching = made(name, space, metric=metric, layers=2, epochs=10)
        track = run(searching, script, evaluations=100)
        assert sorted(track.architectures) == sorted(space.architectures)
        assert track.stop == "exhausted"
    for sizes, evaluations in (((1, 1), 5), ((3, 3), 1)):
        searching = made(name, grid(*sizes), metric=metric)
        assert len(run(searching, total, evaluations=evaluations).architectures) == 1


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("odd", [float("nan"), float("inf"), float("-inf")])
def test_values_that_are_no_numbers_are_bad(name: str, odd: float) -> None:
    """Half of the architectures have one, and the best of the others is found nevertheless."""
    searching = made(name, grid(4, 4, 4, 2), metric=Metric("anything"), layers=2)
    run(searching, lambda one: total(one[:3]) if one[3] else odd, evaluations=60)
    assert searching.best(1) == [(3, 3, 3, 1)]
    assert sum(one[3] == 0 for one in searching.known) < 25


@pytest.mark.parametrize("name", NAMES)
def test_graphs_are_searched_by_their_paths(name: str) -> None:
    """Where score and path are one: the share of an operation on a cell's paths."""
    space = GraphSpace("cells", ("x", "y"), 5, 6)

    def score(graph: Any) -> float:
        return float(graph.operations.count("y") + 0.1 * len(graph.edges))

    totals = []
    for strategy in (name, "random-search"):
        bests = []
        for seed in range(3):
            searching = made(strategy, space, seed=seed)
            bests.append(run(searching, score, evaluations=40).values.max())
        totals.append(sum(bests))
    assert totals[0] >= totals[1]


@pytest.mark.parametrize("name", NAMES)
def test_a_space_without_encodings_is_refused(name: str) -> None:
    problem = Problem(PoolSpace("pool", ["one", "two"]))
    with pytest.raises(InvalidInput, match=f"'{name}' predicts .* space 'pool' has none"):
        require_tags(find_strategy(name), name, problem)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "setting", ["initial", "k", "candidates", "parents", "members", "layers", "width", "epochs"]
)
def test_settings_that_leave_nothing_are_refused(name: str, setting: str) -> None:
    with pytest.raises(InvalidInput, match=f"setting '{name}.{setting}' cannot be 0: it must be 1"):
        make_settings(find_strategy(name), {setting: 0})


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf")])
def test_a_mutation_without_changes_is_refused(value: float) -> None:
    with pytest.raises(InvalidInput, match=r"setting 'bananas\.changes' cannot be"):
        made("bananas", grid(2, 2), changes=value)


@pytest.mark.parametrize("kind", [Bananas, Npenas])
def test_a_restored_search_goes_on_with_the_same_bits(kind: type[SearchStrategy]) -> None:
    """Between two models, with proposals that wait."""

    def ends(search: SearchStrategy, steps: int) -> list[Any]:
        asked = []
        for number in range(steps):
            request: Any = search.ask()
            search.tell(Trial(number, request), Answer((total(request.architecture),), 1.0, 1))
            asked.append(request.architecture)
        return asked

    problem = Problem(grid(4, 4, 4))
    first = kind(problem, make_settings(kind, {}), Random(1))
    ends(first, 25)
    assert first.queue  # type: ignore[attr-defined]
    second = kind(problem, make_settings(kind, {}), Random(2))
    second.restore(first.state())
    assert ends(first, 20) == ends(second, 20)
    assert first.state() == second.state()

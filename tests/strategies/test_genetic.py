"""The genetic algorithm against its paper, on toy spaces: generations, parents, survivors."""

import json
import math
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from nasbench.errors import InvalidInput
from nasbench.harness.search.budget import Budget, Clock, Stop
from nasbench.harness.search.loop import search
from nasbench.problem import WAIT, Answer, Evaluate, Metric, Problem, Trial
from nasbench.randomness import Random
from nasbench.spaces import get_space
from nasbench.spaces.graph import GraphSpace
from nasbench.spaces.pool import PoolSpace
from nasbench.spaces.subspace import Subspace
from nasbench.strategies.genetic import Genetic
from nasbench.strategies.local_search import LocalSearch
from nasbench.strategies.registry import make_settings
from nasbench.testing.strategies import ToyBenchmark, ToyLayers, toy_space

Member = tuple[int, ...]


def begin(problem: Problem, seed: int = 0, **settings: object) -> Genetic:
    return Genetic(problem, make_settings(Genetic, settings), Random(seed))


def generations(strategy: Genetic, benchmark: Any, count: int) -> list[tuple[list, list]]:
    """Advance a search by some evaluations; return each population with its children.

    A population that is empty has random ones in place of children.
    """
    found, following = [], strategy.next_batch

    def watched() -> list[Member]:
        children = following()
        found.append((list(strategy.population), children))
        return children

    strategy.next_batch = watched  # type: ignore[method-assign]
    for number in range(count):
        request = strategy.ask()
        assert isinstance(request, Evaluate)
        strategy.tell(Trial(number, request), benchmark.answer(request))
    return found


def test_children_are_of_their_parents() -> None:
    """Without mutation, each choice of a child is that of a member; without crossover, it is one.

    With mutation and no crossover, each child is a neighbour of a member.
    """
    space = toy_space((6, 6, 6, 6))
    for settings, fits in (
        ({"mutation": 0.0}, lambda child, members: all(
            any(one[place] == choice for one in members) for place, choice in enumerate(child))),
        ({"mutation": 0.0, "crossover": 0.0}, lambda child, members: child in members),
        ({"mutation": 1.0, "crossover": 0.0}, lambda child, members: any(
            child in space.neighbours(one) for one in members)),
    ):  # fmt: skip
        strategy = begin(Problem(space), population=12, **settings)
        strategy.begin(strategy.draw(12))
        strategy.known = {one: float(sum(one)) for one in strategy.batch}
        children = strategy.next_batch()
        assert len(children) == 12
        assert all(fits(child, strategy.population) for child in children), settings


def test_shares_of_crossed_and_of_mutated_children() -> None:
    """Of two parents (0, ..., 0) and (1, ..., 1) a crossed child has both choices nearly surely."""
    space, n = toy_space((3,) * 40), 2_000
    strategy = begin(Problem(space), population=n, crossover=0.7, mutation=0.3)
    parents = [(0,) * 40, (1,) * 40]
    strategy.known = dict.fromkeys(parents, 1.0)
    strategy.begin(parents)
    children = strategy.next_batch()
    crossed = sum({0, 1} <= {*child} and Counter(child).most_common()[1][1] > 1
                  for child in children)  # fmt: skip
    mutated = sum(2 in child for child in children)  # half of the mutations make a 2
    assert abs(crossed / n - 0.7) < 4 * math.sqrt(2 * 0.7 * 0.3 / n)  # two children of each pair
    assert abs(mutated / n - 0.3 / 2) < 4 * math.sqrt(0.15 * 0.85 / n)


def test_winners_of_binary_tournaments() -> None:
    """Of N members, the k-th best (k from 0) wins with probability 2 (N - 1 - k) / N / (N - 1)."""
    space, n = toy_space((5,)), 20_000
    strategy = begin(Problem(space))
    strategy.known = {(place,): 10.0 - place for place in range(5)}
    won = Counter(strategy._winner([*strategy.known]) for _ in range(n))
    for place in range(5):
        share = 2 * (4 - place) / 20
        assert abs(won[place,] / n - share) <= 4 * math.sqrt(share * (1 - share) / n)


def test_parents_are_two_members() -> None:
    space = toy_space((5,))
    strategy = begin(Problem(space), tournament=5)
    strategy.known = {(place,): 10.0 - place for place in range(5)}
    strategy.population = [*strategy.known]
    assert strategy._parents() == [(0,), (1,)], "the best of all, and the best of the others"
    strategy.population = [(3,)]
    assert strategy._parents() == [(3,), (3,)]


@pytest.mark.parametrize("elitism", [True, False])
def test_survivors_are_of_parents_and_children_and_the_best_is_one(elitism: bool) -> None:
    space = toy_space((6, 6, 6, 6))
    benchmark = ToyBenchmark(space)
    strategy = begin(Problem(space), 1, population=8, elitism=elitism)
    found, lost = generations(strategy, benchmark, 300), 0
    assert len(found) > 50
    for (parents, children), (population, _) in pairwise(found):
        if not parents or not population:
            continue  # it begins, or begins again
        assert len(parents) == len(children) == len(population) == 8
        both = [*parents, *children]
        assert {*population} <= {*both}
        lost += max(both, key=strategy.known.__getitem__) not in population
    assert (lost == 0) == elitism


def test_a_population_of_one_is_hill_climbing() -> None:
    """Each evaluation is of a neighbour of the best until then, at which it does not stay twice."""
    space = toy_space((4, 4, 4, 4))
    benchmark = ToyBenchmark(space)
    strategy = begin(Problem(space), population=1, mutation=1.0)
    track = search(strategy, benchmark, Clock(Budget(evaluations=12)))
    for step in range(1, 12):
        best = track.architectures[int(np.argmax(track.signal[:step]))]
        assert track.architectures[step] in space.neighbours(best)


KINDS: list[Callable[[], Any]] = [
    lambda: toy_space((3, 2, 4, 3)),
    lambda: toy_space((5, 1, 2)),
    lambda: toy_space((1, 1)),
    ToyLayers,
    lambda: PoolSpace("pool", [f"n{i}" for i in range(30)]),
    lambda: get_space("nb101-5v"),
    lambda: Subspace(toy_space((9, 9, 9)), np.arange(0, 729, 3)),
]


@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize("make", KINDS)
def test_it_evaluates_everything_once_and_ends(make: Callable[[], Any], workers: int) -> None:
    """Children that are known cost nothing; a converged population is replaced by a new one."""
    space = make()
    strategy = begin(Problem(space, workers=workers))
    track = search(strategy, ToyBenchmark(space, 0.2), Clock(Budget(evaluations=10_000)))
    assert track.stop == Stop.EXHAUSTED
    assert len(track.architectures) == len(set(track.architectures)) == space.size


def test_spaces_say_whether_they_cross() -> None:
    crossing = [make().crosses for make in KINDS]
    assert crossing == [True, True, True, True, False, False, True]
    assert not Subspace(get_space("nb101-5v"), np.arange(100)).crosses


def test_without_crossover_every_child_is_a_mutant() -> None:
    space = PoolSpace("pool", [f"n{i}" for i in range(3_000)])
    strategy = begin(Problem(space), mutation=0.0)
    found = generations(strategy, ToyBenchmark(space), 300)
    for parents, children in found[1:]:
        assert not any(child == parent for child, parent in zip(children, parents, strict=True))
        assert len({*children} - {*parents}) > 10


def test_a_generation_waits_for_its_last_answer() -> None:
    """Of four workers, those that are free wait while one child of the generation is open."""
    space = toy_space((9, 9, 9))
    strategy = begin(Problem(space, workers=4), population=3)
    trials = [Trial(number, strategy.ask()) for number in range(3)]
    assert strategy.ask() is WAIT
    for trial in trials[:2]:
        strategy.tell(trial, Answer((50.0,), 1.0, 3))
        assert strategy.ask() is WAIT
    strategy.tell(trials[2], Answer((60.0,), 1.0, 3))
    assert isinstance(strategy.ask(), Evaluate)


def test_failures_of_a_metric_without_a_worst_value_do_not_survive() -> None:
    """A failed evaluation of a loss has the score -inf; the best is of those that did not fail."""
    space, loss = toy_space((6, 6, 6, 6)), Metric("loss", "min", "nats", 0.0)
    benchmark = ToyBenchmark(space, 0.5, loss=True)
    strategy = begin(Problem(space, (loss,)), 2, population=10)
    found = generations(strategy, benchmark, 60)
    first, later = (
        np.mean([math.isinf(strategy.known[one]) for one in found[number][0]]) for number in (1, 6)
    )
    assert first > 0.2
    assert later < 0.2


def test_it_finds_what_pays() -> None:
    """Accuracies that are sums over decisions: the best of 4^8 within 1,000."""
    space = toy_space((4,) * 8)

    class Sums:
        def answer(self, request: Evaluate) -> Answer:
            return Answer((float(sum(request.architecture)),), 1.0, 3)

    for seed in range(5):
        track = search(begin(Problem(space), seed), Sums(), Clock(Budget(evaluations=1_000)))
        assert track.signal.max() == 24


def test_the_state_of_a_search_of_graphs_is_json() -> None:
    space = get_space("nb101-5v")
    benchmark = ToyBenchmark(space)
    first, second = (begin(Problem(space), seed) for seed in (1, 2))
    for number in range(50):
        request = first.ask()
        first.tell(Trial(number, request), benchmark.answer(request))
    second.restore(json.loads(json.dumps(first.state())))
    for number in range(50, 100):
        one, other = first.ask(), second.ask()
        assert one == other
        first.tell(Trial(number, one), benchmark.answer(one))
        second.tell(Trial(number, other), benchmark.answer(other))


@pytest.mark.parametrize("kind", [Genetic, LocalSearch])
def test_a_space_whose_size_is_not_known_ends_too(kind: type[Genetic]) -> None:
    """Cells of at most 4 nodes with one operation: as many as 2,000 samples find."""
    space = GraphSpace("graphs", ("a",), 4)
    assert space.size is None
    every = {space.sample(random) for random in [Random(0)] for _ in range(2_000)}

    class Edges:
        def answer(self, request: Evaluate) -> Answer:
            return Answer((float(len(request.architecture.edges)),), 1.0, 3)

    strategy = kind(Problem(space), make_settings(kind, {}), Random(1))
    track = search(strategy, Edges(), Clock(Budget(evaluations=10_000)))
    assert track.stop == Stop.EXHAUSTED
    assert len(track.architectures) == len(every)
    assert {*track.architectures} == every


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("population", 0), ("population", 10_001), ("tournament", 0), ("crossover", 1.1),
        ("crossover", -0.1), ("mutation", 2), ("mutation", "nan"), ("elitism", 1),
    ],
)  # fmt: skip
def test_wrong_settings_are_named(setting: str, value: object) -> None:
    with pytest.raises(InvalidInput, match=f"setting 'genetic.{setting}' cannot be"):
        make_settings(Genetic, {setting: value})

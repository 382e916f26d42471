"""Searches of several objectives: fronts that are known, and the papers' steps by brute force."""

from collections.abc import Callable, Iterator

import moocore
import numpy as np
import pytest

from nasbench.harness.search.budget import Budget, Clock
from nasbench.harness.search.loop import Trajectory, search
from nasbench.pareto.dominance import nondominated
from nasbench.problem import ACCURACY, Answer, Evaluate, Metric, Problem, Trial
from nasbench.randomness import Random
from nasbench.rules import Selection
from nasbench.spaces.base import EnumerableSpace
from nasbench.spaces.pool import PoolSpace
from nasbench.strategies.base import SearchStrategy
from nasbench.strategies.mo_rea import MultiObjectiveAgingEvolution
from nasbench.strategies.nsga2 import Nsga2
from nasbench.strategies.pareto_local_search import ParetoLocalSearch
from nasbench.strategies.registry import find_strategy, make_settings
from nasbench.strategies.regularized_evolution import RegularizedEvolution
from nasbench.strategies.sms_emoa import SmsEmoa
from nasbench.testing.strategies import ToyLayers, toy_space

LATENCY = Metric("latency", "min", "ms", 0.0)
BOTH = ACCURACY, LATENCY
NAMES = ("nsga2", "mo-rea", "sms-emoa", "pareto-local-search")
Cell = tuple[int, ...]
Values = Callable[[Cell], tuple[float, ...]]


class Measured:
    """Answers with the values of a function; an evaluation costs a second."""

    def __init__(self, values: Values, fails: Callable[[Cell], bool] = lambda _: False) -> None:
        self.values, self.fails = values, fails

    def answer(self, request: Evaluate) -> Answer:
        one = request.architecture
        return Answer(self.values(one), 1.0, 1, failed=self.fails(one))


def begin(
    kind: type[SearchStrategy], space: EnumerableSpace, seed: int = 0, **settings: object
) -> SearchStrategy:
    return kind(Problem(space, BOTH), make_settings(kind, settings), Random(seed))


def run(
    name: str, space: EnumerableSpace, benchmark: Measured, evaluations: int, seed: int = 0
) -> Trajectory:
    clock = Clock(Budget(evaluations=evaluations), None, BOTH, selection=Selection.FRONT)
    return search(begin(find_strategy(name), space, seed), benchmark, clock)


def opposed(cell: Cell) -> tuple[float, ...]:
    """Each choice adds accuracy and latency; more than one 2 adds latency only."""
    twos = cell.count(2)
    return float(sum(cell) - 2 * max(0, twos - 1)), float(sum(cell))


def front_of(track: Trajectory) -> set[Cell]:
    return {track.architectures[step] for step in track.selected}


@pytest.mark.parametrize("name", NAMES)
def test_finds_more_of_the_front_than_random_search(name: str) -> None:
    """In a space of 6,561, with 1,000 evaluations: hypervolume, mean of 8 seeds."""
    space, benchmark = toy_space((3,) * 8), Measured(opposed)
    reached = {
        each: np.mean(
            [
                moocore.hypervolume(track.values[track.selected] * [-1, 1], ref=[0.0, 20.0])
                for track in (run(each, space, benchmark, 1000, seed) for seed in range(8))
            ]
        )
        for each in (name, "random-search")
    }
    assert reached[name] > reached["random-search"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "space", [toy_space((3, 2, 4)), ToyLayers(), PoolSpace("pool", [f"n{i}" for i in range(20)])]
)
def test_the_exact_front_of_a_small_space(name: str, space: EnumerableSpace) -> None:
    """Where everything can be evaluated, the answer is the front, whatever the space."""
    generator = np.random.default_rng(4)
    values = generator.uniform(0, 90, (space.size, 2))
    track = run(name, space, Measured(lambda one: tuple(values[space.index(one)])), 4000)
    kept = nondominated(values * [1, -1])
    assert front_of(track) == {space.architectures[place] for place in np.flatnonzero(kept)}


@pytest.mark.parametrize("name", NAMES)
def test_failures_equal_values_and_one_architecture(name: str) -> None:
    space = toy_space((3, 3, 3))
    for benchmark in (
        Measured(lambda _: (50.0, 1.0)),
        Measured(opposed, fails=lambda cell: cell[0] == 0),
        Measured(opposed, fails=lambda _: True),
    ):
        track = run(name, space, benchmark, 60)
        assert 0 < len(track.architectures) <= 60
    assert run(name, toy_space((1, 1)), Measured(opposed), 1).architectures == [(0, 0)]


@pytest.mark.parametrize("name", NAMES)
def test_scales_of_objectives_do_not_matter(name: str) -> None:
    """Costs a million times larger, exactly (a power of 2), ask for the same architectures."""
    space = toy_space((3,) * 6)
    scaled = Measured(lambda cell: (opposed(cell)[0], opposed(cell)[1] * 2**20))
    usual = run(name, space, Measured(opposed), 300).architectures
    assert run(name, space, scaled, 300).architectures == usual


def advance(strategy: SearchStrategy, values: Values, count: int) -> list[Cell]:
    asked = []
    for number in range(count):
        request = strategy.ask()
        assert isinstance(request, Evaluate)
        asked.append(request.architecture)
        strategy.tell(Trial(number, request), Measured(values).answer(request))
    return asked


def watched(strategy: Nsga2 | ParetoLocalSearch, count: int) -> Iterator[list[Cell]]:
    """Advance a search, and yield the members of the set and the batch before each new batch.

    Of a local search only where it begins again.
    """
    found: list[list[Cell]] = []
    following = strategy.next_batch

    def watching() -> list[Cell]:
        held = strategy.population if isinstance(strategy, Nsga2) else strategy.archive
        members, batch = list(dict.fromkeys([*held, *strategy.batch])), following()
        if isinstance(strategy, Nsga2) or not strategy.archive:
            found.append(members)
        return batch

    strategy.next_batch = watching  # type: ignore[method-assign]
    for number in range(count):
        request = strategy.ask()
        assert isinstance(request, Evaluate)
        yield from found
        found.clear()
        strategy.tell(Trial(number, request), Measured(noisy).answer(request))


def noisy(cell: Cell) -> tuple[float, ...]:
    """Return two values that look random and are never equal for two cells."""
    return tuple(np.random.default_rng(cell).uniform(0, 90, 2))


def test_nsga2_keeps_the_first_by_rank_and_then_by_crowding() -> None:
    """Sorted by moocore's ranks; within a rank by the cuboids of Deb et al., written out anew."""
    strategy, checked = begin(Nsga2, toy_space((4,) * 6), population=12), 0
    assert isinstance(strategy, Nsga2)
    for members in watched(strategy, 150):
        if not members:
            continue
        points = np.array([noisy(one) for one in members]) * [1, -1]
        rank = moocore.pareto_rank(points, maximise=True)
        kept = set(strategy.population)
        checked += 1
        assert len(kept) == min(12, len(members))
        worst = max(rank[members.index(one)] for one in kept)
        assert all(one in kept for one, place in zip(members, rank, strict=True) if place < worst)
        last = np.flatnonzero(rank == worst)
        distance = dict.fromkeys(last.tolist(), 0.0)
        for values in points.T:
            ranked = sorted(last.tolist(), key=lambda place, values=values: values[place])
            span = values[ranked[-1]] - values[ranked[0]]
            for before, at, after in zip(ranked, ranked[1:], ranked[2:], strict=False):
                distance[at] += (values[after] - values[before]) / span
            distance[ranked[0]] = distance[ranked[-1]] = np.inf
        inside = [distance[place] for place in distance if members[place] in kept]
        outside = [distance[place] for place in distance if members[place] not in kept]
        assert not outside or min(inside) >= max(outside)
    assert checked >= 5


def test_one_weight_is_aging_evolution() -> None:
    """With all the weight on accuracy, tournaments are those of Real et al."""
    space = toy_space((5,) * 6)
    settings = {"population": 7, "sample": 4}
    strategy = begin(MultiObjectiveAgingEvolution, space, 3, tournament="weights", **settings)
    assert isinstance(strategy, MultiObjectiveAgingEvolution)
    strategy.weights = [1.0, 0.0]
    random = Random(3)
    random.generator.exponential(size=2)  # the weights, which the other does not draw
    other = RegularizedEvolution(
        Problem(space, BOTH), make_settings(RegularizedEvolution, settings), random
    )
    assert advance(strategy, noisy, 120) == advance(other, noisy, 120)


def test_weights_are_uniform() -> None:
    """The first of two weights is uniform on [0, 1]: mean 1/2, variance 1/12."""
    drawn = [
        begin(MultiObjectiveAgingEvolution, toy_space((2,)), seed).state()["weights"][0]
        for seed in range(600)
    ]
    assert np.mean(drawn) == pytest.approx(1 / 2, abs=4 * np.sqrt(1 / 12 / 600))
    assert np.var(drawn) == pytest.approx(1 / 12, abs=0.012)


def test_sorting_chooses_a_parent_that_nothing_in_the_sample_dominates() -> None:
    strategy = begin(MultiObjectiveAgingEvolution, toy_space((5,) * 6), 1, population=9, sample=9)
    assert isinstance(strategy, MultiObjectiveAgingEvolution)
    advance(strategy, noisy, 30)
    sample = list(strategy.alive)
    scores = np.array([one.scores for one in sample])
    assert nondominated(scores)[strategy._best(sample)]


def test_sms_emoa_lets_go_of_the_least_contributor_of_the_last_rank() -> None:
    """Against moocore's ranks and contributions, for every removal of a search."""
    strategy = begin(SmsEmoa, toy_space((4,) * 6), population=10)
    assert isinstance(strategy, SmsEmoa)
    advance(strategy, noisy, 10)
    removed = 0
    for _ in range(150):
        before = list(strategy.population)
        (asked,) = advance(strategy, noisy, 1)
        members = [*before, asked]
        (gone,) = set(members) - set(strategy.population)
        points = np.array([noisy(one) for one in members]) * [1, -1]
        points = (points - points.min(axis=0)) / np.ptp(points, axis=0)
        rank = moocore.pareto_rank(points, maximise=True)
        last = np.flatnonzero(rank == rank.max())
        added = moocore.hv_contributions(points[last], ref=[-0.1, -0.1], maximise=True)
        assert members.index(gone) in last[added <= added.min() + 1e-12]
        removed += 1
    assert removed == 150


def test_pareto_local_search_ends_at_a_local_optimum_set() -> None:
    """When it begins again, no neighbour of the archive improves on it, by definition."""
    space, ends = toy_space((4,) * 5), 0
    strategy = begin(ParetoLocalSearch, space, 2)
    assert isinstance(strategy, ParetoLocalSearch)
    for members in watched(strategy, 600):
        if not members:
            continue
        ends += 1
        scores = np.array([noisy(one) for one in members]) * [1, -1]
        kept = nondominated(scores)
        archive = [members[place] for place in np.flatnonzero(kept)]
        around = {other for one in archive for other in space.neighbours(one)}
        values = np.array([noisy(one) for one in around]) * [1, -1]
        assert all((scores[kept] >= value).all(axis=1).any() for value in values)
    assert ends >= 3

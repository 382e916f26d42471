"""Local search against its paper: exact traces, an independent replay, and NAS-Bench-201."""

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nasbench.benchmarks.catalogue import given_tables, table_sources
from nasbench.benchmarks.protocols import Protocol
from nasbench.errors import InvalidInput
from nasbench.harness.search.budget import Budget, Clock, Stop
from nasbench.harness.search.loop import search
from nasbench.harness.search.opening import open_benchmark
from nasbench.harness.search.task import Task
from nasbench.harness.search.tasks import Wanted, make_tasks
from nasbench.problem import LOSS, Answer, Evaluate, Fidelity, Problem, Trial
from nasbench.randomness import Random
from nasbench.spaces import get_space
from nasbench.spaces.base import Architecture, Space
from nasbench.spaces.categorical import CategoricalSpace
from nasbench.spaces.pool import PoolSpace
from nasbench.strategies.local_search import LocalSearch
from nasbench.strategies.registry import make_settings
from nasbench.testing.strategies import ToyBenchmark, ToyLayers, toy_space
from tests.upstream import upstream

FULL = Fidelity(3)
KINDS: list[Callable[[], Any]] = [
    lambda: toy_space((3, 2, 4, 3)),
    ToyLayers,
    lambda: PoolSpace("pool", [f"n{i}" for i in range(30)]),
    lambda: get_space("nb101-5v"),
]


ALGORITHM_1 = {"improvement": "steepest", "initial": 1}


def begin(problem: Problem, seed: int = 0, **settings: object) -> LocalSearch:
    """Begin the paper's Algorithm 1, or what other settings make of it."""
    chosen = make_settings(LocalSearch, {**ALGORITHM_1, **settings})
    return LocalSearch(problem, chosen, Random(seed))


def test_the_default_is_the_authors_code() -> None:
    """naszilla, `local_search`: `num_init=10, query_full_nbhd=False`."""
    assert asdict(LocalSearch.Settings()) == {"improvement": "first", "initial": 10}


class Hill:
    """Nine architectures of two decisions, a and b of 0 to 2, with the accuracy 10 a + b."""

    space = toy_space((3, 3))

    def answer(self, request: Evaluate) -> Answer:
        a, b = request.architecture
        return Answer((10.0 * a + b,), 1.0, 3)


class FromTheFoot(CategoricalSpace):
    """The space of `Hill`, whose first sample is (0, 0)."""

    def __init__(self) -> None:
        super().__init__("hill", Hill.space.decisions)
        self.first = True

    def sample(self, random: Random) -> tuple[int, ...]:
        drawn = super().sample(random)
        self.first, was = False, self.first
        return (0, 0) if was else drawn


@pytest.mark.parametrize("seed", range(5))
def test_steepest_ascent_by_hand(seed: int) -> None:
    """Whole neighbourhoods without what is known, whatever the order within them."""
    strategy = begin(Problem(FromTheFoot()), seed)
    track = search(strategy, Hill(), Clock(Budget(evaluations=100)))
    around_00, around_20, around_22, left = (
        {(1, 0), (2, 0), (0, 1), (0, 2)}, {(2, 1), (2, 2)}, {(1, 2)}, {(1, 1)},
    )  # fmt: skip
    asked = track.architectures
    assert asked[0] == (0, 0)
    assert set(asked[1:5]) == around_00
    assert set(asked[5:7]) == around_20
    assert set(asked[7:8]) == around_22
    assert set(asked[8:]) == left, "it begins again, and moves to the top by what it knows"
    assert track.stop == Stop.EXHAUSTED
    assert strategy.known[2, 2] == 22


def test_first_improvement_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """With neighbours in the space's own order: those of the first decision, then of the second."""
    monkeypatch.setattr(LocalSearch, "shuffled", lambda _, found: list(found))
    strategy = begin(Problem(FromTheFoot()), improvement="first")
    track = search(strategy, Hill(), Clock(Budget(evaluations=100)))
    assert track.architectures == [
        (0, 0), (1, 0), (2, 0), (2, 1), (0, 1), (1, 1), (2, 2), (0, 2), (1, 2),
    ]  # fmt: skip
    assert track.stop == Stop.EXHAUSTED


@pytest.mark.parametrize("improvement", ["steepest", "first"])
def test_equally_good_is_not_better(improvement: str) -> None:
    """On a plateau every architecture is a local optimum, at which a search begins again."""
    strategy = begin(Problem(Hill.space), improvement=improvement)
    asked = []
    for number in range(5):
        request = strategy.ask()
        asked.append(request.architecture)
        strategy.tell(Trial(number, request), Answer((50.0,), 1.0, 3))
    assert set(asked[1:]) == set(Hill.space.neighbours(asked[0]))
    assert strategy.ask().architecture not in asked
    assert strategy.current is None


def test_the_best_of_several_is_where_it_begins() -> None:
    space = toy_space((4, 4, 4))
    benchmark = ToyBenchmark(space)
    track = search(begin(Problem(space), initial=8), benchmark, Clock(Budget(evaluations=12)))
    best = max(range(8), key=lambda step: track.signal[step])
    assert len(set(track.architectures[:8])) == 8
    assert all(
        one in space.neighbours(track.architectures[best]) for one in track.architectures[8:]
    )


def descents(
    asked: list[Architecture],
    score: Callable[[Architecture], float],
    around: Callable[[Architecture], Iterable[Architecture]],
) -> list[Architecture]:
    """Follow steepest ascent along what was asked for; return the optima in their order.

    It shares no code with the strategy. Every batch must be the unknown neighbours of one
    architecture, which is the best of the batch before.
    """
    known: set[Architecture] = set()
    found, place = [], 0
    while place < len(asked):
        current = asked[place]
        assert current not in known
        known.add(current)
        place += 1
        while place <= len(asked):
            neighbours = set(around(current))
            new = neighbours - known
            batch = asked[place : place + len(new)]
            assert set(batch) <= new
            assert len(set(batch)) == len(batch)
            known |= set(batch)
            place += len(batch)
            if len(batch) < len(new):
                return found  # the budget ended within a neighbourhood
            best = max(neighbours, key=score)
            if score(best) <= score(current):
                found.append(current)
                break
            current = best
    return found


@pytest.mark.parametrize("failing", [0.0, 0.4])
@pytest.mark.parametrize("make", KINDS)
def test_an_independent_replay_agrees(make: Callable[[], Any], failing: float) -> None:
    """Failed evaluations count as the metric's worst value."""
    space = make()
    benchmark = ToyBenchmark(space, failing, loss=True)
    problem = Problem(space, (LOSS._replace(high=100.0),), (FULL,), own=FULL)
    clock = Clock(Budget(evaluations=400), None, problem.objectives, own=3)
    track = search(begin(problem, 3), benchmark, clock)

    def score(one: Architecture) -> float:
        answer = benchmark.answer(Evaluate(one))
        return -100.0 if answer.failed else -answer.values[0]

    ends = descents(track.architectures, score, space.neighbours)
    assert ends
    assert len(set(track.architectures)) == len(track.architectures)
    for end in ends:
        assert all(score(one) <= score(end) for one in space.neighbours(end))


@pytest.mark.parametrize("improvement", ["steepest", "first"])
@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize("make", KINDS)
def test_it_evaluates_everything_once_and_ends(
    make: Callable[[], Any], workers: int, improvement: str
) -> None:
    space = make()
    problem = Problem(space, workers=workers)
    strategy = begin(problem, improvement=improvement, initial=3)
    track = search(strategy, ToyBenchmark(space, 0.2), Clock(Budget(evaluations=10_000)))
    assert track.stop == Stop.EXHAUSTED
    assert len(track.architectures) == len(set(track.architectures)) == space.size


@pytest.mark.parametrize("improvement", ["steepest", "first"])
def test_with_several_workers_it_asks_for_a_neighbourhood_at_once(improvement: str) -> None:
    """Of 8 workers; with `first`, the first answer that is better ends the neighbourhood."""
    space = toy_space((9, 9, 9))
    strategy = begin(Problem(space, workers=8), improvement=improvement)
    start = Trial(0, strategy.ask())
    strategy.tell(start, Answer((50.0,), 1.0, 3))
    trials = [Trial(number, strategy.ask()) for number in range(1, 9)]
    assert {one.architecture for one in trials} <= set(space.neighbours(start.architecture))
    strategy.tell(trials[0], Answer((40.0,), 1.0, 3))
    strategy.tell(trials[1], Answer((60.0,), 1.0, 3))
    centre = (trials[1] if improvement == "first" else start).architecture
    following = strategy.ask().architecture
    assert following in space.neighbours(centre)
    assert following not in {one.architecture for one in trials}


def test_a_neighbour_that_is_known_counts_in_its_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """With `first`, from (2, 0): (2, 1) is not known and comes first, then (2, 2), at no cost."""
    monkeypatch.setattr(LocalSearch, "shuffled", lambda _, found: list(found))
    strategy = begin(Problem(Hill.space), improvement="first")
    strategy.known = {(2, 0): 20.0, (0, 0): 0.0, (1, 0): 10.0, (2, 2): 22.0}
    strategy.begin(strategy._move((2, 0)))
    request = strategy.ask()
    assert request.architecture == (2, 1)
    strategy.tell(Trial(0, request), Answer((19.0,), 1.0, 3))
    assert strategy.ask().architecture == (0, 2)
    assert strategy.current == (2, 2)


def test_very_many_neighbours_are_mutants() -> None:
    """Of 25,001 neighbours, the first 19,999 change the first decision; of mutants, half do."""
    strategy = begin(Problem(toy_space((20_000, 5_003))))
    start = Trial(0, strategy.ask())
    strategy.tell(start, Answer((50.0,), 1.0, 3))
    (a, b), first, second = start.architecture, 0, 0
    for _ in range(200):
        one = strategy.ask().architecture
        first, second = first + (one[0] != a), second + (one[1] != b)
        assert one != (a, b)
    assert first + second == 200, "each differs in one decision"
    assert 60 < first < 140


def test_a_space_without_neighbours_is_refused_in_one_line() -> None:
    class Bare(CategoricalSpace):
        neighbours = Space.neighbours  # type: ignore[assignment]

    strategy = begin(Problem(Bare("bare", Hill.space.decisions)))
    with pytest.raises(InvalidInput, match="space 'bare' cannot list neighbours: use a strategy"):
        search(strategy, Hill(), Clock(Budget(evaluations=10)))


def test_the_state_of_a_search_of_graphs_is_json() -> None:
    space = get_space("nb101-5v")
    benchmark = ToyBenchmark(space)
    first, second = (begin(Problem(space), seed) for seed in (1, 2))
    for number in range(30):
        request = first.ask()
        first.tell(Trial(number, request), benchmark.answer(request))
    second.restore(json.loads(json.dumps(first.state())))
    for number in range(30, 60):
        one, other = first.ask(), second.ask()
        assert one == other
        first.tell(Trial(number, one), benchmark.answer(one))
        second.tell(Trial(number, other), benchmark.answer(other))


@pytest.mark.parametrize(
    ("setting", "value"), [("initial", 0), ("initial", 1.5), ("improvement", "best")]
)
def test_wrong_settings_are_named(setting: str, value: object) -> None:
    with pytest.raises(InvalidInput, match=f"setting 'local-search.{setting}' cannot be"):
        make_settings(LocalSearch, {setting: value})


# On tables of public files


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Iterable[dict[str, Path]]:
    folder, made = tmp_path_factory.mktemp("tables"), {}
    for name in ("nb201", "gpt-s", "nb101-5v", "transnas-macro"):
        source = table_sources()[name]
        made[name] = folder / f"{name}.safetensors"
        source.build([upstream() / file.place for file in source.files]).save(made[name])
    with given_tables(made):
        yield made


def task_of(path: Path, dataset: str | None, protocol: Protocol | None, count: int) -> Task:
    wanted = Wanted(budget=Budget(evaluations=count))
    (task,) = make_tasks(path, None if dataset is None else [dataset], protocol, wanted)
    return task


def searched(task: Task, seed: int, workers: int = 1, **settings: object) -> Any:
    benchmark, _ = open_benchmark(task)
    problem = Problem(benchmark.space, task.objectives, workers=workers)
    clock = Clock(task.budget, None, task.objectives)
    return search(begin(problem, seed, **settings), benchmark.session(Random(seed)), clock)


SETS = ("cifar10", "cifar100", "ImageNet16-120")
FINAL = Protocol(
    "final", "200 epochs as the signal", "nb201", 200, 200, 200, {},
    {name: (name,) for name in SETS}, dict.fromkeys(SETS, 1_000),
)  # fmt: skip
"""Validation after 200 epochs, mean over the training seeds, as what a search sees."""


def landscape(task: Task) -> np.ndarray:
    """Return validation of all cells of NAS-Bench-201, an axis for each of the 6 edges."""
    benchmark, _ = open_benchmark(task)
    values = np.empty((5,) * 6)
    session = benchmark.session(Random(0))
    for cell in benchmark.space.architectures:
        values[cell] = session.answer(Evaluate(cell)).values[0]
    return values


def local_optima(values: np.ndarray) -> np.ndarray:
    """Return where no change of one edge is better, shape as `values`."""
    largest = np.full(values.shape, -np.inf)
    for axis in range(values.ndim):
        largest = np.maximum(largest, values.max(axis=axis, keepdims=True))
    return values >= largest


@pytest.mark.parametrize(
    ("dataset", "optima"), [("cifar10", 13), ("cifar100", 26), ("ImageNet16-120", 38)]
)
def test_local_optima_of_nb201_and_where_searches_end(
    tables: dict[str, Path], dataset: str, optima: int
) -> None:
    """The published counts, of values rounded to 5 digits.

    Some neighbours are equally good up to the last bit of their means. With those bits, two local
    optima of ImageNet16-120 are none.
    """
    task = task_of(tables["nb201"], dataset, FINAL, 2_000)
    values, space = landscape(task), get_space("nb201")
    assert local_optima(values.round(5)).sum() == optima
    exact = local_optima(values)
    assert exact.sum() == (36 if dataset == "ImageNet16-120" else optima)
    asked = searched(task, 1).architectures
    ends = descents(asked, lambda one: float(values[one]), space.neighbours)
    assert len(set(ends)) > 2
    assert all(exact[end] for end in ends)


@pytest.mark.parametrize(("dataset", "published"), [("cifar10", 171), ("cifar100", 149)])
def test_cost_of_the_global_optimum_of_nb201(
    tables: dict[str, Path], dataset: str, published: float
) -> None:
    """Distinct architectures until a search stops at the optimum, its neighbours included.

    The published means are those of an independent replay; those of 500 searches here must be
    within four standard errors.
    """
    task = task_of(tables["nb201"], dataset, FINAL, 1_500)
    values = landscape(task)
    best = tuple(int(place) for place in np.unravel_index(values.argmax(), values.shape))
    last = {best, *get_space("nb201").neighbours(best)}
    counts = []
    for seed in range(500):
        asked = searched(task, seed).architectures
        assert len(set(asked)) == len(asked)
        counts.append(1 + max(map(asked.index, last)))
    error = np.std(counts) / np.sqrt(len(counts))
    assert error < 5
    assert abs(np.mean(counts) - published) < 4 * error


def replayed(values: np.ndarray, best: Architecture, generator: np.random.Generator) -> int:
    """Count distinct cells until `best` by first improvement, without any code of the strategy."""
    known: set[Architecture] = set()
    while True:
        current = tuple(generator.integers(5, size=6).tolist())
        if current in known:
            continue
        known.add(current)
        improved = True
        while improved and best not in known:
            improved = False
            changes = [(edge, to) for edge in range(6) for to in range(5) if to != current[edge]]
            for edge, to in generator.permutation(changes).tolist():
                one = (*current[:edge], to, *current[edge + 1 :])
                known.add(one)
                if values[one] > values[current]:
                    current, improved = one, True
                    break
        if best in known:
            return len(known)


@pytest.mark.parametrize("dataset", ["cifar100", "ImageNet16-120"])
def test_first_improvement_costs_what_a_replay_does(tables: dict[str, Path], dataset: str) -> None:
    """Mean numbers of cells until the best of NAS-Bench-201, at most 2,500 each."""
    most, runs = 2_500, 150
    task = task_of(tables["nb201"], dataset, FINAL, most)
    values = landscape(task)
    best = tuple(int(place) for place in np.unravel_index(values.argmax(), values.shape))
    counts = np.empty((2, runs))
    generator = np.random.default_rng(0)
    for seed in range(runs):
        asked = searched(task, seed, improvement="first").architectures
        counts[0, seed] = 1 + asked.index(best) if best in asked else most
        counts[1, seed] = min(most, replayed(values, best, generator))
    error = np.sqrt((counts.var(axis=1) / runs).sum())
    assert abs(counts[0].mean() - counts[1].mean()) < 4 * error


@pytest.mark.parametrize("name", ["gpt-s", "nb101-5v", "transnas-macro"])
@pytest.mark.parametrize("workers", [1, 4])
def test_pools_graphs_and_conditional_spaces(
    tables: dict[str, Path], name: str, workers: int
) -> None:
    """A pool with perplexity, which is minimised, cells that are graphs, and a conditional space.

    The best that a search finds is a local optimum of the table, and at least as good as the best
    of as many random architectures is half of the time.
    """
    task = task_of(tables[name], None, None, 300)
    benchmark, _ = open_benchmark(task)
    track = searched(task, 5, workers)
    assert len(set(track.architectures)) == len(track.architectures) == 300
    session = benchmark.session(Random(0))

    def score(one: Architecture) -> float:
        answer = session.answer(Evaluate(one))
        return task.metric.score(answer.values[0])

    best = max(track.architectures, key=score)
    assert all(score(one) <= score(best) for one in benchmark.space.neighbours(best))
    if workers == 1:
        assert descents(track.architectures, score, benchmark.space.neighbours)
    drawn = [score(benchmark.space.sample(Random(seed))) for seed in range(3_000)]
    assert score(best) >= np.median(np.reshape(drawn, (10, 300)).max(axis=1))

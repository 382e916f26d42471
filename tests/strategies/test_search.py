"""Strategies against their papers' algorithms, on toy spaces."""

from collections import deque
from importlib.metadata import EntryPoint

import pytest

from nasbench.conformance import ToyBenchmark, toy_space
from nasbench.errors import InvalidInput
from nasbench.harness.budget import Budget, Clock, Stop
from nasbench.harness.loop import search
from nasbench.randomness import Random
from nasbench.strategies import registry
from nasbench.strategies.registry import find_strategy, make_settings


def make(name: str, space: object, seed: int = 0, **settings: object) -> object:
    strategy = find_strategy(name)
    return strategy(space, make_settings(strategy, settings), Random(seed))


def test_random_search_without_replacement_covers_the_space_once() -> None:
    space = toy_space((3, 2, 4))
    strategy = make("random-search", space, replacement=False)
    track = search(strategy, ToyBenchmark(space), Clock(Budget(evaluations=1000)))
    assert track.stop == Stop.EXHAUSTED
    assert sorted(track.architectures) == sorted(space.architectures)


def test_evolution_follows_algorithm_1() -> None:
    """Replay the trajectory: parents come from the living, exactly one decision differs."""
    space = toy_space((4, 4, 4, 4))
    benchmark = ToyBenchmark(space)
    strategy = make("regularized-evolution", space, population=6, sample=3)
    track = search(strategy, benchmark, Clock(Budget(evaluations=200)))
    alive: deque[tuple[int, ...]] = deque(track.architectures[:6], maxlen=6)
    for child in track.architectures[6:]:
        assert any(child in space.neighbours(parent) for parent in alive)
        alive.append(child)
    assert [member.architecture for member in strategy.alive] == list(alive)


def test_a_tournament_of_the_whole_population_mutates_the_best() -> None:
    space = toy_space((4, 4, 4, 4))
    benchmark = ToyBenchmark(space)
    strategy = make("regularized-evolution", space, population=3, sample=200)
    track = search(strategy, benchmark, Clock(Budget(evaluations=100)))
    for step in range(3, 100):
        window = range(step - 3, step)
        best = max(window, key=lambda i: track.accuracy[i])
        assert track.architectures[step] in space.neighbours(track.architectures[best])


@pytest.mark.parametrize("name", ["reinforce", "reinforce-softmax"])
def test_policy_gradient_learns_what_pays(name: str) -> None:
    space = toy_space((4, 4, 4))
    benchmark = ToyBenchmark(space)
    benchmark.accuracy = space.one_hot(space.codes)[:, [1, 6, 11]].sum(axis=1) * 30.0
    strategy = make(name, space, seed=1)
    track = search(strategy, benchmark, Clock(Budget(evaluations=600)))
    assert track.accuracy[-50:].mean() > 80  # of 90; a random architecture has 22.5


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"populaton": 3},
            "'regularized-evolution.populaton' is unknown.*did you mean 'population'",
        ),
        ({"population": "many"}, "'regularized-evolution.population' cannot be 'many'.*default 10"),
        ({"population": 2.5}, "'regularized-evolution.population' cannot be 2.5"),
        ({"sample": 0}, "'regularized-evolution.sample' cannot be 0: it must be at least 1"),
    ],
)
def test_wrong_settings_are_named(settings: dict, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        make_settings(find_strategy("regularized-evolution"), settings)


def test_text_settings_take_the_fields_type() -> None:
    settings = make_settings(find_strategy("random-search"), {"replacement": "false"})
    assert settings.replacement is False
    settings = make_settings(find_strategy("reinforce"), {"learning_rate": "1e-3", "hidden": "8"})
    assert (settings.learning_rate, settings.hidden) == (1e-3, 8)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("random-serach", "did you mean 'random-search'"),
        ("zzz", "strategy 'zzz' is unknown: `nasbench list strategies` shows all"),
        ("no.such:Thing", "module 'no.such' cannot be imported"),
        ("json:Thing", "module 'json' has no class 'Thing'"),
        ("json:JSONDecoder", "is not a subclass of nasbench.SearchStrategy"),
        ("nasbench.strategies.base:SearchStrategy", "does not define ask, tell"),
    ],
)
def test_unknown_strategies_are_named(name: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        find_strategy(name)


def test_entry_points_are_found_and_a_broken_one_does_no_harm(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    points = [
        EntryPoint("mine", "nasbench.strategies.random_search:RandomSearch", registry.GROUP),
        EntryPoint("broken", "no.such.module:Thing", registry.GROUP),
    ]
    monkeypatch.setattr(registry, "entry_points", lambda group: points)
    monkeypatch.setattr(registry, "_registered", {})
    registry._load_all.cache_clear()
    with pytest.warns(UserWarning, match="'broken' of 'no.such.module:Thing' cannot be loaded"):
        known = registry.strategies()
    registry._load_all.cache_clear()
    assert known["mine"].__name__ == "RandomSearch"
    assert "broken" not in known
    known["mine"].name = "random-search"  # as it was

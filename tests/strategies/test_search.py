"""Strategies against their papers' algorithms, on toy spaces."""

import json
import math
import pickle
from collections import deque
from dataclasses import asdict, dataclass, field
from importlib.metadata import EntryPoint
from itertools import pairwise
from pathlib import Path
from typing import Literal

import pytest

from nasbench.errors import InvalidInput
from nasbench.harness.search.budget import Budget, Clock, Stop
from nasbench.harness.search.loop import search
from nasbench.problem import Answer, Metric, Problem, Trial
from nasbench.randomness import Random
from nasbench.spaces import get_space
from nasbench.strategies import registry
from nasbench.strategies.base import SearchStrategy
from nasbench.strategies.registry import find_strategy, make_settings
from nasbench.testing.strategies import ToyBenchmark, toy_space


def make(name: str, space: object, seed: int = 0, **settings: object) -> object:
    strategy = find_strategy(name)
    return strategy(Problem(space), make_settings(strategy, settings), Random(seed))


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
        best = max(window, key=lambda i: track.signal[i])
        assert track.architectures[step] in space.neighbours(track.architectures[best])


@pytest.mark.parametrize(("mutation", "share"), [("edge", 1 / 6), ("node", 1 / 3)])
def test_evolution_mutates_the_edge_or_the_node_first(mutation: str, share: float) -> None:
    """How often 0->1 changes, in NAS-Bench-201's cell; a population of one is its own parent."""
    space, n = get_space("nb201"), 12_000
    strategy = make("regularized-evolution", space, population=1, mutation=mutation)
    track = search(strategy, ToyBenchmark(space), Clock(Budget(evaluations=n)))
    changed = sum(a[0] != b[0] for a, b in pairwise(track.architectures))
    assert abs(changed / (n - 1) - share) < 4 * math.sqrt(share / n)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        # the average, corrected for its bias: 40, then (.25 40 + .5 80) / .75 = 200/3
        ({}, [0.0, 80 - 200 / 3]),
        ({"baseline": "previous"}, [0.0, 80 - 40.0]),
        ({"baseline": "previous", "reward_power": 3.0}, [0.0, 51.2 - 6.4]),
        ({"reward_power": 3.0}, [0.0, 51.2 - (0.25 * 6.4 + 0.5 * 51.2) / 0.75]),
    ],
)
def test_reward_and_baseline_of_reinforce(settings: dict, expected: list[float]) -> None:
    """Accuracies 40 and 80 %, decay 1/2: .4 cubed is .064, .8 cubed is .512."""
    strategy = make("reinforce", toy_space((3, 2)), baseline_decay=0.5, **settings)
    assert [strategy.advantage(40.0), strategy.advantage(80.0)] == pytest.approx(expected)


def test_rewards_of_other_metrics_keep_their_sign() -> None:
    strategy = make("reinforce", toy_space((3, 2)), baseline="previous", reward_power=1.5)
    strategy.advantage(0.0)
    assert strategy.advantage(-100.0) == pytest.approx(-100.0)


@pytest.mark.parametrize("name", ["reinforce", "reinforce-softmax"])
def test_policy_gradient_learns_what_pays(name: str) -> None:
    space = toy_space((4, 4, 4))
    benchmark = ToyBenchmark(space)
    benchmark.accuracy = space.one_hot(space.codes)[:, [1, 6, 11]].sum(axis=1) * 30.0
    strategy = make(name, space, seed=1)
    track = search(strategy, benchmark, Clock(Budget(evaluations=600)))
    assert track.signal[-50:].mean() > 80  # of 90; a random architecture has 22.5


@pytest.mark.parametrize("name", ["reinforce", "reinforce-softmax"])
def test_an_answer_teaches_about_the_architecture_it_is_of(name: str) -> None:
    """Asked twice and told one answer, the policy moves towards the one that the answer is of."""
    first, second = (make(name, toy_space((2,)), learning_rate=0.5) for _ in range(2))
    for policy, told in ((first, 0), (second, 1)):
        asked = []
        while len({trial.architecture for trial in asked}) < 2:
            asked.append(Trial(len(asked), policy.ask()))
        policy.baseline.update(10.0)
        (trial,) = [one for one in asked if one.architecture == (told,)][:1]
        policy.tell(trial, Answer((90.0,), 1.0, 1))
        drawn = [policy.ask().architecture[0] for _ in range(400)]
        assert abs(sum(drawn) / 400 - told) < 0.4, (told, sum(drawn))


def test_a_failure_of_a_metric_without_a_worst_value_teaches_nothing() -> None:
    loss = Metric("loss", "min", "nats", 0.0)
    strategy = find_strategy("reinforce")
    made = strategy(Problem(toy_space((3, 2)), (loss,)), make_settings(strategy, {}), Random(0))
    trial = Trial(0, made.ask())
    before = made.state()
    made.tell(trial, Answer((0.0,), 1.0, 1, failed=True))
    assert made.state() == before


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"populaton": 3},
            "'regularized-evolution.populaton' is unknown.*did you mean 'population'",
        ),
        ({"population": "many"}, "'regularized-evolution.population' cannot be 'many'.*default 10"),
        ({"population": 2.5}, "'regularized-evolution.population' cannot be 2.5"),
        ({"sample": 0}, "'regularized-evolution.sample' cannot be 0: it must be 1 to 10000"),
        ({"sample": True}, "'regularized-evolution.sample' cannot be True: .*default 3"),
        ({"sample": 2**63}, "'regularized-evolution.sample' cannot be 92.*at most 1,000,000"),
        ({"sample": 10**5000}, "'regularized-evolution.sample' cannot be a number of so many"),
        ({"sample": "9" * 5000}, "'regularized-evolution.sample' cannot be '99.*default 3"),
    ],
)
def test_wrong_settings_are_named(settings: dict, message: str) -> None:
    with pytest.raises(InvalidInput, match=message) as caught:
        make_settings(find_strategy("regularized-evolution"), settings)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("strategy", "setting", "value"),
    [
        ("random-search", "replacement", 1),
        ("random-search", "replacement", 0.0),
        ("reinforce", "learning_rate", 0),
        ("reinforce", "learning_rate", True),
        ("reinforce", "learning_rate", math.nan),
        ("reinforce", "learning_rate", "nan"),
        ("reinforce", "learning_rate", "inf"),
        pytest.param("reinforce", "learning_rate", 10**400, id="huge"),
        ("reinforce", "hidden", 0),
        ("reinforce", "layers", 0),
        ("reinforce", "baseline_decay", 1.0),
        ("reinforce", "entropy_weight", -0.1),
        ("reinforce", "reward_power", 0.0),
        ("reinforce", "baseline", "none"),
        ("regularized-evolution", "mutation", "cell"),
        ("reinforce-softmax", "learning_rate", -1.0),
        ("reinforce-softmax", "baseline_decay", -0.5),
        ("reinforce-softmax", "entropy_weight", -0.1),
        ("gp", "initial", 0),
        ("smac-rf", "trees", 0),
        ("tpe", "startup", -1),
        ("dehb", "factor", 0.0),
        ("hyperband", "reduction", 1),
        ("nsga2", "population", 0),
        ("llm-replay", "tries", 0),
        ("darts-2nd", "epochs", 0),
    ],
)
def test_settings_out_of_range_or_of_another_type_are_named(
    strategy: str, setting: str, value: object
) -> None:
    with pytest.raises(InvalidInput, match=f"setting '{strategy}.{setting}' cannot be"):
        make_settings(find_strategy(strategy), {setting: value})


def test_a_refused_setting_comes_from_another_process_as_it_was() -> None:
    with pytest.raises(InvalidInput) as refused:
        make_settings(find_strategy("gp"), {"initial": 0})
    again = pickle.loads(pickle.dumps(refused.value))
    assert str(again) == "setting 'gp.initial' cannot be 0: it must be 1 to 100000"


class Wide(SearchStrategy):
    """Settings of more kinds than the project's own strategies have."""

    family = "test"
    reference = "none"

    @dataclass(frozen=True)
    class Settings:
        """Hyperparameters."""

        widths: tuple[int, ...] = (3,)
        rates: list[float] = field(default_factory=list)
        kind: Literal["a", "b"] = "a"
        rate: float = 1.0

        def __post_init__(self) -> None:
            if self.rate > 2:
                raise ValueError("the rate\nis high")
            if self.rate < 0:
                raise KeyError

    ask = tell = lambda *_: None  # type: ignore[assignment]


def test_settings_survive_json() -> None:
    settings = make_settings(Wide, {"widths": (4, 5), "rates": [1, 0.5], "kind": "b", "rate": 2})
    again = make_settings(Wide, json.loads(json.dumps(asdict(settings))))
    assert again == settings
    assert again.widths == (4, 5)
    for wrong in ({"widths": [1, True]}, {"widths": 3}, {"widths": [2**63]}, {"widths": [1.5]},
                  {"rates": [math.nan]}, {"rates": [object()]}, {"kind": "c"}):  # fmt: skip
        with pytest.raises(InvalidInput, match=r"setting 'test_search:Wide\.\w+' cannot be"):
            make_settings(find_strategy("test_search:Wide"), wrong)


def test_settings_that_refuse_themselves_name_the_strategy() -> None:
    wide = find_strategy("test_search:Wide")
    line = "settings of strategy 'test_search:Wide' cannot be used: ValueError: the rate is high"
    with pytest.raises(InvalidInput, match=line):
        make_settings(wide, {"rate": 3})
    with pytest.raises(InvalidInput, match="cannot be used: KeyError"):
        make_settings(wide, {"rate": -1})


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
        ("no.such:Thing", "module 'no.such' cannot be imported .*put its folder on PYTHONPATH"),
        ("..foo:X", "module '..foo' cannot be imported"),
        (":X", "module '' cannot be imported"),
        ("json:", "module 'json' has no class ''"),
        ("json:Thing", "module 'json' has no class 'Thing'"),
        ("json:JSONDecoder", "is not a subclass of nasbench.SearchStrategy"),
        ("nasbench.strategies.base:SearchStrategy", "does not define ask, tell"),
    ],
)
def test_unknown_strategies_are_named(name: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        find_strategy(name)


BASE = """
from dataclasses import dataclass
from nasbench.strategies.base import SearchStrategy

class Mine(SearchStrategy):
    family = "test"
    reference = "none"
    def ask(self): ...
    def tell(self, trial, answer): ...
"""


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("raise RuntimeError('two\\nlines')", r"cannot be imported \(RuntimeError: two lines\)"),
        ("import sys\nsys.exit(3)", r"cannot be imported \(SystemExit: 3\)"),
        ("raise AttributeError('x')", r"cannot be imported \(AttributeError: x\)"),
        ("class Mine(:", r"cannot be imported \(SyntaxError: "),
        (f"{BASE}    Settings = 3", "Settings is no dataclass"),
        (f"{BASE}    class Settings:\n        size: int = 3", "Settings is no dataclass"),
        (
            f"{BASE}    @dataclass\n    class Settings:\n        size: int",
            "setting 'size' has no default; give it one, such as size: int = 10",
        ),
        (
            BASE.replace("    family = 'test'\n".replace("'", '"'), ""),
            "has no family: add family =",
        ),
        (BASE.replace('reference = "none"', 'reference = ""'), "has no reference: add"),
    ],
)
def test_broken_strategies_are_one_line(
    source: str,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name = f"mine_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(InvalidInput, match=message) as caught:
        find_strategy(f"{name}:Mine")
    assert str(caught.value).startswith(f"strategy '{name}:Mine'")
    assert "\n" not in str(caught.value)
    monkeypatch.setattr(
        registry, "entry_points", lambda group: [EntryPoint("bad", f"{name}:Mine", group)]
    )
    registry._load_all.cache_clear()
    with pytest.warns(UserWarning, match=f"'bad' of '{name}:Mine' cannot be loaded"):
        known = registry.strategies()
    registry._load_all.cache_clear()
    assert "bad" not in known
    assert "random-search" in known


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
    assert registry.name_of(known["mine"]) == "mine"
    registry._load_all.cache_clear()
    assert known["mine"].__name__ == "RandomSearch"
    assert "broken" not in known

"""Strategies of zero-cost proxies, on toy spaces: which candidates, in which order, which moves."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from nasbench.benchmarks.catalogue import load_table
from nasbench.benchmarks.proxy_scores import own_proxies
from nasbench.errors import InvalidInput
from nasbench.harness.search.budget import Budget, Clock, Stop
from nasbench.harness.search.loop import Trajectory, search
from nasbench.harness.search.study import Study
from nasbench.problem import Problem, Score, Scores
from nasbench.randomness import Random
from nasbench.spaces.base import Space
from nasbench.spaces.graph import GraphSpace
from nasbench.strategies.base import SearchStrategy
from nasbench.strategies.parts.candidates import draw_candidates, ranked
from nasbench.strategies.proxy import ProxyAlone
from nasbench.strategies.proxy_evolution import ProxyEvolution
from nasbench.strategies.registry import make_settings
from nasbench.testing.strategies import ToyBenchmark, toy_space

NAN = float("nan")


class Promising(ToyBenchmark):
    """A benchmark whose scores are the accuracies: a perfect proxy."""

    def score(self, request: Score) -> Scores:
        super().score(request)
        values = [float(self.accuracy[self.space.index(one)]) for one in request.architectures]
        return Scores(tuple(values), (0.0,) * len(values))


def searched(
    kind: type[SearchStrategy], benchmark: ToyBenchmark, evaluations: int, **settings: Any
) -> Trajectory:
    problem = Problem(benchmark.space, proxies=("params",))
    strategy = kind(problem, make_settings(kind, settings), Random(1))
    return search(strategy, benchmark, Clock(Budget(evaluations=evaluations)))


def best(benchmark: ToyBenchmark, number: int) -> list[tuple[int, ...]]:
    """The architectures of the highest accuracies, the best first."""
    order = np.argsort(-benchmark.accuracy)[:number]
    return [benchmark.space.architecture(int(one)) for one in order]


def test_ranking_puts_what_is_not_known_last_and_keeps_the_order_of_equals() -> None:
    scores = [1.0, NAN, 2.0, float("-inf"), 2.0]
    assert ranked("abcde", scores) == list("ceadb")


def test_candidates_of_a_small_space_are_all_of_it_in_random_order() -> None:
    space = toy_space((3, 4))
    for count in (0, 12, 99):
        drawn = [draw_candidates(space, count, Random(seed)) for seed in range(2)]
        assert sorted(drawn[0]) == sorted(space.architectures)
        assert drawn[0] != drawn[1]
    some = draw_candidates(space, 5, Random(0), known={(0, 0)})
    assert len(set(some)) == len(some) <= 5
    assert (0, 0) not in some
    with pytest.raises(InvalidInput, match="too many"):
        draw_candidates(toy_space((10,) * 7), 0, Random(0))
    with pytest.raises(InvalidInput, match="too many"):
        draw_candidates(GraphSpace("cells", ("a",), 4), 0, Random(0))


def test_a_perfect_proxy_finds_the_best_at_once() -> None:
    benchmark = Promising(toy_space((4, 4, 4)))
    assert searched(ProxyAlone, benchmark, 10).architectures == best(benchmark, 10)


def test_the_whole_space_is_evaluated_and_then_it_ends() -> None:
    """Candidates are drawn anew, without those that were seen."""
    for settings in ({}, {"candidates": 7}):
        benchmark = ToyBenchmark(toy_space((3, 3)))
        track = searched(ProxyAlone, benchmark, 99, **settings)
        assert track.stop is Stop.EXHAUSTED
        assert len(set(track.architectures)) == len(track.architectures) <= 9
    assert searched(ProxyAlone, ToyBenchmark(toy_space((3, 3))), 99).values.shape == (9, 1)


@pytest.mark.parametrize("kind", [ProxyAlone, ProxyEvolution])
def test_odd_benchmarks(kind: type[SearchStrategy]) -> None:
    """One architecture; all evaluations failed; all scores equal or unknown; one evaluation."""
    one = searched(kind, ToyBenchmark(toy_space((1, 1))), 5)
    assert (len(one.architectures), one.stop) == (1, Stop.EXHAUSTED)
    assert len(searched(kind, ToyBenchmark(toy_space((3, 3)), failing=1.0), 9).architectures) == 9
    for value in (NAN, 0.0, float("-inf")):
        benchmark = ToyBenchmark(toy_space((4, 4)))
        benchmark.promise[:] = value
        assert len(searched(kind, benchmark, 12).architectures) == 12
    assert len(searched(kind, ToyBenchmark(toy_space((3, 3))), 1).architectures) == 1


def test_the_first_population_are_the_best_candidates() -> None:
    benchmark = Promising(toy_space((4, 4, 4)))
    track = searched(ProxyEvolution, benchmark, 8, population=8)
    assert track.architectures == best(benchmark, 8)
    (request,) = benchmark.scored
    assert len(set(request.architectures)) == 64


def neighbours(space: Space, of: tuple[int, ...]) -> Sequence[tuple[int, ...]]:
    return list(space.neighbours(of))


def test_a_move_is_the_best_neighbour_of_a_winner() -> None:
    """With a population of one, the winner is the last one evaluated."""
    benchmark = Promising(toy_space((4, 4, 4)))
    track = searched(
        ProxyEvolution, benchmark, 9, population=1, sample=1, warmup=1, move=True, explore=0.0
    )
    for parent, child in zip(track.architectures, track.architectures[1:], strict=False):
        scores = {
            one: benchmark.accuracy[benchmark.space.index(one)]
            for one in neighbours(benchmark.space, parent)
        }
        assert scores[child] == max(scores.values())
    asked = [one for request in benchmark.scored for one in request.architectures]
    assert len(set(asked)) == len(asked)  # none is scored twice


def test_without_a_warm_up_nothing_is_scored() -> None:
    benchmark = ToyBenchmark(toy_space((4, 4, 4)))
    track = searched(ProxyEvolution, benchmark, 30, population=5, warmup=0)
    assert not benchmark.scored
    for child in track.architectures[5:]:
        assert any(child in neighbours(benchmark.space, one) for one in track.architectures)


def test_a_search_of_scores_alone_is_ended() -> None:
    class Asks(ProxyAlone):
        def ask(self) -> Score:  # type: ignore[override]
            return Score([self.space.architecture(0)], "params")  # type: ignore[attr-defined]

    with pytest.raises(InvalidInput, match="for no evaluation"):
        searched(Asks, ToyBenchmark(toy_space((2, 2))), 3)


def test_parameters_of_a_table_are_a_proxy_without_a_file() -> None:
    """The first evaluation is one of most parameters of all, and costs nothing to find."""
    table = load_table("digits")
    params = own_proxies(table, "digits")["params"].scores
    study = Study("proxy", benchmark="digits", settings={"candidates": 0}, budget="310s")
    trial = study.ask()
    assert trial is not None
    assert params[table.space.index(trial.architecture)] == params.max()


@pytest.mark.parametrize(
    "wrong", [{"candidates": -1}, {"population": 0}, {"explore": 1.5}, {"warmup": -1}]
)
def test_settings_that_cannot_be_are_refused(wrong: dict[str, Any]) -> None:
    kind = ProxyAlone if "candidates" in wrong else ProxyEvolution
    with pytest.raises(InvalidInput):
        make_settings(kind, wrong)

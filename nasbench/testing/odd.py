"""Odd input: what every strategy must survive, as tests of the conformance suite."""

import math
from collections.abc import Callable, Hashable
from typing import ClassVar

import numpy as np
import pytest

from nasbench.harness.search.loop import Trajectory
from nasbench.problem import ACCURACY, Answer, Evaluate, Problem, Score, Trial
from nasbench.randomness import Random
from nasbench.spaces.base import Architecture, EnumerableSpace
from nasbench.spaces.categorical import CategoricalSpace
from nasbench.spaces.pool import PoolSpace
from nasbench.strategies.base import Tag, TooFewFidelities, require_tags
from nasbench.strategies.registry import find_strategy, make_settings
from nasbench.testing.toys import (
    OWN,
    TOY_SIZES,
    ToyBenchmark,
    objectives_of,
    proxies_of,
    searched,
    toy_space,
)

_LARGE = TOY_SIZES[2]


class OneNetwork(CategoricalSpace):
    """A space whose architectures are all the same network."""

    def canonical(self, architecture: Architecture) -> Hashable:
        """Return the same key for all."""
        return "the network"


class Changed(ToyBenchmark):
    """A toy benchmark whose answers are changed before they are given."""

    def __init__(
        self, space: EnumerableSpace, change: Callable[[Answer, int], Answer], objectives: int
    ) -> None:
        """Let `change` return what is given for an answer and its number."""
        super().__init__(space, objectives=objectives)
        self.change = change

    def answer(self, request: Evaluate) -> Answer:
        """Return the changed answer."""
        return self.change(super().answer(request), len(self.asked))


def _constant(answer: Answer, number: int) -> Answer:
    return answer._replace(values=(50.0,) * len(answer.values))


def _first(answer: Answer, value: float) -> Answer:
    """Return an answer with another value of the first objective."""
    return answer._replace(values=(value, *answer.values[1:]))


def _not_a_number(answer: Answer, number: int) -> Answer:
    return _first(answer, math.nan)._replace(failed=True) if number % 3 == 0 else answer


def _infinite(answer: Answer, number: int) -> Answer:
    return _first(answer, (-math.inf, math.inf)[number % 2]) if number % 3 else answer


class OddInputs:
    """Tests of a strategy with input that is allowed and odd; see `StrategyConformance`."""

    strategy: ClassVar[str]
    evaluations: ClassVar[int]

    @property
    def _objectives(self) -> int:
        """How many objectives the toy problems of the strategy have: as few as it can search."""
        return find_strategy(self.strategy).least_objectives

    def _toy(
        self, space: EnumerableSpace, failing: float = 0.0, *, loss: bool = False
    ) -> ToyBenchmark:
        """Return a benchmark with as many objectives."""
        return ToyBenchmark(space, failing, loss=loss, objectives=self._objectives)

    def _changed(
        self, space: EnumerableSpace, change: Callable[[Answer, int], Answer]
    ) -> ToyBenchmark:
        return Changed(space, change, self._objectives)

    def _goes_on(self, benchmark: ToyBenchmark, workers: int = 1) -> Trajectory:
        """Search to the end of the budget, or until the strategy has nothing left to ask."""
        track = searched(
            find_strategy(self.strategy), 21, benchmark, self.evaluations, workers=workers
        )
        assert len(track.architectures) == self.evaluations or track.stop == "exhausted"
        assert track.architectures
        return track

    def test_a_space_with_one_architecture(self) -> None:
        """It is evaluated; then the search goes on with it or ends, and nothing is raised."""
        strategy = find_strategy(self.strategy)
        spaces: list[EnumerableSpace] = [toy_space((1,)), toy_space((1, 1, 1))]
        if Tag.DECISIONS not in strategy.tags:
            spaces.append(PoolSpace("toy pool", ["network"]))
        for space in spaces:
            track = self._goes_on(self._toy(space))
            assert set(track.architectures) == set(space.architectures)

    def test_all_evaluations_fail(self) -> None:
        """The search goes on without an answer, with one worker and with four."""
        for workers in (1, 4):
            track = self._goes_on(self._toy(toy_space(_LARGE), failing=1.0), workers)
            assert np.isnan(track.signal).all()
            assert not len(track.incumbents)

    def test_all_values_are_equal(self) -> None:
        """The first evaluation at the highest fidelity is the answer, and the search goes on."""
        track = self._goes_on(self._changed(toy_space(_LARGE), _constant))
        highest = track.fidelity == track.fidelity.max()
        assert track.incumbents[-1] == highest.argmax()

    def test_all_architectures_are_the_same_network(self) -> None:
        """A space of equal `canonical` keys is searched like any other."""
        self._goes_on(self._changed(OneNetwork("toy", toy_space(_LARGE).decisions), _constant))

    def test_a_budget_of_one_evaluation(self) -> None:
        """One architecture is evaluated, whatever the strategy has planned."""
        for workers in (1, 4):
            benchmark = self._toy(toy_space(_LARGE))
            track = searched(find_strategy(self.strategy), 22, benchmark, 1, workers=workers)
            assert len(track.architectures) == len(benchmark.asked) == 1

    def test_values_that_are_no_numbers(self) -> None:
        """NaN is a failed evaluation, an infinite value is no answer; neither ends the search."""
        for change in (_not_a_number, _infinite):
            track = self._goes_on(self._changed(toy_space(_LARGE), change))
            assert np.isfinite(track.signal[track.incumbents]).all()

    def test_fidelities_that_there_are_not(self) -> None:
        """Where none is offered it asks for none; if it compares several it says so in a line."""
        strategy, space = find_strategy(self.strategy), toy_space(_LARGE)
        objectives = objectives_of(ACCURACY, self._objectives)
        alone = Problem(space, objectives, proxies=proxies_of(strategy))
        if Tag.FIDELITIES not in strategy.tags:
            searching = strategy(alone, make_settings(strategy, {}), Random(23))
            request = searching.ask()
            if isinstance(request, Score):
                searching.tell(Trial(0, request), self._toy(space).score(request))
                request = searching.ask()
            assert isinstance(request, Evaluate)
            assert request.fidelity is None
            return
        for few in (alone, Problem(space, objectives, (OWN,), own=OWN)):
            with pytest.raises(TooFewFidelities) as raised:
                require_tags(strategy, self.strategy, few)
            assert "\n" not in str(raised.value)

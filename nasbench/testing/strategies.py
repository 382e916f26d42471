"""Conformance suite of strategies: what every strategy must do, as tests.

    from nasbench.testing.strategies import StrategyConformance

    class TestMine(StrategyConformance):
        strategy = "my_package.my_module:MyStrategy"

pytest collects the `test_` methods. They need no data: the benchmark is a small random one.
"""

import json
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any, ClassVar

import numpy as np
import pytest

from nasbench.benchmarks.tables.sealing import seal_test
from nasbench.benchmarks.tables.table import Table
from nasbench.benchmarks.tables.views import SearchColumns, TestColumns
from nasbench.errors import InvalidInput
from nasbench.harness.search.budget import Budget, Clock
from nasbench.harness.search.lockstep import search_together
from nasbench.harness.search.loop import search
from nasbench.problem import WAIT, Answer, Evaluate, Problem, Score, Trial
from nasbench.spaces import get_categorical
from nasbench.spaces.base import EnumerableSpace
from nasbench.spaces.pool import PoolSpace
from nasbench.strategies.base import Parallelism, SearchStrategy, Tag, require_tags
from nasbench.strategies.registry import find_strategy
from nasbench.testing.odd import OddInputs
from nasbench.testing.reach import reachable
from nasbench.testing.toys import (
    FIDELITIES,
    OWN,
    TOY_SIZES,
    ToyBenchmark,
    ToyLayers,
    made_for,
    problem_of,
    proxies_of,
    searched,
    toy_space,
)

__all__ = ["FIDELITIES", "StrategyConformance", "ToyBenchmark", "ToyLayers", "toy_space"]


class Poison:
    """A test set that must not be used: any access to it raises `AssertionError`."""

    def __getattribute__(self, name: str) -> Any:
        raise AssertionError(f"the search read '{name}' of the test set")

    def __getitem__(self, key: object) -> Any:
        raise AssertionError("the search read the test set")

    __iter__ = __len__ = __float__ = __array__ = __getitem__


class PoisonedBenchmark(ToyBenchmark):
    """A benchmark with test numbers that no search may read."""

    def __init__(self, space: EnumerableSpace, objectives: int) -> None:
        """Set the attribute `test`, where a search might look for test numbers, to a `Poison`."""
        super().__init__(space, objectives=objectives)
        self.test = Poison()


def _run(path: str, seed: int, sizes: tuple[int, ...], evaluations: int) -> list[Any]:
    """Run a strategy on a toy benchmark; return its trajectory as plain values."""
    found = find_strategy(path)
    benchmark = ToyBenchmark(toy_space(sizes), objectives=found.least_objectives)
    track = searched(found, seed, benchmark, evaluations)
    return [track.architectures, track.values.tolist(), track.seconds.tolist(), str(track.stop)]


class StrategyConformance(OddInputs):
    """Tests of a strategy: subclass it and set `strategy` to the strategy to be tested.

    `strategy` is a registered name or `package.module:Class`. The tests run it on small random
    benchmarks with its default settings. A failed check raises `AssertionError`.
    """

    strategy: ClassVar[str]
    evaluations: ClassVar[int] = 60
    """Budget of most tests, in evaluations."""
    mirrored: ClassVar[bool] = True
    """Whether a search of 100 minus the accuracy must ask for the same architectures as a search of
    the accuracy. Set it to False for a strategy that learns from the size of values, such as a
    policy whose rewards are scaled."""

    @property
    def _class(self) -> type[SearchStrategy]:
        return find_strategy(self.strategy)

    def test_describes_itself(self) -> None:
        """The strategy has a family and a reference, which tables show, and only known tags."""
        assert self._class.family
        assert self._class.reference
        assert isinstance(self._class.parallel, Parallelism)
        assert set(self._class.tags) <= set(Tag)

    def _spaces(self) -> list[EnumerableSpace]:
        """Return toy spaces of every kind on which the strategy can work."""
        found: list[EnumerableSpace] = [toy_space(sizes) for sizes in TOY_SIZES]
        if Tag.DECISIONS not in self._class.tags:
            found += [ToyLayers(), PoolSpace("toy pool", [f"network {i}" for i in range(20)])]
        if Tag.ENCODING in self._class.tags:
            found = [space for space in found if space.encodings()]
        return found

    def test_asks_only_for_architectures_of_its_space(self) -> None:
        """All requested architectures are in the space, for every kind of space its tags allow."""
        for space in self._spaces():
            track = searched(self._class, 1, self._toy(space), self.evaluations)
            assert track.architectures
            for one in track.architectures:
                assert space.contains(one), f"{one!r} is not in space '{space.name}'"

    def test_asks_only_for_fidelities_of_itsproblem_of(self) -> None:
        """With the tag, it asks for at least two fidelities, and only for those of its problem.

        Without the tag, it asks only for the task's own fidelity.
        """
        benchmark = self._toy(toy_space(TOY_SIZES[0]))
        searched(self._class, 2, benchmark, self.evaluations)
        asked = {(one.fidelity or OWN).epochs for one in benchmark.asked}
        if Tag.FIDELITIES in self._class.tags:
            assert len(asked) > 1, "its tag says that it asks for fidelities, and it does not"
            assert asked <= {one.epochs for one in FIDELITIES}
        else:
            assert asked == {OWN.epochs}, "it asks for fidelities, and no tag says so"

    def test_asks_only_for_scores_that_it_names(self) -> None:
        """With the tag, it asks for scores, of architectures of its space and proxies it names.

        Without the tag, it asks for none. A problem without proxies is refused.
        """
        names = proxies_of(self._class)
        if Tag.PROXIES in self._class.tags:
            assert names, "its tag says that it asks for scores, and `proxies` names no proxy"
            try:
                require_tags(self._class, self.strategy, Problem(toy_space(TOY_SIZES[0])))
            except InvalidInput:
                pass
            else:
                raise AssertionError("a problem without proxies is not refused")
        for space in self._spaces():
            benchmark = self._toy(space)
            searched(self._class, 13, benchmark, self.evaluations)
            assert bool(benchmark.scored) == bool(names), "its tag and its requests do not agree"
            for one in benchmark.scored:
                assert one.proxy in names
                assert one.architectures
                assert all(map(space.contains, one.architectures))

    def test_less_of_a_loss_is_better(self) -> None:
        """A search of a loss works; if `mirrored`, it asks as a search of the accuracy does."""
        runs = [
            searched(self._class, 12, self._toy(toy_space(TOY_SIZES[2]), loss=loss), 200)
            for loss in (False, True)
        ]
        if self.mirrored:
            assert runs[0].architectures == runs[1].architectures

    def test_several_trials_may_be_open(self) -> None:
        """With four workers it goes on to the end, and equal seeds give equal runs."""
        spaces = self._spaces()
        for space in spaces:
            runs = [
                searched(self._class, 11, self._toy(space), self.evaluations, workers=4)
                for _ in range(2)
            ]
            assert runs[0].architectures == runs[1].architectures
            assert len(runs[0].architectures) == self.evaluations or runs[0].stop == "exhausted"

    def test_with_several_workers_it_does_what_it_declares(self) -> None:
        """It waits as its `parallel` says; see `Parallelism`.

        An asynchronous one never waits while a worker is free and architectures are left; one that
        goes on in batches waits sometimes, with several trials open before, and never after the
        last of them; a sequential one is refused with several workers.
        """
        space, strategy = toy_space(TOY_SIZES[2]), self._class
        if strategy.parallel is Parallelism.SEQUENTIAL:
            with pytest.raises(InvalidInput, match="one trial at a time"):
                require_tags(strategy, self.strategy, problem_of(strategy, space, workers=4))
            return
        require_tags(strategy, self.strategy, problem_of(strategy, space, workers=4))
        waits, most = self._with_workers(made_for(strategy, 13, space, workers=4), 4)
        assert most > 1, "it never has several trials open"
        if strategy.parallel is Parallelism.ASYNCHRONOUS:
            assert not waits, "it waits while a worker is free, and says that it never does"
        else:
            assert waits, "it says that it waits for its batches, and never does"

    def _with_workers(self, strategy: SearchStrategy, workers: int) -> tuple[int, int]:
        """Search; return how often it waited with a worker free, and the most open trials."""
        benchmark, open_trials = self._toy(toy_space(TOY_SIZES[2])), list[Trial]()
        waits = most = number = 0
        while number < self.evaluations:
            request = strategy.ask() if len(open_trials) < workers else None
            if isinstance(request, Score):
                strategy.tell(Trial(number, request), benchmark.score(request))
                continue
            if isinstance(request, Evaluate):
                open_trials.append(Trial(number, request))
                number += 1
                most = max(most, len(open_trials))
                continue
            assert open_trials or request is not WAIT, "it waits, and no trial is open"
            waits += request is WAIT
            if not open_trials:
                break
            ended = open_trials.pop((7 * number) % len(open_trials))
            strategy.tell(ended, benchmark.answer(ended.request))
        return waits, most

    def test_same_seed_is_the_same_run_in_another_process(self) -> None:
        """Only the seed determines a run: no global generator, no hash order and no clock does."""
        arguments = (self.strategy, 3, TOY_SIZES[0], self.evaluations)
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            elsewhere = pool.submit(_run, *arguments).result()
        _run(self.strategy, 4, TOY_SIZES[1], 10)  # another run before it changes nothing
        assert _run(*arguments) == elsewhere

    def test_other_seeds_are_other_runs(self) -> None:
        """Runs with different seeds differ."""
        runs = [_run(self.strategy, seed, TOY_SIZES[2], 20)[0] for seed in range(4)]
        assert any(run != runs[0] for run in runs)

    def test_never_sees_test(self) -> None:
        """The search reads no test numbers, and nothing that it refers to leads to them.

        It also runs on NAS-Bench-201's space: a search that opens a table by itself gets an error
        there when it reads the test set.
        """
        for space in (toy_space(TOY_SIZES[0]), get_categorical("nb201")):
            benchmark = PoisonedBenchmark(space, self._objectives)
            with seal_test():
                strategy = made_for(self._class, 5, space)
                budget = Budget(evaluations=self.evaluations)
                search(strategy, benchmark, Clock(budget, None, benchmark.metrics))
            assert benchmark.asked
            held = list(reachable(strategy))
            assert not any(found is benchmark for found in held)
            assert not any(isinstance(found, (Table, TestColumns, SearchColumns)) for found in held)

    def test_respects_the_budget(self) -> None:
        """Charged seconds never exceed the budget; an answer that would exceed it is not told."""
        for seconds in (9.0, 17.5, 60.0):
            benchmark = self._toy(toy_space(TOY_SIZES[2]))
            strategy = made_for(self._class, 6, benchmark.space)
            told: list[Trial] = []
            tell = strategy.tell

            def spy(trial: Trial, answer: Answer, told: Any = told, tell: Any = tell) -> None:
                told.append(trial)
                tell(trial, answer)

            strategy.tell = spy  # type: ignore[method-assign]
            clock = Clock(Budget(seconds=seconds), None, benchmark.metrics, own=OWN.epochs)
            track = search(strategy, benchmark, clock)
            assert track.seconds.sum() <= seconds
            told = [trial for trial in told if not isinstance(trial.request, Score)]
            assert len(told) == len(track.architectures)
            assert len(benchmark.asked) - len(told) in (0, 1)

    def test_incumbent_is_the_best_by_validation(self) -> None:
        """The recorded incumbents are those that a plain loop over the trajectory finds.

        The first value at a higher fidelity than before replaces any value at a lower fidelity.
        """
        benchmark = self._toy(toy_space(TOY_SIZES[2]))
        track = searched(self._class, 8, benchmark, self.evaluations)
        best: tuple[int, float] = (0, -1.0)
        steps: list[int] = []
        epochs = [(one.fidelity or OWN).epochs for one in benchmark.asked]
        for step, accuracy in enumerate(track.signal.tolist()):
            if (epochs[step], accuracy) > best and epochs[step] >= best[0]:
                best, steps = (epochs[step], accuracy), [*steps, step]
        assert track.incumbents.tolist() == steps

    def test_survives_failed_evaluations(self) -> None:
        """A failed evaluation is charged, never becomes the incumbent, and the search goes on."""
        benchmark = self._toy(toy_space(TOY_SIZES[2]), failing=0.4)
        track = searched(self._class, 9, benchmark, self.evaluations)
        failed = np.isnan(track.signal)
        assert failed.any()
        assert not failed[track.incumbents].any()
        assert (track.seconds > 0).all()
        assert len(track.architectures) == self.evaluations or track.stop == "exhausted"

    def test_searches_together_are_those_alone(self) -> None:
        """A strategy that is advanced in groups makes the same searches, with the same bits.

        Groups are smaller after some searches have ended. Nothing is checked of other strategies.
        """
        number = vars(self._class).get("together", 1)
        space, budget = toy_space(TOY_SIZES[2]), Budget(seconds=60, evaluations=self.evaluations)

        def begun(seed: int) -> tuple[SearchStrategy, ToyBenchmark, Clock]:
            benchmark = self._toy(space, failing=0.2)
            benchmark.seconds = benchmark.seconds * (1 + seed / number)
            clock = Clock(budget, None, benchmark.metrics, own=OWN.epochs)
            return made_for(self._class, seed, space), benchmark, clock

        seeds = range(number) if number > 1 else ()
        with seal_test():
            for made, seed in zip(search_together([*map(begun, seeds)]), seeds, strict=True):
                alone = search(*begun(seed))
                assert made.trajectory.architectures == alone.architectures
                assert made.trajectory.values.tobytes() == alone.values.tobytes()

    def test_state_continues_identically(self) -> None:
        """A search whose state is written as JSON and read into a new object continues equally."""
        for after in (0, 1, 7, 23):
            space = toy_space(TOY_SIZES[0])
            benchmark, original = self._toy(space), made_for(self._class, 10, space)
            _advance(original, benchmark, after)
            text = json.dumps(original.state())
            restored = made_for(self._class, 999, space)
            restored.restore(json.loads(text))
            assert _advance(restored, benchmark, 25) == _advance(original, benchmark, 25)
            assert json.dumps(restored.state()) == json.dumps(original.state())


def _advance(strategy: SearchStrategy, benchmark: ToyBenchmark, steps: int) -> list[Any]:
    asked: list[Any] = []
    for number in range(steps):
        request = strategy.ask()
        if isinstance(request, Score):
            strategy.tell(Trial(number, request), benchmark.score(request))
            asked.append((list(request.architectures), request.proxy))
            continue
        if not isinstance(request, Evaluate):
            break
        strategy.tell(Trial(number, request), benchmark.answer(request))
        asked.append((request.architecture, request.fidelity))
    return asked

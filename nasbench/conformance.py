"""What every strategy must do, as tests that anyone can run on their own.

    from nasbench.conformance import StrategyConformance

    class TestMine(StrategyConformance):
        strategy = "my_package.my_module:MyStrategy"

pytest collects the `test_` methods. They need no data: the benchmark is a small random one.
"""

import gc
import json
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from types import FunctionType, ModuleType
from typing import Any, ClassVar

import numpy as np

from nasbench.benchmarks.tables.table import Table
from nasbench.benchmarks.tables.views import SearchColumns, TestColumns, seal_test
from nasbench.harness.budget import Budget, Clock
from nasbench.harness.loop import Trajectory, search
from nasbench.problem import Answer, Evaluate, Problem, Trial
from nasbench.randomness import Random
from nasbench.spaces import get_categorical
from nasbench.spaces.categorical import CategoricalSpace, Decision
from nasbench.strategies.base import SearchStrategy
from nasbench.strategies.registry import find_strategy, make_settings

TOY_SIZES = ((3, 2, 4, 3), (5, 1, 2), (2,) * 9)
"""Spaces that look nothing like NAS-Bench-201: uneven, with a forced decision, binary."""


def toy_space(sizes: tuple[int, ...]) -> CategoricalSpace:
    """Return a space with `sizes` choices per decision."""
    decisions = tuple(
        Decision(f"d{i}", tuple(f"c{k}" for k in range(n))) for i, n in enumerate(sizes)
    )
    return CategoricalSpace("toy", decisions)


class ToyBenchmark:
    """Random accuracies in 10 to 90 %, costs of 1 to 3 s, some evaluations failing."""

    def __init__(self, space: CategoricalSpace, failing: float = 0.0) -> None:
        """Let a share `failing` of the architectures fail, always the same ones."""
        generator = np.random.default_rng(7)
        self.space = space
        self.accuracy = generator.uniform(10, 90, space.size)
        self.seconds = generator.uniform(1, 3, space.size)
        self.fails = generator.random(space.size) < failing
        self.asked: list[Evaluate] = []

    def answer(self, request: Evaluate) -> Answer:
        """Answer and remember what was asked."""
        self.asked.append(request)
        index = self.space.index(request.architecture)
        if self.fails[index]:
            return Answer((0.0,), float(self.seconds[index]), 1, failed=True)
        return Answer((float(self.accuracy[index]),), float(self.seconds[index]), 1)


class Poison:
    """A test set that must not be touched: any use of it raises."""

    def __getattribute__(self, name: str) -> Any:
        raise AssertionError(f"the search read '{name}' of the test set")

    def __getitem__(self, key: object) -> Any:
        raise AssertionError("the search read the test set")

    __iter__ = __len__ = __float__ = __array__ = __getitem__


class PoisonedBenchmark(ToyBenchmark):
    """A benchmark that carries test numbers nobody may read."""

    def __init__(self, space: CategoricalSpace) -> None:
        """Put the poison where a curious search would look."""
        super().__init__(space)
        self.test = Poison()


def _run(path: str, seed: int, sizes: tuple[int, ...], evaluations: int) -> list[Any]:
    """Run a strategy on a toy benchmark; what it did, as plain values."""
    track = _search(find_strategy(path), seed, ToyBenchmark(toy_space(sizes)), evaluations)
    return [track.architectures, track.values.tolist(), track.seconds.tolist(), str(track.stop)]


def _make(strategy: type[SearchStrategy], seed: int, space: CategoricalSpace) -> SearchStrategy:
    return strategy(Problem(space), make_settings(strategy, {}), Random(seed))


def _search(
    strategy: type[SearchStrategy], seed: int, benchmark: ToyBenchmark, evaluations: int
) -> Trajectory:
    clock = Clock(Budget(evaluations=evaluations))
    with seal_test():
        return search(_make(strategy, seed, benchmark.space), benchmark, clock)


class StrategyConformance:
    """Subclass it with `strategy` set to a registered name or `package.module:Class`."""

    strategy: ClassVar[str]
    evaluations: ClassVar[int] = 60

    @property
    def _class(self) -> type[SearchStrategy]:
        return find_strategy(self.strategy)

    def test_describes_itself(self) -> None:
        """Its tables need a family and a reference."""
        assert self._class.family
        assert self._class.reference

    def test_asks_only_for_architectures_of_its_space(self) -> None:
        """Every choice is one that its decision has, on every toy space."""
        for sizes in TOY_SIZES:
            track = _search(self._class, 1, ToyBenchmark(toy_space(sizes)), self.evaluations)
            assert track.architectures
            for architecture in track.architectures:
                assert len(architecture) == len(sizes)
                assert all(0 <= c < n for c, n in zip(architecture, sizes, strict=True))

    def test_same_seed_is_the_same_run_in_another_process(self) -> None:
        """Nothing but the seed decides: no global generator, no hash order, no clock."""
        arguments = (self.strategy, 3, TOY_SIZES[0], self.evaluations)
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            elsewhere = pool.submit(_run, *arguments).result()
        _run(self.strategy, 4, TOY_SIZES[1], 10)  # another run before it changes nothing
        assert _run(*arguments) == elsewhere

    def test_other_seeds_are_other_runs(self) -> None:
        """The seed is used."""
        runs = [_run(self.strategy, seed, TOY_SIZES[2], 20)[0] for seed in range(4)]
        assert any(run != runs[0] for run in runs)

    def test_never_sees_test(self) -> None:
        """Poisoned test numbers stay untouched, and the search holds no way to them.

        It runs on NAS-Bench-201's space too, where a search that opens a table behind the
        harness's back finds its test set sealed.
        """
        for space in (toy_space(TOY_SIZES[0]), get_categorical("nb201")):
            benchmark = PoisonedBenchmark(space)
            with seal_test():
                strategy = _make(self._class, 5, space)
                search(strategy, benchmark, Clock(Budget(evaluations=self.evaluations)))
            assert benchmark.asked
            held = list(_reachable(strategy))
            assert not any(found is benchmark for found in held)
            assert not any(isinstance(found, (Table, TestColumns, SearchColumns)) for found in held)

    def test_respects_the_budget(self) -> None:
        """Charged seconds never exceed the budget; the overshooting answer is not told."""
        for seconds in (3.0, 17.5, 60.0):
            benchmark = ToyBenchmark(toy_space(TOY_SIZES[2]))
            strategy = _make(self._class, 6, benchmark.space)
            told: list[Trial] = []
            tell = strategy.tell

            def spy(trial: Trial, answer: Answer, told: Any = told, tell: Any = tell) -> None:
                told.append(trial)
                tell(trial, answer)

            strategy.tell = spy  # type: ignore[method-assign]
            track = search(strategy, benchmark, Clock(Budget(seconds=seconds)))
            assert track.seconds.sum() <= seconds
            assert len(told) == len(track.architectures)
            assert len(benchmark.asked) - len(told) in (0, 1)

    def test_incumbent_is_the_best_by_validation(self) -> None:
        """The recorded incumbents are those of a plain loop over the trajectory."""
        track = _search(self._class, 8, ToyBenchmark(toy_space(TOY_SIZES[2])), self.evaluations)
        best = -1.0
        steps: list[int] = []
        for step, accuracy in enumerate(track.signal.tolist()):
            if accuracy > best:
                best, steps = accuracy, [*steps, step]
        assert track.incumbents.tolist() == steps

    def test_survives_failed_evaluations(self) -> None:
        """A failed evaluation is charged, never the incumbent, and the search goes on."""
        benchmark = ToyBenchmark(toy_space(TOY_SIZES[2]), failing=0.4)
        track = _search(self._class, 9, benchmark, self.evaluations)
        failed = np.isnan(track.signal)
        assert failed.any()
        assert not failed[track.incumbents].any()
        assert (track.seconds > 0).all()
        assert len(track.architectures) == self.evaluations or track.stop == "exhausted"

    def test_state_continues_identically(self) -> None:
        """A search written as JSON and read into a fresh object asks the same from then on."""
        for after in (0, 1, 7, 23):
            space = toy_space(TOY_SIZES[0])
            benchmark, original = ToyBenchmark(space), _make(self._class, 10, space)
            _advance(original, benchmark, after)
            text = json.dumps(original.state())
            restored = _make(self._class, 999, space)
            restored.restore(json.loads(text))
            assert _advance(restored, benchmark, 25) == _advance(original, benchmark, 25)
            assert json.dumps(restored.state()) == json.dumps(original.state())


def _advance(strategy: SearchStrategy, benchmark: ToyBenchmark, steps: int) -> list[Any]:
    asked: list[Any] = []
    for number in range(steps):
        request = strategy.ask()
        if not isinstance(request, Evaluate):
            break
        strategy.tell(Trial(number, request), benchmark.answer(request))
        asked.append((request.architecture, request.fidelity))
    return asked


def _reachable(root: object) -> Iterator[object]:
    """Yield every object that `root` holds, directly or through others; not code or modules.

    Of a function, what it has captured is followed, not the module it is from.
    """
    seen, queue = {id(root)}, [root]
    while queue:
        current = queue.pop()
        yield current
        if isinstance(current, FunctionType):
            held = [current.__closure__, current.__defaults__, current.__kwdefaults__]
        else:
            held = gc.get_referents(current)
        for found in held:
            if id(found) not in seen and not isinstance(found, (type, ModuleType)):
                seen.add(id(found))
                queue.append(found)

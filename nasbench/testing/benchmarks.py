"""Conformance suite of benchmarks: what everything that answers a search must do, as tests."""

from typing import ClassVar

from nasbench.benchmarks.base import Benchmark
from nasbench.benchmarks.tables.table import Table
from nasbench.benchmarks.tables.views import TestColumns
from nasbench.errors import InvalidInput
from nasbench.problem import Answer, Evaluate, Fidelity
from nasbench.randomness import Random
from nasbench.spaces.base import Architecture
from nasbench.testing.reach import reachable


class BenchmarkConformance:
    """Tests of a benchmark: subclass it and define `benchmark`.

    A failed check raises `AssertionError`.
    """

    asked: ClassVar[int] = 50
    """Number of evaluations of a check; set it lower if each evaluation trains a network."""

    def benchmark(self) -> Benchmark:
        """Return the benchmark to be tested, the same one at every call."""
        raise NotImplementedError("define `benchmark`: it returns what is to be checked")

    def _drawn(self, benchmark: Benchmark, seed: int = 0) -> list[Architecture]:
        random = Random(seed)
        return [benchmark.space.sample(random) for _ in range(self.asked)]

    def _answers(self, benchmark: Benchmark, seed: int = 1) -> list[Answer]:
        session = benchmark.session(Random(seed))
        found = [session.answer(Evaluate(one)) for one in self._drawn(benchmark)]
        assert all(isinstance(one, Answer) for one in found)
        return found  # type: ignore[return-value]  # all are, see above

    def test_answers_are_values_and_costs(self) -> None:
        """An answer has a value within bounds for each objective, and costs more than 0 seconds."""
        benchmark = self.benchmark()
        assert benchmark.objectives
        for one in self._answers(benchmark):
            assert one.seconds > 0, f"an evaluation costs {one.seconds} s"
            assert one.epochs >= 0
            assert len(one.values) == len(benchmark.objectives)
            for value, metric in zip(one.values, benchmark.objectives, strict=True):
                assert one.failed or metric.low <= value <= metric.high, (
                    f"{metric.name} {value} is outside {metric.low} to {metric.high}"
                )

    def test_the_seed_of_a_session_decides(self) -> None:
        """Two sessions with equal seeds give equal answers, even with another session between."""
        benchmark = self.benchmark()
        first = self._answers(benchmark)
        self._answers(benchmark, seed=2)
        values = [(one.values, one.failed) for one in self._answers(benchmark)]
        assert values == [(one.values, one.failed) for one in first]

    def test_what_is_no_architecture_is_refused(self) -> None:
        """A request for a value that is not an architecture raises `InvalidInput`."""
        session = self.benchmark().session(Random(3))
        for wrong in (None, (), ("no", "such"), "no such", -1):
            try:
                session.answer(Evaluate(wrong))
            except InvalidInput:
                continue
            raise AssertionError(f"{wrong!r} is no architecture and has an answer")

    def test_fidelities_can_be_asked_for(self) -> None:
        """Fidelities are sorted by epochs, and an answer at a higher fidelity costs more."""
        benchmark = self.benchmark()
        epochs = [one.epochs for one in benchmark.fidelities]
        assert epochs == sorted(set(epochs)), f"fidelities are {epochs}: not ascending"
        session, before = benchmark.session(Random(4)), 0.0
        for fidelity in benchmark.fidelities:
            request = Evaluate(self._drawn(benchmark)[0], fidelity)
            answer = session.answer(request)
            assert isinstance(answer, Answer)
            assert answer.epochs <= fidelity.epochs
            assert answer.failed or answer.seconds > before
            before = answer.seconds

    def test_another_fidelity_is_refused(self) -> None:
        """A request at a fidelity that does not exist raises an error and gets no answer."""
        benchmark = self.benchmark()
        session = benchmark.session(Random(5))
        one = self._drawn(benchmark)[0]
        for wrong in (0, -1, 10**9):
            try:
                session.answer(Evaluate(one, Fidelity(wrong)))
            except (InvalidInput, LookupError, ValueError):
                continue
            except Exception as error:
                assert type(error).__module__.startswith("nasbench."), error
                continue
            raise AssertionError(f"a fidelity of {wrong} epochs has an answer")

    def test_bounds_hold(self) -> None:
        """No answer is better than `best_signal`, and none costs less than `cheapest`."""
        benchmark = self.benchmark()
        metric, best = benchmark.objectives[0], benchmark.best_signal
        for one in self._answers(benchmark):
            if not one.failed:
                assert one.seconds >= benchmark.cheapest
                assert best is None or metric.score(one.values[0]) <= best

    def test_it_holds_no_test(self) -> None:
        """Nothing that a benchmark refers to leads to a column of test values."""
        for found in reachable(self.benchmark()):
            assert not isinstance(found, (Table, TestColumns)), "it holds test values"

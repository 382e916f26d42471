"""Searches that go on together are those that each is alone; only real seconds are others."""

import warnings
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nasbench
from nasbench.benchmarks.catalogue import load_table
from nasbench.errors import InvalidInput
from nasbench.harness.execution import executors
from nasbench.harness.execution.executors import InProcess, Job, attempts
from nasbench.harness.execution.interruption import Interruption
from nasbench.harness.execution.run import make_experiment
from nasbench.harness.results.records import to_rows
from nasbench.harness.search.budget import Budget, Clock
from nasbench.harness.search.lockstep import search_together
from nasbench.harness.search.loop import FreeRepeats, Trajectory, search
from nasbench.harness.search.runner import Runner
from nasbench.harness.search.tasks import Wanted, make_tasks
from nasbench.problem import WAIT, Problem
from nasbench.randomness import Random
from nasbench.strategies.base import SearchStrategy
from nasbench.strategies.random_search import RandomSearch
from nasbench.strategies.registry import make_settings
from nasbench.strategies.reinforce import Reinforce
from nasbench.testing.strategies import FIDELITIES, ToyBenchmark, toy_space
from nasbench.trace import Trace
from tests.harness.asking import SuccessiveHalving

SIZES = (5, 4, 5)
TIMINGS = {"optimiser", "optimiser_seconds", "wall_seconds"}


class FewTimes(RandomSearch):
    """Asks between one and five times, which chance decides."""

    def setup(self) -> None:
        self.left = 1 + self.random.integer(5)

    def ask(self) -> Any:
        self.left -= 1
        return super().ask() if self.left >= 0 else None


class Traced(FewTimes):
    """Records a number with each evaluation, which its answer decides."""

    def setup(self) -> None:
        super().setup()
        self.noted: list[float] = []

    def tell(self, trial: Any, answer: Any) -> None:
        super().tell(trial, answer)
        self.noted.append(answer.seconds)

    def traced(self) -> list[dict[Trace, float]]:
        return [{Trace.number("half of the cost"): one / 2} for one in self.noted]


class Waits(RandomSearch):
    """Waits although nothing is open."""

    def ask(self) -> Any:
        return WAIT


def begun(
    kind: type[SearchStrategy], seed: int, budget: Budget, *, free: bool = False
) -> tuple[SearchStrategy, Any, Clock]:
    """Return a search on a benchmark that is the seed's own, some of its evaluations failing."""
    space, own = toy_space(SIZES), FIDELITIES[1]
    problem = Problem(space, fidelities=FIDELITIES, own=own)
    session: Any = ToyBenchmark(space, failing=0.2)
    session.seconds = np.random.default_rng(seed).uniform(1, 9, space.size)
    if free:
        session = FreeRepeats(session, own.epochs)
    strategy = kind(problem, make_settings(kind, {}), Random(seed))
    return strategy, session, Clock(budget, own=own.epochs)


def same(ours: Trajectory, theirs: Trajectory) -> None:
    """Assert that two trajectories have the same bits, real seconds apart."""
    for field in fields(Trajectory):
        one, other = getattr(ours, field.name), getattr(theirs, field.name)
        if field.name == "optimiser_seconds":
            assert one.shape == other.shape
            assert (one >= 0).all()
        elif isinstance(one, np.ndarray):
            assert (one.dtype, one.tobytes()) == (other.dtype, other.tobytes()), field.name
        elif field.name == "chosen":
            assert [part.tolist() for part in one] == [part.tolist() for part in other]
        else:
            assert one == other, field.name


@pytest.mark.parametrize("free", [False, True])
@pytest.mark.parametrize(
    "budget",
    [
        Budget(seconds=60, evaluations=99), Budget(evaluations=17), Budget(epochs=100),
        Budget(seconds=90, patience=4), Budget(seconds=0.5),
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", [RandomSearch, SuccessiveHalving, FewTimes, Traced, Reinforce])
def test_each_search_is_the_one_alone(
    kind: type[SearchStrategy], budget: Budget, free: bool
) -> None:
    together = search_together([begun(kind, seed, budget, free=free) for seed in range(9)])
    alone = [search(*begun(kind, seed, budget, free=free)) for seed in range(9)]
    for ours, theirs in zip(together, alone, strict=True):
        same(ours.trajectory, theirs)
        assert len(ours.trajectory.traces) == (len(theirs.architectures) if kind is Traced else 0)
    if budget.seconds == 60 and not free:
        assert len({len(one.architectures) for one in alone}) > 1  # they end at different times


def test_real_seconds_are_shared() -> None:
    """The strategy's seconds are part of a search's share; no share is missing or counted twice."""
    from time import perf_counter

    began = perf_counter()
    searches = [begun(Reinforce, seed, Budget(seconds=60)) for seed in range(9)]
    now = perf_counter()
    found = search_together(searches)
    ended = perf_counter()
    total = sum(one.seconds for one in found)
    assert 0.5 * (ended - now) < total <= ended - now < ended - began
    for one in found:
        assert 0 < one.trajectory.optimiser_seconds.sum() <= one.seconds * (1 + 1e-9)


def test_a_strategy_that_waits_for_nothing_is_refused() -> None:
    with pytest.raises(InvalidInput, match="no answer is still to come"):
        search_together([begun(Waits, seed, Budget(seconds=60)) for seed in range(3)])


class Spied(RandomSearch):
    """Counts calls for several searches; `fault` is done by the one with the given number."""

    together = 4
    calls: list[int] = []
    number = 0
    fault: Any = None

    def setup(self) -> None:
        self.steps = 0

    @classmethod
    def ask_together(cls, searches: Sequence[Any]) -> list[Any]:
        cls.calls.append(len(searches))
        return [one.ask() for one in searches]

    def ask(self) -> Any:
        self.steps += 1
        request = super().ask()
        if self.steps == 3 and request.architecture[0] == 0 and type(self).fault is not None:
            type(self).fault()
        return request


def fails() -> None:
    raise RuntimeError("it is a zero")


def prints() -> None:
    print("it is a zero")


def reads_test() -> None:
    load_table("nb201").test.mean("cifar10", 200)


FAULTS = {"none": None, "fails": fails, "prints": prints, "test": reads_test}


@pytest.fixture
def spied(monkeypatch: pytest.MonkeyPatch) -> type[Spied]:
    monkeypatch.setattr(Spied, "calls", [])
    return Spied


def experiment(strategy: type[SearchStrategy] | str, **wanted: Any) -> Any:
    (task,) = make_tasks("nb201", ["cifar10"], None, Wanted(**wanted))
    name = strategy if isinstance(strategy, str) else f"{__name__}:{strategy.__name__}"
    return make_experiment(task, name, {})


def rows(one: Any, runs: Sequence[Any]) -> dict[str, list[Any]]:
    """Return what is stored of runs, real seconds apart."""
    table = to_rows(one, list(runs)).to_pydict()
    return {name: values for name, values in table.items() if name not in TIMINGS}


@pytest.mark.usefixtures("synthetic_nb201")
@pytest.mark.parametrize("what", FAULTS)
def test_errors_and_logs_are_those_of_runs_alone(
    what: str, spied: type[Spied], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spied, "fault", staticmethod(FAULTS[what]) if FAULTS[what] else None)
    one = experiment(spied)
    runner, seeds = Runner(one), range(10)
    assert runner.together == 4
    made = attempts(runner, seeds, 0)
    assert max(spied.calls) == 4
    assert [run.seed for run in made] == list(seeds)
    alone = [Runner(one).run(seed) for seed in seeds]
    ours, theirs = rows(one, made), rows(one, alone)
    assert ours.pop("log") == theirs.pop("log") == [run.log for run in alone]
    errors = zip(ours.pop("error"), theirs.pop("error"), strict=True)
    assert all(one.splitlines()[-1:] == other.splitlines()[-1:] for one, other in errors)
    assert ours == theirs
    noted = sum(bool(run.error or run.log) for run in made)
    assert noted == 0 if what == "none" else 0 < noted < len(seeds)
    if what == "test":
        assert any("TestSetSealed" in run.error for run in made)
    assert all(run.wall_seconds > 0 for run in made)


@pytest.mark.usefixtures("synthetic_nb201")
def test_a_warning_is_in_the_log_of_the_run_that_gave_it(
    spied: type[Spied], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python shows a warning once; it has been shown when the run is made alone."""

    def shown(message: Any, *_: Any, **__: Any) -> None:
        print(message)

    monkeypatch.setattr(spied, "fault", staticmethod(lambda: warnings.warn("zero", stacklevel=1)))
    runner = Runner(experiment(spied))
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        monkeypatch.setattr(warnings, "showwarning", shown)
        logs = [run.log for run in attempts(runner, range(4), 0)]
    assert sorted(logs) == ["", "", "", "zero\n"]


@pytest.mark.usefixtures("synthetic_nb201")
def test_a_failed_seed_is_tried_again(spied: type[Spied], monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[int] = []
    alone = Runner.run
    monkeypatch.setattr(spied, "fault", staticmethod(fails))
    monkeypatch.setattr(Runner, "run", lambda self, seed: tried.append(seed) or alone(self, seed))
    made = attempts(Runner(experiment(spied)), range(4), 2)
    failed = {run.seed for run in made if run.error}
    assert failed
    assert [tried.count(seed) for seed in range(4)] == [3 if s in failed else 1 for s in range(4)]


@pytest.mark.usefixtures("synthetic_nb201")
@pytest.mark.parametrize("repeats", ["charge", "free"])
def test_twenty_runs_together_are_stored_like_those_alone(repeats: str) -> None:
    one = experiment("reinforce", repeats=repeats)
    runner = Runner(one)
    assert runner.together > 1
    together, alone = attempts(runner, range(20), 0), [runner.run(seed) for seed in range(20)]
    assert rows(one, together) == rows(one, alone)


class Inherits(Reinforce):
    """Asks like its parent; it has not said that it may be asked together."""


@pytest.mark.usefixtures("synthetic_nb201")
@pytest.mark.parametrize("strategy", ["random-search", "reinforce-softmax", Inherits])
def test_without_a_word_of_its_own_each_run_is_alone(
    strategy: type[SearchStrategy] | str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SearchStrategy, "ask_together", None)
    runner = Runner(experiment(strategy))
    assert runner.together == 1
    assert not any(run.error for run in attempts(runner, range(3), 0))


@pytest.mark.usefixtures("synthetic_nb201")
def test_simulated_workers_have_the_ordinary_loop() -> None:
    assert Runner(experiment("reinforce", simulated_workers=2)).together == 1


@pytest.mark.usefixtures("synthetic_nb201")
def test_a_command_advances_runs_together(
    spied: type[Spied], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first run is alone, as it is timed; quick ones are then advanced as many as allowed."""
    monkeypatch.setattr(spied, "fault", None)
    nasbench.run(spied, seeds=10, out=tmp_path, workers=1)
    assert spied.calls[0] == 4
    assert len(nasbench.load_results(tmp_path).runs) == 10


@pytest.mark.usefixtures("synthetic_nb201")
@pytest.mark.parametrize(("at_once", "left"), [(False, range(9)), (True, range(5))])
def test_a_user_who_stops_waits_for_one_group_or_loses_it(
    at_once: bool, left: range, spied: type[Spied], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One run, then groups of four; the user stops in the second group, gently or at once."""
    stop, groups, together = Interruption(), list[int](), Runner.run_together

    def interrupted(runner: Runner, seeds: Sequence[int]) -> Any:
        groups.append(len(seeds))
        if len(groups) == 3:
            stop.requested = True
            if at_once:
                raise KeyboardInterrupt
        return together(runner, seeds)

    monkeypatch.setattr(spied, "fault", None)
    monkeypatch.setattr(Runner, "run_together", interrupted)
    found: list[int] = []
    with pytest.raises(KeyboardInterrupt) if at_once else nullcontext():
        for _, made in InProcess().execute([Job(experiment(spied), range(20))], stop):
            found += made["seed"].to_pylist()
    assert found == list(left)
    assert groups == [1, 4, 4]


@pytest.mark.usefixtures("synthetic_nb201")
def test_long_runs_are_made_alone(spied: type[Spied], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spied, "fault", None)
    monkeypatch.setattr(executors, "_TOGETHER_SECONDS", 1e-9)
    every = InProcess().execute([Job(experiment(spied), range(5))], Interruption())
    assert sum(len(made) for _, made in every) == 5
    assert spied.calls == []

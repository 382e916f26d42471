"""Checks that runs come out the same when they are made again from their seeds.

Nothing that was trained before is used: trainings begin with an empty cache, and no checkpoint is
read. Where seconds are real they cannot come out the same. Then the stored seconds are charged, so
that a run ends where the stored one did, and everything else is compared.
"""

import os
import tempfile
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from nasbench.benchmarks.catalogue import load_table
from nasbench.errors import NasbenchError
from nasbench.harness.audit.findings import Finding
from nasbench.harness.audit.origin import made_here
from nasbench.harness.results.records import to_rows
from nasbench.harness.results.runs import ExperimentRuns
from nasbench.harness.search.budget import Stop
from nasbench.harness.search.experiment import Experiment, Run
from nasbench.harness.search.opening import close_benchmarks
from nasbench.harness.search.runner import Runner, stored_settings
from nasbench.harness.search.task import Task
from nasbench.place import HERE, Place
from nasbench.progress import Stages
from nasbench.provenance import processor
from nasbench.spaces import get_enumerable
from nasbench.strategies.registry import find_strategy

_TIMINGS = ("optimiser", "optimiser_seconds", "wall_seconds", "log", "error")
_HERE = ("processor", "device", "threads", "accelerator", "cpu_seconds")
"""Columns about where a run was made; earlier versions did not store all of them."""
_REAL = ("seconds", "clock_seconds")
"""Columns that are timings, too, where shared weights or networks are trained."""
_LOOSE = "; it was trained on {}, which need not add in the same order"
_NAMED = 8
"""Most columns that are named of a run that comes out different."""
_SLOWER = 10.0
"""Factor by which an evaluation of a stored run may have taken longer than its others suggest."""

Chosen = Sequence[tuple[ExperimentRuns, int]]
"""Runs to make again: an experiment and a seed each."""


def draw(
    found: Sequence[ExperimentRuns], number: int, seed: int
) -> list[tuple[ExperimentRuns, int]]:
    """Draw `number` runs at random, without replacement, failed ones included.

    The same `seed` draws the same runs.
    """
    every = [(one, int(run)) for one in found for run in one.seeds]
    generator = np.random.default_rng(seed)
    places = generator.choice(len(every), min(number, len(every)), replace=False)
    return [every[place] for place in sorted(places)]


def may_run(one: ExperimentRuns, *, trust: bool) -> bool:
    """Return whether a replay may import the strategy; one of another module needs `trust`."""
    return trust or ":" not in one.experiment.strategy


def ended_by_themselves(found: Sequence[ExperimentRuns]) -> list[tuple[ExperimentRuns, int]]:
    """Return the runs that are stored as exhausted: the strategy had nothing left to ask.

    So are those that scores of proxies may have ended, as they take time. Only a replay can check
    this, except where the whole space was asked, or where networks or
    shared weights were trained: such runs are left out.
    """
    chosen = []
    for one in found:
        task = one.experiment.task
        if one.experiment.task.trains:
            continue
        stops = np.array(one.table["stop"].to_pylist(), dtype=object)
        ended = stops == Stop.EXHAUSTED
        if one.experiment.charges_scores:
            ended |= stops == Stop.SECONDS
        whole = one.column("distinct") == _searched(task)
        chosen += [(one, int(seed)) for seed in one.seeds[ended & ~whole]]
    return chosen


def _searched(task: Task) -> int:
    """Return the number of architectures that a task searches."""
    try:
        return load_table(task.reference.name).space.size
    except NasbenchError:  # the table is not there, which is a finding of another check
        return get_enumerable(task.space).size


def replay(chosen: Chosen, progress: Stages, *, trust: bool) -> tuple[int, list[Finding]]:
    """Make runs again; return how many were made, and findings about those that differ by any bit.

    `progress` is told after each run. Without `trust`, no strategy of a module that only the
    results name is imported.
    """
    made, findings = 0, []
    progress.stage("replays")
    progress.start(len(chosen))
    real = any(one.experiment.task.trains for one, _ in chosen)
    runners: dict[tuple[str, Place | None], _Again | Finding] = {}
    with _nothing_trained() if real else nullcontext():
        for one, seed in chosen:
            place = next(iter(one.select(one.seeds == seed).places), None)
            key = one.experiment.digest(), place
            if key not in runners:
                runners.clear()  # supernets are large
                runners[key] = _runner(one, place, trust=trust)
            runner = runners[key]
            if isinstance(runner, Finding):
                findings.append(runner)
            else:
                made += 1
                differing = _differing(one, seed, runner)
                if differing:
                    what = f"seed {seed} comes out with another {_few(differing)}"
                    loose = _trained_elsewhere(one.select(one.seeds == seed), place)
                    findings.append(Finding("replay", one.label, f"{what}{loose}", fault=not loose))
            progress.advance()
    return made, findings


def _trained_elsewhere(run: ExperimentRuns, place: Place | None) -> str:
    """Return why a run's training may round otherwise here; empty where it may not.

    Processors differ in the instructions that torch uses, and so in last bits.
    """
    if not run.experiment.task.trains:
        return ""
    if place is not None and place.device != HERE.device:
        return _LOOSE.format("another device than a CPU")
    others = [one for one in run.processors if one not in (processor(), str(None), "")]
    return _LOOSE.format(f"a CPU of another kind, {others[0]}") if others else ""


def _runner(one: ExperimentRuns, place: Place | None, *, trust: bool) -> "_Again | Finding":
    """Return an object that makes an experiment's runs again, or a finding why none can."""
    experiment = one.experiment
    beside = one.files[0].path.parent if one.files else None
    if not may_run(one, trust=trust):
        what = "is a strategy of another module, not run without --trust"
        return Finding("replay", one.label, what, fault=False)
    try:
        strategy = find_strategy(experiment.strategy)
    except NasbenchError as error:
        return Finding("replay", one.label, f"cannot be run here: {error}", fault=False)
    try:
        stored_settings(strategy, experiment, beside)
    except NasbenchError as error:  # another version may have other settings
        what = f"cannot have been run by this version: {error}"
        return Finding("replay", one.label, what, fault=made_here(one.provenance))
    try:
        return _Again(experiment, place, beside)
    except NasbenchError as error:  # such as images that are not at hand
        what = f"cannot be run here: {error}"
        return Finding("replay", one.label, what, fault=not experiment.task.trains)


def _differing(one: ExperimentRuns, seed: int, runner: "_Again") -> list[str]:
    """Return the columns in which a run differs from the stored one; NaN is equal to NaN."""
    stored = one.select(one.seeds == seed)
    again = to_rows(one.experiment, [runner.again(seed, stored)])
    skipped = {*_TIMINGS, *_HERE, *(_REAL if one.experiment.task.trains else ())}
    names = [name for name in again.column_names if name not in skipped]
    return [name for name in names if _values(stored.table, name) != _values(again, name)]


def _few(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _values(table: pa.Table, name: str) -> str | None:
    return repr(table[name].to_pylist()) if name in table.column_names else None


@contextmanager
def _nothing_trained() -> Iterator[None]:
    """Let all trainings begin anew, with an empty folder for their results and checkpoints."""
    from nasbench.benchmarks.training.cache import CACHE_VARIABLE

    before = os.environ.get(CACHE_VARIABLE)
    close_benchmarks()  # an open one still has the cache that it was opened with
    with tempfile.TemporaryDirectory(prefix="nasbench-audit-") as folder:
        os.environ[CACHE_VARIABLE] = folder
        try:
            yield
        finally:
            if before is None:
                del os.environ[CACHE_VARIABLE]
            else:
                os.environ[CACHE_VARIABLE] = before
            close_benchmarks()


class _Again(Runner):
    """Makes stored runs again."""

    def __init__(
        self, experiment: Experiment, place: Place | None, beside: Path | None = None
    ) -> None:
        """Open the benchmark; raise `NasbenchError` where it cannot be opened."""
        super().__init__(experiment, place, beside)
        self._opened = self._benchmark

    def again(self, seed: int, stored: ExperimentRuns) -> Run:
        """Run a seed; where seconds are real, charge those of the stored run, the only row."""
        task = self.experiment.task
        if self.experiment.task.trains:
            seconds, epochs = stored.lists("seconds").values, stored.lists("epochs").values
            free = (seconds == 0) & (epochs == 0) & (task.repeats == "free")
            self._benchmark = _Charged(self._opened, seconds[~free].tolist(), task.budget.seconds)
        return self.run(seed)


class _Lent:
    """Wraps an object, and has all attributes of it that the wrapper does not define itself."""

    def __init__(self, lent: Any) -> None:
        self._lent = lent

    def __getattr__(self, name: str) -> Any:
        return getattr(self._lent, name)


class _Charged(_Lent):
    """A benchmark whose answers cost the stored seconds of one run."""

    def __init__(self, benchmark: Any, seconds: list[float], limit: float | None) -> None:
        super().__init__(benchmark)
        self._seconds, self._limit = seconds, limit

    def session(self, random: Any) -> "_ChargedSession":
        """Return the session of the run."""
        return _ChargedSession(self._lent.session(random), self._seconds, self._limit)


class _ChargedSession(_Lent):
    """A session whose answers cost the stored seconds, until all of these are used.

    The answer after the last stored one did not fit into the budget of seconds when the run was
    made. Its cost then is estimated from its cost now and the ratio of all earlier costs. If even
    `_SLOWER` times this estimate fits into the budget, stored evaluations are missing: the answer
    is charged the estimate, so that the run comes out longer than the stored one.
    """

    def __init__(self, session: Any, seconds: list[float], limit: float | None) -> None:
        super().__init__(session)
        self._left, self._limit = deque(seconds), limit
        self._there, self._here, self._cut = 0.0, 0.0, False

    def answer(self, request: Any) -> Any:
        """Answer a request, at the stored cost."""
        answer = self._lent.answer(request)
        if self._left:
            cost = self._left.popleft()
            self._there, self._here = self._there + cost, self._here + answer.seconds
        elif self._limit is None or not self._here:
            return answer
        else:
            expected = answer.seconds * self._there / self._here
            fits = not self._cut and self._there + _SLOWER * expected <= self._limit
            self._cut |= fits  # one more is enough to differ
            cost = expected if fits else self._limit + 1.0
        return answer._replace(seconds=cost)

"""What is run: a task, a strategy with settings, and how one seed of it becomes a run."""

import hashlib
import json
import traceback
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nasbench.benchmarks.base import Benchmark, Judge, Session, Verdict
from nasbench.benchmarks.judge import TableJudge
from nasbench.benchmarks.tables.table import Table
from nasbench.benchmarks.tables.views import seal_test
from nasbench.benchmarks.tabular import Signal, TabularBenchmark
from nasbench.errors import InvalidInput, NasbenchError
from nasbench.harness.execution.logs import Log
from nasbench.harness.search.budget import Budget, Clock
from nasbench.harness.search.loop import FreeRepeats, Trajectory, search
from nasbench.harness.search.selection import Promotion, Selection
from nasbench.problem import ACCURACY, Fidelity, Metric, Problem
from nasbench.randomness import Random
from nasbench.spaces import get_enumerable, get_space
from nasbench.strategies.base import DERIVED, SearchStrategy, require_tags
from nasbench.strategies.registry import find_strategy, make_settings

if TYPE_CHECKING:
    from pydantic import TypeAdapter

ENTROPY_RULE = 1
"""Number of the rule by which new experiments make their entropy; 0 is that of earlier versions."""


@dataclass(frozen=True)
class Task:
    """What is searched and judged: everything two runs must share to be compared."""

    benchmark: str
    table: str
    """SHA-256 of the table."""
    space: str
    protocol: str
    signal: Signal
    repeats: str
    budget: Budget
    final_schedule: int
    reports: tuple[str, ...]
    images: str = ""
    """SHA-256 of the images that shared weights are trained on; empty where none are, and in
    experiments that an earlier version began."""
    simulated_workers: int = 1
    """How many evaluations go on at once on the run's clock."""
    objectives: tuple[Metric, ...] = (ACCURACY,)
    """What is searched for and judged: of one the best is the answer, of several their front."""
    selection: Selection = Selection.HIGHEST
    """Which evaluation is the answer, where some are made at other fidelities than the task's."""
    promotion: Promotion = Promotion.RESTART
    """What an evaluation of an architecture at a higher fidelity than before is charged."""

    @property
    def metric(self) -> Metric:
        """The first objective."""
        return self.objectives[0]

    @property
    def shared(self) -> bool:
        """Whether shared weights are trained, instead of architectures evaluated."""
        return not self.signal.epochs

    def clock(self, best_score: float | None) -> Clock:
        """Return a clock that charges a run of the task; on `best_score` see `Clock`."""
        own = self.signal.epochs
        return Clock(self.budget, best_score, self.objectives, selection=self.selection, own=own)

    @property
    def judge(self) -> tuple[object, ...]:
        """What decides which number an architecture gets in the end."""
        return (
            self.benchmark, self.table, self.space, self.signal.dataset, self.final_schedule,
            self.reports, self.objectives,
        )  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        """Return the task as JSON values; what an earlier version had not, and is as then, is not.

        So the digest of an experiment that an earlier version began stays what it was.
        """
        values = asdict(self)
        values["objectives"] = [one.to_json() for one in self.objectives]
        if not self.images:
            del values["images"]
        if self.simulated_workers == 1:
            del values["simulated_workers"]
        if self.objectives == (ACCURACY,):
            del values["objectives"]
        for name, usual in (("selection", Selection.HIGHEST), ("promotion", Promotion.RESTART)):
            if values[name] == usual:
                del values[name]
        return values


@dataclass(frozen=True)
class Experiment:
    """One strategy with its settings on one task; seeds are added over time."""

    task: Task
    strategy: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    """All hyperparameters, defaults included."""
    seed: int = 0
    """Shifts every run's randomness."""
    entropy: int = 0
    """The experiment's own part of every run's randomness: see `entropy_of`."""
    entropy_rule: int = 0
    """How `entropy` was made: see `ENTROPY_RULE`."""

    def to_json(self) -> dict[str, Any]:
        """Return the whole experiment as JSON values; see `Task.to_json` on what is left out."""
        values = {**asdict(self), "settings": dict(self.settings), "task": self.task.to_json()}
        if not self.entropy_rule:
            del values["entropy_rule"]
        return values

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Experiment":
        """Read what `to_json` wrote; `ValueError` names what is missing or of a wrong type."""
        return _adapter().validate_python(data)

    def digest(self) -> str:
        """Return 8 hexadecimal digits that tell this experiment from every other."""
        text = json.dumps(self.to_json(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:8]


@dataclass(frozen=True)
class Run:
    """One finished seed: its trajectory and what the judge says of its incumbents."""

    seed: int
    trajectory: Trajectory | None
    """None where the run failed."""
    verdicts: Mapping[str, Verdict]
    """Per reported data set, aligned with `trajectory.incumbents`, of every objective."""
    wall_seconds: float
    error: str = ""
    """Traceback of a failed run."""
    log: str = ""
    """What the run printed."""


@lru_cache(maxsize=1)
def _adapter() -> "TypeAdapter[Experiment]":
    from pydantic import TypeAdapter

    return TypeAdapter(Experiment)


def entropy_of(
    rule: int,
    task: Task,
    strategy: str,
    settings: Mapping[str, Any],
    defaults: Mapping[str, Any],
) -> int:
    """Return an experiment's own part of its runs' randomness, 48 bits of a SHA-256.

    It makes runs with equal seeds independent of each other where they are counted as separate
    runs. By rule 1 the hash is of a JSON text with sorted keys: the rule's number, the strategy,
    the settings that differ from the defaults, the table's hash (where everything is trained, the
    hash of images and recipes), the images' hash where weights are shared, the searched data set
    and the protocol; and the names of the objectives where they are not accuracy alone. The budget
    is not in it: a run with a larger budget begins like one with a smaller. By rule 0, of earlier
    versions, the hash is of strategy and settings alone, so that searches of several data sets
    evaluate the same architectures for equal seeds.

    The number is stored with the experiment, so that a later change of a default does not change
    what a resumed one draws. Raises `InvalidInput` for a rule that there is not.
    """
    chosen = {name: value for name, value in settings.items() if value != defaults[name]}
    if rule == 0:
        identity: Any = [strategy, chosen]
    elif rule == ENTROPY_RULE:
        identity = {
            "rule": rule,
            "strategy": strategy,
            "settings": chosen,
            "table": task.table,
            "images": task.images,
            "dataset": task.signal.dataset,
            "protocol": task.protocol,
        }
        if task.objectives != (ACCURACY,):
            identity["objectives"] = [one.name for one in task.objectives]
    else:
        raise InvalidInput(
            f"entropy rule {rule} is unknown: this nasbench knows 0 to {ENTROPY_RULE}; upgrade it"
        )
    text = json.dumps(identity, sort_keys=True)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big")


def streams(experiment: Experiment, seed: int) -> tuple[Random, Random]:
    """Return the randomness of one run: the strategy's and the benchmark's.

    A `SeedSequence` joins the 32-bit words of its numbers, so that other numbers may make the same
    one where some are larger: such seeds enter as a hash of their text, by rule 0 as they are.
    """
    numbers = [experiment.seed, seed, experiment.entropy]
    if experiment.entropy_rule and max(numbers[:2]) >= 2**32:
        text = " ".join(map(str, numbers))
        numbers = [int.from_bytes(hashlib.sha256(text.encode()).digest(), "big")]
    sequence = np.random.SeedSequence(numbers)
    strategy, benchmark = sequence.spawn(2)
    return Random(strategy), Random(benchmark)


def random_of(identity: Mapping[str, Any], experiment_seed: int, seed: int) -> Random:
    """Return the randomness of a run outside any experiment: of its seeds and an identity."""
    text = json.dumps([identity, experiment_seed, seed], sort_keys=True, default=str)
    number = int.from_bytes(hashlib.sha256(text.encode()).digest(), "big")
    return Random(np.random.SeedSequence(number))


@lru_cache(maxsize=8)
def open_benchmark(task: Task) -> tuple[Benchmark, Judge]:
    """Return the benchmark and the judge of a task; one pair per process."""
    from nasbench.harness.search.trained import is_trained, open_trained

    if is_trained(task.benchmark):
        return open_trained(task)
    table = _table(task)
    space = get_enumerable(task.space)
    benchmark = TabularBenchmark(
        table.search, table.rows, space, task.signal, task.objectives,
        resume=task.promotion is Promotion.RESUME,
    )  # fmt: skip
    _check_budget(task, benchmark)
    return benchmark, _table_judge(task, table)


def open_judge(task: Task) -> Judge:
    """Return the judge of a task alone, for a search that asks its benchmark nothing."""
    from nasbench.harness.search.trained import is_trained, open_trained

    return open_trained(task)[1] if is_trained(task.benchmark) else _table_judge(task, _table(task))


def _table(task: Task) -> Table:
    from nasbench.benchmarks.catalogue import load_table

    table = load_table(task.benchmark)
    if table.hash != task.table:
        raise NasbenchError(
            f"benchmark '{task.benchmark}' has changed since these runs (table "
            f"{table.hash[:8]}, theirs {task.table[:8]}): use another --out folder"
        )
    return table


def _table_judge(task: Task, table: Table) -> TableJudge:
    space = get_enumerable(task.space)
    return TableJudge(
        table.test, table.rows, space, task.reports, task.final_schedule, task.objectives,
        table.search,
    )  # fmt: skip


def _check_budget(task: Task, benchmark: Benchmark) -> None:
    budget, epochs = task.budget, task.signal.epochs
    budget.check_cost(benchmark.cheapest / task.simulated_workers)
    if budget.epochs is not None and budget.epochs < epochs:
        raise InvalidInput(f"budget '{budget}' is below one evaluation ({epochs} epochs): raise it")
    if budget.seconds is not None and budget.seconds < benchmark.cheapest:
        raise InvalidInput(
            f"budget '{budget}' is below the cheapest evaluation "
            f"({benchmark.cheapest:.1f} s): nothing could be evaluated"
        )


class Begun(NamedTuple):
    """A run before its first request."""

    strategy: SearchStrategy
    session: Session
    clock: Clock
    set_up: float
    """Real seconds that making the strategy took: it may think before it asks."""


class Runner:
    """Runs seeds of one experiment; what they share is prepared once."""

    def __init__(self, experiment: Experiment) -> None:
        """Open the benchmark and check the settings; `NasbenchError` if either is amiss."""
        self.experiment = experiment
        self._strategy = find_strategy(experiment.strategy)
        self._settings = make_settings(self._strategy, experiment.settings)
        self._benchmark: Benchmark
        if self._strategy.rule == DERIVED:
            from nasbench.harness.search.shared import open_shared

            self._benchmark, self._judge = open_shared(
                experiment.task, self._strategy, self._settings
            )
        else:
            self._benchmark, self._judge = open_benchmark(experiment.task)
        task = experiment.task
        own = None if task.shared else Fidelity(task.signal.epochs, task.signal.schedule)
        self._problem = Problem(
            get_space(task.space), self._benchmark.objectives, self._benchmark.fidelities,
            task.simulated_workers, own,
        )  # fmt: skip
        require_tags(self._strategy, self._problem)

    def run(self, seed: int) -> Run:
        """Run one seed from start to verdict; an error on the way is recorded."""
        began, log = perf_counter(), Log()
        try:
            with log.recording():
                trajectory = self._search(seed)
            verdicts = self.judge(trajectory)
        except (Exception, SystemExit):
            error = traceback.format_exc()
            return Run(seed, None, {}, perf_counter() - began, error, log.text)
        if self.experiment.task.shared:
            self._checkpoint(seed).unlink(missing_ok=True)
        return Run(seed, trajectory, verdicts, perf_counter() - began, log=log.text)

    def begin(self, seed: int) -> "Begun":
        """Return a run before its first request."""
        task = self.experiment.task
        randoms = streams(self.experiment, seed)
        session = self._benchmark.session(randoms[1])
        if task.repeats == "free":
            session = FreeRepeats(session, task.signal.epochs)
        with seal_test():
            began = perf_counter()
            strategy = self._strategy(self._problem, self._settings, randoms[0])
            set_up = perf_counter() - began
        return Begun(strategy, session, task.clock(self._benchmark.best_signal), set_up)

    def judge(self, trajectory: Trajectory) -> Mapping[str, Verdict]:
        """Return what the judge says of a run's incumbents; `NasbenchError` where it has none."""
        steps = trajectory.incumbents
        if not len(steps):
            at = f" at {self.experiment.task.signal.epochs} epochs, the protocol's own fidelity,"
            at = at if self.experiment.task.selection is Selection.OWN else ""
            raise NasbenchError(f"no evaluation{at} succeeded within the budget")
        return self._judge.read([trajectory.architectures[step] for step in steps])

    def _search(self, seed: int) -> Trajectory:
        run = self.begin(seed)
        with seal_test():
            if self.experiment.task.shared:
                trajectory = self._resumable(seed, run.session, run.strategy, run.clock)
            else:
                trajectory = search(run.strategy, run.session, run.clock)
        trajectory.optimiser_seconds[:1] += run.set_up
        return trajectory

    def _resumable(self, seed: int, session: Any, strategy: Any, clock: Clock) -> Trajectory:
        """Search with a checkpoint after every epoch, which is there until the verdict is."""
        from nasbench.harness.search.shared import Resumable

        path = self._checkpoint(seed)
        try:
            return search(strategy, Resumable(session, strategy, path), clock)
        except Exception:  # to go on there would end there again
            path.unlink(missing_ok=True)
            raise

    def _checkpoint(self, seed: int) -> Path:
        from nasbench.harness.search.shared import checkpoint_path

        return checkpoint_path(self.experiment, seed)

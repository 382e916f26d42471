"""Running the seeds of an experiment."""

import traceback
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from time import perf_counter, process_time
from typing import Any, NamedTuple

from nasbench.benchmarks.base import Benchmark, FinalValues, Session
from nasbench.benchmarks.proxy_scores import ScoringSession
from nasbench.benchmarks.tables.sealing import seal_test
from nasbench.errors import NasbenchError
from nasbench.harness.execution.logs import Log
from nasbench.harness.search.budget import Clock
from nasbench.harness.search.copies import with_copies
from nasbench.harness.search.experiment import Experiment, Run, streams
from nasbench.harness.search.fidelities import installed_with_several
from nasbench.harness.search.lockstep import search_together
from nasbench.harness.search.loop import FreeRepeats, Trajectory, search
from nasbench.harness.search.opening import open_benchmark
from nasbench.harness.search.proxies import open_scores
from nasbench.harness.search.recorded import require_recorded
from nasbench.harness.search.shared import Resumable, checkpoint_path, open_shared
from nasbench.place import Place
from nasbench.problem import Fidelity, Problem
from nasbench.rules import Selection
from nasbench.strategies.base import DERIVED, SearchStrategy, TooFewFidelities, require_tags
from nasbench.strategies.registry import find_strategy, make_settings


def stored_settings(
    strategy: type[SearchStrategy], experiment: Experiment, beside: Path | None = None
) -> Any:
    """Return an experiment's settings as an object of the strategy's `Settings`.

    Copies of its files in the folder `beside` are taken instead of the files. Raises
    `InvalidInput` for settings that the strategy does not have.
    """
    known = (field.name for field in fields(strategy.Settings))
    return with_copies(strategy, make_settings(strategy, experiment.settings_of(known)), beside)


class Begun(NamedTuple):
    """A run before its first request."""

    strategy: SearchStrategy
    session: Session
    clock: Clock
    set_up: float
    """Real seconds that it took to make the strategy, which may compute before it asks."""


class Runner:
    """Runs seeds of one experiment; what they share is prepared once."""

    def __init__(
        self, experiment: Experiment, place: Place | None = None, beside: Path | None = None
    ) -> None:
        """Open the benchmark and check the settings; raise `NasbenchError` if either is wrong.

        `beside` is a folder with copies of the files that the settings name.

        Networks and shared weights are trained at `place`. If it is None, they are trained at the
        place that an earlier version stored, or else on one thread of the CPU.
        """
        self.experiment = experiment
        self.place = experiment.earlier_place if place is None else place
        self._strategy = find_strategy(experiment.strategy)
        self._settings = stored_settings(self._strategy, experiment, beside)
        self._benchmark: Benchmark
        if self._strategy.rule == DERIVED:
            self._benchmark, self._judge = open_shared(
                experiment.task, self._strategy, self._settings, self.place
            )
        else:
            self._benchmark, self._judge = open_benchmark(experiment.task, self.place)
        task = experiment.task
        own = None if task.shared else Fidelity(task.query.epochs, task.query.schedule)
        use = experiment.proxies
        self._scores = None if use is None else open_scores(task, use)
        self._problem = Problem(
            self._benchmark.space, self._benchmark.objectives, self._benchmark.fidelities,
            task.simulated_workers, own, () if use is None else use.names, task.constraints,
        )  # fmt: skip
        try:
            require_tags(self._strategy, experiment.strategy, self._problem)
        except TooFewFidelities as error:
            raise TooFewFidelities(f"{error} ({installed_with_several()})") from error
        self._check()

    def _check(self) -> None:
        self._strategy.check(self._problem, self._settings)
        require_recorded(self.experiment, self._strategy, self._settings)

    def check_seeds(self, seeds: Sequence[int]) -> None:
        """Raise `NasbenchError` for seeds whose runs the strategy cannot make."""
        self._strategy.check_seeds(self._settings, seeds)

    def run(self, seed: int) -> Run:
        """Run one seed and judge it; an error is recorded in the returned run, not raised."""
        began, computed, log = perf_counter(), process_time(), Log()
        try:
            with log.recording():
                trajectory = self._search(seed)
            finals = self.judge(trajectory)
        except (Exception, SystemExit):
            error = traceback.format_exc()
            wall, cpu = perf_counter() - began, process_time() - computed
            return Run(seed, None, {}, wall, error, log.text, self._recorded, cpu)
        if self.experiment.task.shared:
            self._checkpoint(seed).unlink(missing_ok=True)
        wall, cpu = perf_counter() - began, process_time() - computed
        return Run(seed, trajectory, finals, wall, "", log.text, self._recorded, cpu)

    @property
    def together(self) -> int:
        """The most seeds that `run_together` takes; 1 where each is better run alone."""
        scores = self._scores is not None
        alone = scores or self.experiment.task.trains or self._problem.workers > 1
        return 1 if alone else int(vars(self._strategy).get("together", 1))

    def run_together(self, seeds: Sequence[int]) -> list[Run]:
        """Return what `run` returns for each of the seeds; only real seconds are others.

        Returns no runs where seeds are to be run alone: a single one, and all if anything is raised
        or printed meanwhile, so that errors and logs are those of a run.
        """
        if len(seeds) == 1:
            return []
        log = Log()
        try:
            with log.recording(), warnings.catch_warnings():  # so that warnings come again
                runs = self._searched_together(seeds)
        except (Exception, SystemExit):
            return []
        return [] if log.text else runs

    def _searched_together(self, seeds: Sequence[int]) -> list[Run]:
        runs, begun, seconds = [], list[Begun](), []
        for seed in seeds:
            now = perf_counter()
            begun.append(self.begin(seed))
            seconds.append(perf_counter() - now)
        with seal_test():
            searched = search_together([one[:3] for one in begun])
        for seed, one, spent, (made, share) in zip(seeds, begun, seconds, searched, strict=True):
            now = perf_counter()
            made.optimiser_seconds[:1] += one.set_up
            finals = self.judge(made)
            runs.append(Run(seed, made, finals, spent + share + perf_counter() - now))
        return runs

    @property
    def _recorded(self) -> Place | None:
        """The place that is stored with a run; None for a search that trains nothing."""
        return self.place if self.experiment.task.trains else None

    def begin(self, seed: int) -> "Begun":
        """Return a run before its first request."""
        task = self.experiment.task
        randoms = streams(self.experiment, seed)
        session = self._benchmark.session(randoms[1])
        if task.repeats == "free":
            session = FreeRepeats(session, task.query.epochs)
        if self._scores is not None:
            session = ScoringSession(session, self._scores)
        with seal_test():
            began = perf_counter()
            strategy = self._strategy(self._problem, self._settings, randoms[0])
            self._begin_run(strategy, seed)
            set_up = perf_counter() - began
        return Begun(strategy, session, task.clock(self._benchmark.best_signal), set_up)

    def _begin_run(self, strategy: SearchStrategy, seed: int) -> None:
        strategy.begin_run(seed)

    def judge(self, trajectory: Trajectory) -> Mapping[str, FinalValues]:
        """Return the judge's finals on a run's incumbents, by data set.

        Raises `NasbenchError` where the run has no incumbent.
        """
        steps = trajectory.incumbents
        if not len(steps):
            constraints = self.experiment.task.constraints
            if constraints:
                named = " and ".join(map(str, constraints))
                raise NasbenchError(f"no evaluation within the budget succeeded and met '{named}'")
            at = f" at {self.experiment.task.query.epochs} epochs, the protocol's own fidelity,"
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
        """Search with a checkpoint after every epoch; it is kept until the run is judged."""
        path = self._checkpoint(seed)
        try:
            return search(strategy, Resumable(session, strategy, path), clock)
        except Exception:  # resuming from it would end in the same error
            path.unlink(missing_ok=True)
            raise

    def _checkpoint(self, seed: int) -> Path:
        return checkpoint_path(self.experiment, seed, self.place)

"""`nasbench run`: from names and numbers to stored runs."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from nasbench.benchmarks.catalogue import load_table
from nasbench.benchmarks.format import SUFFIX as TABLE_SUFFIX
from nasbench.benchmarks.protocols import (
    REPEATS,
    TRIALS,
    default_protocol,
    find_protocol,
)
from nasbench.benchmarks.protocols import Protocol as SearchProtocol
from nasbench.benchmarks.table import Table, search_name
from nasbench.benchmarks.tabular import Signal
from nasbench.errors import InvalidInput
from nasbench.harness.budget import Budget
from nasbench.harness.executors import Executor, InProcess, Processes
from nasbench.harness.experiment import Experiment, Run, Runner, Task, entropy_of
from nasbench.harness.seeds import parse_experiment_seed, parse_seeds
from nasbench.harness.store import ExperimentFolder, open_folder
from nasbench.harness.trained import PREFIX, trained_task, with_fallback
from nasbench.strategies.registry import find_strategy, make_settings

_FLUSH_SECONDS = 1.0
_SLOW_SECONDS = 0.05
_FLUSH_RUNS = 500

Settings = Mapping[str, Mapping[str, object]]
"""Hyperparameters that differ from the defaults, by strategy."""


class Progress(Protocol):
    """Is told how far a call of `run` has come."""

    def start(self, total: int, skipped: int) -> None:
        """`total` runs will be made; `skipped` are there already."""

    def advance(self, experiment: Experiment, run: Run) -> None:
        """One more run is finished."""


@dataclass(frozen=True)
class Outcome:
    """What one experiment's part of a call came to."""

    path: Path
    experiment: Experiment
    skipped: int
    """Seeds that were stored before."""
    finished: int
    failed: Mapping[int, str]
    """Last line of the traceback of each failed seed."""


def run(
    strategies: str | Sequence[str],
    *,
    seeds: int | str | Sequence[int] = 10,
    benchmark: str | Path = "nb201",
    datasets: str | Sequence[str] = "cifar10",
    protocol: str | SearchProtocol | None = None,
    budget: str | Budget | None = None,
    patience: int | None = None,
    target_regret: float | None = None,
    trials: str | None = None,
    repeats: str | None = None,
    settings: Settings | None = None,
    experiment_seed: int = 0,
    name: str | None = None,
    out: str | Path = "results",
    workers: int = 1,
    fallback: str | None = None,
    progress: Progress | None = None,
) -> list[Outcome]:
    """Search with every strategy on every data set, once per seed, and store the runs.

    Seeds that are stored already are skipped. `seeds` is a number (10 is 0 to 9), a text
    (`100-199`, `0,3,5-7`) or the seeds themselves; `budget` a text (`12000s`, `100evals`)
    or the protocol's own if None. Runs are the same bits whatever `workers`, order or
    interruptions. Raises `NasbenchError` for input that cannot be used.
    """
    wanted = parse_seeds(seeds)
    executor = _executor(workers)
    experiments = _experiments(
        _names(strategies), settings or {}, parse_experiment_seed(experiment_seed),
        _tasks(
            _located(benchmark), _names(datasets), protocol,
            trials=trials, repeats=repeats,
            budget=budget, patience=patience, target_regret=target_regret, fallback=fallback,
        ),
    )  # fmt: skip
    for experiment in experiments:
        Runner(experiment)  # every experiment is known to start before any of them runs
    plans = []
    for experiment in experiments:
        folder = open_folder(Path(out), experiment, name)
        done = folder.finished()
        plans.append((folder, [seed for seed in wanted if seed not in done]))
    if progress is not None:
        total = sum(len(missing) for _, missing in plans)
        progress.start(total, len(wanted) * len(plans) - total)
    return [_run_missing(f, len(wanted), missing, executor, progress) for f, missing in plans]


def _located(benchmark: str | Path) -> str:
    """Return a table's name, or the one absolute path of a table file: a task needs one name."""
    text = str(benchmark)
    return str(Path(text).resolve()) if text.endswith(TABLE_SUFFIX) else text


def _names(names: str | Sequence[str]) -> list[str]:
    parts = names.split(",") if isinstance(names, str) else names
    unique = dict.fromkeys(part.strip() for part in parts if part.strip())
    if not unique:
        raise InvalidInput("no strategy or data set is named: `nasbench list` shows what there is")
    return list(unique)


def _executor(workers: int) -> Executor:
    if workers < 1:
        raise InvalidInput(f"workers cannot be {workers}: it must be at least 1")
    return InProcess() if workers == 1 else Processes(workers)


def _tasks(
    benchmark: str,
    datasets: Sequence[str],
    protocol: str | SearchProtocol | None,
    *,
    trials: str | None,
    repeats: str | None,
    budget: str | Budget | None,
    patience: int | None,
    target_regret: float | None,
    fallback: str | None = None,
) -> list[Task]:
    """Return one task per data set."""
    if fallback not in (None, "train"):
        raise InvalidInput(f"fallback '{fallback}' is unknown: use train")
    if isinstance(budget, str):
        budget = Budget.parse(budget)
    if benchmark.startswith(PREFIX):
        return [
            _trained(benchmark, dataset, protocol, trials, repeats, budget, patience, target_regret)
            for dataset in datasets
        ]
    table = load_table(benchmark)
    if fallback:
        unknown = [name for name in datasets if not _has(table, name)]
        known = [name for name in datasets if name not in unknown]
        common: dict[str, Any] = {
            "trials": trials, "repeats": repeats, "budget": budget,
            "patience": patience, "target_regret": target_regret,
        }  # fmt: skip
        return [
            *map(with_fallback, _tasks(benchmark, known, protocol, **common) if known else ()),
            *(_trained(f"{PREFIX}{table.info.space}", name, None, **common) for name in unknown),
        ]
    if protocol is None:
        protocol = default_protocol(tuple(datasets))
    elif isinstance(protocol, str):
        protocol = find_protocol(protocol)
    protocol = replace(
        protocol, trials=trials or protocol.trials, repeats=repeats or protocol.repeats
    )
    for value, valid in ((protocol.trials, TRIALS), (protocol.repeats, REPEATS)):
        if value not in valid:
            raise InvalidInput(f"'{value}' is not one of {', '.join(valid)}")
    tasks = []
    for dataset in datasets:
        protocol.check(dataset)
        limit = budget or Budget(protocol.seconds[dataset])
        if patience is not None or target_regret is not None:
            limit = limit.stopping(patience, target_regret)
        tasks.append(
            Task(
                benchmark=benchmark,
                table=table.hash,
                space=protocol.space,
                protocol=protocol.name,
                signal=Signal(dataset, protocol.schedule, protocol.epochs, protocol.trials),
                repeats=protocol.repeats,
                budget=limit,
                final_schedule=protocol.final_schedule,
                reports=protocol.reports[dataset],
            )
        )
    return tasks


def _trained(
    benchmark: str,
    dataset: str,
    protocol: str | SearchProtocol | None,
    trials: str | None,
    repeats: str | None,
    budget: Budget | None,
    patience: int | None,
    target_regret: float | None,
) -> Task:
    if trials is not None or isinstance(protocol, SearchProtocol):
        raise InvalidInput(
            "a search by training names its seeds in the protocol: nb201-12@0,1/nb201-200@2,3"
        )
    if budget is not None and (patience is not None or target_regret is not None):
        budget = budget.stopping(patience, target_regret)
    return trained_task(benchmark, dataset, protocol, repeats, budget)


def _has(table: Table, dataset: str) -> bool:
    """Whether a table has any column a search on a data set could see."""
    return any(name.startswith(f"{search_name(dataset)}/") for name in table.search.names)


def _experiments(
    names: Sequence[str], settings: Settings, seed: int, tasks: Sequence[Task]
) -> list[Experiment]:
    for unused in settings.keys() - set(names):
        raise InvalidInput(
            f"settings are given for '{unused}', which is not run: add it to --strategy"
        )
    experiments = []
    for name in names:
        strategy = find_strategy(name)
        chosen = asdict(make_settings(strategy, settings.get(name, {})))
        entropy = entropy_of(name, chosen, asdict(strategy.Settings()))
        experiments += [Experiment(task, name, chosen, seed, entropy) for task in tasks]
    return experiments


def _run_missing(
    folder: ExperimentFolder,
    wanted: int,
    missing: Sequence[int],
    executor: Executor,
    progress: Progress | None,
) -> Outcome:
    """Run and store the missing seeds; an interruption stores what is finished first."""
    failed: dict[int, str] = {}
    with _Buffer(folder) as buffer:
        for run in executor.execute(folder.experiment, missing) if missing else ():
            buffer.add(run)
            if run.error:
                failed[run.seed] = run.error.strip().splitlines()[-1]
            if progress is not None:
                progress.advance(folder.experiment, run)
    return Outcome(
        folder.path,
        folder.experiment,
        skipped=wanted - len(missing),
        finished=len(missing) - len(failed),
        failed=failed,
    )


class _Buffer:
    """Gathers finished runs and stores them about once a second, and whatever happens at the end.

    A file per table run would be a hundred times more files than needed. What a killed process
    can lose is a second of quick runs; a slow run is stored at once.
    """

    def __init__(self, folder: ExperimentFolder) -> None:
        self._folder = folder
        self._runs: list[Run] = []
        self._since = time.monotonic()

    def add(self, run: Run) -> None:
        self._runs.append(run)
        waited = time.monotonic() - self._since
        slow = run.wall_seconds > _SLOW_SECONDS  # the next one may take as long
        if slow or waited > _FLUSH_SECONDS or len(self._runs) >= _FLUSH_RUNS:
            self._flush()

    def _flush(self) -> None:
        if self._runs:
            self._folder.append(self._runs)
            self._runs = []
        self._since = time.monotonic()

    def __enter__(self) -> "_Buffer":
        return self

    def __exit__(self, *_: object) -> None:
        self._flush()

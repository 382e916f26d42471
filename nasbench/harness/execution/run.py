"""`nasbench run`: from names and numbers to stored runs."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol, Unpack

import numpy as np
import pyarrow as pa

from nasbench.arguments import (
    require_names,
    require_optional_text,
    require_path,
    require_settings,
    require_type,
)
from nasbench.benchmarks.protocols import Protocol as SearchProtocol
from nasbench.benchmarks.training.devices import resolve_device
from nasbench.errors import InvalidInput
from nasbench.harness.execution.cluster import Limits, RayExecutor
from nasbench.harness.execution.executors import Automatic, Executor, InProcess, Job
from nasbench.harness.execution.interruption import draining
from nasbench.harness.execution.tuning import Tuning
from nasbench.harness.options import RunOptions, Settings, filled, spelled_out
from nasbench.harness.results.store import ExperimentFolder, open_folder
from nasbench.harness.results.waiting import told, waited
from nasbench.harness.search.budget import Budget
from nasbench.harness.search.copies import copy_files
from nasbench.harness.search.earlier import as_stored
from nasbench.harness.search.experiment import ENTROPY_RULE, Experiment, entropy_of
from nasbench.harness.search.known import about_unknown
from nasbench.harness.search.proxies import about_unmeasured, proxies_of, proxy_use
from nasbench.harness.search.runner import Runner
from nasbench.harness.search.seeds import parse_experiment_seed, parse_seeds
from nasbench.harness.search.several import possible, several, tasks_of_several
from nasbench.harness.search.shared import shared_task
from nasbench.harness.search.sweeps import supernets_of
from nasbench.harness.search.task import Task
from nasbench.harness.search.tasks import Wanted, make_tasks
from nasbench.harness.search.trained import found_images
from nasbench.limits import (
    CPUS,
    GPUS,
    PROXY_SECONDS,
    RETRIES,
    WORKERS,
    Count,
    per_core,
)
from nasbench.place import Place
from nasbench.provenance import cores
from nasbench.strategies.base import DERIVED, SearchStrategy, Tag
from nasbench.strategies.registry import (
    find_strategy,
    given_names,
    make_settings,
    recipe_settings,
)
from nasbench.text import shown


class Progress(Protocol):
    """Receives the progress of a call of `run`."""

    def start(self, total: int, skipped: int) -> None:
        """Begin: `total` runs will be made, `skipped` are stored already."""

    def advance(self, experiment: Experiment, runs: int) -> None:
        """Count `runs` more finished runs of `experiment`."""


@dataclass(frozen=True)
class RunSummary:
    """The result of one experiment in a call of `run`."""

    path: Path
    experiment: Experiment
    skipped: int
    """Seeds that were stored before."""
    finished: int
    failed: Mapping[int, str]
    """Last line of the traceback of each failed seed."""


def _silent(_: str) -> None:
    """Say nothing."""


@spelled_out(RunOptions)
def run(
    strategies: str | type[SearchStrategy] | Sequence[str | type[SearchStrategy]],
    *,
    progress: Progress | None = None,
    say: Callable[[str], None] = _silent,
    **options: Unpack[RunOptions],
) -> list[RunSummary]:
    """Search with every strategy on every data set, once per seed, and store the runs.

    A strategy is a name, `package.module:Class`, or a class itself, such as one of a notebook.
    Returns one `RunSummary` per strategy and data set. Seeds that are stored already are skipped.
    Options that are not described here are described by `nasbench run --help`.

    `seeds` is a number (10 is 0 to 9), a text (`100-199`, `0,3,5-7`) or the seeds themselves.
    `budget` is a text (`12000s`, `100evals`) or, if None, the protocol's own. Without `benchmark`,
    `datasets` and `protocol` the search is on CIFAR-10 of NAS-Bench-201 where that is installed,
    else on the bundled `digits`; where a strategy trains on images, the images of CIFAR-10 must be
    installed too. `benchmark` may also be several tables, or `all` that are installed: they are
    searched on all of their data sets, or on those of `datasets`. What cannot be searched then
    is left out, and `say` is told; a strategy that can search none of them is an error.
    `recipe` names settings that one-shot strategies come with; `settings` are applied after
    them.

    `signal` is what a query of a table with several training seeds returns: their `mean` or a
    `random` one; `trials` is its earlier name. `simulated_workers` is the number of evaluations of
    a run that go on at once on the clock of its table: strategies are told answers in the order in
    which evaluations end, and a budget of seconds limits the time that passes, not the sum over
    workers.

    `objective` is the metric to search for: one that the table has on validation images, such as
    `loss`, which is minimised. If None, it is the table's first metric, which is usually
    `accuracy`. The judge reads the same metric. With several metrics, such as `accuracy,latency`,
    the answer is a set, the front: all evaluations that no other one is better than. A cost that
    the table lacks may be of another table of the space: `latency:pixel3@nb201-hw:cifar10`, or
    without table and data set where only one fits; `say` is told which was taken.

    `constraint` bounds costs: `latency:pixel3<=5`. An architecture that does not meet it is
    evaluated, charged and stored, and is never the answer. Its score is worse than that of any
    that does, see `Problem.score`.

    Where a strategy asks for fidelities, the answer is the best evaluation at the highest fidelity
    that was reached (`selection` `highest`) or at the protocol's own (`own`). An architecture that
    is evaluated again at a higher fidelity is charged all of its epochs (`promotion` `restart`) or
    only those since its last evaluation (`resume`).

    A strategy may ask for scores of zero-cost proxies. Where these took seconds to measure,
    `proxy_seconds` states how many seconds of the table's clock are charged for each; without it,
    scores take no time and the budget must be a count.

    `workers` is the number of runs that go on at once. One run at a time is made in this process,
    several are made on Ray. `auto` begins in this process and gives the other runs to Ray where
    measurements show that this saves time; runs that train go to Ray at once. `ray_address`
    (`auto`, `HOST:PORT`, `ray://HOST:PORT`) is a cluster to use instead of an instance of our own.
    A run on Ray takes `cpus_per_run` CPUs and `gpus_per_run` GPUs. Networks and shared weights are
    trained on `device` (`auto`, `cpu`, `cuda`, `cuda:1`) with `threads` threads of the CPU; both
    are stored with each run but do not make another experiment. A run that fails is made again up
    to `retries` times and then recorded as failed. Runs have the same bits whatever the executor,
    order or interruptions.

    `tuning` is the record of `nasbench tune` that comes with tuned settings; it is stored with the
    runs. `progress` receives how far the runs are, `say` the lines about what was chosen.

    Raises `NasbenchError` for input that cannot be used. Raises `KeyboardInterrupt` after the user
    has asked to stop; finished runs are stored before.
    """
    chosen = filled(RunOptions, options)
    budget = chosen["budget"]
    chosen["settings"] = _by_name(chosen["settings"])
    benchmarks = several(chosen["benchmark"], say)
    if benchmarks is not None:
        chosen["benchmark"] = None
    check_types(chosen, "recipe", "name", "ray_address", "fallback", "trials")
    results = require_path("out", chosen["out"])
    wanted = parse_seeds(chosen["seeds"])
    limit = Budget.parse(budget) if isinstance(budget, str) else budget
    place = Place.read(resolve_device(chosen["device"], say), chosen["threads"])
    executor = _executor(chosen, say)
    names = _names("strategies", given_names(strategies))
    if chosen["signal"] is None:
        chosen["signal"] = chosen["trials"]
    tasks = _tasks(chosen, benchmarks, names, limit, place, say)
    values = _values(names, chosen["settings"] or {}, chosen["recipe"])
    shift, name = parse_experiment_seed(chosen["experiment_seed"]), chosen["name"]
    proxy_seconds = calibrated(names, chosen["proxy_seconds"])

    def ready(pair: tuple[str, int]) -> tuple[int, Experiment]:
        """Return a task's number, and an experiment that can start."""
        strategy, number = pair
        made = make_experiment(
            tasks[number], strategy, values[strategy], shift, limit, proxy_seconds
        )
        found = as_stored(made, results, name, place, say)
        Runner(found, place).check_seeds(wanted)
        return number, found

    experiments = _all_ready(names, tasks, ready, None if benchmarks is None else say)
    for experiment in experiments:
        _say_if_cut_short(experiment, say)
    unknown = (about_unknown(one.task, place) for one in experiments)
    for line in dict.fromkeys([*unknown, *_unmeasured(experiments)]):
        if line:
            say(line)
    tuning = chosen["tuning"]
    record = None if tuning is None else Tuning.read(tuning)
    images = _images(experiments, say)
    folders = [
        open_folder(
            results, one, name,
            tuning=record if record is not None and one.strategy == record.strategy else None,
            images=images.get(one.task.query.dataset),
        )
        for one in experiments
    ]  # fmt: skip
    for folder in folders:
        copy_files(folder.experiment, folder.path)
    jobs = []
    for folder in folders:
        done = folder.finished()
        jobs.append(Job(folder.experiment, [seed for seed in wanted if seed not in done], place))
    if progress is not None:
        total = sum(len(job.seeds) for job in jobs)
        progress.start(total, len(wanted) * len(jobs) - total)
    return _run_missing(folders, jobs, len(wanted), executor, progress, say)


def check_types(options: Mapping[str, Any], *texts: str) -> None:
    """Raise `InvalidInput` for an option of a wrong type; `texts` are names of text options."""
    if options["benchmark"] is not None:
        require_path("benchmark", options["benchmark"])
    for name, kinds, what in (
        ("protocol", (str, SearchProtocol), "a protocol's name, a Protocol, or None"),
        ("budget", (str, Budget), "a text such as '12000s' or '5evals', a Budget, or None"),
        ("tuning", Mapping, "the record of `nasbench tune`, or None"),
    ):  # fmt: skip
        if options.get(name) is not None:
            require_type(name, options[name], kinds, what)
    if options.get("settings") is not None:
        require_settings(options["settings"])
    for name in texts:
        require_optional_text(name, "a text", options[name])


def _by_name(settings: Any) -> Any:
    """Return settings by strategy, with the names of those that are given as classes."""
    if not isinstance(settings, Mapping):
        return settings
    return {given_names([one])[0]: values for one, values in settings.items()}


def _names(of: str, names: str | Sequence[str]) -> list[str]:
    unique = require_names(of, names)
    if not unique:
        raise InvalidInput("no strategy or data set is named: `nasbench list` shows what there is")
    return unique


def if_shared(names: Sequence[str]) -> Budget | None:
    """Return a placeholder budget if all strategies train shared weights, else None.

    Such strategies replace it by a budget of the epochs that they train.
    """
    return Budget(epochs=1) if len(shared_among(names)) == len(names) else None


def shared_among(names: Sequence[str]) -> list[str]:
    """Return the names of the strategies that train shared weights, which they do on images."""
    return [name for name in names if find_strategy(name).rule == DERIVED]


def calibrated(names: Sequence[str], proxy_seconds: Any) -> float | None:
    """Return the calibration of scores that a user states, checked; None where there is none.

    Raises `InvalidInput` where it is no such number, and where no strategy asks for scores.
    """
    if proxy_seconds is None:
        return None
    if not any(Tag.PROXIES in find_strategy(name).tags for name in names):
        raise InvalidInput(
            "--proxy-seconds: no strategy that is run asks for scores of a proxy: leave it away"
        )
    return PROXY_SECONDS.check(proxy_seconds)


def _unmeasured(experiments: Sequence[Experiment]) -> Iterator[str]:
    """Yield a line for each proxy of which a table's scores are not complete."""
    for one in experiments:
        if one.proxies is not None:
            for name, proxy in proxies_of(one.task, one.proxies).items():
                line = about_unmeasured(name, proxy)
                yield line and f"'{one.task.query.dataset}' of '{one.task.benchmark}': {line}"


def _say_if_cut_short(experiment: Experiment, say: Callable[[str], None]) -> None:
    """Say so where a budget ends a search of shared weights before the end of its schedule."""
    own, given = experiment.settings.get("epochs"), experiment.task.budget.epochs
    if not experiment.task.shared or not own or not given:
        return
    supernets = supernets_of(experiment.settings)
    if given < own * supernets:
        name = experiment.strategy
        say(
            f"{name}: the budget ends it after {given} of its {own * supernets} epochs, its "
            f"schedules with it; --set {name}.epochs={max(1, given // supernets)} fits them"
        )


def _images(
    experiments: Sequence[Experiment], say: Callable[[str], None]
) -> dict[str, dict[str, Any]]:
    """Say which images were found in a user's own data sets, and return this by data set."""
    found = {one.task.query.dataset: found_images(one.task) for one in experiments}
    for one in found.values():
        if one is not None:
            say("\n".join(one.lines()))
    return {name: one.to_json() for name, one in found.items() if one is not None}


def _executor(options: RunOptions, say: Callable[[str], None]) -> Executor:
    """Return the executor; on a cluster, `auto` workers are as many as there is room for."""
    address = options["ray_address"]
    cpus, gpus = options["cpus_per_run"], options["gpus_per_run"]
    number = parse_workers(options["workers"], WORKERS if address is not None else None)
    for limit, value in ((CPUS, cpus), (GPUS, gpus)):
        if limit.check(value) > 1 and value != int(value):
            raise InvalidInput(
                f"{limit.name} cannot be {value}: it must be a share such as 0.25, or a whole "
                "number"
            )
    retries = RETRIES.check(options["retries"])
    if address is not None:
        return RayExecutor(Limits(number, cpus, gpus), address=address, retries=retries)
    automatic, number = number is None, number or cores()
    here, parallel = InProcess(retries), RayExecutor(Limits(number, cpus, gpus), retries=retries)
    if automatic:
        return Automatic(here, parallel, number, say)
    return here if number == 1 else parallel


def parse_workers(workers: int | str, most: Count | None = None) -> int | None:
    """Return the number of runs that go on at once, None for `auto`.

    Raises `InvalidInput` for anything else, and for a number above the limit: `most`, or what this
    machine has cores for.
    """
    if workers == "auto":
        return None
    most = most or per_core("workers")
    if isinstance(workers, str) and not workers.strip().lstrip("+-").isdecimal():
        raise InvalidInput(
            f"workers cannot be {shown(workers)}: it must be a number or auto "
            f"({most.least} to {most.most})"
        )
    return most.read(workers)


def _tasks(
    options: Mapping[str, Any],
    benchmarks: Sequence[str | Path] | None,
    names: Sequence[str],
    budget: Budget | None,
    place: Place,
    say: Callable[[str], None],
) -> list[Task]:
    """Return the tasks that strategies are to search; `benchmarks` is None for a single one."""
    datasets = options["datasets"]
    datasets = None if datasets is None else _names("datasets", datasets)
    protocol, fallback = options["protocol"], options["fallback"]
    wanted = Wanted.read(options, budget or if_shared(names))
    if benchmarks is not None:
        return tasks_of_several(
            benchmarks, datasets, protocol, wanted, fallback=fallback, place=place, say=say
        )
    return make_tasks(
        options["benchmark"], datasets, protocol, wanted,
        fallback=fallback, shared=shared_among(names), place=place, say=say,
    )  # fmt: skip


def _all_ready(
    names: Sequence[str],
    tasks: Sequence[Task],
    ready: Callable[[tuple[str, int]], tuple[int, Experiment]],
    say: Callable[[str], None] | None,
) -> list[Experiment]:
    """Return an experiment for each strategy and task, so that no run begins if one cannot start.

    With `say`, searches that cannot start are left out, as `several.possible` does it, and
    experiments are in the order of tasks, since tables are opened one by one.
    """

    def about(pair: tuple[str, int]) -> str:
        task = tasks[pair[1]]
        return f"{pair[0]} on '{task.query.dataset}' of '{task.benchmark}'"

    found = []
    for name in names:
        pairs = [(name, number) for number in range(len(tasks))]
        found += list(map(ready, pairs)) if say is None else possible(pairs, ready, about, say)
    if say is not None:
        found.sort(key=lambda one: one[0])
    return [one for _, one in found]


def _values(
    names: Sequence[str], settings: Settings, recipe: str | None
) -> dict[str, Mapping[str, object]]:
    """Return the settings of each strategy that differ from its defaults.

    Raises `InvalidInput` for settings of a strategy that is not run, and for a recipe that no
    strategy has.
    """
    for unused in settings.keys() - set(names):
        raise InvalidInput(
            f"settings are given for '{unused}', which is not run: add it to --strategy"
        )
    recipes = {known for name in names for known in find_strategy(name).recipes}
    if recipe is not None and not recipes:
        raise InvalidInput(
            f"recipe {shown(recipe)}: no strategy that is run has recipes: leave it out"
        )
    return {
        name: {**recipe_settings(find_strategy(name), recipe), **settings.get(name, {})}
        for name in names
    }


def make_experiment(
    task: Task,
    name: str,
    values: Mapping[str, object],
    seed: int = 0,
    budget: Budget | None = None,
    proxy_seconds: float | None = None,
) -> Experiment:
    """Return the experiment of a strategy with settings on a task.

    `values` are the settings that differ from the defaults. `budget` is the user's budget; a
    strategy that trains shared weights trains for the epochs of its settings where that is None.
    `proxy_seconds` is the calibration of what scores of proxies cost, see `proxy_use`.
    """
    strategy = find_strategy(name)
    made = make_settings(strategy, values)
    if strategy.rule == DERIVED:
        task = shared_task(task, name, made, budget)
    settings = asdict(made)
    proxies = proxy_use(task, name, strategy, made, proxy_seconds)
    usual = asdict(strategy.Settings())
    files = {*strategy.files, *strategy.files.values()}
    drawing = {one: value for one, value in settings.items() if one not in files}
    entropy = entropy_of(ENTROPY_RULE, task, name, drawing, usual, proxies)
    return Experiment(task, name, settings, seed, entropy, ENTROPY_RULE, proxies)


def _run_missing(
    folders: Sequence[ExperimentFolder],
    jobs: Sequence[Job],
    wanted: int,
    executor: Executor,
    progress: Progress | None,
    say: Callable[[str], None],
) -> list[RunSummary]:
    """Run and store the missing seeds; on an interruption, finished runs are stored first."""
    failed: list[dict[int, str]] = [{} for _ in jobs]
    waits: list[tuple[float, float]] = []
    with draining(say) as stop:
        for number, rows in executor.execute(jobs, stop):
            folders[number].append(rows)
            failed[number] |= _failures(rows)
            waits += _waits(rows)
            if progress is not None:
                progress.advance(jobs[number].experiment, len(rows))
    _say_if_waited(waits, say)
    if stop.requested:
        raise KeyboardInterrupt
    return [
        RunSummary(
            folder.path,
            folder.experiment,
            skipped=wanted - len(job.seeds),
            finished=len(job.seeds) - len(errors),
            failed=errors,
        )
        for folder, job, errors in zip(folders, jobs, failed, strict=True)
    ]


def _waits(rows: pa.Table) -> list[tuple[float, float]]:
    """Return the real and the CPU seconds of the runs that waited for a busy machine."""
    if "cpu_seconds" not in rows.column_names:  # nothing was trained
        return []
    wall, cpu = (rows[name].to_numpy() for name in ("wall_seconds", "cpu_seconds"))
    late = waited(wall, cpu, rows["device"].to_pylist())
    return list(zip(wall[late].tolist(), cpu[late].tolist(), strict=True))


def _say_if_waited(waits: Sequence[tuple[float, float]], say: Callable[[str], None]) -> None:
    if waits:
        wall, cpu = np.array(waits).T
        say(
            f"{len(waits)} of the runs waited for a busy machine: {told(wall, cpu)}; so their "
            "seconds are too many, and a budget of seconds bought too little: use fewer --workers "
            "or --threads, or a machine with less other work"
        )


def _failures(rows: pa.Table) -> dict[int, str]:
    """Return the last line of each failed seed's error, by seed."""
    pairs = zip(rows["seed"].to_pylist(), rows["error"].to_pylist(), strict=True)
    return {seed: error.strip().splitlines()[-1] for seed, error in pairs if error}

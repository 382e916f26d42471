"""`nasbench tune`: find a strategy's settings on seeds that reporting may not use.

Ray Tune proposes the default settings first and then random ones. Its scheduler stops bad settings
early: ASHA (Li et al., MLSys 2020), whose resource is the number of seeds. A trial is an ordinary
experiment in an ordinary results folder, so every tuning run is stored, and none is made twice.
Settings are chosen by validation; the judge's test values are stored as always, but not used.
"""

import importlib
import math
import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from nasbench.benchmarks.training.devices import resolve_device
from nasbench.errors import InvalidInput, NasbenchError, StoreError
from nasbench.files import check_writable
from nasbench.harness.execution.executors import attempts
from nasbench.harness.execution.ray_instance import ray_instance
from nasbench.harness.execution.run import (
    calibrated,
    make_experiment,
    parse_workers,
    shared_among,
)
from nasbench.harness.execution.tuning import Tuning, write_tuned
from nasbench.harness.results.records import to_rows
from nasbench.harness.results.runs import ExperimentRuns
from nasbench.harness.results.store import ExperimentFolder, open_folder
from nasbench.harness.search.experiment import Experiment
from nasbench.harness.search.runner import Runner
from nasbench.harness.search.seeds import parse_experiment_seed, parse_seeds
from nasbench.harness.search.task import Task
from nasbench.harness.search.tasks import Wanted, make_tasks
from nasbench.leftovers import temporary_folder
from nasbench.limits import SAMPLES, TUNING_SEEDS
from nasbench.place import HERE, Place
from nasbench.progress import Progress, Unseen
from nasbench.provenance import cores, provenance
from nasbench.strategies.base import SearchStrategy
from nasbench.strategies.registry import find_strategy, make_settings, name_of
from nasbench.text import file_name

METRICS = ("regret", "signal")
"""`regret`: how much worse the answer's final validation value is than the table's best.
`signal`: the answer's validation value as the search itself was told it. Both are in the unit of
the objective."""
FAILED = 1e9
"""Value of settings that are refused or whose runs fail; finite, as the scheduler requires."""
_FEWEST = 5
"""Seeds after which bad settings are first stopped."""
_FACTOR = 3
_RANGE = re.compile(r"(?P<low>[^.]\S*?|\.\d\S*?)\.\.(?P<high>\S+?)(?P<log>:log)?")


class Span(NamedTuple):
    """Numbers from `low` to `high`, both included; `log` spreads them evenly in their logarithm."""

    low: float
    high: float
    whole: bool
    log: bool


Choices = Span | tuple[str, ...]


@dataclass(frozen=True)
class _Plan:
    """What a trial needs, as plain values."""

    strategy: str
    task: Task
    experiment_seed: int
    blocks: tuple[tuple[int, ...], ...]
    metric: str
    out: Path
    place: Place
    proxy_seconds: float | None


class _Report(NamedTuple):
    """The result of a trial's settings so far."""

    value: float
    seeds: int
    """Number of seeds that `value` is the mean of."""
    reason: str = ""
    """Reason of a failure, empty without one."""
    stored: bool = True
    """Whether its runs could be stored."""


def tune(
    strategy: str,
    space: str,
    *,
    tuning_seeds: int | str | Sequence[int],
    metric: str = METRICS[0],
    samples: int = 30,
    benchmark: str | Path | None = None,
    dataset: str | None = None,
    protocol: str | None = None,
    budget: str | None = None,
    reserve_dataset: bool = False,
    proxy_seconds: float | None = None,
    experiment_seed: int = 0,
    workers: int | str = "auto",
    device: str = HERE.device,
    threads: int = HERE.threads,
    out: str | Path = "tuning",
    progress: Progress | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> tuple[Tuning, Path]:
    """Try the defaults and `samples` settings drawn from `space`; write the best ones.

    `space` is a text such as `population=5..100,sample=2..20`, `learning_rate=0.001..0.5:log` or
    `form=product|sum`. `proxy_seconds` is that of `nasbench.run`. Returns the record and the
    experiment file, `OUT/tuned-STRATEGY.toml`.
    `progress` receives how many settings are done. With one worker the choice is the same every
    time; with more it depends on which trials the scheduler saw first. Raises `InvalidInput` for
    input that cannot be used, `StoreError` where runs cannot be stored, and `NasbenchError` where
    no settings finished all seeds.
    """
    began = time.perf_counter()
    found = find_strategy(strategy)
    ranges = parse_space(found, space)
    if metric not in METRICS:
        raise InvalidInput(f"metric '{metric}' is unknown: use {' or '.join(METRICS)}")
    samples = SAMPLES.check(samples)
    number = parse_workers(workers) or cores()
    plan = _plan(
        found=found,
        benchmark=benchmark,
        dataset=dataset,
        protocol=protocol,
        budget=budget,
        proxy_seconds=proxy_seconds,
        experiment_seed=parse_experiment_seed(experiment_seed),
        seeds=parse_seeds(tuning_seeds, TUNING_SEEDS),
        metric=metric,
        out=Path(os.path.realpath(out)),
        place=Place.read(resolve_device(device, say), threads),
        say=say,
    )
    check_writable(plan.out)
    say(f"{samples + 1} settings on {sum(map(len, plan.blocks))} seeds, {number} workers")
    rows = _search(plan, ranges, samples, number, progress or Unseen())
    for row in rows:
        if row["value"] == FAILED:
            say(f"settings {row['settings']} failed: {row['reason'] or 'a run failed'}")
    settings, value = _best(rows, plan)
    record = _record(plan, rows, value, reserve_dataset, time.perf_counter() - began)
    name = file_name(f"tuned-{strategy}-{plan.task.query.dataset}")
    path = plan.out / f"{name}.toml"
    write_tuned(path, settings, record)
    return record, path


def parse_space(strategy: type[SearchStrategy], text: str) -> dict[str, Choices]:
    """Return the values to try by setting; raise `InvalidInput` for a part that cannot be read."""
    found: dict[str, Choices] = {}
    defaults = asdict(strategy.Settings())
    for part in filter(None, map(str.strip, text.split(","))):
        name, equals, values = map(str.strip, part.partition("="))
        if not (equals and values) or name in found:
            raise InvalidInput(
                f"--space '{part}': write setting=low..high, setting=low..high:log or "
                "setting=a|b, each once"
            )
        if name not in defaults:
            valid = ", ".join(defaults) or "none: it has no settings"
            raise InvalidInput(f"--space: '{name_of(strategy)}' has no setting '{name}': {valid}")
        match = _RANGE.fullmatch(values)
        choices: Choices = tuple(values.split("|"))
        if match is not None:
            choices = _span(part, match, whole=isinstance(defaults[name], int))
        for end in choices[:2] if isinstance(choices, Span) else choices:
            make_settings(strategy, {name: str(end)})
        found[name] = choices
    if not found:
        raise InvalidInput("--space names no setting: write setting=low..high")
    return found


def _span(part: str, match: re.Match[str], *, whole: bool) -> Span:
    kind = int if whole else float
    try:
        low, high = kind(match["low"]), kind(match["high"])
    except ValueError:
        wanted = "whole numbers" if whole else "numbers"
        raise InvalidInput(f"--space '{part}': both ends must be {wanted}") from None
    log = bool(match["log"])
    if not (math.isfinite(low) and math.isfinite(high) and low < high) or (log and low <= 0):
        rule = "0 < low < high" if log else "low < high"
        raise InvalidInput(f"--space '{part}': the ends must be {rule}")
    return Span(low, high, whole, log)


def _plan(
    *,
    found: type[SearchStrategy],
    benchmark: str | Path | None,
    dataset: str | None,
    protocol: str | None,
    budget: str | None,
    proxy_seconds: float | None,
    experiment_seed: int,
    seeds: list[int],
    metric: str,
    out: Path,
    place: Place,
    say: Callable[[str], None],
) -> _Plan:
    from nasbench.harness.search.budget import Budget

    limit = None if budget is None else Budget.parse(budget)
    datasets = None if dataset is None else [dataset]
    (task,) = make_tasks(
        benchmark, datasets, protocol, Wanted(limit), shared=shared_among([name_of(found)]), say=say
    )
    if task.query.dataset not in task.reports:
        raise InvalidInput(f"data set '{task.query.dataset}' is not judged by this protocol")
    first, *rest = (seeds[start : start + _FEWEST] for start in range(0, len(seeds), _FEWEST))
    blocks = (tuple(first), *map(tuple, rest))
    factor = calibrated([name_of(found)], proxy_seconds)
    return _Plan(name_of(found), task, experiment_seed, blocks, metric, out, place, factor)


def _experiment(plan: _Plan, settings: Mapping[str, object]) -> Experiment:
    return make_experiment(
        plan.task, plan.strategy, settings, plan.experiment_seed, proxy_seconds=plan.proxy_seconds
    )


def trial(config: Mapping[str, object], plan: _Plan) -> None:
    """Run a trial's seeds block by block, store the runs, and report to Ray Tune each time."""
    report = importlib.import_module("ray.tune").report
    try:
        for one in _blocks(config, plan):
            report(one._asdict())
    except StoreError as error:
        report(_Report(FAILED, 0, str(error), stored=False)._asdict())


def _blocks(config: Mapping[str, object], plan: _Plan) -> Iterator[_Report]:
    """Yield the trial's result after each block of seeds, until a run fails."""
    try:
        experiment = _experiment(plan, _plain(config))
        runner = Runner(experiment, plan.place)
    except NasbenchError as error:  # a combination that the strategy refuses
        yield _Report(FAILED, 0, str(error))
        return
    folder = open_folder(plan.out, experiment)
    for number, block in enumerate(plan.blocks, start=1):
        done = folder.finished()
        runs = attempts(runner, [seed for seed in block if seed not in done], 1)
        if runs:
            folder.append(to_rows(experiment, runs))
        seeds = [seed for one in plan.blocks[:number] for seed in one]
        value = value_of(folder, plan, seeds)
        errors = [run.error.strip().splitlines()[-1] for run in runs if run.error]
        yield _Report(value, len(seeds), "".join(errors[:1]))
        if value == FAILED:
            return


def value_of(folder: ExperimentFolder, plan: _Plan, seeds: Sequence[int]) -> float:
    """Return the mean metric over seeds, lower is better; `FAILED` where a run failed."""
    table = folder.read()
    runs = ExperimentRuns(folder.label, folder.experiment, folder.provenance, table)
    runs = runs.select(np.isin(runs.seeds, seeds))
    if len(runs) < len(seeds) or runs.failed.any():
        return FAILED
    score = runs.metric.score
    if plan.metric == "signal":
        last = runs.signal.at(runs.lists("incumbents")).last()
        return -float(np.mean(score(last)))
    final = runs.finals("valid", plan.task.query.dataset).last()
    return _best_validation(plan.task) - float(np.mean(score(final)))


def _best_validation(task: Task) -> float:
    """Return the table's best final validation score.

    It is 0 where it is not known, as where everything is trained; this shifts all values alike.
    """
    from nasbench.harness.compare.references import open_known

    try:
        return float(np.nanmax(open_known(task).valid[task.query.dataset]))
    except NasbenchError:
        return 0.0


def _search(
    plan: _Plan, ranges: Mapping[str, Choices], samples: int, workers: int, progress: Progress
) -> list[dict[str, Any]]:
    """Let Ray Tune try settings; return the last report of each trial, with its settings."""
    defaults = asdict(find_strategy(plan.strategy).Settings())
    quiet = {"TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1", "RAY_AIR_NEW_OUTPUT": "0"}
    with temporary_folder("nasbench-tune-") as (storage, _), ray_instance(workers, settings=quiet):
        tune = importlib.import_module("ray.tune")
        basic = importlib.import_module("ray.tune.search.basic_variant")
        schedulers = importlib.import_module("ray.tune.schedulers")
        tuner = tune.Tuner(
            tune.with_resources(tune.with_parameters(trial, plan=plan), {"cpu": 1}),
            param_space={name: _domain(tune, one) for name, one in ranges.items()},
            tune_config=tune.TuneConfig(
                metric="value", mode="min", num_samples=samples + 1, reuse_actors=True,
                search_alg=basic.BasicVariantGenerator(
                    points_to_evaluate=[{name: defaults[name] for name in ranges}],
                    max_concurrent=workers, random_state=plan.experiment_seed % 2**32,
                ),
                scheduler=schedulers.ASHAScheduler(
                    time_attr="seeds", max_t=sum(map(len, plan.blocks)),
                    grace_period=len(plan.blocks[0]), reduction_factor=_FACTOR,
                ),
            ),
            run_config=tune.RunConfig(
                storage_path=str(storage), verbose=0, callbacks=[_counting(tune, progress)]
            ),
        )  # fmt: skip
        progress.start(samples + 1)
        with _own_signals():
            found = list(tuner.fit())
    rows = [_row(one) for one in found]
    unstored = [row["reason"] for row in rows if not row["stored"]]
    if unstored:
        raise StoreError(
            f"{unstored[0]}; the same command goes on with the runs that are stored in '{plan.out}'"
        )
    return rows


def _counting(tune: Any, progress: Progress) -> Any:
    """Return a callback of Ray Tune that counts every trial that has ended."""

    def ended(*_: object, **__: object) -> None:
        progress.advance()

    return type("Counting", (tune.Callback,), {
        "on_trial_complete": ended, "on_trial_error": ended,
    })()  # fmt: skip


def _row(one: Any) -> dict[str, Any]:
    """Return settings and last report of a trial; one whose worker died has failed."""
    metrics = {**_Report(FAILED, 0)._asdict(), **(one.metrics or {})}
    row = {"settings": _plain(one.config), **{name: metrics[name] for name in _Report._fields}}
    if one.error:
        row |= {"value": FAILED, "reason": "its worker died: killed, out of memory, or crashed"}
    return row


@contextmanager
def _own_signals() -> Iterator[None]:
    """Keep our signal handlers: after a signal to its own, Ray Tune returns incomplete results."""
    module = vars(importlib.import_module("ray.tune.tune"))
    before = module.get("_setup_signal_catching")
    module["_setup_signal_catching"] = threading.Event
    try:
        yield
    finally:
        module["_setup_signal_catching"] = before


def _plain(config: Mapping[str, Any]) -> dict[str, object]:
    """Return drawn settings as Python's own numbers and text."""
    return {name: getattr(value, "item", lambda v=value: v)() for name, value in config.items()}


def _domain(tune: Any, choices: Choices) -> Any:
    """Return the domain from which Ray Tune draws values."""
    if not isinstance(choices, Span):
        return tune.choice(list(choices))
    low, high, whole, log = choices
    if whole:
        return (tune.lograndint if log else tune.randint)(int(low), int(high) + 1)
    return (tune.loguniform if log else tune.uniform)(low, high)


def _best(rows: Sequence[Mapping[str, Any]], plan: _Plan) -> tuple[dict[str, object], float]:
    """Return the best settings among those that had all seeds, and their value."""
    every = sum(map(len, plan.blocks))
    whole = [row for row in rows if row["seeds"] == every and row["value"] < FAILED]
    if not whole:
        reasons = sorted({row["reason"] for row in rows if row["reason"]})
        raise NasbenchError(
            f"no settings finished all {every} seeds ({'; '.join(reasons[:1])}): "
            f"the runs are stored in '{plan.out}'"
        )
    best = min(whole, key=lambda row: float(row["value"]))
    made = asdict(make_settings(find_strategy(plan.strategy), best["settings"]))
    sign = -1.0 if plan.metric == "signal" else 1.0
    return {name: made[name] for name in sorted(best["settings"])}, sign * float(best["value"])


def _record(
    plan: _Plan,
    rows: Sequence[Mapping[str, Any]],
    value: float,
    reserved: bool,
    seconds: float,
) -> Tuning:
    """Return the record of tuning, with the cost of all trials summed over their stored runs."""
    runs = evaluations = 0
    simulated = 0.0
    wanted = [seed for block in plan.blocks for seed in block]
    experiments = {}
    for row in rows:
        if row["seeds"]:
            experiment = _experiment(plan, row["settings"])
            experiments[experiment.digest()] = experiment
    for experiment in experiments.values():
        count = experiment.task.count
        table = open_folder(plan.out, experiment).read(["seed", count, "clock_seconds"])
        mine = np.isin(table["seed"].to_numpy(), wanted)
        runs += int(mine.sum())
        evaluations += int(table[count].to_numpy()[mine].sum())
        simulated += float(table["clock_seconds"].to_numpy()[mine].sum())
    return Tuning(
        strategy=plan.strategy,
        benchmark=plan.task.benchmark,
        table=plan.task.content,
        dataset=plan.task.query.dataset,
        seeds=tuple(wanted),
        experiment_seed=plan.experiment_seed,
        reserved=reserved,
        metric=plan.metric,
        value=value,
        tried=len(experiments),
        runs=runs,
        evaluations=evaluations,
        clock_seconds=simulated,
        wall_seconds=seconds,
        nasbench=provenance()["nasbench"],
    )

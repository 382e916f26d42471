"""Tasks whose answers are trained: `--benchmark train:SPACE`, and `--fallback train`.

The task's protocol is a text with the whole set-up of the trainings, so that any process that has
the task can open the same benchmark.
"""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from nasbench.benchmarks.base import Benchmark, Judge
from nasbench.benchmarks.catalogue import load_table
from nasbench.benchmarks.joins import joined_costs
from nasbench.benchmarks.judge import TableJudge
from nasbench.benchmarks.tabular import Query, TabularBenchmark
from nasbench.errors import InvalidInput, NasbenchError
from nasbench.harness.search.budget import Budget
from nasbench.harness.search.task import BenchmarkReference, Kind, Task
from nasbench.place import Place
from nasbench.problem import ACCURACY
from nasbench.rules import REPEATS, Promotion

if TYPE_CHECKING:
    from nasbench.benchmarks.training.fallback import FallbackJudge
    from nasbench.benchmarks.training.found_images import Found
    from nasbench.benchmarks.training.setup import TrainingSetup


def found_images(task: Task) -> "Found | None":
    """Return which images were found in a user's own data set, None if a task trains on no such.

    The images are read once per process.
    """
    if not task.trains:
        return None
    from nasbench.benchmarks.training.catalogue import is_own, shared_data

    return shared_data(task.query.dataset).found if is_own(task.query.dataset) else None


def trained_task(
    space: str, dataset: str, setup: str | None, repeats: str | None, budget: Budget | None
) -> Task:
    """Return the task of a search of a space in which everything is trained.

    Raises `InvalidInput` without a budget and for an unknown rule of repeats.
    """
    from nasbench.benchmarks.training.recipes import recipe
    from nasbench.benchmarks.training.setup import TrainingSetup, training_hash

    if budget is None:
        raise InvalidInput(
            "a search by training has no published budget: add --budget, such as 600s or 20evals"
        )
    repeats = repeats or REPEATS[0]
    if repeats not in REPEATS:
        raise InvalidInput(f"'{repeats}' is not one of {', '.join(REPEATS)}")
    chosen = TrainingSetup.default(dataset) if setup is None else TrainingSetup.parse(setup)
    signal = "mean" if len(chosen.search_seeds) == 1 else "random"
    return Task(
        reference=BenchmarkReference(Kind.TRAINED, space, setup=str(chosen)),
        content=training_hash(dataset, chosen),
        space=space,
        query=Query(dataset, recipe(chosen.search).epochs, chosen.epochs, signal),
        repeats=repeats,
        budget=budget,
        final_schedule=recipe(chosen.final).epochs,
        reports=(dataset,),
    )


def with_fallback(task: Task, place: Place) -> Task:
    """Return a table's task with trainings for the architectures that the table lacks.

    The task is returned unchanged if the table lacks none. The scale between the two clocks is
    measured at `place`. Raises `InvalidInput` for objectives other than accuracy, promotion
    `resume` and several simulated workers.
    """
    from nasbench.benchmarks.training.fallback import measured_scale, missing
    from nasbench.benchmarks.training.setup import TrainingSetup, open_training

    table = load_table(task.reference.name)
    if table.is_pool:
        raise InvalidInput(
            f"table '{table.name}' is a pool, of which only its own architectures are searched: "
            "leave --fallback away"
        )
    tabular = TabularBenchmark(
        table.search, table.rows, table.space, task.query, task.objectives,
        joined=joined_costs(task.joins, table),
    )  # fmt: skip
    if not missing(tabular):
        return task
    if task.constraints:
        raise InvalidInput(
            f"constraint '{task.constraints[0]}': what a table lacks has no cost to check; leave "
            "--constraint or --fallback away"
        )
    if task.objectives != (ACCURACY,):
        names = ", ".join(one.name for one in task.objectives)
        raise InvalidInput(
            f"objective '{names}': what a table lacks would be trained and judged by its accuracy; "
            "leave --objective or --fallback away"
        )
    if task.promotion is Promotion.RESUME:
        raise InvalidInput(
            "promotion 'resume' needs a table that knows every architecture: leave --promotion or "
            "--fallback away"
        )
    if task.simulated_workers > 1:
        raise InvalidInput(
            "simulated workers need a table that knows every architecture: leave "
            "--simulated-workers or --fallback away"
        )
    chosen = TrainingSetup.default(task.query.dataset)
    trained, _ = open_training(task.space, task.query.dataset, chosen, place)
    scale = measured_scale(tabular, trained)
    return replace(
        task,
        reference=replace(
            task.reference, kind=Kind.FALLBACK, setup=str(chosen), scale=float(f"{scale:.6g}")
        ),
        content=_hash(task.content, task.query.dataset, chosen),
    )


def open_trained(task: Task, place: Place) -> tuple[Benchmark, Judge]:
    """Return the benchmark and the judge of a task whose answers are trained.

    Raises `NasbenchError` if its data or recipes have changed since its runs were stored.
    """
    from nasbench.benchmarks.training.setup import (
        TrainingSetup,
        open_training,
        training_hash,
    )

    dataset = task.query.dataset
    if task.kind is Kind.FALLBACK:
        return _open_fallback(task, place)
    setup = _as_stored(
        task, TrainingSetup.parse(task.reference.setup), lambda one: training_hash(dataset, one)
    )
    return open_training(task.space, dataset, setup, place)


def _open_fallback(task: Task, place: Place) -> "tuple[Benchmark, FallbackJudge]":
    from nasbench.benchmarks.training.fallback import FallbackBenchmark, FallbackJudge
    from nasbench.benchmarks.training.setup import TrainingSetup, open_training

    table = load_table(task.reference.name)
    space = table.space
    setup = _as_stored(
        task,
        TrainingSetup.parse(task.reference.setup),
        lambda one: _hash(table.hash, task.query.dataset, one),
    )
    trained, judge = open_training(task.space, task.query.dataset, setup, place)
    known = TableJudge(table.test, table.rows, space, task.reports, task.final_schedule)
    if task.shared:  # a search of shared weights does not ask the table
        return trained, FallbackJudge(known, judge)
    tabular = TabularBenchmark(table.search, table.rows, space, task.query)
    return (
        FallbackBenchmark(tabular, trained, scale=task.reference.scale),
        FallbackJudge(known, judge),
    )


def _hash(table: str, dataset: str, setup: "TrainingSetup") -> str:
    from nasbench.benchmarks.training.setup import training_hash

    return hashlib.sha256(f"{table} {training_hash(dataset, setup)}".encode()).hexdigest()


def _as_stored(
    task: Task, setup: "TrainingSetup", hashed: "Callable[[TrainingSetup], str]"
) -> "TrainingSetup":
    """Return the meaning that a setup's text had when the task's runs were stored.

    It is found by the stored hash. Raises `NasbenchError` where no meaning has this hash.
    """
    for one in setup.meanings():
        if hashed(one) == task.content:
            return one
    found = hashed(setup)
    raise NasbenchError(
        f"data set '{task.query.dataset}' or a recipe has changed since these runs "
        f"({found[:8]}, theirs {task.content[:8]}): use another --out folder"
    )

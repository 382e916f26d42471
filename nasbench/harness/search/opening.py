"""Opening the benchmark and the judge of a task, once per process."""

from functools import lru_cache

from nasbench.benchmarks.base import Benchmark, Judge
from nasbench.benchmarks.catalogue import load_table
from nasbench.benchmarks.constraints import constrained_costs
from nasbench.benchmarks.joins import joined_costs
from nasbench.benchmarks.judge import TableJudge
from nasbench.benchmarks.tables.table import Table
from nasbench.benchmarks.tabular import TabularBenchmark
from nasbench.errors import InvalidInput, NasbenchError
from nasbench.harness.search.task import Kind, Task
from nasbench.harness.search.trained import open_trained
from nasbench.place import HERE, Place
from nasbench.rules import Promotion


def open_benchmark(task: Task, place: Place = HERE) -> tuple[Benchmark, Judge]:
    """Return the benchmark and the judge of a task; networks are trained at `place`.

    They are opened once in a process, and again after `close_benchmarks`. Raises `NasbenchError`
    where the table has changed since the task's runs were stored, and `InvalidInput` for a budget
    that is too small for one evaluation or, being of seconds alone, too large.
    """
    return _opened(task, place if task.trains else HERE)


def close_benchmarks() -> None:
    """Forget all open benchmarks, for example where the cache of trainings has a new folder."""
    _opened.cache_clear()


@lru_cache(maxsize=8)
def _opened(task: Task, place: Place) -> tuple[Benchmark, Judge]:
    if task.kind is not Kind.TABLE:
        return open_trained(task, place)
    table = _table(task)
    joined = joined_costs(task.joins, table)
    benchmark = TabularBenchmark(
        table.search, table.rows, table.space, task.query, task.objectives,
        resume=task.promotion is Promotion.RESUME, timed=task.timed, joined=joined,
        constraints=task.constraints,
        constrained=constrained_costs(task.constraints, table, task.query.dataset, joined),
    )  # fmt: skip
    _check_budget(task, benchmark)
    return benchmark, _table_judge(task, table)


def open_judge(task: Task, place: Place = HERE) -> Judge:
    """Return only the judge of a task, for a search that sends no request to its benchmark."""
    return (
        _table_judge(task, _table(task))
        if task.kind is Kind.TABLE
        else open_trained(task, place)[1]
    )


def _table(task: Task) -> Table:
    table = load_table(task.reference.name)
    if table.hash != task.content:
        raise NasbenchError(
            f"benchmark '{task.benchmark}' has changed since these runs (table "
            f"{table.hash[:8]}, theirs {task.content[:8]}): use another --out folder"
        )
    return table


def _table_judge(task: Task, table: Table) -> TableJudge:
    return TableJudge(
        table.test, table.rows, table.space, task.reports, task.final_schedule, task.objectives,
        table.search, joined_costs(task.joins, table),
    )  # fmt: skip


def _check_budget(task: Task, benchmark: Benchmark) -> None:
    budget, epochs = task.budget, task.query.epochs
    budget.check_cost(benchmark.cheapest / task.simulated_workers)
    if budget.epochs is not None and budget.epochs < epochs:
        raise InvalidInput(f"budget '{budget}' is below one evaluation ({epochs} epochs): raise it")
    if budget.seconds is not None and budget.seconds < benchmark.cheapest:
        raise InvalidInput(
            f"budget '{budget}' is below the cheapest evaluation "
            f"({benchmark.cheapest:.1f} s): nothing could be evaluated"
        )

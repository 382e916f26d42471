"""How much of a space a task's table knows, for a note before a search of a part of it."""

import numpy as np

from nasbench.benchmarks.judge import TableJudge
from nasbench.benchmarks.tabular import TabularBenchmark
from nasbench.harness.search.opening import open_benchmark, open_judge
from nasbench.harness.search.task import Kind, Task
from nasbench.place import Place


def about_unknown(task: Task, place: Place) -> str:
    """Return one line on how many architectures a task's table knows, and what of the others.

    It is empty where the table knows all, and where everything is trained. Raises `NasbenchError`
    as opening the task does.
    """
    if task.shared:
        return _of_judge(task, place)
    if task.kind is Kind.TRAINED:
        return ""
    benchmark, _ = open_benchmark(task, place)
    if not isinstance(benchmark, TabularBenchmark):  # the table with trainings for the rest
        return str(benchmark.note)
    known = int((~benchmark.answers(None).failed).any(axis=0).sum())
    if known == benchmark.space.size:
        return ""
    trained = " (--fallback train trains it)" if benchmark.space.networks else ""
    return (
        f"{_counted(task, known, benchmark.space.size)}: an evaluation of another one fails; it "
        f"counts and is charged what the table says, and is never the answer{trained}"
    )


def _of_judge(task: Task, place: Place) -> str:
    """Return the line for a search of shared weights, which asks the table only in the end."""
    judge = open_judge(task, place)
    if not isinstance(judge, TableJudge) or task.query.dataset not in task.reports:
        return ""
    truth = judge.truth(task.query.dataset).test
    known = int((~np.isnan(truth)).sum())
    if known == len(truth):
        return ""
    return f"{_counted(task, known, len(truth))}: another one that is derived has no final accuracy"


def _counted(task: Task, known: int, size: int) -> str:
    names = dict.fromkeys((task.reference.name, *(one.table for one in task.joins)))
    named = " and ".join(f"'{name}'" for name in names)
    knows = f"table {named} knows" if len(names) == 1 else f"tables {named} both know"
    return f"{knows} {known:,} of {size:,} architectures on {task.query.dataset}"

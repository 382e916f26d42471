"""Conversion of runs from schema 2 to schema 3, which names the clock and the count of a run.

Schema 2 called epochs of shared weights evaluations, and did not say what the seconds of a run's
clock were.
"""

from collections.abc import Sequence

import pyarrow as pa

from nasbench.harness.search.experiment import Experiment

_COUNT = "evaluations"


def count_in_schema2(experiment: Experiment, columns: Sequence[str]) -> list[str]:
    """Return the column of schema 2 with the count among `columns`, if it had another name."""
    count = experiment.task.count
    return [_COUNT] if count in columns and count != _COUNT else []


def with_clock_and_count(table: pa.Table, experiment: Experiment) -> pa.Table:
    """Return rows of schema 2 or 3 in schema 3; what is wrong in them is left to its checks."""
    task, names = experiment.task, table.column_names
    if task.count not in names and _COUNT in names:
        names = [task.count if name == _COUNT else name for name in names]
        table = table.rename_columns(names)
    if "clock" in names:
        return table
    return table.append_column("clock", pa.array([str(task.seconds)] * len(table), pa.string()))

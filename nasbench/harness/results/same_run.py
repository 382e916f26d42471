"""Whether two stored runs of one seed are the same run."""

from collections.abc import Iterator

import pyarrow as pa

from nasbench.harness.results.records import TRAJECTORY
from nasbench.harness.search.experiment import Experiment

_MEASURED = ("optimiser",)
"""List columns of real seconds, in which two runs of one seed may differ; where trainings are
timed, those of the clock are real ones, too."""
_CLOCK = ("seconds", "started", "finished", "worker")


def difference(
    experiment: Experiment, one: tuple[pa.Table, int], other: tuple[pa.Table, int]
) -> str:
    """Return the first column in which two runs of one seed differ, empty where they are equal.

    A run is a table of an experiment and the number of its row. Real seconds may differ.
    """
    (table, row), (second, place) = one, other
    for name in _compared(experiment, table, second):
        if repr(table[name][row].as_py()) != repr(second[name][place].as_py()):
            return name
    return ""


def _compared(experiment: Experiment, one: pa.Table, other: pa.Table) -> Iterator[str]:
    """Yield the columns in which two runs of a seed must be equal, the architectures first."""
    left_out = {*_MEASURED, *(_CLOCK if experiment.task.trains else ())}
    yield TRAJECTORY[0]
    yield "stop"
    for name in one.column_names:
        lists = pa.types.is_list(one[name].type) and name in other.column_names
        if lists and name not in left_out and name != TRAJECTORY[0]:
            yield name

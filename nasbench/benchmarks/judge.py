"""The judge of a table, which reads final validation and test values after a search."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasbench.benchmarks.base import FinalValues
from nasbench.benchmarks.tables.costs import per_architecture
from nasbench.benchmarks.tables.objectives import is_cost, read_cost
from nasbench.benchmarks.tables.views import SearchColumns, TestColumns
from nasbench.problem import ACCURACY, Metric
from nasbench.spaces.base import Architecture, EnumerableSpace


@dataclass(frozen=True)
class Truth:
    """Final values of every architecture on one data set, shape (size of the space,)."""

    valid: NDArray[np.float64]
    test: NDArray[np.float64]


class TableJudge:
    """Looks up the values of architectures after full training.

    Values are means over the training seeds that the table has; they are NaN if it has none, as
    those of test are in a table without test values, and those of validation if it has none after
    the full training.
    """

    def __init__(
        self,
        columns: TestColumns,
        rows: NDArray[np.integer[Any]] | None,
        space: EnumerableSpace,
        datasets: Sequence[str],
        schedule: int,
        objectives: tuple[Metric, ...] = (ACCURACY,),
        costs: SearchColumns | None = None,
        joined: Mapping[str, NDArray[np.float64]] | None = None,
    ) -> None:
        """Judge on `datasets` at the end of `schedule`.

        `rows` maps an architecture's index to its row, None where they are equal. Objectives that
        are costs of the network are read from `costs`; those in `joined` are of other tables, in
        index order, and the same on all of `datasets`. Raises `DataError` if the table lacks one of
        the data sets.
        """
        self.space = space
        others = joined or {}
        read = {
            name: [
                (others[metric.name],) * 2
                if metric.name in others
                else _columns(columns, costs, metric, name, schedule)
                for metric in objectives
            ]
            for name in datasets
        }
        self._finals = {
            name: FinalValues(
                *(
                    np.stack([per_architecture(one, rows) for one in of_split], axis=1, dtype=float)
                    for of_split in zip(*of_metrics, strict=True)
                )
            )
            for name, of_metrics in read.items()
        }  # of all architectures, shape (size of the space, objectives)

    def read(self, architectures: Sequence[Architecture]) -> dict[str, FinalValues]:
        """Return the final values of `architectures` on each data set."""
        indices = [self.space.index(architecture) for architecture in architectures]
        return {
            name: FinalValues(every.valid[indices], every.test[indices])
            for name, every in self._finals.items()
        }

    def truth(self, dataset: str, objective: int = 0) -> Truth:
        """Return all architectures' values of an objective, for references such as the optimum."""
        every = self._finals[dataset]
        return Truth(every.valid[:, objective], every.test[:, objective])


def _columns(
    columns: TestColumns, costs: SearchColumns | None, metric: Metric, dataset: str, schedule: int
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the columns of final validation and test values; a cost is the same on both."""
    if costs is not None and is_cost(metric):
        cost = read_cost(costs, metric, dataset)
        return cost, cost
    if not columns.has_test:
        valid = columns.valid_mean(dataset, schedule, metric.name)
        return valid, np.full(len(valid), np.nan)
    test = columns.mean(dataset, schedule, metric.name)
    if not columns.has_valid(dataset, schedule, metric.name):
        return np.full(len(test), np.nan), test
    return columns.valid_mean(dataset, schedule, metric.name), test

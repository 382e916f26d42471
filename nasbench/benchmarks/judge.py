"""The judge of a table: reads final validation and test once a search is over."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasbench.benchmarks.base import Verdict
from nasbench.benchmarks.table import TestColumns, per_architecture
from nasbench.spaces.base import Architecture, EnumerableSpace


@dataclass(frozen=True)
class Truth:
    """Final values of every architecture on one data set, shape (size,)."""

    valid: NDArray[np.float64]
    test: NDArray[np.float64]


class TableJudge:
    """Looks up what the table says of architectures after full training.

    Values are means over the training seeds the table has, of one metric.
    """

    def __init__(
        self,
        columns: TestColumns,
        rows: NDArray[np.integer[Any]] | None,
        space: EnumerableSpace,
        datasets: Sequence[str],
        schedule: int,
        metric: str = "accuracy",
    ) -> None:
        """Judge on `datasets` at the end of `schedule`; a data set the table lacks is refused."""
        self._space = space
        self._truth = {
            name: Truth(
                *(
                    np.asarray(per_architecture(column, rows), dtype=np.float64)
                    for column in (
                        columns.valid_mean(name, schedule, metric),
                        columns.mean(name, schedule, metric),
                    )
                )
            )
            for name in datasets
        }

    def read(self, architectures: Sequence[Architecture]) -> dict[str, Verdict]:
        """Return the verdict of each data set on `architectures`."""
        indices = [self._space.index(architecture) for architecture in architectures]
        return {
            name: Verdict(truth.valid[indices], truth.test[indices])
            for name, truth in self._truth.items()
        }

    def truth(self, dataset: str) -> Truth:
        """Return the whole space's values, for references such as the optimum."""
        return self._truth[dataset]

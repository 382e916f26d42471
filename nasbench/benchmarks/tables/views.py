"""The two views of a table: what a search may see, and what the judge reads after the search.

Arrays are read-only and NaN where a number is missing. They have one entry per stored row, shape
(rows,); costs, seconds and sizes have one per architecture, shape (size of the space,), where a
table stores them so: see `costs.per_architecture`. A data set is named as the judge names it; the
columns that a search sees of it may have another name (`TableInfo.datasets`). Methods raise
`DataError` for a column that the table lacks.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasbench.benchmarks.tables.base import Columns
from nasbench.benchmarks.tables.columns import (
    BEST_EPOCH,
    ON_TEST_IMAGES,
    Series,
    curve,
    hardware,
    per_epoch_seconds,
    query_seconds,
    seed_count,
    size,
)
from nasbench.benchmarks.tables.info import Array, Quantity, Split
from nasbench.benchmarks.tables.sealing import sealed
from nasbench.errors import DataError, TestSetSealed


class SearchColumns(Columns):
    """What a search may see: training and validation values, costs and sizes, no test values."""

    def accuracy(
        self, dataset: str, schedule: int, epoch: int, seed: int | None = None
    ) -> NDArray[np.floating[Any]]:
        """Return validation accuracy (%) after `epoch` of `schedule`, shape (rows,).

        It is that of training seed `seed`, or for None the mean over the known seeds.
        """
        return self.after("accuracy", dataset, schedule, epoch, seed)

    def after(
        self,
        metric: str,
        dataset: str,
        schedule: int,
        epoch: int,
        seed: int | None = None,
        *,
        split: Split = Split.VALID,
    ) -> NDArray[np.floating[Any]]:
        """Return a metric on `split` (valid or train) after `epoch` of `schedule`, shape (rows,).

        It is that of training seed `seed`, or for None the mean over the known seeds.
        """
        return self._measured(self._seen(metric, dataset, schedule, split), epoch, seed)

    def knows_of(self, metric: str, dataset: str, schedule: int, epoch: int, seed: int) -> bool:
        """Whether validation of training seed `seed` is known after `epoch` of `schedule`."""
        return self._reaches(self._seen(metric, dataset, schedule), epoch, seed)

    def curve(
        self,
        dataset: str,
        schedule: int,
        seed: int | None = None,
        metric: str = "accuracy",
        *,
        split: Split = Split.VALID,
    ) -> NDArray[np.floating[Any]]:
        """Return a metric after every epoch of `schedule`, shape (rows, epochs).

        It is that of training seed `seed`, or for None the mean over the seeds with a curve.
        """
        series = self._seen(metric, dataset, schedule, split)
        seeds = self._seeds(series) if seed is None else [seed]
        columns = [curve(series, one, epochs=schedule) for one in seeds or [0]]
        if not any(map(self._has, columns)):
            raise self._absent(columns[0])
        if seed is not None:
            return self._get(columns[0])
        return self._mean_of(("curve", series), columns)

    def seeds(
        self, dataset: str, schedule: int, metric: str = "accuracy", epoch: int | None = None
    ) -> tuple[int, ...]:
        """Return the training seeds whose validation is known after `epoch`, ascending.

        Without `epoch`, it is the last epoch of `schedule`.
        """
        series, after = self._seen(metric, dataset, schedule), epoch or schedule
        return tuple(one for one in self._seeds(series) if self._reaches(series, after, one))

    def epochs(self, dataset: str, schedule: int, metric: str = "accuracy") -> tuple[int, ...]:
        """Return the epochs of `schedule` after which validation is known, ascending."""
        series, there = self._seen(metric, dataset, schedule), set[int]()
        for column in self._of(*series):
            if column.epochs is not None:
                there |= set(range(1, column.shape[1] + 1)) if column.curve else {column.epochs}
        return tuple(
            epoch
            for epoch in sorted(there)
            if 1 <= epoch <= schedule and self._known_after(series, epoch)
        )

    def schedules(self, dataset: str, metric: str = "accuracy") -> tuple[int, ...]:
        """Return the schedules with a validation value after their last epoch, ascending."""
        return self._ended(self._seen(metric, dataset, 0))

    def query_seconds(
        self, dataset: str, schedule: int, seed: int | None = None, *, epochs: int | None = None
    ) -> NDArray[np.float64]:
        """Return the seconds of one query: training plus one validation pass.

        The training is the whole schedule, or its first `epochs`. Shape (rows,), or (size of the
        space,) where the table stores costs per architecture. The seconds are those of `seed`; for
        None, or for a seed without costs of its own, they are the mean.
        """
        name = self._name(dataset)
        wanted = [query_seconds(name, schedule, one, epochs=epochs) for one in (seed, None)]
        if seed is None and not self._has(wanted[0]):
            singles = [
                query_seconds(name, schedule, one, epochs=epochs)
                for one in self._seeds_of(name, None, Quantity.SECONDS, schedule)
            ]
            if any(map(self._has, singles)):
                return self._mean_of(wanted[0].name, singles)
        return self._get(*wanted)

    def prices(self, dataset: str, schedule: int, epochs: int) -> bool:
        """Whether the table stores the cost of a query of `epochs` of a schedule."""
        name = self._name(dataset)
        seeds = (None, *self._seeds_of(name, None, Quantity.SECONDS, schedule))
        return any(self._has(query_seconds(name, schedule, one, epochs=epochs)) for one in seeds)

    def priced(self, dataset: str, schedule: int, epochs: int) -> bool:
        """Whether the cost of a query of `epochs` is stored or follows from seconds per epoch."""
        name = self._name(dataset)
        if self.prices(dataset, schedule, epochs):
            return True
        seeds = (None, *self._seeds_of(name, Split.TRAIN, Quantity.SECONDS, schedule))
        return self._has(per_epoch_seconds(name, Split.TRAIN)) or any(
            self._has(per_epoch_seconds(name, Split.TRAIN, schedule=schedule, seed=one))
            for one in seeds
        )

    def has_seconds(self, dataset: str) -> bool:
        """Whether the table has any seconds of a data set, so that queries can be charged."""
        name = self._name(dataset)
        return any(
            column.quantity == Quantity.SECONDS and column.dataset == name
            for column in self._columns.values()
        )

    def knows(self, dataset: str) -> bool:
        """Whether the table has any column that a search on `dataset` may see."""
        return any(name.startswith(f"{self._name(dataset)}/") for name in self.names)

    @property
    def query_seconds_fitted(self) -> bool:
        """Whether any seconds of the table come from a fitted formula instead of measurements."""
        return any(
            column.fitted and column.quantity == Quantity.SECONDS
            for column in self._columns.values()
        )

    def epoch_seconds(
        self, dataset: str, schedule: int, seed: int | None = None
    ) -> NDArray[np.float64]:
        """Return the seconds of one training epoch, shape (rows,) or (size of the space,)."""
        return self._per_epoch(self._name(dataset), Split.TRAIN, schedule, seed)

    def validation_seconds(
        self, dataset: str, schedule: int, seed: int | None = None
    ) -> NDArray[np.float64]:
        """Return the seconds of one validation pass, shape (rows,) or (size of the space,)."""
        return self._per_epoch(self._name(dataset), Split.VALID, schedule, seed)

    def params(self, dataset: str) -> NDArray[np.int64]:
        """Return the benchmark's number of weights, shape (rows,) or (size of the space,)."""
        return self._size(dataset, Quantity.PARAMS)

    def flops(self, dataset: str) -> NDArray[np.int64]:
        """Return multiply-adds of a forward pass, shape (rows,) or (size of the space,)."""
        return self._size(dataset, Quantity.FLOPS)

    def devices(self) -> tuple[str, ...]:
        """Return the names of the devices whose costs the table has, sorted."""
        return tuple(sorted({c.device for c in self._columns.values() if c.device is not None}))

    def latency(self, dataset: str, device: str) -> NDArray[np.floating[Any]]:
        """Return the latency on a device, shape (rows,) or (size of the space,).

        The unit is that of the column: ms, or s in a table of official files.
        """
        return self._hardware(dataset, Quantity.LATENCY, device)

    def energy(self, dataset: str, device: str) -> NDArray[np.floating[Any]]:
        """Return the energy of an inference (mJ) on a device, shape (rows,) or (size,)."""
        return self._hardware(dataset, Quantity.ENERGY, device)

    def intensity(self, dataset: str, device: str) -> NDArray[np.floating[Any]]:
        """Return the operations per byte moved on a device, shape (rows,) or (size,)."""
        return self._hardware(dataset, Quantity.INTENSITY, device)

    def _size(self, dataset: str, quantity: Quantity) -> Array:
        return self._get(*(size(name, quantity) for name in (self._name(dataset), dataset)))

    def _hardware(self, dataset: str, quantity: Quantity, device: str) -> Array:
        names = (self._name(dataset), dataset)
        return self._get(*(hardware(name, quantity, device) for name in names))

    def _per_epoch(self, name: str, split: Split, schedule: int, seed: int | None) -> Array:
        common = per_epoch_seconds(name, split)
        if seed is None and not self._has(common):
            singles = [
                per_epoch_seconds(name, split, schedule=schedule, seed=one)
                for one in self._seeds(Series(name, split, Quantity.SECONDS, schedule))
            ]
            if any(map(self._has, singles)):
                return self._mean_of((name, split, schedule), singles)
        return self._get(per_epoch_seconds(name, split, schedule=schedule, seed=seed), common)


class TestColumns(Columns):
    """What the judge reads after the search: test values and final validation values.

    While a search runs, reads raise `TestSetSealed`: see `seal_test`.
    """

    __test__ = False  # keeps pytest from taking this class for a test

    def _allow(self) -> None:
        if sealed.get():
            raise TestSetSealed(
                f"the search asked table '{self._table}' for test or final accuracies: only the "
                "judge may read them, after the search"
            )

    def accuracy(
        self, dataset: str, schedule: int, epoch: int, seed: int | None = None
    ) -> NDArray[np.floating[Any]]:
        """Return test accuracy (%) after `epoch` of `schedule`, shape (rows,).

        It is that of training seed `seed`, or for None the mean over the known seeds.
        """
        return self.after("accuracy", dataset, schedule, epoch, seed)

    def after(
        self, metric: str, dataset: str, schedule: int, epoch: int, seed: int | None = None
    ) -> NDArray[np.floating[Any]]:
        """Return a metric on test after `epoch` of `schedule`, shape (rows,).

        It is that of training seed `seed`, or for None the mean over the known seeds.
        """
        return self._measured(self._test(metric, dataset, schedule), epoch, seed)

    def mean(
        self, dataset: str, schedule: int | None = None, metric: str = "accuracy"
    ) -> NDArray[np.floating[Any]]:
        """Return a metric on test after the last epoch, mean over the known seeds, shape (rows,).

        The epoch is the last one of `schedule`; without `schedule`, that of `longest`.
        """
        schedule = schedule or self.longest(dataset)
        return self._measured(self._test(metric, dataset, schedule), schedule, None)

    def seeds(
        self, dataset: str, schedule: int | None = None, metric: str = "accuracy"
    ) -> tuple[int, ...]:
        """Return the training seeds that have a test value at some epoch of `schedule`."""
        schedule = schedule or self.longest(dataset)
        return tuple(self._seeds(self._test(metric, dataset, schedule)))

    @property
    def has_test(self) -> bool:
        """Whether the table has any test value."""
        return any(column.split is Split.TEST for column in self._columns.values())

    @property
    def tested(self) -> tuple[str, ...]:
        """The data sets with any test value, in the table's order."""
        tested = (one.dataset for one in self._columns.values() if one.split is Split.TEST)
        return tuple(dict.fromkeys(filter(None, tested)))

    def is_best_epoch(self, dataset: str, schedule: int, metric: str) -> bool:
        """Whether test values at a schedule's end are each network's best over the epochs."""
        series = Series(dataset, Split.TEST, metric, schedule)
        return any(
            column.averaging == BEST_EPOCH
            for column in self._of(*series)
            if column.epochs == schedule and not column.curve
        )

    def validates_on_test_images(self, dataset: str, schedule: int, metric: str) -> bool:
        """Whether validation at a schedule's end was measured on the images of test."""
        series = Series(self._name(dataset), Split.VALID, metric, schedule)
        return any(
            column.provenance.startswith(ON_TEST_IMAGES)
            for column in self._of(*series)
            if column.epochs == schedule
        )

    def count(self, dataset: str, schedule: int | None = None) -> NDArray[np.integer[Any]]:
        """Return the number of seeds in the final test mean of each architecture, shape (rows,)."""
        return self._get(seed_count(dataset, Split.TEST, schedule or self.longest(dataset)))

    def valid_mean(
        self, dataset: str, schedule: int | None = None, metric: str = "accuracy"
    ) -> NDArray[np.floating[Any]]:
        """Return a metric on validation after the last epoch, mean over seeds, shape (rows,)."""
        schedule = schedule or self.longest(dataset)
        return self._measured(self._seen(metric, dataset, schedule), schedule, None)

    def has_valid(self, dataset: str, schedule: int, metric: str = "accuracy") -> bool:
        """Whether the table has validation values after the last epoch of a schedule."""
        return self._known_after(self._seen(metric, dataset, schedule), schedule)

    def schedules(self, dataset: str, metric: str = "accuracy") -> tuple[int, ...]:
        """Return the schedules with a test value after their last epoch, ascending."""
        return self._ended(self._test(metric, dataset, 0))

    def longest(self, dataset: str) -> int:
        """Return the longest schedule with test values of `dataset`; `DataError` if none."""
        found = [
            column.schedule
            for column in self._columns.values()
            if (column.dataset, column.split) == (dataset, Split.TEST) and column.schedule
        ]
        if not found:
            raise DataError(f"table '{self._table}' has no test values of '{dataset}'")
        return max(found)

    def _test(self, metric: str, dataset: str, schedule: int) -> Series:
        return Series(dataset, Split.TEST, self._known(metric), schedule)

"""Collecting official results, one architecture at a time, as the columns of a table.

Curves are kept in a temporary file, the spool, which has a region per curve with one row per
architecture. All other results are a few hundred numbers per architecture, kept in memory, so the
memory needed does not depend on the size of the official file.

If all architectures are present, rows are in index order. If some are missing, the rows of the
present ones are stored in index order, followed by one row of NaN, and the row map points to that
row for every missing architecture.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from nasbench.benchmarks.sources.halves import Half, half_of
from nasbench.benchmarks.tables.columns import (
    Series,
    after_epoch,
    curve,
    hardware,
    per_epoch_seconds,
    query_seconds,
    row_map,
    seed_count,
    size,
)
from nasbench.benchmarks.tables.format import Chunks
from nasbench.benchmarks.tables.info import Array, Column, Quantity, Split
from nasbench.errors import DataError, InvalidInput
from nasbench.limits import EPOCHS
from nasbench.spaces.categorical import CategoricalSpace
from nasbench.text import shown

_EVALUATIONS = {"x-valid": Split.VALID, "x-test": Split.TEST}
_WHOLE_TEST_SET = ("cifar10", "cifar10-valid")
_LEGACY_SEED = 888
_MILLION = 1e6
_BLOCK_ROWS = 1024
_PROVENANCE = "official file"
_MOST_COLUMNS = 2000
"""Limit of columns: more than five times as many as the official files have."""
_LATENCY_DEVICE = "gtx1080ti"

Floats = NDArray[np.float64]


# every architecture has the same few columns, so each description is made only once
_query_seconds, _size, _hardware = cache(query_seconds), cache(size), cache(hardware)

Run = tuple[Series, int]
"""A series and a training seed, which identify numbers that exist once per epoch."""


@dataclass
class _Epochs:
    """One series of all architectures: one number for each, and a region of the spool if needed.

    The number is an accuracy or loss after the last epoch, or the seconds of each epoch. The epochs
    of an architecture are written to the spool only if that number does not describe them fully.
    """

    epochs: int
    number: Floats
    spooled: NDArray[np.bool_]
    offset: int | None = None


@dataclass
class Recorder:
    """Collects the results of architectures with `add`; `columns` then yields them as columns.

    `half` is the half of NATS-Bench that the architectures are of; None stands for that of the
    first one.
    """

    spool: BinaryIO
    half: Half | None = None
    _series: dict[Run, _Epochs] = field(default_factory=dict)
    _numbers: dict[str, tuple[Column, Floats]] = field(default_factory=dict)
    _present: set[int] = field(default_factory=set)
    _end: int = 0

    @property
    def space(self) -> CategoricalSpace:
        """The space of the architectures; `ValueError` before the first one."""
        if self.half is None:
            raise ValueError("no architecture was added")
        return self.half.space

    @property
    def cells(self) -> int:
        """The number of architectures added."""
        return len(self._present)

    def add(self, cell: Mapping[str, Mapping[str, Any]], source: str) -> None:
        """Record one architecture: `cell` maps schedules to `ArchResults.state_dict()`.

        Raises `DataError`, which names `source`, if the architecture is not of the space, has no
        training run, or was added before; other errors (such as `KeyError`, `ValueError`) if `cell`
        does not have the official form.
        """
        if not cell:
            raise DataError(f"'{source}' holds an architecture without any training run")
        first = next(iter(cell.values()))
        self.half = half = self.half or half_of(str(first["arch_str"]), source)
        known = {str(key): results for key, results in cell.items() if str(key) in half.schedules}
        if not known:
            raise ValueError(f"no schedule of {', '.join(half.schedules)}")
        for key, results in known.items():
            row = self._row(results, source)
            for dataset, seeds in results["dataset_seed"].items():
                runs = {seed: results["all_results"][dataset, seed] for seed in seeds}
                self._add_runs(row, dataset, half.schedules[key], runs)
        index = self._row(first, source)
        if index in self._present:
            raise DataError(f"'{source}' holds architecture {index} twice")
        self._present.add(index)

    def _row(self, results: Mapping[str, Any], source: str) -> int:
        index, text = int(results["arch_index"]), str(results["arch_str"])
        try:
            known = self.space.index(self.space.parse(text))
        except InvalidInput as error:
            of = "" if self.half is None else f" {self.half.name}"
            raise DataError(
                f"'{source}' holds architecture {shown(text)}, which is not of the{of} space"
            ) from error
        if known != index:
            raise DataError(
                f"'{source}' calls architecture {known} number {index}: not in the official order"
            )
        return index

    def _add_runs(
        self, row: int, dataset: str, schedule: int, runs: Mapping[int, Mapping[str, Any]]
    ) -> None:
        if not runs:
            return
        costs = []
        for seed, run in runs.items():
            for series, values in _series_of(dataset, schedule, run):
                self._put(row, (series, seed), values)
            cost = _query_parts(run)
            if cost is not None:
                costs.append(cost)
                self._set(row, _query_seconds(dataset, schedule, seed), sum(cost))
        if costs and len(costs) == len(runs):
            parts = [_mean([cost[part] for cost in costs]) for part in (0, 1)]
            self._set(row, _query_seconds(dataset, schedule, None), sum(parts))
        for quantity, key in ((Quantity.PARAMS, "params"), (Quantity.FLOPS, "flop")):
            value = _agreed({seed: float(run[key]) for seed, run in runs.items()})
            self._set(row, _size(dataset, quantity, provenance=_PROVENANCE), _MILLION * value)
        latency = [_mean(run["latency"]) for run in runs.values() if run["latency"]]
        if latency:
            column = _hardware(
                dataset, Quantity.LATENCY, _LATENCY_DEVICE, unit="s", provenance=_PROVENANCE
            )
            self._set(row, column, _mean(latency))

    def _set(self, row: int, column: Column, value: float) -> None:
        if column.name not in self._numbers:
            self._check_room()
            self._numbers[column.name] = (column, np.full(self.space.size, np.nan))
        self._numbers[column.name][1][row] = value

    def _put(self, row: int, run: Run, values: Floats) -> None:
        n = self.space.size
        kept = self._series.get(run)
        if kept is None:
            self._check_room()
            kept = _Epochs(len(values), np.full(n, np.nan), np.zeros(n, dtype=bool))
            self._series[run] = kept
        if len(values) != kept.epochs:
            raise DataError(
                f"architecture {row} has {len(values)} epochs of {run[0].dataset} instead of "
                f"{kept.epochs}"
            )
        constant = run[0].quantity == Quantity.SECONDS
        kept.number[row] = values[-1]
        others = values != values[-1] if constant else ~np.isnan(values[:-1])
        if not others.any():
            return
        if kept.offset is None:
            kept.offset = self._end
            self._end += 8 * n * kept.epochs
        kept.spooled[row] = True
        self.spool.seek(kept.offset + 8 * row * kept.epochs)
        self.spool.write(values.astype("<f8").tobytes())

    def _check_room(self) -> None:
        """Raise `ValueError` if there are as many columns as `_MOST_COLUMNS` allows."""
        if len(self._series) + len(self._numbers) >= _MOST_COLUMNS:
            raise ValueError(f"more than {_MOST_COLUMNS} data sets, seeds and measurements")

    def columns(self) -> Iterator[tuple[Column, Array | Chunks]]:
        """Yield every column with its data; missing numbers are NaN."""
        self.spool.flush()
        for (series, seed), kept in self._series.items():
            column = self._describe(series, seed, kept)
            if kept.offset is None:
                yield column, self._stored(kept.number)
            else:
                yield column, self._chunks(series, kept)
        yield from self._counts()
        for column, numbers in self._numbers.values():
            stored = self._stored(numbers)
            if column.quantity in (Quantity.PARAMS, Quantity.FLOPS):
                stored = np.rint(stored)
            if column.quantity in (Quantity.PARAMS, Quantity.FLOPS) and self._whole(stored):
                yield column, stored.astype(np.int32)
            else:
                yield column, stored
        if self.cells < self.space.size:
            yield row_map(), self._row_map()

    @property
    def rows(self) -> int:
        """The number of stored rows, including the one of NaN if architectures are missing."""
        return self.cells + (self.cells < self.space.size)

    def _stored(self, numbers: Floats) -> Floats:
        """Return the stored rows of numbers that are kept in index order."""
        if self.cells == self.space.size:
            return numbers
        return np.append(numbers[self._indices()], np.nan)

    def _indices(self) -> list[int]:
        return sorted(self._present)

    def _row_map(self) -> NDArray[np.uint16]:
        rows = np.full(self.space.size, self.cells, dtype=np.uint16)
        rows[self._indices()] = np.arange(self.cells)
        return rows

    @staticmethod
    def _whole(numbers: Floats) -> bool:
        return not np.isnan(numbers).any()

    def _describe(self, series: Series, seed: int, kept: _Epochs) -> Column:
        if kept.offset is not None:
            return curve(series, seed, epochs=kept.epochs, provenance=_PROVENANCE)
        if series.quantity == Quantity.SECONDS:
            return per_epoch_seconds(
                series.dataset,
                series.split,
                schedule=series.schedule,
                seed=seed,
                provenance=_PROVENANCE,
            )
        return after_epoch(series, kept.epochs, seed, provenance=_PROVENANCE)

    def _counts(self) -> Iterator[tuple[Column, Array]]:
        counts: dict[tuple[str, Split, int], NDArray[np.int8]] = {}
        for (series, _), kept in self._series.items():
            if series.quantity == Quantity.ACCURACY and series.split is not Split.TRAIN:
                key = (series.dataset, series.split, series.schedule)
                there = (~np.isnan(self._stored(kept.number))).astype(np.int8)
                counts[key] = counts[key] + there if key in counts else there
        for (dataset, split, schedule), count in counts.items():
            yield seed_count(dataset, split, schedule, provenance="counted"), count

    def _chunks(self, series: Series, kept: _Epochs) -> Chunks:
        dtype: np.dtype[Any] = np.dtype("<f4")
        if not all(_fits_float32(block) for block in self._blocks(series, kept)):
            dtype = np.dtype("<f8")
        shape = (self.rows, kept.epochs)
        return Chunks(dtype, shape, lambda: self._blocks(series, kept))

    def _blocks(self, series: Series, kept: _Epochs) -> Iterator[Floats]:
        """Yield the stored rows of a curve in blocks, read back from the spool."""
        rows: list[int | None] = [*self._indices()]
        if self.cells < self.space.size:
            rows.append(None)
        for start in range(0, len(rows), _BLOCK_ROWS):
            some = rows[start : start + _BLOCK_ROWS]
            yield np.stack([self._epochs_of(row, series, kept) for row in some])

    def _epochs_of(self, row: int | None, series: Series, kept: _Epochs) -> Floats:
        if row is not None and kept.offset is not None and kept.spooled[row]:
            self.spool.seek(kept.offset + 8 * row * kept.epochs)
            return np.frombuffer(self.spool.read(8 * kept.epochs), dtype="<f8")
        number = np.nan if row is None else kept.number[row]
        if series.quantity == Quantity.SECONDS:
            return np.full(kept.epochs, number)
        return np.append(np.full(kept.epochs - 1, np.nan), number)


def _series_of(
    dataset: str, schedule: int, run: Mapping[str, Any]
) -> Iterator[tuple[Series, Floats]]:
    """Yield every series of one training run with its numbers, shape (epochs,)."""
    epochs = range(_epochs(run))
    training = (
        (Quantity.ACCURACY, run["train_acc1es"]),
        (Quantity.LOSS, run["train_losses"]),
        (Quantity.SECONDS, run["train_times"]),
    )
    for quantity, values in training:
        if values:
            yield (
                Series(dataset, Split.TRAIN, quantity, schedule),
                _numbers(values, epochs),
            )
    evaluation = (
        (Quantity.ACCURACY, run["eval_acc1es"]),
        (Quantity.LOSS, run["eval_losses"]),
        (Quantity.SECONDS, run["eval_times"]),
    )
    for name in run["eval_names"]:
        split = _split(dataset, name)
        keys = [f"{name}@{epoch}" for epoch in epochs]
        for quantity, values in evaluation:
            if split is not None and values and keys[-1] in values:
                yield Series(dataset, split, quantity, schedule), _numbers(values, keys)


def _epochs(run: Mapping[str, Any]) -> int:
    """Return the number of epochs that a run states; `ValueError` for an impossible number."""
    number = run["epochs"]
    if not isinstance(number, int) or not 1 <= number <= EPOCHS.most:
        raise ValueError(f"a run of {shown(number)} epochs")
    return number


def _split(dataset: str, name: str) -> Split | None:
    """Return the split of an official evaluation set, None for an unknown name.

    `ori-test` is the test set for CIFAR-10; for other data sets it is validation and test together.
    """
    if name == "ori-test":
        return Split.TEST if dataset in _WHOLE_TEST_SET else Split.POOLED
    return _EVALUATIONS.get(name)


def _numbers(values: Mapping[Any, Any], keys: Iterable[Any]) -> Floats:
    return np.array([values.get(key, np.nan) for key in keys], dtype=np.float64)


def _query_parts(run: Mapping[str, Any]) -> tuple[float, float] | None:
    """Return the seconds of all training epochs and of one validation pass; None if unknown.

    They are counted as in the official `simulate_train_eval`: training epochs are added in order,
    and the validation pass is the mean over epochs.
    """
    epochs = _epochs(run)
    times, key = run["train_times"], f"x-valid@{epochs - 1}"
    if not times or not run["eval_times"] or key not in run["eval_times"]:
        return None
    if "x-valid" not in run["eval_names"]:
        return None
    training = _numbers(times, range(epochs))
    validation = _numbers(run["eval_times"], [f"x-valid@{epoch}" for epoch in range(epochs)])
    return float(np.cumsum(training)[-1]), float(np.cumsum(validation)[-1]) / epochs


def _agreed(values: Mapping[int, float]) -> float:
    """Return the size that all runs have; if they differ, that of seed 888, as the official API."""
    if len({f"{value:.5f}" for value in values.values()}) > 1 and _LEGACY_SEED in values:
        return values[_LEGACY_SEED]
    return next(iter(values.values()))


def _mean(values: Sequence[float]) -> float:
    """Return the mean of values that are added one by one in their order."""
    return float(np.cumsum(np.asarray(values, dtype=np.float64))[-1]) / len(values)


def _fits_float32(values: Floats) -> bool:
    with np.errstate(over="ignore"):
        return np.array_equal(values, values.astype(np.float32), equal_nan=True)

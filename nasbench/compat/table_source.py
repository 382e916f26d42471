"""A table in the place of an official file: its numbers as trainings of architectures.

Where a table has only the mean over trainings, as the public table `nb201` mostly does, the mean is
the one training there is, under the seed `MEAN`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, cached_property, lru_cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasbench.benchmarks.sources.halves import halves
from nasbench.benchmarks.tables.base import mean_over_seeds
from nasbench.benchmarks.tables.columns import Series
from nasbench.benchmarks.tables.info import Quantity, Split
from nasbench.benchmarks.tables.table import Table
from nasbench.compat.answers import ADVICE, TABLE, Answer, NotInTable, warn
from nasbench.compat.trainings import MEAN, ArchResults, ResultsCount, Seed
from nasbench.errors import DataError
from nasbench.spaces.nb201 import INPUTS

DATASETS = ("cifar10-valid", "cifar10", "cifar100", "ImageNet16-120")
"""Data sets in the order of official files."""
KEPT = 2048
"""Architectures whose results are kept in memory."""
_SETS = {"x-valid": Split.VALID, "x-test": Split.TEST, "ori-test": Split.POOLED}
_SETS_OF_CIFAR10 = {"x-valid": Split.VALID, "ori-test": Split.TEST}
_MILLION = 1e6
_SIZE_CELL = (
    "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|"
    "nor_conv_3x3~2|"
)
"""The cell of all networks of the size space."""

Results = Mapping[str, ArchResults]
"""Results by schedule: `12`, `200`."""


def sets_of(dataset: str) -> Mapping[str, Split]:
    """Return the official sets of images on which networks of a data set are evaluated."""
    return _SETS_OF_CIFAR10 if dataset in DATASETS[:2] else _SETS


class TableSource:
    """A table of the space of one half of NATS-Bench."""

    def __init__(self, table: Table, kind: type[ArchResults]) -> None:
        """Answer from `table`; `DataError` if it is of another space."""
        half = next(one for one in halves() if one.name == kind.half)
        if table.info.space != half.space.name:
            raise DataError(
                f"table '{table.name}' is of space '{table.info.space}', not of "
                f"'{half.space.name}': name another in {TABLE}"
            )
        self._epochs = {hp: half.schedules[hp] for hp in half.schedules if hp.isdecimal()}
        if table.is_pool:
            raise DataError(
                f"table '{table.name}' has a pool of cells: name one of the whole space in {TABLE}"
            )
        self.table, self.every, self._kind = table, table.every, kind
        self.name = f"table '{table.name}' ({table.hash[:12]})"
        self.half = kind.half
        self._read = lru_cache(maxsize=KEPT)(self._results)
        self._known: dict[tuple[str, int], dict[int | None, NDArray[np.bool_]]] = {}

    def results(self, index: int) -> Results | None:
        """Return the results of an architecture; None if the table has no accuracy of it."""
        return self._read(index)

    def evaluated(self) -> Sequence[int]:
        """Return the indices of the architectures with an accuracy."""
        there: list[int] = np.flatnonzero(self.every.present).tolist()
        return there

    def schedules(self) -> Sequence[str]:
        """Return the schedules with an accuracy."""
        there = self.every.all_schedules()
        return [hp for hp, epochs in self._epochs.items() if epochs in there] or [
            str(epochs) for epochs in there
        ]

    @cached_property
    def _schedules(self) -> Mapping[str, int]:
        """The schedules by their official names; those of another table have their epochs."""
        return {hp: self._epochs.get(hp, int(hp)) for hp in self.schedules()}

    def _results(self, index: int) -> Results | None:
        if not self.every.present[index]:
            return None
        return _Schedules(self._schedules, partial(self._under, index))

    def mean_accuracy(self, dataset: str, setname: str, hp: str) -> NDArray[np.floating[Any]]:
        """Return the accuracy after the last epoch of all cells, mean over seeds; NaN if unknown.

        The shape is (cells,), or (0,) where the table has none.
        """
        split = Split.TRAIN if setname == "train" else sets_of(dataset).get(setname)
        if split is None or hp not in self._schedules:
            return np.empty(0)
        series = Series(dataset, split, Quantity.ACCURACY, self._schedules[hp])
        seeds = self.every.seeds_of(dataset, self._schedules[hp])
        single = [found for seed in seeds if len(found := self.every.final(series, seed))]
        return mean_over_seeds(single) if single else self.every.final(series, None)

    @cache  # noqa: B019  # sources live as long as the process
    def sizes(self, dataset: str, quantity: Quantity) -> NDArray[np.float64]:
        """Return parameters or FLOPs of all cells in millions, shape (cells,), or (0,)."""
        numbers = self.every.number_of(dataset, quantity)
        if not len(numbers) and dataset == "cifar10":  # the same networks
            numbers = self.every.number_of("cifar10-valid", quantity)
        return np.asarray(numbers / _MILLION, dtype=np.float64)

    def _under(self, index: int, schedule: int) -> ArchResults:
        space = self.table.space
        text = space.format(space.architecture(index))
        where = f"architecture {index} after {schedule} epochs in table '{self.table.name}'"
        names = sorted(self.every.datasets(schedule), key=_rank)
        seeds = {name: self._seeds(index, name, schedule) for name in names}
        there = {name: known for name, known in seeds.items() if known}

        def make(dataset: str, seed: Seed) -> ResultsCount:
            if seed == MEAN:
                _warn_of_means(self.table.name, dataset, schedule)
            reader = _Reader(self, index, dataset, schedule, seed)
            return reader.training(self._kind.training, text, where)

        made = self._kind(index, text, there, make, where)
        for name in there:
            latency = self.every.latency_of(name)
            if len(latency):
                made.latencies[name] = float(latency[index])
        return made

    def _seeds(self, index: int, dataset: str, schedule: int) -> list[Seed]:
        """Return the seeds of an architecture, or `MEAN` where only the mean is known."""
        there = self._trained(dataset, schedule)
        found: list[Seed] = [
            seed for seed, known in there.items() if seed is not None and known[index]
        ]
        return found or ([MEAN] if there[None][index] else [])

    def _trained(self, dataset: str, schedule: int) -> Mapping[int | None, NDArray[np.bool_]]:
        """Return for every seed, and None for the mean, which architectures have an accuracy."""
        key = dataset, schedule
        if key not in self._known:
            seeds = (*self.every.seeds_of(dataset, schedule), None)
            self._known[key] = {seed: self._there(*key, seed) for seed in seeds}
        return self._known[key]

    def _there(self, dataset: str, schedule: int, seed: int | None) -> NDArray[np.bool_]:
        there = np.zeros(self.table.space.size, dtype=bool)
        for split in Split:
            series = Series(dataset, split, Quantity.ACCURACY, schedule)
            numbers = self.every.final(series, seed)
            if len(numbers):
                there |= ~np.isnan(numbers)
        return there


class _Schedules(Mapping[str, ArchResults]):
    """Results by schedule, each made when it is first needed."""

    def __init__(self, schedules: Mapping[str, int], make: Callable[[int], ArchResults]) -> None:
        self._make, self._schedules = make, schedules
        self._made: dict[str, ArchResults | None] = dict.fromkeys(schedules)

    def __getitem__(self, hp: str) -> ArchResults:
        found: ArchResults | None = self._made[hp]
        if found is None:
            found = self._made[hp] = self._make(self._schedules[hp])
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._made)

    def __len__(self) -> int:
        return len(self._made)

    def __contains__(self, hp: object) -> bool:
        return hp in self._made


class _Reader:
    """Reads one training of a table; nothing is read before it is needed."""

    def __init__(
        self, source: TableSource, index: int, dataset: str, schedule: int, seed: Seed
    ) -> None:
        self.source, self.every = source, source.every
        self.index, self.dataset, self.schedule = index, dataset, schedule
        self.seed = None if seed == MEAN else int(seed)

    def training(self, kind: type[ResultsCount], text: str, where: str) -> ResultsCount:
        """Return the training, whose dictionaries are made when they are first read."""
        made = kind()
        who = "the mean of all seeds" if self.seed is None else f"seed {self.seed}"
        made.where = where = f"{who} on {self.dataset}, {where}"
        made.name, made.epochs = self.dataset, self.schedule
        made.seed = MEAN if self.seed is None else f"{self.seed:04d}"
        made.arch_config = _network(self.dataset, text, self.source.half)
        latency = self.every.latency_of(self.dataset)
        made.latency = [float(latency[self.index])] if len(latency) else None
        for quantity, attribute in ((Quantity.PARAMS, "params"), (Quantity.FLOPS, "flop")):
            made.lazily(attribute, partial(self._size, quantity, where))
        made.lazily("eval_names", self._names)
        for quantity, train, evaluated in (
            (Quantity.ACCURACY, "train_acc1es", "eval_acc1es"),
            (Quantity.LOSS, "train_losses", "eval_losses"),
            (Quantity.SECONDS, "train_times", "eval_times"),
        ):
            made.lazily(train, partial(self._training_epochs, quantity, where))
            made.lazily(evaluated, partial(self._evaluated_epochs, quantity, where))
        return made

    def _size(self, quantity: Quantity, where: str) -> float:
        numbers = self.source.sizes(self.dataset, quantity)
        if not len(numbers):
            raise NotInTable(f"no {quantity} of {where}: {ADVICE}")
        return float(numbers[self.index])

    def _names(self) -> list[str]:
        return [
            name
            for name, split in sets_of(self.dataset).items()
            if self.every.has(self._series(split, Quantity.ACCURACY), self.seed)
        ]

    def _training_epochs(self, quantity: Quantity, where: str) -> Mapping[int, float]:
        return Answer(self._epochs(Split.TRAIN, quantity), f"training {quantity} of {where}")

    def _evaluated_epochs(self, quantity: Quantity, where: str) -> Mapping[str, float]:
        found = {
            f"{name}@{epoch}": number
            for name, split in sets_of(self.dataset).items()
            for epoch, number in self._epochs(split, quantity).items()
        }
        return Answer(found, f"{quantity} of {where}")

    def _epochs(self, split: Split, quantity: Quantity) -> Mapping[int, float]:
        series = self._series(split, quantity)
        found = self.every.epochs_of(series, self.seed, self.index)
        if not found and quantity == Quantity.SECONDS:
            same = self.every.seconds_of(self.dataset, split, self.schedule, self.seed)
            if len(same) and same[self.index] == same[self.index]:
                return dict.fromkeys(range(self.schedule), float(same[self.index]))
        return found

    def _series(self, split: Split, quantity: Quantity) -> Series:
        return Series(self.dataset, split, quantity, self.schedule)


def _rank(dataset: str) -> int:
    return DATASETS.index(dataset) if dataset in DATASETS else len(DATASETS)


def _network(dataset: str, text: str, half: str) -> dict[str, Any]:
    """Return the official description of a network; without classes for another data set."""
    data = INPUTS.get(dataset.removesuffix("-valid"))
    rest = {"arch_str": text, "class_num": data.classes if data is not None else None}
    if half == "size":
        return {"name": "infer.shape.tiny", "channels": text, "genotype": _SIZE_CELL, **rest}
    return {"channel": 16, "num_cells": 5, **rest}


@cache
def _warn_of_means(table: str, dataset: str, schedule: int) -> None:
    warn(
        f"table '{table}' has the mean over the trainings of {dataset} for {schedule} epochs, not "
        f"each of them: it answers as the one training '{MEAN}'"
    )

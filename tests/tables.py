"""A complete table of the nb201 space made of random numbers, for tests that need no data."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from nasbench.benchmarks.tables.columns import (
    Series,
    after_epoch,
    per_epoch_seconds,
    query_seconds,
    seed_count,
)
from nasbench.benchmarks.tables.info import Column, Quantity, Split, TableInfo
from nasbench.benchmarks.tables.table import Table

DATASETS = ("cifar10", "cifar100", "ImageNet16-120")
SIZE = 15_625


def synthetic_table(
    name: str = "nb201",
    *,
    seed: int = 0,
    poison: bool = False,
    trials: tuple[int, ...] = (),
    epochs: tuple[int, ...] = (),
) -> Table:
    """Return a table whose final accuracies follow its 12-epoch signal loosely.

    With `poison`, every test number is NaN: nothing that a search does may depend on them.
    With `trials`, the signal is known for single training seeds, with costs of their own. With
    `epochs`, validation is also known after these of the signal's 12 epochs.
    """
    generator = np.random.default_rng(seed)
    quality = generator.normal(0, 1, SIZE)
    data: dict[Column, np.ndarray] = {}
    for dataset in DATASETS:
        searched = "cifar10-valid" if dataset == "cifar10" else dataset

        def noisy(scale: float, quality: np.ndarray = quality) -> np.ndarray:
            return 80 + 5 * np.tanh(quality) + generator.normal(0, scale, SIZE)

        def accuracy(split: Split, schedule: int, of: str) -> Column:
            return after_epoch(Series(of, split, Quantity.ACCURACY, schedule), schedule, None)

        data[accuracy(Split.VALID, 12, searched)] = noisy(2.0)
        data[accuracy(Split.VALID, 200, searched)] = noisy(0.3)
        test = noisy(0.3)
        data[accuracy(Split.TEST, 200, dataset)] = np.full(SIZE, np.nan) if poison else test
        data[seed_count(dataset, Split.TEST, 200)] = np.full(SIZE, 3, dtype=np.uint8)
        seconds = generator.uniform(5, 12, SIZE)
        data[per_epoch_seconds(searched, Split.TRAIN)] = seconds
        data[query_seconds(searched, 12, None)] = 12 * seconds + 3
        for after in epochs:
            signal = Series(searched, Split.VALID, Quantity.ACCURACY, 12)
            data[after_epoch(signal, after, None)] = noisy(2.0)
        for trial in trials:
            signal = Series(searched, Split.VALID, Quantity.ACCURACY, 12)
            data[after_epoch(signal, 12, trial)] = noisy(2.0)
            data[query_seconds(searched, 12, trial)] = 12 * seconds + trial / 1000
    info = TableInfo(
        name=name,
        title="synthetic",
        space="nb201",
        rows=SIZE,
        cells=SIZE,
        licence="MIT",
        columns=tuple(data),
    )
    return Table.from_columns(info, {column.name: array for column, array in data.items()})


@contextmanager
def installed(data: Path) -> Iterator[None]:
    """Let the tables of a data folder be the installed ones, for what several tests share."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NASBENCH_DATA", str(data))
        yield


@contextmanager
def toy_cifar10(data: Path) -> Iterator[None]:
    """Let `cifar10` be a few small patterns, said to lie in a data folder.

    They are known in this process alone: no run goes to a worker.
    """
    from nasbench.benchmarks.training import catalogue
    from nasbench.testing.one_shot import toy_data

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(catalogue._BY_NAME, "cifar10", lambda _: toy_data())
        patch.setattr("nasbench.harness.search.defaults.images_at_hand", lambda _: data)
        patch.setattr("nasbench.harness.execution.run.cores", lambda: 1)
        catalogue.shared_data.cache_clear()
        yield
    catalogue.shared_data.cache_clear()

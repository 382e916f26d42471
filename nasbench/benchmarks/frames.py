"""A table of a data frame: one's own measurements of a space, in the form that most people have."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from nasbench.benchmarks.protocols import Protocol
from nasbench.benchmarks.tables import columns as named
from nasbench.benchmarks.tables.columns import Series, after_epoch, query_seconds, seed_count
from nasbench.benchmarks.tables.format import (
    Column,
    Quantity,
    Split,
    TableInfo,
    TableMetric,
    TableProtocol,
)
from nasbench.benchmarks.tables.table import Table
from nasbench.errors import InvalidInput
from nasbench.problem import ACCURACY, Metric
from nasbench.spaces import find_space
from nasbench.spaces.base import EnumerableSpace, Space
from nasbench.text import printable, shown

if TYPE_CHECKING:
    import pandas

_LARGEST = 10_000_000
"""Architectures of the largest space that a table has a row for each of."""
_SPLITS = (Split.TRAIN, Split.VALID, Split.TEST)
_COSTS = (Quantity.PARAMS, Quantity.FLOPS)
_OF_A_DEVICE = (Quantity.LATENCY, Quantity.ENERGY)

Floats = NDArray[np.float64]


def table_from_frame(
    frame: "pandas.DataFrame",
    *,
    name: str,
    space: str | Space,
    metrics: Metric | Sequence[Metric] = ACCURACY,
    title: str = "",
    licence: str = "unknown",
    notes: Sequence[str] = (),
    protocols: Sequence[Protocol] = (),
) -> Table:
    """Make a table of one's own measurements: a row for each architecture, fidelity and training.

    Columns of the frame:

    - `architecture`: its text, as the space writes it; or `index`, its index in the space;
    - `epochs`: how many were trained, a whole number; the most of a data set are its full training;
    - `seconds`: what that evaluation costs on the clock, training and validation, above 0;
    - `valid_NAME` for each metric, and `test_NAME`, which is read where `epochs` are the most;
      `train_NAME` may be there too;
    - `dataset`, where there are several; without it the data set is called as the table;
    - `seed`, where a row is one of several trainings; without it a row is the only one, or a mean;
    - `params`, `flops`, `latency/DEVICE` (ms) and `energy/DEVICE` (mJ): costs of the network.

    NaN is a number that is missing; what has no row is missing as well, and its evaluation fails.
    `space` is its name or itself. The first of `metrics` is what a search is for where nobody says
    otherwise. Of `protocols` the first is the one of a search that names none; without any,
    `nasbench.benchmarks.protocols.own_protocol` makes one. Save the table with `table.save(path)`
    and search it by that path, which ends in `.safetensors`.

    Raises `InvalidInput` that names the column or row which is wrong, and `DataError` for a number
    outside its metric's bounds.
    """
    of = find_space(space) if isinstance(space, str) else space
    if not isinstance(of, EnumerableSpace) or of.size > _LARGEST:
        raise InvalidInput(
            f"space '{of.name}': a table needs a space with indices and at most {_LARGEST:,} "
            "architectures; nasbench.spaces.pool.PoolSpace is one of a list of names"
        )
    several = (metrics,) if isinstance(metrics, Metric) else tuple(metrics)
    _check(frame, several)
    numbers = _numbers(frame)
    index = _indices(frame, of)
    data: dict[Column, NDArray[Any]] = {}
    groups = frame["dataset"].astype(str) if "dataset" in frame else [name] * len(frame)
    places: dict[str, list[int]] = {}
    for place, dataset in enumerate(groups):
        places.setdefault(dataset, []).append(place)
    for dataset, rows in places.items():
        part = {one: column[rows] for one, column in numbers.items()}
        data.update(_measured(dataset, part, index[rows], of.size, several))
        data.update(_costs(dataset, part, index[rows], of.size))
    info = TableInfo(
        schema_version=2,
        name=name,
        title=title or f"{name}, of a data frame",
        space=of.name,
        rows=of.size,
        cells=len(np.unique(index)),
        licence=licence,
        notes=tuple(notes),
        columns=tuple(data),
        metrics=tuple(map(TableMetric.of, several)),
        protocols=tuple(_stored(one, of, name) for one in protocols),
    )
    return Table.from_columns(info, {column.name: array for column, array in data.items()})


def _check(frame: "pandas.DataFrame", metrics: Sequence[Metric]) -> None:
    """Raise `InvalidInput` for a column that is missing, or that no column is called."""
    if not metrics:
        raise InvalidInput("metrics: name at least one, such as nasbench.Metric('accuracy')")
    there = [str(one) for one in frame.columns]
    wanted = [f"{split}_{one.name}" for one in metrics for split in (Split.VALID, Split.TEST)]
    missing = [one for one in ("epochs", "seconds", *wanted) if one not in there]
    if not {"architecture", "index"} & set(there):
        missing.insert(0, "architecture")
    if missing:
        raise InvalidInput(
            f"the frame has no column '{missing[0]}': it has {', '.join(there) or 'none'}"
        )
    allowed = {"architecture", "index", "epochs", "seconds", "dataset", "seed", *_COSTS}
    allowed |= {f"{split}_{one.name}" for one in metrics for split in _SPLITS}
    for one in there:
        if one not in allowed and one.partition("/")[0] not in _OF_A_DEVICE:
            raise InvalidInput(
                f"the frame's column {shown(one)} is none that a table has: name its metric in "
                "`metrics`, or leave it away"
            )
    if not len(frame):
        raise InvalidInput("the frame has no rows")


def _numbers(frame: "pandas.DataFrame") -> dict[str, NDArray[Any]]:
    """Return the frame's columns of numbers."""
    found: dict[str, NDArray[Any]] = {}
    for one in frame.columns:
        if one in ("architecture", "dataset"):
            continue
        try:
            found[str(one)] = np.asarray(frame[one], dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise InvalidInput(f"the frame's column '{one}' is not of numbers: {error}") from error
    for one, least in (("epochs", 1), ("seed", 0), ("index", 0)):
        column = found.get(one)
        if column is not None:
            wrong = np.flatnonzero(~((column >= least) & (column == np.floor(column))))
            if len(wrong):
                raise InvalidInput(
                    f"the frame's column '{one}', row {wrong[0]}: {column[wrong[0]]:g} is no whole "
                    f"number of {least} or more"
                )
            found[one] = column.astype(np.int64)
    return found


def _indices(frame: "pandas.DataFrame", space: EnumerableSpace) -> NDArray[np.int64]:
    """Return the index of every row's architecture; each text is read once."""
    if "architecture" not in frame:
        index = np.asarray(frame["index"], dtype=np.int64)
        for one in index[(index < 0) | (index >= space.size)][:1]:
            space.require_index(int(one))
        return index
    known: dict[Any, int] = {}
    for row, one in enumerate(frame["architecture"]):
        if one in known:
            continue
        try:
            known[one] = space.index(space.parse(one) if isinstance(one, str) else one)
        except Exception as error:  # of others' spaces, and of values that are no architecture
            raise InvalidInput(
                f"the frame's row {row}: {printable(str(one)):.80} is no architecture of space "
                f"'{space.name}' ({printable(str(error)):.200})"
            ) from error
    return np.array([known[one] for one in frame["architecture"]], dtype=np.int64)


def _measured(
    dataset: str,
    part: Mapping[str, NDArray[Any]],
    index: NDArray[np.int64],
    size: int,
    metrics: Sequence[Metric],
) -> Iterator[tuple[Column, NDArray[Any]]]:
    """Yield the columns of a data set's metrics and seconds."""
    epochs, schedule = part["epochs"], int(part["epochs"].max())
    seeds: Iterable[int | None] = np.unique(part["seed"]).tolist() if "seed" in part else (None,)
    counted = np.zeros(size, dtype=np.int64)
    for seed in seeds:
        of_seed = np.ones(len(index), bool) if seed is None else part["seed"] == seed
        for after in np.unique(epochs[of_seed]).tolist():
            here = np.flatnonzero(of_seed & (epochs == after))
            _refuse_twice(index[here], dataset, after, seed)

            def spread(column: NDArray[Any], here: NDArray[np.int64] = here) -> Floats:
                whole = np.full(size, np.nan)
                whole[index[here]] = column[here]
                return whole

            yield (
                query_seconds(dataset, schedule, seed, epochs=after),
                spread(part["seconds"]),
            )
            for metric in metrics:
                for split in _SPLITS:
                    column = part.get(f"{split}_{metric.name}")
                    if column is not None and not np.isnan(column[here]).all():
                        series = Series(dataset, split, metric.name, schedule)
                        yield after_epoch(series, after, seed, unit=metric.unit), spread(column)
            if after == schedule:
                counted += ~np.isnan(spread(part[f"{Split.TEST}_{metrics[0].name}"]))
    yield seed_count(dataset, Split.TEST, schedule), counted


def _refuse_twice(index: NDArray[np.int64], dataset: str, epochs: int, seed: int | None) -> None:
    twice, counts = np.unique(index, return_counts=True)
    if (counts > 1).any():
        of = "" if seed is None else f", seed {seed}"
        raise InvalidInput(
            f"architecture {twice[counts > 1][0]} has two rows of '{dataset}' after {epochs} "
            f"epochs{of}: name trainings apart in a column 'seed', or leave one away"
        )


def _costs(
    dataset: str, part: Mapping[str, NDArray[Any]], index: NDArray[np.int64], size: int
) -> Iterator[tuple[Column, NDArray[Any]]]:
    """Yield the columns of what networks cost; `InvalidInput` where rows of one differ."""
    for name, column in part.items():
        quantity, _, device = name.partition("/")
        if quantity not in (*_COSTS, *_OF_A_DEVICE):
            continue
        whole = np.full(size, np.nan)
        whole[index] = column
        differ = np.flatnonzero((whole[index] != column) & ~np.isnan(column))
        if len(differ):
            row = int(differ[0])
            raise InvalidInput(
                f"the frame's column '{name}': architecture {index[row]} has {column[row]:g} and "
                f"{whole[index[row]]:g}; a network's cost is one number"
            )
        kind = Quantity(quantity)
        if device:
            yield named.hardware(dataset, kind, device), whole
        else:
            yield named.size(dataset, kind), whole


def _stored(protocol: Protocol, space: Space, table: str) -> TableProtocol:
    if (protocol.space, protocol.table) != (space.name, table):
        raise InvalidInput(
            f"protocol '{protocol.name}' is for table '{protocol.table}' of space "
            f"'{protocol.space}', not for '{table}' of '{space.name}'"
        )
    stored: dict[str, Any] = {name: getattr(protocol, name) for name in TableProtocol.model_fields}
    stored["seconds"], stored["reports"] = dict(protocol.seconds), dict(protocol.reports)
    try:
        return TableProtocol(**stored)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InvalidInput(f"protocol '{protocol.name}': {where}: {first['msg']}") from error

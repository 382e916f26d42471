"""The objectives that a table offers: metrics of its validation columns, and costs of networks.

A cost, such as the number of weights or the latency on a device, does not depend on a split: the
search sees the same number that the judge reports.
"""

from collections.abc import Iterator, Mapping
from typing import Literal

import numpy as np

from nasbench.benchmarks.tables.info import Array, Quantity, Split
from nasbench.benchmarks.tables.table import Table
from nasbench.benchmarks.tables.views import SearchColumns
from nasbench.errors import InvalidInput
from nasbench.problem import Metric
from nasbench.text import shown

SIZES = (Quantity.PARAMS, Quantity.FLOPS)
OF_A_DEVICE = (Quantity.LATENCY, Quantity.ENERGY, Quantity.INTENSITY)
_DIRECTIONS: Mapping[str, Literal["max", "min"]] = {Quantity.INTENSITY: "max"}
"""Costs of which more is better: operations per byte that is moved."""


def find_objective(table: Table, name: str, dataset: str) -> Metric:
    """Return the objective `name` of a data set; `InvalidInput` lists its objectives for another.

    The objective of a device is `latency/DEVICE`, `energy/DEVICE` or `intensity/DEVICE`, also with
    a colon in place of the slash; if the table has only one device, `latency` and so on is enough.
    """
    name = plain_name(name)
    known = {metric.name: metric for metric in objectives_of(table, dataset)}
    for quantity in OF_A_DEVICE:
        of_devices = [metric for one, metric in known.items() if one.startswith(f"{quantity}/")]
        if name == quantity and len(of_devices) == 1:
            return of_devices[0]
    if name not in known:
        raise InvalidInput(
            f"objective {shown(name)}: table '{table.name}' has "
            f"{', '.join(known) or 'none'} of '{dataset}'; use one of these"
        )
    return known[name]


def objectives_of(table: Table, dataset: str | None = None) -> Iterator[Metric]:
    """Yield every objective that a table offers, on one data set or on any."""
    columns = table.info.columns
    if dataset is not None:
        names = (dataset, table.search.searched.get(dataset, dataset))
        columns = tuple(one for one in columns if one.dataset in names)
    for metric in table.metrics:
        if any((one.quantity, one.split) == (metric.name, Split.VALID) for one in columns):
            yield metric
    for column in columns:
        if column.split is None and column.quantity in SIZES:
            yield Metric(str(column.quantity), "min", column.unit, 0.0)
        elif column.device is not None and column.quantity in OF_A_DEVICE:
            better = _DIRECTIONS.get(column.quantity, "min")
            yield Metric(f"{column.quantity}/{column.device}", better, column.unit, 0.0)


def plain_name(name: str) -> str:
    """Return the name of an objective for `latency:DEVICE` and the like; others are unchanged."""
    quantity, colon, device = name.partition(":")
    return f"{quantity}/{device}" if colon and quantity in OF_A_DEVICE else name


def costs_of(table: Table) -> dict[str, tuple[Metric, ...]]:
    """Return the costs of networks that a table has, by data set."""
    shown_as = {searched: name for name, searched in table.search.searched.items()}
    names = dict.fromkeys(
        shown_as.get(one.dataset, one.dataset) for one in table.info.columns if one.dataset
    )
    found = {name: tuple(filter(is_cost, objectives_of(table, name))) for name in names}
    return {name: metrics for name, metrics in found.items() if metrics}


def default_objective(table: Table, dataset: str) -> Metric:
    """Return the objective of a search that names none: the first metric of the table's metrics.

    Data sets of a table may have different metrics, as tasks have: it is the first that has
    validation values on this data set or, if none has, on any. Raises `InvalidInput` if the table
    has no validation values.
    """
    for metric in (*objectives_of(table, dataset), *objectives_of(table)):
        if not is_cost(metric):
            return metric
    raise InvalidInput(
        f"table '{table.name}' has no values of validation to search on, and test is never searched"
    )


def is_cost(metric: Metric) -> bool:
    """Whether a metric is a cost of the network, measured without images of the data set."""
    return names_cost(metric.name)


def names_cost(name: str) -> bool:
    """Whether a name is that of a cost, such as `params`, `latency` or `latency/pixel3`."""
    return name.partition("/")[0] in (*SIZES, *OF_A_DEVICE)


def read_cost(columns: SearchColumns, metric: Metric, dataset: str) -> Array:
    """Return a cost of all networks, NaN where it is missing; shape (rows,) or (size,).

    It has `size` entries where the table stores one cost per architecture instead of per row.
    Raises `DataError` if the table has no such cost on `dataset`.
    """
    quantity, _, device = metric.name.partition("/")
    numbers: Array
    if quantity == Quantity.PARAMS:
        numbers = columns.params(dataset)
    elif quantity == Quantity.FLOPS:
        numbers = columns.flops(dataset)
    elif quantity == Quantity.LATENCY:
        numbers = columns.latency(dataset, device)
    elif quantity == Quantity.ENERGY:
        numbers = columns.energy(dataset, device)
    else:
        numbers = columns.intensity(dataset, device)
    found = np.asarray(numbers, dtype=np.float64)
    return np.where(found < 0, np.nan, found)  # HW-NAS-Bench writes -1 for a missing number

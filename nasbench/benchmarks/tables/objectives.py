"""What a table lets a search be for: metrics of its validation columns, and costs of networks.

A cost, such as the number of weights or the latency on a device, is the same whatever images a
network is read on: the search sees the number that the judge reports.
"""

from collections.abc import Iterator

import numpy as np

from nasbench.benchmarks.tables.format import Array, Quantity, Split
from nasbench.benchmarks.tables.table import Table
from nasbench.benchmarks.tables.views import SearchColumns
from nasbench.errors import InvalidInput
from nasbench.problem import Metric
from nasbench.text import shown

SIZES = (Quantity.PARAMS, Quantity.FLOPS)
OF_A_DEVICE = (Quantity.LATENCY, Quantity.ENERGY)


def find_objective(table: Table, name: str) -> Metric:
    """Return what a search of a table can be for; `InvalidInput` names all that there is.

    `latency` and `energy` alone are those of the table's only device, `latency/NAME` of any.
    """
    known = {metric.name: metric for metric in objectives_of(table)}
    for quantity in OF_A_DEVICE:
        of_devices = [metric for one, metric in known.items() if one.startswith(f"{quantity}/")]
        if name == quantity and len(of_devices) == 1:
            return of_devices[0]
    if name not in known:
        raise InvalidInput(
            f"objective {shown(name)}: table '{table.name}' has "
            f"{', '.join(known) or 'none'}; use one of these"
        )
    return known[name]


def objectives_of(table: Table) -> Iterator[Metric]:
    """Yield every metric that a search of a table can be for."""
    columns = table.info.columns
    for metric in table.metrics:
        if any((one.quantity, one.split) == (metric.name, Split.VALID) for one in columns):
            yield metric
    for column in columns:
        if column.split is None and column.quantity in SIZES:
            yield Metric(str(column.quantity), "min", column.unit, 0.0)
        elif column.device is not None and column.quantity in OF_A_DEVICE:
            yield Metric(f"{column.quantity}/{column.device}", "min", column.unit, 0.0)


def default_objective(table: Table) -> Metric:
    """Return what a search of a table is for where nobody says so: its first metric."""
    for metric in objectives_of(table):
        if not is_cost(metric):
            return metric
    raise InvalidInput(f"table '{table.name}' has no values of validation to search on")


def is_cost(metric: Metric) -> bool:
    """Whether a metric is a cost of the network, which no images are needed for."""
    return metric.name.partition("/")[0] in (*SIZES, *OF_A_DEVICE)


def read_cost(columns: SearchColumns, metric: Metric, dataset: str) -> Array:
    """Return a cost of every network, NaN where the table has none; shape (rows,) or (size,)."""
    quantity, _, device = metric.name.partition("/")
    numbers: Array
    if quantity == Quantity.PARAMS:
        numbers = columns.params(dataset)
    elif quantity == Quantity.FLOPS:
        numbers = columns.flops(dataset)
    elif quantity == Quantity.LATENCY:
        numbers = columns.latency(dataset, device)
    else:
        numbers = columns.energy(dataset, device)
    found = np.asarray(numbers, dtype=np.float64)
    return np.where(found < 0, np.nan, found)  # -1 is what HW-NAS-Bench writes for none

"""Costs of networks that are read from another table of the same space, joined by architecture.

A search on a table may need a cost that this table lacks, such as a latency: it is looked for in
the installed tables of the same space. The cost of an architecture depends on the images, so that
a cost of another data set than the searched one is taken only where there is no choice, or where
the user names it: `latency:pixel3@nb201-hw:cifar10`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from nasbench.benchmarks.catalogue import described_tables, load_table, table_file
from nasbench.benchmarks.tables.costs import per_architecture
from nasbench.benchmarks.tables.format import SUFFIX
from nasbench.benchmarks.tables.info import Array
from nasbench.benchmarks.tables.objectives import (
    costs_of,
    find_objective,
    is_cost,
    objectives_of,
    plain_name,
    read_cost,
)
from nasbench.benchmarks.tables.table import Table
from nasbench.errors import InvalidInput, NasbenchError
from nasbench.problem import Metric
from nasbench.spaces.base import EnumerableSpace
from nasbench.spaces.subspace import Subspace
from nasbench.text import shown

_SHORT = 8
"""Digits of a table's hash that are shown."""
_FORM = "latency:pixel3@nb201-hw:cifar10"


@dataclass(frozen=True)
class Join:
    """Where a search reads a cost that its own table lacks."""

    objective: str
    """The cost, such as `latency/pixel3`."""
    table: str
    """Name of the other table, or the path of its file."""
    content: str
    """SHA-256 of the other table."""
    dataset: str
    """The data set whose images the cost was measured on."""

    @property
    def name(self) -> str:
        """The other table's name, without the folder of a file."""
        return Path(self.table).name.removesuffix(SUFFIX)

    @property
    def about(self) -> str:
        """The source in words: table, hash and data set."""
        return f"table {self.name} {self.content[:_SHORT]}, measured on {self.dataset}"


class Found(NamedTuple):
    """A metric and, where it is a cost of another table, its source."""

    metric: Metric
    join: Join | None = None


class _Asked(NamedTuple):
    """What a user wrote: a metric and, where they are given, a table and a data set."""

    metric: str
    table: str = ""
    dataset: str = ""

    @classmethod
    def read(cls, text: str) -> "_Asked":
        metric, at, where = text.partition("@")
        if not at:
            return cls(plain_name(text))
        table, colon, dataset = where.rpartition(":")
        if where.endswith(SUFFIX) or not colon:
            table, dataset = where, ""
        return cls(plain_name(metric), table, dataset)


def find_column(table: Table, name: str, dataset: str) -> Found:
    """Return the metric `name` of a search on a data set of `table`, and where it is read.

    `name` is that of a metric or a cost of the table; or a cost that another installed table of
    the same space has, with the table and its data set if the user names them, as in `_FORM`.
    Raises `InvalidInput` for a name that no table has, and where several other tables or data sets
    have it; both messages list what there is.
    """
    own = _of_table(table, name, dataset)
    if own is not None:
        return Found(own)
    asked = _Asked.read(name)
    if asked.table:
        return _named(table, asked, name, dataset)
    if any(_is_called(one, asked.metric) for one in objectives_of(table, dataset)):
        find_objective(table, name, dataset)  # raises: several devices of its own
    known = list(_elsewhere(table, dataset))
    found = [one for one in known if _is_called(one.metric, asked.metric)]
    near = [one for one in found if one.join is not None and one.join.dataset == dataset] or found
    if not near:
        raise InvalidInput(_missing(table, name, dataset, known))
    if len(near) > 1:
        raise InvalidInput(_several(table, name, dataset, near))
    return near[0]


def joined_costs(joins: Sequence[Join], table: Table) -> dict[str, Array]:
    """Return the joined costs of a table's architectures by objective, shape (size,).

    They are in the order of the indices of `table.space`, NaN where the other table lacks a number
    or the architecture. Raises `NasbenchError` where another table is not installed, has another
    hash than the join, is of another space, or lacks the cost.
    """
    found = {}
    for join in joins:
        other = load_table(join.table)
        if other.hash != join.content:
            raise NasbenchError(
                f"'{join.objective}' was read from table '{join.table}' {join.content[:_SHORT]}, "
                f"installed is {other.hash[:_SHORT]}: install the table that these runs were made "
                "with, or use another --out folder"
            )
        if other.info.space != table.info.space:
            raise NasbenchError(
                f"'{join.objective}' is of table '{join.table}' of space '{other.info.space}', the "
                f"search of '{table.info.space}': architectures cannot be joined"
            )
        metric = find_objective(other, join.objective, join.dataset)
        cost = read_cost(other.search, metric, join.dataset)
        whole = np.asarray(per_architecture(cost, other.rows), dtype=np.float64)
        found[join.objective] = _by_architecture(whole, table.space, other.space)
    return found


def require_numbers(table: Table, found: Found, dataset: str) -> None:
    """Raise `InvalidInput` for a cost that no architecture of `table` has a number of."""
    metric, join = found
    if join is not None:
        numbers = joined_costs((join,), table)[metric.name]
    elif is_cost(metric):
        numbers = read_cost(table.search, metric, dataset)
    else:
        return
    if np.isnan(numbers).all():
        raise InvalidInput(
            f"objective '{metric.name}': no architecture of table '{table.name}' has a number of "
            "it: use another"
        )


def _by_architecture(cost: Array, own: EnumerableSpace, other: EnumerableSpace) -> Array:
    """Return costs of architectures of `other` in the order of `own`; either may be a pool's."""
    places = np.arange(own.size, dtype=np.int64)
    if isinstance(own, Subspace):
        places = np.asarray(own.indices, dtype=np.int64)
    if isinstance(other, Subspace):
        places = other.positions(places)
    return np.where(places < 0, np.nan, cost[places])


def metric_of(join: Join) -> Metric:
    """Return the metric of a joined cost; raises the errors of `joined_costs`."""
    return find_objective(load_table(join.table), join.objective, join.dataset)


def _of_table(table: Table, name: str, dataset: str) -> Metric | None:
    """Return a metric of the table's own, None where it lacks it."""
    try:
        return find_objective(table, name, dataset)
    except InvalidInput:
        return None


def _named(table: Table, asked: _Asked, name: str, dataset: str) -> Found:
    """Return what a user asks for of a table that is named."""
    path = asked.table
    other = load_table(path)
    if path.endswith(SUFFIX):
        path = str(table_file(path).resolve())
    if other.info.space != table.info.space:
        raise InvalidInput(
            f"objective {shown(name)}: table '{other.name}' is of space '{other.info.space}', "
            f"table '{table.name}' of '{table.info.space}': only tables of one space are joined"
        )
    wanted = asked.dataset or dataset
    known = costs_of(other)
    if wanted not in known and not asked.dataset and len(known) == 1:
        (wanted,) = known
    if other.hash == table.hash and wanted == dataset:
        return Found(find_objective(table, asked.metric, dataset))
    if wanted not in known:
        where = ", ".join(known) or "no data set"
        raise InvalidInput(
            f"objective {shown(name)}: table '{other.name}' has no costs of {shown(wanted)}, but "
            f"of {where}: name one, as in {_FORM}"
        )
    metric = _of_table(other, asked.metric, wanted)
    if metric is None or not is_cost(metric):
        raise InvalidInput(
            f"objective {shown(name)}: of another table a search reads costs alone, and "
            f"'{other.name}' has {', '.join(one.name for one in known[wanted])} of '{wanted}'"
        )
    return Found(metric, Join(metric.name, path, other.hash, wanted))


def _elsewhere(table: Table, dataset: str) -> Iterator[Found]:
    """Yield the costs of all data sets in the installed tables of a space.

    Those of `dataset` in `table` itself are left out.
    """
    for place, other in described_tables():
        if other.info.space != table.info.space:
            continue
        for name, metrics in costs_of(other).items():
            if (other.hash, name) != (table.hash, dataset):
                for metric in metrics:
                    yield Found(metric, Join(metric.name, place, other.hash, name))


def _is_called(metric: Metric, name: str) -> bool:
    """Whether a user means a cost by a name, which may leave its device out."""
    return name in (metric.name, metric.name.partition("/")[0])


def _missing(table: Table, name: str, dataset: str, known: Sequence[Found]) -> str:
    own = ", ".join(one.name for one in objectives_of(table, dataset)) or "nothing"
    names = dict.fromkeys(one.metric.name for one in known)
    others = (
        f"other tables of its space have {', '.join(names)}"
        if names
        else "no other table of its space is installed that has costs (`nasbench data list`)"
    )
    return (
        f"objective {shown(name)}: table '{table.name}' has {own} of '{dataset}', {others}; use "
        "one of these"
    )


def _several(table: Table, name: str, dataset: str, found: Sequence[Found]) -> str:
    joins = [one.join for one in found if one.join is not None]
    forms = ", ".join(
        f"{one.objective.replace('/', ':', 1)}@{one.table}:{one.dataset}" for one in joins
    )
    why = (
        f"several other tables or devices have it of '{dataset}'"
        if any(one.dataset == dataset for one in joins)
        else f"it is measured on other data sets than '{dataset}'"
    )
    return f"objective {shown(name)}: table '{table.name}' lacks it and {why}: name one of {forms}"

"""Protocols: named experimental settings of a search, such as its budget and reported data sets."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from types import MappingProxyType

import numpy as np

from nasbench.benchmarks.tables.costs import query_cost
from nasbench.benchmarks.tables.objectives import default_objective
from nasbench.benchmarks.tables.table import Table
from nasbench.errors import DataError, InvalidInput
from nasbench.problem import ACCURACY
from nasbench.text import printable

OWN = "own"
"""Name of the protocol that `own_protocol` makes for a table."""
OWN_QUERIES = 106
"""Number of evaluations that the published 12,000 s on CIFAR-10 pay for on average."""


@dataclass(frozen=True)
class Protocol:
    """What a search sees, its budget and where it is judged, for each data set it can search."""

    name: str
    source: str
    space: str
    schedule: int
    """Training schedule of the validation values that a search sees, named by its number of
    epochs (`hp` in the official files)."""
    epochs: int
    """Epoch of that schedule after which a search sees validation."""
    final_schedule: int
    """Schedule of the final values: read after its last epoch, mean over training seeds."""
    seconds: Mapping[str, float]
    """Budget in seconds, for each data set that is searched with one."""
    reports: Mapping[str, tuple[str, ...]]
    """Data sets that the judge reports, for each data set that can be searched."""
    evaluations: Mapping[str, int] = field(default_factory=dict)
    """Budget in evaluations, for each data set that is searched with one.

    A search ends at the first of its two budgets if its data set has both.
    """
    lengths: Mapping[str, int] = field(default_factory=dict)
    """Epochs of the data sets whose whole training has another number of epochs, see `of`."""
    signal: str = "mean"
    """What one query returns: `mean` over the training seeds, or `random`, that of one seed."""
    repeats: str = "charge"
    """Cost of asking for an architecture again: `charge`, the same again, or `free`."""
    table: str = "nb201"
    """Name of the table that the protocol is made for."""

    def of(self, dataset: str) -> "Protocol":
        """Return the protocol of one data set.

        Where `lengths` names the data set, its schedule has that many epochs, after all of which a
        search sees validation and the judge reads.
        """
        epochs = self.lengths.get(dataset)
        if epochs is None:
            return self
        return replace(self, schedule=epochs, epochs=epochs, final_schedule=epochs)

    @property
    def datasets(self) -> tuple[str, ...]:
        """The data sets that can be searched."""
        return tuple(dict.fromkeys((*self.seconds, *self.evaluations)))

    def check(self, dataset: str) -> None:
        """Raise `InvalidInput` unless this protocol searches on `dataset`."""
        if dataset not in self.datasets:
            near = get_close_matches(dataset, self.datasets, n=1, cutoff=0.4)
            hint = f"; did you mean '{near[0]}'?" if near else ""
            raise InvalidInput(
                f"data set '{dataset}' is not searched in protocol '{self.name}': "
                f"valid are {', '.join(self.datasets)}{hint}"
            )


_NB201_SETS = ("cifar10", "cifar100", "ImageNet16-120")

_PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        Protocol(
            name="nb201-paper",
            source="Dong & Yang, NAS-Bench-201, ICLR 2020, section 5: 500 runs",
            space="nb201",
            schedule=12,
            epochs=12,
            final_schedule=200,
            seconds=MappingProxyType({"cifar10": 12_000.0}),
            reports=MappingProxyType({"cifar10": _NB201_SETS}),
        ),
        Protocol(
            name="nats-bench",
            source="Dong et al., NATS-Bench, TPAMI 2021, section 5: 500 runs",
            space="nb201",
            schedule=12,
            epochs=12,
            final_schedule=200,
            seconds=MappingProxyType(
                {"cifar10": 20_000.0, "cifar100": 40_000.0, "ImageNet16-120": 120_000.0}
            ),
            reports=MappingProxyType({name: (name,) for name in _NB201_SETS}),
        ),
        Protocol(
            name="nats-bench-size",
            source="Dong et al., NATS-Bench, TPAMI 2021, section 5; budgets of their scripts "
            "(exps/NATS-algos/run-all.sh of D-X-Y/AutoDL-Projects): 500 runs on the size space",
            space="nats-size",
            schedule=12,
            epochs=12,
            final_schedule=90,
            seconds=MappingProxyType(
                {"cifar10": 20_000.0, "cifar100": 40_000.0, "ImageNet16-120": 60_000.0}
            ),
            reports=MappingProxyType({name: (name,) for name in _NB201_SETS}),
            signal="random",
            table="nats-size",
        ),
        Protocol(
            name="nb101-paper",
            source="Ying et al., NAS-Bench-101, ICML 2019, and the authors' example: 100 runs",
            space="nb101",
            schedule=108,
            epochs=108,
            final_schedule=108,
            seconds=MappingProxyType({"cifar10": 5_000_000.0}),
            reports=MappingProxyType({"cifar10": ("cifar10",)}),
            signal="random",
            table="nb101",
        ),
        Protocol(
            name="nb101-150",
            source="White et al., BANANAS, AAAI 2021: 150 evaluations of the mean, 200 runs",
            space="nb101",
            schedule=108,
            epochs=108,
            final_schedule=108,
            seconds=MappingProxyType({}),
            evaluations=MappingProxyType({"cifar10": 150}),
            reports=MappingProxyType({"cifar10": ("cifar10",)}),
            table="nb101",
        ),
    )
}


def protocols() -> dict[str, Protocol]:
    """Return all named protocols."""
    return dict(_PROTOCOLS)


def find_protocol(name: str, table: Table | None = None) -> Protocol:
    """Return a protocol by name: a published one, or one that is stored in `table`.

    Raises `InvalidInput` for an unknown name and for a stored protocol that does not fit `table`.
    """
    stored = stored_protocols(table) if table else {}
    known = {**stored, **_PROTOCOLS}
    if name not in known:
        valid = ", ".join([*map(printable, known), OWN])
        raise InvalidInput(f"protocol '{printable(name)}' is unknown: valid are {valid}")
    if table is not None and name in stored:
        require_fit(stored[name], table)
    return known[name]


def stored_protocols(table: Table) -> dict[str, Protocol]:
    """Return the protocols that a table stores, by name; the first is the table's default."""
    return {
        one.name: Protocol(space=table.info.space, table=table.name, **one.model_dump())
        for one in table.info.protocols
        if one.name not in _PROTOCOLS and one.name != OWN
    }


def protocols_for(table: Table) -> list[Protocol]:
    """Return the protocols that a table can be searched with, the default one first.

    They are those stored in the table, those published for it, then the other published ones, as
    far as the table has what they need on one of their data sets.
    """
    made = [one for one in _PROTOCOLS.values() if one.table == table.name]
    all_known = {one.name: one for one in (*stored_protocols(table).values(), *made)}
    for one in _PROTOCOLS.values():
        all_known.setdefault(one.name, one)
    return [one for one in all_known.values() if _fits(one, table)]


def _fits(protocol: Protocol, table: Table) -> bool:
    """Whether a table has what a protocol needs on at least one of the protocol's data sets."""
    return any(not what_lacks(protocol, table, name) for name in protocol.datasets)


def what_lacks(protocol: Protocol, table: Table, dataset: str) -> str:
    """Return what a table lacks for a search of `dataset` by a protocol; empty if nothing."""
    try:
        return next(_lacking(protocol, table, dataset), "")
    except InvalidInput as error:  # no values of validation
        return str(error)


def _lacking(protocol: Protocol, table: Table, dataset: str) -> Iterator[str]:
    protocol = protocol.of(dataset)
    search, metric = table.search, default_objective(table, dataset).name
    published = protocol.name in _PROTOCOLS
    epochs, schedule, final = protocol.epochs, protocol.schedule, protocol.final_schedule
    seconds, count = protocol.seconds.get(dataset), protocol.evaluations.get(dataset)
    reports = protocol.reports.get(dataset, ())
    if protocol.space != table.info.space:
        yield f"it is of space '{protocol.space}'"
    if published and metric != ACCURACY.name:
        yield f"it is of {ACCURACY.name}, the table of {metric}"
    if seconds is None and count is None:
        yield f"it has no budget on '{dataset}'"
    if seconds is not None and not 0 < seconds < math.inf:
        yield f"its budget on '{dataset}' is {seconds:g} s"
    if count is not None and not count > 0:
        yield f"its budget on '{dataset}' is {count} evaluations"
    if seconds is not None and not search.has_seconds(dataset):
        yield f"it has no seconds of '{dataset}' to charge"
    if epochs not in search.epochs(dataset, schedule, metric):
        yield f"'{dataset}' is not known after {epochs} of {schedule} epochs"
    single = search.seeds(dataset, schedule, metric, epochs)
    if protocol.signal == "random" and len(single) < 2:
        yield f"there are no single trainings of '{dataset}' after {epochs} epochs"
    if not reports or len(set(reports)) < len(reports):
        yield f"it reports no data set for '{dataset}', or one twice"
    for name in reports:
        reads, where = (table.test, "test") if table.has_test else (search, "validation")
        if final not in reads.schedules(name, metric):
            yield f"'{name}' is not known after {final} epochs, on {where}"


def require_fit(protocol: Protocol, table: Table) -> None:
    """Raise `InvalidInput` unless a table has what a protocol needs on all its data sets."""
    if not protocol.datasets:
        raise InvalidInput(f"protocol '{printable(protocol.name)}' searches no data set")
    for name in protocol.datasets:
        lacking = what_lacks(protocol, table, name)
        if lacking:
            raise InvalidInput(
                f"protocol '{printable(protocol.name)}' does not fit table '{table.name}': "
                f"{printable(lacking)}"
            )


def own_protocol(table: Table, dataset: str = "") -> Protocol:
    """Make the protocol `own` of a data set of a table; by default it is the table's first one.

    The judge reads the end of the longest schedule with both validation and test values (only
    validation if the table has no test values at all). A search sees validation after the largest
    known number of epochs that is at most a third of that schedule, or after the smallest known
    number if there is none. Each query returns a random training seed's value if the table has
    several seeds, else the mean. The budget is the mean cost of a query times `OWN_QUERIES`,
    rounded to two significant digits; if the table has no seconds of the data set, it is
    `OWN_QUERIES` evaluations.

    Raises `InvalidInput` for a data set that the table lacks or that cannot be judged; `DataError`
    if the cost of a query is unknown, 0 or less.
    """
    known = searched_in(table)
    dataset = dataset or next(iter(known), "")
    if not dataset:
        default_objective(table, dataset)  # raises an error of its own without any validation
        raise InvalidInput(
            f"table '{table.name}' knows no metric at the end of a schedule: there is nothing to "
            "search"
        )
    if not table.search.knows(dataset):
        raise InvalidInput(
            f"data set '{printable(dataset)}' is not in table '{table.name}': it has "
            f"{', '.join(known)}"
        )
    metric = default_objective(table, dataset).name
    final = _final_schedule(table, dataset, metric)
    schedule, epochs = _signal(table, dataset, metric, final)
    single = len(table.search.seeds(dataset, schedule, metric, epochs)) > 1
    timed = table.search.has_seconds(dataset)
    return Protocol(
        name=OWN,
        source=f"made of table '{table.name}'",
        space=table.info.space,
        schedule=schedule,
        epochs=epochs,
        final_schedule=final,
        seconds={dataset: _budget(table, dataset, schedule, epochs)} if timed else {},
        reports={dataset: (dataset,)},
        evaluations={} if timed else {dataset: OWN_QUERIES},
        signal="random" if single else "mean",
        table=table.name,
    )


def searched_in(table: Table) -> tuple[str, ...]:
    """Return the data sets of a table that can be searched, in the order of its columns."""
    shown = {name: dataset for dataset, name in table.search.searched.items()}
    metrics = {metric.name for metric in table.metrics}
    found = [one.dataset for one in table.info.columns if one.quantity in metrics and one.dataset]
    known = dict.fromkeys(shown.get(name, name) for name in found)
    return tuple(name for name in known if _ends(table, name))


def _ends(table: Table, dataset: str) -> bool:
    """Whether a table knows the objective of a data set at the end of a schedule."""
    try:
        metric = default_objective(table, dataset).name
    except InvalidInput:  # no validation values
        return False
    return bool(table.search.schedules(dataset, metric))


def _final_schedule(table: Table, dataset: str, metric: str) -> int:
    known = _judged(table, dataset, metric)
    if not known:
        raise InvalidInput(
            f"table '{table.name}' knows {metric} on '{dataset}' at the end of no schedule, on "
            f"{'validation and on test' if table.has_test else 'validation'}: nothing can be judged"
        )
    return max(known)


def _judged(table: Table, dataset: str, metric: str) -> set[int]:
    """Return the schedules at whose end a metric of a data set can be judged."""
    known = set(table.search.schedules(dataset, metric))
    return known & set(table.test.schedules(dataset, metric)) if table.has_test else known


def _signal(table: Table, dataset: str, metric: str, final: int) -> tuple[int, int]:
    """Return the schedule of the search's signal and the epoch after which it is read."""
    columns = table.search
    known = [
        (schedule, epochs)
        for schedule in columns.schedules(dataset, metric)
        for epochs in columns.epochs(dataset, schedule, metric)
        if schedule <= final
    ]
    priced = [one for one in known if _has_cost(table, dataset, *one)] or known
    few = [one for one in priced if one[1] <= max(1, final // 3)]
    fewest = min(epochs for _, epochs in priced)
    among = few or [one for one in priced if one[1] == fewest]
    return max(among, key=lambda one: (one[1], one[0] == final, one[0]))


def _has_cost(table: Table, dataset: str, schedule: int, epochs: int) -> bool:
    try:
        query_cost(table.search, table.rows, (dataset, schedule, epochs))
    except DataError:
        return False
    return True


def _budget(table: Table, dataset: str, schedule: int, epochs: int) -> float:
    spent = query_cost(table.search, table.rows, (dataset, schedule, epochs))
    known = spent[~np.isnan(spent)]
    if not len(known) or not known.min() > 0:
        cost = f"{known.min():g} s" if len(known) else "unknown for every architecture"
        raise DataError(
            f"table '{table.name}': {epochs} of {schedule} epochs on '{dataset}' would take {cost},"
            " which must be above 0 s: its seconds do not fit together, make the table again"
        )
    return float(f"{OWN_QUERIES * float(np.nanmean(spent)):.2g}")


def default_protocol(datasets: tuple[str, ...]) -> Protocol:
    """Return the first published protocol that can search all of `datasets`.

    Raises `InvalidInput` for an unknown data set.
    """
    for protocol in _PROTOCOLS.values():
        if set(datasets) <= set(protocol.datasets):
            return protocol
    known = {name: None for protocol in _PROTOCOLS.values() for name in protocol.datasets}
    unknown = next(name for name in datasets if name not in known)
    near = get_close_matches(unknown, known, n=1, cutoff=0.4)
    hint = f"did you mean '{near[0]}'? " if near else ""
    raise InvalidInput(f"data set '{unknown}' is unknown: {hint}valid are {', '.join(known)}")

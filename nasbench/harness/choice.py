"""What a search is on, when a user leaves some of it open: table, data sets, protocol."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nasbench.benchmarks.catalogue import BUNDLED, default_benchmark, load_table
from nasbench.benchmarks.format import SUFFIX, Split
from nasbench.benchmarks.images import images_at_hand
from nasbench.benchmarks.protocols import Protocol, default_protocol, find_protocol, protocols
from nasbench.benchmarks.table import Table, query_cost, search_name
from nasbench.errors import DataError, InvalidInput
from nasbench.harness.trained import PREFIX

OWN = "own"
"""Name of the protocol that is made of a table."""
OWN_QUERIES = 106
"""Evaluations a mean search of the published 12,000 seconds on CIFAR-10 affords."""
Say = Callable[[str], None]
"""Is told what was chosen, one line at a time."""
_TRAINED_ON = "digits"
"""Data set of a search by training that names none: the one that needs no download."""


@dataclass(frozen=True)
class Choice:
    """A table by name or file, data sets, and a protocol; None: the one that fits a training."""

    benchmark: str
    datasets: tuple[str, ...]
    protocol: Protocol | str | None


def choose(
    benchmark: str | Path | None,
    datasets: Sequence[str] | None,
    protocol: str | Protocol | None,
    *,
    fallback: bool = False,
    shared: Sequence[str] = (),
    say: Say = lambda _: None,
) -> Choice:
    """Fill in what is None: what was given decides, a protocol first, then the data sets.

    With nothing given it is the fetched NAS-Bench-201 if it is there, else the bundled table.
    With `fallback` a data set no protocol knows is left to training. `shared` names strategies of
    the command that train on images: with nothing given, they and the others are put on the first
    data set whose images are at hand, and `say` is told which that is.
    """
    if shared and benchmark is None and datasets is None and protocol is None:
        benchmark = _with_images(shared, say)
    named = None if benchmark is None else _located(benchmark)
    if named is not None and named.startswith(PREFIX):
        return Choice(named, tuple(datasets or (_TRAINED_ON,)), protocol)
    if isinstance(protocol, str):
        protocol = find_protocol(protocol)
    if protocol is None and datasets is None:
        protocol = _made_for(named or default_benchmark())
    elif protocol is None and datasets and not (fallback and _unknown(datasets)):
        protocol = _searching(named, tuple(datasets))
    table = named or (protocol.table if protocol else default_benchmark())
    return Choice(table, tuple(datasets or (protocol.datasets[:1] if protocol else ())), protocol)


def _with_images(shared: Sequence[str], say: Say) -> str:
    """Return the default benchmark, or the bundled one where the default's images are not there."""
    default = default_benchmark()
    if default == BUNDLED:
        return default
    first, names = _made_for(default).datasets[0], ", ".join(shared)
    if images_at_hand(first) is not None:
        return default
    say(
        f"{names} {'trains' if len(shared) == 1 else 'train'} on images and those of '{first}' are "
        f"not at hand: everything is searched on the bundled '{BUNDLED}'; `nasbench data fetch "
        f"{first}` gets them"
    )
    return BUNDLED


def has_dataset(table: Table, dataset: str) -> bool:
    """Whether a table has any column a search on a data set could see."""
    return any(name.startswith(f"{search_name(dataset)}/") for name in table.search.names)


def _located(benchmark: str | Path) -> str:
    """Return a table's name, or the one absolute path of a table file: a task needs one name."""
    text = str(benchmark)
    return os.path.realpath(text) if text.endswith(SUFFIX) else text


def _unknown(datasets: Sequence[str]) -> bool:
    known = {name for one in protocols().values() for name in one.datasets}
    return not set(datasets) <= known


def _made_for(benchmark: str) -> Protocol:
    """Return the first protocol made for a table, or else one whose data set it has."""
    for protocol in protocols().values():
        if protocol.table == benchmark:
            return protocol
    table = load_table(benchmark)
    for protocol in protocols().values():
        if has_dataset(table, protocol.datasets[0]):
            return protocol
    return own_protocol(table, _first_searched(table))


def _searching(benchmark: str | None, datasets: tuple[str, ...]) -> Protocol:
    """Return the first protocol for data sets, or else one made of the table that has them."""
    if _unknown(datasets) and len(datasets) == 1 and (benchmark or datasets[0] == BUNDLED):
        table = load_table(benchmark or BUNDLED)
        if has_dataset(table, datasets[0]):
            return own_protocol(table, datasets[0])
    return default_protocol(datasets)


def _first_searched(table: Table) -> str:
    for column in table.info.columns:
        if column.dataset and column.split is Split.VALID:
            return column.dataset
    raise InvalidInput(f"table '{table.name}' has no validation accuracy to search on")


def own_protocol(table: Table, dataset: str) -> Protocol:
    """Make a protocol, `own`, for a table that nobody has published one for.

    The signal is one training's validation after a third of the longest schedule, the judge
    reads that schedule's end, and the budget is what `OWN_QUERIES` mean queries cost. `DataError`
    where a query would cost nothing or less, since the table's seconds do not fit together.
    """
    columns = table.search
    final = max(
        column.schedule or 0
        for column in table.info.columns
        if (column.dataset, column.split) == (dataset, Split.VALID)
    )
    epochs = max(1, final // 3)
    spent = query_cost(columns, table.rows, (dataset, final, epochs))
    known = spent[~np.isnan(spent)]
    if not len(known) or not known.min() > 0:
        cost = f"{known.min():g} s" if len(known) else "unknown for every architecture"
        raise DataError(
            f"table '{table.name}': {epochs} of {final} epochs on '{dataset}' would take {cost}, "
            "which must be above 0 s: its seconds do not fit together, make the table again"
        )
    return Protocol(
        name=OWN,
        source=f"made of table '{table.name}'",
        space=table.info.space,
        schedule=final,
        epochs=epochs,
        final_schedule=final,
        seconds={dataset: float(f"{OWN_QUERIES * float(np.nanmean(spent)):.2g}")},
        reports={dataset: (dataset,)},
        trials="random" if len(columns.trials(dataset, final)) > 1 else "mean",
        table=table.name,
    )

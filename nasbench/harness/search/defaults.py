"""Defaults of a search: the table, data sets and protocol that a user did not name."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from nasbench.benchmarks.catalogue import BUNDLED, default_benchmark, load_table
from nasbench.benchmarks.images import images_at_hand
from nasbench.benchmarks.protocols import (
    OWN,
    Protocol,
    default_protocol,
    find_protocol,
    own_protocol,
    protocols,
    protocols_for,
    what_lacks,
)
from nasbench.benchmarks.tables.format import SUFFIX
from nasbench.errors import InvalidInput
from nasbench.harness.search.task import trained_space

Say = Callable[[str], None]
"""A function that receives messages about what was chosen, one line at a time."""
_TRAINED_ON = "digits"
"""The default data set of a search by training: it needs no download."""


@dataclass(frozen=True)
class Choice:
    """The benchmark, data sets and protocol that were chosen.

    `benchmark` is a table's name, the path of a table file, or `train:SPACE`. `protocol` is None
    where the default of a training is to be used.
    """

    benchmark: str
    datasets: tuple[str, ...]
    protocol: Protocol | str | None
    space: str | None = None
    """The space of a search in which everything is trained; None where a table answers."""


def choose(
    benchmark: str | Path | None,
    datasets: Sequence[str] | None,
    protocol: str | Protocol | None,
    *,
    fallback: bool = False,
    shared: Sequence[str] = (),
    say: Say = lambda _: None,
) -> Choice:
    """Choose what is None from what was given: a given protocol decides first, then data sets.

    With nothing given, the benchmark is the fetched NAS-Bench-201 if it is there, else the bundled
    table. With `fallback`, a data set that no protocol knows is left to training.

    `shared` names the strategies of the command that train on images. If there are some and
    nothing is given, all strategies of the command search the default benchmark where its images
    are at hand, else the bundled table; `say` is told of the second case.
    """
    if shared and benchmark is None and datasets is None and protocol is None:
        benchmark = _with_images(shared, say)
    named = None if benchmark is None else _located(benchmark)
    space = None if named is None else trained_space(named)
    if named is not None and space is not None:
        if protocol == OWN:
            raise InvalidInput(
                f"protocol '{OWN}' is made of a table, and '{named}' has none: leave --protocol "
                "away, or name how networks are trained, such as nb201-12@0/nb201-200@1"
            )
        return Choice(named, tuple(datasets or (_TRAINED_ON,)), protocol, space)
    if isinstance(protocol, str):
        protocol = _named(protocol, named, datasets)
    if protocol is None and datasets is None:
        protocol = _made_for(named or default_benchmark())
    elif protocol is None and datasets and not (fallback and _unknown(datasets)):
        protocol = _searching(named, tuple(datasets), fallback=fallback)
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


def _located(benchmark: str | Path) -> str:
    """Return a table's name as it is, or the real path of a table file: tasks need one name."""
    text = str(benchmark)
    return os.path.realpath(text) if text.endswith(SUFFIX) else text


def _unknown(datasets: Sequence[str]) -> bool:
    known = {name for one in protocols().values() for name in one.datasets}
    return not set(datasets) <= known


def _named(protocol: str, benchmark: str | None, datasets: Sequence[str] | None) -> Protocol:
    """Return a protocol by its name; for a published one, no table is loaded."""
    if protocol in protocols():
        return find_protocol(protocol)
    if protocol == OWN:
        return _own(benchmark, tuple(datasets or ()))
    return find_protocol(protocol, load_table(benchmark or default_benchmark()))


def _own(benchmark: str | None, datasets: tuple[str, ...]) -> Protocol:
    """Return the protocol `own` of the first data set searched, by default the table's usual one.

    The other data sets get one of their own, see `tasks`.
    """
    if benchmark is None:
        benchmark = BUNDLED if datasets == (BUNDLED,) else default_benchmark()
    first = datasets[0] if datasets else _made_for(benchmark).datasets[0]
    return own_protocol(load_table(benchmark), first)


def _made_for(benchmark: str) -> Protocol:
    """Return a table's default protocol: one made for it, else one that fits, else its own."""
    for protocol in protocols().values():
        if protocol.table == benchmark:
            return protocol
    table = load_table(benchmark)
    return next(iter(protocols_for(table)), None) or own_protocol(table)


def _searching(benchmark: str | None, datasets: tuple[str, ...], *, fallback: bool) -> Protocol:
    """Return the first protocol that searches all data sets, or else the table's own."""
    if benchmark is None:
        if datasets == (BUNDLED,):
            return own_protocol(load_table(BUNDLED), BUNDLED)
        return default_protocol(datasets)
    made = [one for one in protocols().values() if one.table == benchmark]
    table = None if made else load_table(benchmark)
    for protocol in protocols_for(table) if table else made:
        if set(datasets) <= set(protocol.datasets) and not (
            table and any(what_lacks(protocol, table, name) for name in datasets)
        ):
            return protocol
    table = table or load_table(benchmark)
    if fallback and not all(map(table.search.knows, datasets)):
        return default_protocol(datasets)
    return own_protocol(table, datasets[0])

"""`nasbench show`: what one architecture is, and what the installed tables say of it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasbench.benchmarks.catalogue import BUNDLED, list_tables, load_table
from nasbench.benchmarks.protocols import default_protocol, protocols
from nasbench.benchmarks.table import Table, per_architecture, query_cost
from nasbench.errors import DataError, InvalidInput
from nasbench.harness.choice import has_dataset, own_protocol
from nasbench.spaces import get_space
from nasbench.spaces.base import Architecture
from nasbench.spaces.nb201 import INPUTS, OPERATIONS, NasBench201, live_edges

_DIGITS = 20  # more than any index has; Python refuses to convert some thousands


@dataclass(frozen=True)
class Size:
    """Weights and multiply-adds of the network built for a data set."""

    dataset: str
    params: int
    flops: int


@dataclass(frozen=True)
class Score:
    """One accuracy (%) of the architecture and its rank; NaN and 0 where it is not known."""

    accuracy: float
    rank: int  #: 1 is the best; equals share the better rank
    among: int  #: architectures with a known accuracy


@dataclass(frozen=True)
class Record:
    """What one table says of the architecture on one data set."""

    table: str
    dataset: str
    epochs: int  #: after which a search sees validation
    signal: Score | None  #: validation then
    valid: Score | None  #: validation after the final schedule
    test: Score | None  #: test after the final schedule
    seconds: float  #: of one query of the signal; NaN where unknown


@dataclass(frozen=True)
class Sheet:
    """All that is known of one cell."""

    index: int
    architecture: Architecture
    text: str
    isomorphism_class: int
    """Smallest index of the cells that are equal as the paper counts them."""
    isomorphic: int
    """How many they are."""
    function_class: int
    """Smallest index of the cells that compute the same sums."""
    equivalent: int
    alive: tuple[bool, ...]
    """Whether each edge carries anything from the input to the output."""
    sizes: tuple[Size, ...]
    records: tuple[Record, ...]
    problems: tuple[str, ...]
    """Why a table that is there could not be read, one line each."""


def describe(architecture: str, space: str = "nb201") -> Sheet:
    """Look an architecture up by its string or index; `InvalidInput` if it is neither."""
    found = get_space(space)
    if not isinstance(found, NasBench201):
        raise InvalidInput(f"space '{space}' has no cell to show: use nb201")
    text = architecture.strip()
    digits = text.removeprefix("-")
    if digits.isdecimal() and len(digits) > _DIGITS:
        raise InvalidInput(
            f"architecture {text[:_DIGITS]}... does not exist: use 0 to {found.size - 1}"
        )
    cell = found.architecture(int(text)) if digits.isdecimal() else found.parse(text)
    index = found.index(cell)
    paper, function = found.isomorphism_class, found.function_class
    problems: list[str] = []
    tables = list(_tables(space, problems))
    return Sheet(
        index=index,
        architecture=cell,
        text=found.format(cell),
        isomorphism_class=int(paper[index]),
        isomorphic=int((paper == paper[index]).sum()),
        function_class=int(function[index]),
        equivalent=int((function == function[index]).sum()),
        alive=live_edges(cell),
        sizes=tuple(_sizes(tables, found, index)),
        records=tuple(filter(None, (_record(*one, index) for one in _searched(tables)))),
        problems=tuple(problems),
    )


def operation_names(sheet: Sheet) -> list[str]:
    """Return the operation on every edge, in the order of the official string."""
    return [OPERATIONS[choice] for choice in sheet.architecture]


def score(values: NDArray[np.floating], index: int) -> Score | None:
    """Return the value at `index` and its rank from the top; None where it is not known."""
    own = float(values[index])
    if np.isnan(own):
        return None
    return Score(own, 1 + int((values > values[index]).sum()), int((~np.isnan(values)).sum()))


def _tables(space: str, problems: list[str]) -> Iterator[Table]:
    """Yield the tables of a space that can be read; what cannot be is a problem."""
    for listed in list_tables():
        if listed.problem:
            problems.append(listed.problem)
        elif listed.installed:
            table = load_table(listed.name)
            if table.info.space == space:
                yield table


def _sizes(tables: Sequence[Table], space: NasBench201, index: int) -> Iterator[Size]:
    """Yield the published networks' sizes, and those of other data sets that a table knows."""
    for name, data in INPUTS.items():
        yield Size(name, int(space.params(data)[index]), int(space.flops(data)[index]))
    for table, name in _searched(tables):
        if name not in INPUTS:
            with suppress(DataError):
                both = (table.search.params(name), table.search.flops(name))
                yield Size(name, *(int(per_architecture(c, table.rows)[index]) for c in both))


def _searched(tables: Sequence[Table]) -> Iterator[tuple[Table, str]]:
    """Yield every data set that a protocol searches, with each table that has it."""
    for table in tables:
        published = dict.fromkeys(n for one in protocols().values() for n in one.datasets)
        for name in (*published, BUNDLED):
            if has_dataset(table, name):
                yield table, name


def _record(table: Table, dataset: str, index: int) -> Record | None:
    """Return what a table says, at the signal and the end of the data set's first protocol."""
    try:
        protocol = (
            own_protocol(table, dataset) if dataset == BUNDLED else default_protocol((dataset,))
        )
    except DataError:  # a table without costs has no protocol of its own
        return None
    schedule, final = protocol.schedule, protocol.final_schedule

    def whole(read: Callable[[], NDArray[Any]]) -> NDArray[np.float64] | None:
        try:
            return np.asarray(per_architecture(read(), table.rows), dtype=np.float64)
        except DataError:
            return None

    columns = [
        whole(lambda: table.search.accuracy(dataset, schedule, protocol.epochs)),
        whole(lambda: table.test.valid_mean(dataset, final)),
        whole(lambda: table.test.accuracy(dataset, final, final)),
    ]
    signal, valid, test = (None if c is None else score(c, index) for c in columns)
    if signal is None and valid is None and test is None:
        return None
    where = (dataset, schedule, protocol.epochs)
    cost = whole(lambda: query_cost(table.search, table.rows, where))
    seconds = float("nan") if cost is None else float(cost[index])
    return Record(table.name, dataset, protocol.epochs, signal, valid, test, seconds)

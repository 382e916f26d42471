"""`nasbench show`: what one architecture is, and what the installed tables say of it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasbench.benchmarks.catalogue import list_tables, load_table
from nasbench.benchmarks.protocols import own_protocol, protocols_for, searched_in
from nasbench.benchmarks.tables.costs import per_architecture, query_cost
from nasbench.benchmarks.tables.objectives import default_objective
from nasbench.benchmarks.tables.table import Table
from nasbench.errors import DataError, InvalidInput, NasbenchError
from nasbench.problem import ACCURACY, Metric
from nasbench.spaces import find_space, get_space, spaces
from nasbench.spaces.base import Architecture, EnumerableSpace, Space, read_architecture
from nasbench.spaces.nats_size import NatsSize
from nasbench.spaces.nb201 import INPUTS, OPERATIONS, NasBench201, live_edges

Texts = Mapping[str, str | None]
"""An architecture's text in every notation, by name; None where it has none."""
_DIGITS = 20  # more than any index has; Python refuses to convert thousands of digits


@dataclass(frozen=True)
class Size:
    """Weights and multiply-adds of the network built for a data set; None where not known."""

    dataset: str
    params: int | None
    flops: int | None


@dataclass(frozen=True)
class Score:
    """One value of the architecture and its rank."""

    value: float
    rank: int  #: 1 is the best; equal values share the better rank
    among: int  #: number of architectures with a known value


@dataclass(frozen=True)
class Record:
    """What one table says of the architecture on one data set."""

    table: str
    dataset: str
    metric: Metric
    epochs: int  #: epochs after which a search is told the validation value
    signal: Score | None  #: validation after these epochs
    valid: Score | None  #: validation after the final schedule
    test: Score | None  #: test after the final schedule
    seconds: float  #: cost of one query of the signal; NaN where unknown
    doubts: tuple[str, ...] = ()  #: what every reader of these numbers must know, as sentences


@dataclass(frozen=True)
class Equals:
    """Which cells of NAS-Bench-201 count as equal to one, and how many they are."""

    isomorphism_class: int
    """Smallest index among the cells that the paper counts as equal to this one."""
    isomorphic: int
    """Number of these cells."""
    function_class: int
    """Smallest index among the cells that compute the same sums as this one."""
    equivalent: int
    """Number of these cells."""


@dataclass(frozen=True)
class Sheet:
    """All that is known of one architecture."""

    space: str
    index: int | None
    """None where the space has no indices."""
    architecture: Architecture
    text: str
    cell: Equals | None
    sizes: tuple[Size, ...]
    records: tuple[Record, ...]
    problems: tuple[str, ...]
    """Why a table that is there could not be read, one line each."""


def describe(architecture: str, space: str = "nb201", notation: str | None = None) -> Sheet:
    """Look an architecture up by its index or its string, in a notation of its space.

    Raises `InvalidInput` for any other text.
    """
    found = find_space(space)
    asked, index = find_architecture(found, architecture, notation), None
    problems: list[str] = []
    tables = list(_tables(space, problems))
    if isinstance(found, EnumerableSpace):
        index = found.index(asked)
    return Sheet(
        space=space,
        index=index,
        architecture=asked,
        text=found.format(asked),
        cell=_cell(found, asked) if isinstance(found, NasBench201) else None,
        sizes=() if index is None else tuple(_sizes(tables, found, index)),
        records=() if index is None else tuple(_records(tables, index)),
        problems=tuple(problems),
    )


def conversions(architecture: str, space: str = "nb201", notation: str | None = None) -> Texts:
    """Return an architecture's index, if it has one, and its text in every notation, by name.

    A text is None where the notation has none for it. Raises `InvalidInput` as `describe` does.
    """
    found = find_space(space)
    asked = find_architecture(found, architecture, notation)
    texts: dict[str, str | None] = {}
    if isinstance(found, EnumerableSpace):
        texts["index"] = str(found.index(asked))
    texts.update({one.name: one.write(asked) for one in found.notations()})
    if not found.notations():
        texts["text"] = found.format(asked)
    return texts


def find_architecture(space: Space, text: str, notation: str | None = None) -> Architecture:
    """Return the architecture with a string, or an index where the space has indices."""
    text = text.strip()
    digits = text.removeprefix("-")
    if notation is not None or not digits.isdecimal():
        try:
            return read_architecture(space, text, notation)
        except InvalidInput as error:
            others = [] if notation is not None else _spaces_of(text)
            if not others:
                raise
            raise InvalidInput(f"{error}; it is one of space '{others[0]}': use --space") from error
    with suppress(InvalidInput):  # the architectures of a space may be written in digits
        return space.parse(text)
    if not isinstance(space, EnumerableSpace):
        raise InvalidInput(f"space '{space.name}' has no indices: write the architecture's string")
    if len(digits) > max(_DIGITS, len(str(space.size))):
        raise InvalidInput(
            f"architecture {text[:_DIGITS]}... does not exist: use 0 to {space.size - 1}"
        )
    return space.architecture(int(text))


def _spaces_of(text: str) -> list[str]:
    """Return nasbench's own spaces and registered ones that have an architecture of this text."""
    found = []
    for name in spaces():
        with suppress(InvalidInput):
            get_space(name).parse(text)
            found.append(name)
    return found


def _cell(space: NasBench201, cell: Architecture) -> Equals:
    index, paper, function = space.index(cell), space.isomorphism_class, space.function_class
    return Equals(
        isomorphism_class=int(paper[index]),
        isomorphic=int((paper == paper[index]).sum()),
        function_class=int(function[index]),
        equivalent=int((function == function[index]).sum()),
    )


def operation_names(sheet: Sheet) -> list[str]:
    """Return the operation on every edge of a NAS-Bench-201 cell, as its string has them."""
    return [OPERATIONS[choice] for choice in sheet.architecture]


def alive_edges(sheet: Sheet) -> tuple[bool, ...]:
    """Return whether each edge of a NAS-Bench-201 cell carries a signal from input to output."""
    return live_edges(sheet.architecture)


def score(values: NDArray[np.floating], index: int, metric: Metric = ACCURACY) -> Score | None:
    """Return the value at `index` and its rank from the best; None where it is not known."""
    own = float(values[index])
    if np.isnan(own):
        return None
    scores = metric.score(np.asarray(values, dtype=np.float64))
    better = int((scores > scores[index]).sum())
    return Score(own, 1 + better, int((~np.isnan(scores)).sum()))


def _tables(space: str, problems: list[str]) -> Iterator[Table]:
    """Yield the readable tables of a space; add a line to `problems` for each unreadable table."""
    for listed in list_tables():
        if listed.problem:
            problems.append(listed.problem)
        elif listed.installed:
            table = load_table(listed.name)
            if table.info.space == space:
                yield table


def _sizes(tables: Sequence[Table], space: Space, index: int) -> Iterator[Size]:
    """Yield the published networks' sizes, and those of other data sets that a table knows.

    `index` is that of the architecture in its whole space.
    """
    published = INPUTS if isinstance(space, NasBench201 | NatsSize) else {}
    if isinstance(space, NasBench201 | NatsSize):
        for name, data in INPUTS.items():
            yield Size(name, int(space.params(data)[index]), int(space.flops(data)[index]))
    for table in tables:
        place = _place(table, index)
        for name in searched_in(table):
            if name not in published and place is not None:
                reads = table.search.params, table.search.flops
                numbers = [_number(partial(read, name), table, place) for read in reads]
                if any(one is not None for one in numbers):
                    yield Size(name, *numbers)


def _number(read: Callable[[], NDArray[Any]], table: Table, place: int) -> int | None:
    """Return a whole number of an architecture; None where the table lacks it."""
    try:
        found = float(per_architecture(read(), table.rows)[place])
    except DataError:
        return None
    return None if np.isnan(found) else int(found)


def _records(tables: Sequence[Table], index: int) -> Iterator[Record]:
    """Yield what each table says on each of its data sets."""
    for table in tables:
        place = _place(table, index)
        if place is None:
            continue
        searched = searched_in(table)
        for dataset in searched:
            found = _record(table, dataset, place)
            if found is not None:
                yield found
        if not searched:
            yield from _tested(table, place)


def _tested(table: Table, index: int) -> Iterator[Record]:
    """Yield the test values of a table that has no validation to search on."""
    for dataset, metric in product(table.test.tested, table.metrics):
        with suppress(DataError):
            read = table.test.mean(dataset, metric=metric.name)
            value = score(per_architecture(read, table.rows), index, metric)
            if value is not None:
                epochs = table.test.longest(dataset)
                yield Record(table.name, dataset, metric, epochs, None, None, value, float("nan"))


def _place(table: Table, index: int) -> int | None:
    """Return the place of an architecture in a table's space; None if a pool lacks it."""
    place = int(table.space.positions(np.array([index]))[0])
    return None if place < 0 else place


def _record(table: Table, dataset: str, index: int) -> Record | None:
    """Return what a table has of an architecture on a data set; None where it has nothing.

    Signal and final schedule are those of the first protocol that searches the data set.
    """
    fitting = (one for one in protocols_for(table) if dataset in one.datasets)
    try:
        protocol = (next(fitting, None) or own_protocol(table, dataset)).of(dataset)
    except NasbenchError:  # a table without costs has no protocol of its own
        return None
    schedule, final = protocol.schedule, protocol.final_schedule
    metric = default_objective(table, dataset)

    def whole(read: Callable[[], NDArray[Any]]) -> NDArray[np.float64] | None:
        try:
            return np.asarray(per_architecture(read(), table.rows), dtype=np.float64)
        except DataError:
            return None

    columns = [
        whole(lambda: table.search.after(metric.name, dataset, schedule, protocol.epochs)),
        whole(lambda: table.test.valid_mean(dataset, final, metric.name)),
        whole(lambda: table.test.mean(dataset, final, metric.name)),
    ]
    signal, valid, test = (None if c is None else score(c, index, metric) for c in columns)
    if signal is None and valid is None and test is None:
        return None
    where = (dataset, schedule, protocol.epochs)
    cost = whole(lambda: query_cost(table.search, table.rows, where))
    seconds = float("nan") if cost is None else float(cost[index])
    doubts = tuple(_doubts(table, dataset, final, metric.name, has_test=columns[2] is not None))
    return Record(
        table.name, dataset, metric, protocol.epochs, signal, valid, test, seconds, doubts
    )


def _doubts(
    table: Table, dataset: str, schedule: int, metric: str, *, has_test: bool
) -> Iterator[str]:
    """Yield what every reader of a data set's final numbers must know."""
    if not has_test:
        yield "there is no split held out: a search sees the values that are reported"
    if table.test.is_best_epoch(dataset, schedule, metric):
        yield "test is each network's best over the epochs of its training, an optimistic number"
    if table.test.validates_on_test_images(dataset, schedule, metric):
        yield "validation is of another training on the images of test"

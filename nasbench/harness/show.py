"""`nasbench show`: what one architecture is, and what the installed tables say of it."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nasbench.benchmarks.catalogue import list_tables, load_table
from nasbench.benchmarks.table import FINAL_SCHEDULE, Table
from nasbench.errors import DataError, InvalidInput
from nasbench.spaces import get_space
from nasbench.spaces.base import Architecture
from nasbench.spaces.nb201 import INPUTS, OPERATIONS, NasBench201, live_edges

_SIGNAL = 12
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
    signal: Score | None  #: validation after 12 epochs, what a search sees
    valid: Score | None  #: validation after the final schedule
    test: Score | None  #: test after the final schedule
    seconds: float  #: of one query of the 12-epoch signal; NaN where unknown


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
    return Sheet(
        index=index,
        architecture=cell,
        text=found.format(cell),
        isomorphism_class=int(paper[index]),
        isomorphic=int((paper == paper[index]).sum()),
        function_class=int(function[index]),
        equivalent=int((function == function[index]).sum()),
        alive=live_edges(cell),
        sizes=tuple(
            Size(name, int(found.params(data)[index]), int(found.flops(data)[index]))
            for name, data in INPUTS.items()
        ),
        records=tuple(_records(index, space, problems)),
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


def _records(index: int, space: str, problems: list[str]) -> Iterator[Record]:
    for listed in list_tables():
        if not listed.installed:
            continue
        if listed.problem:
            problems.append(listed.problem)
            continue
        table = load_table(listed.name)
        if table.info.space == space:
            yield from _table_records(table, index)


def _table_records(table: Table, index: int) -> Iterator[Record]:
    row = index if table.rows is None else int(table.rows[index])
    for dataset in INPUTS:
        scores: list[Score | None] = []
        for read in (
            lambda name: table.search.accuracy(name, _SIGNAL, _SIGNAL),
            table.test.valid_mean,
            lambda name: table.test.accuracy(name, FINAL_SCHEDULE, FINAL_SCHEDULE),
        ):
            try:
                scores.append(score(read(dataset), row))
            except DataError:
                scores.append(None)
        try:
            seconds = float(table.search.query_seconds(dataset, _SIGNAL)[row])
        except DataError:
            seconds = float("nan")
        if any(one is not None for one in scores):
            yield Record(table.name, dataset, scores[0], scores[1], scores[2], seconds)

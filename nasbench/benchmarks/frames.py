"""Making a table from a pandas data frame of a user's own measurements of a space."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from nasbench.arguments import require_type
from nasbench.benchmarks.protocols import OWN, Protocol, require_fit, stored_protocols
from nasbench.benchmarks.protocols import protocols as protocols_known
from nasbench.benchmarks.tables import columns as named
from nasbench.benchmarks.tables.columns import Series, after_epoch, query_seconds, seed_count
from nasbench.benchmarks.tables.info import (
    Column,
    Quantity,
    Split,
    TableInfo,
    TableMetric,
    TableProtocol,
    first_mistake,
)
from nasbench.benchmarks.tables.objectives import OF_A_DEVICE, SIZES
from nasbench.benchmarks.tables.table import Table
from nasbench.errors import InvalidInput
from nasbench.problem import ACCURACY, Metric
from nasbench.spaces import find_space, spaces
from nasbench.spaces.base import EnumerableSpace, Space
from nasbench.text import printable, shown

if TYPE_CHECKING:
    import pandas

_LARGEST = 10_000_000
"""Largest number of architectures of a space that a table can be made for, if it is no pool."""
_LARGEST_INDEX = 2**53
"""Largest number of architectures of a space whose indices can be stored."""
_LONGEST = 100
"""Largest number of characters in a data set's name."""
_WHOLE = {"epochs": (1, 1e9), "seed": (0, 2**53 - 1), "index": (0, 2**53 - 1)}
"""Columns of whole numbers, with the smallest and the largest value allowed."""
_SPLITS = (Split.TRAIN, Split.VALID, Split.TEST)

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
    titles: Mapping[str, str] | None = None,
    images: Mapping[str, str] | None = None,
    bibtex: str = "",
    pool: bool | None = None,
) -> Table:
    """Make a table from a data frame with one row per architecture, fidelity and training.

    Columns of the frame:

    - `architecture`: the text of the architecture, as the space writes it; or `index`: its index;
    - `epochs`: epochs trained, a whole number; the largest of a data set is its full training;
    - `seconds`: cost of that evaluation on the clock, training and validation together, above 0;
      without it, evaluations are counted and no budget of a search can be in seconds;
    - `valid_NAME` and `test_NAME` for each metric, and optionally `train_NAME`; the judge reads
      `test_NAME` after the full training; without any `test_NAME`, nothing is held out, and what a
      search sees is what is reported;
    - `dataset` (optional): name of the data set; without it, the name of the table;
    - `seed` (optional): training seed of the row, if an architecture was trained several times;
      without it, a row is the only training or a mean over trainings;
    - `params`, `flops`, `latency/DEVICE` (ms) and `energy/DEVICE` (mJ) (optional): costs of the
      network.

    A missing number is NaN. A table that lacks architectures of its space is a pool: searches draw
    only from those that it has, see `nasbench.spaces.subspace.Subspace`. With `pool=False` searches
    draw from the whole space, and the evaluation of an architecture without a row fails, as does
    that of one without a number in any table. `space` is a space or its name; it must have indices,
    and at most 10,000,000 architectures unless the table is a pool. The first of `metrics` is the
    objective of a search that names none, and the first of `protocols` is the protocol of a search
    that names none; without `protocols`, `nasbench.benchmarks.protocols.own_protocol` makes one.
    Save the table with `table.save(path)` and search it by that path, which must end in
    `.safetensors`. `titles` maps names of data sets to the names that readers of tables and figures
    see, `images` to the name of their images: comparisons say which data sets have the same.
    `bibtex` has the entries of the papers to cite, with an empty line between two: `nasbench
    compare --cite` prints them.

    Raises `InvalidInput`, which names the wrong argument, column or row, and `DataError` for a
    number outside its metric's bounds.
    """
    _check_types(
        frame, metrics, notes, protocols, name=name, title=title, licence=licence, bibtex=bibtex
    )
    if pool is not None and not isinstance(pool, bool):
        raise InvalidInput(f"pool cannot be {shown(pool)}: it is True, False or None")
    of = _space(space)
    several = (metrics,) if isinstance(metrics, Metric) else tuple(metrics)
    _check(frame, several)
    numbers = _numbers(frame)
    index = _indices(frame, of, numbers)
    data: dict[Column, NDArray[Any]] = {}
    known, size = np.unique(index), of.size
    if len(known) < size and pool is not False:
        data[named.pool()], index, size = known, known.searchsorted(index), len(known)
    elif size > _LARGEST:
        raise _too_large(of)
    places: dict[str, list[int]] = {}
    for place, dataset in enumerate(_datasets(frame, name)):
        places.setdefault(dataset, []).append(place)
    for dataset, rows in places.items():
        part = {one: column[rows] for one, column in numbers.items()}
        data.update(_measured(dataset, part, index[rows], size, several))
        data.update(_costs(dataset, part, index[rows], size))
    later = any(one.evaluations or one.lengths for one in protocols)
    newest = bibtex or images or size < of.size or later
    try:
        info = TableInfo(
            schema_version=3 if newest else 2,
            name=name,
            title=title or f"{name}, of a data frame",
            space=of.name,
            rows=size,
            cells=len(known),
            licence=licence,
            notes=tuple(notes),
            columns=tuple(data),
            metrics=tuple(map(TableMetric.of, several)),
            protocols=tuple(_stored(one, of, name) for one in _named_once(protocols)),
            titles=_words("titles", titles or {}, places),
            images=_words("images", images or {}, places),
            bibtex=bibtex.strip(),
        )
    except ValidationError as error:
        where, why = first_mistake(error)
        raise InvalidInput(f"table '{name}': {where or 'metrics'}: {why}") from error
    table = Table.from_columns(info, {column.name: array for column, array in data.items()})
    for protocol in stored_protocols(table).values():
        require_fit(protocol, table)
    return table


def _words(what: str, words: Mapping[str, str], datasets: Collection[str]) -> dict[str, str]:
    """Return texts by data set; `InvalidInput` for another data set or no visible text."""
    require_type(what, words, Mapping, "a dict from names of data sets to names for readers")
    for dataset, word in words.items():
        if dataset not in datasets:
            raise InvalidInput(
                f"{what}: {shown(dataset)} is no data set of the frame: it has "
                f"{', '.join(datasets)}"
            )
        if not isinstance(word, str) or not word.strip() or printable(word) != word:
            raise InvalidInput(
                f"{what.removesuffix('s')} of '{dataset}' cannot be {shown(word)}: write a text"
            )
    return dict(words)


def _check_types(
    frame: object, metrics: object, notes: object, protocols: object, **texts: object
) -> None:
    """Raise `InvalidInput` for an argument of the wrong type."""
    import pandas

    for what, value in texts.items():
        if not isinstance(value, str):
            raise InvalidInput(f"{what} cannot be {shown(value)}: it must be a text")
    if not isinstance(frame, pandas.DataFrame):
        raise InvalidInput(f"frame cannot be {shown(frame)}: it must be a pandas data frame")
    for what, several, kind in (
        ("metrics", (metrics,) if isinstance(metrics, Metric) else metrics, Metric),
        ("notes", notes, str), ("protocols", protocols, Protocol),
    ):  # fmt: skip
        if not isinstance(several, (list, tuple)) or not all(isinstance(x, kind) for x in several):
            raise InvalidInput(
                f"{what} cannot be {shown(several)}: it must be a list of "
                f"{'texts' if kind is str else f'nasbench.{kind.__name__}'}"
            )


def _space(space: str | Space) -> EnumerableSpace:
    """Return the space of a table; `InvalidInput` if it has no indices that can be stored.

    Also raises `InvalidInput` for a different space that has a registered space's name.
    """
    of = find_space(space) if isinstance(space, str) else space
    if not isinstance(of, EnumerableSpace) or of.size > _LARGEST_INDEX:
        raise _too_large(of)
    if of.name in spaces() and not _alike(of, find_space(of.name)):
        raise InvalidInput(f"space '{of.name}': another space is registered by that name")
    return of


def _too_large(space: object) -> InvalidInput:
    return InvalidInput(
        f"space {shown(getattr(space, 'name', space))}: a table needs a space with indices and at "
        f"most {_LARGEST:,} architectures, unless it has some of them only; nasbench.PoolSpace is "
        "one of a list of names"
    )


def _alike(one: EnumerableSpace, other: Space) -> bool:
    """Whether two spaces have the same size, the same first and the same last architecture."""
    if not isinstance(other, EnumerableSpace) or other.size != one.size:
        return False
    ends = (0, one.size - 1)
    texts = [[of.format(of.architecture(end)) for end in ends] for of in (one, other)]
    return texts[0] == texts[1]


def _datasets(frame: "pandas.DataFrame", name: str) -> list[str]:
    """Return the name of every row's data set; `InvalidInput` for an invalid name."""
    if "dataset" not in frame:
        return [name] * len(frame)
    found = frame["dataset"].tolist()
    for one in dict.fromkeys(found):
        fine = isinstance(one, str) and one.isprintable() and one.strip() == one
        if not fine or not 0 < len(one) <= _LONGEST or set(one) & set("/,"):
            raise InvalidInput(
                f"the frame's column 'dataset' has {shown(one)}: a name is a text without slash or "
                f"comma of at most {_LONGEST} characters"
            )
    return found


def _check(frame: "pandas.DataFrame", metrics: Sequence[Metric]) -> None:
    """Raise `InvalidInput` for a missing, repeated or unknown column, and for no rows."""
    if not metrics:
        raise InvalidInput("metrics: name at least one, such as nasbench.Metric('accuracy')")
    there = [str(one) for one in frame.columns]
    twice = [one for place, one in enumerate(there) if one in there[:place]]
    if twice:
        raise InvalidInput(f"the frame has two columns '{printable(twice[0])}': leave one away")
    if {"architecture", "index"} <= set(there):
        raise InvalidInput("the frame has a column 'architecture' and one 'index': leave one away")
    tested = any(f"{Split.TEST}_{one.name}" in there for one in metrics)
    splits = (Split.VALID, Split.TEST) if tested else (Split.VALID,)
    wanted = [f"{split}_{one.name}" for one in metrics for split in splits]
    missing = [one for one in ("epochs", *wanted) if one not in there]
    if not {"architecture", "index"} & set(there):
        missing.insert(0, "architecture")
    if missing:
        raise InvalidInput(
            f"the frame has no column '{missing[0]}': it has {', '.join(there) or 'none'}"
        )
    allowed = {"architecture", "index", "epochs", "seconds", "dataset", "seed", *SIZES}
    allowed |= {f"{split}_{one.name}" for one in metrics for split in _SPLITS}
    for one in there:
        cost, _, device = one.partition("/")
        if one not in allowed and (cost not in OF_A_DEVICE or not device.strip()):
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
        kind = getattr(frame[one].dtype, "kind", "O")
        try:
            if kind not in "iufbO":
                raise TypeError(f"it has the type {frame[one].dtype}")
            column = frame[one].to_numpy(dtype=np.float64, na_value=np.nan)
        except (TypeError, ValueError) as error:
            raise InvalidInput(f"the frame's column '{one}' is not of numbers: {error}") from error
        found[str(one)] = _whole(str(one), column) if one in _WHOLE else column
    return found


def _whole(name: str, column: Floats) -> NDArray[np.int64]:
    """Return a column as whole numbers; `InvalidInput` names the first value that is not one."""
    least, most = _WHOLE[name]
    wrong = np.flatnonzero(~((column >= least) & (column == np.floor(column)) & (column <= most)))
    if len(wrong):
        raise InvalidInput(
            f"the frame's column '{name}', row {wrong[0]}: {column[wrong[0]]:g} is no whole "
            f"number of {least} or more, at most {most:g}"
        )
    return column.astype(np.int64)


def _indices(
    frame: "pandas.DataFrame", space: EnumerableSpace, numbers: Mapping[str, NDArray[Any]]
) -> NDArray[np.int64]:
    """Return the index of every row's architecture; equal texts are parsed only once."""
    if "index" in numbers:
        index: NDArray[np.int64] = numbers["index"]
        for one in index[index >= space.size][:1]:
            space.require_index(int(one))
        return index
    known: dict[Any, int] = {}
    rows = frame["architecture"].tolist()
    for row, one in enumerate(rows):
        try:
            if one not in known:
                known[one] = space.index(space.parse(one) if isinstance(one, str) else one)
        except Exception as error:  # a user's space may raise anything, and so may odd values
            raise InvalidInput(
                f"the frame's row {row}: {printable(str(one)):.80} is no architecture of space "
                f"'{space.name}' ({printable(str(error)):.200})"
            ) from error
    return np.array([known[one] for one in rows], dtype=np.int64)


def _measured(
    dataset: str,
    part: Mapping[str, NDArray[Any]],
    index: NDArray[np.int64],
    size: int,
    metrics: Sequence[Metric],
) -> Iterator[tuple[Column, NDArray[Any]]]:
    """Yield the columns of a data set's metrics, query seconds and seed counts."""
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

            if "seconds" in part:
                seconds = spread(part["seconds"])
                yield query_seconds(dataset, schedule, seed, epochs=after), seconds
            for metric in metrics:
                for split in _SPLITS:
                    column = part.get(f"{split}_{metric.name}")
                    if column is not None and not np.isnan(column[here]).all():
                        series = Series(dataset, split, metric.name, schedule)
                        yield after_epoch(series, after, seed, unit=metric.unit), spread(column)
            if after == schedule:
                tested = part.get(f"{Split.TEST}_{metrics[0].name}")
                counted += tested is not None and ~np.isnan(spread(tested))
    if counted.any():
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
    """Yield the columns of costs.

    Raises `InvalidInput` for a negative cost, and where rows of one architecture differ.
    """
    for name, column in part.items():
        quantity, _, device = name.partition("/")
        if quantity not in (*SIZES, *OF_A_DEVICE):
            continue
        below = np.flatnonzero(column < 0)
        if len(below):
            row = int(below[0])
            raise InvalidInput(
                f"the frame's column '{name}': architecture {index[row]} has {column[row]:g}; a "
                "network's cost is 0 or more"
            )
        whole = np.full(size, np.nan)
        there = ~np.isnan(column)
        whole[index[there]] = column[there]
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


def _named_once(protocols: Sequence[Protocol]) -> Sequence[Protocol]:
    names = [one.name for one in protocols]
    if len(set(names)) < len(names):
        raise InvalidInput("two protocols have one name: choose another for one of them")
    return protocols


def _stored(protocol: Protocol, space: Space, table: str) -> TableProtocol:
    if protocol.name in (OWN, *protocols_known()):
        raise InvalidInput(f"protocol '{protocol.name}' is a known one: choose another name")
    if (protocol.space, protocol.table) != (space.name, table):
        raise InvalidInput(
            f"protocol '{protocol.name}' is for table '{protocol.table}' of space "
            f"'{protocol.space}', not for '{table}' of '{space.name}'"
        )
    stored: dict[str, Any] = {name: getattr(protocol, name) for name in TableProtocol.model_fields}
    stored["seconds"], stored["reports"] = dict(protocol.seconds), dict(protocol.reports)
    stored["evaluations"], stored["lengths"] = dict(protocol.evaluations), dict(protocol.lengths)
    try:
        return TableProtocol(**stored)
    except ValidationError as error:
        where, why = first_mistake(error)
        raise InvalidInput(f"protocol '{protocol.name}': {where}: {why}") from error

"""The table `nb101` from record files of NAS-Bench-101: `nasbench data import`.

The official `nasbench_only108.tfrecord` and `nasbench_full.tfrecord` are read, and other files of
the same form, such as those of EC-NAS. A file that has few cells makes a table of a pool.
"""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nasbench.benchmarks.sources.nb101_files import NAS_BENCH_101
from nasbench.benchmarks.sources.records import Training, trainings
from nasbench.benchmarks.tables.columns import (
    Series,
    after_epoch,
    hardware,
    pool,
    query_seconds,
    seed_count,
    size,
)
from nasbench.benchmarks.tables.info import (
    Array,
    Column,
    Quantity,
    Source,
    Split,
    TableInfo,
    TableMetric,
)
from nasbench.benchmarks.tables.table import Table
from nasbench.errors import DataError
from nasbench.files import sha256_of
from nasbench.problem import ACCURACY
from nasbench.spaces import get_space
from nasbench.spaces.nb101 import NAME, NasBench101
from nasbench.text import shown

DATASET = "cifar10"
OFFICIAL = ("nasbench_only108", "nasbench_full")
"""Names of the official files, without what follows a dot."""
MOST_TRIALS = 16
CHECKED_EVERY = 64
"""Of so many cells of a large file, the hash of one is computed and compared."""
_FIELDS = ("train", "valid", "test", "seconds", "energy")
_SPLITS = (Split.TRAIN, Split.VALID, Split.TEST)

NOTES = (
    "networks are trained on 40,000 images of CIFAR-10; validation is on the other 10,000 of its "
    "training set, test on its test set",
    "numbers of epochs are trainings with a learning-rate schedule each: the shorter ones are no "
    "beginnings of the longer ones, so that nothing can be resumed",
    "numbers are those at the end of each training; the files also have them at its half, which "
    "are left out",
    "a query costs the seconds of one training; repeated trainings of a cell are seeds, numbered "
    "in the order of the file",
)

Advance = Callable[[int], None]
Floats = NDArray[np.float32]


class Collected:
    """The trainings of a record file, by the indices of their cells in a space."""

    def __init__(self, space: NasBench101) -> None:
        """Begin with none."""
        self.space = space
        self.parameters = np.full(space.size, -1, dtype=np.int64)
        """Trainable parameters by index, -1 where no training is known."""
        self._graphs = np.zeros(space.size, dtype=np.int64)
        self._values: dict[tuple[int, int], Floats] = {}
        self._counts: dict[int, NDArray[np.uint8]] = {}
        self._index: dict[str, int] = {}

    def add(self, one: Training) -> bool:
        """Add a training; return whether it is the first of its cell.

        Raises `DataError` for a cell that is not in the space, and for too many trainings of one.
        """
        index = self._index.get(one.hash)
        first = index is None
        if index is None:
            index = self._index[one.hash] = self._new(one)
        if self._graphs[index] != hash((one.matrix, one.operations)):
            raise DataError(f"cell {one.hash} has another graph before")
        if one.epochs not in self._counts:
            self._counts[one.epochs] = np.zeros(self.space.size, dtype=np.uint8)
        counts = self._counts[one.epochs]
        trial = int(counts[index])
        if trial == MOST_TRIALS:
            raise DataError(f"cell {one.hash} has more than {MOST_TRIALS} trainings")
        if one.parameters != self.parameters[index]:
            raise DataError(f"cell {one.hash} has two numbers of parameters")
        counts[index] += 1
        if (one.epochs, trial) not in self._values:
            shape = len(_FIELDS), self.space.size
            self._values[one.epochs, trial] = np.full(shape, np.nan, dtype=np.float32)
        energy = np.nan if one.energy is None else one.energy
        accuracies = 100 * one.train, 100 * one.valid, 100 * one.test
        self._values[one.epochs, trial][:, index] = (*accuracies, one.seconds, energy)
        return first

    def _new(self, one: Training) -> int:
        """Return the index of a cell of which this is the first training."""
        words = one.operations.split(",")
        vertices = len(words)
        if len(one.matrix) != vertices**2 or (words[0], words[-1]) != ("input", "output"):
            raise DataError(f"{shown(one.operations)} does not fit the matrix {shown(one.matrix)}")
        edges = [divmod(place, vertices) for place, bit in enumerate(one.matrix) if bit != "0"]
        cell = self.space.find(words[1:-1], edges)
        if cell is None:
            raise DataError(
                f"matrix {shown(one.matrix)} of {shown(one.operations)} is no cell of space "
                f"'{self.space.name}'"
            )
        index = self.space.index(cell)
        if self.parameters[index] >= 0:
            raise DataError(f"cell {one.hash} has two hashes")
        self.parameters[index] = one.parameters
        self._graphs[index] = hash((one.matrix, one.operations))
        return index

    def check(self) -> None:
        """Raise `DataError` unless the hashes are those of the cells.

        Sorted by hash, cells must be in the order of the space; in addition, some hashes are
        computed: all of a file of few cells, one of 64 of others.
        """
        known = sorted(self._index)
        indices = np.array([self._index[one] for one in known])
        step = 1 if len(known) < self.space.size // CHECKED_EVERY else CHECKED_EVERY
        fits = bool((np.diff(indices) > 0).all()) and all(
            self.space.hash_of(self.space.architecture(int(indices[place]))) == known[place]
            for place in range(0, len(known), step)
        )
        if not fits:
            raise DataError("its hashes are not those of its cells")

    @property
    def missing(self) -> int:
        """Number of cells of the space without a training."""
        return int((self.parameters < 0).sum())

    @property
    def fidelities(self) -> tuple[int, ...]:
        """Numbers of epochs of the trainings, ascending."""
        return tuple(sorted(self._counts))

    @property
    def trials(self) -> int:
        """Most trainings of equal epochs that a cell has."""
        return max(int(counts.max()) for counts in self._counts.values())

    def of(self, epochs: int, trial: int, field: str) -> Floats:
        """Return a number of a training of every cell, NaN where there is none, shape (size,)."""
        values = self._values.get((epochs, trial))
        if values is None:
            return np.full(self.space.size, np.nan, dtype=np.float32)
        found: Floats = values[_FIELDS.index(field)]
        return found

    def count(self, epochs: int) -> NDArray[np.uint8]:
        """Return the number of trainings of so many epochs of every cell, shape (size,)."""
        return self._counts[epochs]


def collect(path: Path, space: NasBench101, advance: Advance = lambda _: None) -> Collected:
    """Read all trainings of a record file of the cells of a space.

    `advance` is called after the first training of each cell with the size of the space. Raises
    `DataError` for a damaged file, for another cell, and for hashes of other cells.
    """
    found = Collected(space)
    number = 0
    try:
        for number, one in enumerate(trainings(path), start=1):  # noqa: B007
            if found.add(one):
                advance(space.size)
    except DataError as error:
        where = f"'{path}'"
        if where in str(error):
            raise
        raise DataError(f"{where}, record {number}: {error}") from error
    try:
        found.check()
    except DataError as error:
        raise DataError(f"'{path}': {error}") from error
    return found


def columns_of(
    found: Collected, rows: NDArray[np.intp] | slice, schedule: int
) -> Iterator[tuple[Column, Array]]:
    """Yield the columns of what a file has: values, seconds, counts and parameters.

    `rows` are the cells that the table has; `schedule` is the most epochs. Where no cell has two
    trainings of equal epochs, columns have no seed.
    """
    several = found.trials > 1
    for epochs in found.fidelities:
        for trial in range(found.trials):
            valid = found.of(epochs, trial, "valid")
            if np.isnan(valid).all():
                continue
            seed, averaging = (trial + 1, "") if several else (None, "one training")
            for split in _SPLITS:
                series = Series(DATASET, split, Quantity.ACCURACY, schedule)
                column = after_epoch(series, epochs, seed, averaging=averaging)
                yield column, found.of(epochs, trial, split.value)[rows]
            cost = query_seconds(DATASET, schedule, seed, epochs=epochs)
            yield (
                cost.model_copy(update={"averaging": averaging or cost.averaging}),
                found.of(epochs, trial, "seconds")[rows],
            )
    yield seed_count(DATASET, Split.TEST, schedule), found.count(schedule)[rows]
    yield size(DATASET, Quantity.PARAMS), found.parameters[rows].astype(np.int32)
    energies = [found.of(schedule, trial, "energy")[rows] for trial in range(found.trials)]
    known = np.array([~np.isnan(one) for one in energies]).sum(axis=0)
    if known.all():
        energy = hardware(DATASET, Quantity.ENERGY, "training", unit="kWh")
        yield energy, (np.nansum(energies, axis=0) / known).astype(np.float32)


def name_of_records(path: Path) -> str:
    """Return the name of the table of a record file: `nb101` for official ones, else the file's."""
    name = path.name.partition(".")[0]
    return NAME if name in OFFICIAL else name.lower()


def table_of_records(path: Path, name: str, advance: Advance = lambda _: None) -> Table:
    """Make a table of a record file; `advance` and errors are those of `collect`."""
    space = space_of(NAME)
    found = collect(path, space, advance)
    known = np.flatnonzero(found.parameters >= 0)
    rows: NDArray[np.intp] | slice = known if found.missing else slice(None)
    data: dict[Column, Array] = {pool(): known} if found.missing else {}
    data |= dict(columns_of(found, rows, found.fidelities[-1]))
    licence = "Apache-2.0" if name_of_records(path) == NAME else "that of the file"
    info = TableInfo(
        schema_version=3,
        name=name,
        title=f"NAS-Bench-101, from {path.name}",
        space=NAME,
        rows=len(known),
        cells=len(known),
        licence=licence,
        attribution=("NAS-Bench-101 (Chris Ying et al., ICML 2019), Apache-2.0 licence",),
        notes=(*NOTES, *_trials_noted(found)),
        sources=(
            Source(
                url=path.name, sha256=sha256_of(path), licence=licence,
                taken="accuracies and seconds at the end of every training, parameters",
            ),
        ),
        columns=tuple(data),
        metrics=(TableMetric.of(ACCURACY),),
        titles={DATASET: "CIFAR-10"},
        separate=len(found.fidelities) > 1,
        bibtex=NAS_BENCH_101,
    )  # fmt: skip
    return Table.from_columns(info, {column.name: array for column, array in data.items()})


def _trials_noted(found: Collected) -> Iterable[str]:
    for epochs in found.fidelities:
        counts = found.count(epochs)
        parts = [f"{n}: {int((counts == n).sum())}" for n in np.unique(counts[counts > 0]).tolist()]
        yield f"trainings of {epochs} epochs: cells {', '.join(parts)}"


def space_of(name: str) -> NasBench101:
    """Return one of the two spaces of NAS-Bench-101."""
    space = get_space(name)
    assert isinstance(space, NasBench101)  # noqa: S101  # one of nasbench's own
    return space

"""The tables of NAS-Bench-101 that small public files make; `nb101_records` reads official ones.

- `nb101`: all 423,624 cells, means over the three trainings of 108 epochs: validation and test
  (NASGraph's extract of the official file), test again and parameters (FreeREA) to check it by;
- `nb101-test`: test and parameters alone, which no search can use;
- `nb101-20k`: the 20,001 cells whose hashes come first, with validation after 4, 12, 36 and 108
  epochs (nasbench-vis);
- `nb101-5v`: the 2,532 cells of at most five vertices, trained again by EC-NAS for 4 epochs.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nasbench.benchmarks.sources.nb101_files import (
    FILES,
    NAS_BENCH_101,
    PAPERS,
    SAMPLE,
    TEST_ONLY,
    TITLES,
)
from nasbench.benchmarks.sources.nb101_readers import (
    FIDELITIES,
    SAMPLE_SIZE,
    check_parameters,
    check_same,
    read_frame,
    read_rows,
    read_sample,
    read_test,
)
from nasbench.benchmarks.sources.nb101_records import DATASET, collect, columns_of, space_of
from nasbench.benchmarks.tables.columns import (
    Series,
    after_epoch,
    pool,
    query_seconds,
    seed_count,
    size,
)
from nasbench.benchmarks.tables.info import (
    Array,
    Column,
    Quantity,
    Split,
    TableInfo,
    TableMetric,
    TableProtocol,
)
from nasbench.benchmarks.tables.table import Table
from nasbench.errors import DataError
from nasbench.problem import ACCURACY
from nasbench.spaces.nb101 import NAME, SMALL_NAME, NasBench101

FULL = 108
"""Epochs of the full training."""
TRIALS = 3

Floats = NDArray[np.float64]

_TRAINED = (
    "networks are trained on 40,000 images of CIFAR-10; validation is on the other 10,000 of its "
    "training set, test on its test set"
)
_DRAWN = (
    "random search draws cells as the authors' code does: many draws are pruned to a small cell, "
    "and 0.3 % of all draws have seven vertices, as 85 % of the cells do"
)
_NO_SECONDS = "the public files have no seconds of these trainings: budgets are in evaluations"


def build(paths: Sequence[Path]) -> Table:
    """Build `nb101` from the downloaded files; `DataError` for files that do not fit together."""
    rows, test, parameters = paths
    space = space_of(NAME)
    means = read_rows(rows, space)
    check_same(means["test"], read_test(test), rows, test)
    check_parameters(means["parameters"], space, rows)
    check_parameters(1e6 * read_frame(parameters)["params"], space, parameters)
    data = {
        measured(split, FULL): 100 * means[split.value]
        for split in (Split.TRAIN, Split.VALID, Split.TEST)
    }
    return assemble(NAME, paths, data | common(space), (_TRAINED, _DRAWN, _NO_SECONDS))


def build_test_only(paths: Sequence[Path]) -> Table:
    """Build `nb101-test` from the downloaded files."""
    test, parameters = paths
    space = space_of(NAME)
    check_parameters(1e6 * read_frame(parameters)["params"], space, parameters)
    data = {measured(Split.TEST, FULL): 100 * read_test(test)}
    return assemble(TEST_ONLY, paths, data | common(space), (_TRAINED,))


def build_sample(paths: Sequence[Path]) -> Table:
    """Build `nb101-20k` from the downloaded files; its architectures are a pool."""
    sample, test = paths
    space = space_of(NAME)
    known = read_sample(sample, space)
    one = "one of three trainings"
    data: dict[Column, Array] = {pool(): np.arange(SAMPLE_SIZE)}
    for epochs in FIDELITIES:
        data[measured(Split.VALID, epochs, one)] = 100 * known[f"{epochs}"]
        cost = query_seconds(
            DATASET, FULL, None, epochs=epochs, fitted=epochs < FULL,
            provenance=f"{epochs} / {FULL} of the seconds of {FULL} epochs",
        )  # fmt: skip
        cost = cost.model_copy(update={"averaging": one})
        data[cost] = known["seconds"] * (epochs / FULL)
    data[measured(Split.TEST, FULL)] = 100 * read_test(test)[:SAMPLE_SIZE]
    notes = (
        _TRAINED,
        "the cells are those whose hashes come first, a uniform sample of all: searches draw "
        "uniformly from them, other than from the whole space",
        f"validation and seconds are of {one}, test is the mean of the three",
        "4, 12, 36 and 108 epochs are four trainings with a learning-rate schedule each: the "
        "shorter ones are no beginnings of the longer ones, so that nothing can be resumed",
        "seconds of fewer than 108 epochs are proportional: the file has those of 108 only",
    )
    protocol = TableProtocol(
        name="nb101-20k-150",
        source="150 evaluations of one training each, of a sample of cells; none is published, and "
        "published numbers of 150 evaluations are of the mean of three, of all cells",
        schedule=FULL,
        epochs=FULL,
        final_schedule=FULL,
        trials="mean",
        seconds={},
        evaluations={DATASET: 150},
        reports={DATASET: (DATASET,)},
    )
    return assemble(SAMPLE, paths, data | common(space, SAMPLE_SIZE), notes, (protocol,))


def build_small(paths: Sequence[Path]) -> Table:
    """Build `nb101-5v` from the downloaded files."""
    records, test = paths
    space, whole = space_of(SMALL_NAME), space_of(NAME)
    found = collect(records, space)
    if found.missing or found.fidelities != (4,) or found.trials != 1:
        raise DataError(f"'{records}' does not have one training of 4 epochs of each small cell")
    check_parameters(found.parameters.astype(np.float64), space, records)
    there = [whole.index(one) for one in space.architectures]
    data = dict(columns_of(found, slice(None), 4))
    data[measured(Split.TEST, FULL)] = 100 * read_test(test)[there]
    notes = (
        _TRAINED,
        "a search sees EC-NAS's own training of 4 epochs; test after 108 epochs is the mean of "
        "the three trainings of NAS-Bench-101, of which no validation is known here",
        "energy is that of the training of 4 epochs, measured by EC-NAS",
    )
    protocol = TableProtocol(
        name="ec-nas",
        source="validation after EC-NAS's 4 epochs, judged by the mean test after 108; our budget",
        schedule=4,
        epochs=4,
        final_schedule=FULL,
        trials="mean",
        seconds={},
        evaluations={DATASET: 150},
        reports={DATASET: (DATASET,)},
    )
    data[seed_count(DATASET, Split.TEST, FULL)] = np.full(space.size, TRIALS, dtype=np.uint8)
    return assemble(SMALL_NAME, paths, data, notes, (protocol,))


BUILDERS: dict[str, Callable[[Sequence[Path]], Table]] = {
    NAME: build,
    TEST_ONLY: build_test_only,
    SAMPLE: build_sample,
    SMALL_NAME: build_small,
}


def measured(split: Split, epochs: int, averaging: str = "") -> Column:
    """Return the column of accuracy after a training of so many epochs."""
    series = Series(DATASET, split, Quantity.ACCURACY, FULL)
    return after_epoch(series, epochs, None, averaging=averaging)


def common(space: NasBench101, rows: int | None = None) -> dict[Column, Array]:
    """Return the columns of parameters and of the number of trainings that test is a mean of."""
    known = [space.parameters(one) for one in space.architectures[:rows]]
    return {
        size(DATASET, Quantity.PARAMS, provenance="formula"): np.array(known, dtype=np.int32),
        seed_count(DATASET, Split.TEST, FULL): np.full(len(known), TRIALS, dtype=np.uint8),
    }


def assemble(
    name: str,
    paths: Sequence[Path],
    data: Mapping[Column, Array],
    notes: tuple[str, ...],
    protocols: tuple[TableProtocol, ...] = (),
) -> Table:
    """Make the table `name` of columns, with the description of its files at `paths`."""
    files = FILES[name]
    rows = len(next(array for column, array in data.items() if column.dataset))
    info = TableInfo(
        schema_version=3,
        name=name,
        title=TITLES[name],
        space=SMALL_NAME if name == SMALL_NAME else NAME,
        rows=rows,
        cells=rows,
        licence="Apache-2.0, MIT and ISC, see sources",
        attribution=(
            "NAS-Bench-101 (Chris Ying et al., ICML 2019), Apache-2.0 licence",
            *dict.fromkeys(f"{file.authors}, {file.licence} licence" for file in files),
        ),
        notes=notes,
        sources=tuple(file.as_source(path) for file, path in zip(files, paths, strict=True)),
        columns=tuple(data),
        metrics=(TableMetric.of(ACCURACY),),
        protocols=protocols,
        titles={DATASET: "CIFAR-10"},
        separate=name == SAMPLE,
        bibtex="\n\n".join(
            dict.fromkeys([NAS_BENCH_101, *(PAPERS[one] for one in files if one in PAPERS)])
        ),
    )
    arrays = {
        column.name: array.astype(np.float32) if array.dtype == np.float64 else array
        for column, array in data.items()
    }
    return Table.from_columns(info, arrays)

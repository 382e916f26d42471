"""Stored runs as flat files for other programs: evaluations, final architectures, best runs.

    trajectories    one row per evaluation: what was asked and told, the incumbent so far with its
                    validation value and the judge's values, and running costs
    architectures   one row per run: its seed and settings, its final architecture as text, its
                    values, and its costs
    best            one row per experiment: the run with the best validation value, the search's own
                    signal; test is not looked at

Columns are those of the data frames of `load_results`, and these:

    display         the experiment's display name, empty where it has none
    valid/DATASET, test/DATASET     the judge's values of the incumbent: of a row of `trajectories`
                    the incumbent so far, else the final one; of the first objective (`metric`)
    runs            only in `best`: among how many finished runs it is the best
    chosen_by       only in `best`: always `signal`, as no run is chosen by its test values

    value/COST      only in `trajectories`: the other objectives of searches for several
    constraint/COST only in `trajectories`: the bounded costs of searches under constraints
    selected        only in `trajectories`: 1 where the evaluation is in the final set of its run, a
                    search for several objectives, else 0

Searches of several objectives have sets for answers: they are in `trajectories`, where valid/ and
test/ are of the evaluation that entered the set last, in `architectures` without a final one, and
not in `best`.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from nasbench.arguments import require_names, require_path
from nasbench.errors import InvalidInput
from nasbench.files import RESULTS, atomic_write
from nasbench.harness.compare.blocks import unite
from nasbench.harness.compare.tables.formats import frame_to_csv
from nasbench.harness.results.best import best_place
from nasbench.harness.results.load import COUNTS, Results, best_so_far, load_results
from nasbench.harness.results.records import SPLITS, constraint_column, value_column
from nasbench.harness.results.runs import ExperimentRuns

if TYPE_CHECKING:
    import pandas

FORMATS = ("csv", "parquet")
_STEPS, _SELECTED = "trajectories", "selected"
_CHUNK = 200_000
"""Evaluations that are held as rows at once."""


def export(
    results: str | Path | Results,
    out: str | Path | None = None,
    *,
    format: str = "csv",
    what: str | Sequence[str] | None = None,
) -> list[Path]:
    """Write stored runs as CSV or Parquet; return the paths of the files.

    `results` is a results folder, or what `load_results` returns. `out` is a folder; None means
    `export` in the results folder. `what` names some of `trajectories`, `architectures` and `best`;
    None means all. Runs of one experiment in several folders are written once. In CSV, no text is
    taken for a formula by a spreadsheet. Each file is there as a whole or not at all; one that
    would have no row is not written.

    Raises `InvalidInput` for an unknown format or part, `StoreError` where there is no run.
    """
    if format not in FORMATS:
        raise InvalidInput(f"format '{format}' is unknown: valid are {', '.join(FORMATS)}")
    chosen = list(_PARTS) if what is None else require_names("what", what)
    for name in chosen:
        if name not in _PARTS:
            raise InvalidInput(f"'{name}' cannot be exported: valid are {', '.join(_PARTS)}")
    stored = results if isinstance(results, Results) else load_results(results)
    folder = stored.folder / "export" if out is None else require_path("out", out)
    united = unite(stored.experiments)
    finals = list(dict.fromkeys(_finals_of(united)))
    costs = list(dict.fromkeys(name for one in united for name in _costs_of(one)))
    written = []
    for name in chosen:
        path = folder / f"{name}.{format}"
        last = [*(costs if name == _STEPS else ()), *finals]
        frames = (_whole(frame, last) for frame in _PARTS[name](united))
        first = next(frames, None)
        if first is None:
            continue
        with atomic_write(path, RESULTS) as file:
            _WRITERS[format](chain((first,), frames), file)
        written.append(path)
    return written


def _finals_of(experiments: Sequence[ExperimentRuns]) -> Iterator[str]:
    for one in experiments:
        for name in one.experiment.task.reports:
            yield from (f"{split}/{name}" for split in SPLITS)


def _costs_of(one: ExperimentRuns) -> Iterator[str]:
    """Yield the columns that evaluations have besides those of the frames, `selected` the last."""
    task = one.experiment.task
    yield from map(value_column, task.objectives[1:])
    yield from map(constraint_column, task.constraints)
    if len(task.objectives) > 1:
        yield _SELECTED


def _whole(frame: "pandas.DataFrame", last: Sequence[str]) -> "pandas.DataFrame":
    """Return a frame that ends with the columns named, NaN where it has none."""
    own = [name for name in frame.columns if name not in last]
    return frame.reindex(columns=[*own, *last])


def _trajectories(experiments: Sequence[ExperimentRuns]) -> "Iterator[pandas.DataFrame]":
    for one in experiments:
        for part in _chunks(one.select(~one.failed)):
            frame = Results(Path(), (part,)).trajectories
            frame.insert(1, "display", one.display)
            for name in _costs_of(part):
                frame[name] = _selected(part) if name == _SELECTED else part.lists(name).values
            for name, values in _judged(part):
                frame[name] = values
            yield frame


def _selected(runs: ExperimentRuns) -> NDArray[np.float64]:
    """Return 1 for every evaluation that is in its run's final set, else 0."""
    lengths, steps = runs.architectures.codes.lengths, runs.lists(_SELECTED)
    found = np.zeros(int(lengths.sum()))
    found[steps.values + np.repeat(np.cumsum(lengths) - lengths, steps.lengths)] = 1
    return found


def _chunks(runs: ExperimentRuns) -> Iterator[ExperimentRuns]:
    """Yield runs in order, in parts of about `_CHUNK` evaluations."""
    if not len(runs):
        return
    before = np.cumsum(runs.counts) - runs.counts
    parts = before // _CHUNK
    for part in np.unique(parts):
        yield runs.select(parts == part)


def _judged(runs: ExperimentRuns) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """Yield the judge's values of the incumbent at every evaluation, NaN before the first one."""
    steps, lengths = runs.lists("incumbents"), runs.architectures.codes.lengths
    current = best_so_far(steps, lengths)
    changed = np.repeat(steps.offsets[:-1], lengths)
    starts = np.repeat(np.cumsum(lengths) - lengths, lengths)
    # an incumbent's place in its run's list is how often the incumbent has changed before it
    marks = np.zeros(len(current), dtype=np.int64)
    marks[steps.values + np.repeat(np.cumsum(lengths) - lengths, steps.lengths)] = 1
    counted = np.concatenate(([0], np.cumsum(marks)))
    number = counted[1:] - counted[starts] - 1
    for name in runs.experiment.task.reports:
        for split in SPLITS:
            values = runs.finals(split, name).values
            at = np.minimum(changed + np.maximum(number, 0), max(len(values) - 1, 0))
            yield f"{split}/{name}", np.where(current < 0, np.nan, values[at])


def _architectures(experiments: Sequence[ExperimentRuns]) -> "Iterator[pandas.DataFrame]":
    for one in experiments:
        if len(one):
            yield _with_display(one)


def _best(experiments: Sequence[ExperimentRuns]) -> "Iterator[pandas.DataFrame]":
    for one in experiments:
        place = best_place(one)
        if place is not None:
            frame = _with_display(one.select(np.arange(len(one)) == place))
            frame["runs"] = int((~one.failed).sum())
            frame["chosen_by"] = "signal"
            yield frame


def _with_display(one: ExperimentRuns) -> "pandas.DataFrame":
    frame = Results(Path(), (one,)).runs
    frame.insert(1, "display", one.display)
    return frame


_PARTS: dict[str, Callable[[Sequence[ExperimentRuns]], "Iterator[pandas.DataFrame]"]] = {
    _STEPS: _trajectories,
    "architectures": _architectures,
    "best": _best,
}
PARTS = tuple(_PARTS)
"""What can be exported."""


def _to_csv(frames: "Iterable[pandas.DataFrame]", file: BinaryIO) -> None:
    for number, frame in enumerate(frames):
        text = frame_to_csv(frame)
        file.write((text.partition("\n")[2] if number else text).encode())


def _to_parquet(frames: "Iterable[pandas.DataFrame]", file: BinaryIO) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    tables = (
        pa.table({name: _column(frame[name], name) for name in frame.columns}) for frame in frames
    )
    first = next(tables)
    with pq.ParquetWriter(file, first.schema, compression="zstd") as writer:
        for table in chain((first,), tables):
            writer.write_table(table.cast(first.schema))


def _column(values: "pandas.Series[Any]", name: str) -> Any:
    """Return a column of numbers as it is, and one of anything else as texts.

    Counts are integers, null in searches that do not have them.
    """
    import pyarrow as pa

    if name in COUNTS:
        return pa.array(values.to_numpy(dtype=np.float64), from_pandas=True).cast(pa.int64())
    if values.dtype.kind in "biuf":
        return pa.array(values.to_numpy())
    known = values.astype(object).where(values.notna(), None)
    return pa.array([None if one is None else str(one) for one in known], pa.string())


_WRITERS: dict[str, Callable[["Iterable[pandas.DataFrame]", BinaryIO], None]] = {
    "csv": _to_csv,
    "parquet": _to_parquet,
}

"""Checks of stored runs: types, nulls, ranges, and lengths that must be equal.

They are made once, when a file is read, for all rows at once, so that no later code needs to. They
show only that a row is consistent with itself, its totals up to rounding. Whether totals equal the
clock's to the bit, and whether a number is the table's, is checked by the audit.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from nasbench.errors import InvalidInput
from nasbench.harness.execution.tuning import Tuning
from nasbench.harness.results.architectures import texts_of
from nasbench.harness.results.records import (
    ARCHITECTURES,
    SCHEDULE,
    SPLITS,
    TRAJECTORY,
    value_column,
    verdict_column,
)
from nasbench.harness.search.budget import Stop
from nasbench.harness.search.experiment import Experiment
from nasbench.limits import LARGEST_MEASURE, SIMULATED_WORKERS
from nasbench.place import MOST_THREADS, known_device
from nasbench.problem import Metric
from nasbench.rules import REPEATS, SIGNALS, Selection
from nasbench.spaces import get_space
from nasbench.text import shown
from nasbench.trace import Trace

FAILED = "failed"
"""The stop reason of a run that ended with an error."""
_TEXTS = ("error", "log", "stop", "processor")
_COUNTS = ("seed", "evaluations", "distinct", "training_epochs")
_SECONDS = ("clock_seconds", "optimiser_seconds", "wall_seconds")
_PLACE = {"device": pa.string(), "threads": pa.int64()}
"""Columns of runs that trained."""
_LATER = {"log", "processor", *_PLACE}
"""Columns that the first versions did not write."""
_SUMS = {
    "training_epochs": "epochs", "clock_seconds": "seconds", "optimiser_seconds": "optimiser",
}  # fmt: skip
"""Columns of totals, each with the list column that it is the sum of."""
ROUNDING = 1e-6
"""Relative rounding error that a sum of many times may have."""
_TOO_MUCH = 2**63
_TOO_MANY = 2**31
"""More evaluations than a run can have: numbers of steps are below this, as 32-bit integers."""
_TYPES = {
    **dict.fromkeys(_TEXTS, pa.string()),
    **dict.fromkeys(_COUNTS, pa.int64()),
    **dict.fromkeys(_SECONDS, pa.float64()),
    "architecture": pa.list_(ARCHITECTURES),
    "fidelity": pa.list_(pa.int32()),
    "seconds": pa.list_(pa.float64()),
    "epochs": pa.list_(pa.int32()),
    "optimiser": pa.list_(pa.float64()),
    "incumbents": pa.list_(pa.int32()),
}
_SCHEDULE = {
    "started": pa.list_(pa.float64()),
    "finished": pa.list_(pa.float64()),
    "worker": pa.list_(pa.int32()),
}


class Misfit(ValueError):
    """Rows cannot be runs of their experiment; the message names column and row."""


@dataclass(frozen=True)
class _Lists:
    """A list column as NumPy arrays: list i is `values[offsets[i]:offsets[i + 1]]`."""

    name: str
    values: NDArray[Any]
    offsets: NDArray[np.int32]

    @classmethod
    def of(cls, table: pa.Table, name: str) -> "_Lists":
        column = table[name].combine_chunks()
        offsets = column.offsets.to_numpy()  # without the cost of flatten(), as no list is null
        flat = column.values.slice(offsets[0], offsets[-1] - offsets[0])
        if flat.null_count:
            raise Misfit(f"column '{name}' has a null inside a list")
        if pa.types.is_dictionary(flat.type):
            flat = flat.indices
        return cls(name, flat.to_numpy(zero_copy_only=False), offsets - offsets[0])

    @property
    def lengths(self) -> NDArray[np.int32]:
        return self.offsets[1:] - self.offsets[:-1]

    def row(self, element: int) -> int:
        """Return the row whose list an element is in."""
        return int(np.searchsorted(self.offsets, element, side="right")) - 1


def conform(table: pa.Table, experiment: Experiment, columns: list[str] | None = None) -> pa.Table:
    """Return rows in the types of the store.

    Raises `Misfit` where they cannot be runs of `experiment`. With `columns`, `table` holds only
    these columns, and each is checked by itself, not against others.
    """
    if not len(table):
        raise Misfit("it holds no run")
    typed = _typed(table, experiment, columns)
    rows = _Rows(typed)
    for name in (*_COUNTS, *_SECONDS):
        if name in typed.column_names:
            rows.range(name, 0, _TOO_MUCH if name in _COUNTS else LARGEST_MEASURE)
    if "threads" in typed.column_names:
        rows.range("threads", 0, MOST_THREADS + 1)
        _check_devices(rows)
    if columns is None:
        _check_steps(rows, experiment)
        _check_totals(rows, experiment)
        _check_incumbents(rows, experiment)
    return typed


def _typed(table: pa.Table, experiment: Experiment, columns: list[str] | None) -> pa.Table:
    """Return all columns of a run, each cast to its type, none with nulls."""
    types = {
        **_TYPES,
        **{value_column(one): pa.list_(pa.float64()) for one in experiment.task.objectives},
        **({"selected": pa.list_(pa.int32())} if len(experiment.task.objectives) > 1 else {}),
        **(_PLACE if experiment.task.trains else {}),
        **(_SCHEDULE if experiment.task.simulated_workers > 1 else {}),
        **{
            verdict_column(split, name, one): pa.list_(pa.float64())
            for name in experiment.task.reports
            for split in SPLITS
            for one in experiment.task.objectives
        },
    }
    there = table.column_names
    for name in types if columns is None else columns:
        if name not in there and name not in _LATER:
            raise Misfit(f"column '{name}' is missing")
    made = {}
    for name in there:
        kind = types.get(name, pa.list_(pa.float64()) if Trace.read(name) else None)
        if kind is None:
            raise Misfit(f"column '{name}' is none of a run's")
        made[name] = _cast(table[name], name, kind)
    return pa.table(made, metadata=table.schema.metadata)


def _cast(column: pa.ChunkedArray, name: str, wanted: pa.DataType) -> pa.ChunkedArray:
    """Return a column in the type of the store, from any type of the same kind."""
    found = column.type
    if found != wanted:
        if not _alike(found, wanted):
            raise Misfit(f"column '{name}' has type {str(found)[:80]} where {wanted} belongs")
        try:
            column = _encoded(column) if name == "architecture" else column.cast(wanted)
        except pa.ArrowException as error:
            raise Misfit(f"column '{name}' has values that are no {wanted}") from error
    if column.null_count and name not in _LATER:
        row = pc.index(pc.is_null(column), True).as_py()
        raise Misfit(f"column '{name}' is null in row {row}")
    return column


def _encoded(column: pa.ChunkedArray) -> pa.ListArray:
    """Return lists of texts with every text stored once, which other writers may not do."""
    whole = pa.concat_arrays([chunk.cast(pa.list_(pa.string())) for chunk in column.chunks])
    return pa.ListArray.from_arrays(whole.offsets, whole.values.dictionary_encode())


def _alike(found: pa.DataType, wanted: pa.DataType) -> bool:
    types = pa.types
    if types.is_dictionary(found):
        found = found.value_type
    if types.is_dictionary(wanted):
        wanted = wanted.value_type
    if types.is_list(wanted):
        lists = types.is_list(found) or types.is_large_list(found)
        return lists and _alike(found.value_type, wanted.value_type)
    for kinds in (
        (types.is_string, types.is_large_string), (types.is_integer,), (types.is_floating,)
    ):  # fmt: skip
        if any(kind(wanted) for kind in kinds):
            return any(kind(found) for kind in kinds)
    return False


class _Rows:
    """Rows of the right types, and checks that raise `Misfit` for the first wrong row."""

    def __init__(self, table: pa.Table) -> None:
        self.table = table
        self._lists: dict[str, _Lists] = {}
        self.failed = pc.not_equal(table["error"], "").to_numpy()

    def lists(self, name: str) -> _Lists:
        if name not in self._lists:
            self._lists[name] = _Lists.of(self.table, name)
        return self._lists[name]

    def refuse(self, wrong: NDArray[np.bool_], name: str, what: Callable[[int], str]) -> None:
        """Raise `Misfit` for the first row that is wrong."""
        if wrong.any():
            row = int(np.argmax(wrong))
            raise self.misfit(name, row, what(row))

    def misfit(self, name: str, row: int, what: str) -> Misfit:
        seed = self.table["seed"][row].as_py()
        return Misfit(f"column '{name}', row {row} (seed {seed}): {what}")

    def range(self, name: str, least: float, most: float) -> None:
        """Check that every value is at least `least` and below `most`."""
        values = self.table[name].to_numpy()
        wrong = ~((values >= least) & (values < most))
        self.refuse(wrong, name, lambda row: f"{values[row]} is out of range")

    def each(self, name: str, good: Callable[[NDArray[Any]], NDArray[np.bool_]], what: str) -> None:
        """Check that `good` is true for every element of every list."""
        lists = self.lists(name)
        fine = good(lists.values)
        if not fine.all():
            at = int(np.argmin(fine))
            raise self.misfit(name, lists.row(at), f"{lists.values[at]} {what}")

    def long(self, name: str, wanted: NDArray[np.int32], what: str) -> None:
        """Check that lists have the lengths `wanted`."""
        lengths = self.lists(name).lengths
        if np.array_equal(lengths, wanted):
            return
        self.refuse(
            lengths != wanted, name, lambda row: f"{lengths[row]} values for {wanted[row]} {what}"
        )


def _check_devices(rows: _Rows) -> None:
    """Check that every run's device is known; it is empty if the run was lost with its worker."""
    for row, device in enumerate(rows.table["device"].to_pylist()):
        try:
            known_device(device or "cpu")
        except InvalidInput as error:
            raise rows.misfit("device", row, str(error)) from error


def _check_steps(rows: _Rows, experiment: Experiment) -> None:
    """Check why runs ended, and the columns with one value per evaluation."""
    stops, failed = rows.table["stop"], rows.failed
    texts = stops.to_pylist()
    known = pc.is_in(stops, pa.array([FAILED, *Stop])).to_numpy()
    rows.refuse(~known, "stop", lambda row: f"'{texts[row][:40]}' is no reason to end")
    rows.refuse(
        pc.equal(stops, FAILED).to_numpy() != failed, "stop",
        lambda row: f"'{texts[row]}' of a run {'with' if failed[row] else 'without'} an error",
    )  # fmt: skip
    steps = rows.lists("architecture").lengths
    traces = [name for name in rows.table.column_names if Trace.read(name)]
    several = experiment.task.simulated_workers > 1
    values = {value_column(metric): metric for metric in experiment.task.objectives}
    for name in (*TRAJECTORY, *values, *traces, *(SCHEDULE if several else ())):
        rows.long(name, steps, "evaluations")
    number = rows.table["evaluations"].to_numpy()
    rows.refuse(
        number != steps, "evaluations", lambda row: f"{number[row]} of {steps[row]} evaluations"
    )
    rows.refuse(
        failed & (steps > 0), "architecture", lambda row: "evaluations of a run with an error"
    )
    _check_architectures(rows, experiment.task.space)
    for name, metric in values.items():
        rows.each(name, partial(_within, metric), f"is no {metric.name}")
    for name in ("seconds", "optimiser"):
        rows.each(name, lambda x: (x >= 0) & (x <= LARGEST_MEASURE), "is no time in seconds")
    for name in ("epochs", "fidelity"):
        rows.each(name, lambda x: x >= 0, "is no number of epochs")
    if several:
        _check_schedule(rows, experiment.task.simulated_workers)


def _check_architectures(rows: _Rows, space: str) -> None:
    """Check that every text is an architecture of the space; each is read once."""
    codes, read = rows.lists("architecture"), texts_of(space).read
    texts = rows.table["architecture"].combine_chunks().values.dictionary.to_pylist()
    if None in texts:
        raise Misfit("column 'architecture' has a null inside a list")
    for code in np.unique(codes.values).tolist():
        try:
            read(texts[code])
        except InvalidInput as error:
            row = codes.row(int(np.argmax(codes.values == code)))
            what = f"{shown(texts[code])} is no architecture of space '{space}'"
            raise rows.misfit("architecture", row, what) from error


def _check_schedule(rows: _Rows, workers: int) -> None:
    """Check that each evaluation took as long as it cost, and that their ends are in order."""
    started, finished, cost = (rows.lists(name) for name in ("started", "finished", "seconds"))
    rows.each("worker", lambda x: (x >= 0) & (x < workers), f"is none of {workers} workers")
    rows.each("started", lambda x: (x >= 0) & (x <= LARGEST_MEASURE), "is no time in seconds")
    ends = started.values + cost.values == finished.values
    rows.each("finished", lambda _: ends, "is not when it began and what it cost")
    later = np.concatenate(([True], np.diff(finished.values) >= 0))[: len(ends)]
    later[finished.offsets[:-1][finished.lengths > 0]] = True
    rows.each("finished", lambda _: later, "is before the evaluation that is stored before it")


def _check_totals(rows: _Rows, experiment: Experiment) -> None:
    """Check a run's totals against its lists: counts exactly, times up to `ROUNDING`."""
    number, distinct = (rows.table[name].to_numpy() for name in ("evaluations", "distinct"))
    rows.refuse(
        (distinct > number) | ((distinct == 0) & (number > 0)), "distinct",
        lambda row: f"{distinct[row]} different ones among {number[row]} evaluations",
    )  # fmt: skip
    for name, parts in _SUMS.items():
        lists, totals = rows.lists(parts), rows.table[name].to_numpy()
        own = np.repeat(np.arange(len(totals)), lists.lengths)
        sums = np.bincount(own, weights=lists.values, minlength=len(totals))  # each in order
        if name == "clock_seconds" and experiment.task.simulated_workers > 1:
            ends = rows.lists("finished")
            there = ends.lengths > 0
            sums[there] = ends.values[ends.offsets[1:][there] - 1]
        near = 0 if name in _COUNTS else ROUNDING * totals
        wrong = ~(np.abs(totals - sums) <= near)
        if wrong.any():
            row = int(np.argmax(wrong))
            what = f"{totals[row]} where its list '{parts}' adds up to {sums[row]:g}"
            raise rows.misfit(name, row, what)


def _check_incumbents(rows: _Rows, experiment: Experiment) -> None:
    """Check that incumbents are steps of their run, each with its final values."""
    metric = experiment.task.metric
    incumbents, signal = rows.lists("incumbents"), rows.lists(value_column(metric))
    count, steps = incumbents.lengths, signal.lengths
    rows.refuse(
        (count > 0) == rows.failed, "incumbents",
        lambda row: f"{count[row]} of a run {'with' if rows.failed[row] else 'without'} an error",
    )  # fmt: skip
    own = np.repeat(np.arange(len(count)), count)
    inside = (incumbents.values >= 0) & (incumbents.values < steps[own])
    rows.each("incumbents", lambda _: inside, "is no step of the run")
    rising = np.concatenate(([True], np.diff(incumbents.values) > 0))[: len(own)]
    rising[incumbents.offsets[:-1][count > 0]] = True
    rows.each("incumbents", lambda _: rising, "comes after a later step")
    known = ~np.isnan(signal.values[signal.offsets[own] + incumbents.values])
    rows.each("incumbents", lambda _: known, "is a step without a value")
    for dataset in experiment.task.reports:
        for split, one in product(SPLITS, experiment.task.objectives):
            name = verdict_column(split, dataset, one)
            rows.long(name, count, "incumbents")
            rows.each(name, partial(_within, one), f"is no {one.name}")
    if len(experiment.task.objectives) > 1:
        _check_selected(rows)


def _check_selected(rows: _Rows) -> None:
    """Check that final sets hold incumbents, ascending and each once, and are not empty."""
    selected, incumbents = rows.lists("selected"), rows.lists("incumbents")
    rows.refuse(
        (selected.lengths > 0) == rows.failed, "selected",
        lambda row: f"{selected.lengths[row]} of a run {'with' if rows.failed[row] else 'without'} "
        "an error",
    )  # fmt: skip
    keys = [
        np.repeat(np.arange(len(one.lengths)), one.lengths) * _TOO_MANY + one.values
        for one in (selected, incumbents)
    ]
    rows.each("selected", lambda _: np.isin(keys[0], keys[1]), "is no incumbent of the run")
    rising = np.concatenate(([True], np.diff(keys[0]) > 0))[: len(keys[0])]
    rows.each("selected", lambda _: rising, "comes after a later step")


def _within(metric: Metric, values: NDArray[Any]) -> NDArray[np.bool_]:
    """Return which values a metric can have; NaN, an unknown value, is one of them."""
    inside = (values >= metric.low) & (values <= metric.high)
    measured = ~np.isfinite(values) | (np.abs(values) <= LARGEST_MEASURE)
    return np.asarray(np.isnan(values) | (inside & measured))


def check_text(values: Any) -> None:
    """Raise `Misfit` where a text of JSON values has half of a surrogate pair, which is no Unicode.

    JSON can hold such a text, but data frames and text files cannot.
    """
    try:
        json.dumps(values, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        around = error.object[max(0, error.start - 20) : error.end]
        raise Misfit(f"the text that ends in {shown(around)} is no Unicode") from error


def check_experiment(experiment: Experiment, about: Any) -> None:
    """Raise an error for an experiment that cannot have been run, or a description of wrong form.

    `about` is what the strategy said of itself, see `ExperimentFolder.description`. Types and
    budgets are not checked here, as pydantic has checked them before.
    """
    task, query = experiment.task, experiment.task.query
    get_space(task.space)  # `InvalidInput` where there is no such space
    for name, value in (
        ("seed", experiment.seed), ("entropy", experiment.entropy),
        ("signal.schedule", query.schedule), ("signal.epochs", query.epochs),
        ("final_schedule", task.final_schedule),
    ):  # fmt: skip
        if not 0 <= value < _TOO_MUCH:
            raise Misfit(f"{name} is {str(value)[:40]}")
    for name, one, valid in (
        ("trials", query.signal, SIGNALS), ("repeats", task.repeats, REPEATS)
    ):  # fmt: skip
        if one not in valid:
            raise Misfit(f"{name} is '{one[:40]}', not {' or '.join(valid)}")
    if task.shared == bool(query.epochs):
        raise Misfit(f"signal.epochs is {query.epochs} of a search that shares weights or not")
    if not 1 <= task.simulated_workers <= SIMULATED_WORKERS.most:
        raise Misfit(f"simulated_workers is {str(task.simulated_workers)[:40]}")
    check_objectives(task.objectives)
    if (len(task.objectives) > 1) != (task.selection is Selection.FRONT):
        raise Misfit(f"selection is '{task.selection}' for {len(task.objectives)} objectives")
    if not task.reports or len(set(task.reports)) < len(task.reports):
        raise Misfit("it reports no data set, or one twice")
    if task.shared:
        earlier = {"threads": int, "device": str}  # the place was once two settings
        there = {name: kind for name, kind in earlier.items() if name in experiment.settings}
        _check_types(
            experiment.settings, {"epochs": int, **there}, "setting '{}' of shared weights"
        )
    if not isinstance(about, dict):
        raise Misfit("its strategy is no JSON object")
    texts = dict.fromkeys(("family", "reference", "colour", "bibtex"), str)
    known = {**texts, "defaults": dict, "tuning": dict}
    stored = {name: about[name] for name in known if about.get(name) is not None}
    _check_types(stored, {name: known[name] for name in stored}, "'{}' of its strategy")
    if "tuning" in stored:
        Tuning.read(stored["tuning"])


def check_objectives(objectives: Sequence[Metric]) -> None:
    """Raise `Misfit` where metrics cannot be the objectives of a search."""
    names = [one.name for one in objectives]
    if not names or len(set(names)) < len(names):
        raise Misfit("it has no objective, or one twice")
    for one in objectives:
        if not one.name or one.direction not in ("max", "min") or not one.low < one.high:
            raise Misfit(f"objective {shown(one.name)} has no name, direction or range of values")


def _check_types(values: Mapping[str, Any], kinds: Mapping[str, type], what: str) -> None:
    for name, kind in kinds.items():
        if not isinstance(values.get(name), kind):
            raise Misfit(f"{what.format(name)} is missing or of a wrong type")


def check_provenance(about: Any) -> None:
    """Raise `Misfit` where stored provenance does not have the form that `provenance` gives."""
    if not isinstance(about, dict):
        raise Misfit("its provenance is no JSON object")
    for name in ("nasbench", "commit", "python", "platform", "processor"):
        if not isinstance(about.get(name), str | None):
            raise Misfit(f"provenance: '{name}' is no text")
    libraries, command = about.get("libraries") or {}, about.get("command") or []
    if not isinstance(libraries, dict) or not all(
        isinstance(version, str | None) for version in libraries.values()
    ):
        raise Misfit("provenance: 'libraries' are no versions by name")
    if not isinstance(command, list) or not all(isinstance(part, str) for part in command):
        raise Misfit("provenance: 'command' is no list of texts")

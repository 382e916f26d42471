"""Checks of stored runs: types, nulls, ranges, and lengths that must be equal.

They are made once, when a file is read, for all rows at once, so that no later code needs to. They
show only that a row is consistent with itself, its totals up to rounding. Whether totals equal the
clock's to the bit, and whether a number is the table's, is checked by the audit.
"""

from functools import partial
from itertools import product
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from nasbench.benchmarks.constraints import all_met
from nasbench.benchmarks.proxy_scores import ProxyUse
from nasbench.errors import InvalidInput
from nasbench.harness.results.architectures import texts_of
from nasbench.harness.results.checked_rows import TOO_MUCH, Misfit, Rows
from nasbench.harness.results.records import (
    ARCHITECTURES,
    SCHEDULE,
    SCORED,
    SPLITS,
    TRAJECTORY,
    constraint_column,
    scored_column,
    value_column,
    verdict_column,
)
from nasbench.harness.search.budget import Stop
from nasbench.harness.search.experiment import Experiment
from nasbench.limits import LARGEST_MEASURE
from nasbench.place import MOST_THREADS, known_device
from nasbench.problem import Metric
from nasbench.text import shown
from nasbench.trace import Trace

FAILED = "failed"
"""The stop reason of a run that ended with an error."""
_TEXTS = ("error", "log", "stop", "processor", "clock")
_COUNTS = ("seed", "evaluations", "shared_epochs", "distinct", "training_epochs")
_SECONDS = ("clock_seconds", "optimiser_seconds", "wall_seconds")
_CPU = "cpu_seconds"
_PLACE = {
    "device": pa.string(), "threads": pa.int64(), "accelerator": pa.string(), _CPU: pa.float64(),
}  # fmt: skip
"""Columns of runs that trained."""
_LATER = {"log", "processor", *_PLACE}
"""Columns that the first versions did not write."""
_SUMS = {
    "training_epochs": "epochs", "clock_seconds": "seconds", "optimiser_seconds": "optimiser",
}  # fmt: skip
"""Columns of totals, each with the list column that it is the sum of."""
ROUNDING = 1e-6
"""Relative rounding error that a sum of many times may have."""
_TOO_MANY = 2**31
"""More evaluations than a run can have: numbers of steps are below this, as 32-bit integers."""
_TYPES = {
    **dict.fromkeys(_TEXTS, pa.string()),
    **dict.fromkeys(("seed", "distinct", "training_epochs"), pa.int64()),
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
_SCORED = {
    "scores": pa.int64(),
    "score_seconds": pa.float64(),
    scored_column("architecture"): pa.list_(ARCHITECTURES),
    scored_column("proxy"): pa.list_(ARCHITECTURES),
    scored_column("value"): pa.list_(pa.float64()),
    scored_column("seconds"): pa.list_(pa.float64()),
    scored_column("before"): pa.list_(pa.int32()),
}
"""Columns of runs that asked for scores of zero-cost proxies."""


def conform(table: pa.Table, experiment: Experiment, columns: list[str] | None = None) -> pa.Table:
    """Return rows in the types of the store.

    Raises `Misfit` where they cannot be runs of `experiment`. With `columns`, `table` holds only
    these columns, and each is checked by itself, not against others.
    """
    if not len(table):
        raise Misfit("it holds no run")
    typed = _typed(table, experiment, columns)
    rows = Rows(typed)
    for name in (*_COUNTS, *_SECONDS, "scores", "score_seconds"):
        if name in typed.column_names:
            rows.range(name, 0, TOO_MUCH if name in (*_COUNTS, "scores") else LARGEST_MEASURE)
    if "threads" in typed.column_names:
        rows.range("threads", 0, MOST_THREADS + 1)
        _check_devices(rows)
    if _CPU in typed.column_names:
        _check_cpu(rows)
    if "clock" in typed.column_names:
        _check_clock(rows, experiment)
    if columns is None:
        _check_steps(rows, experiment)
        _check_totals(rows, experiment)
        _check_incumbents(rows, experiment)
        if experiment.proxies is not None:
            _check_scored(rows, experiment, experiment.proxies)
    return typed


def _typed(table: pa.Table, experiment: Experiment, columns: list[str] | None) -> pa.Table:
    """Return all columns of a run, each cast to its type, none with nulls."""
    types = {
        **_TYPES,
        experiment.task.count: pa.int64(),
        **{value_column(one): pa.list_(pa.float64()) for one in experiment.task.objectives},
        **{constraint_column(one): pa.list_(pa.float64()) for one in experiment.task.constraints},
        **({"selected": pa.list_(pa.int32())} if len(experiment.task.objectives) > 1 else {}),
        **(_PLACE if experiment.task.trains else {}),
        **(_SCHEDULE if experiment.task.simulated_workers > 1 else {}),
        **(_SCORED if experiment.proxies is not None else {}),
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


def _check_clock(rows: Rows, experiment: Experiment) -> None:
    """Check that every run's clock is the task's."""
    wanted, found = experiment.task.seconds, rows.table["clock"]
    rows.refuse(
        pc.not_equal(found, wanted).to_numpy(), "clock",
        lambda row: f"'{str(found[row])[:40]}' where the task's seconds are {wanted}",
    )  # fmt: skip


def _check_devices(rows: Rows) -> None:
    """Check that every run's device is known; it is empty if the run was lost with its worker."""
    for row, device in enumerate(rows.table["device"].to_pylist()):
        try:
            known_device(device or "cpu")
        except InvalidInput as error:
            raise rows.misfit("device", row, str(error)) from error


def _check_cpu(rows: Rows) -> None:
    """Check that CPU seconds are a time; NaN is one that is not known."""
    seconds = rows.table[_CPU].to_numpy()
    wrong = ~(np.isnan(seconds) | ((seconds >= 0) & (seconds < LARGEST_MEASURE)))
    rows.refuse(wrong, _CPU, lambda row: f"{seconds[row]} is out of range")


def _check_steps(rows: Rows, experiment: Experiment) -> None:
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
    values |= {constraint_column(one): one.metric for one in experiment.task.constraints}
    for name in (*TRAJECTORY, *values, *traces, *(SCHEDULE if several else ())):
        rows.long(name, steps, "evaluations")
    count = experiment.task.count
    number = rows.table[count].to_numpy()
    rows.refuse(number != steps, count, lambda row: f"{number[row]} of {steps[row]} {count}")
    rows.refuse(
        failed & (steps > 0), "architecture", lambda row: "evaluations of a run with an error"
    )
    _check_architectures(rows, experiment.task.space, "architecture")
    for name, metric in values.items():
        rows.each(name, partial(_within, metric), f"is no {metric.name}")
    for name in ("seconds", "optimiser"):
        rows.each(name, lambda x: (x >= 0) & (x <= LARGEST_MEASURE), "is no time in seconds")
    for name in ("epochs", "fidelity"):
        rows.each(name, lambda x: x >= 0, "is no number of epochs")
    if several:
        _check_schedule(rows, experiment.task.simulated_workers)


def _check_architectures(rows: Rows, space: str, name: str) -> None:
    """Check that every text of a column is an architecture of the space; each is read once."""
    codes, known = rows.lists(name), texts_of(space)
    texts = rows.table[name].combine_chunks().values.dictionary.to_pylist()
    if None in texts:
        raise Misfit(f"column '{name}' has a null inside a list")
    used = np.unique(codes.values).tolist()
    unread = set(known.unread([texts[code] for code in used]))
    for code in used if unread else ():
        try:
            if texts[code] in unread:
                known.read(texts[code])
        except InvalidInput as error:
            row = codes.row(int(np.argmax(codes.values == code)))
            what = f"{shown(texts[code])} is no architecture of space '{space}'"
            raise rows.misfit(name, row, what) from error


def _check_scored(rows: Rows, experiment: Experiment, use: ProxyUse) -> None:
    """Check the scores of zero-cost proxies: their lengths, ranges, order and totals."""
    named = {name: scored_column(name) for name in SCORED}
    number, steps = rows.lists(named["value"]).lengths, rows.lists("architecture").lengths
    for name in named.values():
        rows.long(name, number, "scores")
    rows.refuse(rows.failed & (number > 0), named["value"], lambda row: "scores of a failed run")
    _check_architectures(rows, experiment.task.space, named["architecture"])
    texts = rows.table[named["proxy"]].combine_chunks().values.dictionary.to_pylist()
    asked = np.array([text in use.names for text in texts], dtype=bool)
    rows.each(named["proxy"], lambda codes: asked[codes], "is no proxy of the experiment")
    rows.each(
        named["seconds"], lambda x: (x >= 0) & (x <= LARGEST_MEASURE), "is no time in seconds"
    )
    before = rows.lists(named["before"])
    own = np.repeat(np.arange(len(number)), number)
    ended = (before.values >= 0) & (before.values <= steps[own])
    rows.each(named["before"], lambda _: ended, "is no number of the run's evaluations")
    later = np.concatenate(([True], np.diff(before.values) >= 0))[: len(own)]
    later[before.offsets[:-1][number > 0]] = True
    rows.each(named["before"], lambda _: later, "is less than of the score before it")
    counts = rows.table["scores"].to_numpy()
    rows.refuse(counts != number, "scores", lambda row: f"{counts[row]} of {number[row]} scores")
    totals, seconds = rows.table["score_seconds"].to_numpy(), rows.lists(named["seconds"])
    sums = np.bincount(own, weights=seconds.values, minlength=len(totals))
    rows.refuse(
        ~(np.abs(totals - sums) <= ROUNDING * totals), "score_seconds",
        lambda row: f"{totals[row]} where its list adds up to {sums[row]:g}",
    )  # fmt: skip


def _check_schedule(rows: Rows, workers: int) -> None:
    """Check that each evaluation took as long as it cost, and that their ends are in order."""
    started, finished, cost = (rows.lists(name) for name in ("started", "finished", "seconds"))
    rows.each("worker", lambda x: (x >= 0) & (x < workers), f"is none of {workers} workers")
    rows.each("started", lambda x: (x >= 0) & (x <= LARGEST_MEASURE), "is no time in seconds")
    ends = started.values + cost.values == finished.values
    rows.each("finished", lambda _: ends, "is not when it began and what it cost")
    later = np.concatenate(([True], np.diff(finished.values) >= 0))[: len(ends)]
    later[finished.offsets[:-1][finished.lengths > 0]] = True
    rows.each("finished", lambda _: later, "is before the evaluation that is stored before it")


def _check_totals(rows: Rows, experiment: Experiment) -> None:
    """Check a run's totals against its lists: counts exactly, times up to `ROUNDING`."""
    number, distinct = (rows.table[name].to_numpy() for name in (experiment.task.count, "distinct"))
    rows.refuse(
        (distinct > number) | ((distinct == 0) & (number > 0)), "distinct",
        lambda row: f"{distinct[row]} different ones among {number[row]} evaluations",
    )  # fmt: skip
    for name, parts in _SUMS.items():
        lists, totals = rows.lists(parts), rows.table[name].to_numpy()
        own = np.repeat(np.arange(len(totals)), lists.lengths)
        sums: NDArray[Any] = np.bincount(own, weights=lists.values, minlength=len(totals))
        if name == "clock_seconds" and experiment.task.simulated_workers > 1:
            ends = rows.lists("finished")
            there = ends.lengths > 0
            sums[there] = ends.values[ends.offsets[1:][there] - 1]
        if name == "clock_seconds" and experiment.charges_scores:
            sums = sums + _charged(rows, experiment)
        near = 0 if name in _COUNTS else ROUNDING * totals
        wrong = ~(np.abs(totals - sums) <= near)
        if wrong.any():
            row = int(np.argmax(wrong))
            what = f"{totals[row]} where its list '{parts}' adds up to {sums[row]:g}"
            raise rows.misfit(name, row, what)


def _charged(rows: Rows, experiment: Experiment) -> NDArray[np.float64]:
    """Return what the scores before each run's last evaluation cost on its clock, shape (rows,)."""
    seconds, before = (rows.lists(scored_column(name)) for name in ("seconds", "before"))
    number, steps = seconds.lengths, rows.lists("architecture").lengths
    own = np.repeat(np.arange(len(number)), number)
    weights = np.where(before.values < steps[own], seconds.values, 0.0)
    factor = 0.0 if experiment.proxies is None else experiment.proxies.factor or 0.0
    spent = np.bincount(own, weights=weights, minlength=len(number))
    return np.asarray(factor * spent, dtype=np.float64)


def _check_incumbents(rows: Rows, experiment: Experiment) -> None:
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
    for bound in experiment.task.constraints:
        costs = rows.lists(constraint_column(bound)).values
        met = all_met([bound], costs[signal.offsets[own] + incumbents.values][:, None])
        rows.each("incumbents", partial(_given, met), f"does not meet '{bound}'")
    for dataset in experiment.task.reports:
        for split, one in product(SPLITS, experiment.task.objectives):
            name = verdict_column(split, dataset, one)
            rows.long(name, count, "incumbents")
            rows.each(name, partial(_within, one), f"is no {one.name}")
    if len(experiment.task.objectives) > 1:
        _check_selected(rows)


def _given(found: NDArray[np.bool_], _: NDArray[Any]) -> NDArray[np.bool_]:
    return found


def _check_selected(rows: Rows) -> None:
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

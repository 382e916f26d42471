"""Assembling a table from shards: one row per distinct network, costs per architecture.

Rows are in ascending order of their canonical cell, and the column `rows` maps architectures to
rows. Results of training (accuracies, losses, seeds) have one entry per row. Numbers that depend on
the literal network (parameters, FLOPs, seconds, latency) have one entry per architecture, in index
order. The same trainings give the same bytes, whatever files they are in. A missing number is NaN
and is counted; no number of a training is interpolated.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasbench.benchmarks.tables.columns import (
    Series,
    curve,
    hardware,
    per_epoch_seconds,
    query_seconds,
    row_map,
    seed_count,
    size,
)
from nasbench.benchmarks.tables.info import Array, Column, Quantity, Split, TableInfo
from nasbench.benchmarks.tables.table import Table
from nasbench.benchmarks.training.costs import (
    COSTS,
    PRECISION,
    MeasuredCosts,
    Modelled,
    additive,
    device_name,
    read_costs,
)
from nasbench.benchmarks.training.data import DataSet, Part
from nasbench.benchmarks.training.plan import Plan
from nasbench.benchmarks.training.recipes import Recipe
from nasbench.benchmarks.training.shards import Identity, Trainings, read_shards
from nasbench.errors import DataError
from nasbench.spaces.base import EnumerableSpace
from nasbench.spaces.networks.base import networks_of

Columns = Iterable[tuple[Column, Array]]

COSTS_COMMAND = "nasbench tabulate --costs-only"
"""Command that measures costs and rewrites a table, if given the options it was made with."""

ACCURACY_TYPE = np.float32
LOSS_TYPE = np.float16  # losses are rounded to 11 bits; accuracies are exact
COST_TYPE = np.float32
"""Costs are precise to about a percent, and four bytes keep a table small enough to ship."""

_CURVES = {
    "validation_accuracy": (Split.VALID, Quantity.ACCURACY),
    "validation_loss": (Split.VALID, Quantity.LOSS),
    "test_accuracy": (Split.TEST, Quantity.ACCURACY),
    "test_loss": (Split.TEST, Quantity.LOSS),
    "train_loss": (Split.TRAIN, Quantity.LOSS),
}
_LICENCE = {"digits": "CC BY 4.0"}
_ATTRIBUTION = {
    "digits": (
        "digits: Alpaydin & Kaynak, Optical Recognition of Handwritten Digits, UCI Machine "
        "Learning Repository 1998, https://doi.org/10.24432/C50P49, CC BY 4.0, as bundled with "
        "scikit-learn",
    )
}


def assemble(plan: Plan, name: str | None = None) -> Table:
    """Make a table from all shards and costs of a plan, even if some trainings are missing.

    Its name is `name`, or that of the data set. Raises `DataError` if no training is finished or a
    file is damaged, `InvalidInput` for files of another plan.
    """
    space, data = plan.searched, plan.data()
    classes = networks_of(space).classes
    identity = plan.identity(data)
    trainings = read_shards(plan.folders, identity)
    chosen = np.isin(trainings.seed, plan.seeds)
    if not chosen.any():
        raise DataError(f"no finished training in '{plan.shards}': nothing to assemble")
    costs = [one for folder in plan.folders for one in read_costs(folder, identity)]
    seeds = tuple(sorted(plan.seeds))
    every = np.unique(classes)
    columns = {
        column.name: (column, array)
        for column, array in (
            *_curves(every, trainings, identity, seeds, _read_on(data, plan.recipe)),
            *_sizes(space, identity, plan),
            *_costs(space, costs, identity),
        )
    }
    row_of = np.searchsorted(every, classes)
    row_of = row_of.astype(np.uint16 if len(every) <= 1 << 16 else np.uint32)
    reached = columns[_count(identity, Split.VALID).name][1] > 0
    trained = len(np.unique(trainings.cell[chosen]))
    info = TableInfo(
        name=name or data.name,
        title=f"{_extent(trained, len(every))} trained on {data.name}, recipe {plan.recipe.name}",
        space=space.name,
        rows=len(every),
        cells=int(reached[row_of].sum()),
        licence=_LICENCE.get(data.name, "as the data set's"),
        attribution=_ATTRIBUTION.get(data.name, ()),
        notes=(
            *_notes(identity, trainings, seeds, len(every), costs),
            *(data.found.notes() if data.found is not None else ()),
        ),
        columns=(*(column for column, _ in columns.values()), row_map()),
    )
    arrays = {key: array for key, (_, array) in columns.items()}
    return Table.from_columns(info, {**arrays, row_map().name: row_of})


def _extent(trained: int, rows: int) -> str:
    """Return a text that says how many of the distinct cells were trained."""
    return "every cell" if trained == rows else f"{trained} of {rows} distinct cells"


def _curves(
    every: NDArray[np.integer[Any]],
    trainings: Trainings,
    identity: Identity,
    seeds: Sequence[int],
    read_on: Mapping[Split, int],
) -> Columns:
    """Yield the learning curves of every seed, shape (rows, epochs), and counts of seeds.

    `every` has the canonical index of each row, shape (rows,). `read_on` has the number of images
    on which the curves of a split are evaluated before the last epoch, if it is not all of them.
    """
    epochs = identity.recipe.epochs
    final = {split: np.zeros(len(every), dtype=np.uint8) for split in (Split.VALID, Split.TEST)}
    diverged = np.zeros(len(every), dtype=np.uint8)
    for seed in seeds:
        mine = trainings.seed == seed
        rows = np.searchsorted(every, trainings.cell[mine])
        diverged[rows] += trainings.diverged[mine]
        for source, (split, quantity) in _CURVES.items():
            exact = quantity == Quantity.ACCURACY
            dtype = ACCURACY_TYPE if exact else LOSS_TYPE
            measured = "measured" if exact else "measured, rounded to a 16-bit float"
            if split in read_on:
                measured += f"; on the first {read_on[split]} images, after the last epoch on all"
            array = np.full((len(every), epochs), np.nan, dtype=dtype)
            with np.errstate(over="ignore"):  # a loss beyond 65,504 is infinite
                array[rows] = trainings.curves[source][mine]
            series = Series(identity.dataset, split, quantity, epochs)
            yield curve(series, seed, epochs=epochs, provenance=measured), array
            if quantity == Quantity.ACCURACY:
                final[split] += np.isfinite(array[:, -1])
    for split, count in final.items():
        yield _count(identity, split), count
    column = seed_count(identity.dataset, Split.TRAIN, epochs, provenance="diverged trainings")
    name = f"{identity.dataset}/{Split.TRAIN}/hp{epochs}/diverged"
    yield column.model_copy(update={"name": name}), diverged


def _read_on(data: DataSet, recipe: Recipe) -> dict[Split, int]:
    """Return the number of images of a curve, for the splits that have more images than that."""
    few = recipe.curve_images
    parts = {Split.VALID: Part.VALIDATION, Split.TEST: Part.TEST}
    return {
        split: few
        for split, part in parts.items()
        if few is not None and few < len(data.parts[part].labels)
    }


def _count(identity: Identity, split: Split) -> Column:
    return seed_count(identity.dataset, split, identity.recipe.epochs, provenance="counted")


def _sizes(space: EnumerableSpace, identity: Identity, plan: Plan) -> Columns:
    """Yield parameters and, where known, FLOPs of the literal networks, shape (size,)."""
    data, shape = plan.data().input, plan.recipe.shape
    for name, numbers in networks_of(space).sizes(data, shape).items():
        provenance = "closed form, literal network"
        yield size(identity.dataset, Quantity(name), provenance=provenance), _smallest(numbers)


def _costs(space: EnumerableSpace, costs: Sequence[MeasuredCosts], identity: Identity) -> Columns:
    """Yield the columns of seconds and latency, shape (size,); the first device is the clock.

    A further column per device counts the measurements of each architecture; 0 means that its costs
    are modelled. If two folders have costs of the same device, those of the first are used.
    """
    matrix, dataset, epochs = (
        networks_of(space).cost_features(),
        identity.dataset,
        identity.recipe.epochs,
    )
    seen: set[str] = set()
    for one in costs:
        if one.device in seen:
            continue
        fits = {cost: additive(one.values[cost], one.index, matrix) for cost in COSTS}
        where = _where(one)
        train, valid, latency = (fits[cost] for cost in COSTS)
        first = not seen
        seen.add(one.device)
        for split, fit in ((Split.TRAIN, train), (Split.VALID, valid)):
            column = per_epoch_seconds(dataset, split, provenance=f"{where}; {fit.error}")
            yield _on(column, None if first else one.device), fit.values.astype(COST_TYPE)
        if first:
            error = f"{where}; {epochs} epochs and one validation pass; {train.error}"
            column = query_seconds(dataset, epochs, None, provenance=error)
            # from the rounded columns, so that a query costs exactly their sum
            seconds = epochs * _rounded(train) + _rounded(valid)
            yield _on(column, None), seconds.astype(COST_TYPE)
        column = hardware(
            dataset,
            Quantity.LATENCY,
            one.device,
            provenance=f"{where}; one image; {latency.error}",
        )
        yield _on(column, one.device), latency.values.astype(COST_TYPE)
        rounds = np.zeros(space.size, dtype=np.uint8)
        rounds[one.index] = one.rounds
        yield _repeats(dataset, one.device), rounds


def _on(column: Column, device: str | None) -> Column:
    """Complete the description of a cost; the name of a device other than the clock is added."""
    update: dict[str, Any] = {"fitted": True, "averaging": "median of repeats"}
    if device is not None and column.device is None:
        update |= {"name": f"{column.name}/{device}", "device": device}
    return column.model_copy(update=update)


def _repeats(dataset: str, device: str) -> Column:
    return Column(
        name=f"{dataset}/measured/{device}",
        quantity=Quantity.COUNT,
        unit="repeats",
        dataset=dataset,
        provenance="how often the costs on this device were measured; 0: modelled",
    )


def _where(one: MeasuredCosts) -> str:
    about = one.origin
    kind = "CPU seconds of 1 thread" if about["device"] == "cpu" else "seconds"
    library = f"torch {about['libraries']['torch']}"
    return f"{kind} on {device_name(about)}, {library}, literal network alone"


def _rounded(fit: Modelled) -> NDArray[np.float64]:
    return fit.values.astype(COST_TYPE).astype(np.float64)


def _smallest(numbers: NDArray[np.int64]) -> Array:
    return numbers.astype(np.int32) if numbers.max() < 2**31 else numbers


def _notes(
    identity: Identity,
    trainings: Trainings,
    seeds: Sequence[int],
    rows: int,
    costs: Sequence[MeasuredCosts],
) -> Iterable[str]:
    """Yield the notes for readers of the table; nothing in them depends on the time."""
    mine = np.isin(trainings.seed, seeds)
    said = all("group" in about for about in trainings.origins)
    grouped = f", in groups of {identity.group}" if said else ""
    grouped += ", computed as matrix products" if identity.layout == "products" else ""
    wanted, there = rows * len(seeds), int(mine.sum())
    yield f"trained: recipe {identity.recipe!r}, {identity.precision}, seeds {list(seeds)}{grouped}"
    yield f"data set {identity.dataset}, fingerprint {identity.data}"
    yield f"{rows} distinct networks stand for all architectures: one row each"
    yield f"{there} of {wanted} trainings are there, {int(trainings.diverged[mine].sum())} diverged"
    machines = sorted({_machine(about) for about in trainings.origins})
    yield f"trained on: {'; '.join(machines)}"
    measured = "" if identity.precision == PRECISION else f"; costs were measured in {PRECISION}"
    yield (
        "parameters, FLOPs, seconds and latency are of the literal network, one per architecture"
        + (measured if costs else f"; no costs were measured, `{COSTS_COMMAND}` does")
    )


def _machine(about: dict[str, Any]) -> str:
    libraries = ", ".join(f"{name} {version}" for name, version in about["libraries"].items())
    return f"{device_name(about)} ({about['threads']} threads a worker, {libraries})"

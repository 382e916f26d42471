"""The names of columns, made in one place so that writers and readers agree.

    {dataset}/{split}/hp{schedule}/ep{epoch}/{accuracy|loss}/{mean|seed777}  after that epoch
    {dataset}/{split}/hp{schedule}/curve/{accuracy|loss|seconds}/seed777     after every epoch
    {dataset}/{split}/hp{schedule}/per-epoch/seconds/seed777   the same seconds in every epoch
    {dataset}/{split}/per-epoch/seconds                        the same in every schedule too
    {dataset}/{split}/hp{schedule}/count                       number of training seeds
    {dataset}/query/hp{schedule}/seconds/{mean|seed777}        the whole schedule + one validation
    {dataset}/query/hp{schedule}/ep{epoch}/seconds/{mean|seed777}  its first epochs + one validation
    {dataset}/{params|flops}                                   size of the network
    {dataset}/{latency|energy|intensity}/{device}              hardware
    {dataset}/spread/{latency|energy}/{device}                 deviation of its measurements
    rows                                                       stored row of every index
    indices                                                    index in the space of every row

A table that names its own metrics has them in place of accuracy and loss. `dataset` of
NAS-Bench-201 is the official name: networks of `cifar10-valid` are trained on half of CIFAR-10's
training set, those of `cifar10` on all of it. A `per-epoch` column holds the seconds of one
training epoch if its split is `train`, else those of one evaluation pass.
"""

from typing import NamedTuple

from nasbench.benchmarks.tables.info import Column, Quantity, Split

UNITS: dict[str, str] = {
    Quantity.ACCURACY: "%",
    Quantity.LOSS: "nats",
    Quantity.SECONDS: "s",
    Quantity.PARAMS: "weights",
    Quantity.FLOPS: "multiply-adds",
    Quantity.LATENCY: "ms",
    Quantity.ENERGY: "mJ",
    Quantity.INTENSITY: "operations per byte",
    Quantity.SPREAD: "",
    Quantity.COUNT: "seeds",
    Quantity.ROW: "row",
    Quantity.INDEX: "index",
}


class Series(NamedTuple):
    """A measured quantity on one data set and split, under one training schedule."""

    dataset: str  # official name
    split: Split
    quantity: str
    schedule: int


BEST_EPOCH = "best over epochs"
"""`Column.averaging` of a number that is the best over the epochs of its training."""
ON_TEST_IMAGES = "on the test images"
"""Beginning of `Column.provenance` of validation values that were measured on the test images."""
ROWS = "rows"
"""Name of the column that maps an architecture's index to its stored row."""
INDICES = "indices"
"""Name of the column of a pool: the index in the space of every stored row, ascending."""


def _who(seed: int | None) -> str:
    return "mean" if seed is None else f"seed{seed}"


def _averaging(seed: int | None, averaging: str) -> str:
    return averaging or ("none" if seed is not None else "mean over seeds")


def after_epoch(
    series: Series,
    epoch: int,
    seed: int | None,
    *,
    unit: str = "",
    averaging: str = "",
    provenance: str = "",
) -> Column:
    """Return the column of one measurement after `epoch` of a training schedule."""
    return _measurement(series, f"ep{epoch}", seed, unit).model_copy(
        update={
            "epochs": epoch,
            "averaging": _averaging(seed, averaging),
            "provenance": provenance,
        }
    )


def curve(series: Series, seed: int, *, epochs: int, provenance: str = "") -> Column:
    """Return the column of a learning curve: a number after every epoch, shape (rows, epochs)."""
    return _measurement(series, "curve", seed).model_copy(
        update={"epochs": epochs, "curve": True, "provenance": provenance}
    )


def _measurement(series: Series, when: str, seed: int | None, unit: str = "") -> Column:
    dataset, split, quantity, schedule = series
    return Column(
        name=f"{dataset}/{split}/hp{schedule}/{when}/{quantity}/{_who(seed)}",
        quantity=quantity,
        unit=unit or UNITS.get(quantity, ""),
        dataset=dataset,
        split=split,
        schedule=schedule,
        seed=seed,
    )


def per_epoch_seconds(
    dataset: str,
    split: Split,
    *,
    schedule: int | None = None,
    seed: int | None = None,
    provenance: str = "",
    fitted: bool = False,
) -> Column:
    """Return the column of the seconds of one training epoch or one evaluation pass."""
    name = f"{dataset}/{split}/per-epoch/seconds"
    if schedule is not None:
        name = f"{dataset}/{split}/hp{schedule}/per-epoch/seconds/{_who(seed)}"
    return Column(
        name=name,
        quantity=Quantity.SECONDS,
        unit=UNITS[Quantity.SECONDS],
        dataset=dataset,
        split=split,
        schedule=schedule,
        seed=seed,
        averaging="mean over epochs" if schedule is None else "none",
        provenance=provenance,
        fitted=fitted,
    )


def query_seconds(
    dataset: str,
    schedule: int,
    seed: int | None,
    *,
    epochs: int | None = None,
    provenance: str = "",
    fitted: bool = False,
) -> Column:
    """Return the column of a query's cost: training for a schedule plus one validation pass.

    With `epochs`, the training is only the first `epochs` of the schedule.
    """
    epochs = schedule if epochs is None else epochs
    part = "" if epochs == schedule else f"/ep{epochs}"
    return Column(
        name=f"{dataset}/query/hp{schedule}{part}/seconds/{_who(seed)}",
        quantity=Quantity.SECONDS,
        unit=UNITS[Quantity.SECONDS],
        dataset=dataset,
        schedule=schedule,
        epochs=epochs,
        seed=seed,
        averaging=_averaging(seed, ""),
        provenance=provenance,
        fitted=fitted,
    )


def seed_count(dataset: str, split: Split, schedule: int, *, provenance: str = "") -> Column:
    """Return the column of the number of training seeds of each architecture."""
    return Column(
        name=f"{dataset}/{split}/hp{schedule}/count",
        quantity=Quantity.COUNT,
        unit=UNITS[Quantity.COUNT],
        dataset=dataset,
        split=split,
        schedule=schedule,
        provenance=provenance,
    )


def size(dataset: str, quantity: Quantity, *, provenance: str = "") -> Column:
    """Return the column of a network's parameters or FLOPs."""
    return Column(
        name=f"{dataset}/{quantity}",
        quantity=quantity,
        unit=UNITS[quantity],
        dataset=dataset,
        provenance=provenance,
    )


def hardware(
    dataset: str, quantity: Quantity, device: str, *, unit: str = "", provenance: str = ""
) -> Column:
    """Return the column of a hardware cost (latency, energy, intensity) on one device."""
    return Column(
        name=f"{dataset}/{quantity}/{device}",
        quantity=quantity,
        unit=unit or UNITS[quantity],
        dataset=dataset,
        device=device,
        provenance=provenance,
    )


def spread(dataset: str, quantity: Quantity, device: str, *, unit: str = "") -> Column:
    """Return the column of the standard deviation of a hardware cost over its measurements."""
    return Column(
        name=f"{dataset}/{Quantity.SPREAD}/{quantity}/{device}",
        quantity=Quantity.SPREAD,
        unit=unit or UNITS[quantity],
        dataset=dataset,
        device=device,
        averaging="standard deviation",
    )


def row_map() -> Column:
    """Return the column that maps each architecture's index to its stored row."""
    return Column(
        name=ROWS,
        quantity=Quantity.ROW,
        unit=UNITS[Quantity.ROW],
        provenance="architectures of one row share it, or are missing",
    )


def pool() -> Column:
    """Return the column of the indices of a pool's architectures, which ascend."""
    return Column(
        name=INDICES,
        quantity=Quantity.INDEX,
        unit=UNITS[Quantity.INDEX],
        provenance="the architectures that the table has, all that a search of it can ask for",
    )

"""The description of a table, which is part of its file: columns, sources, metrics, protocols."""

import hashlib
import json
import math
from enum import StrEnum
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from nasbench.errors import DataError
from nasbench.problem import Metric

DTYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "U16": "<u2",
    "I8": "|i1",
    "U8": "|u1",
}
"""Types of numbers that a table can hold: their name in safetensors, and NumPy's."""
_NAMES = {np.dtype(code): name for name, code in DTYPES.items()}
_NO_HASH = "0" * 64

Array = NDArray[Any]


class Split(StrEnum):
    """The images that a number was measured on."""

    TRAIN = "train"
    VALID = "valid"
    TEST = "test"
    POOLED = "pooled"  #: validation and test images together; a search may not see it either


class Quantity(StrEnum):
    """What a number measures, unless it is a metric that the table itself defines."""

    ACCURACY = "accuracy"
    LOSS = "loss"
    SECONDS = "seconds"
    PARAMS = "params"
    FLOPS = "flops"
    LATENCY = "latency"
    ENERGY = "energy"
    INTENSITY = "intensity"
    SPREAD = "spread"
    COUNT = "count"
    ROW = "row"
    INDEX = "indices"


RESERVED = (set(Quantity) - {Quantity.ACCURACY, Quantity.LOSS}) | set(Split)
"""Names that a metric of a table cannot have."""


class _Stored(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Column(_Stored):
    """The description of one column; the writer fills in `dtype`, `shape` and `sha256`."""

    name: str
    quantity: str  #: a `Quantity`, or the name of a metric that the table defines
    unit: str
    dataset: str | None = None  #: the data set's name in columns, see `TableInfo.datasets`
    split: Split | None = None
    schedule: int | None = None  #: length of the training schedule in epochs, the official `hp`
    epochs: int | None = None  #: epochs trained before the measurement; for a curve, its length
    curve: bool = False  #: whether it has a number after every epoch, shape (rows, epochs)
    seed: int | None = None
    device: str | None = None
    averaging: str = "none"
    provenance: str = ""
    fitted: bool = False  #: from a fitted formula, not measured
    dtype: str = ""
    shape: tuple[int, ...] = ()
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] = _NO_HASH


class Source(_Stored):
    """A file the table was made from."""

    url: str
    commit: str | None = None
    sha256: str
    licence: str
    taken: str  #: what was taken from it


class TableMetric(_Stored):
    """A metric that a table defines: `nasbench.Metric`, with None for a bound that is infinite."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9 ._-]{0,63}$")]
    direction: Literal["max", "min"]
    unit: str = ""
    low: float | None = None
    high: float | None = None

    @classmethod
    def of(cls, metric: Metric) -> "TableMetric":
        """Return a `Metric` in the form that a table stores."""
        bounds = {"low": metric.low, "high": metric.high}
        finite = {name: one for name, one in bounds.items() if math.isfinite(one)}
        return cls(name=metric.name, direction=metric.direction, unit=metric.unit, **finite)

    def metric(self) -> Metric:
        """Return it as a `nasbench.Metric`."""
        low = -math.inf if self.low is None else self.low
        high = math.inf if self.high is None else self.high
        return Metric(self.name, self.direction, self.unit, low, high)


class TableProtocol(_Stored):
    """A protocol stored in a table: `nasbench.Protocol` without its space and table."""

    model_config = ConfigDict(populate_by_name=True)

    name: str
    source: str
    schedule: Annotated[int, Field(ge=1)]
    epochs: Annotated[int, Field(ge=1)]
    final_schedule: Annotated[int, Field(ge=1)]
    seconds: dict[str, float]
    reports: dict[str, tuple[str, ...]]
    evaluations: dict[str, Annotated[int, Field(ge=1)]] = {}
    lengths: dict[str, Annotated[int, Field(ge=1)]] = {}
    signal: Literal["mean", "random"] = Field("mean", alias="trials")
    repeats: Literal["charge", "free"] = "charge"


class TableInfo(_Stored):
    """The description of a table: its space, its sources, its columns, metrics and protocols."""

    schema_version: int = 1
    name: str
    title: str
    space: str
    rows: int  #: number of stored rows
    cells: int  #: number of architectures that have any number
    licence: str
    attribution: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    sources: tuple[Source, ...] = ()
    columns: tuple[Column, ...] = ()
    metrics: tuple[TableMetric, ...] = ()  #: metrics it defines; if empty, `earlier.METRICS`
    datasets: dict[str, str] = {}  #: data set -> name of its columns that a search sees, if other
    protocols: tuple[TableProtocol, ...] = ()  #: the first is the default of a search
    titles: dict[str, str] = {}  #: data set -> name for readers, such as `CIFAR-10`
    bibtex: str = ""  #: entries of the papers to cite, with an empty line between two
    images: dict[str, str] = {}  #: data set -> name of its images, if other data sets have them too
    separate: bool = False  #: whether numbers of epochs are trainings that do not continue another

    @model_validator(mode="after")
    def _fits_together(self) -> "TableInfo":
        later = self.metrics or self.datasets or self.protocols or self.titles
        if self.schema_version < 2 and later:
            raise ValueError("metrics, data sets, protocols and titles need schema version 2")
        newest = (
            self.bibtex
            or self.images
            or self.separate
            or any(one.evaluations or one.lengths for one in self.protocols)
            or any(one.quantity == Quantity.INDEX for one in self.columns)
        )
        if self.schema_version < 3 and newest:
            raise ValueError(
                "BibTeX, names of images, separate trainings, budgets in evaluations and pools of "
                "architectures need schema version 3"
            )
        names = [one.name for one in self.metrics]
        if len(set(names)) < len(names):
            raise ValueError("two metrics have one name")
        for name in names:
            if name in RESERVED:
                raise ValueError(
                    f"'{name}' is no name of a metric: tables have other columns of it"
                )
        if len({one.name for one in self.columns}) < len(self.columns):
            raise ValueError("two columns have one name")
        return self

    def canonical(self) -> str:
        """Return the canonical JSON text of this description, from which the hash is computed.

        Fields that earlier schemas lack are left out where empty, so that older tables keep their
        hash.
        """
        values = self.model_dump(mode="json", by_alias=True)
        for protocol in values["protocols"]:
            for name in ("evaluations", "lengths"):
                if not protocol[name]:
                    del protocol[name]
        for name in ("metrics", "datasets", "protocols", "titles", "bibtex", "images", "separate"):
            if not values[name]:
                del values[name]
        return json.dumps(values, sort_keys=True, separators=(",", ":"))


def hash_of(info: TableInfo) -> str:
    """Return a table's hash: the SHA-256 of its canonical metadata."""
    return hashlib.sha256(info.canonical().encode()).hexdigest()


def describe(column: Column, array: Array) -> Column:
    """Return `column` with the dtype, shape and hash of its data."""
    return column.model_copy(
        update={
            "dtype": dtype_name(array.dtype),
            "shape": array.shape,
            "sha256": hashlib.sha256(np.ascontiguousarray(array).data).hexdigest(),
        }
    )


def first_mistake(error: ValidationError) -> tuple[str, str]:
    """Return the first mistake in a description: its field, such as `columns.0.name`, and why."""
    first = error.errors()[0]
    return ".".join(str(part) for part in first["loc"]), first["msg"]


def dtype_name(dtype: np.dtype[Any]) -> str:
    """Return the safetensors name of a dtype; `DataError` for one that a table cannot hold."""
    try:
        return _NAMES[dtype]
    except KeyError:
        raise DataError(f"a table cannot hold numbers of type '{dtype}'") from None

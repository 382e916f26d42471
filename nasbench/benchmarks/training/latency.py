"""Latency of operations, measured on this machine, and cost tables for one-shot searches.

The latency is that of inference on one image (or a batch), in milliseconds. What is timed, a space
says (`Networks.timing`): of NAS-Bench-201, a cell for each operation and stage, which has this
operation on all edges, and the network around the cells. On a CPU this is the CPU time of one
thread, so that other work on the machine does not count. The latency of a network is then predicted
as a sum over its parts. The error of these sums for whole networks is measured as well, and kept
with the latencies.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.stats import spearmanr

from nasbench import limits
from nasbench.benchmarks.catalogue import load_table
from nasbench.benchmarks.places import data_folder
from nasbench.benchmarks.tables.costs import per_architecture
from nasbench.benchmarks.training.costs import (
    THREADS,
    device_clock,
    device_name,
    device_slug,
    machine,
    sample,
)
from nasbench.benchmarks.training.failures import device_failures
from nasbench.benchmarks.training.streams import initialisation
from nasbench.benchmarks.training.threads import torch_threads
from nasbench.benchmarks.training.train import find_device
from nasbench.errors import DataError, InvalidInput
from nasbench.files import atomic_write
from nasbench.randomness import Random
from nasbench.spaces.base import Architecture, EnumerableSpace, Space
from nasbench.spaces.categorical import CategoricalSpace
from nasbench.spaces.inputs import Input
from nasbench.spaces.networks.base import Shape, networks_of
from nasbench.spaces.networks.lookup import Lookup, fitted
from nasbench.spaces.networks.timing import TimedPart

MULTIPLY_ADDS = "multiply-adds"
"""Name of the cost that needs no measurement."""
ROUNDS = 20
CHECKED = 30
"""Number of whole networks that the sums are compared with."""
_LEAST_SECONDS = 0.001
_COUNTED = 1_000_000
"""Largest space whose architectures are drawn without replacement."""
_FIRST_SPACE = "nb201"
"""The space of latencies that name none: earlier versions measured no other."""


@dataclass(frozen=True)
class Latencies:
    """The latency of each operation, for one network shape on one device, in milliseconds."""

    side: int
    channels: int
    classes: int
    width: int  #: C of the first stage
    cells: int  #: N per stage
    batch: int
    operations: tuple[tuple[float, ...], ...]
    """Latency of operations, shape (rows, operations): see `Timing`. Of NAS-Bench-201, rows are
    stages, and the latency is that of an operation on one edge of one cell."""
    frame: float
    """Latency of the layers that all architectures share."""
    error: float
    """Mean relative error of the sums, compared with the latency of whole networks."""
    correlation: float
    """Spearman's rank correlation between the sums and the latency of whole networks."""
    machine: dict[str, Any]
    space: str = _FIRST_SPACE

    @property
    def place(self) -> str:
        """The device's name; for a CPU it is that of the processor."""
        return device_name(self.machine)

    def lookup(self, space: Space) -> Lookup:
        """Return the cost of every operation in the whole network, in ms."""
        shape = Shape(self.width, self.cells)
        return networks_of(space).lookup_of(np.array(self.operations), self.frame, shape, "ms")

    @property
    def name(self) -> str:
        """Device, shape, and a hash of all fields, so that a name stands for exact numbers."""
        digest = hashlib.sha256(self._text().encode()).hexdigest()[:8]
        shape = f"c{self.width}n{self.cells}-{self.side}x{self.side}"
        return f"{device_slug(self.machine)}-{shape}-{digest}"

    def _text(self) -> str:
        """Return all fields as JSON, without the space where an earlier version named none."""
        values = asdict(self)
        if self.space == _FIRST_SPACE:
            del values["space"]
        return json.dumps(values, sort_keys=True)

    def save(self) -> Path:
        """Write the latencies to the file where `find_lookup` looks for them; return its path."""
        path = _folder() / f"{self.name}.json"
        with atomic_write(path) as file:
            file.write(self._text().encode())
        return path

    @classmethod
    def load(cls, name: str) -> "Latencies":
        """Read the latencies saved as `name`.

        Raises `InvalidInput`, which lists the known names, for an unknown name; `DataError` for a
        file that is damaged or was changed.
        """
        path = _folder() / f"{name}.json"
        try:
            found = cls(**json.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            raise InvalidInput(
                f"cost '{name}' is unknown: use {MULTIPLY_ADDS}, a table's column such as "
                "nb201-hw:cifar10/latency/pixel3, or what `nasbench latency` has measured: "
                f"{', '.join(measured()) or 'nothing yet'}"
            ) from None
        except (OSError, ValueError, TypeError) as error:
            raise DataError(f"'{path}' cannot be read: remove it and measure again") from error
        if found.name != name:
            raise DataError(f"'{path}' has been changed: remove it and measure again")
        return found


def _folder() -> Path:
    return data_folder() / "latency"


def measured() -> list[str]:
    """Return the names of all latencies saved in the data folder, sorted."""
    return sorted(path.stem for path in _folder().glob("*.json"))


def measure(
    space: Space,
    data: Input,
    shape: Shape,
    *,
    batch: int = 1,
    device: str = "cpu",
    rounds: int = ROUNDS,
) -> Latencies:
    """Measure every operation of a space, the layers around, and some whole networks.

    Each is measured once per round, and the median over `rounds` is taken. Raises `InvalidInput`
    for a space without networks or decisions, for a device that does not exist, and for invalid
    numbers of images or rounds.
    """
    batch, rounds = limits.BATCH.check(batch), limits.ROUNDS.check(rounds)
    place, networks = find_device(device), networks_of(space)
    timing = networks.timing(data, shape)
    with torch_threads(THREADS), device_failures(place, f"--batch (now {batch})"):
        chosen = drawn(space)
        generator = initialisation(0, 0)
        wholes = [
            TimedPart(networks.build_literal(one, data, shape, generator=generator), _image(data))
            for one in chosen
        ]
        calls = [_call(part, batch, place) for part in (*timing.parts, *wholes)]
        times = np.zeros((rounds, len(calls)))
        clock = device_clock(place)
        with torch.no_grad():
            for turn in range(rounds):
                for column, call in enumerate(calls):
                    times[turn, column] = _milliseconds(call, clock)
    medians = np.median(times, axis=0)
    operations, frame = timing.operations(medians[: len(timing.parts)])
    truth = medians[len(timing.parts) :]
    lookup = networks.lookup_of(operations, frame, shape, "ms")
    sizes = space.sizes if isinstance(space, CategoricalSpace) else ()
    cheapest = [row[:size].min() for row, size in zip(lookup.table, sizes, strict=False)]
    least = lookup.constant + float(np.sum(cheapest))
    if not least > 0:
        raise InvalidInput(
            f"latencies of space '{space.name}' do not add up: some network would take {least:.3g} "
            "ms. Let its networks say what is timed (docs/space.md), or give --rounds more"
        )
    sums = np.array([lookup.of(cell) for cell in chosen])
    return Latencies(
        data.side, data.channels, data.classes, shape.channels, shape.cells, batch,
        tuple(tuple(row) for row in operations.tolist()), frame,
        error=float(np.mean(np.abs(sums - truth) / truth)),
        correlation=float(spearmanr(sums, truth).statistic),
        machine=machine(device),
        space=space.name,
    )  # fmt: skip


def find_lookup(name: str, space: Space, data: Input, shape: Shape) -> Lookup:
    """Return the cost of every operation, from the source called `name`, for networks of a shape.

    `name` is `multiply-adds`; `TABLE:COLUMN`, a hardware column of a table, whose networks may have
    another shape; or a name that `nasbench latency` saved, whose shape must be this one. Raises
    `InvalidInput` for other names and shapes, `DataError` for a column with missing numbers.
    """
    if name == MULTIPLY_ADDS:
        return networks_of(space).multiply_adds(data, shape)
    if not isinstance(space, CategoricalSpace):
        raise InvalidInput(
            f"cost '{name}': space '{space.name}' is no product of decisions, so its costs are no "
            "sum over them"
        )
    table, colon, column = name.partition(":")
    if colon:
        return _column(table, column, space)
    found = Latencies.load(name)
    if found.space != space.name:
        raise InvalidInput(
            f"cost '{name}' is of space '{found.space}', and the search of '{space.name}': measure "
            f"that with `nasbench latency --space {space.name}`"
        )
    theirs = (found.side, found.channels, found.classes, found.width, found.cells)
    if theirs != (*data, shape.channels, shape.cells):
        raise InvalidInput(
            f"cost '{name}' is of images {found.side}x{found.side}x{found.channels}, "
            f"{found.classes} classes, C={found.width}, N={found.cells}, and the supernet of "
            f"{data.side}x{data.side}x{data.channels}, {data.classes} classes, "
            f"C={shape.channels}, N={shape.cells}: measure that with `nasbench latency`"
        )
    return found.lookup(space)


def _column(name: str, column: str, space: CategoricalSpace) -> Lookup:
    """Fit the cost of each operation to a hardware column of a table."""
    quantity = {"latency": "ms", "energy": "mJ"}
    parts = column.split("/")
    if len(parts) != 3 or parts[1] not in quantity:
        raise InvalidInput(
            f"cost '{name}:{column}': write TABLE:DATASET/latency/DEVICE or "
            "TABLE:DATASET/energy/DEVICE, such as nb201-hw:cifar10/latency/pixel3"
        )
    dataset, kind, device = parts
    table = load_table(name)
    if table.space.name != space.name:
        raise InvalidInput(f"cost '{name}:{column}' is of space '{table.space.name}'")
    read = table.search.latency if kind == "latency" else table.search.energy
    costs = per_architecture(read(dataset, device).astype(np.float64), table.rows)
    unknown = int((~(costs >= 0)).sum())
    if unknown:
        raise DataError(
            f"cost '{name}:{column}' has no figure for {unknown} architectures, so that no effects "
            "of operations can be taken from it: choose another device"
        )
    if not np.isfinite(costs).all():
        raise DataError(f"cost '{name}:{column}' has no number for some architectures")
    return fitted(space, costs, quantity[kind])[0]


def drawn(space: Space) -> list[Architecture]:
    """Return the whole networks that sums are compared with: the same for every measurement."""
    if isinstance(space, EnumerableSpace) and space.size <= _COUNTED:
        return [space.architecture(index) for index in sample(space, min(CHECKED, space.size))]
    random = Random(0)
    return [space.sample(random) for _ in range(CHECKED)]


def _image(data: Input) -> tuple[int, int, int]:
    return data.channels, data.side, data.side


def _call(part: TimedPart, batch: int, device: torch.device) -> Callable[[], object]:
    """Return the forward pass of a part on a batch of equal images."""
    return partial(part.module.eval().to(device), torch.ones(batch, *part.image, device=device))


def _milliseconds(call: Callable[[], object], clock: Callable[[], float]) -> float:
    """Return the milliseconds of a call: a mean over repeated calls that take at least 1 ms."""
    call()  # fills the caches
    done, start = 0, clock()
    while True:
        call()
        done += 1
        spent = clock() - start
        if spent >= _LEAST_SECONDS:
            return 1000 * spent / done

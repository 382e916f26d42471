"""Costs of single networks, measured on a sample of cells and modelled for the others.

A network is measured alone, not in a group, and in its literal form (all operations of the string,
dead ones too): seconds of a training epoch, seconds of a pass over all validation images, and
milliseconds of inference on one image. On a CPU these are CPU seconds of one thread, so that other
work on the machine does not count; on a GPU they are wall seconds between synchronisations. Every
cell is measured once per round, in rounds over the whole sample, and the median is taken.

The model is a linear sum over the features of `Networks.cost_features`, fitted by least squares.
"""

import dataclasses
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray

from nasbench.benchmarks.training.data import DataSet, Part
from nasbench.benchmarks.training.devices import accelerator
from nasbench.benchmarks.training.failures import device_failures
from nasbench.benchmarks.training.recipes import Recipe
from nasbench.benchmarks.training.shards import (
    Identity,
    damaged,
    origin,
    read_parquet,
    write_parquet,
)
from nasbench.benchmarks.training.streams import initialisation
from nasbench.benchmarks.training.threads import torch_threads
from nasbench.benchmarks.training.train import One, Training, find_device
from nasbench.errors import DataError, InvalidInput
from nasbench.provenance import processor
from nasbench.spaces import get_enumerable
from nasbench.spaces.base import EnumerableSpace
from nasbench.spaces.networks.base import networks_of

COSTS = ("epoch_seconds", "validation_seconds", "latency_ms")
THREADS = 1
ROUNDS = 3
PRECISION = "float32"
"""Precision in which costs are measured, whatever that of the trainings of a table."""
_SAMPLE, _FOLDS = 202, 10
_KEPT_EVERY = 60.0
"""Seconds after which new measurements are written to the file."""
_INFERENCES = 20

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class MeasuredCosts:
    """Measured costs of n cells on one device.

    `index` has their indices, `rounds` the number of measurements of each, and `values` maps each
    of `COSTS` to medians over rounds; all shapes are (n,).
    """

    device: str
    index: NDArray[np.int64]
    rounds: NDArray[np.int64]
    values: dict[str, Floats]
    origin: dict[str, Any]


class Modelled(NamedTuple):
    """One cost of every architecture, and the error of the model on held-out cells."""

    values: Floats  # shape (size of the space,): measured, else modelled
    error: str  # a text


def sample(space: EnumerableSpace, number: int) -> list[int]:
    """Return the indices of `number` random cells; a larger sample begins with the smaller one.

    Raises `InvalidInput` unless `number` is from 1 to the size of the space.
    """
    if not 1 <= number <= space.size:
        raise InvalidInput(f"costs {number}: the space has 1 to {space.size} cells")
    order = np.random.default_rng(_SAMPLE).permutation(space.size)
    return [int(index) for index in order[:number]]


def additive(known: Floats, index: NDArray[np.int64], matrix: Floats) -> Modelled:
    """Fit the costs `known` (n,) of the cells `index` (n,) on features `matrix` (size, features).

    Measured costs are kept, the others are modelled. The stated error is from 10-fold
    cross-validation. Raises `DataError` if the model gives a cost of 0 or less.
    """
    rows = matrix[index]
    held_out = np.full(len(known), np.nan)
    order = np.random.default_rng(_SAMPLE).permutation(len(known))
    folds = min(_FOLDS, len(known))
    for fold in range(folds if len(known) > 1 else 0):
        test = order[fold::folds]
        train = np.setdiff1d(order, test)
        held_out[test] = rows[test] @ _solve(rows[train], known[train])
    values = matrix @ _solve(rows, known)
    values[index] = known
    if values.min() <= 0:
        raise DataError(
            f"costs of {len(known)} cells are too few for a model of the rest (it goes below 0): "
            "measure more with --costs"
        )
    relative = np.abs(held_out - known) / known
    spread = np.square(known - known.mean()).sum()
    explained = 1 - np.square(held_out - known).sum() / spread if spread else float("nan")
    error = (
        f"held-out error of the additive model over {len(known)} measured cells: "
        f"mean {100 * relative.mean():.1f} %, largest {100 * relative.max():.1f} %, "
        f"R2 {explained:.3f}"
    )
    return Modelled(values, error)


def measure(
    space: EnumerableSpace,
    data: DataSet,
    recipe: Recipe,
    folder: Path,
    number: int,
    *,
    device: str = "cpu",
    rounds: int = ROUNDS,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Measure the costs of `number` cells that are missing in `folder`; return the file's path.

    The file is also written about once a minute. `progress` is called with the numbers of finished
    and of wanted measurements. Raises `InvalidInput` if the existing file is of another processor,
    device, space, recipe or data set, `DataError` if it is damaged.
    """
    find_device(device)
    path = folder / f"costs-{torch.device(device).type}.parquet"
    identity, here = Identity.of(space.name, data, recipe, PRECISION), machine(device)
    known = _read(path, identity) if path.exists() else {}
    if path.exists():
        there = read_parquet(path)[1]["origin"]
        if (there["processor"], there["device"]) != (here["processor"], here["device"]):
            raise InvalidInput(
                f"'{path}' was measured on {there['device']} of {there['processor']}, here is "
                f"{here['device']} of {here['processor']}: go on there, or remove it"
            )
    wanted = [(index, turn) for turn in range(rounds) for index in sample(space, number)]
    missing = [one for one in wanted if one not in known]
    written = time.monotonic()
    try:
        lower = f"the batch (now {recipe.batch})"
        with torch_threads(THREADS), device_failures(device, lower):
            if missing:  # the first training of a process prepares what later ones reuse
                _costs(space, missing[0][0], data, recipe, device)
            for done, (index, turn) in enumerate(missing):
                known[index, turn] = _costs(space, index, data, recipe, device)
                if progress is not None:
                    progress(len(wanted) - len(missing) + done + 1, len(wanted))
                if time.monotonic() - written > _KEPT_EVERY:
                    _write(path, known, identity, here)
                    written = time.monotonic()
    finally:
        if known:
            _write(path, known, identity, here)
    return path


def read_costs(folder: Path, identity: Identity) -> list[MeasuredCosts]:
    """Return the costs measured on each device, the CPU first.

    `identity` is that of the trainings, which may have another precision than costs have.
    """
    identity, found = dataclasses.replace(identity, precision=PRECISION), []
    for path in sorted(folder.glob("costs-*.parquet"), key=lambda p: (p.stem != "costs-cpu", p)):
        known, about = _read(path, identity), read_parquet(path)[1]["origin"]
        index = np.unique([index for index, _ in known])
        by_cell = [np.array([v for (i, _), v in known.items() if i == one]) for one in index]
        medians = np.array([np.median(rounds, axis=0) for rounds in by_cell])
        values = {name: medians[:, i] for i, name in enumerate(COSTS)}
        rounds = np.array([len(one) for one in by_cell], dtype=np.int64)
        found.append(
            MeasuredCosts(device_slug(about), index.astype(np.int64), rounds, values, about)
        )
    return found


def machine(device: str) -> dict[str, Any]:
    """Return the record of the machine, device and software of a measurement of costs."""
    about = origin(accelerator(device) or device, THREADS, 0.0)
    return {**about, "processor": processor()}


def _costs(
    space: EnumerableSpace, index: int, data: DataSet, recipe: Recipe, device: str
) -> tuple[float, ...]:
    """Measure the three `COSTS` of one cell once."""
    network = networks_of(space).build_literal(
        space.architecture(index), data.input, recipe.shape, generator=initialisation(index, 0)
    )
    training = Training(One(network), [str(index)], 0, data, recipe, device=device)
    clock = device_clock(training.device)
    start = clock()
    training.train_epoch()
    epoch = clock() - start
    training.epoch = recipe.epochs  # only after the last epoch are all images used
    start = clock()
    training.evaluate(Part.VALIDATION)
    validation = clock() - start
    return epoch, validation, _latency(training, clock)


@torch.no_grad()
def _latency(training: Training, clock: Callable[[], float]) -> float:
    """Return the median milliseconds of inference on one image."""
    image = training.data.parts[Part.VALIDATION].images[:1]
    times = []
    for _ in range(_INFERENCES):
        start = clock()
        training.network(image)
        times.append(clock() - start)
    return 1000 * float(np.median(times))


def device_clock(device: torch.device) -> Callable[[], float]:
    """Return the clock of a device.

    It counts CPU seconds of this process, or, for a GPU, wall seconds after synchronising it.
    """
    if device.type != "cuda":
        return time.process_time

    def synchronised() -> float:
        torch.cuda.synchronize(device)
        return time.perf_counter()

    return synchronised


def _solve(matrix: Floats, values: Floats) -> Floats:
    return np.asarray(np.linalg.lstsq(matrix, values, rcond=None)[0], dtype=np.float64)


def _write(
    path: Path,
    known: dict[tuple[int, int], tuple[float, ...]],
    identity: Identity,
    about: dict[str, Any],
) -> None:
    keys = sorted(known)
    columns = {
        "index": pa.array([index for index, _ in keys], pa.int32()),
        "round": pa.array([turn for _, turn in keys], pa.int32()),
    }
    for i, name in enumerate(COSTS):
        columns[name] = pa.array([known[key][i] for key in keys], pa.float64())
    write_parquet(path, columns, {"identity": identity.to_json(), "origin": about})


def _read(path: Path, identity: Identity) -> dict[tuple[int, int], tuple[float, ...]]:
    table, about = read_parquet(path)
    identity.check(about["identity"], path)
    try:
        index, turn = (table[name].cast(pa.int64()).to_numpy() for name in ("index", "round"))
        values = [table[name].cast(pa.float64()).to_numpy() for name in COSTS]
        if not (
            len(index) and 0 <= index.min() <= index.max() < get_enumerable(identity.space).size
        ):
            raise ValueError("column 'index' has what is no cell of the space")
        if turn.min() < 0 or not all((one > 0).all() and np.isfinite(one).all() for one in values):
            raise ValueError("a cost is not above 0, or of no round")
    except (KeyError, ValueError, pa.ArrowException) as error:
        raise damaged(path, " ".join(str(error).split())) from error
    keys = zip(index.tolist(), turn.tolist(), strict=True)
    return dict(zip(keys, zip(*(one.tolist() for one in values), strict=True), strict=True))


def device_name(about: Mapping[str, Any]) -> str:
    """Return the name of a device; for a CPU it is that of the processor."""
    return str(about["processor" if about["device"] == "cpu" else "device"])


def device_slug(about: Mapping[str, Any]) -> str:
    """Return a device's name in the form that columns and files use: `a-z`, digits and `-`."""
    return re.sub(r"[^a-z0-9]+", "-", device_name(about).lower()).strip("-")

"""Measuring the real seconds of a training epoch on this device, to compare with a table's.

The networks are literal and trained one at a time, like those of the table's costs, with the
default recipe of the data set. A few steps are timed and scaled to an epoch. For the official data
sets of NAS-Bench-201 the images are blank ones of the same size, which take as long, so that no
files are needed.
"""

import time
from dataclasses import replace

import numpy as np
import torch

from nasbench import limits
from nasbench.benchmarks.calibration import Calibration
from nasbench.benchmarks.tables.costs import per_architecture
from nasbench.benchmarks.tables.table import Table
from nasbench.benchmarks.training.catalogue import default_recipe, find_input, load_data
from nasbench.benchmarks.training.data import DataSet, Images, Part
from nasbench.benchmarks.training.recipes import Recipe, recipe
from nasbench.benchmarks.training.streams import initialisation
from nasbench.benchmarks.training.threads import torch_threads
from nasbench.benchmarks.training.train import One, Training
from nasbench.errors import DataError
from nasbench.provenance import processor
from nasbench.spaces.base import EnumerableSpace
from nasbench.spaces.inputs import Input
from nasbench.spaces.nb201 import INPUTS
from nasbench.spaces.networks.base import networks_of

CELLS = 5
_IMAGES = {"cifar10": 25_000, "cifar100": 50_000, "ImageNet16-120": 151_700}
"""Number of images in an epoch that the official tables' seconds are of."""
_STEPS = 3
_SECONDS = 2.0
"""Least time in seconds for which the steps of a cell are repeated."""


def calibrate(
    table: Table,
    dataset: str,
    *,
    device: str = "cpu",
    threads: int = 1,
    cells: int = CELLS,
) -> Calibration:
    """Time training steps of a few cells and compare them with the table's seconds of an epoch.

    The cells are spread evenly over the table's seconds, from the fastest to the slowest. Raises
    `DataError` if the table has no seconds of an epoch, `InvalidInput` if its space has no networks
    to train or for invalid numbers of cells or threads.
    """
    space = table.space
    networks_of(space)  # `InvalidInput` where it has none
    cells, threads = limits.CELLS.check(cells), limits.per_core("threads").check(threads)
    chosen = recipe(default_recipe(dataset))
    seconds = per_architecture(
        table.search.epoch_seconds(dataset, chosen.epochs), table.rows
    )  # shape (size,)
    known = np.flatnonzero(np.isfinite(seconds) & (seconds > 0))
    if not len(known):
        raise DataError(f"table '{table.name}' has no seconds of an epoch on '{dataset}'")
    ordered = known[np.argsort(seconds[known], kind="stable")]
    places = np.linspace(0, len(ordered) - 1, cells + 2)[1:-1].round().astype(int)
    indices = tuple(int(index) for index in ordered[places])
    steps, batches = _images(dataset, chosen)
    with torch_threads(threads):
        real = [batches * _step(space, index, steps, chosen, device) for index in indices]
    factors = seconds[list(indices)] / np.array(real)
    return Calibration(
        benchmark=table.name,
        table=table.hash,
        dataset=dataset,
        factor=float(np.median(factors)),
        least=float(factors.min()),
        most=float(factors.max()),
        cells=indices,
        processor=processor(),
        device=device,
        threads=threads,
    )


def _images(dataset: str, chosen: Recipe) -> tuple[DataSet, float]:
    """Return a data set of a few batches, and the number of batches in an epoch of the whole."""
    number = _STEPS * chosen.batch
    if dataset in INPUTS:
        return _blank(dataset, find_input(dataset), number), _IMAGES[dataset] / chosen.batch
    data = load_data(dataset)
    whole = data.parts[Part.WEIGHTS]
    few = Images(whole.images[:number], whole.labels[:number])
    return (
        replace(data, parts={**data.parts, Part.WEIGHTS: few}),
        len(whole.labels) / chosen.batch,
    )


def _blank(name: str, data: Input, number: int) -> DataSet:
    images = Images(
        torch.zeros(number, data.channels, data.side, data.side),
        torch.zeros(number, dtype=torch.int64),
    )
    return DataSet(name, data, dict.fromkeys(Part, images))


def _step(space: EnumerableSpace, index: int, data: DataSet, chosen: Recipe, device: str) -> float:
    """Return the real seconds of one training step of a cell: a median over short epochs."""
    network = networks_of(space).build_literal(
        space.architecture(index), data.input, chosen.shape, generator=initialisation(index, 0)
    )
    training = Training(One(network), [str(index)], 0, data, chosen, device=device)
    steps = len(data.parts[Part.WEIGHTS].labels) / chosen.batch
    times: list[float] = []
    while len(times) < 2 or sum(times) < _SECONDS:
        training.epoch = 0
        start = time.perf_counter()
        training.train_epoch()  # it reads the losses at its end, so the device has finished
        times.append(time.perf_counter() - start)
    return float(np.median(times[1:])) / steps

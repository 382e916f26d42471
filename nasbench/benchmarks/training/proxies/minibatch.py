"""The minibatch that proxies see: training images of a data set, or noise of the same shape."""

from dataclasses import dataclass
from pathlib import Path

import torch

from nasbench.benchmarks.training.catalogue import find_input, load_data
from nasbench.benchmarks.training.data import DataSet, Images
from nasbench.benchmarks.training.streams import Purpose, stream
from nasbench.errors import DataError, InvalidInput
from nasbench.spaces.inputs import Input

DATA, NOISE = "data", "noise"
SOURCES = (DATA, NOISE)


@dataclass(frozen=True, eq=False)
class Minibatch:
    """Images with labels, the shape of the data set's images, and where they are from."""

    images: Images
    input: Input
    about: str
    fingerprint: str = ""
    """That of the data set, empty for noise."""


def minibatch(
    dataset: str, batch: int, seed: int, source: str | None = None, folder: Path | None = None
) -> Minibatch:
    """Return the minibatch of a data set; the same arguments give the same images.

    Its images are `data` or `noise`; with None they are noise where the data set's images are not
    on this machine. `folder` is that of official images. Raises `InvalidInput` for an unknown data
    set and for a `batch` of more images than it has, `DataError` for images that are not there.
    """
    if source not in (None, *SOURCES):
        raise InvalidInput(f"images '{source}' are unknown: use {' or '.join(SOURCES)}")
    if batch < 2:
        raise InvalidInput(f"batch {batch}: proxies compare images, use 2 or more")
    if source == NOISE:
        return _noise(find_input(dataset), batch, seed)
    try:
        data = load_data(dataset, folder)
    except DataError:
        if source == DATA or folder is not None:
            raise
        return _noise(find_input(dataset), batch, seed)
    return _first(data, batch, seed)


def _first(data: DataSet, batch: int, seed: int) -> Minibatch:
    """Return the minibatch with which a training with this seed begins, augmented as there."""
    images = next(data.epoch(seed, 0, batch))
    if len(images.labels) < batch:
        raise InvalidInput(
            f"batch {batch}: data set '{data.name}' has {len(images.labels)} training images"
        )
    return Minibatch(images, data.input, f"training images of {data.name}", data.fingerprint())


def _noise(size: Input, batch: int, seed: int) -> Minibatch:
    generator = stream(Purpose.PROXIES, seed)
    images = torch.randn((batch, size.channels, size.side, size.side), generator=generator)
    labels = torch.randint(size.classes, (batch,), generator=generator)
    shape = f"{size.side}x{size.side}x{size.channels}"
    return Minibatch(
        Images(images, labels), size, f"standard normal noise of {shape}, random labels"
    )

"""Making a data set from raw pixels: fixed splits, normalisation, augmentation on the device."""

import hashlib
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import pad as padded_with_zeros

from nasbench.benchmarks.training.data import SMALLEST_SIDE, Augment, DataSet, Images, Part
from nasbench.benchmarks.training.found_images import Found
from nasbench.errors import DataError
from nasbench.spaces.inputs import Input

FEWEST = 5
"""Least number of different images of a class: three for weights, one for each other part."""


class Pixels(NamedTuple):
    """Raw images (n, channels, side, side), uint8 or float, and their labels (n,)."""

    images: NDArray[Any]
    labels: NDArray[np.int64]

    def take(self, chosen: NDArray[np.int64]) -> "Pixels":
        """Return the images at the positions `chosen`, with their labels."""
        return Pixels(self.images[chosen], self.labels[chosen])


PixelsByPart = dict[Part, Pixels]


@dataclass(frozen=True)
class Read:
    """A reader's report on a user's images without their counts; fields are those of `Found`."""

    classes: tuple[str, ...]
    skipped: tuple[str, ...] = ()
    merged: tuple[str, ...] = ()
    treated: Mapping[str, int] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    def found(self, name: str, split: PixelsByPart, size: Input) -> Found:
        """Return the complete report, with the number of images of every class and part."""
        counts = {
            part.value: tuple(np.bincount(split[part].labels, minlength=len(self.classes)).tolist())
            for part in Part
        }
        return Found(
            dataset=name,
            side=size.side,
            channels=size.channels,
            classes=self.classes,
            images=counts,
            skipped=self.skipped,
            merged=self.merged,
            treated=self.treated,
            remarks=self.remarks,
        )


@dataclass(frozen=True)
class Augmentation(Augment):
    """Random crop of the zero-padded image, optional random flip, normalisation per channel.

    `pad` is in pixels; the padding is black before normalisation, as in NAS-Bench-201. `flip`
    mirrors half of the images. `mean` and `deviation` have one number per channel.
    """

    pad: int
    flip: bool
    mean: tuple[float, ...]
    deviation: tuple[float, ...]

    def draw(self, number: int, generator: torch.Generator) -> tuple[Tensor, ...]:
        """Return the corners of the crops (number, 2) and, with `flip`, who is mirrored."""
        corners = torch.randint(0, 2 * self.pad + 1, (2, number, 1), generator=generator)
        placed = corners[:, :, 0].t()
        if not self.flip:
            return (placed,)
        return placed, torch.rand((number, 1), generator=generator) < 0.5

    def apply(self, images: Tensor, *drawn: Tensor) -> Tensor:
        """Augment raw images (B, channels, side, side) in 0..1, each one differently."""
        corners, *mirrored = drawn
        batch, _, _, side = images.shape
        pixels = torch.arange(side, device=images.device)
        rows, columns = corners.t()[:, :, None] + pixels  # (B, side) each
        if mirrored:
            columns = torch.where(mirrored[0], columns.flip(1), columns)
        padded = padded_with_zeros(images, (self.pad,) * 4)
        which = torch.arange(batch, device=images.device)[:, None, None]
        cut = padded[which, :, rows[:, :, None], columns[:, None, :]]
        return self.normalise(cut.permute(0, 3, 1, 2))  # the channels came last

    def normalise(self, images: Tensor) -> Tensor:
        """Subtract the mean of each channel and divide by its standard deviation."""
        mean, deviation = _per_channel(self, images.dtype, images.device)
        return (images - mean) / deviation


@lru_cache(maxsize=8)
def _per_channel(
    augmentation: Augmentation, dtype: torch.dtype, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Return mean and deviation, shape (channels, 1, 1), which are sent to a device only once."""
    mean, deviation = (
        torch.tensor(numbers, dtype=dtype).to(device)[:, None, None]
        for numbers in (augmentation.mean, augmentation.deviation)
    )
    return mean, deviation


def assemble(
    name: str, split: PixelsByPart, classes: int | Read, *, pad: int, flip: bool
) -> DataSet:
    """Make a data set, normalised by the mean and deviation of the images for the weights.

    `classes` is the number of classes of official data, or the reader's report on a user's images.
    `pad` and `flip` are those of `Augmentation`.

    Images of validation and test are put in a fixed random order: files are often sorted by class,
    but every batch and the first images of a part must represent all classes. Raises `DataError`
    for images that are not square or whose side is not a multiple of 4, and for a part of only one
    image with side 4.
    """
    number = classes if isinstance(classes, int) else len(classes.classes)
    _, channels, height, width = split[Part.WEIGHTS].images.shape
    if height != width or height % SMALLEST_SIDE or not height:
        raise DataError(
            f"data set '{name}' has images of {height}x{width} pixels: they must be square, with "
            f"a side that is a multiple of {SMALLEST_SIDE}"
        )
    alone = [part.value for part in Part if len(split[part].labels) == 1]
    if height == SMALLEST_SIDE and alone:
        raise DataError(
            f"data set '{name}' has one image of {height}x{width} pixels in its {alone[0]} part: "
            "batch norm needs two of that size, or larger ones"
        )
    mean, deviation = statistics(split[Part.WEIGHTS].images)
    augmentation = Augmentation(pad, flip, mean, deviation)
    parts = {}
    for part, (raw, labels) in split.items():
        images = torch.from_numpy(raw.astype(np.float32))
        if raw.dtype == np.uint8:
            images /= 255
        targets = torch.from_numpy(labels.astype(np.int64))
        if part is not Part.WEIGHTS:
            order = torch.from_numpy(
                _by_hash(f"{part.value}/{i}".encode() for i in range(len(raw)))
            )
            images, targets = augmentation.normalise(images)[order], targets[order]
        parts[part] = Images(images, targets)
    size = Input(height, channels, number)
    found = None if isinstance(classes, int) else classes.found(name, split, size)
    return DataSet(name, size, parts, augmentation, found)


def statistics(images: NDArray[Any]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the mean and standard deviation of each channel, with uint8 pixels scaled to 0..1.

    They are rounded to six decimal places, so that equal images give equal bits on every machine. A
    channel without contrast gets the deviation 1.
    """
    means, deviations = [], []
    for channel in range(images.shape[1]):
        values = images[:, channel]
        if values.dtype == np.uint8:  # counting is exact and needs no copy in floats
            counts = np.bincount(values.reshape(-1), minlength=256)
            levels = np.arange(256) / 255
            mean = float((counts * levels).sum() / counts.sum())
            deviation = float(np.sqrt((counts * (levels - mean) ** 2).sum() / counts.sum()))
        else:
            mean = float(values.mean(dtype=np.float64))
            deviation = float(values.std(dtype=np.float64))
        means.append(round(mean, 6))
        deviations.append(round(deviation, 6) or 1.0)
    return tuple(means), tuple(deviations)


def memory() -> float:
    """Return the size of this machine's memory in bytes, infinity where it is unknown."""
    if not hasattr(os, "sysconf"):  # not on every platform
        return math.inf
    return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))


def halves(name: str, count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Divide the numbers 0..count-1 into two fixed halves, each sorted; the second may be longer.

    The numbers are ordered by the SHA-256 of `name/number`, since the numbers of a random stream
    could change with a library's version. It is not the permutation behind the published tables.
    """
    order = _by_hash(f"{name}/{number}".encode() for number in range(count))
    return np.sort(order[: count // 2]), np.sort(order[count // 2 :])


def split_by_class(name: str, pixels: Pixels, classes: Sequence[str]) -> PixelsByPart:
    """PixelsByPart every class 60/20/20, in the order of the SHA-256 of its images.

    All images must be different (see `merged`), so that no image is in two parts. Raises
    `DataError` for a class with fewer than five images.
    """
    chosen: dict[Part, list[NDArray[np.int64]]] = {part: [] for part in Part}
    for label, text in enumerate(classes):
        members = np.flatnonzero(pixels.labels == label)
        if len(members) < FEWEST:
            raise DataError(
                f"data set '{name}': class '{text}' has {len(members)} different images, at "
                f"least {FEWEST} are needed: add images or remove the class"
            )
        members = members[_by_hash(pixels.images[i].tobytes() for i in members)]
        held = max(1, len(members) // 5)
        chosen[Part.VALIDATION].append(members[:held])
        chosen[Part.TEST].append(members[held : 2 * held])
        chosen[Part.WEIGHTS].append(members[2 * held :])
    return {part: pixels.take(np.concatenate(chosen[part])) for part in Part}


def merged(pixels: Pixels) -> tuple[Pixels, list[tuple[int, int]]]:
    """Leave out images that are identical to an earlier one, even of another class.

    Returns the different images in their order and, for each image left out, its position and that
    of the earlier one.
    """
    _, first, which = np.unique(digests(pixels.images), return_index=True, return_inverse=True)
    earlier = first[which]
    doubles = np.flatnonzero(earlier != np.arange(len(earlier)))
    pairs = [(int(one), int(earlier[one])) for one in doubles]
    return pixels.take(np.sort(first)), pairs


def digests(images: NDArray[Any]) -> NDArray[np.bytes_]:
    """Return the SHA-256 of every image as hexadecimal digits, shape (n,)."""
    return np.array([hashlib.sha256(image.tobytes()).hexdigest() for image in images], dtype="S64")


def _by_hash(keys: Iterable[bytes]) -> NDArray[np.int64]:
    hashes = [hashlib.sha256(key).hexdigest() for key in keys]
    return np.argsort(np.array(hashes, dtype="S64"), kind="stable").astype(np.int64)

"""Data sets for training: three parts that never overlap, and an augmentation.

The weights are fitted to `Part.WEIGHTS`, a search sees `Part.VALIDATION`, and `Part.TEST` is for
the judge. The whole data set is kept on the device, and augmentation works on whole batches there.
Its random numbers are drawn on the CPU and sent once per epoch, so that no batch waits for them.
"""

import enum
import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

from nasbench.benchmarks.training.found_images import Found
from nasbench.benchmarks.training.streams import data_order
from nasbench.errors import DataError, InvalidInput
from nasbench.spaces.inputs import Input
from nasbench.spaces.networks.transfer import sent

SMALLEST_SIDE = 4
"""Smallest side of an image in pixels: the network halves the side twice, to a single pixel."""


class Part(enum.Enum):
    """The part of a data set, named by the use of its images."""

    WEIGHTS = "weights"
    VALIDATION = "validation"
    TEST = "test"


class Images(NamedTuple):
    """Images, shape (n, channels, side, side), and their labels, shape (n,), int64."""

    images: Tensor
    labels: Tensor

    def to(self, device: torch.device, dtype: torch.dtype) -> "Images":
        """Return them on a device, with the images in `dtype`."""
        return Images(self.images.to(device, dtype), self.labels.to(device))


class Augment(ABC):
    """A random change of images: numbers are drawn on the CPU and used on the images' device."""

    @abstractmethod
    def draw(self, number: int, generator: torch.Generator) -> tuple[Tensor, ...]:
        """Return the random numbers for `number` images: CPU tensors of shape (number, ...)."""

    @abstractmethod
    def apply(self, images: Tensor, *drawn: Tensor) -> Tensor:
        """Change a batch (B, channels, side, side) with numbers that are on its device."""

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Draw numbers and change a batch with them."""
        drawn = self.draw(len(images), generator)
        return self.apply(images, *(numbers.to(images.device) for numbers in drawn))


class Unchanged(Augment):
    """No augmentation."""

    def draw(self, number: int, generator: torch.Generator) -> tuple[Tensor, ...]:
        """Return no numbers."""
        return ()

    def apply(self, images: Tensor, *drawn: Tensor) -> Tensor:
        """Return the images."""
        return images

    def __repr__(self) -> str:
        """Return the name that is part of a data set's fingerprint."""
        return "unchanged"


@dataclass(frozen=True, eq=False)
class DataSet:
    """A data set of three disjoint parts.

    Images of `WEIGHTS` are stored raw, and the network sees them after `augment`. Images of the
    other parts are stored as the network sees them. Raises `DataError` for an empty part and for
    labels outside 0 to `input.classes` - 1.
    """

    name: str
    input: Input
    parts: Mapping[Part, Images]
    augment: Augment = field(default_factory=Unchanged)
    found: Found | None = None
    """What the reader of a user's own images found; None for other data sets."""

    def __post_init__(self) -> None:
        """Raise `DataError` for an empty part and for labels outside the classes."""
        for part in Part:
            labels = self.parts[part].labels
            if not len(labels):
                raise DataError(f"data set '{self.name}' has no images in its {part.value} part")
            if not 0 <= int(labels.min()) <= int(labels.max()) < self.input.classes:
                raise DataError(
                    f"data set '{self.name}': labels of the {part.value} part must lie in "
                    f"0..{self.input.classes - 1}"
                )

    def to(self, device: torch.device, dtype: torch.dtype = torch.float32) -> "DataSet":
        """Return the data set on a device, with its images in `dtype`."""
        moved = {part: images.to(device, dtype) for part, images in self.parts.items()}
        return replace(self, parts=moved)

    def without_test(self) -> "DataSet":
        """Return a copy with the validation images in place of test, so that test cannot leak."""
        return replace(self, parts={**self.parts, Part.TEST: self.parts[Part.VALIDATION]})

    def steps(self, batch: int) -> int:
        """Return the number of batches in a training epoch.

        Raises `InvalidInput` for `batch` 1 with images of the smallest side: at the end of the
        network each is a single pixel, so batch norm has nothing to average.
        """
        if batch == 1 and self.input.side == SMALLEST_SIDE:
            raise InvalidInput(
                f"batch 1 with images of {SMALLEST_SIDE}x{SMALLEST_SIDE} pixels: batch norm has "
                "one number per channel; use a batch of 2 or more, or larger images"
            )
        full, rest = divmod(len(self.parts[Part.WEIGHTS].labels), batch)
        return full + (rest > 1 or not full)

    def epoch(self, seed: int, epoch: int, batch: int) -> Iterator[Images]:
        """Yield the shuffled, augmented batches of a training epoch; the last may be smaller.

        A last batch of a single image is left out, since batch norm may have nothing to average
        there. The batches depend only on the seed and the epoch, not on the network or on earlier
        epochs, so a resumed training sees the same images.
        """
        generator = data_order(seed, epoch)
        images, labels = self.parts[Part.WEIGHTS]
        order = torch.randperm(len(labels), generator=generator)
        sizes = [len(chosen) for chosen in torch.split(order, batch)[: self.steps(batch)]]
        drawn = zip(*(self.augment.draw(size, generator) for size in sizes), strict=True)
        there = [sent(one, images.device) for one in (order, *map(torch.cat, drawn))]
        for number, size in enumerate(sizes):
            chosen, *numbers = (one[number * batch :][:size] for one in there)
            yield Images(self.augment.apply(images[chosen], *numbers), labels[chosen])

    def fingerprint(self) -> str:
        """Return the SHA-256 of name, input, augmentation and all images and labels."""
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> str:
        about = (self.name, self.input, repr(self.augment))
        digest = hashlib.sha256(repr(about).encode())
        for part in Part:
            for tensor in self.parts[part]:
                digest.update(tensor.cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()

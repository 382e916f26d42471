"""Data sets as a training sees them: three parts that never overlap, and an augmentation.

The weights are fitted to `Part.WEIGHTS`, a search is guided by `Part.VALIDATION`, and
`Part.TEST` is for the judge. A whole data set lies on the device; augmentation works on
whole batches there, with random numbers from a generator the caller passes.
"""

import enum
import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

from nasbench.benchmarks.training.found_images import Found
from nasbench.benchmarks.training.streams import data_order
from nasbench.errors import DataError, InvalidInput
from nasbench.spaces.inputs import Input

SMALLEST_SIDE = 4
"""The network halves the side of an image twice: this one becomes a single pixel."""


class Part(enum.Enum):
    """What the images of a data set may be used for."""

    WEIGHTS = "weights"
    VALIDATION = "validation"
    TEST = "test"


class Images(NamedTuple):
    """Images, shape (n, channels, side, side), and their labels, shape (n,), int64."""

    images: Tensor
    labels: Tensor

    def to(self, device: torch.device, dtype: torch.dtype) -> "Images":
        """Move to a device; images in `dtype`."""
        return Images(self.images.to(device, dtype), self.labels.to(device))


Augment = Callable[[Tensor, torch.Generator], Tensor]
"""Change a batch (B, channels, side, side) with random numbers of a CPU generator."""


def unchanged(images: Tensor, generator: torch.Generator) -> Tensor:
    """Augment nothing."""
    return images


@dataclass(frozen=True, eq=False)
class DataSet:
    """A data set of three disjoint parts.

    Images of `WEIGHTS` are raw material: what the network sees is `augment` of them. Images
    of the other parts are as the network sees them.
    """

    name: str
    input: Input
    parts: Mapping[Part, Images]
    augment: Augment = unchanged
    found: Found | None = None
    """What was found where a user's own images were read; None for others."""

    def __post_init__(self) -> None:
        """Refuse empty parts and labels outside the classes."""
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
        """Return the data set on a device."""
        moved = {part: images.to(device, dtype) for part, images in self.parts.items()}
        return replace(self, parts=moved)

    def without_test(self) -> "DataSet":
        """Return it with the validation images in place of test: none is left to leak."""
        return replace(self, parts={**self.parts, Part.TEST: self.parts[Part.VALIDATION]})

    def steps(self, batch: int) -> int:
        """Return the number of batches in a training epoch.

        Raises `InvalidInput` for batches of one image that is a single pixel at the network's
        end: batch norm has nothing to average there.
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

        A last one of a single image is left out: batch norm may have nothing to average there.
        They depend on the seed and the epoch alone, not on what is trained nor on what came
        before, so a resumed training sees the same images.
        """
        generator = data_order(seed, epoch)
        images, labels = self.parts[Part.WEIGHTS]
        order = torch.randperm(len(labels), generator=generator).to(labels.device)
        for chosen in torch.split(order, batch)[: self.steps(batch)]:
            yield Images(self.augment(images[chosen], generator), labels[chosen])

    def fingerprint(self) -> str:
        """SHA-256 over name, input, augmentation and all images and labels."""
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> str:
        augment = getattr(self.augment, "__qualname__", repr(self.augment))
        digest = hashlib.sha256(repr((self.name, self.input, augment)).encode())
        for part in Part:
            for tensor in self.parts[part]:
                digest.update(tensor.cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()

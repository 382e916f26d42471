"""`digits`: a classification task that needs no download and on which cells differ in accuracy.

It is made from the 1,797 handwritten digits of 8x8 pixels that scikit-learn bundles (UCI
Optical Recognition of Handwritten Digits). Every image is one digit, rotated, stretched and
shifted at random, with a little pixel noise. The three parts come from disjoint original digits.
The random geometry makes the task hard enough to show differences between cells. Pixel noise,
distractors and inverted contrast make it harder too, but measurements showed that they increase the
noise between training seeds more than the differences between cells.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import Tensor

from nasbench.benchmarks.training.data import Augment, DataSet, Images, Part
from nasbench.benchmarks.training.streams import Purpose, stream
from nasbench.spaces.inputs import Input

ORIGINAL_SIDE = 8
_BRIGHTEST = 16.0


class Sizes(NamedTuple):
    """The number of original digits of each part, and how often each is used.

    A training epoch shows every digit of `weights` `repeats` times, newly distorted each time.
    Validation and test have `copies` fixed distortions of each of their digits.
    """

    weights: int = 697
    validation: int = 550
    test: int = 550
    repeats: int = 3
    copies: int = 10


@dataclass(frozen=True)
class Distortion(Augment):
    """The random distortion of a digit; each number is drawn uniformly from -range to +range.

    `rotation` is the range of angles in radians, `scale` that of relative changes of size, drawn
    for each axis separately, and `shift` that of shifts in original pixels. `noise` is the standard
    deviation of pixel noise, where 1 is a digit's full contrast. `side` is that of the images.
    """

    side: int = 8
    rotation: float = 0.9
    scale: float = 0.35
    shift: float = 1.3
    noise: float = 0.03

    def draw(self, number: int, generator: torch.Generator) -> tuple[Tensor, ...]:
        """Return affine maps (number, 2, 3) and pixel noise (number, 1, side, side)."""
        angle = self.rotation * self._uniform(generator, number)
        factor = 1 + self.scale * self._uniform(generator, number, 2)
        shift = self.shift * 2 / ORIGINAL_SIDE * self._uniform(generator, number, 2)
        cos, sin = angle.cos(), angle.sin()
        linear = torch.stack([cos, -sin, sin, cos], dim=1).view(number, 2, 2)
        linear = linear / factor[:, :, None] * (self.side / ORIGINAL_SIDE)
        noise = torch.randn((number, 1, self.side, self.side), generator=generator)
        return torch.cat([linear, shift[:, :, None]], dim=2), noise

    def apply(self, images: Tensor, *drawn: Tensor) -> Tensor:
        """Distort digits (B, 1, 8, 8) in 0..1 to images (B, 1, side, side) in about -1..1."""
        maps, noise = (numbers.to(images.dtype) for numbers in drawn)
        size = [len(images), 1, self.side, self.side]
        grid = F.affine_grid(maps, size, align_corners=False)
        seen = F.grid_sample(images, grid, mode="bilinear", align_corners=False)
        return 2 * (seen - 0.5 + self.noise * noise)

    @staticmethod
    def _uniform(generator: torch.Generator, *shape: int) -> Tensor:
        """Draw from -1..1."""
        return 2 * torch.rand(shape, generator=generator) - 1


def digits(distortion: Distortion | None = None, sizes: Sizes | None = None) -> DataSet:
    """Build the data set on the CPU; equal arguments give equal images.

    Random numbers are the same on every machine. Pixels are the same except for rounding: on
    another processor their last bits may differ.
    """
    distortion, sizes = distortion or Distortion(), sizes or Sizes()
    bundled = load_digits()
    clean = torch.from_numpy(bundled.images.astype(np.float32) / _BRIGHTEST)[:, None]
    labels = torch.from_numpy(bundled.target.astype(np.int64))
    order = torch.randperm(len(labels), generator=stream(Purpose.SPLITS, 0))
    counts = (sizes.weights, sizes.validation, sizes.test)
    parts: dict[Part, Images] = {}
    for part, originals in zip(Part, torch.split(order[: sum(counts)], list(counts)), strict=True):
        if part is Part.WEIGHTS:
            chosen = originals.repeat(sizes.repeats)
            parts[part] = Images(clean[chosen], labels[chosen])
        else:
            chosen = originals.repeat_interleave(sizes.copies)
            generator = stream(Purpose.EVALUATION_IMAGES, list(Part).index(part))
            shuffled = chosen[torch.randperm(len(chosen), generator=generator)]
            parts[part] = Images(distortion(clean[shuffled], generator), labels[shuffled])
    return DataSet("digits", Input(distortion.side, 1, 10), parts, distortion)

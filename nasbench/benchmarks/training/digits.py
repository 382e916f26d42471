"""`digits`: a classification task that needs no download, hard enough to tell cells apart.

It is made from the 1,797 handwritten digits of 8x8 pixels that scikit-learn bundles (UCI
Optical Recognition of Handwritten Digits). Every image is one digit, rotated, stretched and
shifted at random, with a little pixel noise. The three parts come from disjoint original digits.
What makes cells differ is the geometry: pixel noise, distractors and inverted contrast make the
task harder too, but were measured to add more noise between training seeds than difference
between cells.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import Tensor

from nasbench.benchmarks.training.data import DataSet, Images, Part
from nasbench.benchmarks.training.streams import Purpose, stream
from nasbench.spaces.inputs import Input

ORIGINAL_SIDE = 8
_BRIGHTEST = 16.0


class Sizes(NamedTuple):
    """Original digits of each part, and how often each is used.

    An epoch shows every digit for the weights `repeats` times, distorted anew each time;
    validation and test hold `copies` fixed distortions of each of theirs.
    """

    weights: int = 697
    validation: int = 550
    test: int = 550
    repeats: int = 3
    copies: int = 10


@dataclass(frozen=True)
class Distortion:
    """How a clean digit becomes an image of the task; ranges are symmetric and uniform.

    `rotation` in radians, `scale` relative and of each axis by itself, `shift` in original
    pixels, `noise` the standard deviation of pixels in units of a digit's full contrast.
    """

    side: int = 8
    rotation: float = 0.9
    scale: float = 0.35
    shift: float = 1.3
    noise: float = 0.03

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Distort digits (B, 1, 8, 8) in 0..1 to images (B, 1, side, side) in about -1..1."""
        n = len(images)
        angle = self.rotation * self._uniform(generator, n)
        factor = 1 + self.scale * self._uniform(generator, n, 2)
        shift = self.shift * 2 / ORIGINAL_SIDE * self._uniform(generator, n, 2)
        cos, sin = angle.cos(), angle.sin()
        linear = torch.stack([cos, -sin, sin, cos], dim=1).view(n, 2, 2)
        linear = linear / factor[:, :, None] * (self.side / ORIGINAL_SIDE)
        theta = torch.cat([linear, shift[:, :, None]], dim=2).to(images)
        grid = F.affine_grid(theta, [n, 1, self.side, self.side], align_corners=False)
        seen = F.grid_sample(images, grid, mode="bilinear", align_corners=False)
        noise = torch.randn(seen.shape, generator=generator).to(images)
        return 2 * (seen - 0.5 + self.noise * noise)

    @staticmethod
    def _uniform(generator: torch.Generator, *shape: int) -> Tensor:
        """Draw from -1..1."""
        return 2 * torch.rand(shape, generator=generator) - 1


def digits(distortion: Distortion | None = None, sizes: Sizes | None = None) -> DataSet:
    """Build the task on the CPU; equal arguments give equal images.

    Random numbers are the same everywhere, pixels to rounding: another processor may differ
    in their last bits.
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

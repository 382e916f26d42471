"""A task and recipes that train in milliseconds."""

import torch

from nasbench.benchmarks.training.data import DataSet, Images, Part
from nasbench.benchmarks.training.recipes import Recipe
from nasbench.spaces.inputs import Input
from nasbench.spaces.nb201 import NasBench201
from nasbench.spaces.networks.base import Shape

SPACE = NasBench201()
RECIPE = Recipe("tiny", Shape(4, 1), epochs=3, batch=16, learning_rate=0.05)
FINAL = Recipe("tiny-final", Shape(4, 1), epochs=2, batch=16, learning_rate=0.05)
EXPLODING = Recipe("exploding", Shape(4, 1), epochs=3, batch=16, learning_rate=1e30)
CELL = SPACE.architecture(123)
TWINS = (
    SPACE.parse("|none~0|+|none~0|none~1|+|nor_conv_3x3~0|none~1|none~2|"),
    SPACE.parse("|none~0|+|skip_connect~0|none~1|+|none~0|none~1|nor_conv_3x3~2|"),
)
"""Two cells of one network class."""


def data(count: int = 48) -> DataSet:
    """Bright and dark noise of 8x8 pixels."""
    generator = torch.Generator().manual_seed(5)
    parts = {}
    for part in Part:
        labels = torch.arange(count) % 2
        noise = torch.randn((count, 1, 8, 8), generator=generator)
        parts[part] = Images(noise + 0.3 * labels[:, None, None, None], labels)
    return DataSet("tiny", Input(8, 1, 2), parts)

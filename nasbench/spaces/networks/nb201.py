"""The NAS-Bench-201 network of one cell (Dong & Yang, ICLR 2020), as a plain torch module.

A 3x3 stem with batch norm; three stages of `cells` cells at C, 2C and 4C channels, a residual
block of stride 2 between them; batch norm, ReLU, global average pooling, a linear layer.

Every network exists in two forms. The literal form has all operations of the string, dead ones
too; parameters, FLOPs and timings are of this form. The simplified form leaves out each edge
that carries nothing or that nobody reads; it is what this project trains. They compute the
same function under the condition that `Form` states.
"""

import enum
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn

from nasbench.spaces.base import Architecture
from nasbench.spaces.inputs import Input
from nasbench.spaces.nb201 import (
    AVG_POOL,
    CONV_1X1,
    CONV_3X3,
    EDGES,
    NODES,
    NONE,
    SKIP,
    live_edges,
)
from nasbench.spaces.networks.base import Initialisation, Shape, initialise

KERNEL = {CONV_1X1: 1, CONV_3X3: 3}
"""Kernel size of each convolution among the operations."""
STAGES = 3


class Form(enum.Enum):
    """Whether a network keeps the edges of its cell that cannot matter.

    Two kinds are dropped. An edge that does not reach the output is never read: without it
    outputs, gradients and therefore whole trainings are the same. A convolution that starts
    at an empty node is read, and its batch norm turns the zeros into its shift beta: with
    `affine=False` that is 0 for ever, and again whole trainings are the same. With
    `affine=True` it is 0 at initialisation (in training and in evaluation mode), so outputs
    and the gradients of all shared weights agree there, but the literal network may learn
    beta as a constant per channel, which the simplified one does not have. 2,140 of the
    15,625 cells (13.7 %) have such a convolution.
    """

    LITERAL = "literal"
    SIMPLIFIED = "simplified"


def widths_of(shape: Shape) -> list[int]:
    """Return the channels of every stage."""
    return [shape.channels << stage for stage in range(STAGES)]


def simplify(cell: Architecture) -> Architecture:
    """Return the cell with `none` on every edge that is not live."""
    return tuple(
        operation if alive else NONE
        for operation, alive in zip(cell, live_edges(cell), strict=True)
    )


class ReluConvNorm(nn.Sequential):
    """ReLU, a convolution without bias, batch norm: (B, before, H, W) -> (B, after, H', W')."""

    def __init__(self, before: int, after: int, kernel: int, stride: int, shape: Shape) -> None:
        """Pad so that stride 1 keeps the image side."""
        super().__init__(
            nn.ReLU(),
            nn.Conv2d(before, after, kernel, stride, padding=kernel // 2, bias=False),
            nn.BatchNorm2d(
                after, affine=shape.affine, track_running_stats=shape.track_running_stats
            ),
        )


def edge_module(operation: int, channels: int, shape: Shape) -> nn.Module:
    """Return the module of an operation other than `none`."""
    if operation == SKIP:
        return nn.Identity()
    if operation == AVG_POOL:
        return nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)
    return ReluConvNorm(channels, channels, KERNEL[operation], 1, shape)


class Cell(nn.Module):
    """One cell: each node is the sum of what its edges bring, (B, C, H, W) -> the same."""

    def __init__(self, cell: Architecture, channels: int, shape: Shape) -> None:
        """Build a module for every edge that is not `none`, named `source_target`."""
        super().__init__()
        self.edges = nn.ModuleDict(
            {
                f"{source}_{target}": edge_module(operation, channels, shape)
                for (source, target), operation in zip(EDGES, cell, strict=True)
                if operation != NONE
            }
        )

    def forward(self, x: Tensor) -> Tensor:
        """Compute the last node; an empty node is zero (and passes zero gradients on)."""
        nodes = [x]
        for target in range(1, NODES):
            brought = [
                self.edges[f"{source}_{target}"](nodes[source])
                for source in range(target)
                if f"{source}_{target}" in self.edges
            ]
            nodes.append(sum(brought[1:], brought[0]) if brought else x * 0)
        return nodes[-1]


class ResidualBlock(nn.Module):
    """Two convolutions beside a pooled 1x1 shortcut: (B, C, H, W) -> (B, 2C, H/2, W/2)."""

    def __init__(self, before: int, after: int, shape: Shape) -> None:
        """The shortcut is average pooling and a convolution without batch norm."""
        super().__init__()
        self.first = ReluConvNorm(before, after, 3, 2, shape)
        self.second = ReluConvNorm(after, after, 3, 1, shape)
        self.shortcut = nn.Sequential(
            nn.AvgPool2d(2, stride=2), nn.Conv2d(before, after, 1, bias=False)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Add the two branches."""
        total: Tensor = self.second(self.first(x)) + self.shortcut(x)
        return total


class Frame(NamedTuple):
    """What all networks share around their cells."""

    stem: nn.Sequential
    reductions: nn.ModuleList
    head: nn.Sequential
    classifier: nn.Linear

    @classmethod
    def build(cls, data: Input, shape: Shape) -> "Frame":
        """Make the modules; their weights are initialised with those of the cells."""
        widths = widths_of(shape)
        norm = {"affine": shape.affine, "track_running_stats": shape.track_running_stats}
        return cls(
            nn.Sequential(
                nn.Conv2d(data.channels, widths[0], 3, padding=1, bias=False),
                nn.BatchNorm2d(widths[0], **norm),
            ),
            nn.ModuleList(ResidualBlock(one, other, shape) for one, other in pairwise(widths)),
            nn.Sequential(nn.BatchNorm2d(widths[-1], **norm), nn.ReLU()),
            nn.Linear(widths[-1], data.classes),
        )


class Network(nn.Module):
    """The whole network of one cell: images (B, channels, side, side) -> logits (B, classes)."""

    def __init__(
        self,
        cell: Architecture,
        data: Input,
        shape: Shape,
        *,
        generator: torch.Generator,
        form: Form = Form.SIMPLIFIED,
        initialisation: Initialisation = Initialisation.HE,
        around: Shape | None = None,
    ) -> None:
        """Build on the CPU and initialise every weight from `generator`, nothing from elsewhere.

        `around` is the shape of what is around the cells, where its batch norm is another.
        """
        super().__init__()
        self.cell = simplify(cell) if form is Form.SIMPLIFIED else tuple(cell)
        self.data = data
        self.shape = shape
        with torch.device("meta"):  # modules built elsewhere draw from torch's global stream
            frame = Frame.build(data, around or shape)
            self.stem = frame.stem
            self.stages = nn.ModuleList(
                nn.Sequential(*(Cell(self.cell, width, shape) for _ in range(shape.cells)))
                for width in widths_of(shape)
            )
            self.reductions = frame.reductions
            self.head, self.classifier = frame.head, frame.classifier
        self.to_empty(device="cpu")
        initialise(self, generator, initialisation)

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits, shape (B, classes)."""
        x = self.stages[0](self.stem(images))
        for reduction, stage in zip(self.reductions, list(self.stages)[1:], strict=True):
            x = stage(reduction(x))
        logits: Tensor = self.classifier(self.head(x).mean(dim=(2, 3)))
        return logits

"""The NAS-Bench-201 network of one cell (Dong & Yang, ICLR 2020), as a plain torch module.

It is a 3x3 stem with batch norm; three stages of `cells` cells with C, 2C and 4C channels and a
residual block of stride 2 between stages; batch norm, ReLU, global average pooling and a linear
layer.

Every network exists in two forms. The literal form has all operations of the cell's string, even
those without effect; parameters, FLOPs and timings refer to this form. The simplified form leaves
out every edge whose source is zero or whose output does not reach the last node; this project
trains the simplified form. `Form` states when both compute the same function.
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
    """Whether a network keeps the edges of its cell that have no effect.

    The simplified form drops two kinds of edges. The first kind does not reach the output: without
    these edges outputs and gradients are the same, and so are whole trainings. The second kind is a
    convolution whose source is an empty node, which is zero. Its batch norm turns the zeros into
    its shift beta. With `affine=False` beta is always 0, and whole trainings are the same again.
    With `affine=True` beta is 0 at initialisation (in training and in evaluation mode), so outputs
    and the gradients of all weights that both forms have agree there; but the literal network may
    learn beta as a constant per channel, which the simplified one does not have. 2,140 of the
    15,625 cells (13.7 %) have such a convolution.
    """

    LITERAL = "literal"
    SIMPLIFIED = "simplified"


def widths_of(shape: Shape) -> list[int]:
    """Return the number of channels of every stage: C, 2C and 4C."""
    return [shape.channels << stage for stage in range(STAGES)]


def simplify(cell: Architecture) -> Architecture:
    """Return the cell with `none` on every edge that is not live."""
    return tuple(
        operation if alive else NONE
        for operation, alive in zip(cell, live_edges(cell), strict=True)
    )


class Conv(nn.Conv2d):
    """A convolution without bias whose weights `initialise` draws; until then they are anything.

    torch's own would draw them from its global stream.
    """

    def __init__(self, before: int, after: int, kernel: int, stride: int = 1) -> None:
        """Make the layer; the padding keeps the side of the image if the stride is 1."""
        super().__init__(before, after, kernel, stride, padding=kernel // 2, bias=False)

    def reset_parameters(self) -> None:
        """Draw nothing."""


class Linear(nn.Linear):
    """A linear layer whose weights and bias `initialise` draws; until then they are anything."""

    def reset_parameters(self) -> None:
        """Draw nothing."""


class ReluConvNorm(nn.Sequential):
    """ReLU, a convolution without bias, batch norm: (B, before, H, W) -> (B, after, H', W')."""

    def __init__(self, before: int, after: int, kernel: int, stride: int, shape: Shape) -> None:
        """Make the layers; a stride of 1 keeps the side of the image."""
        super().__init__(
            nn.ReLU(),
            Conv(before, after, kernel, stride),
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
    """One cell, (B, C, H, W) -> the same; a node is the sum of its incoming edges' outputs."""

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
        """Return the last node; a node without incoming edges is zero, and so is its gradient."""
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
    """Two convolutions plus a pooled 1x1 shortcut: (B, C, H, W) -> (B, 2C, H/2, W/2)."""

    def __init__(self, before: int, after: int, shape: Shape) -> None:
        """Make both branches; the shortcut is average pooling and a convolution, no batch norm."""
        super().__init__()
        self.first = ReluConvNorm(before, after, 3, 2, shape)
        self.second = ReluConvNorm(after, after, 3, 1, shape)
        self.shortcut = nn.Sequential(nn.AvgPool2d(2, stride=2), Conv(before, after, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Return the sum of the two branches."""
        total: Tensor = self.second(self.first(x)) + self.shortcut(x)
        return total


class Frame(NamedTuple):
    """The layers outside the cells, which are the same in all networks."""

    stem: nn.Sequential
    reductions: nn.ModuleList
    head: nn.Sequential
    classifier: nn.Linear

    @classmethod
    def build(cls, data: Input, shape: Shape) -> "Frame":
        """Make the modules; their weights are initialised later, together with the cells'."""
        widths = widths_of(shape)
        norm = {"affine": shape.affine, "track_running_stats": shape.track_running_stats}
        return cls(
            nn.Sequential(
                Conv(data.channels, widths[0], 3),
                nn.BatchNorm2d(widths[0], **norm),
            ),
            nn.ModuleList(ResidualBlock(one, other, shape) for one, other in pairwise(widths)),
            nn.Sequential(nn.BatchNorm2d(widths[-1], **norm), nn.ReLU()),
            Linear(widths[-1], data.classes),
        )


class Around(nn.Module):
    """The layers outside the cells as one module: images -> logits (B, classes)."""

    def __init__(self, frame: Frame) -> None:
        super().__init__()
        self.stem, self.reductions, self.head, self.classifier = frame

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits of a network without cells."""
        x = self.stem(images)
        for reduction in self.reductions:
            x = reduction(x)
        logits: Tensor = self.classifier(self.head(x).mean(dim=(2, 3)))
        return logits


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
        """Build the network on the CPU; every weight is drawn from `generator` and nothing else.

        `around` is the shape of the layers outside the cells, if their batch norm differs from that
        of the cells.
        """
        super().__init__()
        self.cell = simplify(cell) if form is Form.SIMPLIFIED else tuple(cell)
        self.data = data
        self.shape = shape
        frame = Frame.build(data, around or shape)
        self.stem = frame.stem
        self.stages = nn.ModuleList(
            nn.Sequential(*(Cell(self.cell, width, shape) for _ in range(shape.cells)))
            for width in widths_of(shape)
        )
        self.reductions = frame.reductions
        self.head, self.classifier = frame.head, frame.classifier
        initialise(self, generator, initialisation)

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits, shape (B, classes)."""
        x = self.stages[0](self.stem(images))
        for reduction, stage in zip(self.reductions, list(self.stages)[1:], strict=True):
            x = stage(reduction(x))
        logits: Tensor = self.classifier(self.head(x).mean(dim=(2, 3)))
        return logits

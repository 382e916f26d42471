"""The supernet as one would write it first: a module per operation and edge, a sum per node.

Slow, default memory layout, nothing shared: what the fused one is checked and timed against.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn

from nasbench.spaces.inputs import Input
from nasbench.spaces.nb201 import EDGES, NODES, NONE, OPERATIONS
from nasbench.spaces.networks.base import Shape, initialise
from nasbench.spaces.networks.nb201 import STAGES, ResidualBlock, edge_module


class MixedEdge(nn.Module):
    """Equation 2 of DARTS: the weighted sum of all operations."""

    def __init__(self, channels: int, shape: Shape) -> None:
        super().__init__()
        self.operations = nn.ModuleDict(
            {
                str(operation): edge_module(operation, channels, shape)
                for operation in range(len(OPERATIONS))
                if operation != NONE
            }
        )

    def forward(self, x: Tensor, active: tuple[int, ...], weights: Tensor | None) -> Tensor:
        total = torch.zeros_like(x)
        for operation in active:
            if operation != NONE:
                y = self.operations[str(operation)](x)
                total = total + (y if weights is None else weights[operation] * y)
        return total


class PlainCell(nn.Module):
    def __init__(self, channels: int, shape: Shape) -> None:
        super().__init__()
        self.edges = nn.ModuleList(MixedEdge(channels, shape) for _ in EDGES)

    def forward(self, x: Tensor, active: tuple[tuple[int, ...], ...], weights: Tensor | None):
        nodes = [x]
        for target in range(1, NODES):
            entering = [edge for edge, ends in enumerate(EDGES) if ends[1] == target]
            nodes.append(
                sum(
                    self.edges[edge](
                        nodes[EDGES[edge][0]],
                        active[edge],
                        None if weights is None else weights[edge],
                    )
                    for edge in entering
                )
            )
        return nodes[-1]


class PlainSupernet(nn.Module):
    def __init__(self, data: Input, shape: Shape, *, generator: torch.Generator) -> None:
        super().__init__()
        widths = [shape.channels << stage for stage in range(STAGES)]
        norm = {"affine": shape.affine, "track_running_stats": shape.track_running_stats}
        self.shape = shape
        self.stem = nn.Sequential(
            nn.Conv2d(data.channels, widths[0], 3, padding=1, bias=False),
            nn.BatchNorm2d(widths[0], **norm),
        )
        self.cells = nn.ModuleList(
            PlainCell(width, shape) for width in widths for _ in range(shape.cells)
        )
        self.reductions = nn.ModuleList(
            ResidualBlock(before, after, shape) for before, after in pairwise(widths)
        )
        self.head = nn.Sequential(nn.BatchNorm2d(widths[-1], **norm), nn.ReLU())
        self.classifier = nn.Linear(widths[-1], data.classes)
        initialise(self, generator)

    def forward(self, images: Tensor, active, weights: Tensor | None = None) -> Tensor:
        x = self.stem(images)
        for place, cell in enumerate(self.cells):
            if place and place % self.shape.cells == 0:
                x = self.reductions[place // self.shape.cells - 1](x)
            x = cell(x, active, weights)
        return self.classifier(self.head(x).mean(dim=(2, 3)))

"""Activations of several networks in one tensor: how they are stored, selected and added.

A `Layout` stores the activations of G networks in one tensor and builds the layers that compute on
it. There are two: `as_channels` for processors and `as_products` for GPUs. `SplitGroups` and
`Merge` select the activations of some of the networks and add them up again, in either layout.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from nasbench.spaces.networks.stack import Norm, Stack


class Members:
    """The n networks that take part, by their positions in a group of G = `groups` networks."""

    def __init__(self, groups: int, positions: Sequence[int]) -> None:
        """Take at least one position; a network that is there twice takes part twice."""
        self.groups, self.positions = groups, tuple(positions)
        neighbours = range(self.positions[0], self.positions[0] + len(self.positions))
        consecutive = self.positions == tuple(neighbours)
        self.run = slice(neighbours.start, neighbours.stop) if consecutive else None
        """The positions as a slice if they are consecutive, else None."""
        self.everyone = consecutive and len(self.positions) == groups
        """Whether all networks of the group take part."""
        self._index: dict[torch.device, Tensor] = {}

    def index(self, device: torch.device) -> Tensor:
        """Return the positions as a tensor, which is sent to a device only once."""
        if device not in self._index:
            self._index[device] = torch.tensor(self.positions, device=device)
        return self._index[device]


class Takers:
    """Those who take one operation of one node: for each of some edges the members."""

    def __init__(self, edges: Sequence[Members]) -> None:
        """Take the members of one edge or more, of one group."""
        self.edges = tuple(edges)
        positions = [position for members in edges for position in members.positions]
        self.together = edges[0] if len(edges) == 1 else Members(edges[0].groups, positions)
        """The members of all edges, one edge after the other."""
        self.sizes = [len(members.positions) for members in edges]


class Layout(ABC):
    """How the activations of G networks with C channels each are stored in one tensor."""

    joins_edges: bool
    """Whether an operation on several edges that leave one node is computed as one."""

    @abstractmethod
    def enter(self, images: Tensor) -> Tensor:
        """Return images (B, channels, side, side) in the form that the stem takes."""

    @abstractmethod
    def conv(self, modules: Sequence[nn.Conv2d], *, shared_input: bool = False) -> Stack:
        """Return the convolutions of several networks; padding keeps the side if the stride is 1.

        With `shared_input` all read the same images, as in the stem.
        """

    @abstractmethod
    def norm(self, modules: Sequence[nn.BatchNorm2d]) -> Norm:
        """Return the batch norms of several networks."""

    @abstractmethod
    def average(self, x: Tensor) -> Tensor:
        """Return the mean of every pixel and its neighbours (3x3, without what lies outside)."""

    @abstractmethod
    def halve(self, x: Tensor) -> Tensor:
        """Return the mean of every square of 2x2 pixels, which halves the side."""

    @abstractmethod
    def features(self, x: Tensor, groups: int) -> Tensor:
        """Return the means over all pixels, shape (G, B, C)."""

    @abstractmethod
    def gather(self, x: Tensor, members: Sequence[Members]) -> tuple[Tensor, ...]:
        """Return for each of the members their activations in `x`, which is of all networks.

        They may share memory with `x` and with each other. What is of all networks is `x` itself.
        """

    @abstractmethod
    def scatter(self, members: Sequence[Members], pieces: Sequence[Tensor]) -> Tensor:
        """Sum pieces, which are of the members, into one tensor of all; the rest of it is zero.

        No network may be twice among the members of a piece. If there is a single piece, of all
        networks, it is returned itself. Sums have the same order in every call.
        """

    @abstractmethod
    def split(self, x: Tensor, sizes: Sequence[int]) -> Sequence[Tensor]:
        """Return the activations of the first networks of `x`, of the next ones and so on.

        There is only one size unless the layout joins edges.
        """


class SplitGroups(torch.autograd.Function):
    """Select the activations of some networks, for several lists of networks at once.

    One function handles all lists, so that the backward pass fills a single gradient of x.
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, layout: Layout, takers: Sequence[Takers]
    ) -> tuple[Tensor, ...]:
        """Return the activations that each of the takers gets."""
        ctx.layout, ctx.takers = layout, takers
        parts = layout.gather(x, [one.together for one in takers])
        return tuple(part.view_as(x) if part is x else part for part in parts)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Add each gradient to the networks of x that were selected, edge by edge."""
        members = [edge for one in ctx.takers for edge in one.edges]
        pieces = [
            piece
            for one, gradient in zip(ctx.takers, gradients, strict=True)
            for piece in ctx.layout.split(gradient, one.sizes)
        ]
        return ctx.layout.scatter(members, pieces), None, None


class Merge(torch.autograd.Function):
    """Add activations of some networks to a tensor of all: the transpose of `SplitGroups`."""

    @staticmethod
    def forward(ctx: Any, layout: Layout, members: Sequence[Members], *pieces: Tensor) -> Tensor:
        """Return the sum of the pieces; networks that are in no piece are zero."""
        ctx.layout, ctx.members = layout, members
        total = layout.scatter(members, pieces)
        return total.view_as(total) if total is pieces[0] else total

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Return for each piece the gradient of the networks it was added to."""
        return None, None, *ctx.layout.gather(gradient, ctx.members)

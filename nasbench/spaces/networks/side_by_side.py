"""Activations of several networks in one tensor: how they are stored, selected and added.

A `Layout` stores the activations of G networks in one tensor and builds the layers that compute on
it. There are two: `as_channels` for processors and `as_products` for GPUs. `SplitGroups` and
`Merge` select the activations of some of the networks and add them up again, in either layout.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from nasbench.spaces.networks.stack import Norm, Stack


@dataclass(frozen=True, eq=False)
class Members:
    """The n networks that take part, by their positions in a group of G = `groups` networks.

    `index` is a tensor with the same numbers as `positions`.
    """

    groups: int
    positions: tuple[int, ...]
    index: Tensor

    @property
    def everyone(self) -> bool:
        """Whether all networks of the group take part."""
        return len(self.positions) == self.groups

    @property
    def run(self) -> slice | None:
        """The positions as a slice if they are consecutive, else None."""
        first, last = self.positions[0], self.positions[-1]
        return slice(first, last + 1) if last - first + 1 == len(self.positions) else None


class Layout(ABC):
    """How the activations of G networks with C channels each are stored in one tensor."""

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
    def gather(self, x: Tensor, members: Members) -> Tensor:
        """Return the activations of some of the G networks of `x`; they may share its memory."""

    @abstractmethod
    def zeros(self, piece: Tensor, members: Members) -> Tensor:
        """Return zeros for all G networks, in a tensor like `piece`, which is of the members."""

    @abstractmethod
    def add(self, total: Tensor, piece: Tensor, members: Members) -> None:
        """Add `piece`, which is of the members, in place to `total`, which is of all networks."""


def scatter(layout: Layout, members: Sequence[Members], pieces: Sequence[Tensor]) -> Tensor:
    """Sum the pieces of some networks into one tensor of all; what is in no piece is zero."""
    order = sorted(range(len(pieces)), key=lambda i: not members[i].everyone)
    first = order[0]
    if members[first].everyone:
        if len(pieces) == 1:
            return pieces[0]
        total = pieces[first].clone(memory_format=torch.preserve_format)
        order = order[1:]
    else:
        total = layout.zeros(pieces[0], members[0])
    for i in order:
        layout.add(total, pieces[i], members[i])
    return total


class SplitGroups(torch.autograd.Function):
    """Select the activations of some networks, for several lists of networks at once.

    One function handles all lists, so that the backward pass fills a single gradient of x.
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, layout: Layout, members: Sequence[Members]
    ) -> tuple[Tensor, ...]:
        """Return the activations of each list of networks."""
        ctx.layout, ctx.members = layout, members
        return tuple(layout.gather(x, m) if not m.everyone else x.view_as(x) for m in members)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Add each gradient to the networks of x that were selected."""
        return scatter(ctx.layout, ctx.members, gradients), None, None


class Merge(torch.autograd.Function):
    """Add activations of some networks to a tensor of all: the transpose of `SplitGroups`."""

    @staticmethod
    def forward(ctx: Any, layout: Layout, members: Sequence[Members], *pieces: Tensor) -> Tensor:
        """Return the sum of the pieces; networks that are in no piece are zero."""
        ctx.layout, ctx.members = layout, members
        total = scatter(layout, members, pieces)
        return total.view_as(total) if total is pieces[0] else total

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Return for each piece the gradient of the networks it was added to."""
        return None, None, *(ctx.layout.gather(gradient, m) for m in ctx.members)

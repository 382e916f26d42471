"""Gathering and adding the channels of some of many networks that lie side by side.

The channels of G networks are neighbours, network after network, in one tensor of shape
(B, G*C, H, W) in channels_last memory.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Members:
    """Which networks of a group of `groups` take part: a slice where they are neighbours."""

    groups: int
    positions: tuple[int, ...]
    index: Tensor

    @property
    def everyone(self) -> bool:
        """Whether no network is left out."""
        return len(self.positions) == self.groups

    @property
    def run(self) -> slice | None:
        """The positions as a slice, if they are consecutive."""
        first, last = self.positions[0], self.positions[-1]
        return slice(first, last + 1) if last - first + 1 == len(self.positions) else None

    def gather(self, x: Tensor) -> Tensor:
        """Copy the members' channels, (B, G*C, H, W) -> (B, n*C, H, W); all of them: `x`."""
        if self.everyone:
            return x
        width = x.shape[1] // self.groups
        if self.run is not None:
            part = x[:, self.run.start * width : self.run.stop * width]
            return part.contiguous(memory_format=torch.channels_last)
        return _image(_rows(x, self.groups).index_select(1, self.index), x)

    def add(self, total: Tensor, piece: Tensor) -> None:
        """Add a (B, n*C, H, W) piece in place to the members' channels of a total."""
        if self.run is not None:
            width = total.shape[1] // self.groups
            total[:, self.run.start * width : self.run.stop * width] += piece
        else:
            _rows(total, self.groups).index_add_(1, self.index, _rows(piece, len(self.positions)))


def scatter(members: Sequence[Members], pieces: Sequence[Tensor]) -> Tensor:
    """Sum pieces (B, n*C, H, W) into (B, G*C, H, W), zero where nothing is brought."""
    order = sorted(range(len(pieces)), key=lambda i: not members[i].everyone)
    first = order[0]
    if members[first].everyone:
        if len(pieces) == 1:
            return pieces[0]
        total = pieces[first].clone(memory_format=torch.channels_last)
        order = order[1:]
    else:
        batch, channels, height, width = pieces[0].shape
        channels = channels // len(members[0].positions) * members[0].groups
        total = pieces[0].new_zeros(batch, height, width, channels).permute(0, 3, 1, 2)
    for i in order:
        members[i].add(total, pieces[i])
    return total


class Split(torch.autograd.Function):
    """Gather the channels of some networks, for several lists of networks at once.

    x (B, G*C, H, W) -> one (B, n*C, H, W) per list. One function for all lists, so that the
    backward pass fills one gradient of x.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, members: Sequence[Members]) -> tuple[Tensor, ...]:
        """Copy the chosen blocks of channels."""
        ctx.members = members
        return tuple(m.gather(x) if not m.everyone else x.view_as(x) for m in members)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Add each gradient where its channels came from."""
        return scatter(ctx.members, gradients), None


class Merge(torch.autograd.Function):
    """Add the channels of some networks into all networks' sums: the transpose of `Split`."""

    @staticmethod
    def forward(ctx: Any, members: Sequence[Members], *pieces: Tensor) -> Tensor:
        """Pieces (B, n*C, H, W) -> (B, G*C, H, W), zero where nothing was brought."""
        ctx.members = members
        total = scatter(members, pieces)
        return total.view_as(total) if total is pieces[0] else total

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Each piece gets the gradient of the channels it was added to."""
        return None, *(m.gather(gradient) for m in ctx.members)


def _rows(x: Tensor, groups: int) -> Tensor:
    """View (B, G*C, H, W) in channels_last memory as (B*H*W, G, C)."""
    return x.permute(0, 2, 3, 1).reshape(-1, groups, x.shape[1] // groups)


def _image(rows: Tensor, like: Tensor) -> Tensor:
    """View (B*H*W, G, C) as (B, G*C, H, W) in channels_last memory."""
    batch, _, height, width = like.shape
    return rows.view(batch, height, width, -1).permute(0, 3, 1, 2)

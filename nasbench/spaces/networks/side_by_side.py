"""Select and add the channels of some of the networks whose channels are in one tensor.

The channels of G networks are stored side by side, network after network, in one tensor of shape
(B, G*C, H, W) in channels_last memory.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


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

    def gather(self, x: Tensor) -> Tensor:
        """Return the members' channels, (B, G*C, H, W) -> (B, n*C, H, W), as a copy.

        If all networks are members, this is `x` itself.
        """
        if self.everyone:
            return x
        width = x.shape[1] // self.groups
        if self.run is not None:
            part = x[:, self.run.start * width : self.run.stop * width]
            return part.contiguous(memory_format=torch.channels_last)
        return _image(_rows(x, self.groups).index_select(1, self.index), x)

    def add(self, total: Tensor, piece: Tensor) -> None:
        """Add `piece` (B, n*C, H, W) in place to the members' channels of `total`."""
        if self.run is not None:
            width = total.shape[1] // self.groups
            total[:, self.run.start * width : self.run.stop * width] += piece
        else:
            _rows(total, self.groups).index_add_(1, self.index, _rows(piece, len(self.positions)))


def scatter(members: Sequence[Members], pieces: Sequence[Tensor]) -> Tensor:
    """Sum pieces (B, n*C, H, W) into (B, G*C, H, W); channels that are in no piece are zero."""
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


class SplitGroups(torch.autograd.Function):
    """Select the channels of some networks, for several lists of networks at once.

    x (B, G*C, H, W) -> one (B, n*C, H, W) per list. One function handles all lists, so that the
    backward pass fills a single gradient of x.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, members: Sequence[Members]) -> tuple[Tensor, ...]:
        """Return the channels of each list of networks."""
        ctx.members = members
        return tuple(m.gather(x) if not m.everyone else x.view_as(x) for m in members)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Add each gradient to the channels of x that were selected."""
        return scatter(ctx.members, gradients), None


class Merge(torch.autograd.Function):
    """Add channels of some networks to a tensor of all networks: the transpose of `SplitGroups`."""

    @staticmethod
    def forward(ctx: Any, members: Sequence[Members], *pieces: Tensor) -> Tensor:
        """Pieces (B, n*C, H, W) -> (B, G*C, H, W); channels that are in no piece are zero."""
        ctx.members = members
        total = scatter(members, pieces)
        return total.view_as(total) if total is pieces[0] else total

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Return for each piece the gradient of the channels it was added to."""
        return None, *(m.gather(gradient) for m in ctx.members)


def _rows(x: Tensor, groups: int) -> Tensor:
    """View (B, G*C, H, W) in channels_last memory as (B*H*W, G, C)."""
    return x.permute(0, 2, 3, 1).reshape(-1, groups, x.shape[1] // groups)


def _image(rows: Tensor, like: Tensor) -> Tensor:
    """View (B*H*W, G, C) as (B, G*C, H, W) in channels_last memory."""
    batch, _, height, width = like.shape
    return rows.view(batch, height, width, -1).permute(0, 3, 1, 2)

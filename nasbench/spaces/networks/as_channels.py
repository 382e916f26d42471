"""Networks side by side as channels: a layer is one grouped convolution. Made for processors.

The channels of G networks are stored side by side, network after network, in one tensor of shape
(B, G*C, H, W) in channels_last memory. A layer that all networks have is one grouped convolution.
A GPU computes a grouped convolution as one kernel per group: see `as_products`.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nasbench.spaces.networks.side_by_side import Layout, Members
from nasbench.spaces.networks.stack import Norm, Stack


class Conv(Stack):
    """One grouped convolution for the convolutions of several networks."""

    def __init__(self, modules: Sequence[nn.Conv2d], *, shared_input: bool) -> None:
        """Stack convolutions; with `shared_input` all read the same images, as in the stem."""
        super().__init__(modules, torch.channels_last)
        self.stride, self.padding = modules[0].stride, modules[0].padding
        self.groups = 1 if shared_input else len(modules)
        self.weight: nn.Parameter

    def forward(self, x: Tensor) -> Tensor:
        """(B, G*before, H, W) -> (B, G*after, H', W')."""
        y = F.conv2d(x, self.weight, None, self.stride, self.padding, groups=self.groups)
        return y.contiguous(memory_format=torch.channels_last)


class Channels(Layout):
    """Activations in one tensor (B, G*C, H, W) in channels_last memory."""

    joins_edges = False

    def enter(self, images: Tensor) -> Tensor:
        """Return the images."""
        return images

    def conv(self, modules: Sequence[nn.Conv2d], *, shared_input: bool = False) -> Stack:
        """Return a grouped convolution."""
        return Conv(modules, shared_input=shared_input)

    def norm(self, modules: Sequence[nn.BatchNorm2d]) -> Norm:
        """Return a batch norm of G*C channels."""
        return Norm(modules)

    def average(self, x: Tensor) -> Tensor:
        """Return the mean of every pixel and its neighbours."""
        return F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)

    def halve(self, x: Tensor) -> Tensor:
        """Return the mean of every square of 2x2 pixels."""
        return F.avg_pool2d(x, 2)

    def features(self, x: Tensor, groups: int) -> Tensor:
        """(B, G*C, H, W) -> (G, B, C)."""
        return x.mean(dim=(2, 3)).view(len(x), groups, -1).transpose(0, 1)

    def gather(self, x: Tensor, members: Sequence[Members]) -> tuple[Tensor, ...]:
        """(B, G*C, H, W) -> (B, n*C, H, W) for each of the members, as a copy unless it is all."""
        return tuple(_gathered(x, some) for some in members)

    def scatter(self, members: Sequence[Members], pieces: Sequence[Tensor]) -> Tensor:
        """Pieces (B, n*C, H, W) -> (B, G*C, H, W)."""
        order = sorted(range(len(pieces)), key=lambda i: not members[i].everyone)
        first = order[0]
        if members[first].everyone:
            if len(pieces) == 1:
                return pieces[0]
            total = pieces[first].clone(memory_format=torch.channels_last)
            order = order[1:]
        else:
            total = _zeros(pieces[0], members[0])
        for i in order:
            _add(total, pieces[i], members[i])
        return total

    def split(self, x: Tensor, sizes: Sequence[int]) -> Sequence[Tensor]:
        """Return the whole, as edges are not joined."""
        return (x,)


def _gathered(x: Tensor, members: Members) -> Tensor:
    if members.everyone:
        return x
    width = x.shape[1] // members.groups
    if members.run is not None:
        part = x[:, members.run.start * width : members.run.stop * width]
        return part.contiguous(memory_format=torch.channels_last)
    return _image(_rows(x, members.groups).index_select(1, members.index(x.device)), x)


def _zeros(piece: Tensor, members: Members) -> Tensor:
    """Return zeros for all networks: (B, n*C, H, W) -> (B, G*C, H, W)."""
    batch, channels, height, width = piece.shape
    channels = channels // len(members.positions) * members.groups
    return piece.new_zeros(batch, height, width, channels).permute(0, 3, 1, 2)


def _add(total: Tensor, piece: Tensor, members: Members) -> None:
    """Add `piece` (B, n*C, H, W) in place to the members' channels of `total`."""
    if members.run is not None:
        width = total.shape[1] // members.groups
        total[:, members.run.start * width : members.run.stop * width].add_(piece)
    else:
        rows = _rows(piece, len(members.positions))
        _rows(total, members.groups).index_add_(1, members.index(total.device), rows)


def _rows(x: Tensor, groups: int) -> Tensor:
    """View (B, G*C, H, W) in channels_last memory as (B*H*W, G, C)."""
    return x.permute(0, 2, 3, 1).reshape(-1, groups, x.shape[1] // groups)


def _image(rows: Tensor, like: Tensor) -> Tensor:
    """View (B*H*W, G, C) as (B, G*C, H, W) in channels_last memory."""
    batch, _, height, width = like.shape
    return rows.view(batch, height, width, -1).permute(0, 3, 1, 2)

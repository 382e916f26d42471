"""Networks side by side as matrices: a layer is one batched matrix product. Made for GPUs.

The activations of G networks are one contiguous tensor of shape (G, C, H, W, B): the network comes
first, so that some of the networks are a slice, and the images of the batch come last, so that a
shift of the image moves whole runs of B numbers. A convolution is `bmm` of the weights (G, after,
before*k*k) with columns (G, before*k*k, H*W*B). The same operation on all edges that leave one node
of a cell is one product, in which a network takes part once per edge.

Columns of a 3x3 convolution hold every input number nine times. Per layer of n input and n output
numbers this reads and writes about 22 n numbers (padding 2 n, columns 10 n, product 10 n) in three
kernels. Nine products of shifted inputs, each of which reads the input and adds to the output, read
and write 27 n numbers in nine kernels, with inner dimensions as short as C = 8. Columns are made
again in the backward pass, which keeps only the input: its gradient is the same convolution, of the
output's gradient with the kernels turned around.
"""

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nasbench.spaces.networks.side_by_side import Layout, Members
from nasbench.spaces.networks.stack import Norm, Stack


class Convolution3x3(torch.autograd.Function):
    """3x3 convolutions of several networks with padding 1, each of its own input."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, stride: int) -> Tensor:
        """Convolve x (G, before, H, W, B) with weight (G, after, before, 3, 3)."""
        ctx.save_for_backward(x, weight)
        ctx.stride = stride
        return _convolved(x, weight, stride)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of x and weight."""
        x, weight = ctx.saved_tensors
        rows = gradient.flatten(2)
        of_weight = torch.bmm(rows, columns(x, ctx.stride).transpose(1, 2)).view_as(weight)
        if ctx.stride == 1:
            turned = weight.flip(3, 4).transpose(1, 2)
            return _convolved(gradient, turned, 1), of_weight, None
        brought = torch.bmm(weight.flatten(2).transpose(1, 2), rows)
        return _folded(brought, x, ctx.stride), of_weight, None


class Conv(Stack):
    """One batched matrix product for the convolutions of several networks, 1x1 or 3x3."""

    def __init__(self, modules: Sequence[nn.Conv2d], *, shared_input: bool) -> None:
        """Stack convolutions; with `shared_input` all read the same images, as in the stem."""
        super().__init__(modules)
        self.stride, self.shared_input = modules[0].stride[0], shared_input
        self.weight: nn.Parameter

    def forward(self, x: Tensor) -> Tensor:
        """(G, before, H, W, B) -> (G, after, H', W', B); G is 1 if the input is shared."""
        x, weight = _in_autocast_type(x, self.weight)
        side = (x.shape[2] - 1) // self.stride + 1
        if self.shared_input:
            y = torch.mm(weight.flatten(1), columns(x, self.stride)[0])
        elif weight.shape[-1] == 1:
            y = torch.bmm(weight.view(self.size, -1, x.shape[1]), x.flatten(2))
        else:
            kernels = weight.view(self.size, -1, *weight.shape[1:])
            y = Convolution3x3.apply(x, kernels, self.stride)  # type: ignore[no-untyped-call]
        return y.view(self.size, -1, side, side, x.shape[-1])


class NormOfProducts(Norm):
    """Batch norm of several networks: a pixel of an image is one number of its channel's row."""

    def forward(self, x: Tensor) -> Tensor:
        """(G, C, H, W, B) -> the same."""
        return super().forward(x.view(1, x.shape[0] * x.shape[1], -1)).view_as(x)


class Products(Layout):
    """Activations in one contiguous tensor (G, C, H, W, B)."""

    joins_edges = True

    def __init__(self) -> None:
        """Keep what says which networks are selected and summed, on the device that does it."""
        self._joined: dict[tuple[Members, ...], Members] = {}
        self._summed: dict[tuple[tuple[Members, ...], torch.device], tuple[Tensor, Tensor]] = {}

    def enter(self, images: Tensor) -> Tensor:
        """(B, channels, side, side) -> (1, channels, side, side, B)."""
        return images.permute(1, 2, 3, 0).contiguous()[None]

    def conv(self, modules: Sequence[nn.Conv2d], *, shared_input: bool = False) -> Stack:
        """Return a batched matrix product."""
        return Conv(modules, shared_input=shared_input)

    def norm(self, modules: Sequence[nn.BatchNorm2d]) -> Norm:
        """Return a batch norm of G*C channels."""
        return NormOfProducts(modules)

    def average(self, x: Tensor) -> Tensor:
        """Return the mean of every pixel and its neighbours."""
        return _pooled(x, 3, 1, 1)

    def halve(self, x: Tensor) -> Tensor:
        """Return the mean of every square of 2x2 pixels."""
        return _pooled(x, 2, 2, 0)

    def features(self, x: Tensor, groups: int) -> Tensor:
        """(G, C, H, W, B) -> (G, B, C)."""
        return x.mean(dim=(2, 3)).transpose(1, 2)

    def gather(self, x: Tensor, members: Sequence[Members]) -> tuple[Tensor, ...]:
        """(G, ...) -> (n, ...) for each of the members: slices of neighbours, copies of others."""
        apart = tuple(some for some in members if some.run is None)
        copied = iter(self._copied(x, apart) if apart else ())
        return tuple(
            x if some.everyone else next(copied) if some.run is None else x[some.run]
            for some in members
        )

    def scatter(self, members: Sequence[Members], pieces: Sequence[Tensor]) -> Tensor:
        """Pieces (n, ...) -> (G, ...): every network is the sum of its rows, in their order."""
        if len(pieces) == 1 and members[0].everyone:
            return pieces[0]
        rows, ends = self._rows_of(tuple(members), pieces[0].device)
        every = torch.cat(list(pieces)).flatten(1)
        sums = F.embedding_bag(rows, every, ends, mode="sum", include_last_offset=True)
        return sums.view(-1, *pieces[0].shape[1:])

    def split(self, x: Tensor, sizes: Sequence[int]) -> Sequence[Tensor]:
        """Return slices of the networks, without a copy."""
        return torch.split(x, list(sizes))

    def _copied(self, x: Tensor, members: tuple[Members, ...]) -> Sequence[Tensor]:
        """Return the activations of each of the members, copied by one kernel."""
        if members not in self._joined:
            positions = [position for some in members for position in some.positions]
            self._joined[members] = Members(members[0].groups, positions)
        index = self._joined[members].index(x.device)
        return torch.split(x.index_select(0, index), [len(some.positions) for some in members])

    def _rows_of(self, members: tuple[Members, ...], device: torch.device) -> tuple[Tensor, Tensor]:
        """Return which rows of the joined pieces are of each network, and where its rows end."""
        if (members, device) not in self._summed:
            rows: list[list[int]] = [[] for _ in range(members[0].groups)]
            every = (position for some in members for position in some.positions)
            for row, position in enumerate(every):
                rows[position].append(row)
            ends = [0, *accumulate(map(len, rows))]
            numbers = ([row for some in rows for row in some], ends)
            first, second = (torch.tensor(some, device=device) for some in numbers)
            self._summed[members, device] = first, second
        return self._summed[members, device]


def columns(x: Tensor, stride: int) -> Tensor:
    """Return the 3x3 neighbours of every pixel: (G, C, H, W, B) -> (G, C*9, H'*W'*B)."""
    padded = F.pad(x, (0, 0, 1, 1, 1, 1))
    windows = padded.unfold(2, 3, stride).unfold(3, 3, stride)  # (G, C, H', W', B, 3, 3)
    groups, channels = x.shape[:2]
    return windows.permute(0, 1, 5, 6, 2, 3, 4).reshape(groups, channels * 9, -1)


def _convolved(x: Tensor, weight: Tensor, stride: int) -> Tensor:
    side = (x.shape[2] - 1) // stride + 1
    y = torch.bmm(weight.flatten(2), columns(x, stride))
    return y.view(*y.shape[:2], side, side, x.shape[-1])


def _folded(brought: Tensor, x: Tensor, stride: int) -> Tensor:
    """Add every column to the pixel it was read from, the transpose of `columns`: shape of `x`."""
    groups, channels, height, width, batch = x.shape
    total = brought.new_zeros(groups, channels, height + 2, width + 2, batch)
    side = (height - 1) // stride + 1
    parts = brought.view(groups, channels, 3, 3, side, side, batch)
    reach = stride * (side - 1) + 1
    for row in range(3):
        for column in range(3):
            rows, across = slice(row, row + reach, stride), slice(column, column + reach, stride)
            total[:, :, rows, across].add_(parts[:, :, row, column])
    return total[:, :, 1:-1, 1:-1].contiguous()


def _pooled(x: Tensor, kernel: int, stride: int, padding: int) -> Tensor:
    """Average squares of pixels: torch sees the images of the batch as channels, stored last."""
    images = x.flatten(0, 1).permute(0, 3, 1, 2)  # (G*C, B, H, W)
    pooled = F.avg_pool2d(images, kernel, stride, padding, count_include_pad=False)
    pixels = pooled.permute(0, 2, 3, 1).contiguous()
    return pixels.view(*x.shape[:2], *pixels.shape[1:])


def _in_autocast_type(x: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Return both in the type in which autocast has products computed, if it is on."""
    kind = x.device.type
    if not (torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind)):
        return x, weight
    dtype = torch.get_autocast_dtype(kind)
    return x.to(dtype), weight.to(dtype)

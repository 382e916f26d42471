"""The supernet of NAS-Bench-201's cell: every operation on every edge, weights shared by all cells.

One forward pass serves all one-shot methods. A `Mix` says which operations of each edge are
computed and how much each counts: all of them (DARTS, FBNet), one (ENAS, GDAS, random sampling)
or two (ProxylessNAS).

It is fast by construction. All edges that leave a node read the same tensor, so they share one
ReLU and one pooling, and their convolutions of one kind are a single wide one, (B, C, H, W) ->
(B, edges * C, H, W), in channels_last memory. A weight that scales a convolution's branch goes
into the scale of the batch norm that ends it.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nasbench.spaces.base import Architecture
from nasbench.spaces.nb201 import AVG_POOL, EDGES, NODES, NONE, OPERATIONS, SKIP, Input
from nasbench.spaces.networks.nb201 import (
    KERNEL,
    Cell,
    Form,
    Frame,
    Network,
    Shape,
    initialise,
)

LEAVING = tuple(
    tuple(edge for edge, (start, _) in enumerate(EDGES) if start == node) for node in range(NODES)
)
"""Edges that leave each node, in the order of the cell string."""


class Mix(NamedTuple):
    """What a forward pass computes on each edge.

    `active[edge]` are the operations that are computed; the others count as absent. `weights`,
    shape (edges, operations), scales each of them; None adds them as they are. Every cell of the
    network does the same.
    """

    active: tuple[tuple[int, ...], ...]
    weights: Tensor | None = None

    @classmethod
    def all_of(cls, weights: Tensor) -> "Mix":
        """Every operation, scaled: the continuous relaxation of DARTS, equation 2."""
        return cls((tuple(range(len(OPERATIONS))),) * len(EDGES), weights)

    @classmethod
    def only(cls, architecture: Architecture, weights: Tensor | None = None) -> "Mix":
        """One operation per edge: a cell, or, with weights, GDAS' sampled one."""
        return cls(tuple((choice,) for choice in architecture), weights)


class WideConvNorm(nn.Module):
    """The convolutions of one kind on all edges that leave a node, and their batch norms."""

    def __init__(self, channels: int, kernel: int, edges: int, shape: Shape) -> None:
        """`edges` convolutions of C to C channels, side by side."""
        super().__init__()
        self.channels, self.edges = channels, edges
        # Named as what it is in one network, so that it is initialised as that.
        self.conv = nn.Conv2d(channels, edges * channels, kernel, padding=kernel // 2, bias=False)
        self.norm = nn.BatchNorm2d(
            edges * channels, affine=shape.affine, track_running_stats=shape.track_running_stats
        )

    def forward(self, x: Tensor, chosen: Sequence[int], scale: Tensor | None) -> Tensor:
        """Positive x, after its ReLU, (B, C, H, W) -> (B, len(chosen) * C, H, W).

        `chosen` are positions among the edges, `scale` one factor for each of them.
        """
        everyone = len(chosen) == self.edges
        rows = slice(None) if everyone else self._rows(chosen)
        norm = self.norm
        y = F.conv2d(x, self.conv.weight[rows], padding=self.conv.padding)
        gain, shift = self._scaled(rows, scale)
        training = self.training or norm.running_mean is None
        mean, variance = norm.running_mean, norm.running_var
        if mean is None or variance is None or everyone:
            return F.batch_norm(
                y, mean, variance, gain, shift, training, norm.momentum or 0.0, norm.eps
            )
        part, spread = mean[rows], variance[rows]
        y = F.batch_norm(y, part, spread, gain, shift, training, norm.momentum or 0.0, norm.eps)
        if training and not isinstance(rows, slice):  # a slice is a view, an index a copy
            mean[rows], variance[rows] = part, spread
        return y

    def _rows(self, chosen: Sequence[int]) -> Any:
        """Return the output channels of the chosen edges: a slice where they are neighbours."""
        c, first, last = self.channels, chosen[0], chosen[-1]
        if last - first + 1 == len(chosen):
            return slice(first * c, (last + 1) * c)
        return torch.cat([torch.arange(one * c, (one + 1) * c) for one in chosen]).to(
            self.conv.weight.device
        )

    def _scaled(self, rows: Any, scale: Tensor | None) -> tuple[Tensor | None, Tensor | None]:
        """Return the batch norm's scale and shift with the factors multiplied in."""
        own: tuple[Tensor, Tensor] | None = None
        if self.norm.affine:
            own = self.norm.weight[rows], self.norm.bias[rows]
        if scale is None:
            return own or (None, None)
        wide = scale.repeat_interleave(self.channels)  # not expanded: batch norm ignores strides
        return (wide, None) if own is None else (wide * own[0], wide * own[1])

    def copy_to(self, module: Any, position: int) -> None:
        """Write the tensors of one edge into a `ReluConvNorm` of its own."""
        own = slice(position * self.channels, (position + 1) * self.channels)
        module[1].weight.data.copy_(self.conv.weight[own].detach())
        for name, joined in (*self.norm.named_parameters(), *self.norm.named_buffers()):
            if joined.dim():
                getattr(module[2], name).data.copy_(joined[own].detach())


class SuperCell(nn.Module):
    """A cell with all operations on all edges: (B, C, H, W) -> the same."""

    def __init__(self, channels: int, shape: Shape) -> None:
        """Make the convolutions of every node that has edges leaving it."""
        super().__init__()
        self.convs = nn.ModuleDict(
            {
                f"{node}_{operation}": WideConvNorm(channels, kernel, len(LEAVING[node]), shape)
                for node in range(NODES - 1)
                for operation, kernel in KERNEL.items()
            }
        )

    def forward(self, x: Tensor, mix: Mix) -> Tensor:
        """Compute the last node; a node that nothing enters is zero."""
        nodes: list[Tensor | None] = [x, *(None,) * (NODES - 1)]
        for node in range(NODES - 1):
            source = nodes[node]
            if source is None:
                source = nodes[node] = torch.zeros_like(x)
            for edge, brought in self._leave(node, source, mix):
                target = EDGES[edge][1]
                so_far = nodes[target]
                nodes[target] = brought if so_far is None else so_far + brought
        last = nodes[-1]
        return torch.zeros_like(x) if last is None else last

    def _leave(self, node: int, x: Tensor, mix: Mix) -> list[tuple[int, Tensor]]:
        """Return what every active operation brings, with the edge it stands on."""
        takers = {
            operation: [edge for edge in LEAVING[node] if operation in mix.active[edge]]
            for operation in range(len(OPERATIONS))
            if operation != NONE
        }
        found = []
        if takers[AVG_POOL]:
            pooled = F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)
            found += [(e, _scale(pooled, mix, e, AVG_POOL)) for e in takers[AVG_POOL]]
        found += [(edge, _scale(x, mix, edge, SKIP)) for edge in takers[SKIP]]
        if any(takers[operation] for operation in KERNEL):
            positive = F.relu(x)
            for operation in KERNEL:
                edges = takers[operation]
                if edges:
                    scale = None if mix.weights is None else mix.weights[edges, operation]
                    wide: Any = self.convs[f"{node}_{operation}"]
                    places = [LEAVING[node].index(edge) for edge in edges]
                    parts = wide(positive, places, scale).chunk(len(edges), dim=1)
                    found += zip(edges, parts, strict=True)
        return found

    def copy_to(self, cell: Any) -> None:
        """Write the tensors of the operations that `cell`, a `nb201.Cell`, has into it."""
        for name, module in cell.edges.items():
            source, target = map(int, name.split("_"))
            for operation, kernel in KERNEL.items():
                conv: Any = module[1] if isinstance(module, nn.Sequential) else None
                if conv is not None and conv.kernel_size[0] == kernel:
                    wide: Any = self.convs[f"{source}_{operation}"]
                    wide.copy_to(module, LEAVING[source].index(EDGES.index((source, target))))


def _scale(x: Tensor, mix: Mix, edge: int, operation: int) -> Tensor:
    return x if mix.weights is None else x * mix.weights[edge, operation]


class Supernet(nn.Module):
    """All 15,625 networks in one: images (B, channels, side, side) -> logits (B, classes)."""

    def __init__(
        self,
        data: Input,
        shape: Shape,
        *,
        generator: torch.Generator,
        precision: torch.dtype | None = None,
    ) -> None:
        """Build on the CPU and initialise every weight from `generator`, as `Network` does.

        `precision` is what is computed in (autocast) where that is not the type of the weights.
        """
        super().__init__()
        self.data, self.shape, self.precision = data, shape, precision
        with torch.device("meta"):
            frame = Frame.build(data, shape)
            self.stem = frame.stem
            self.cells = nn.ModuleList(
                SuperCell(width, shape) for width in shape.widths for _ in range(shape.cells)
            )
            self.reductions = frame.reductions
            self.head, self.classifier = frame.head, frame.classifier
        self.to_empty(device="cpu")
        initialise(self, generator)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, images: Tensor, mix: Mix) -> Tensor:
        """Return the logits of the network that `mix` describes, shape (B, classes)."""
        enabled = self.precision is not None
        with torch.autocast(images.device.type, self.precision, enabled=enabled):
            return self._logits(images, mix).to(images.dtype)

    def _logits(self, images: Tensor, mix: Mix) -> Tensor:
        x = self.stem(images.contiguous(memory_format=torch.channels_last))
        for place, cell in enumerate(self.cells):
            if place and place % self.shape.cells == 0:
                x = self.reductions[place // self.shape.cells - 1](x)
            x = cell(x, mix)
        logits: Tensor = self.classifier(self.head(x).mean(dim=(2, 3)))
        return logits

    def inherit(self, architecture: Architecture) -> Network:
        """Return the network of one cell with the weights and statistics it has here."""
        alone = Network(
            architecture,
            self.data,
            self.shape,
            generator=torch.Generator(),
            form=Form.LITERAL,
        )
        device = self.classifier.weight.device
        alone = alone.to(device, self.classifier.weight.dtype)
        for name in ("stem", "reductions", "head", "classifier"):
            getattr(alone, name).load_state_dict(getattr(self, name).state_dict())
        theirs = [module for module in alone.modules() if isinstance(module, Cell)]
        for wide, cell in zip(self.cells, theirs, strict=True):
            copy_to: Any = wide.copy_to
            copy_to(cell)
        return alone

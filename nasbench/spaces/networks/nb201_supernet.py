"""The supernet of NAS-Bench-201's cell: every operation on every edge, weights shared by all cells.

One forward pass serves all one-shot methods: a `Mix` says which operations of each edge are
computed and how much each counts, the same in all cells of the network.

It is fast by construction. All edges that leave a node read the same tensor, so they share one
ReLU and one pooling, and their convolutions of one kind are a single wide one, (B, C, H, W) ->
(B, edges * C, H, W), in channels_last memory. A weight that scales a convolution's branch goes
into the scale of the batch norm that ends it.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from functools import lru_cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nasbench.spaces.base import Architecture
from nasbench.spaces.inputs import Input
from nasbench.spaces.mix import Mix
from nasbench.spaces.nb201 import AVG_POOL, EDGES, NODES, NONE, OPERATIONS, SKIP
from nasbench.spaces.networks import base
from nasbench.spaces.networks.base import Initialisation, Shape, initialise
from nasbench.spaces.networks.nb201 import (
    KERNEL,
    Cell,
    Form,
    Frame,
    Network,
    widths_of,
)

Active = tuple[tuple[int, ...], ...]
"""Operations that are computed, of every edge."""

LEAVING = tuple(
    tuple(edge for edge, (start, _) in enumerate(EDGES) if start == node) for node in range(NODES)
)
"""Edges that leave each node, in the order of the cell string."""
_ENTERING = tuple(tuple(float(end == node) for _, end in EDGES) for node in range(NODES))
"""For each node, 1 at the edges that enter it, else 0."""


def read_edges(active: Active) -> Active:
    """Return what is computed without the edges that do not reach the last node.

    Nobody reads those.
    """
    reached = {NODES - 1}
    for node in reversed(range(NODES - 1)):
        onward = (edge for edge in LEAVING[node] if EDGES[edge][1] in reached)
        if any(operation != NONE for edge in onward for operation in active[edge]):
            reached.add(node)
    pairs = zip(active, EDGES, strict=True)
    return tuple(choices if target in reached else () for choices, (_, target) in pairs)


def constants_of(mix: Mix) -> Tensor | None:
    """Return what is added to every number of a node, shape (nodes,): see `Mix.constants`."""
    if mix.weights is None or not mix.constants:
        return None
    absent = [
        [float(operation not in computed) for operation in range(len(OPERATIONS))]
        for computed in mix.active
    ]
    weights = mix.weights * torch.tensor(absent).to(mix.weights)
    entering = torch.tensor(_ENTERING).to(weights)
    return entering @ weights.sum(dim=1)


class WideConvNorm(nn.Module):
    """The convolutions of one kind on all edges that leave a node, and their batch norms.

    Every edge has parameters of its own, which are joined for the pass: those of an edge that is
    not computed have no gradient, so an optimiser leaves them alone, momentum and decay included.
    """

    def __init__(self, channels: int, kernel: int, edges: int, shape: Shape) -> None:
        """`edges` convolutions of C to C channels, side by side."""
        super().__init__()
        self.channels, self.padding = channels, kernel // 2
        # Named as what they are in one network, so that they are initialised as that.
        self.convs = nn.ModuleList(
            nn.Conv2d(channels, channels, kernel, padding=self.padding, bias=False)
            for _ in range(edges)
        )
        self.norms = nn.ModuleList(
            nn.BatchNorm2d(
                channels, affine=shape.affine, track_running_stats=shape.track_running_stats
            )
            for _ in range(edges)
        )

    def forward(self, x: Tensor, chosen: Sequence[int], scale: Tensor | None) -> Tensor:
        """Positive x, after its ReLU, (B, C, H, W) -> (B, len(chosen) * C, H, W).

        `chosen` are positions among the edges, `scale` one factor for each of them.
        """
        convs: list[Any] = [self.convs[edge] for edge in chosen]
        norms: list[Any] = [self.norms[edge] for edge in chosen]
        norm = norms[0]
        y = F.conv2d(x, _joined([conv.weight for conv in convs]), padding=self.padding)
        gain, shift = self._scaled(norms, scale)
        if norm.running_mean is None:
            return F.batch_norm(y, None, None, gain, shift, True, norm.momentum, norm.eps)
        means = [one.running_mean for one in norms]
        variances = [one.running_var for one in norms]
        mean, variance = _joined(means), _joined(variances)
        y = F.batch_norm(y, mean, variance, gain, shift, self.training, norm.momentum, norm.eps)
        if self.training and len(chosen) > 1:  # a single one was updated in its place
            for parts, wide in ((means, mean), (variances, variance)):
                for part, new in zip(parts, wide.chunk(len(parts)), strict=True):
                    part.copy_(new)
        return y

    def _scaled(
        self, norms: list[Any], scale: Tensor | None
    ) -> tuple[Tensor | None, Tensor | None]:
        """Return the batch norms' scale and shift with the factors multiplied in."""
        own: tuple[Tensor, Tensor] | None = None
        if norms[0].affine:
            own = _joined([one.weight for one in norms]), _joined([one.bias for one in norms])
        if scale is None:
            return own or (None, None)
        wide = scale.repeat_interleave(self.channels)  # not expanded: batch norm ignores strides
        return (wide, None) if own is None else (wide * own[0], wide * own[1])

    def copy_to(self, module: Any, position: int) -> None:
        """Write the tensors of one edge into a `ReluConvNorm` of its own."""
        module[1].load_state_dict(self.convs[position].state_dict())
        module[2].load_state_dict(self.norms[position].state_dict())


def _joined(parts: list[Tensor]) -> Tensor:
    """Join tensors along their first axis; a single one is given as it is."""
    return torch.cat(parts) if len(parts) > 1 else parts[0]


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

    def forward(self, x: Tensor, mix: Mix, shift: Tensor | None) -> Tensor:
        """Compute the last node; a node that nothing enters is zero.

        `shift`, shape (nodes,), is added to every number of a node; None adds nothing.
        """
        nodes: list[Tensor | None] = [x, *(None,) * (NODES - 1)]
        value = x
        for node in range(NODES):
            entered = nodes[node]
            value = torch.zeros_like(x) if entered is None else entered
            if node and shift is not None:
                value = value + shift[node]
            for edge, brought in self._leave(node, value, mix):
                target = EDGES[edge][1]
                so_far = nodes[target]
                nodes[target] = brought if so_far is None else so_far + brought
        return value

    def _leave(self, node: int, x: Tensor, mix: Mix) -> list[tuple[int, Tensor]]:
        """Return what every active operation brings, with the edge it stands on."""
        takers = {
            operation: [edge for edge in LEAVING[node] if operation in mix.active[edge]]
            for operation in range(len(OPERATIONS))
            if operation != NONE
        }
        found = []
        if takers[AVG_POOL]:
            pooled = _pool(x)
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
                    y = wide(positive, places, scale)
                    parts = y.chunk(len(edges), dim=1) if len(edges) > 1 else [y]
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


def _pool(x: Tensor) -> Tensor:
    """Return the mean of every 3x3 neighbourhood, without what lies outside.

    On a CPU as a convolution of each channel by itself: in channels_last two to three times as fast
    as torch's pooling.
    """
    if x.device.type != "cpu":
        return F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)
    ones, share = _box(x.shape[1], x.shape[2], x.dtype)
    y = F.conv2d(x, ones, padding=1, groups=x.shape[1])
    return y * share.to(y.dtype)


@lru_cache(maxsize=32)
def _box(channels: int, side: int, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Return a 3x3 kernel of ones per channel, and one over how many pixels each one covers."""
    along = torch.full((side,), 3.0, dtype=torch.float64)
    along[0] -= 1
    along[-1] -= 1
    share = 1 / torch.outer(along, along)
    return torch.ones(channels, 1, 3, 3, dtype=dtype), share.to(dtype)


def _scale(x: Tensor, mix: Mix, edge: int, operation: int) -> Tensor:
    return x if mix.weights is None else x * mix.weights[edge, operation]


class Supernet(base.Supernet):
    """All 15,625 networks in one: images (B, channels, side, side) -> logits (B, classes)."""

    def __init__(
        self,
        data: Input,
        shape: Shape,
        *,
        generator: torch.Generator,
        precision: torch.dtype | None = None,
        initialisation: Initialisation = Initialisation.HE,
        around: Shape | None = None,
    ) -> None:
        """Build on the CPU and initialise every weight from `generator`, as `Network` does.

        `precision` is what is computed in (autocast) where that is not the type of the weights,
        `around` the shape of what is around the cells, where its batch norm is another.
        """
        super().__init__()
        self.data, self.shape, self.precision = data, shape, precision
        self.around = around or shape
        with torch.device("meta"):
            frame = Frame.build(data, self.around)
            self.stem = frame.stem
            self.cells = nn.ModuleList(
                SuperCell(width, shape) for width in widths_of(shape) for _ in range(shape.cells)
            )
            self.reductions = frame.reductions
            self.head, self.classifier = frame.head, frame.classifier
        self.to_empty(device="cpu")
        initialise(self, generator, initialisation)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, images: Tensor, mix: Mix) -> Tensor:
        """Return the logits of the network that `mix` describes, shape (B, classes)."""
        shift = constants_of(mix)
        with self.computing():
            return self._logits(images, mix, shift).to(images.dtype)

    def computing(self) -> AbstractContextManager[None]:
        """Return a context in which torch computes in this net's precision."""
        device, enabled = self.classifier.weight.device.type, self.precision is not None
        return torch.autocast(device, self.precision, enabled=enabled)

    def _logits(self, images: Tensor, mix: Mix, shift: Tensor | None) -> Tensor:
        mix = mix._replace(active=read_edges(mix.active))
        x = self.stem(images.contiguous(memory_format=torch.channels_last))
        for place, cell in enumerate(self.cells):
            if place and place % self.shape.cells == 0:
                x = self.reductions[place // self.shape.cells - 1](x)
            x = cell(x, mix, shift)
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
            around=self.around,
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

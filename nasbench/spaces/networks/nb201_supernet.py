"""The supernet of NAS-Bench-201: every operation on every edge, shared by all architectures.

One forward pass serves all one-shot methods: a `Mix` says which operations of each edge are
computed and with which weight, the same in all cells of the network.

It is built for speed. All edges that leave a node read the same tensor, so they share one ReLU and
one pooling, and their convolutions of one kind are joined to a single wide one, (B, C, H, W) ->
(B, edges * C, H, W), in channels_last memory. A weight that scales the output of a convolution is
multiplied into the scale of the batch norm after it.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from functools import cache, lru_cache
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
"""For every edge, the operations that are computed."""

LEAVING = tuple(
    tuple(edge for edge, (start, _) in enumerate(EDGES) if start == node) for node in range(NODES)
)
"""Edges that leave each node, in the order of the cell string."""
_ENTERING = tuple(tuple(float(end == node) for _, end in EDGES) for node in range(NODES))
"""For each node, 1 at the edges that enter it, else 0."""


def read_edges(active: Active) -> Active:
    """Return `active` without the operations on edges that do not reach the last node."""
    reached = {NODES - 1}
    for node in reversed(range(NODES - 1)):
        onward = (edge for edge in LEAVING[node] if EDGES[edge][1] in reached)
        if any(operation != NONE for edge in onward for operation in active[edge]):
            reached.add(node)
    pairs = zip(active, EDGES, strict=True)
    return tuple(choices if target in reached else () for choices, (_, target) in pairs)


def constants_of(mix: Mix) -> Tensor | None:
    """Return the constant added to each node, shape (nodes,), or None: see `Mix.constants`."""
    if mix.weights is None or not mix.constants:
        return None
    absent, entering = _places(mix.active, mix.weights.device, mix.weights.dtype)
    return entering @ (mix.weights * absent).sum(dim=1)


@cache  # a CUDA graph may read them for as long as it lives
def _places(active: Active, device: torch.device, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Return 1 where a choice is not computed, shape (edges, operations), and `_ENTERING`."""
    absent = [
        [float(operation not in computed) for operation in range(len(OPERATIONS))]
        for computed in active
    ]
    made = (torch.tensor(values, dtype=dtype).to(device) for values in (absent, _ENTERING))
    return next(made), next(made)


class WideConvNorm(nn.Module):
    """The convolutions of one kind on all edges that leave a node, and their batch norms.

    Every edge has parameters of its own, which are joined for the pass. Parameters of an edge that
    is not computed have no gradient, so an optimiser does not change them, not even by momentum or
    weight decay.
    """

    def __init__(self, channels: int, kernel: int, edges: int, shape: Shape) -> None:
        """Make a convolution of C to C channels and a batch norm for each of `edges` edges."""
        super().__init__()
        self.channels, self.padding = channels, kernel // 2
        # These have the same types as in a single network, so `initialise` treats them alike.
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
        """x, to which ReLU has been applied, (B, C, H, W) -> (B, len(chosen) * C, H, W).

        `chosen` are positions among the edges. `scale`, shape (len(chosen),), has a factor for the
        output of each of them; None scales nothing.
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
        """Copy the weights and statistics of one edge to `module`, a `ReluConvNorm`."""
        module[1].load_state_dict(self.convs[position].state_dict())
        module[2].load_state_dict(self.norms[position].state_dict())


def _joined(parts: list[Tensor]) -> Tensor:
    """Concatenate tensors along their first axis; return a single one as it is."""
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
        """Return the last node; a node that no active operation enters is zero.

        `shift`, shape (nodes,), has a constant that is added to each node; None adds nothing.
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
        """Return the output of every active operation on edges that leave a node, with its edge."""
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
                    scale = None if mix.weights is None else _factors(mix.weights, edges, operation)
                    wide: Any = self.convs[f"{node}_{operation}"]
                    places = [LEAVING[node].index(edge) for edge in edges]
                    y = wide(positive, places, scale)
                    parts = y.chunk(len(edges), dim=1) if len(edges) > 1 else [y]
                    found += zip(edges, parts, strict=True)
        return found

    def copy_to(self, cell: Any) -> None:
        """Copy weights and statistics to `cell`, a `nb201.Cell`, for the operations it has."""
        for name, module in cell.edges.items():
            source, target = map(int, name.split("_"))
            for operation, kernel in KERNEL.items():
                conv: Any = module[1] if isinstance(module, nn.Sequential) else None
                if conv is not None and conv.kernel_size[0] == kernel:
                    wide: Any = self.convs[f"{source}_{operation}"]
                    wide.copy_to(module, LEAVING[source].index(EDGES.index((source, target))))


def _pool(x: Tensor) -> Tensor:
    """Return the mean of every 3x3 neighbourhood, without the pixels outside the image.

    On a CPU this is a convolution of each channel by itself, which with channels_last memory is two
    to three times as fast as torch's pooling.
    """
    if x.device.type != "cpu":
        return F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)
    ones, share = _box(x.shape[1], x.shape[2], x.dtype)
    y = F.conv2d(x, ones, padding=1, groups=x.shape[1])
    return y * share.to(y.dtype)


@lru_cache(maxsize=32)
def _box(channels: int, side: int, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Return a 3x3 kernel of ones per channel, and 1 / the number of pixels in the image it covers.

    The second tensor has shape (side, side): a value for each position of the kernel's centre.
    """
    along = torch.full((side,), 3.0, dtype=torch.float64)
    along[0] -= 1
    along[-1] -= 1
    share = 1 / torch.outer(along, along)
    return torch.ones(channels, 1, 3, 3, dtype=dtype), share.to(dtype)


def _factors(weights: Tensor, edges: Sequence[int], operation: int) -> Tensor:
    """Return the weights of an operation on some edges, shape (len(edges),).

    The index lies on the device already: a list would be copied there in every pass, for which a
    GPU waits.
    """
    return weights[:, operation].index_select(0, _index(tuple(edges), weights.device))


@cache
def _index(edges: tuple[int, ...], device: torch.device) -> Tensor:
    return torch.tensor(edges, device=device)


def _scale(x: Tensor, mix: Mix, edge: int, operation: int) -> Tensor:
    return x if mix.weights is None else x * mix.weights[edge, operation]


class NasBench201Supernet(base.Supernet):
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
        """Build the supernet on the CPU; every weight is drawn from `generator`, as in `Network`.

        `precision` is the type that passes are computed in (autocast); None means the type of the
        weights. `around` is the shape of the layers outside the cells, if their batch norm differs
        from that of the cells.
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
        """Return a context in which torch computes in this supernet's precision."""
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
        """Return the literal network of one cell with a copy of the weights and statistics."""
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

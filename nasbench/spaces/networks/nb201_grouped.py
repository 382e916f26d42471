"""Several NAS-Bench-201 networks in one module, each with weights and statistics of its own.

The channels of G networks are stored side by side, network after network, in one tensor of shape
(B, G*C, H, W) in channels_last memory. A layer that all networks have is one grouped convolution.
On an edge of the cell, the channels of the networks with the same operation are selected, go
through one grouped convolution (or pooling), and are added to the target node. Networks are never
mixed: gradients, batch statistics and a NaN stay within one network.
"""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nasbench.errors import InvalidInput
from nasbench.spaces.nb201 import AVG_POOL, EDGES, NODES, NONE
from nasbench.spaces.networks.nb201 import KERNEL, STAGES, Network
from nasbench.spaces.networks.side_by_side import Members, Merge, SplitGroups

Modules = Sequence[nn.Module]


class Stack(nn.Module):
    """The same layer of several networks, with their parameters and buffers concatenated."""

    def __init__(self, modules: Modules) -> None:
        """Concatenate every tensor of `modules` (of one type and shape) along dimension 0."""
        super().__init__()
        self.size = len(modules)
        for name, _ in modules[0].named_parameters(recurse=False):
            joined = torch.cat([getattr(module, name).detach() for module in modules])
            if joined.dim() == 4:
                joined = joined.contiguous(memory_format=torch.channels_last)
            self.register_parameter(name, nn.Parameter(joined))
        for name, buffer in modules[0].named_buffers(recurse=False):
            if buffer.dim():  # not batch norm's step counter
                self.register_buffer(name, torch.cat([getattr(m, name) for m in modules]))

    def copy_to(self, module: nn.Module, position: int) -> None:
        """Copy the tensors of the network at `position` to `module`, a layer of one network."""
        for name, joined in (*self.named_parameters(), *self.named_buffers()):
            getattr(module, name).data.copy_(joined.detach().chunk(self.size)[position])


class Conv(Stack):
    """One grouped convolution for the convolutions of several networks."""

    def __init__(self, modules: Sequence[nn.Conv2d], *, shared_input: bool = False) -> None:
        """Stack convolutions; with `shared_input` all read the same images, as in the stem."""
        super().__init__(modules)
        self.stride, self.padding = modules[0].stride, modules[0].padding
        self.groups = 1 if shared_input else len(modules)
        self.weight: nn.Parameter

    def forward(self, x: Tensor) -> Tensor:
        """(B, G*before, H, W) -> (B, G*after, H', W')."""
        y = F.conv2d(x, self.weight, None, self.stride, self.padding, groups=self.groups)
        return y.contiguous(memory_format=torch.channels_last)


class Norm(Stack):
    """Batch norm of several networks: statistics are per channel, hence per network."""

    def __init__(self, modules: Sequence[nn.BatchNorm2d]) -> None:
        """Stack batch norms; the options are those of the first one."""
        super().__init__(modules)
        self.momentum, self.eps = modules[0].momentum or 0.0, modules[0].eps
        self.tracked = modules[0].track_running_stats

    def forward(self, x: Tensor) -> Tensor:
        """(B, G*C, H, W) -> the same.

        Batch statistics are used in training, and always if no running statistics are kept.
        """
        return F.batch_norm(
            x,
            self._buffers.get("running_mean"),
            self._buffers.get("running_var"),
            self._parameters.get("weight"),
            self._parameters.get("bias"),
            self.training or not self.tracked,
            self.momentum,
            self.eps,
        )


class Linear(Stack):
    """The linear layers of several networks: (B, G, before) -> (G, B, after)."""

    def __init__(self, modules: Sequence[nn.Linear]) -> None:
        """Stack linear layers that have a bias."""
        super().__init__(modules)
        self.weight: nn.Parameter
        self.bias: nn.Parameter

    def forward(self, x: Tensor) -> Tensor:
        """Compute one matrix product per network."""
        weight = self.weight.view(self.size, -1, x.shape[-1])
        bias = self.bias.view(self.size, 1, -1)
        return torch.baddbmm(bias, x.transpose(0, 1), weight.transpose(1, 2))


class ReluConvNorm(nn.Module):
    """ReLU, grouped convolution, batch norm of several networks."""

    def __init__(self, modules: Sequence[Any]) -> None:
        """Stack `nb201.ReluConvNorm` modules."""
        super().__init__()
        self.conv = Conv([module[1] for module in modules])
        self.norm = Norm([module[2] for module in modules])

    def forward(self, x: Tensor) -> Tensor:
        """(B, G*before, H, W) -> (B, G*after, H', W')."""
        y: Tensor = self.norm(self.conv(F.relu(x)))
        return y

    def copy_to(self, module: Any, position: int) -> None:
        """Copy the tensors of the network at `position` to `module`, a layer of one network."""
        self.conv.copy_to(module[1], position)
        self.norm.copy_to(module[2], position)


class Branch(nn.Module):
    """One operation on one edge, for all networks that have this operation there."""

    def __init__(
        self, edge: int, operation: int, groups: int, members: list[int], modules: Modules
    ) -> None:
        """`members` are positions in the group, `modules` their `nb201` modules of this edge."""
        super().__init__()
        self.source, self.target = EDGES[edge]
        self.operation = operation
        self.groups, self.positions = groups, tuple(members)
        self.register_buffer("index", torch.tensor(members), persistent=False)
        self.index: Tensor
        self.layer = ReluConvNorm(modules) if operation in KERNEL else None

    @property
    def members(self) -> Members:
        """The networks that take part; the index is on the device of the module."""
        return Members(self.groups, self.positions, self.index)

    def forward(self, x: Tensor) -> Tensor:
        """Source nodes of the n members, (B, n*C, H, W) -> outputs of the operation, same shape."""
        if self.layer is not None:
            y: Tensor = self.layer(x)
            return y
        if self.operation == AVG_POOL:
            return F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)
        return x


class GroupedCell(nn.Module):
    """One cell of each of several networks, at the same place: (B, G*C, H, W) -> the same."""

    def __init__(self, networks: Sequence[Network], stage: int, place: int) -> None:
        """Group the networks by operation on each edge."""
        super().__init__()
        self.groups, self.stage, self.place = len(networks), stage, place
        branches = []
        for edge, (source, target) in enumerate(EDGES):
            for operation in sorted({network.cell[edge] for network in networks} - {NONE}):
                members = [i for i, n in enumerate(networks) if n.cell[edge] == operation]
                name = f"{source}_{target}"
                modules = [_cell(networks[i], stage, place).edges[name] for i in members]
                branches.append(Branch(edge, operation, self.groups, members, modules))
        self.branches = nn.ModuleList(branches)

    def forward(self, x: Tensor) -> Tensor:
        """Return the last node of every network; nodes without incoming edges are zero."""
        brought: list[list[tuple[Tensor, Tensor]]] = [[] for _ in range(NODES)]
        for node in range(NODES):
            if node:
                if not brought[node]:
                    x = x * 0
                else:
                    members, pieces = zip(*brought[node], strict=True)
                    x = Merge.apply(members, *pieces)  # type: ignore[no-untyped-call]
            leaving: list[Any] = [b for b in self.branches if b.source == node]
            if leaving:
                takers = [branch.members for branch in leaving]
                parts = SplitGroups.apply(x, takers)  # type: ignore[no-untyped-call]
                for branch, part in zip(leaving, parts, strict=True):
                    brought[branch.target].append((branch.members, branch(part)))
        return x

    def copy_to(self, network: Network, position: int) -> None:
        """Copy this cell's tensors of the network at `position` to `network`, a single network."""
        edges = _cell(network, self.stage, self.place).edges
        branches: Any = self.branches
        for branch in branches:
            if branch.layer is not None and position in branch.positions:
                module = edges[f"{branch.source}_{branch.target}"]
                branch.layer.copy_to(module, branch.positions.index(position))


class ResidualBlock(nn.Module):
    """The residual blocks of several networks: (B, G*C, H, W) -> (B, G*2C, H/2, W/2)."""

    def __init__(self, modules: Sequence[Any]) -> None:
        """Stack `nb201.ResidualBlock` modules."""
        super().__init__()
        self.first = ReluConvNorm([module.first for module in modules])
        self.second = ReluConvNorm([module.second for module in modules])
        self.shortcut = Conv([module.shortcut[1] for module in modules])

    def forward(self, x: Tensor) -> Tensor:
        """Return the sum of the two branches."""
        total: Tensor = self.second(self.first(x)) + self.shortcut(F.avg_pool2d(x, 2))
        return total

    def copy_to(self, module: Any, position: int) -> None:
        """Copy the tensors of the network at `position` to `module`, a layer of one network."""
        self.first.copy_to(module.first, position)
        self.second.copy_to(module.second, position)
        self.shortcut.copy_to(module.shortcut[1], position)


class GroupedNetwork(nn.Module):
    """G networks in one module: images (B, channels, side, side) -> logits (G, B, classes)."""

    def __init__(self, networks: Sequence[Network]) -> None:
        """Copy the weights of `networks`, which are on one device.

        Raises `InvalidInput` if they do not have the same input and shape.
        """
        super().__init__()
        if len({(network.data, network.shape) for network in networks}) != 1:
            raise InvalidInput("networks trained as a group must have one input and one shape")
        self.size = len(networks)
        cells = networks[0].shape.cells
        every: list[Any] = list(networks)
        self.stem = Conv([network.stem[0] for network in every], shared_input=True)
        self.stem_norm = Norm([network.stem[1] for network in every])
        self.stages = nn.ModuleList(
            nn.Sequential(*(GroupedCell(networks, stage, place) for place in range(cells)))
            for stage in range(STAGES)
        )
        self.reductions = nn.ModuleList(
            ResidualBlock([network.reductions[i] for network in every]) for i in range(STAGES - 1)
        )
        self.head = Norm([network.head[0] for network in every])
        self.classifier = Linear([network.classifier for network in every])

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits, shape (G, B, classes)."""
        x = self.stages[0](self.stem_norm(self.stem(images)))
        for reduction, stage in zip(self.reductions, list(self.stages)[1:], strict=True):
            x = stage(reduction(x))
        features = F.relu(self.head(x)).mean(dim=(2, 3)).view(len(x), self.size, -1)
        logits: Tensor = self.classifier(features)
        return logits

    def copy_to(self, network: Any, position: int) -> None:
        """Copy weights and statistics of the network at `position` to `network`."""
        self.stem.copy_to(network.stem[0], position)
        self.stem_norm.copy_to(network.stem[1], position)
        for cell in self.modules():
            if isinstance(cell, GroupedCell):
                cell.copy_to(network, position)
        for i, own in enumerate(network.reductions):
            block: Any = self.reductions[i]
            block.copy_to(own, position)
        self.head.copy_to(network.head[0], position)
        self.classifier.copy_to(network.classifier, position)


def _cell(network: Any, stage: int, place: int) -> Any:
    return network.stages[stage][place]

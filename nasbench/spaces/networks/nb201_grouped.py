"""Several NAS-Bench-201 networks in one module, each with weights and statistics of its own.

The activations of G networks are in one tensor, and a layer that all networks have is computed at
once. A `Layout` says how they are stored and how they are computed. On an edge of the cell, the
activations of the networks with the same operation are selected, go through one convolution (or
pooling) for all of them, and are added to the target node. Networks are never mixed: gradients,
batch statistics and a NaN stay within one network.

The comments on shapes call the activations of n networks with C channels each (n, C).
"""

from collections.abc import Sequence
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from nasbench.errors import InvalidInput
from nasbench.spaces.nb201 import AVG_POOL, EDGES, NODES, NONE
from nasbench.spaces.networks.nb201 import KERNEL, STAGES, Network
from nasbench.spaces.networks.side_by_side import Layout, Members, Merge, SplitGroups, Takers
from nasbench.spaces.networks.stack import Linear


class ReluConvNorm(nn.Module):
    """ReLU, convolution, batch norm of several networks."""

    def __init__(self, modules: Sequence[Any], layout: Layout) -> None:
        """Stack `nb201.ReluConvNorm` modules."""
        super().__init__()
        self.conv = layout.conv([module[1] for module in modules])
        self.norm = layout.norm([module[2] for module in modules])

    def forward(self, x: Tensor) -> Tensor:
        """(G, before) -> (G, after)."""
        y: Tensor = self.norm(self.conv(F.relu(x)))
        return y

    def copy_to(self, module: Any, position: int) -> None:
        """Copy the tensors of the network at `position` to `module`, a layer of one network."""
        self.conv.copy_to(module[1], position)
        self.norm.copy_to(module[2], position)


class Branch(nn.Module):
    """One operation on edges that leave one node, for all networks that have it there."""

    def __init__(
        self,
        networks: Sequence[Network],
        edges: Sequence[int],
        operation: int,
        place: tuple[int, int],
        layout: Layout,
    ) -> None:
        """Find the networks with `operation` on each of `edges`, in the cell at `place`."""
        super().__init__()
        self.layout, self.operation = layout, operation
        chosen = {
            edge: [i for i, network in enumerate(networks) if network.cell[edge] == operation]
            for edge in edges
        }
        self.edges = [edge for edge, members in chosen.items() if members]
        self.source = EDGES[self.edges[0]][0]
        self.takers = Takers([Members(len(networks), chosen[edge]) for edge in self.edges])
        self.taken = [(edge, i) for edge in self.edges for i in chosen[edge]]
        """Edge and position in the group of everything that is computed, in its order."""
        self.layer = None
        if operation in KERNEL:
            modules = [_edge(networks[i], place, edge) for edge, i in self.taken]
            self.layer = ReluConvNorm(modules, layout)

    def forward(self, x: Tensor) -> list[tuple[int, Members, Tensor]]:
        """Compute the outputs from the source nodes of the takers, (n, C).

        Return for each edge its target, its members and their outputs.
        """
        y = self._computed(x)
        pieces = self.layout.split(y, self.takers.sizes)
        return [
            (EDGES[edge][1], members, piece)
            for edge, members, piece in zip(self.edges, self.takers.edges, pieces, strict=True)
        ]

    def _computed(self, x: Tensor) -> Tensor:
        if self.layer is not None:
            y: Tensor = self.layer(x)
            return y
        return self.layout.average(x) if self.operation == AVG_POOL else x

    def copy_to(self, network: Network, place: tuple[int, int], position: int) -> None:
        """Copy the tensors of the network at `position` to `network`, a single network."""
        if self.layer is not None:
            for number, (edge, i) in enumerate(self.taken):
                if i == position:
                    self.layer.copy_to(_edge(network, place, edge), number)


class GroupedCell(nn.Module):
    """One cell of each of several networks, at the same place: (G, C) -> the same."""

    def __init__(self, networks: Sequence[Network], place: tuple[int, int], layout: Layout) -> None:
        """Group the networks by operation; `place` is the stage and the cell's number in it."""
        super().__init__()
        self.layout, self.place = layout, place
        branches = []
        for edges in _joined(layout):
            present = {network.cell[edge] for network in networks for edge in edges} - {NONE}
            branches += [Branch(networks, edges, one, place, layout) for one in sorted(present)]
        self.branches = nn.ModuleList(branches)

    def forward(self, x: Tensor) -> Tensor:
        """Return the last node of every network; nodes without incoming edges are zero."""
        brought: list[list[tuple[Members, Tensor]]] = [[] for _ in range(NODES)]
        for node in range(NODES):
            if node:
                if not brought[node]:
                    x = x * 0
                else:
                    members, pieces = zip(*brought[node], strict=True)
                    x = Merge.apply(self.layout, members, *pieces)  # type: ignore[no-untyped-call]
            leaving: list[Any] = [b for b in self.branches if b.source == node]
            if leaving:
                takers = [branch.takers for branch in leaving]
                parts = SplitGroups.apply(x, self.layout, takers)  # type: ignore[no-untyped-call]
                for branch, part in zip(leaving, parts, strict=True):
                    for target, some, piece in branch(part):
                        brought[target].append((some, piece))
        return x

    def copy_to(self, network: Network, position: int) -> None:
        """Copy this cell's tensors of the network at `position` to `network`, a single network."""
        branches: Any = self.branches
        for branch in branches:
            branch.copy_to(network, self.place, position)


class ResidualBlock(nn.Module):
    """The residual blocks of several networks: (G, C) -> (G, 2C), half the side."""

    def __init__(self, modules: Sequence[Any], layout: Layout) -> None:
        """Stack `nb201.ResidualBlock` modules."""
        super().__init__()
        self.layout = layout
        self.first = ReluConvNorm([module.first for module in modules], layout)
        self.second = ReluConvNorm([module.second for module in modules], layout)
        self.shortcut = layout.conv([module.shortcut[1] for module in modules])

    def forward(self, x: Tensor) -> Tensor:
        """Return the sum of the two branches."""
        total: Tensor = self.second(self.first(x)) + self.shortcut(self.layout.halve(x))
        return total

    def copy_to(self, module: Any, position: int) -> None:
        """Copy the tensors of the network at `position` to `module`, a layer of one network."""
        self.first.copy_to(module.first, position)
        self.second.copy_to(module.second, position)
        self.shortcut.copy_to(module.shortcut[1], position)


class GroupedNetwork(nn.Module):
    """G networks in one module: images (B, channels, side, side) -> logits (G, B, classes)."""

    def __init__(self, networks: Sequence[Network], layout: Layout) -> None:
        """Copy the weights of `networks`, which are on one device, into the form of a layout.

        Raises `InvalidInput` if the networks do not have the same input and shape.
        """
        super().__init__()
        if len({(network.data, network.shape) for network in networks}) != 1:
            raise InvalidInput("networks trained as a group must have one input and one shape")
        self.size = len(networks)
        self.layout = layout
        cells = networks[0].shape.cells
        every: list[Any] = list(networks)
        self.stem = layout.conv([network.stem[0] for network in every], shared_input=True)
        self.stem_norm = layout.norm([network.stem[1] for network in every])
        self.stages = nn.ModuleList(
            nn.Sequential(
                *(GroupedCell(networks, (stage, number), layout) for number in range(cells))
            )
            for stage in range(STAGES)
        )
        self.reductions = nn.ModuleList(
            ResidualBlock([network.reductions[i] for network in every], layout)
            for i in range(STAGES - 1)
        )
        self.head = layout.norm([network.head[0] for network in every])
        self.classifier = Linear([network.classifier for network in every])

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits, shape (G, B, classes)."""
        x = self.stages[0](self.stem_norm(self.stem(self.layout.enter(images))))
        for reduction, stage in zip(self.reductions, list(self.stages)[1:], strict=True):
            x = stage(reduction(x))
        features = self.layout.features(F.relu(self.head(x)), self.size)
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


def _joined(layout: Layout) -> list[list[int]]:
    """Return the edges, in lists of those that are computed at once."""
    if not layout.joins_edges:
        return [[edge] for edge in range(len(EDGES))]
    return [
        [edge for edge, (source, _) in enumerate(EDGES) if source == node]
        for node in range(NODES - 1)
    ]


def _edge(network: Any, place: tuple[int, int], edge: int) -> Any:
    """Return the module of an edge of a single network."""
    source, target = EDGES[edge]
    return network.stages[place[0]][place[1]].edges[f"{source}_{target}"]

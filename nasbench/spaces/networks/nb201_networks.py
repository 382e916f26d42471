"""The torch networks of NAS-Bench-201: see `nb201`, `nb201_grouped` and `nb201_supernet`."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from nasbench.spaces.base import Architecture
from nasbench.spaces.inputs import Input
from nasbench.spaces.nb201 import EDGES, NODES, NONE, OPERATIONS, NasBench201
from nasbench.spaces.networks.as_channels import Channels
from nasbench.spaces.networks.as_products import Products
from nasbench.spaces.networks.base import Initialisation, Networks, Shape, initialise
from nasbench.spaces.networks.lookup import Lookup
from nasbench.spaces.networks.nb201 import (
    STAGES,
    Around,
    Cell,
    Form,
    Frame,
    Network,
    simplify,
    widths_of,
)
from nasbench.spaces.networks.nb201_grouped import GroupedNetwork
from nasbench.spaces.networks.nb201_supernet import NasBench201Supernet
from nasbench.spaces.networks.timing import TimedPart, Timing

_MILLION = 1e6


class NasBench201Networks(Networks):
    """The networks of space `nb201`; the simplified form is trained, once per network class."""

    recordable = True
    space: NasBench201

    def build(
        self,
        architecture: Architecture,
        data: Input,
        shape: Shape,
        *,
        generator: torch.Generator,
        initialisation: Initialisation = Initialisation.HE,
    ) -> nn.Module:
        """Return the simplified network of a cell: see `nb201.Form`."""
        return Network(
            architecture, data, shape,
            generator=generator, form=Form.SIMPLIFIED, initialisation=initialisation,
        )  # fmt: skip

    def build_literal(
        self, architecture: Architecture, data: Input, shape: Shape, *, generator: torch.Generator
    ) -> nn.Module:
        """Return the network with all operations of the cell's string."""
        return Network(architecture, data, shape, generator=generator, form=Form.LITERAL)

    def trained_as(self, architecture: Architecture) -> Architecture:
        """Return the first cell of a cell's network class."""
        return self.space.architecture(self.number(architecture))

    def number(self, architecture: Architecture) -> int:
        """Return the index of the first cell of a cell's network class."""
        return int(self.space.network_class[self.space.index(architecture)])

    @cached_property
    def classes(self) -> NDArray[np.integer[Any]]:
        """For every cell, the index of the first cell of its network class: 5,260 classes."""
        return self.space.network_class

    def side_by_side(self, networks: Sequence[nn.Module]) -> nn.Module:
        """Return one module in which the networks' layers are joined: see `nb201_grouped`."""
        return GroupedNetwork([one for one in networks if isinstance(one, Network)], Channels())

    def as_products(self, networks: Sequence[nn.Module]) -> nn.Module:
        """Return the same module with layers that are batched matrix products."""
        return GroupedNetwork([one for one in networks if isinstance(one, Network)], Products())

    def sorted_by(self, architecture: Architecture) -> Any:
        """Return the operations on the edges of the simplified cell.

        Networks sorted by this key have equal operations on their first edges, so that no channels
        need to be selected there. On later edges networks with equal operations are neighbours, so
        that slices are enough.
        """
        return simplify(self.trained_as(architecture))

    def supernet(
        self,
        data: Input,
        shape: Shape,
        *,
        generator: torch.Generator,
        precision: torch.dtype | None = None,
        initialisation: Initialisation = Initialisation.HE,
        around: Shape | None = None,
    ) -> NasBench201Supernet:
        """Return the supernet of all 15,625 networks."""
        return NasBench201Supernet(
            data, shape,
            generator=generator, precision=precision, initialisation=initialisation, around=around,
        )  # fmt: skip

    def multiply_adds(self, data: Input, shape: Shape) -> Lookup:
        """Return the lookup table of every operation on every edge, summed over all cells.

        The unit is millions of multiply-adds.
        """
        space = self.space
        flops = space.flops(data, shape.channels, shape.cells) / _MILLION
        empty = (NONE,) * len(space.decisions)
        constant = float(flops[space.index(empty)])
        table = np.zeros((len(space.sizes), max(space.sizes)))
        for edge, size in enumerate(space.sizes):
            for choice in range(size):
                alone = (*empty[:edge], choice, *empty[edge + 1 :])
                table[edge, choice] = flops[space.index(alone)] - constant
        return Lookup(table, constant, "million multiply-adds")

    def timing(self, data: Input, shape: Shape) -> Timing:
        """Return the frame, then for every stage and operation a cell that has it on all edges."""
        generator = torch.Generator()
        frame = Frame.build(data, shape)
        parts = [TimedPart(Around(frame), (data.channels, data.side, data.side))]
        widths = widths_of(shape)
        for stage, width in enumerate(widths):
            side = data.side >> stage
            for operation in range(len(OPERATIONS)):
                cell = Cell((operation,) * len(EDGES), width, shape)
                parts.append(TimedPart(cell, (width, side, side)))

        for part in parts:
            initialise(part.module, generator)

        def operations(times: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
            cells = times[1:].reshape(len(widths), len(OPERATIONS))
            return cells / len(EDGES), float(times[0])

        return Timing(parts, operations)

    def timed_names(self) -> list[tuple[str, Sequence[str]]]:
        """Return the stages, each with all operations."""
        return [(f"stage {stage + 1}", OPERATIONS) for stage in range(STAGES)]

    def lookup_of(
        self, operations: NDArray[np.float64], frame: float, shape: Shape, unit: str
    ) -> Lookup:
        """Return the lookup table made of the costs of operations in every stage.

        `operations`, shape (stages, choices), is the cost of an operation on one edge of one cell.
        An operation costs the same on every edge of a cell, and each stage has `shape.cells` cells,
        which all have the same operation on an edge.
        """
        once = shape.cells * operations.sum(axis=0)
        return Lookup(np.tile(once, (len(self.space.decisions), 1)), frame, unit)

    def sizes(self, data: Input, shape: Shape) -> dict[str, NDArray[np.int64]]:
        """Return parameters and multiply-adds, computed from formulas."""
        return {
            "params": self.space.params(data, shape.channels, shape.cells),
            "flops": self.space.flops(data, shape.channels, shape.cells),
        }

    def cost_features(self) -> NDArray[np.float64]:
        """Return the features of the additive model of a cell's costs, shape (15625, 10).

        They are a constant; the number of nodes without incoming edges, which are set to zero; for
        each of the four operations other than `none`, the number of edges that have it; and for
        each of these operations, the number of such edges that reach the output. An operation costs
        a forward pass on any edge, but a backward pass only if it reaches the output.
        """
        codes = self.space.codes.astype(np.int64)
        read = np.zeros((len(codes), NODES), dtype=bool)
        arrives = np.zeros_like(read)
        read[:, -1] = arrives[:, 0] = True
        edge_read = np.zeros(codes.shape, dtype=bool)
        for edge, (source, target) in reversed(list(enumerate(EDGES))):
            edge_read[:, edge] = (codes[:, edge] != NONE) & read[:, target]
            read[:, source] |= edge_read[:, edge]
        for edge, (_, target) in enumerate(EDGES):
            arrives[:, target] |= codes[:, edge] != NONE
        operations = [codes == operation for operation in range(1, 5)]
        columns = [np.ones(len(codes)), (~arrives).sum(axis=1)]
        columns += [there.sum(axis=1) for there in operations]
        columns += [(there & edge_read).sum(axis=1) for there in operations]
        return np.stack(columns, axis=1).astype(np.float64)

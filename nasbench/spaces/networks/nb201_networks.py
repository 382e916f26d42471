"""What torch builds of NAS-Bench-201: see `nb201`, `nb201_grouped` and `nb201_supernet`."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from nasbench.spaces.base import Architecture
from nasbench.spaces.inputs import Input
from nasbench.spaces.nb201 import EDGES, NODES, NONE, NasBench201
from nasbench.spaces.networks.base import Initialisation, Networks, Shape
from nasbench.spaces.networks.lookup import Lookup
from nasbench.spaces.networks.nb201 import Form, Network, simplify
from nasbench.spaces.networks.nb201_grouped import GroupedNetwork
from nasbench.spaces.networks.nb201_supernet import Supernet

_MILLION = 1e6


class NasBench201Networks(Networks):
    """Networks of `nb201`: simplified ones are trained, once for each network class."""

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
        """Return the index of the first cell of its network class."""
        return int(self.space.network_class[self.space.index(architecture)])

    @cached_property
    def classes(self) -> NDArray[np.integer[Any]]:
        """Network classes: 5,260."""
        return self.space.network_class

    def side_by_side(self, networks: Sequence[nn.Module]) -> nn.Module:
        """Join their layers: see `nb201_grouped`."""
        return GroupedNetwork([one for one in networks if isinstance(one, Network)])

    def sorted_by(self, architecture: Architecture) -> Any:
        """Return the operations on the edges.

        Sorted by these, a group agrees on its first edges, where it needs no gathering at all, and
        equal operations on later edges are neighbours: slices instead of gathers.
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
    ) -> Supernet:
        """Return all 15,625 networks in one."""
        return Supernet(
            data, shape,
            generator=generator, precision=precision, initialisation=initialisation, around=around,
        )  # fmt: skip

    def multiply_adds(self, data: Input, shape: Shape) -> Lookup:
        """Return those of every operation on every edge, of all cells together."""
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

    def sizes(self, data: Input, shape: Shape) -> dict[str, NDArray[np.int64]]:
        """Return parameters and multiply-adds in closed form."""
        return {
            "params": self.space.params(data, shape.channels, shape.cells),
            "flops": self.space.flops(data, shape.channels, shape.cells),
        }

    def cost_features(self) -> NDArray[np.float64]:
        """Return what the model of a cell's costs adds up, shape (15625, 10).

        A constant; how many nodes get nothing and are made zero; how many edges have each of the
        four operations that do something; how many of these the output reads. An operation costs
        its forward pass wherever it stands, and a backward pass only where the output reads it.
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

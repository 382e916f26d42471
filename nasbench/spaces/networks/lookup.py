"""What an architecture costs, from a lookup table of its operations.

The table has a cost per decision and choice, and a constant for what all architectures share; an
architecture's cost is their sum. Where choices are independent with probabilities p, the expected
cost is the constant plus sum(p * table): linear, so it needs no sampling (FBNet, equation 8;
ProxylessNAS, equation 5).
"""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nasbench.spaces.base import Architecture
from nasbench.spaces.nb201 import NONE, Input, NasBench201
from nasbench.spaces.networks.nb201 import Shape

_MILLION = 1e6


class Lookup(NamedTuple):
    """Costs of operations: `table`, shape (decisions, choices), and what all share, `constant`."""

    table: NDArray[np.float64]
    constant: float
    unit: str

    def of(self, architecture: Architecture) -> float:
        """Return the cost of one architecture."""
        return self.constant + float(self.table[np.arange(len(architecture)), architecture].sum())

    def expected(self, probabilities: Tensor) -> Tensor:
        """Return the mean cost under `probabilities`, shape (decisions, choices), with gradient."""
        table = torch.from_numpy(self.table).to(probabilities)
        return (probabilities * table).sum() + self.constant


def multiply_adds(space: NasBench201, data: Input, shape: Shape) -> Lookup:
    """Return millions of multiply-adds of every operation on every edge, in the whole network."""
    flops = space.flops(data, shape.channels, shape.cells) / _MILLION
    empty = (NONE,) * len(space.decisions)
    constant = float(flops[space.index(empty)])
    table = np.zeros((len(space.sizes), max(space.sizes)))
    for edge, size in enumerate(space.sizes):
        for choice in range(size):
            alone = (*empty[:edge], choice, *empty[edge + 1 :])
            table[edge, choice] = flops[space.index(alone)] - constant
    return Lookup(table, constant, "million multiply-adds")

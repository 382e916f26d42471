"""What an architecture costs, from a lookup table of its operations.

The table has a cost per decision and choice, and a constant for what all architectures share; an
architecture's cost is their sum. Where choices are independent with probabilities p, the expected
cost is the constant plus sum(p * table): linear, so it needs no sampling (FBNet, equation 8;
ProxylessNAS, equation 5).

A table is exact (multiply-adds), measured operation by operation in every stage, or fitted to
what whole networks cost.
"""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nasbench.spaces.base import Architecture
from nasbench.spaces.categorical import CategoricalSpace


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


def by_stage(
    space: CategoricalSpace, operations: NDArray[np.float64], frame: float, cells: int, unit: str
) -> Lookup:
    """Add up what operations cost in every stage, shape (stages, choices), and what is around.

    Every edge of each of a stage's `cells` has the same operation, and costs the same wherever
    in the cell it stands; `frame` is all that is no cell.
    """
    once = cells * operations.sum(axis=0)
    return Lookup(np.tile(once, (len(space.decisions), 1)), frame, unit)


def fitted(space: CategoricalSpace, costs: NDArray[np.float64], unit: str) -> tuple[Lookup, float]:
    """Fit a lookup table to what every architecture costs, shape (size,); return it with R2.

    Least squares with an effect per decision and choice. On the complete space these are
    orthogonal: an effect is the mean of the architectures with a choice, less that of all. The
    first choice of every decision counts as costing nothing (in NAS-Bench-201 it is `none`): its
    effect goes into the constant, and sums for architectures are the same.
    """
    codes, mean = space.codes.astype(np.intp), costs.mean()
    table = np.zeros((len(space.sizes), max(space.sizes)))
    for edge, size in enumerate(space.sizes):
        counts = np.bincount(codes[:, edge], minlength=size)
        table[edge, :size] = np.bincount(codes[:, edge], costs, minlength=size) / counts - mean
    constant = mean + table[:, 0].sum()
    table -= table[:, [0]]
    predicted = constant + table[np.arange(codes.shape[1]), codes].sum(axis=1)
    explained = 1 - np.square(costs - predicted).sum() / np.square(costs - mean).sum()
    return Lookup(table, float(constant), unit), float(explained)

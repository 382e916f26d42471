"""Costs of architectures, from a lookup table of the costs of operations.

The table has a cost per decision and choice, and a constant for the layers that all architectures
share; an architecture's cost is their sum. If choices are independent with probabilities p, the
expected cost is the constant plus sum(p * table). This is linear in p, so no sampling is needed
(FBNet, equation 8; ProxylessNAS, equation 5).

A table is exact (multiply-adds), or measured for each operation in every stage, or fitted to the
costs of whole networks.
"""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nasbench.spaces.base import Architecture
from nasbench.spaces.categorical import CategoricalSpace


class Lookup(NamedTuple):
    """Costs of operations, `table` of shape (decisions, choices), and `constant`, all in `unit`.

    `constant` is the cost of the layers that all architectures share.
    """

    table: NDArray[np.float64]
    constant: float
    unit: str

    def of(self, architecture: Architecture) -> float:
        """Return the cost of one architecture, in `unit`."""
        return self.constant + float(self.table[np.arange(len(architecture)), architecture].sum())

    def expected(self, probabilities: Tensor) -> Tensor:
        """Return the expected cost under `probabilities`, a scalar tensor with gradient.

        `probabilities` has shape (decisions, choices).
        """
        table = torch.from_numpy(self.table).to(probabilities)
        return (probabilities * table).sum() + self.constant


def fitted(space: CategoricalSpace, costs: NDArray[np.float64], unit: str) -> tuple[Lookup, float]:
    """Fit a lookup table to the costs of all architectures, shape (size,); return it and its R2.

    This is least squares with one effect per decision and choice. On the complete space these are
    orthogonal: an effect is the mean cost of the architectures with the choice minus the mean cost
    of all. The first choice of every decision (in NAS-Bench-201 it is `none`) gets the cost 0: its
    effect is moved to the constant, which changes the cost of no architecture.
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

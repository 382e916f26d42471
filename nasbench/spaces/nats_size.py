"""The size space of NATS-Bench: the number of channels of five layers (Dong et al., TPAMI 2021).

All networks have the same structure: a 3x3 stem, a cell, a residual block of stride 2, a cell, a
residual block of stride 2, a cell, batch norm, global pooling and a linear layer. An architecture
says how many channels each cell and block has; the stem has those of the first cell.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasbench.errors import InvalidInput
from nasbench.spaces.categorical import Architecture, CategoricalSpace, Decision
from nasbench.spaces.inputs import Input
from nasbench.text import shown

NAME = "nats-size"
LAYERS = 5
CHANNELS = (8, 16, 24, 32, 40, 48, 56, 64)
"""Possible numbers of channels of a layer."""
_NORM = 2
"""Weights of a batch norm for each channel."""
_WRITTEN = {str(channels): choice for choice, channels in enumerate(CHANNELS)}

Widths = NDArray[np.int64]
"""Channels of one layer in every architecture, shape (32768,)."""


class NatsSize(CategoricalSpace):
    """The 8^5 = 32,768 networks of the size space, in the official index order.

    An architecture is a tuple of five positions in `CHANNELS`. The official order is the
    enumeration of all of them with the first layer the most significant (that of
    `CategoricalSpace`).
    """

    def __init__(self) -> None:
        """Make the space, which the paper fixes."""
        choices = tuple(_WRITTEN)
        super().__init__(
            NAME, tuple(Decision(f"layer {one}", choices) for one in range(1, LAYERS + 1))
        )

    def format(self, architecture: Architecture) -> str:
        """Write an architecture as the official files do: its channels, such as `8:16:24:32:40`."""
        return ":".join(str(CHANNELS[choice]) for choice in architecture)

    def parse(self, text: str) -> Architecture:
        """Read what `format` writes; raise `InvalidInput` for another text."""
        parts = text.split(":")
        if len(parts) != LAYERS or not all(part in _WRITTEN for part in parts):
            raise InvalidInput(
                f"architecture {shown(text)} is none of space '{self.name}': write the channels of "
                f"its {LAYERS} layers, each one of {', '.join(_WRITTEN)}, such as 8:16:24:32:40"
            )
        return tuple(_WRITTEN[part] for part in parts)

    def params(self, data: Input) -> NDArray[np.int64]:
        """Return the number of weights of every network, shape (32768,)."""
        first, second, third, fourth, fifth = self._widths()
        return (
            (9 * data.channels + _NORM) * first
            + _cell(first, first) + _cell_norms(first, first)
            + _block(first, second) + 2 * _NORM * second
            + _cell(second, third) + _cell_norms(second, third)
            + _block(third, fourth) + 2 * _NORM * fourth
            + _cell(fourth, fifth) + _cell_norms(fourth, fifth)
            + _NORM * fifth + (fifth + 1) * data.classes
        )  # fmt: skip

    def flops(self, data: Input) -> NDArray[np.int64]:
        """Return the multiply-adds of every network, shape (32768,).

        As in the official counts, these are the multiply-adds of convolutions and of the linear
        layer with its bias, without batch norm.
        """
        first, second, third, fourth, fifth = self._widths()
        large, middle, small = ((data.side >> stage) ** 2 for stage in range(3))
        products: Widths = (
            large * (9 * data.channels * first + _cell(first, first))
            + middle * (_block(first, second) + _cell(second, third))
            + small * (_block(third, fourth) + _cell(fourth, fifth))
            + (fifth + 1) * data.classes
        )
        return products

    def _widths(self) -> tuple[Widths, ...]:
        """Return the channels of each layer in every architecture."""
        table: NDArray[Any] = np.array(CHANNELS, dtype=np.int64)[self.codes]
        return tuple(table.T)


def _cell(before: Widths, after: Widths) -> Widths:
    """Return the weights of a cell's convolutions, from `before` to `after` channels.

    The cell has four nodes; two edges from the input and three between nodes are 3x3 convolutions.
    The edge from input to output is a skip; it has a 1x1 convolution if the channels differ.
    """
    skip = _differ(before, after) * before * after
    return 2 * 9 * before * after + 3 * 9 * after**2 + skip


def _cell_norms(before: Widths, after: Widths) -> Widths:
    """Return the weights of the batch norms that follow a cell's convolutions."""
    return _NORM * (5 + _differ(before, after)) * after


def _block(before: Widths, after: Widths) -> Widths:
    """Return the weights of a residual block: two 3x3 convolutions and a 1x1 beside them."""
    return 9 * before * after + 9 * after**2 + before * after


def _differ(before: Widths, after: Widths) -> Widths:
    """Return 1 where the numbers of channels differ, else 0."""
    return np.asarray(before != after, dtype=np.int64)

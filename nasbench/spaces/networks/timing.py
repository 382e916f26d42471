"""What is timed on a device to know the latency of a space's operations."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import nn

from nasbench.spaces.base import Architecture
from nasbench.spaces.categorical import CategoricalSpace


class TimedPart(NamedTuple):
    """A module whose forward pass is timed, and the shape of one image of its input."""

    module: nn.Module
    image: tuple[int, int, int]
    """Channels, height and width."""


class Timing(NamedTuple):
    """The modules to be timed, and how their times become those of operations."""

    parts: Sequence[TimedPart]
    operations: Callable[[NDArray[np.float64]], tuple[NDArray[np.float64], float]]
    """Takes the times of `parts`, shape (parts,); returns those of operations, shape (rows, most
    operations of a row), and the time of the layers that all architectures share."""


def one_change_each(
    space: CategoricalSpace,
    build: Callable[[Architecture], nn.Module],
    image: tuple[int, int, int],
) -> Timing:
    """Return the timing of whole networks that differ from one network in one decision each.

    That network has the first choice of every decision. An operation's time is the difference that
    it makes; that of a first choice is 0, and the network's own time is that of the shared layers.
    Differences are noisy where an operation takes a small part of a network's time.
    """
    first = (0,) * len(space.sizes)
    changes = [(d, c) for d, size in enumerate(space.sizes) for c in range(1, size)]
    every = [first, *((*first[:d], c, *first[d + 1 :]) for d, c in changes)]

    def operations(times: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
        table = np.zeros((len(space.sizes), max(space.sizes)))
        for (decision, choice), time in zip(changes, times[1:], strict=True):
            table[decision, choice] = time - times[0]
        return table, float(times[0])

    return Timing([TimedPart(build(one), image) for one in every], operations)

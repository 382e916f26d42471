"""Independent random streams for training: what a stream is for is part of its seed."""

import enum

import numpy as np
import torch


class Purpose(enum.IntEnum):
    """What random numbers are drawn for; the values are part of every published table."""

    INITIALISATION = 1
    DATA_ORDER = 2
    SPLITS = 3
    EVALUATION_IMAGES = 4
    SUPERNET = 5
    SEARCH_ORDER = 6


def stream(purpose: Purpose, *key: int) -> torch.Generator:
    """Return a CPU generator that depends on the purpose and the key, and on nothing else.

    The words of numpy's `SeedSequence` keep streams apart whose keys are close. All random
    numbers are drawn on the CPU, so that devices agree on them.
    """
    words = np.random.SeedSequence((int(purpose), *key)).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(words[0]) >> 1)


def initialisation(canonical_index: int, seed: int) -> torch.Generator:
    """The stream of a network's initial weights: of its cell's class and the training seed."""
    return stream(Purpose.INITIALISATION, canonical_index, seed)


def data_order(seed: int, epoch: int) -> torch.Generator:
    """The stream that shuffles and augments an epoch: the same for all cells of a seed."""
    return stream(Purpose.DATA_ORDER, seed, epoch)

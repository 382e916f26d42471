"""Independent random streams for training; the purpose of a stream is part of its seed."""

import enum

import numpy as np
import torch


class Purpose(enum.IntEnum):
    """The purpose of a random stream; every published table depends on these values."""

    INITIALISATION = 1
    DATA_ORDER = 2
    SPLITS = 3
    EVALUATION_IMAGES = 4
    SUPERNET = 5
    SEARCH_ORDER = 6
    PROXIES = 7


def stream(purpose: Purpose, *key: int) -> torch.Generator:
    """Return a CPU generator that depends only on the purpose and the key.

    numpy's `SeedSequence` makes the streams of similar keys independent. All random numbers are
    drawn on the CPU, so that they are the same on every device.
    """
    words = np.random.SeedSequence((int(purpose), *key)).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(words[0]) >> 1)


def initialisation(canonical_index: int, seed: int) -> torch.Generator:
    """Return the stream of a network's initial weights, from its class and the training seed."""
    return stream(Purpose.INITIALISATION, canonical_index, seed)


def data_order(seed: int, epoch: int) -> torch.Generator:
    """Return the stream that shuffles and augments an epoch, the same for all architectures."""
    return stream(Purpose.DATA_ORDER, seed, epoch)

"""Batches of images as CIFAR and downsampled ImageNet publish them: pickles of Python 2.

A batch is a dict with `data`, uint8 of shape (n, channels * side * side), channel after
channel, and a list of labels. Nothing that a pickle names is ever called.
"""

import io
from typing import Any

import numpy as np

from nasbench.benchmarks.sources.unpickle import Names, load, readable, stand_ins
from nasbench.benchmarks.training.readers.images import Pixels

_CHANNELS = 3


def read_batch(content: bytes, source: str, labels: str, side: int) -> Pixels:
    """Return the images and the entry called `labels` of one batch.

    Raises `DataError` that names `source` if the pickle asks for anything but plain arrays,
    is damaged, or does not hold what a batch holds.
    """
    with readable(source):
        # text of Python 2 may be bytes: latin1 keeps it byte for byte
        entry = load(io.BytesIO(content), source, encoding="latin1", names=_stand_ins())
        data = entry["data"].array
        numbers = np.array(entry[labels], dtype=np.int64)
        if data.dtype != np.uint8 or data.shape != (len(numbers), _CHANNELS * side * side):
            raise ValueError(f"images of shape {data.shape}")
    return Pixels(data.reshape(-1, _CHANNELS, side, side), numbers)


def _stand_ins() -> Names:
    """Return the allow-list with a number type whose raw data may be text of Python 2."""
    names = stand_ins()
    dtype: Any = names["numpy", "dtype"]

    def numbers(self: Any, data: str | bytes) -> Any:
        return dtype.numbers(self, data.encode("latin1") if isinstance(data, str) else data)

    names["numpy", "dtype"] = type("Dtype", (dtype,), {"numbers": numbers})
    return names

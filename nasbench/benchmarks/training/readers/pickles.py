"""Reading batches of images as CIFAR and downsampled ImageNet publish them: pickles of Python 2.

A batch is a dict with `data`, uint8 of shape (n, channels * side * side) with one channel after the
other, and a list of labels. No function that a pickle names is ever called.
"""

import io
from typing import Any

import numpy as np

from nasbench.benchmarks.sources.unpickle import Names, load, readable, stand_ins
from nasbench.benchmarks.training.readers.images import Pixels

_CHANNELS = 3


def read_batch(content: bytes, source: str, labels: str, side: int) -> Pixels:
    """Return the images (n, 3, side, side) of one batch and its labels, the entry `labels`.

    Raises `DataError`, which names `source`, if the pickle asks for anything except plain arrays,
    is damaged, or is not a batch.
    """
    with readable(source):
        # a text of Python 2 may be bytes; latin1 keeps every byte
        entry = load(io.BytesIO(content), source, encoding="latin1", names=_stand_ins())
        data = entry["data"].array
        numbers = np.array(entry[labels], dtype=np.int64)
        if data.dtype != np.uint8 or data.shape != (len(numbers), _CHANNELS * side * side):
            raise ValueError(f"images of shape {data.shape}")
    return Pixels(data.reshape(-1, _CHANNELS, side, side), numbers)


def _stand_ins() -> Names:
    """Return an allow-list whose number type also accepts data stored as a text of Python 2."""
    names = stand_ins()
    dtype: Any = names["numpy", "dtype"]

    def numbers(self: Any, data: str | bytes) -> Any:
        return dtype.numbers(self, data.encode("latin1") if isinstance(data, str) else data)

    names["numpy", "dtype"] = type("Dtype", (dtype,), {"numbers": numbers})
    return names

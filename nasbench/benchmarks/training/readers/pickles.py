"""Batches of images as CIFAR and downsampled ImageNet publish them: pickles of Python 2.

A batch is a dict with `data`, uint8 of shape (n, channels * side * side), channel after
channel, and a list of labels. Nothing that a pickle names is ever called.
"""

import io
import pickle
from typing import Any

import numpy as np

from nasbench.benchmarks.sources.unpickle import Names, readable, refused, stand_ins
from nasbench.benchmarks.training.readers.images import Pixels
from nasbench.errors import DataError

_CHANNELS = 3


def read_batch(content: bytes, source: str, labels: str, side: int) -> Pixels:
    """Return the images and the entry called `labels` of one batch.

    Raises `DataError` that names `source` if the pickle asks for anything but plain arrays,
    is damaged, or does not hold what a batch holds.
    """
    with readable(source):
        entry = _Unpickler(content, source).load()
        data = entry["data"].array
        numbers = np.array(entry[labels], dtype=np.int64)
        if data.dtype != np.uint8 or data.shape != (len(numbers), _CHANNELS * side * side):
            raise ValueError(f"images of shape {data.shape}")
    return Pixels(data.reshape(-1, _CHANNELS, side, side), numbers)


class _Unpickler(pickle.Unpickler):
    """Reads through the allow-list; text of Python 2 may be bytes and is kept byte for byte."""

    def __init__(self, content: bytes, source: str) -> None:
        super().__init__(io.BytesIO(content), encoding="latin1")
        self._source = source
        self._names = _stand_ins()

    def find_class(self, module: str, name: str, /) -> Any:
        try:
            return self._names[module, name]
        except KeyError:
            raise refused(self._source, module, name) from None

    def persistent_load(self, pid: Any, /) -> Any:
        raise DataError(f"refused to read '{self._source}': its pickle refers to other files")


def _stand_ins() -> Names:
    """Return the allow-list with a number type whose raw data may be text of Python 2."""
    names = stand_ins()
    dtype: Any = names["numpy", "dtype"]

    def numbers(self: Any, data: str | bytes) -> Any:
        return dtype.numbers(self, data.encode("latin1") if isinstance(data, str) else data)

    names["numpy", "dtype"] = type("Dtype", (dtype,), {"numbers": numbers})
    return names

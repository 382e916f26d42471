"""A user's own arrays: an `.npz` file of images and labels."""

import zipfile
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasbench.benchmarks.training.data import DataSet, Part
from nasbench.benchmarks.training.readers.images import (
    Pixels,
    Split,
    assemble,
    digests,
    split_by_class,
)
from nasbench.errors import DataError

_WORDS = {Part.WEIGHTS: "train", Part.VALIDATION: "valid", Part.TEST: "test"}
_NAMES = "x_train, y_train, x_valid, y_valid, x_test, y_test; or images, labels"


def npz_file(path: Path) -> DataSet:
    """Read `x_train, y_train, x_valid, y_valid, x_test, y_test`, or `images, labels`.

    Images have shape (n, side, side), (n, side, side, channels) or (n, channels, side, side),
    with 1 or 3 channels, uint8 or floats as they are; labels are any whole numbers, shape
    (n,). Images without a split are split by `split_by_class`. Trainings see random crops
    after padding by an eighth of the side, and no mirror images, which may mean something
    else. Raises `DataError` for what cannot be read, objects instead of numbers (they are
    pickles, which can run code), and an image that is in two parts.
    """
    name = f"npz:{path.name}"
    arrays = _load(path)
    if {"images", "labels"} <= set(arrays):
        pixels = _pixels(path, arrays, "images", "labels")
        numbers = np.unique(pixels.labels)
        ranked = Pixels(pixels.images, np.searchsorted(numbers, pixels.labels))
        split = split_by_class(name, ranked, [str(number) for number in numbers])
    else:
        split = {
            part: _pixels(path, arrays, f"x_{word}", f"y_{word}") for part, word in _WORDS.items()
        }
        numbers = np.unique(split[Part.WEIGHTS].labels)
        split = _checked(path, split, numbers)
    if len(numbers) < 2:
        raise DataError(f"'{path}' has {len(numbers)} classes: at least two are needed")
    side = split[Part.WEIGHTS].images.shape[-1]
    return assemble(name, split, len(numbers), pad=side // 8, flip=False)


def _load(path: Path) -> dict[str, NDArray[Any]]:
    try:
        with np.load(path, allow_pickle=False) as file:
            if not isinstance(file, np.lib.npyio.NpzFile):
                raise ValueError("not an .npz file")
            return {name: file[name] for name in file.files}
    except FileNotFoundError:
        raise DataError(f"file '{path}' does not exist: name an .npz file") from None
    except (OSError, ValueError, EOFError, TypeError, zipfile.BadZipFile) as error:
        if "pickle" in str(error).lower():
            raise DataError(
                f"refused to read '{path}': it holds pickled objects, which may run code: save "
                "plain number arrays"
            ) from error
        raise DataError(f"cannot read '{path}': damaged or no .npz file ({error})") from error


def _pixels(path: Path, arrays: dict[str, NDArray[Any]], images: str, labels: str) -> Pixels:
    missing = [name for name in (images, labels) if name not in arrays]
    if missing:
        raise DataError(f"'{path}' has no array '{missing[0]}': it must hold {_NAMES}")
    stored, y = arrays[images], arrays[labels]
    if y.ndim != 1 or y.dtype.kind not in "iu" or len(stored) != len(y):
        raise DataError(
            f"'{path}': '{labels}' must be whole numbers, one per image of '{images}' "
            f"({len(stored)}); it is {y.dtype} of shape {y.shape}"
        )
    x = _channels_first(stored)
    floats = x is not None and x.dtype.kind == "f" and bool(np.isfinite(x).all())
    if x is None or not (x.dtype == np.uint8 or floats):
        raise DataError(
            f"'{path}': '{images}' must be uint8 or finite floats of shape (n, side, side), "
            "(n, side, side, channels) or (n, channels, side, side), with 1 or 3 channels"
        )
    return Pixels(np.ascontiguousarray(x), y.astype(np.int64))


def _channels_first(images: NDArray[Any]) -> NDArray[Any] | None:
    if images.ndim == 3:
        return images[:, None]
    if images.ndim == 4 and images.shape[3] in (1, 3):
        return images.transpose(0, 3, 1, 2)
    if images.ndim == 4 and images.shape[1] in (1, 3):
        return images
    return None


def _checked(path: Path, split: Split, numbers: NDArray[np.int64]) -> Split:
    """Refuse parts that do not fit together; rank the labels 0, 1, 2, ..."""
    ranked: Split = {}
    for part, (images, labels) in split.items():
        word = _WORDS[part]
        if not len(labels):
            raise DataError(f"'{path}': 'x_{word}' has no images")
        unknown = np.setdiff1d(labels, numbers)
        if len(unknown):
            raise DataError(f"'{path}': 'y_{word}' has class {unknown[0]}, which y_train has not")
        train = split[Part.WEIGHTS].images
        if images.shape[1:] != train.shape[1:] or images.dtype != train.dtype:
            raise DataError(f"'{path}': images of x_{word} and x_train differ in shape or type")
        ranked[part] = Pixels(images, np.searchsorted(numbers, labels).astype(np.int64))
    seen = {part: digests(pixels.images) for part, pixels in split.items()}
    for one, other in combinations(split, 2):
        shared = len(np.intersect1d(seen[one], seen[other]))
        if shared:
            raise DataError(
                f"'{path}': {shared} images are in both x_{_WORDS[one]} and x_{_WORDS[other]}: "
                "the parts must not overlap"
            )
    return ranked

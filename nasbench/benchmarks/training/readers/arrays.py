"""Reading a user's own arrays: an `.npz` file of images and labels."""

from itertools import combinations
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from nasbench.benchmarks.training.data import DataSet, Part
from nasbench.benchmarks.training.found_images import readable
from nasbench.benchmarks.training.readers.images import (
    Pixels,
    PixelsByPart,
    Read,
    assemble,
    digests,
    memory,
    merged,
    split_by_class,
)
from nasbench.errors import DataError

Arrays = dict[str, NDArray[Any]]

_WORDS = {Part.WEIGHTS: "train", Part.VALIDATION: "valid", Part.TEST: "test"}
_WHOLE = ("images", "labels")
_SPLIT = tuple(f"{letter}_{word}" for word in _WORDS.values() for letter in "xy")
_NAMES = f"{', '.join(_SPLIT)}; or {', '.join(_WHOLE)}"


def npz_file(path: Path) -> DataSet:
    """Read arrays `x_train, y_train, x_valid, y_valid, x_test, y_test`, or `images, labels`.

    Images have shape (n, side, side), (n, side, side, channels) or (n, channels, side, side), with
    1 or 3 channels. They are uint8, scaled to 0..1, or floats, used as they are. Labels are any
    whole numbers, shape (n,). `images` are split by `split_by_class`; of identical images only the
    first, with its label, is used. Trainings see random crops after padding by an eighth of the
    side, and no mirror images, since these may have another meaning. `DataSet.found` reports what
    was read, ignored and left out.

    Raises `DataError` for a file that cannot be read, both kinds of names in one file, fewer than
    two classes, arrays of other shapes or types, objects instead of numbers (they are pickles,
    which can run code), and an image that is in two parts.
    """
    name = f"npz:{path.name}"
    arrays, skipped = _load(path)
    doubles: list[tuple[int, int]] = []
    if set(_WHOLE) <= set(arrays):
        pixels, doubles = merged(_pixels(path, arrays, *_WHOLE))
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
    read = Read(
        tuple(str(number) for number in numbers),
        skipped=skipped,
        merged=tuple(f"image {one} is image {other}" for one, other in doubles),
    )
    side = split[Part.WEIGHTS].images.shape[-1]
    return assemble(name, split, read, pad=side // 8, flip=False)


def _load(path: Path) -> tuple[Arrays, tuple[str, ...]]:
    """Return the arrays with known names, and the names of the others."""
    try:
        with path.open("rb") as raw, _opened(raw) as file:
            _check_names(path, set(file.files))
            _check_size(path, file)
            known = [name for name in file.files if name in (*_WHOLE, *_SPLIT)]
            arrays = {name: np.asarray(file[name]) for name in known}
            return arrays, tuple(readable(name) for name in file.files if name not in known)
    except FileNotFoundError:
        raise DataError(f"file '{path}' does not exist: name an .npz file") from None
    except DataError:
        raise
    except MemoryError:
        raise DataError(f"cannot read '{path}': it holds more than memory does") from None
    except Exception as error:  # zipfile, zlib and numpy may raise anything for damaged archives
        reason = " ".join(str(error).split())
        if "pickle" in reason.lower():
            raise DataError(
                f"refused to read '{path}': it holds pickled objects, which may run code: save "
                "plain number arrays"
            ) from error
        raise DataError(
            f"cannot read '{path}': damaged or no .npz file ({readable(f'{reason:.200}')})"
        ) from error


def _opened(raw: BinaryIO) -> "np.lib.npyio.NpzFile":
    file = np.load(raw, allow_pickle=False)
    if not isinstance(file, np.lib.npyio.NpzFile):
        raise ValueError("not an .npz file")
    return file


def _check_names(path: Path, names: set[str]) -> None:
    whole, split = sorted(names & set(_WHOLE)), sorted(names & set(_SPLIT))
    if whole and split:
        raise DataError(
            f"'{path}' holds both '{whole[0]}' and '{split[0]}': leave out one kind, it must hold "
            f"{_NAMES}"
        )


def _check_size(path: Path, file: Any) -> None:
    """Raise `DataError` for arrays larger than this machine's memory, before unpacking any."""
    size = sum(entry.file_size for entry in file.zip.infolist())
    if size > memory():
        raise DataError(
            f"cannot read '{path}': its arrays take {size / 1e9:.1f} GB, this machine has "
            f"{memory() / 1e9:.1f} GB of memory"
        )


def _pixels(path: Path, arrays: Arrays, images: str, labels: str) -> Pixels:
    missing = [name for name in (images, labels) if name not in arrays]
    if missing:
        raise DataError(f"'{path}' has no array '{missing[0]}': it must hold {_NAMES}")
    stored, y = arrays[images], arrays[labels]
    x = _channels_first(stored)
    finite = x is not None and x.dtype.kind == "f" and _finite(x)
    if x is None or not (x.dtype == np.uint8 or finite):
        raise DataError(
            f"'{path}': '{images}' must be uint8 or finite floats of shape (n, side, side), "
            "(n, side, side, channels) or (n, channels, side, side), with 1 or 3 channels; it is "
            f"{stored.dtype} of shape {stored.shape}"
        )
    if y.ndim != 1 or y.dtype.kind not in "iu" or len(stored) != len(y):
        raise DataError(
            f"'{path}': '{labels}' must be whole numbers, one per image of '{images}' "
            f"({len(stored)}); it is {y.dtype} of shape {y.shape}"
        )
    if not x.size:
        raise DataError(f"'{path}': '{images}' has no images or no pixels: shape {stored.shape}")
    return Pixels(np.ascontiguousarray(x), y.astype(np.int64))


def _channels_first(images: NDArray[Any]) -> NDArray[Any] | None:
    if images.ndim == 3:
        return images[:, None]
    if images.ndim == 4 and images.shape[3] in (1, 3):
        return images.transpose(0, 3, 1, 2)
    if images.ndim == 4 and images.shape[1] in (1, 3):
        return images
    return None


def _finite(images: NDArray[Any]) -> bool:
    """Whether floats stay finite in single precision, which networks compute in."""
    with np.errstate(over="ignore"):
        return bool(np.isfinite(images.astype(np.float32)).all())


def _checked(path: Path, split: PixelsByPart, numbers: NDArray[np.int64]) -> PixelsByPart:
    """Return the parts with labels 0, 1, 2, ...; `DataError` if they do not fit together.

    `numbers` are the labels of `y_train`, sorted. Parts must not have other labels, another shape
    or type of images, or an image in common.
    """
    ranked: PixelsByPart = {}
    for part, (images, labels) in split.items():
        word = _WORDS[part]
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

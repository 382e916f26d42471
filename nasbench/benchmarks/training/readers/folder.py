"""A user's own images: a folder with one folder of image files per class."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from nasbench.benchmarks.training.data import DataSet
from nasbench.benchmarks.training.readers.images import Pixels, assemble, split_by_class
from nasbench.errors import DataError

SUFFIXES = {".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}


def image_folder(path: Path, side: int) -> DataSet:
    """Read `path`/class/image files as RGB squares of `side` pixels; classes by folder name.

    The middle square of each image is resized (bilinear). Every class is split 60/20/20, see
    `split_by_class`. Trainings see random crops after padding by an eighth of the side, and
    no mirror images, which may mean something else. Raises `DataError` for a folder that is
    not there or has fewer than two classes, a class with too few images, a damaged image.
    """
    name = f"folder:{path.resolve().name}"
    if not path.is_dir():
        raise DataError(f"image folder '{path}' does not exist: name a folder of class folders")
    classes = sorted(
        entry.name for entry in path.iterdir() if entry.is_dir() and entry.name[0] != "."
    )
    if len(classes) < 2:
        raise DataError(
            f"image folder '{path}' has {len(classes)} class folders: there must be one folder "
            "of images per class, at least two"
        )
    images: list[NDArray[np.uint8]] = []
    labels: list[int] = []
    for label, text in enumerate(classes):
        files = [file for file in sorted((path / text).iterdir()) if _is_image(file)]
        images += [_read(file, side) for file in files]
        labels += [label] * len(files)
    pixels = Pixels(
        np.array(images, dtype=np.uint8).reshape(-1, 3, side, side),
        np.array(labels, dtype=np.int64),
    )
    split = split_by_class(name, pixels, classes)
    return assemble(name, split, len(classes), pad=side // 8, flip=False)


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and path.name[0] != "." and path.is_file()


def _read(path: Path, side: int) -> NDArray[np.uint8]:
    """Return one image, shape (3, side, side)."""
    try:
        with Image.open(path) as stored:
            upright = ImageOps.exif_transpose(stored).convert("RGB")
        square = ImageOps.fit(upright, (side, side), Image.Resampling.BILINEAR)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise DataError(f"cannot read image '{path}' ({error}): remove or replace it") from error
    return np.asarray(square, dtype=np.uint8).transpose(2, 0, 1)

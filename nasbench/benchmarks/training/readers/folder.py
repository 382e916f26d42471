"""Reading a user's own images: a folder with one folder of image files per class."""

import os
from collections import Counter
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nasbench.benchmarks.training.data import DataSet
from nasbench.benchmarks.training.found_images import readable
from nasbench.benchmarks.training.readers.images import (
    Pixels,
    Read,
    assemble,
    memory,
    merged,
    split_by_class,
)
from nasbench.benchmarks.training.readers.pictures import dark, read_picture
from nasbench.errors import DataError
from nasbench.files import not_there


class _Gathered:
    """The images and the report of a folder, as far as it has been read."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.images: list[NDArray[np.uint8]] = []
        self.labels: list[int] = []
        self.files: list[str] = []
        self.skipped: list[str] = []
        self.treated: Counter[str] = Counter()
        self.brightest = 0

    def place(self, path: Path) -> str:
        return readable(path.relative_to(self.root).as_posix())

    def take(self, folder: Path, label: int, side: int) -> None:
        """Read every image file of a class; other files and folders are recorded as skipped."""
        for path in _entries(folder):
            seen = path.is_file() and not _is_hidden(path)
            picture = read_picture(path, side) if seen else None
            if picture is None:
                self.skipped.append(self.place(path) + "/" * path.is_dir())
                continue
            self.images.append(picture.square)
            self._check_memory(side)
            self.labels.append(label)
            self.files.append(self.place(path))
            self.treated.update(picture.treated)
            self.brightest = max(self.brightest, picture.brightest)

    def _check_memory(self, side: int) -> None:
        """Raise `DataError` if the images read so far are too large for this machine's memory.

        Each number takes one byte here and later four more, as a float.
        """
        if 5 * 3 * side * side * len(self.images) > memory():
            raise DataError(
                f"image folder '{readable(str(self.root))}': {len(self.images)} images of "
                f"{side}x{side} pixels fill this machine's memory: use a smaller side, such as "
                "folder:PATH@32"
            )


def image_folder(path: Path, side: int) -> DataSet:
    """Read `path`/class/image files as RGB squares of `side` pixels, with classes sorted by name.

    Every file that Pillow can read is an image, whatever its name; see `read_picture` for modes and
    transparency. Files and folders whose names begin with a dot are hidden: they are ignored and
    reported as skipped. Of identical images only the first is used, with its class. Every class is
    split 60/20/20, see `split_by_class`. Trainings see random crops after padding by an eighth of
    the side, and no mirror images, since these may have another meaning. `DataSet.found` reports
    what was read, ignored and left out.

    Raises `DataError` for a folder that does not exist or has fewer than two classes, a class with
    too few images, a damaged image, class folders that are one level deeper, and more images than
    fit into memory.
    """
    if not path.is_dir():
        raise DataError(
            f"image folder '{readable(str(path))}' {not_there(path)}: name a folder of class "
            "folders"
        )
    name = f"folder:{Path(os.path.realpath(path)).name}"
    inside = _entries(path)
    classes = [entry for entry in inside if entry.is_dir() and not _is_hidden(entry)]
    _check_level(path, classes)
    if len(classes) < 2:
        raise DataError(
            f"image folder '{path}' has {len(classes)} class folders: there must be one folder "
            "of images per class, at least two"
        )
    gathered = _Gathered(path)
    gathered.skipped += [
        gathered.place(entry) + "/" * entry.is_dir() for entry in inside if entry not in classes
    ]
    for label, folder in enumerate(classes):
        gathered.take(folder, label, side)
    pixels = Pixels(
        np.array(gathered.images, dtype=np.uint8).reshape(-1, 3, side, side),
        np.array(gathered.labels, dtype=np.int64),
    )
    pixels, doubles = merged(pixels)
    names = [readable(folder.name) for folder in classes]
    read = Read(
        tuple(names),
        skipped=tuple(gathered.skipped),
        merged=tuple(f"{gathered.files[one]} is {gathered.files[other]}" for one, other in doubles),
        treated=dict(sorted(gathered.treated.items())),
        remarks=_remarks(gathered.brightest),
    )
    return assemble(name, split_by_class(name, pixels, names), read, pad=side // 8, flip=False)


def _entries(folder: Path) -> list[Path]:
    """Return the paths in a folder, hidden or not, sorted by name."""
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise DataError(
            f"cannot read folder '{readable(str(folder))}': {error.strerror or error}"
        ) from error


def _is_hidden(path: Path) -> bool:
    return path.name.startswith(".")


def _check_level(path: Path, classes: list[Path]) -> None:
    """Raise `DataError` for class folders that contain folders but no image.

    Such folders are not classes but a level above them, such as `train` and `test`.
    """
    hollow = [folder for folder in classes if _is_hollow(folder)]
    if hollow:
        names = ", ".join(f"'{readable(folder.name)}'" for folder in hollow[:5])
        raise DataError(
            f"image folder '{readable(str(path))}': {names} hold folders instead of images; name "
            f"the folder one level down, such as 'folder:{readable(str(hollow[0]))}' (its images "
            "are split into three parts here)"
        )


def _is_hollow(folder: Path) -> bool:
    inside = [entry for entry in _entries(folder) if not _is_hidden(entry)]
    if not any(entry.is_dir() for entry in inside):
        return False
    return not any(entry.is_file() and read_picture(entry, 1) for entry in inside)


def _remarks(brightest: int) -> tuple[str, ...]:
    if not dark(brightest):
        return ()
    return (
        f"the brightest 16-bit pixel is {brightest} of 65535: what is left of these images in 8 "
        "bits is dark and coarse; spread their values over the whole range",
    )

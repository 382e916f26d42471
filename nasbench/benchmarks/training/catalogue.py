"""Finding a data set by its name: bundled, official, or of a user's own images.

digits                              bundled
cifar10, cifar100, ImageNet16-120   official files in --data-dir, NASBENCH_IMAGES or where
                                    `nasbench data fetch` and `import` put them
folder:PATH, folder:PATH@SIDE       one folder of images per class; 32x32 pixels without a side
npz:PATH                            arrays
"""

import difflib
import os
import re
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from nasbench.benchmarks.images import images_folder
from nasbench.benchmarks.training.data import SMALLEST_SIDE, DataSet
from nasbench.benchmarks.training.found_images import readable
from nasbench.benchmarks.training.recipes import RECIPES
from nasbench.errors import DataError, InvalidInput
from nasbench.files import not_there
from nasbench.spaces.inputs import Input
from nasbench.spaces.nb201 import INPUTS
from nasbench.text import is_device_name

DEFAULT_SIDE, LARGEST_SIDE = 32, 1024
"""Side of the images of `folder:PATH` in pixels, and the largest side in `folder:PATH@SIDE`."""
_FOLDER = re.compile(r"(?P<path>.+?)(?:@(?P<side>\d{1,9}))?")


def _cifar10(root: Path) -> DataSet:
    from nasbench.benchmarks.training.readers.cifar import cifar10

    return cifar10(root)


def _cifar100(root: Path) -> DataSet:
    from nasbench.benchmarks.training.readers.cifar import cifar100

    return cifar100(root)


def _imagenet16(root: Path) -> DataSet:
    from nasbench.benchmarks.training.readers.imagenet16 import imagenet16_120

    return imagenet16_120(root)


def _digits(_: Path) -> DataSet:
    from nasbench.benchmarks.training.digits import digits  # scikit-learn: a second to import

    return digits()


_BY_NAME: dict[str, Callable[[Path], DataSet]] = {
    "digits": _digits,
    "cifar10": _cifar10,
    "cifar100": _cifar100,
    "ImageNet16-120": _imagenet16,
}


def dataset_names() -> tuple[str, ...]:
    """Return the names of data sets and the forms of names for a user's own images."""
    return (*_BY_NAME, "folder:PATH", "npz:PATH")


def is_own(name: str) -> bool:
    """Whether `name` is that of a user's own images."""
    return name.startswith(("folder:", "npz:"))


def load_data(name: str, folder: Path | None = None) -> DataSet:
    """Read the data set `name`; official ones are read from `folder`, else `images_folder()`.

    Raises `InvalidInput` for an unknown name, `DataError` for files that are missing,
    damaged or not the official ones.
    """
    kind, colon, rest = name.partition(":")
    if any(c < " " or c == "\x7f" or "\ud800" <= c <= "\udfff" for c in name):
        raise InvalidInput(
            f"data set '{readable(name)}': its name holds characters that cannot be stored; "
            "rename it to plain text"
        )
    if colon and rest and kind == "folder":
        return _image_folder(rest)
    if colon and rest and kind == "npz":
        from nasbench.benchmarks.training.readers.arrays import npz_file

        return npz_file(_local(name, rest))
    if name not in _BY_NAME:
        near = difflib.get_close_matches(name, _BY_NAME, n=1, cutoff=0.5)
        hint = f"; did you mean '{near[0]}'?" if near else ""
        raise InvalidInput(
            f"data set '{name}' cannot be trained on: use {', '.join(dataset_names())}{hint}"
        )
    root = folder or images_folder()
    if folder is not None and not folder.is_dir():
        raise DataError(f"data folder '{folder}' {not_there(folder)}: name another with --data-dir")
    return _BY_NAME[name](root)


@lru_cache(maxsize=2)
def shared_data(name: str, folder: Path | None = None) -> DataSet:
    """Return the same as `load_data`, read once per process; callers must not change its images."""
    return load_data(name, folder)


def table_name(dataset: str) -> str:
    """Return the default name of a table of a data set.

    It is the last part of the data set's path in lower case, with `-` in place of characters that a
    table's name cannot have.
    """
    name = Path(dataset.removeprefix("npz:").removesuffix(".npz")).name
    if dataset.startswith("folder:"):
        match = _FOLDER.fullmatch(dataset.removeprefix("folder:"))
        name = Path(os.path.realpath(match["path"])).name if match else ""
    name = re.sub(r"[^a-z0-9._-]+", "-", name.lower()).strip("-._")[:64] or "images"
    return f"images-{name}"[:64] if is_device_name(name) else name


def find_input(name: str) -> Input:
    """Return the image size and classes of a data set; official ones need no files for it."""
    return INPUTS[name] if name in INPUTS else load_data(name).input


def _image_folder(text: str) -> DataSet:
    from nasbench.benchmarks.training.readers.folder import image_folder

    match = _FOLDER.fullmatch(text)
    if match is None:
        raise InvalidInput(f"data set 'folder:{text}' names no folder: write folder:PATH@SIDE")
    side = int(match["side"] or DEFAULT_SIDE)
    if not SMALLEST_SIDE <= side <= LARGEST_SIDE or side % SMALLEST_SIDE:
        raise InvalidInput(
            f"image side {side} of 'folder:{readable(text)}': use a multiple of {SMALLEST_SIDE} "
            f"from {SMALLEST_SIDE} to {LARGEST_SIDE}, such as 32"
        )
    return image_folder(_local(f"folder:{text}", match["path"]), side)


def _local(name: str, text: str) -> Path:
    """Return the path in the name of a user's data set.

    Raises `InvalidInput` for the home folder of an unknown user, `DataError` for a path that the
    system cannot check.
    """
    try:
        path = Path(text).expanduser()
        path.exists()
    except RuntimeError as error:
        raise InvalidInput(
            f"data set '{name}': there is no such user's folder; write the whole path"
        ) from error
    except OSError as error:
        raise DataError(f"data set '{name:.200}': {error.strerror or error}") from error
    return path


def default_recipe(dataset: str) -> str:
    """Return the name of the recipe made for a data set; if there is none, `nb201-12`."""
    own = [name for name in RECIPES if name.startswith(f"{dataset}-") or name == dataset]
    return own[0] if own else "nb201-12"

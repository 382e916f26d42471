"""Runs of a reproduction, which are kept apart from a user's runs in the same results folder.

They lie in `NAME/runs`, beside `NAME/reproduction.json`. Whoever reads a results folder does not
find them; whoever reads `NAME` or `NAME/runs` does.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from nasbench.files import RESULTS, atomic_write

RUNS = "runs"
"""Name of the folder of runs, within the folder of a reproduction; it is not published."""
_MARK = "apart.txt"
_REPRODUCTION = "reproduction.json"
_WHY = (
    "The runs in this folder belong to the reproduction of a published table. Commands on a folder "
    "above leave them out; name this folder to compare, audit or report them.\n"
)


def keep_apart(folder: Path) -> None:
    """Make the folder of a reproduction's runs and mark it; `StoreError` where this fails.

    The mark is for a reproduction that is interrupted before its `reproduction.json` is written.
    """
    if not (folder / _MARK).exists():
        with atomic_write(folder / _MARK, RESULTS) as file:
            file.write(_WHY.encode())


def walk(
    root: Path, onerror: Callable[[OSError], None] | None = None
) -> Iterator[tuple[Path, list[str]]]:
    """Yield every folder below `root`, itself included, with the names of its files.

    Folders of runs that are kept apart are left out, except `root` and `root`/runs.
    """
    for place, folders, names in os.walk(root, onerror=onerror):
        here = Path(place)
        if here != root:
            folders[:] = [name for name in folders if not _is_apart(here / name)]
        yield here, names


def apart_below(root: Path) -> list[Path]:
    """Return the folders of runs that `walk` leaves out, in path order."""
    found = []
    for here, _ in walk(root):
        if here != root and _is_apart(here / RUNS):
            found.append(here / RUNS)
    return sorted(found)


def _is_apart(folder: Path) -> bool:
    """Whether a folder holds a reproduction's runs; earlier versions did not mark them."""
    return folder.name == RUNS and (
        (folder / _MARK).is_file()
        or (folder.is_dir() and (folder.parent / _REPRODUCTION).is_file())
    )

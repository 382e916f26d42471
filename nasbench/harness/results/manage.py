"""Name and remove the experiments of a results folder; stored runs are never changed."""

import fnmatch
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from nasbench.errors import StoreError
from nasbench.harness.results.display import FILE as DISPLAY
from nasbench.harness.results.display import check_name, remove_display, write_display
from nasbench.harness.results.inventory import StoredExperiment, inventory
from nasbench.leftovers import remove_parts

_OURS = ("experiment.json", "runs-*.parquet", DISPLAY)
"""Names of the files of an experiment, in the order in which they are removed: without the first
one, nobody takes the runs that are left for a whole experiment."""


def rename(folder: str | Path, experiment: str, name: str | None) -> StoredExperiment:
    """Give an experiment a display name for tables and figures, or None to take it away.

    `experiment` is as for `Inventory.find`. The name is stored beside the runs, in every folder of
    the experiment. Several experiments may have one name: a strategy on several data sets. Returns
    the experiment as it was before. Raises `InvalidInput` for a name that cannot be one.
    """
    if name is not None:
        check_name(name)
    one, _ = inventory(folder).find(experiment)
    for place in one.folders:
        if name is None:
            remove_display(place.path)
        else:
            write_display(place.path, name)
    return one


@dataclass(frozen=True)
class Removal:
    """What `remove` takes away."""

    experiment: StoredExperiment
    folders: tuple[Path, ...]
    files: tuple[Path, ...]
    """All files of runs and what describes them, and no others."""


def removals(folder: str | Path, experiments: Sequence[str]) -> list[Removal]:
    """Return what would be removed for some experiments, named as for `Inventory.find`.

    Of an experiment that is named by the path of one of several folders, only this folder is.
    """
    found = inventory(folder)
    planned: dict[tuple[Path, ...], Removal] = {}
    for name in experiments:
        one, places = found.find(name)
        folders = tuple(place.path for place in places)
        files = [
            path
            for place in folders
            for pattern in _OURS
            for path in sorted(place.iterdir())
            if fnmatch.fnmatch(path.name, pattern)
        ]
        planned.setdefault(folders, Removal(one, folders, tuple(files)))
    return list(planned.values())


def remove(planned: Sequence[Removal], results: Path) -> list[Path]:
    """Remove the planned files, and folders below `results` that are empty then.

    Returns the folders that stay because other files are in them. Raises `StoreError` where a file
    cannot be removed.
    """
    stay = []
    for folder in dict.fromkeys(folder for one in planned for folder in one.folders):
        for path in (path for one in planned for path in one.files if path.parent == folder):
            _unlink(path)
        remove_parts(folder)
        if any(folder.iterdir()):
            stay.append(folder)
            continue
        for empty in (folder, folder.parent):  # the second is the group's, if this was its last
            if empty != results and empty.is_relative_to(results):
                with suppress(OSError):
                    empty.rmdir()
    return stay


def _unlink(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(f"cannot remove '{path}': {error.strerror}") from error

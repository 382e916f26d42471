"""Files that settings name, such as transcripts: copies in results, which are complete with them.

A copy is in the experiment's folder, under the setting's name and the beginning of its SHA-256.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from nasbench.files import RESULTS, atomic_write, read_whole
from nasbench.harness.search.experiment import Experiment
from nasbench.strategies.base import SearchStrategy
from nasbench.strategies.registry import find_strategy

_DIGITS = 12


def copy_name(setting: str, sha256: str) -> str:
    """Return the name of the copy of a setting's file."""
    return f"{setting}-{sha256[:_DIGITS]}"


def copy_files(experiment: Experiment, folder: Path) -> None:
    """Copy the files of an experiment's settings into its folder, unless they are there."""
    for setting, digest in find_strategy(experiment.strategy).files.items():
        path = Path(str(experiment.settings[setting]))
        copy = folder / copy_name(setting, str(experiment.settings[digest]))
        if not copy.exists() and path.is_file():
            with atomic_write(copy, RESULTS) as file:
                file.write(read_whole(path))


def with_copies(strategy: type[SearchStrategy], settings: Any, beside: Path | None) -> Any:
    """Return settings with the copies in the folder `beside`, where they are, in place of files."""
    if beside is None:
        return settings
    for setting, digest in strategy.files.items():
        copy = beside / copy_name(setting, getattr(settings, digest))
        if copy.is_file():
            settings = replace(settings, **{setting: str(copy)})
    return settings


def copies(
    settings: Mapping[str, Any], description: Mapping[str, Any], beside: Path
) -> Iterator[Path]:
    """Yield the copies that are beside an `experiment.json`, by what it says of its strategy."""
    files = description.get("files", {})
    for setting, digest in files.items() if isinstance(files, dict) else ():
        copy = beside.parent / copy_name(setting, str(settings.get(digest, "")))
        if copy.is_file():
            yield copy

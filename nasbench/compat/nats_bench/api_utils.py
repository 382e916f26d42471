"""Stand-in for `nats_bench.api_utils`."""

import os
import time
from pathlib import Path
from typing import Any

from nasbench.compat.answers import NotInTable
from nasbench.compat.queries import QueryAPI as NASBenchMetaAPI
from nasbench.compat.queries import remap_dataset_set_names
from nasbench.compat.trainings import ArchResults, ResultsCount
from nasbench.compat.trainings import average as mean

__all__ = [
    "PICKLE_EXT",
    "ArchResults",
    "NASBenchMetaAPI",
    "ResultsCount",
    "get_file_system",
    "get_torch_home",
    "mean",
    "nats_is_dir",
    "nats_is_file",
    "pickle_load",
    "pickle_save",
    "remap_dataset_set_names",
    "reset_file_system",
    "time_string",
]
PICKLE_EXT = "pickle.pbz2"
_ONLY = "default"


def get_file_system() -> str:
    """Return the only file system there is."""
    return _ONLY


def reset_file_system(lib: str = _ONLY) -> None:
    """Accept `default`; raise `ValueError` for another."""
    if lib != _ONLY:
        raise ValueError(f"Unknown file system lib: {lib}")


def get_torch_home() -> str:
    """Return TORCH_HOME, else `.torch` in the home folder."""
    return os.environ.get("TORCH_HOME") or str(Path.home() / ".torch")


def nats_is_dir(file_path: str) -> bool:
    """Whether a path is a folder."""
    return Path(file_path).is_dir()


def nats_is_file(file_path: str) -> bool:
    """Whether a path is a file."""
    return Path(file_path).is_file()


def time_string() -> str:
    """Return the time in UTC."""
    return time.strftime("[%Y-%m-%d %X]", time.gmtime())


def pickle_load(file_path: str, ext: str = ".pbz2") -> Any:
    """Raise `NotInTable`: a pickle can run code, so none is loaded as it is."""
    raise NotInTable(
        f"'{file_path}' is a pickle, which can run code: give its folder to `create`, or import it "
        "with `nasbench data import`"
    )


def pickle_save(obj: Any, file_path: str, ext: str = ".pbz2", protocol: int = 4) -> None:
    """Raise `NotInTable`: no pickles are written."""
    raise NotInTable(f"the stand-in of nats_bench writes no pickles such as '{file_path}{ext}'")

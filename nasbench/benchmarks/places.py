"""Where tables are kept, and what a glance at their files tells: no numbers are read."""

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nasbench.benchmarks.tables.earlier import METRICS, searched_names
from nasbench.errors import InvalidInput

DATA_VARIABLE = "NASBENCH_DATA"
SHIPPED = Path(__file__).parent / "shipped"
"""Folder of the tables that come with the package."""
SUFFIX = ".safetensors"
_LARGEST_GLANCE = 4 << 20
"""Bytes of the longest description that a glance reads."""


def data_folder() -> Path:
    """Return the data folder of tables and downloads; it may not exist yet.

    Raises `InvalidInput` if NASBENCH_DATA names the home folder of an unknown user.
    """
    chosen = os.environ.get(DATA_VARIABLE)
    if chosen:
        try:
            return Path(chosen).expanduser()
        except RuntimeError as error:
            raise InvalidInput(
                f"{DATA_VARIABLE}='{chosen}': there is no such user's folder; write the whole path"
            ) from error
    import platformdirs  # needed only without the variable

    return Path(platformdirs.user_data_dir("nasbench", appauthor=False))


@dataclass(frozen=True)
class Glance:
    """The names in a table's description, which is not checked."""

    name: str
    datasets: tuple[str, ...]
    """Data sets with values of validation."""
    metrics: tuple[str, ...]
    protocols: tuple[str, ...]


def glances() -> list[Glance]:
    """Return a glance at every installed table, sorted by name; one that is damaged is left out."""
    files = {
        path.name.removesuffix(SUFFIX): path
        for folder in (data_folder() / "tables", SHIPPED)
        if folder.is_dir()
        for path in folder.iterdir()
        if path.name.endswith(SUFFIX) and not path.name.startswith(".")
    }
    found = []
    for name, path in sorted(files.items()):
        with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
            found.append(_glance(name, _description(path)))
    return found


def _description(path: Path) -> Mapping[str, Any]:
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > _LARGEST_GLANCE:
            raise ValueError("its description is too long for a glance")
        stored = json.loads(file.read(length))["__metadata__"]["nasbench"]
    return dict(json.loads(stored))


def _glance(name: str, about: Mapping[str, Any]) -> Glance:
    columns = [one for one in about["columns"] if one["split"] == "valid" and one["dataset"]]
    seen = about.get("datasets") or ({} if about.get("metrics") else searched_names(about["space"]))
    shown = {of_columns: dataset for dataset, of_columns in seen.items()}
    quantities = {str(one["quantity"]) for one in columns}
    usual = [one.name for one in METRICS if one.name in quantities]
    metrics = [one["name"] for one in about.get("metrics", ())] or usual
    return Glance(
        name,
        tuple(dict.fromkeys(shown.get(one["dataset"], one["dataset"]) for one in columns)),
        tuple(metrics),
        tuple(one["name"] for one in about.get("protocols", ())),
    )

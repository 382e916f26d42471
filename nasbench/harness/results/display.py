"""The display name of an experiment: a small file beside its runs, which no run depends on."""

import json
from pathlib import Path

from nasbench.errors import InvalidInput, StoreError
from nasbench.files import RESULTS, atomic_write, read_whole
from nasbench.text import printable, shown

FILE = "display.json"
LONGEST = 80
"""Most characters of a display name."""


def check_name(name: object) -> str:
    """Return a display name; `InvalidInput` for what is no text of 1 to 80 visible characters."""
    if isinstance(name, str) and 1 <= len(name) <= LONGEST and _is_seen(name):
        return name
    raise InvalidInput(
        f"display name {shown(name)}: it must be a text of 1 to {LONGEST} characters that can be "
        "seen, without space at its ends"
    )


def _is_seen(name: str) -> bool:
    return printable(name) == name and name.strip() == name


def read_display(folder: Path) -> str:
    """Return the display name in an experiment's folder, empty where it has none.

    Raises `ValueError`, whose text is the reason, for a damaged file.
    """
    try:
        stored = json.loads(read_whole(folder / FILE))
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise ValueError(error.strerror or str(error)) from error
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    if not isinstance(stored, dict) or stored.keys() != {"name"}:
        raise ValueError('it is not of the form {"name": ...}')
    try:
        return check_name(stored["name"])
    except InvalidInput as error:
        raise ValueError(str(error)) from error


def write_display(folder: Path, name: str) -> None:
    """Store a display name beside an experiment's runs, in place of an earlier one."""
    content = json.dumps({"name": check_name(name)}, ensure_ascii=False)
    with atomic_write(folder / FILE, RESULTS) as file:
        file.write(f"{content}\n".encode())


def remove_display(folder: Path) -> None:
    """Remove an experiment's display name, if it has one."""
    path = folder / FILE
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(f"cannot remove '{path}': {error.strerror}") from error

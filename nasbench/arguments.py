"""Check the types of the arguments of public Python functions.

Arguments from the command line already have the right types; those of a Python call are checked
here, once, when the public function is entered. The error message is one line: the name of the
argument, its value, and what it must be.
"""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from nasbench.errors import InvalidInput
from nasbench.text import shown


def require_type(name: str, value: object, kinds: type | tuple[type, ...], what: str) -> None:
    """Raise `InvalidInput` unless `value` has one of the types `kinds`.

    `what` ends the message: "it must be" `what`.
    """
    if not isinstance(value, kinds):
        raise InvalidInput(f"{name} cannot be {shown(value)}: it must be {what}")


def require_text(name: str, what: str, value: object) -> str:
    """Return a string; raise `InvalidInput` ("it must be" `what`) for anything else."""
    require_type(name, value, str, what)
    return str(value)


def require_optional_text(name: str, what: str, value: object) -> None:
    """Raise `InvalidInput` ("it must be" `what`) unless `value` is a string or None."""
    require_type(name, value, (str, type(None)), f"{what}, or None")


def require_path(name: str, value: Any) -> Path:
    r"""Return a string or a path object as a `Path`; raise `InvalidInput` for anything else.

    A NUL character is refused as well: no operating system allows it in a path.

    >>> require_path("out", "results").name
    'results'
    """
    text = os.fspath(value) if isinstance(value, str | os.PathLike) else None
    if not isinstance(text, str) or "\0" in text:
        raise InvalidInput(
            f"{name} cannot be {shown(value)}: it must be a path, as a text or a pathlib.Path, "
            "without a NUL"
        )
    return Path(text)


def require_names(name: str, value: Any, *, repeated: bool = False) -> list[str]:
    """Return the names in a comma-separated string or in a list of strings.

    Spaces around a name and empty names are dropped, and so are repeated names unless `repeated`.
    Raises `InvalidInput` for anything else.

    >>> require_names("datasets", "cifar10, cifar100")
    ['cifar10', 'cifar100']
    """
    parts = value.split(",") if isinstance(value, str) else value
    parts = list(parts) if isinstance(parts, Iterable) else [None]
    if not all(isinstance(part, str) for part in parts):
        raise InvalidInput(
            f"{name} cannot be {shown(value)}: it must be a text with commas between names, or a "
            "list of names"
        )
    names = [part.strip() for part in parts if part.strip()]
    return names if repeated else list(dict.fromkeys(names))


def require_settings(value: Any) -> None:
    """Raise `InvalidInput` unless `value` maps names of strategies to dicts of settings."""
    what = "a dict of settings by strategy, such as {'reinforce': {'baseline': 'none'}}"
    require_type("settings", value, Mapping, what)
    for strategy, changed in value.items():
        require_text("a strategy's name in settings", "a text", strategy)
        require_type(f"settings of '{strategy}'", changed, Mapping, "a dict of settings")
        for name in changed:
            require_text(f"a setting's name of '{strategy}'", "a text", name)

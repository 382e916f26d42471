"""What can be built: search spaces as pure data."""

from functools import cache
from importlib import import_module

from nasbench.arguments import require_text
from nasbench.errors import InvalidInput
from nasbench.spaces.base import Space

_HOMES = {"nb201": ("nasbench.spaces.nb201", "NasBench201")}
"""Module and class of each space, loaded when it is asked for."""


def spaces() -> tuple[str, ...]:
    """Return the names of all spaces."""
    return tuple(_HOMES)


def get_space(name: str) -> Space:
    """Return the space called `name`; one object per process."""
    if require_text("space", f"one of {', '.join(_HOMES)}", name) not in _HOMES:
        raise InvalidInput(f"space '{name}' is unknown: valid are {', '.join(_HOMES)}")
    return _space(name)


@cache
def _space(name: str) -> Space:
    module, class_name = _HOMES[name]
    space: Space = getattr(import_module(module), class_name)()
    return space

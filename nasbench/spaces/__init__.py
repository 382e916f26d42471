"""What can be built: search spaces as pure data."""

from functools import cache

from nasbench.errors import InvalidInput
from nasbench.spaces.base import Space
from nasbench.spaces.nb201 import NasBench201

_SPACES = {"nb201": NasBench201}


def spaces() -> tuple[str, ...]:
    """Return the names of all spaces."""
    return tuple(_SPACES)


@cache
def get_space(name: str) -> Space:
    """Return the space called `name`; one object per process."""
    if name not in _SPACES:
        raise InvalidInput(f"space '{name}' is unknown: valid are {', '.join(_SPACES)}")
    return _SPACES[name]()

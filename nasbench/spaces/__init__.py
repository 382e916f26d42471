"""Search spaces: sets of architectures as plain data."""

from nasbench.spaces.registry import (
    find_space,
    get_categorical,
    get_enumerable,
    get_space,
    import_space,
    register_space,
    spaces,
    whole_of,
)

__all__ = [
    "find_space",
    "get_categorical",
    "get_enumerable",
    "get_space",
    "import_space",
    "register_space",
    "spaces",
    "whole_of",
]

"""Which numbers describe the architectures of a space to a predictor."""

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, TypeGuard

import numpy as np
from numpy.typing import NDArray

from nasbench.errors import InvalidInput
from nasbench.spaces.base import Architecture, EnumerableSpace, Space

if TYPE_CHECKING:
    from nasbench.spaces.base import Encoding

LARGEST_LISTED = 50_000
"""Size of the largest space of which all architectures are encoded at once."""


def encodings_of(
    space: Space, preferred: Sequence[str], beside: Sequence[str] = ()
) -> "list[Encoding]":
    """Return the first of the `preferred` encodings that a space has, or else its first one.

    It is followed by the first of those in `beside` that the space has, unless it is the same.
    Raises `InvalidInput` for a space without encodings.
    """
    known = space.encodings()
    if not known:
        raise InvalidInput(f"space '{space.name}' has no encoding of its architectures")
    names = [next((one for one in preferred if one in known), next(iter(known)))]
    names += [one for one in beside if one in known][:1]
    return [known[name] for name in dict.fromkeys(names)]


def lists_all(space: Space) -> TypeGuard[EnumerableSpace]:
    """Whether all architectures of a space can be encoded at once: at most 50,000 of them."""
    return isinstance(space, EnumerableSpace) and space.size <= LARGEST_LISTED


@lru_cache(maxsize=8)
def encoded_all(
    space: EnumerableSpace, preferred: tuple[str, ...], beside: tuple[str, ...] = ()
) -> NDArray[np.float64]:
    """Return the features of all architectures of a space, in index order, read-only.

    Shape (size, features). They are kept, because the runs of all seeds need the same.
    """
    made = encoded(space, preferred, space.architectures, beside)
    made.setflags(write=False)
    return made


def encoded(
    space: Space,
    preferred: Sequence[str],
    architectures: Sequence[Architecture],
    beside: Sequence[str] = (),
) -> NDArray[np.float64]:
    """Return the features of n architectures, shape (n, features): see `encodings_of`."""
    parts = [one(architectures) for one in encodings_of(space, preferred, beside)]
    return np.concatenate(parts, axis=1, dtype=np.float64)

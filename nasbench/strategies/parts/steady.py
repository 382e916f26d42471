"""Choices that do not depend on the last bits of numbers, or on how many threads made them."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

_EQUAL = 1e-9
"""Numbers that differ by less than this, as a part of the largest one, are taken for equal."""


def largest(values: NDArray[np.float64], generator: np.random.Generator) -> int:
    """Return the index of the largest of some numbers; of equal ones any, drawn uniformly.

    Numbers are equal to the largest within a billionth of it. Linear algebra gives other last bits
    on another processor, and that rarely changes what is chosen.
    """
    most = values.max()
    equal = np.flatnonzero(values >= most - _EQUAL * abs(most))
    return int(equal[generator.integers(len(equal))])


@contextmanager
def one_thread() -> Iterator[None]:
    """Do linear algebra in one thread meanwhile: several would add numbers in another order."""
    with _threads().limit(limits=1):
        yield


@cache
def _threads() -> Any:
    """Return what controls the libraries that are loaded; scipy's linear algebra is one of them."""
    import scipy.linalg  # noqa: F401
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()

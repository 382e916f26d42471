"""While a search runs, no test column of any table can be read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

sealed: ContextVar[bool] = ContextVar("test set sealed", default=False)


@contextmanager
def seal_test() -> Iterator[None]:
    """Make reads of test columns raise `TestSetSealed` inside the block, in this context."""
    token = sealed.set(True)
    try:
        yield
    finally:
        sealed.reset(token)

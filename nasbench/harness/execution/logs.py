"""The text that a run prints, stored with the run, as nobody would see it on a cluster."""

import io
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout

_MOST = 20_000
"""Characters kept of a run, half of them from its end."""


class Log:
    """The text printed so far."""

    def __init__(self) -> None:
        """Start empty."""
        self._written = io.StringIO()

    @property
    def text(self) -> str:
        """The printed text; of more than 20,000 characters only the beginning and the end."""
        whole = self._written.getvalue()
        if len(whole) <= _MOST:
            return whole
        half = _MOST // 2
        left_out = len(whole) - 2 * half
        return f"{whole[:half]}\n[{left_out} characters left out]\n{whole[-half:]}"

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Record, and do not show, what Python prints on stdout and stderr, warnings included."""
        with redirect_stdout(self._written), redirect_stderr(self._written):
            yield

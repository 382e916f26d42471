"""What a run prints, kept with the run: on a cluster nobody would see it."""

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
        """What was printed; of a long text its beginning and end."""
        whole = self._written.getvalue()
        if len(whole) <= _MOST:
            return whole
        half = _MOST // 2
        left_out = len(whole) - 2 * half
        return f"{whole[:half]}\n[{left_out} characters left out]\n{whole[-half:]}"

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Keep what Python prints on stdout and stderr, warnings included, from the screen."""
        with redirect_stdout(self._written), redirect_stderr(self._written):
            yield

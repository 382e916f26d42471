"""Ctrl-C in two steps: after the first, runs under way are finished; the second stops at once."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


class Interruption:
    """Whether the user has asked to stop."""

    def __init__(self) -> None:
        """Start without a request to stop."""
        self.requested = False


@contextmanager
def draining(say: Callable[[str], None]) -> Iterator[Interruption]:
    """Let the first Ctrl-C set `requested`; the second raises `KeyboardInterrupt`.

    Outside the main thread, which receives no signals, or where SIGINT is ignored, nothing changes.
    """
    stop = Interruption()
    before = signal.getsignal(signal.SIGINT)
    here = threading.current_thread() is threading.main_thread()
    if not here or before is signal.SIG_IGN:
        yield stop
        return

    def interrupt(number: int, frame: FrameType | None) -> None:
        if stop.requested:
            raise KeyboardInterrupt
        stop.requested = True
        say("interrupted: runs under way are finished and stored; again to stop at once")

    signal.signal(signal.SIGINT, interrupt)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)

"""What long work tells of how far it is; the command line shows it (`nasbench.cli.progress`)."""

from typing import Protocol


class Progress(Protocol):
    """Receives how far a piece of work is."""

    def start(self, total: int, there: int = 0) -> None:
        """Add `total` things to what is wanted, of which `there` are done already."""

    def advance(self, count: int = 1, note: str | None = None) -> None:
        """Count `count` more; `note` is what may be shown beside the count, None: as before."""


class Stages(Progress, Protocol):
    """Receives how far work of several parts is."""

    def stage(self, what: str) -> None:
        """Begin another part, from zero; `what` are the things that it counts, in the plural."""


class Unseen:
    """Shows nothing."""

    def stage(self, what: str) -> None:
        """Begin nothing."""

    def start(self, total: int, there: int = 0) -> None:
        """Add nothing."""

    def advance(self, count: int = 1, note: str | None = None) -> None:
        """Count nothing."""

"""The progress bar of `nasbench run`."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from nasbench.harness.search.experiment import Experiment


class Bar:
    """One bar for all runs of a command: count, rate, time left and the current strategy."""

    def __init__(self, progress: Progress) -> None:
        """Draw on `progress`."""
        self._progress = progress
        self._task = progress.add_task("", total=None, rate="")

    def start(self, total: int, skipped: int) -> None:
        """Add `total` runs to the length of the bar."""
        there = f"{skipped} runs are there already" if skipped else ""
        known = self._progress.tasks[0].total or 0
        self._progress.update(self._task, total=known + total, description=there)

    def advance(self, experiment: Experiment, runs: int) -> None:
        """Count `runs` more finished runs."""
        task = self._progress.tasks[0]
        speed = task.finished_speed or task.speed
        self._progress.update(
            self._task,
            advance=runs,
            description=experiment.strategy,
            rate=f"{speed:.0f} runs/s" if speed else "",
        )


@contextmanager
def progress_bar() -> Iterator[Bar | None]:
    """Show a bar on stderr while the block runs; nothing when stderr is no terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    with _progress() as progress:
        yield Bar(progress)


@contextmanager
def counting(what: str, total: int) -> Iterator[Callable[[], None]]:
    """Yield a function that counts one more of `total` on a bar, if stderr is a terminal."""
    if not (total and sys.stderr.isatty()):
        yield lambda: None
        return
    with _progress() as progress:
        task = progress.add_task(what, total=total, rate="")
        yield lambda: progress.advance(task)


def _progress() -> Progress:
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"), TimeElapsedColumn(), TimeRemainingColumn(),
    )  # fmt: skip
    # the present stderr, as `sys.stderr` is the run's log while a run is made
    return Progress(*columns, console=Console(file=sys.stderr), transient=True)

"""How far a long command is: a bar on a terminal, and a line on stderr every minute elsewhere."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from nasbench.text import printable

if TYPE_CHECKING:
    from rich.progress import Progress

    from nasbench.harness.search.experiment import Experiment

EVERY = 60.0
"""Seconds between two lines, and until the first."""
_UNITS = (("s", 1.0), ("min", 60.0), ("h", 3600.0))

Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="Show no progress; errors and results stay.")
]
"""The option of every command that shows its progress."""


class Meter:
    """Counts the work of a command, and says how fast it is done and how long the rest takes.

    The rate is of the work done since the first `start`; what was done before does not count. A
    command of several parts calls `stage` at the beginning of each.
    """

    def __init__(
        self,
        what: str,
        bar: "Progress | None" = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Count things called `what`, such as `runs`; on `bar`, if one is given, as well."""
        self._bar, self._now = bar, now
        self._task = None if bar is None else bar.add_task("", total=None, rate="")
        self.stage(what)

    def stage(self, what: str) -> None:
        """Begin another part of the work, whose length is not known yet, from zero."""
        self._what = what
        self.total = self.done = self._there = 0
        self._began = self._now()
        self._show(what)

    def start(self, total: int, there: int = 0) -> None:
        """Add `total` things to what is wanted, of which `there` are done already."""
        if not self.total:
            self._began = self._now()
        self.total += total
        self._there += there
        self.done += there
        self._show(f"{there:,} {self._what} are there already" if there else self._what)

    def advance(self, count: int = 1, note: str | None = None) -> None:
        """Count `count` more; a bar shows `note`, such as what is worked on, beside it."""
        self.done += count
        self._show(note)

    @property
    def line(self) -> str:
        """What is done, how fast, and how long the rest takes, as one line."""
        spent = self._now() - self._began
        if not self.total:
            return f"nasbench: {self._what}, {_span(spent)} so far"
        counted = f"nasbench: {self.done:,} of {self.total:,} {self._what}"
        rate = self._rate
        if not rate:
            return f"{counted}, {_span(spent)} so far"
        left = (self.total - self.done) / rate
        return f"{counted}, {_pace(rate, self._what)}, about {_span(left)} left"

    @property
    def _rate(self) -> float:
        """Things done per second since the first `start`; 0 before the first is done."""
        return (self.done - self._there) / max(self._now() - self._began, 1e-9)

    def _show(self, note: str | None) -> None:
        """Draw the bar anew; a `note` that is None leaves the one that is shown."""
        if self._bar is None or self._task is None:
            return
        rate = _pace(self._rate, self._what) if self._rate else ""
        self._bar.update(
            self._task, total=self.total or None, completed=self.done, description=note, rate=rate
        )


class RunMeter:
    """Counts the runs of `nasbench run` and of commands that make runs by it."""

    def __init__(self, meter: Meter) -> None:
        """Count on `meter`."""
        self._meter = meter

    def start(self, total: int, skipped: int) -> None:
        """Add `total` runs that are missing and `skipped` that are stored already."""
        self._meter.start(total + skipped, skipped)

    def advance(self, experiment: "Experiment", runs: int) -> None:
        """Count `runs` more finished runs."""
        self._meter.advance(runs, experiment.strategy)


@contextmanager
def metering(what: str, *, quiet: bool = False) -> Iterator[Meter]:
    """Yield a meter that shows on stderr while the block runs, unless the user wants it `quiet`."""
    if quiet:
        yield Meter(what)
    elif sys.stderr.isatty():
        with _bar() as bar:
            yield Meter(what, bar)
    else:
        meter, ended = Meter(what), threading.Event()
        # the present stderr, as `sys.stderr` is the run's log while a run is made
        arguments = meter, sys.stderr, ended.wait
        threading.Thread(target=say_every_minute, args=arguments, daemon=True).start()
        try:
            yield meter
        finally:
            ended.set()


def say_every_minute(meter: Meter, screen: TextIO, wait: Callable[[float], bool]) -> None:
    """Write the meter's line after every minute, until `wait` returns that the work has ended."""
    while not wait(EVERY):
        screen.write(f"{printable(meter.line)}\n")
        screen.flush()


def _bar() -> "Progress":
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"), TimeElapsedColumn(), TimeRemainingColumn(),
    )  # fmt: skip
    return Progress(*columns, console=Console(file=sys.stderr), transient=True)


def _pace(rate: float, what: str) -> str:
    """Return a rate per second as text, per minute or hour where it is below one per second."""
    one = what.split(maxsplit=1)[0]
    name, seconds = next((unit for unit in _UNITS if rate * unit[1] >= 1), _UNITS[-1])
    number = rate * seconds
    return f"{number:,.0f} {one}/{name}" if number >= 100 else f"{number:.1f} {one}/{name}"


def _span(seconds: float) -> str:
    """Return a length of time in words: whole seconds, minutes, or hours and minutes."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60:,} h {minutes % 60:02d} min"

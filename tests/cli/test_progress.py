"""What a long command shows of how far it is, on a terminal and elsewhere."""

import io
import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from rich.console import Console
from rich.progress import Progress, TextColumn

from nasbench.cli import progress
from nasbench.cli.app import main
from nasbench.cli.progress import Meter, metering, say_every_minute


class Time:
    """A clock that moves only when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("done", "total", "seconds", "line"),
    [
        (1200, 5000, 60.6, "1,200 of 5,000 runs, 19.8 runs/s, about 3 min left"),
        (1, 5000, 0.0005, "1 of 5,000 runs, 2,000 runs/s, about 2 s left"),
        (30, 40, 60, "30 of 40 runs, 30.0 runs/min, about 20 s left"),
        (3, 20, 3600, "3 of 20 runs, 3.0 runs/h, about 5 h 40 min left"),
        (1, 2, 10 * 3600, "1 of 2 runs, 0.1 runs/h, about 10 h 00 min left"),
        (0, 20, 180, "0 of 20 runs, 3 min so far"),
        (20, 20, 60, "20 of 20 runs, 20.0 runs/min, about 0 s left"),
    ],
)
def test_a_line_says_rate_and_time_left(done: int, total: int, seconds: float, line: str) -> None:
    clock = Time()
    meter = Meter("runs", now=clock)
    meter.start(total)
    clock.now += seconds
    meter.advance(done)
    assert meter.line == f"nasbench: {line}"


def test_what_was_there_before_does_not_make_the_rate() -> None:
    """60 of 130 trainings in 30 minutes, 10 of 140 were there: 35 minutes are left."""
    clock = Time()
    meter = Meter("trainings", now=clock)
    clock.now += 3600  # reading what is there is no training
    meter.start(140, 10)
    clock.now += 1800
    meter.advance(60)
    expected = "70 of 140 trainings, 2.0 trainings/min, about 35 min left"
    assert meter.line == f"nasbench: {expected}"


def test_parts_of_a_command_begin_from_zero() -> None:
    clock = Time()
    meter = Meter("reading", now=clock)
    clock.now += 90
    assert meter.line == "nasbench: reading, 2 min so far"
    meter.stage("replays")
    meter.start(4)
    clock.now += 1
    meter.advance()
    assert meter.line == "nasbench: 1 of 4 replays, 1.0 replays/s, about 3 s left"


def test_a_line_a_minute_and_none_before_the_first() -> None:
    clock, screen, waits = Time(), io.StringIO(), []
    meter = Meter("runs", now=clock)
    meter.start(600)

    def wait(seconds: float) -> bool:
        waits.append(seconds)
        clock.now += seconds
        meter.advance(60)
        return len(waits) == 3  # then the work has ended

    say_every_minute(meter, screen, wait)
    assert waits == [60.0] * 3
    assert screen.getvalue().splitlines() == [
        "nasbench: 60 of 600 runs, 1.0 runs/s, about 9 min left",
        "nasbench: 120 of 600 runs, 1.0 runs/s, about 8 min left",
    ]


class Impatient:
    """A class in place of `threading.Event` for which a minute has passed at once, once."""

    def __init__(self) -> None:
        self._first = True

    def wait(self, _: float) -> bool:
        first, self._first = self._first, False
        return not first

    def set(self) -> None:
        pass


@pytest.fixture
def minutes_fly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress.threading, "Event", Impatient)

    class Now:
        def __init__(self, target: object, args: tuple[object, ...], daemon: bool) -> None:
            assert daemon  # it must not keep a process alive
            self._run = target, args

        def start(self) -> None:
            target, args = self._run
            assert callable(target)
            target(*args)

    monkeypatch.setattr(progress.threading, "Thread", Now)


@pytest.mark.usefixtures("minutes_fly")
def test_quiet_shows_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with metering("runs") as meter:
        meter.start(3)
    assert capsys.readouterr().err == "nasbench: runs, 0 s so far\n"
    with metering("runs", quiet=True) as meter:
        meter.start(3)
        meter.advance(3)
    assert capsys.readouterr().err == ""


def test_the_bar_shows_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    bar = Progress(
        TextColumn("{task.description} {task.completed} {task.total} {task.fields[rate]}"),
        console=Console(file=screen, width=120),
        auto_refresh=False,
    )
    clock = Time()
    meter = Meter("runs", bar, clock)
    meter.start(10, 4)
    assert bar.tasks[0].description == "4 runs are there already"
    clock.now += 2
    meter.advance(3, "random-search")
    (task,) = bar.tasks
    assert (task.completed, task.total, task.description) == (7, 10, "random-search")
    assert task.fields["rate"] == "1.5 runs/s"


@contextmanager
def arguments(monkeypatch: pytest.MonkeyPatch, *words: str) -> Iterator[None]:
    monkeypatch.setattr(sys, "argv", ["nasbench", *words])
    with pytest.raises(SystemExit) as ended:
        yield
    assert not ended.value.code


@pytest.mark.usefixtures("synthetic_nb201", "minutes_fly")
def test_commands_say_it_on_stderr_and_json_stays_pure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    run = ["run", "-s", "random-search", "--seeds", "2", "--budget", "5evals", "--workers", "1"]
    for words in ([*run, "--json"], ["audit", "--json"]):
        with arguments(monkeypatch, *words):
            main()
        said = capsys.readouterr()
        json.loads(said.out)
        assert "so far" in said.err
    with arguments(monkeypatch, "report"):
        main()
    assert "nasbench: reading the results, 0 s so far" in capsys.readouterr().err
    for words in ([*run, "--quiet", "--json"], ["audit", "-q", "--json"], ["report", "--quiet"]):
        with arguments(monkeypatch, *words):
            main()
        said = capsys.readouterr()
        assert said.out
        assert "so far" not in said.err


def test_on_a_terminal_there_is_a_bar_and_quiet_turns_it_off() -> None:
    """In a terminal of its own: a bar hides the cursor while it is shown."""
    code = (
        "from nasbench.cli.progress import metering\n"
        "with metering('runs', quiet={}) as meter:\n"
        "    meter.start(2); meter.advance(1)\n"
    )
    for quiet in (False, True):
        ours, theirs = pty.openpty()
        subprocess.run(
            [sys.executable, "-c", code.format(quiet)],
            stderr=theirs, check=True, env={**os.environ, "TERM": "xterm"},
        )  # fmt: skip
        os.close(theirs)
        shown = b""
        try:
            while part := os.read(ours, 4096):
                shown += part
        except OSError:  # the other end is closed and nothing is left
            pass
        os.close(ours)
        assert (b"\x1b[?25l" in shown) is not quiet

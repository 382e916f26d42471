"""`nasbench`: the commands, and the one place where errors become a line and an exit code."""

import io
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer
from typer.exceptions import Abort, TyperException

from nasbench.cli import (
    audit,
    calibrate,
    compare,
    data,
    latency,
    listing,
    options,
    report,
    reproduce,
    run,
    show,
    tabulate,
    train,
    tune,
)
from nasbench.errors import NasbenchError
from nasbench.text import one_line

_INTERRUPTED = 128 + signal.SIGINT
_TERMINATED = 128 + signal.SIGTERM

app = typer.Typer(
    name="nasbench",
    help="Compare neural-architecture-search strategies honestly.",
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("run")(run.run)
app.command("compare")(compare.compare)
app.command("audit")(audit.audit)
app.command("show")(show.show)
app.command("train")(train.train)
app.command("calibrate")(calibrate.calibrate)
app.command("report")(report.report)
app.command("reproduce")(reproduce.reproduce)
app.command("tune")(tune.tune)
app.command("latency")(latency.latency)
app.command("tabulate")(tabulate.tabulate)
app.add_typer(listing.app, name="list")
app.add_typer(data.app, name="data")


def main() -> None:
    """Run the command line; no traceback of ours ever reaches a user."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal of few characters shows "?"
            stream.reconfigure(errors="replace")
    with _ended_cleanly() as received:
        code = _run()
    sys.exit(_TERMINATED if received and code == _INTERRUPTED else code)


@contextmanager
def _ended_cleanly() -> Iterator[list[int]]:
    """Let SIGTERM end a command as Ctrl-C does; yield the signals received."""
    received: list[int] = []

    def interrupt(number: int, _: object) -> None:
        received.append(number)
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield received
    finally:
        signal.signal(signal.SIGTERM, before)


def _run() -> int:
    """Return the exit code.

    0; 1 when no run finished or an audit found faults; 2 for input that cannot be used; 130 when
    interrupted.
    """
    try:
        result = app(options.filled(sys.argv[1:]) or ["--help"], standalone_mode=False)
    except NasbenchError as error:
        return _say(str(error), 2)
    except TyperException as error:
        reason = error.format_message().strip()
        return _say(f"{reason.splitlines()[0]} (see --help)", 2) if reason else 0  # help was shown
    except (KeyboardInterrupt, Abort):
        result = _INTERRUPTED
    except (OSError, MemoryError) as error:
        return _system(error)
    if result == _INTERRUPTED:  # typer gives the code of a Ctrl-C back
        return _say("interrupted; finished runs are stored, the same command goes on", result)
    return result if isinstance(result, int) else 0


def _system(error: OSError | MemoryError) -> int:
    """Say what the machine refused."""
    if isinstance(error, MemoryError):
        return _say("out of memory: use fewer --workers, or fewer seeds per call", 2)
    if isinstance(error, BrokenPipeError):  # whoever read our output has left
        sys.stderr.close()
        return 141
    return _say(f"{error.filename or 'system'}: {error.strerror or error}", 2)


def _say(line: str, code: int) -> int:
    print(f"nasbench: {one_line(line)}", file=sys.stderr)
    return code

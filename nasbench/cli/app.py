"""`nasbench`: the commands, and the one place where errors become a line and an exit code."""

import sys

import typer
from typer.exceptions import Abort, TyperException

from nasbench.cli import compare, data, listing, run, show, tabulate, train
from nasbench.errors import NasbenchError

app = typer.Typer(
    name="nasbench",
    help="Compare neural-architecture-search strategies honestly.",
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("run")(run.run)
app.command("compare")(compare.compare)
app.command("show")(show.show)
app.command("train")(train.train)
app.command("tabulate")(tabulate.tabulate)
app.add_typer(listing.app, name="list")
app.add_typer(data.app, name="data")


def main() -> None:
    """Run the command line; no traceback of ours ever reaches a user."""
    sys.exit(_run())


def _run() -> int:
    """Return the exit code: 0, 2 for input that cannot be used, 130 when interrupted."""
    try:
        result = app(sys.argv[1:] or ["--help"], standalone_mode=False)
    except NasbenchError as error:
        return _say(str(error), 2)
    except TyperException as error:
        reason = error.format_message().strip()
        return _say(f"{reason.splitlines()[0]} (see --help)", 2) if reason else 0  # help was shown
    except (KeyboardInterrupt, Abort):
        return _say("interrupted; finished runs are stored, the same command goes on", 130)
    except (OSError, MemoryError) as error:
        return _system(error)
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
    print(f"nasbench: {line}", file=sys.stderr)
    return code

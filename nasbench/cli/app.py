"""`nasbench`: the commands, and the one place where errors become a line and an exit code."""

import sys

import typer

from nasbench.cli import compare, data, listing, run, show
from nasbench.errors import NasbenchError

app = typer.Typer(
    name="nasbench",
    help="Compare neural-architecture-search strategies honestly.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("run")(run.run)
app.command("compare")(compare.compare)
app.command("show")(show.show)
app.command("list")(listing.list_)
app.add_typer(data.app, name="data")


def main() -> None:
    """Run the command line; no traceback of ours ever reaches a user."""
    try:
        app(standalone_mode=True)
    except NasbenchError as error:
        print(f"nasbench: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("nasbench: interrupted; finished runs are stored", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(141)
    except MemoryError:
        print("nasbench: out of memory: use fewer --workers or seeds per call", file=sys.stderr)
        sys.exit(2)
    except OSError as error:
        print(f"nasbench: {error.filename or 'system'}: {error.strerror or error}", file=sys.stderr)
        sys.exit(2)

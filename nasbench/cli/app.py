"""The commands of `nasbench`; their errors and signals are handled in `entry`."""

from typing import Annotated

import typer

from nasbench.cli import (
    audit,
    calibrate,
    compare,
    data,
    entry,
    export,
    latency,
    listing,
    report,
    reproduce,
    results,
    run,
    show,
    tabulate,
    train,
    tune,
)
from nasbench.cli.lines import say


def _say_version(given: bool) -> None:
    if given:
        from nasbench.provenance import version_line

        say(version_line())
        raise typer.Exit


app = typer.Typer(
    name="nasbench",
    help="Compare neural-architecture-search strategies honestly.",
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def common(
    version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_say_version, help="Show the version."),
    ] = False,
) -> None:
    """Compare neural-architecture-search strategies honestly."""


app.command("run")(run.run)
app.command("compare")(compare.compare)
app.command("export")(export.export)
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
app.add_typer(results.app, name="results")


def main() -> None:
    """Run the command line."""
    entry.run(lambda: app)

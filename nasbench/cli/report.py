"""`nasbench report`."""

from pathlib import Path
from typing import Annotated

import typer

from nasbench import limits
from nasbench.cli.lines import say, warn
from nasbench.cli.options import number
from nasbench.cli.progress import Quiet, metering


def report(
    results: Annotated[Path, typer.Argument(help="Results folder.")] = Path("results"),
    out: Annotated[
        Path | None, typer.Option(help="The page. [default: RESULTS/report.html]")
    ] = None,
    replay: Annotated[int, number(limits.REPLAYS, help="Runs the audit makes again.")] = 0,
    quiet: Quiet = False,
) -> None:
    """Write one self-contained HTML page: curves, tables, every run, the audit."""
    from nasbench.harness.report import report as write_report

    with metering("reading the results", quiet=quiet) as meter:
        path = write_report(results, out, replays=replay, say=warn, progress=meter)
    say(f"{path} ({path.stat().st_size / 1e6:.1f} MB)")

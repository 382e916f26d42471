"""`nasbench report`."""

import sys
from pathlib import Path
from typing import Annotated

import typer


def report(
    results: Annotated[Path, typer.Argument(help="Results folder.")] = Path("results"),
    out: Annotated[
        Path | None, typer.Option(help="The page. [default: RESULTS/report.html]")
    ] = None,
    replay: Annotated[int, typer.Option(min=0, help="Runs the audit makes again.")] = 0,
) -> None:
    """Write one self-contained HTML page: curves, tables, every run, the audit."""
    from nasbench.harness.report import report as write_report

    path = write_report(results, out, replays=replay, say=_warn)
    print(f"{path} ({path.stat().st_size / 1e6:.1f} MB)")


def _warn(line: str) -> None:
    print(f"warning: {line}", file=sys.stderr)

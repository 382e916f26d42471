"""`nasbench report`."""

from pathlib import Path
from typing import Annotated

import typer

from nasbench import limits
from nasbench.cli.choosing import (
    Datasets,
    Exclude,
    Folders,
    Labels,
    Seeds,
    Strategies,
    StyleFile,
    chosen,
)
from nasbench.cli.lines import say, warn
from nasbench.cli.options import number
from nasbench.cli.progress import Quiet, metering


def report(
    results: Folders = None,
    strategy: Strategies = None,
    exclude: Exclude = None,
    dataset: Datasets = None,
    seeds: Seeds = None,
    label: Labels = None,
    style_file: StyleFile = None,
    out: Annotated[
        Path | None, typer.Option(help="The page. [default: report.html in the first folder]")
    ] = None,
    replay: Annotated[int, number(limits.REPLAYS, help="Runs the audit makes again.")] = 0,
    quiet: Quiet = False,
) -> None:
    """Write one self-contained HTML page: curves, tables, every run, the audit."""
    from nasbench.harness.report import report as write_report
    from nasbench.parquet import without_pandas

    without_pandas()

    with metering("reading the results", quiet=quiet) as meter:
        path = write_report(
            results or [Path("results")], out, replays=replay, say=warn, progress=meter,
            **chosen(strategy, exclude, dataset, seeds, label, style_file),
        )  # fmt: skip
    say(f"{path} ({path.stat().st_size / 1e6:.1f} MB)")

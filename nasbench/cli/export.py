"""`nasbench export`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from nasbench.cli.lines import say, warn
from nasbench.cli.options import split

PARTS = ("trajectories", "architectures", "best")
"""What can be written, as in `harness.results.export`."""


class Format(StrEnum):
    """The kind of the files."""

    CSV = "csv"
    PARQUET = "parquet"


def export(
    results: Annotated[Path, typer.Argument(help="Results folder.")] = Path("results"),
    out: Annotated[
        Path | None, typer.Option(help="Folder for the files. [default: RESULTS/export]")
    ] = None,
    format_: Annotated[
        Format, typer.Option("--format", "-f", help="What files are written.")
    ] = Format.CSV,
    what: Annotated[
        list[str] | None,
        typer.Option(
            help="`trajectories` (a row per evaluation), `architectures` (a row per run: the final "
            "architecture as text) or `best` (a row per experiment), comma-separated or repeated. "
            "[default: all]"
        ),
    ] = None,
) -> None:
    """Write runs as CSV or Parquet: evaluations, final architectures, best runs.

    All files have validation, test and costs. The best run of an experiment is the one with the
    best validation value that a search saw; it is never chosen by test. Of searches for several
    objectives the evaluations have all values, and say which are in the final set; there is no best
    run.
    """
    from nasbench.harness.results.export import export as write
    from nasbench.harness.results.load import load_results

    stored = load_results(results)
    for fault in stored.faults:
        warn(fault)
    asked = split(what)
    written = write(stored, out, format=format_.value, what=asked)
    for path in written:
        say(path)
    for name in asked or PARTS:
        if name not in [path.stem for path in written]:
            why = ": it is of finished searches for one objective" if name == "best" else ""
            say(f"note: '{name}' has no row and is not written{why}", err=True)

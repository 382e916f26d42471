"""`nasbench compare`."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
from nasbench.cli.options import number, split
from nasbench.errors import StoreError
from nasbench.files import may_not_be_written

if TYPE_CHECKING:
    from nasbench.harness.reproduce.reproduction import Reproduction


class Format(StrEnum):
    """How the table is printed."""

    TABLE = "table"
    MARKDOWN = "markdown"
    LATEX = "latex"
    CSV = "csv"
    JSON = "json"


class Centre(StrEnum):
    """The average of runs that the figures draw."""

    MEAN = "mean"
    MEDIAN = "median"
    IQM = "iqm"


class TimeAxis(StrEnum):
    """The x axis of the figures."""

    SECONDS = "seconds"
    EVALUATIONS = "evaluations"


class Form(StrEnum):
    """How many columns the tables have."""

    FULL = "full"
    SHORT = "short"


class Style(StrEnum):
    """The size of letters in the figures."""

    PAPER = "paper"
    TALK = "talk"


def compare(
    results: Folders = None,
    strategy: Strategies = None,
    exclude: Exclude = None,
    dataset: Datasets = None,
    seeds: Seeds = None,
    label: Labels = None,
    style_file: StyleFile = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for what is written. [default: comparison/ in the first folder]"),
    ] = None,
    format_: Annotated[
        Format, typer.Option("--format", "-f", help="What is printed.")
    ] = Format.TABLE,
    center: Annotated[
        Centre,
        typer.Option(help="Figures: mean or iqm, with 95 % intervals, or median with quartiles."),
    ] = Centre.MEAN,
    clock: Annotated[
        TimeAxis | None, typer.Option(help="Figures: the x axis. [default: one of each]")
    ] = None,
    calibration: Annotated[
        Path | None,
        typer.Option(
            help="File of `nasbench calibrate`: a figure of all runs over one clock, too."
        ),
    ] = None,
    target: Annotated[
        float | None,
        number(
            limits.TARGET,
            help="Test regret, in the objective's unit, whose reaching is timed. [default: the "
            "expected random search's with the whole budget]",
        ),
    ] = None,
    pick: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COST<=BOUND",
            help="Of searches of several objectives: which member of its final set each would hand "
            "over within a bound, such as 'latency:pixel3<=5'; comma-separated or repeated.",
        ),
    ] = None,
    style: Annotated[Style, typer.Option(help="Figures: for a paper or for a talk.")] = Style.PAPER,
    width: Annotated[
        str | None,
        typer.Option(
            help="Figures: inches, or column, neurips, iclr, icml, icml-column, cvpr, "
            "cvpr-column, jmlr. [default: 5.5; of a talk 4]"
        ),
    ] = None,
    columns: Annotated[
        list[str] | None,
        typer.Option(
            help="Tables: columns, as `results=n,test,regret test`, or a list for `results`; "
            "repeat it for other tables. [default: all that hold anything]"
        ),
    ] = None,
    form: Annotated[
        Form | None, typer.Option(help="Tables: full, or short. [default: full where it fits]")
    ] = None,
    siunitx: Annotated[
        bool, typer.Option("--siunitx", help="LaTeX tables: numbers aligned by siunitx.")
    ] = False,
    tables: Annotated[
        str | None,
        typer.Option(
            help="Tables that are made: results, cost, estimates, course, pairs, proxies, ranks, "
            "sets, picks, comma-separated, or none. [default: all]"
        ),
    ] = None,
    table_width: Annotated[
        str | None,
        typer.Option(help="LaTeX tables: width of column or page. [default: that of --width]"),
    ] = None,
    title: Annotated[
        bool,
        typer.Option("--title/--no-title", help="Figures: what they show, above the axes."),
    ] = True,
    footer: Annotated[
        bool,
        typer.Option(
            "--footer/--no-footer",
            help="Figures: protocol, table, number of runs below. Captions say it too.",
        ),
    ] = True,
    font: Annotated[str, typer.Option(help="Figures: sans, serif, or tex (needs LaTeX).")] = "sans",
    figure_format: Annotated[
        list[str] | None,
        typer.Option(
            help="Figures: pdf, png, svg, pgf (needs LaTeX), comma-separated or repeated. "
            "[default: pdf,png]"
        ),
    ] = None,
    figures: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KIND,...|none",
            help="Figures: only these kinds: regret, distribution, landscape, "
            "critical-difference, profile, front, limit, sets, pareto, alphas, operations, losses, "
            "ranking. [default: all]",
        ),
    ] = None,
    cite: Annotated[
        bool, typer.Option("--cite", help="Print BibTeX of all that is compared, nothing else.")
    ] = False,
    merge: Annotated[
        bool, typer.Option("--merge", help="One table, or an error that says what differs.")
    ] = False,
) -> None:
    """Compare the runs in a results folder; write tables and figures."""
    from nasbench.harness.compare import compare as compare_runs
    from nasbench.harness.compare.figures.options import KINDS, FigureOptions
    from nasbench.harness.compare.tables.options import TableOptions
    from nasbench.harness.compare.write import write
    from nasbench.harness.reproduce.reproduction import reproductions
    from nasbench.harness.results.store import holds_runs
    from nasbench.parquet import without_pandas

    without_pandas()
    drawn = FigureOptions(  # to be refused before anything is printed
        style=style.value, width=width, title=title, footer=footer, font=font,
        formats=",".join(figure_format or ["pdf", "png"]), kinds=",".join(figures or KINDS),
    )  # fmt: skip
    folders = results or [Path("results")]
    published = [one for each in folders for one in reproductions(each, warn).values()]
    try:
        comparison = compare_runs(
            folders, **chosen(strategy, exclude, dataset, seeds, label, style_file),
            merge=merge, centre=center.value, calibration=calibration, target=target, width=width,
            pick=split(pick),
            tables=TableOptions.read(
                columns or (), form and form.value, siunitx=siunitx, kinds=tables,
                width=table_width,
            ),
        )  # fmt: skip
    except StoreError:
        if not published or any(map(holds_runs, folders)):
            raise
        _print_published(published)  # of a folder without runs, such as a fresh checkout
        return
    for fault in (*comparison.faults, *comparison.remarks):
        warn(fault)
    if cite:
        from nasbench.harness.compare.cite import bibtex

        say(bibtex(comparison))
        return
    if format_ is Format.TABLE:
        from nasbench.cli.screen import Screen
        from nasbench.harness.compare.tables.terminal import print_comparison

        print_comparison(comparison, Screen(highlight=False))
        for one in published:
            say(f"published tables run again: {one.summary}")
    else:
        from nasbench.harness.compare.as_text import to_text

        say(to_text(comparison, format_.value))
    for note in comparison.notes:
        say(f"note: {note}", err=True)
    folder = out or folders[0] / "comparison"
    try:
        written = write(
            comparison, folder, centre=center.value, clock=clock and clock.value, figures=drawn
        )
    except StoreError as error:
        if out is not None or not may_not_be_written(error):
            raise
        say(f"note: no files written: {error}", err=True)
        return
    say(f"{len(written)} files written to {folder}", err=True)
    for path in written:
        say(f"  {path.relative_to(folder)}", err=True)


def _print_published(found: "list[Reproduction]") -> None:
    """Print the results of reproductions of published tables."""
    from nasbench.cli.screen import Screen
    from nasbench.harness.compare.tables.terminal import print_table

    for one in found:
        print_table(one.to_table(), Screen(highlight=False))
        say(one.summary)

"""`nasbench show`."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nasbench.cli.lines import say

if TYPE_CHECKING:
    from nasbench.cli.screen import Screen
    from nasbench.harness.show import Record, Score, Sheet

_FORMS = ("png", "svg", "pdf")


def show(
    architecture: Annotated[
        str, typer.Argument(metavar="ARCH", help="Official string (quote it) or index.")
    ],
    space: Annotated[str, typer.Option(help="Search space.")] = "nb201",
    out: Annotated[
        Path | None, typer.Option(help="Also draw the cell: a .png, .svg or .pdf file.")
    ] = None,
) -> None:
    """Show a cell: its picture, its size, its numbers and ranks in every installed table."""
    from nasbench.cli.screen import Screen
    from nasbench.errors import InvalidInput
    from nasbench.harness.draw import cell_figure
    from nasbench.harness.show import describe

    form = "" if out is None else out.suffix.lower().removeprefix(".")
    if out is not None and form not in _FORMS:
        raise InvalidInput(
            f"--out '{out}': a picture ends in {', '.join('.' + name for name in _FORMS)}"
        )
    sheet = describe(architecture, space)
    _print_sheet(Screen(highlight=False), sheet)
    if out is not None:
        from nasbench.files import RESULTS, atomic_write
        from nasbench.harness.compare.plots import save_figure

        figure = cell_figure(sheet)
        with atomic_write(out, RESULTS) as file:
            save_figure(figure, form, file)
        say(f"{out} written", err=True)


def _print_sheet(console: "Screen", sheet: "Sheet") -> None:
    from rich.markup import escape

    from nasbench.harness.draw import cell_text

    console.print(f"[bold]nb201 cell {sheet.index}[/bold]")
    console.print(escape(sheet.text), soft_wrap=True)
    console.print()
    console.print(cell_text(sheet), soft_wrap=True)
    console.print("[dim]0 is the input, 3 the output; what reaches no output is broken[/dim]\n")
    for words, first, many in (
        ("isomorphic (as the paper counts)", sheet.isomorphism_class, sheet.isomorphic),
        ("computing the same sums", sheet.function_class, sheet.equivalent),
    ):
        console.print(
            f"class {first}: {many:,} cell{'s' if many != 1 else ''} {words}"
            + (", this is its first" if first == sheet.index else "")
        )
    for size in sheet.sizes:
        console.print(
            f"{size.dataset:<15} {size.params / 1e6:.3f} M weights, "
            f"{size.flops / 1e6:.2f} M multiply-adds"
        )
    console.print()
    for table in dict.fromkeys(record.table for record in sheet.records):
        _print_table(console, table, [one for one in sheet.records if one.table == table])
    if not sheet.records:
        console.print("No table with accuracies is installed: `nasbench data fetch nb201` gets one")
    for problem in sheet.problems:
        say(f"note: {problem}", err=True)


def _print_table(console: "Screen", name: str, records: "list[Record]") -> None:
    from rich import box
    from rich.table import Table

    drawn = Table(
        title=f"table {name}, accuracy in %, (rank)", title_justify="left",
        title_style="bold italic", box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False,
        padding=(0, 1, 0, 0),
    )  # fmt: skip
    drawn.add_column("data set")
    epochs = " or ".join(map(str, dict.fromkeys(record.epochs for record in records)))
    for heading in (
        f"{epochs} epochs\nvalidation",
        "final\nvalidation",
        "final\ntest",
        "s per\nquery",
    ):
        drawn.add_column(heading, justify="right", no_wrap=True)
    for record in records:
        scores = (record.signal, record.valid, record.test)
        seconds = "–" if math.isnan(record.seconds) else f"{record.seconds:.1f}"
        drawn.add_row(record.dataset, *map(_score, scores), seconds)
    console.print(drawn)
    among = {s.among for r in records for s in (r.signal, r.valid, r.test) if s is not None}
    console.print(f"[dim]ranks among {' to '.join(f'{n:,}' for n in sorted(among))} cells[/dim]\n")


def _score(score: "Score | None") -> str:
    return "–" if score is None else f"{score.accuracy:.2f} ({score.rank:,})"

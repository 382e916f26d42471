"""`nasbench show`."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nasbench.cli.lines import say

if TYPE_CHECKING:
    from nasbench.cli.screen import Screen
    from nasbench.harness.compare.units import Units
    from nasbench.harness.fronts import ExactFront
    from nasbench.harness.show import Equals, Record, Score, Sheet

_FORMS = ("png", "svg", "pdf")


def show(
    architecture: Annotated[
        str,
        typer.Argument(
            metavar="ARCH", help="Its string (quote it) or index; with --front, a table's name."
        ),
    ],
    space: Annotated[str, typer.Option(help="Search space.")] = "nb201",
    out: Annotated[
        Path | None,
        typer.Option(
            help="Also draw the cell: a .png, .svg or .pdf file; with --front, a folder for the "
            "picture of a front and a CSV of its members."
        ),
    ] = None,
    notation: Annotated[
        str | None,
        typer.Option(help="How ARCH is written: naslib, autodl, darts, nni, ... (see --convert)."),
    ] = None,
    convert: Annotated[
        bool, typer.Option("--convert", help="Only print it in all notations of its space.")
    ] = False,
    front: Annotated[
        bool, typer.Option("--front", help="Show a table's exact Pareto front instead.")
    ] = False,
    objective: Annotated[
        str | None, typer.Option(help="Objectives of the front, such as accuracy,latency:pixel3.")
    ] = None,
    dataset: Annotated[
        str | None, typer.Option(help="Data set of the front that a search would have.")
    ] = None,
) -> None:
    """Show an architecture: its picture, size, numbers and ranks in every installed table.

    With --front, show the architectures of a table that no other is better than in all objectives.
    """
    from nasbench.errors import InvalidInput

    if front:
        _show_front(architecture, objective, dataset, out)
        return
    if objective is not None or dataset is not None:
        raise InvalidInput("--objective and --dataset are of a front: add --front")
    from nasbench.cli.screen import Screen
    from nasbench.harness.draw import cell_figure
    from nasbench.harness.show import conversions, describe

    if convert:
        texts = conversions(architecture, space, notation)
        width = max(map(len, texts))
        for name, text in texts.items():
            say(f"{name:<{width}}  {'(it has no such text)' if text is None else text}")
        return
    form = "" if out is None else out.suffix.lower().removeprefix(".")
    if out is not None and form not in _FORMS:
        raise InvalidInput(
            f"--out '{out}': a picture ends in {', '.join('.' + name for name in _FORMS)}"
        )
    sheet = describe(architecture, space, notation)
    if out is not None and sheet.cell is None:
        raise InvalidInput(f"space '{space}' has no picture: leave --out away")
    _print_sheet(Screen(highlight=False), sheet)
    if out is not None:
        from nasbench.files import RESULTS, atomic_write
        from nasbench.harness.compare.figures.saving import save_figure

        figure = cell_figure(sheet)
        with atomic_write(out, RESULTS) as file:
            save_figure(figure, form, file)
        say(f"{out} written", err=True)


def _print_sheet(console: "Screen", sheet: "Sheet") -> None:
    from rich.markup import escape

    kind = "cell" if sheet.cell is not None else "architecture"
    number = "" if sheet.index is None else f" {sheet.index}"
    console.print(f"[bold]{escape(sheet.space)} {kind}{number}[/bold]")
    console.print(escape(sheet.text), soft_wrap=True)
    console.print()
    if sheet.cell is not None:
        _print_cell(console, sheet, sheet.cell)
    for size in sheet.sizes:
        known = [
            *([] if size.params is None else [f"{size.params / 1e6:.3f} M weights"]),
            *([] if size.flops is None else [f"{size.flops / 1e6:.2f} M multiply-adds"]),
        ]
        console.print(f"{size.dataset:<15} {', '.join(known)}")
    console.print()
    for table in dict.fromkeys((record.table, record.metric) for record in sheet.records):
        _print_table(console, [one for one in sheet.records if (one.table, one.metric) == table])
    if not sheet.records:
        console.print("No installed table has its numbers: see `nasbench list benchmarks`")
    for problem in sheet.problems:
        say(f"note: {problem}", err=True)


def _show_front(table: str, objective: str | None, dataset: str | None, out: Path | None) -> None:
    """Print the exact fronts of a table: in what a search sees, and in final values.

    With `out`, those of final values are also drawn and written to that folder.
    """
    from rich.markup import escape

    from nasbench.cli.screen import Screen
    from nasbench.errors import InvalidInput
    from nasbench.harness.fronts import exact_fronts, front_task

    if objective is None:
        raise InvalidInput("--front needs --objective with several metrics: accuracy,latency")
    task = front_task(table, dataset, objective, say=lambda line: say(f"note: {line}", err=True))
    fronts = exact_fronts(task)
    console = Screen(highlight=False)
    seen = f"what a search on {task.query.dataset} sees, after {task.query.epochs} epochs"
    found = {seen: fronts.signal} if task.has_test else {}
    found.update({f"{task.outcome} on {name}": one for name, one in fronts.test.items()})
    for title, one in found.items():
        console.print(f"[bold italic]{escape(f'table {table}, {title}')}[/bold italic]")
        _print_front(console, one)
    if out is not None:
        from nasbench.harness.front_files import write_front

        if len(task.objectives) > 2:
            say("note: no picture, which is of two objectives: members alone are written", err=True)
        for path in write_front(task, fronts, out):
            say(f"{path} written", err=True)


def _print_front(console: "Screen", front: "ExactFront") -> None:
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    from nasbench.harness.compare.units import Units
    from nasbench.problem import scores_of

    values = scores_of(front.objectives, front.scores[front.members])
    units = [
        Units.of(metric, column.tolist())
        for metric, column in zip(front.objectives, values.T, strict=True)
    ]
    drawn = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    drawn.add_column("index", justify="right", no_wrap=True)
    for metric in front.objectives:
        drawn.add_column(escape(metric.title.replace(" (", "\n(")), justify="right", no_wrap=True)
    drawn.add_column("architecture", overflow="fold")
    for index, row in zip(front.members.tolist(), values.tolist(), strict=True):
        texts = [unit.write(value) for unit, value in zip(units, row, strict=True)]
        text = front.space.format(front.space.architecture(index))
        drawn.add_row(str(index), *texts, escape(text))
    console.print(drawn)
    counts = (
        f"{len(front.members):,} of {front.known:,} architectures, {len(front.points):,} different"
    )
    console.print(f"[dim]{counts}{escape(_hypervolume(front, units))}[/dim]\n")


def _hypervolume(front: "ExactFront", units: "list[Units]") -> str:
    """Return a front's hypervolume and its reference point, as the end of a sentence.

    It is empty for more objectives than the hypervolume is computed of.
    """
    from nasbench.pareto.hypervolume import MOST_OBJECTIVES
    from nasbench.problem import scores_of

    if len(front.objectives) > MOST_OBJECTIVES:
        return ""
    reference = scores_of(front.objectives, front.reference[None])[0].tolist()
    at = ", ".join(
        f"{metric.name} {unit.write(value)}"
        for metric, unit, value in zip(front.objectives, units, reference, strict=True)
    )
    return f"; hypervolume {front.hypervolume:.6g} from {at}"


def _print_cell(console: "Screen", sheet: "Sheet", cell: "Equals") -> None:
    from nasbench.harness.draw import cell_text

    console.print(cell_text(sheet), soft_wrap=True)
    console.print("[dim]0 is the input, 3 the output; what reaches no output is broken[/dim]\n")
    for words, first, many in (
        ("isomorphic (as the paper counts)", cell.isomorphism_class, cell.isomorphic),
        ("computing the same sums", cell.function_class, cell.equivalent),
    ):
        console.print(
            f"class {first}: {many:,} cell{'s' if many != 1 else ''} {words}"
            + (", this is its first" if first == sheet.index else "")
        )


def _print_table(console: "Screen", records: "list[Record]") -> None:
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    from nasbench.harness.compare.units import UNKNOWN, Units

    name, metric = records[0].table, records[0].metric
    known = [one.value for r in records for one in (r.signal, r.valid, r.test) if one is not None]
    units = Units.of(metric, known)
    unit = f" in {metric.unit}" if metric.unit else ""
    title = escape(f"table {name}, {metric.name}{unit}, (rank)")
    console.print(f"[bold italic]{title}[/bold italic]")  # one of the table would wrap within it
    drawn = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    drawn.add_column("data set")
    epochs = sorted({record.epochs for record in records})
    after = f"{' or '.join(map(str, epochs))} epoch{'' if epochs == [1] else 's'}"
    columns = {
        f"{after}\nvalidation": [_score(one.signal, units) for one in records],
        "final\nvalidation": [_score(one.valid, units) for one in records],
        "final\ntest": [_score(one.test, units) for one in records],
        "s per\nquery": [
            UNKNOWN if math.isnan(one.seconds) else f"{one.seconds:.1f}" for one in records
        ],
    }
    columns = {name: texts for name, texts in columns.items() if set(texts) != {UNKNOWN}}
    for heading in columns:
        drawn.add_column(heading, justify="right", no_wrap=True)
    for record, *texts in zip(records, *columns.values(), strict=True):
        drawn.add_row(escape(record.dataset), *texts)
    console.print(drawn)
    among = {s.among for r in records for s in (r.signal, r.valid, r.test) if s is not None}
    console.print(
        f"[dim]ranks among {' to '.join(f'{n:,}' for n in sorted(among))} architectures[/dim]"
    )
    for doubt in dict.fromkeys(doubt for record in records for doubt in record.doubts):
        console.print(f"[dim]{escape(doubt)}[/dim]")
    console.print()


def _score(score: "Score | None", units: "Units") -> str:
    from nasbench.harness.compare.units import UNKNOWN

    return UNKNOWN if score is None else f"{units.write(score.value)} ({score.rank:,})"

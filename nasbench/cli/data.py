"""`nasbench data`: get, read, list and check benchmark tables."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nasbench.cli.lines import say

if TYPE_CHECKING:
    from nasbench.benchmarks.table import Table

app = typer.Typer(
    help="Get, read, list and check benchmark tables.", no_args_is_help=True, add_completion=False
)

Name = Annotated[str, typer.Argument(help="Table name, such as nb201.")]
Force = Annotated[bool, typer.Option("--force", help="Replace what is there.")]


@app.command()
def fetch(name: Name = "nb201", force: Force = False) -> None:
    """Download the public files of a table and build it."""
    from nasbench.benchmarks.catalogue import fetch_table

    table = fetch_table(name, force=force)
    _say_installed(table)
    _say_attribution(table)


@app.command("import")
def import_(
    path: Annotated[
        Path,
        typer.Argument(
            help="NATS-Bench '-simple' folder, NATS-Bench '.pickle.pbz2' or NAS-Bench-201 '.pth'."
        ),
    ],
    name: Annotated[str | None, typer.Option(help="Name of the table, else from the file.")] = None,
    force: Force = False,
) -> None:
    """Read official benchmark files into a table, one architecture at a time."""
    from nasbench.benchmarks.sources.official import import_official

    table = import_official(path, name, force=force)
    _say_installed(table)
    for note in table.info.notes:
        say(f"  {note}")
    _say_attribution(table)


@app.command("list")
def list_() -> None:
    """Show installed tables and those that can be fetched."""
    from nasbench.benchmarks.catalogue import list_tables

    for line in list_tables():
        if line.problem:
            say(f"{line.name:<24}  broken: {line.problem}")
        elif line.installed:
            size = f"{line.bytes / 1e6:.1f} MB"
            say(
                f"{line.name:<24}  {line.cells:>6} cells  {size:>9}  {line.hash[:12]}  {line.title}"
            )
        else:
            say(f"{line.name:<24}  not installed: nasbench data fetch {line.name}  ({line.title})")


@app.command()
def info(name: Name = "nb201") -> None:
    """Show what a table holds, where it comes from and under which licence."""
    from nasbench.benchmarks.catalogue import load_table

    table = load_table(name)
    about = table.info
    say(f"{about.name}: {about.title}")
    say(f"space    {about.space}, {about.cells} of {table.space.size} architectures")
    say(f"hash     {table.hash}")
    say(f"file     {table.path}")
    say(f"licence  {about.licence}")
    _say_attribution(table)
    for note in about.notes:
        say(f"note     {note}")
    for source in about.sources:
        say(f"source   {source.url} ({source.licence}): {source.taken}")
    for column in sorted(about.columns, key=lambda one: one.name):
        parts = [column.unit, column.averaging if column.averaging != "none" else "", column.dtype]
        parts.append("x".join(map(str, column.shape)) if column.curve else "")
        parts.append("fitted" if column.fitted else "")
        say(f"  {column.name}  [{', '.join(part for part in parts if part)}]")


@app.command()
def verify(name: Name = "nb201") -> None:
    """Check every byte of a table against its SHA-256."""
    from nasbench.benchmarks.catalogue import verify_table

    table = verify_table(name)
    say(f"{name}: whole, {len(table.info.columns)} columns, hash {table.hash}")


@app.command()
def path(
    name: Annotated[str | None, typer.Argument(help="Table name; none: the data folder.")] = None,
) -> None:
    """Print where tables live, or where one table is."""
    from nasbench.benchmarks.catalogue import data_folder, table_path

    say(str(data_folder() if name is None else table_path(name)))


def _say_installed(table: "Table") -> None:
    about = table.info
    say(f"{about.name}: {about.cells} of {table.space.size} architectures, hash {table.hash}")
    say(f"  in {table.path}")


def _say_attribution(table: "Table") -> None:
    for line in table.info.attribution:
        say(f"from     {line}")

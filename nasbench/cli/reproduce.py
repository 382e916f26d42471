"""`nasbench reproduce`."""

from pathlib import Path
from typing import Annotated

import typer

from nasbench.cli.lines import say
from nasbench.cli.progress import Quiet, RunMeter, metering


def reproduce(
    name: Annotated[str, typer.Argument(help="`nb201-paper`, `nats-bench` or `nb101`.")],
    quick: Annotated[bool, typer.Option("--quick", help="A fifth of the published runs.")] = False,
    out: Annotated[Path, typer.Option(help="Results folder.")] = Path("results"),
    workers: Annotated[str, typer.Option(help="As in `nasbench run`.")] = "auto",
    quiet: Quiet = False,
) -> None:
    """Run a published table's protocol, and compare its rows with what was published."""
    from nasbench.cli.screen import Screen
    from nasbench.harness.compare.tables.terminal import print_table
    from nasbench.harness.reproduce import reproduce as run_again

    with metering("runs", quiet=quiet) as meter:
        found = run_again(
            name, quick=quick, out=out, workers=workers, progress=RunMeter(meter),
            say=lambda line: say(f"note: {line}", err=True),
        )  # fmt: skip
    print_table(found.to_table(), Screen(highlight=False))
    say(found.summary)
    if not found.ran:
        say("nothing was run, and nothing is written", err=True)
        raise typer.Exit(1)
    say(f"written to {out / name}", err=True)

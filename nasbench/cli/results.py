"""`nasbench results`: list, show, name, merge and remove stored experiments."""

import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nasbench.cli.lines import say, warn

if TYPE_CHECKING:
    from nasbench.harness.results.details import Details

_NO_TEST = "the table has no test"

app = typer.Typer(
    help="List, show, name, merge and remove stored experiments.", no_args_is_help=True
)

Folder = Annotated[Path, typer.Argument(help="Results folder.")]
Experiment = Annotated[
    str,
    typer.Argument(
        help="Its folder as `nasbench results list` prints it, the beginning of it, or its "
        "display name."
    ),
]


@app.command("list")
def list_(
    folder: Folder = Path("results"),
    every: Annotated[
        bool, typer.Option("--all", help="All settings, not only those that are not the default.")
    ] = False,
) -> None:
    """One line per experiment: strategy and settings, task, budget, seeds, failed runs."""
    from nasbench.harness.results.inventory import inventory

    found = inventory(folder)
    for line in found.lines(every=every):
        say(line)
    runs = sum(len(one.seeds) for one in found.experiments)
    say(f"{_counted(len(found.experiments), 'experiment')}, {_counted(runs, 'run')}")
    for fault in found.faults:
        warn(fault)


@app.command()
def show(folder: Folder, experiment: Experiment) -> None:
    """Everything of one experiment; its best run is chosen by validation, never by test."""
    from nasbench.harness.results.details import details

    found = details(folder, experiment)
    for line in _lines(found):
        say(line)
    for fault in found.faults:
        warn(fault)


def _lines(found: "Details") -> list[str]:
    stored = found.stored
    pairs = [
        *[("folder", name) for name in stored.names],
        *([("display name", stored.display)] if stored.display else []),
        *found.described,
        ("runs", stored.runs),
        *found.totals,
        *[(f"failed seed {seed}", reason) for seed, reason in found.failures.items()],
        *found.provenance,
    ]
    lines = [f"{name:<18} {value}" for name, value in pairs]
    best = found.best
    if best is None:
        return [*lines, f"{'best run':<18} none: {found.no_best}"]
    lines += [
        f"{'best run':<18} seed {best.seed}, chosen by its {found.metric} in validation, "
        f"{best.signal:.6g}; {'not by test' if stored.experiment.task.has_test else _NO_TEST}",
        f"{'':<18} {best.architecture}",
    ]
    finals = {name: value for name, value in best.finals.items() if not math.isnan(value)}
    return [*lines, *(f"{'':<18} {name} {value:.6g}" for name, value in finals.items())]


@app.command()
def rename(
    folder: Folder,
    experiment: Experiment,
    name: Annotated[
        str | None, typer.Argument(help="The name that tables and figures show.")
    ] = None,
    reset: Annotated[bool, typer.Option("--reset", help="Take the name away.")] = False,
) -> None:
    """Give an experiment a display name, which is stored beside its runs."""
    from nasbench.errors import InvalidInput
    from nasbench.harness.results.manage import rename as give

    if reset == (name is not None):
        raise InvalidInput("give either a display name or --reset")
    one = give(folder, experiment, name)
    say(f"{one.name}: no display name" if name is None else f'{one.name}: "{name}"')
    _say_stale(folder)


@app.command()
def merge(
    sources: Annotated[list[Path], typer.Argument(help="Results folders, which stay as they are.")],
    into: Annotated[Path, typer.Option(help="Results folder that gets all runs; may be new.")],
) -> None:
    """Copy whole experiments into one folder; differing runs of one seed are refused."""
    from nasbench.harness.results.merge import merge as copy
    from nasbench.harness.search.seeds import ranges

    for one in copy(sources, into):
        copied = f"seeds {ranges(one.copied)} copied" if one.copied else "no seeds copied"
        there = f", {ranges(one.there)} there already" if one.there else ""
        say(f"{one.name}: {copied}{there}")
    _say_stale(into)


@app.command()
def rm(
    folder: Folder,
    experiments: Annotated[
        list[str], typer.Argument(metavar="EXPERIMENT...", help="As for `nasbench results show`.")
    ],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Remove without asking.")] = False,
) -> None:
    """Remove experiments with all their runs, after asking."""
    from nasbench.errors import InvalidInput
    from nasbench.harness.results.manage import removals, remove

    planned = removals(folder, experiments)
    if not (yes or on_terminal()):
        runs = sum(len(one.experiment.seeds) for one in planned)
        raise InvalidInput(
            f"{_counted(runs, 'run')} of {_counted(len(planned), 'experiment')} would be removed "
            "and there is no terminal to ask: add --yes"
        )
    for one in planned:
        stored = one.experiment
        say(
            f"{', '.join(str(path) for path in one.folders)}: {stored.experiment.strategy}, "
            f"{stored.runs}, {len(one.files)} files"
        )
    if not (yes or typer.confirm("Remove all of these?", default=False, err=True)):
        say("nothing is removed")
        return
    for path in remove(planned, folder):
        say(f"note: '{path}' stays, as other files are in it", err=True)
    say(f"{_counted(len(planned), 'experiment')} removed")
    _say_stale(folder)


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _say_stale(folder: Path) -> None:
    """Say which comparisons and reports in the folder are not of its present runs."""
    made = [path.parent for path in sorted(folder.glob("*/comparison.json"))]
    made += [path for path in (folder / "report.html",) if path.exists()]
    if made:
        stale = ", ".join(f"'{path}'" for path in made)
        say(f"note: of the runs and names before, to be made again: {stale}", err=True)


def on_terminal() -> bool:
    """Return whether a user can be asked."""
    return sys.stdin.isatty()

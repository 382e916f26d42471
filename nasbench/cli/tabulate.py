"""`nasbench tabulate`."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nasbench import limits
from nasbench.cli.lines import say
from nasbench.cli.options import number

if TYPE_CHECKING:
    from rich.progress import Progress

_EVERY = 60.0


def tabulate(
    recipe: Annotated[str, typer.Option(help="Training recipe by name.")],
    out: Annotated[Path, typer.Option(help="Folder of shards and table; another call goes on.")],
    dataset: Annotated[str, typer.Option(help="Data set to train on.")] = "digits",
    data_dir: Annotated[
        Path | None, typer.Option(help="Folder of official image files, for those data sets.")
    ] = None,
    space: Annotated[
        str, typer.Option(help="Search space; `package.module:Class` for your own.")
    ] = "nb201",
    seeds: Annotated[str, typer.Option(help="`3` is 0 to 2; `5-9`; `0,3`.")] = "3",
    cells: Annotated[
        int | None,
        number(limits.CELLS, help="A random sample of so many distinct networks. [default: all]"),
    ] = None,
    group: Annotated[int, number(limits.GROUP, help="Networks trained at once.")] = 32,
    workers: Annotated[
        int | None,
        number(
            limits.per_core("workers"),
            help="Processes of one thread each. [default: the cores; with cuda 1]",
        ),
    ] = None,
    device: Annotated[str, typer.Option(help="`cpu` or `cuda`.")] = "cpu",
    precision: Annotated[str, typer.Option(help="`float32` or `bfloat16`.")] = "float32",
    also: Annotated[
        list[Path] | None,
        typer.Option(help="Folder of another tabulation whose shards count too; repeatable."),
    ] = None,
    costs: Annotated[
        int,
        number(limits.COSTS, help="Architectures whose seconds and latency are measured; 0: none."),
    ] = 500,
    costs_only: Annotated[
        bool, typer.Option("--costs-only", help="Train nothing, measure costs and assemble.")
    ] = False,
    assemble: Annotated[
        bool, typer.Option("--assemble", help="Write the table of what is finished, do no work.")
    ] = False,
    name: Annotated[str | None, typer.Option(help="Name of the table. [default: data set]")] = None,
    install: Annotated[
        bool, typer.Option("--install", help="Put the table where `--benchmark NAME` finds it.")
    ] = False,
) -> None:
    """Train every distinct cell of a space once per seed; write a table of all architectures."""
    from nasbench.benchmarks.catalogue import new_table_path, table_path
    from nasbench.benchmarks.tables.format import SUFFIX
    from nasbench.benchmarks.training.assemble import assemble as make
    from nasbench.benchmarks.training.catalogue import is_own, load_data, table_name
    from nasbench.benchmarks.training.plan import Plan, distinct_cells
    from nasbench.benchmarks.training.recipes import recipe as find_recipe
    from nasbench.benchmarks.training.tabulate import tabulate as train
    from nasbench.benchmarks.training.train import PRECISIONS
    from nasbench.errors import InvalidInput
    from nasbench.harness.search.seeds import parse_seeds
    from nasbench.provenance import cores
    from nasbench.spaces import find_space, get_enumerable

    find_space(space)  # it imports a user's module
    known = get_enumerable(space)
    if precision not in PRECISIONS:
        raise InvalidInput(f"precision '{precision}' is unknown: use {' or '.join(PRECISIONS)}")
    called = name or table_name(dataset)
    installed = new_table_path(called) if install else table_path(called)
    if install and installed.exists():
        raise InvalidInput(f"table '{called}' is installed: choose another --name or remove it")
    plan = Plan(
        partial(load_data, dataset, data_dir),
        find_recipe(recipe),
        out,
        distinct_cells(known, cells),
        seeds=tuple(parse_seeds(seeds)),
        group=group,
        device=device,
        precision=precision,
        space=space,
        also=tuple(also or ()),
    )
    plan.check()
    found = load_data(dataset, data_dir).found if is_own(dataset) else None
    if found is not None:
        say("\n".join(found.lines()))
    if not (assemble or costs_only):
        if workers is None:
            workers = cores() if device == "cpu" else 1
        with _reporting("trainings") as report:
            done = train(plan, workers=workers, progress=report)
        say(f"{done.trained} trainings finished, {done.diverged} of them diverged")
    if costs and not assemble:
        _measure(plan, costs)
    table = make(plan, called)
    path = out / f"{called}{SUFFIX}"
    for place in (path, installed) if install else (path,):
        table.save(place)
    about = table.info
    say(f"{about.name}: {about.cells} of {known.size} architectures, hash {table.hash}")
    say(f"  in {path} ({path.stat().st_size / 1e6:.2f} MB)")
    for note in about.notes:
        say(f"  {note}")


def _measure(plan: Any, number: int) -> None:
    from nasbench.benchmarks.training.costs import measure

    for device in dict.fromkeys(("cpu", plan.device)):  # seconds on the CPU are the table's clock
        with _reporting(f"costs on {device}") as report:
            measure(
                plan.searched, plan.data(), plan.recipe, plan.shards, number,
                device=device, progress=report,
            )  # fmt: skip


class Report:
    """Shows the progress of work: a bar on a terminal, else a line on stderr every minute."""

    def __init__(self, what: str, bar: "Progress | None") -> None:
        """Count things called `what`, on `bar` or in lines."""
        self._what, self._bar = what, bar
        self._total = self._there = self._done = 0
        self._began = self._said = time.monotonic()
        self._task = None if bar is None else bar.add_task(what, total=None, rate="")

    def start(self, total: int, there: int) -> None:
        """Set the total; only work done from now on counts for the rate."""
        self._total, self._there, self._done = total, there, there
        self._began = time.monotonic()
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, total=total, completed=there)
        elif there:
            say(f"{there} of {total} {self._what} are there already", err=True)

    def advance(self, count: int) -> None:
        """Count `count` more."""
        self._done += count
        if self._bar is not None and self._task is not None:
            rate, left = self._pace()
            self._bar.update(self._task, completed=self._done, rate=f"{rate:,.0f}/h, {left} left")
        elif time.monotonic() - self._said >= _EVERY:
            self._said = time.monotonic()
            rate, left = self._pace()
            say(
                f"{self._done} of {self._total} {self._what} "
                f"({100 * self._done / self._total:.1f} %), {rate:,.0f} per hour, {left} left",
                err=True,
            )

    def __call__(self, done: int, total: int) -> None:
        """Set the progress to `done` of `total`, as the measurement of costs reports it."""
        if not self._total:
            self.start(total, done - 1)
        self.advance(done - self._done)

    def _pace(self) -> tuple[float, str]:
        """Return the counted things per hour and the time left, as text."""
        spent = max(time.monotonic() - self._began, 1e-9)
        rate = 3600 * (self._done - self._there) / spent
        minutes = 60 * (self._total - self._done) / rate if rate else 0.0
        return rate, f"{int(minutes // 60)} h {int(minutes % 60):02d} min"


@contextmanager
def _reporting(what: str) -> Iterator[Report]:
    if not sys.stderr.isatty():
        yield Report(what, None)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
    )  # fmt: skip
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        yield Report(what, bar)

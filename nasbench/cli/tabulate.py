"""`nasbench tabulate`."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nasbench import limits
from nasbench.cli.lines import say
from nasbench.cli.options import chosen_device, number
from nasbench.cli.progress import Meter, Quiet, metering

if TYPE_CHECKING:
    from nasbench.benchmarks.training.plan import Plan


def tabulate(
    recipe: Annotated[str, typer.Option(help="Training recipe: its name, or a TOML file.")],
    out: Annotated[Path, typer.Option(help="Folder of shards and table; another call goes on.")],
    dataset: Annotated[str, typer.Option(help="Data set to train on.")] = "digits",
    data_dir: Annotated[
        Path | None, typer.Option(help="Folder of official image files, for those data sets.")
    ] = None,
    space: Annotated[
        str, typer.Option(help="Search space; `package.module:Class` for your own.")
    ] = "nb201",
    seeds: Annotated[str, typer.Option(help="`3` is 0 to 2; `5-9`; `0,3`.")] = "3",
    epochs: Annotated[
        int | None,
        number(limits.EPOCHS, help="Length of the schedule. [default: the recipe's]"),
    ] = None,
    cells: Annotated[
        int | None,
        number(limits.SAMPLE, help="A random sample of so many distinct networks. [default: all]"),
    ] = None,
    group: Annotated[
        int | None,
        number(limits.GROUP, help="Networks trained at once. [default: 32; with cuda 512]"),
    ] = None,
    workers: Annotated[
        int | None,
        number(
            limits.per_core("workers"),
            help="Processes of one thread each. [default: the cores; with cuda 1]",
        ),
    ] = None,
    device: Annotated[str, typer.Option(help="`auto`, `cpu`, `cuda`, `cuda:1`.")] = "cpu",
    precision: Annotated[
        str, typer.Option(help="`float32`, `tf32` (for GPUs) or `bfloat16`.")
    ] = "float32",
    layout: Annotated[
        str | None,
        typer.Option(
            help="How networks are trained at once: as `channels` of grouped convolutions or as "
            "matrix `products`. [default: products on a GPU]"
        ),
    ] = None,
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
    name: Annotated[
        str | None,
        typer.Option(help="Name of the table. [default: the data set's, or its file's]"),
    ] = None,
    install: Annotated[
        bool, typer.Option("--install", help="Put the table where `--benchmark NAME` finds it.")
    ] = False,
    quiet: Quiet = False,
) -> None:
    """Train every distinct cell of a space once per seed; write a table of all architectures."""
    from nasbench.benchmarks.catalogue import new_table_path, table_path
    from nasbench.benchmarks.tables.format import SUFFIX
    from nasbench.benchmarks.training.assemble import assemble as make
    from nasbench.benchmarks.training.catalogue import is_own, load_data, table_name
    from nasbench.benchmarks.training.own_recipe import changed, find_recipe
    from nasbench.benchmarks.training.plan import Plan, distinct_cells
    from nasbench.benchmarks.training.setup import check_precision
    from nasbench.benchmarks.training.tabulate import tabulate as train
    from nasbench.errors import InvalidInput
    from nasbench.harness.search.seeds import parse_seeds
    from nasbench.provenance import cores
    from nasbench.spaces import find_space, get_enumerable

    find_space(space)  # it imports a user's module
    known = get_enumerable(space)
    check_precision(precision)
    called = name or table_name(dataset)
    installed = new_table_path(called) if install else table_path(called)
    if install and installed.exists():
        raise InvalidInput(f"table '{called}' is installed: choose another --name or remove it")
    device = chosen_device(device)
    plan = Plan(
        partial(load_data, dataset, data_dir),
        changed(find_recipe(recipe), epochs),
        out,
        distinct_cells(known, cells),
        seeds=tuple(parse_seeds(seeds)),
        group=group or (512 if device.startswith("cuda") else 32),
        device=device,
        precision=precision,
        layout=layout,
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
        with metering("trainings", quiet=quiet) as meter:
            done = train(plan, workers=workers, progress=meter, say=_note)
        say(f"{done.trained} trainings finished, {done.diverged} of them diverged")
    if costs and not assemble:
        _measure(plan, costs, quiet=quiet)
    table = make(plan, called)
    path = out / f"{called}{SUFFIX}"
    for place in (path, installed) if install else (path,):
        table.save(place)
    about = table.info
    say(f"{about.name}: {about.cells} of {known.size} architectures, hash {table.hash}")
    say(f"  in {path} ({path.stat().st_size / 1e6:.2f} MB)")
    for note in about.notes:
        say(f"  {note}")


def _note(line: str) -> None:
    say(f"note: {line}", err=True)


def _measure(plan: "Plan", number: int, *, quiet: bool) -> None:
    from nasbench.benchmarks.training.costs import measure

    for device in dict.fromkeys(("cpu", plan.device)):  # seconds on the CPU are the table's clock
        with metering(f"measurements on {device}", quiet=quiet) as meter:
            measure(
                plan.searched, plan.data(), plan.recipe, plan.shards, number,
                device=device, progress=partial(_reach, meter),
            )  # fmt: skip


def _reach(meter: Meter, done: int, total: int) -> None:
    """Set a meter to `done` of `total`, as the measurement of costs reports it."""
    if not meter.total:
        meter.start(total, done - 1)
    meter.advance(done - meter.done)

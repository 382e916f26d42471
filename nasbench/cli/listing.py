"""`nasbench list`."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

import typer

from nasbench.cli import results
from nasbench.cli.lines import say
from nasbench.errors import NasbenchError

if TYPE_CHECKING:
    from nasbench.benchmarks.protocols import Protocol
    from nasbench.benchmarks.tables.table import Table

app = typer.Typer(help="List what there is.", no_args_is_help=True)


@app.command()
def strategies() -> None:
    """Strategies with family, paper, what they do with several workers, objectives, settings.

    Numbers of objectives are there where they are bounded.
    """
    import dataclasses

    from nasbench.strategies import registry
    from nasbench.strategies.base import objectives_in_words

    for name, strategy in registry.strategies().items():
        number = objectives_in_words(strategy)
        bounded = f"; {number} objectives" if number else ""
        say(f"{name}  [{strategy.family}]  {strategy.reference}; {strategy.parallel}{bounded}")
        for setting in dataclasses.fields(strategy.Settings):
            say(f"    {name}.{setting.name}={setting.default}")


@app.command()
def spaces() -> None:
    """Search spaces with their decisions."""
    from nasbench import spaces as found
    from nasbench.errors import InvalidInput

    for name in found.spaces():
        try:
            space = found.get_space(name)
        except InvalidInput as error:
            say(f"{name}  cannot be used: {error}")
            continue
        size = "an unknown number of" if space.size is None else f"{space.size:,}"
        say(f"{name}  {size} architectures")
        for line in space.describe():
            say(f"    {line}")


@app.command()
def benchmarks() -> None:
    """Benchmark tables: those that are installed and those that can be fetched."""
    from nasbench.benchmarks.catalogue import list_tables

    for table in list_tables():
        state = table.problem or (
            f"{table.cells:,} architectures, table {table.hash[:8]}"
            if table.installed
            else f"not installed: nasbench data fetch {table.name}"
        )
        say(f"{table.name}  {table.title}: {state}")


@app.command()
def protocols() -> None:
    """Protocols: a search's validation signal, its budget and its final values."""
    from nasbench.benchmarks import protocols as found
    from nasbench.benchmarks.catalogue import list_tables, load_table

    known = list(found.protocols().values())
    tables = [load_table(one.name) for one in list_tables() if one.installed and not one.problem]
    for table in tables:
        known += found.stored_protocols(table).values()
    for protocol in known:
        say(f"{protocol.name}  {protocol.source}")
        for dataset in protocol.datasets:
            say(f"    {dataset}: {_asked(protocol, dataset)}")
    say(f"{found.OWN}  made of a table, for each data set that is searched in it")
    for table in tables:
        for name in found.searched_in(table):
            with suppress(NasbenchError):
                own = found.own_protocol(table, name)
                say(f"    {name} of {table.name}: {_asked(own, name)}")


def _asked(protocol: "Protocol", dataset: str) -> str:
    protocol = protocol.of(dataset)
    seconds, count = protocol.seconds.get(dataset), protocol.evaluations.get(dataset)
    budget = " or ".join(
        [
            *([] if seconds is None else [f"{seconds:.0f} simulated seconds"]),
            *([] if count is None else [f"{count} evaluations"]),
        ]
    )
    return (
        f"{budget} on its {protocol.epochs}-epoch validation; judged after "
        f"{protocol.final_schedule} epochs on {', '.join(protocol.reports[dataset])}"
    )


@app.command()
def settings(
    strategy: Annotated[
        str, typer.Argument(metavar="NAME", help="A strategy, or `package.module:Class`.")
    ],
) -> None:
    """Settings of a strategy: name, default, type and a sentence for each."""
    from nasbench.strategies.described import settings_of
    from nasbench.strategies.registry import find_strategy

    found = settings_of(find_strategy(strategy))
    for one in found:
        said = f"  {one.help}" if one.help else ""
        say(f"{strategy}.{one.name}={one.default}  [{one.kind}]{said}")
    if not found:
        say(f"{strategy} has no settings")


@app.command()
def recipes() -> None:
    """Recipes: settings of one-shot strategies by name, and those of trainings."""
    from nasbench.benchmarks.training.recipes import RECIPES
    from nasbench.strategies.registry import strategies as known

    for name, strategy in known().items():
        for recipe, values in strategy.recipes.items():
            changed = ", ".join(f"{setting}={value}" for setting, value in values.items())
            say(f"{recipe}  run --strategy {name}: {changed or 'the defaults'}")
    for one in RECIPES.values():
        say(
            f"{one.name}  train, tabulate: {one.epochs} epochs, {one.batch} images per step, "
            f"learning rate {one.learning_rate:g}, {one.shape.channels} channels, "
            f"{one.shape.cells} cells per stage"
        )


@app.command()
def datasets() -> None:
    """Data sets: those of the installed tables, and images that can be trained on."""
    from nasbench.benchmarks.catalogue import list_tables, load_table
    from nasbench.benchmarks.images import images_at_hand
    from nasbench.benchmarks.protocols import searched_in
    from nasbench.benchmarks.training.readers.releases import RELEASES

    for listed in list_tables():
        if not listed.installed:
            say(f"table {listed.name}  not installed: nasbench data fetch {listed.name}")
        elif listed.problem:
            say(f"table {listed.name}  cannot be read: {listed.problem}")
        else:
            table = load_table(listed.name)
            for name in searched_in(table):
                say(f"{name}  table {listed.name}: {'; '.join(_measured(table, name))}")
    say("digits  images, made of the digits that scikit-learn bundles")
    for name, release in RELEASES.items():
        found = images_at_hand(name)
        say(f"{name}  images, {f'in {found}' if found else f'not there: {release.how_to_get()}'}")
    say("folder:PATH, folder:PATH@SIDE, npz:PATH  your own images: docs/training.md")


def _measured(table: "Table", dataset: str) -> Iterator[str]:
    """Yield what a table knows of a data set: each metric, its splits, and after how many epochs.

    A search sees train and validation; only the judge sees test.
    """
    from nasbench.benchmarks.tables.objectives import is_cost, objectives_of

    for metric in dict.fromkeys(objectives_of(table)):
        if is_cost(metric):
            continue
        seen = [
            f"{_ranges(table.search.epochs(dataset, schedule, metric.name))} of {schedule} epochs"
            for schedule in sorted(table.search.schedules(dataset, metric.name))
        ]
        judged = sorted(table.test.schedules(dataset, metric.name))
        if seen:
            test = f", test after {' or '.join(map(str, judged))} epochs" if judged else ""
            yield f"{metric.title}: validation after {', '.join(seen)}{test}"


def _ranges(epochs: Iterable[int]) -> str:
    from nasbench.harness.search.seeds import ranges

    return ranges(sorted(epochs)).rstrip(",")


app.command("results")(results.list_)

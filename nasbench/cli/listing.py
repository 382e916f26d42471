"""`nasbench list`."""

import typer

from nasbench.cli import results
from nasbench.cli.lines import say

app = typer.Typer(help="List what there is.", no_args_is_help=True)


@app.command()
def strategies() -> None:
    """Strategies with their family, paper and settings."""
    import dataclasses

    from nasbench.strategies import registry

    for name, strategy in registry.strategies().items():
        say(f"{name}  [{strategy.family}]  {strategy.reference}")
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
    for table in list_tables():
        if table.installed and not table.problem:
            known += found.stored_protocols(load_table(table.name)).values()
    for protocol in known:
        say(f"{protocol.name}  {protocol.source}")
        for dataset, seconds in protocol.seconds.items():
            say(
                f"    {dataset}: {seconds:.0f} simulated seconds on its "
                f"{protocol.epochs}-epoch validation; judged after "
                f"{protocol.final_schedule} epochs on {', '.join(protocol.reports[dataset])}"
            )
    say(f"{found.OWN}  made of a table, for each data set that it has")


app.command("results")(results.list_)

"""The commands of `nasbench`; their errors and signals are handled in `entry`."""

from collections.abc import Callable
from typing import Annotated, Any

import typer

from nasbench.cli import (
    audit,
    calibrate,
    compare,
    completion,
    data,
    entry,
    export,
    latency,
    listing,
    llm,
    proxies,
    report,
    reproduce,
    results,
    run,
    show,
    tabulate,
    train,
    tune,
)
from nasbench.cli.lines import say
from nasbench.harness.options import RunOptions, options_of


def _say_version(given: bool) -> None:
    if given:
        from nasbench.provenance import version_line

        say(version_line())
        raise typer.Exit


app = typer.Typer(
    name="nasbench",
    help="Compare neural-architecture-search strategies honestly.",
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def common(
    version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_say_version, help="Show the version."),
    ] = False,
) -> None:
    """Compare neural-architecture-search strategies honestly."""


_TABLE: dict[str, completion.Names] = {
    "benchmark": completion.benchmarks,
    "dataset": completion.datasets,
    "datasets": completion.datasets,
    "protocol": completion.protocols,
    "objective": completion.objectives,
}
_SEARCH: dict[str, completion.Names] = {
    **_TABLE,
    "strategy": completion.strategies,
    "recipe": completion.recipes,
    "set_": completion.settings,
    **{
        name: completion.words(*option.form)
        for name, (_, option) in options_of(RunOptions).items()
        if isinstance(option.form, tuple)
    },
}
_TRAINING: dict[str, completion.Names] = {
    "dataset": completion.words(*completion.IMAGES),
    "recipe": completion.words(*completion.RECIPES),
    "space": completion.spaces,
}
_COMMANDS: dict[str, tuple[Callable[..., Any], dict[str, completion.Names]]] = {
    "run": (run.run, _SEARCH),
    "compare": (compare.compare, _TABLE),
    "export": (export.export, {"what": completion.words(*export.PARTS)}),
    "audit": (audit.audit, {}),
    "show": (show.show, {"space": completion.spaces}),
    "train": (train.train, _TRAINING),
    "calibrate": (calibrate.calibrate, _TABLE),
    "report": (report.report, {}),
    "reproduce": (reproduce.reproduce, {}),
    "tune": (tune.tune, {**_TABLE, "strategy": completion.strategies}),
    "latency": (latency.latency, {}),
    "tabulate": (tabulate.tabulate, _TRAINING),
}
"""The commands, and which names of theirs a shell completes."""

for _name, (_function, _names) in _COMMANDS.items():
    app.command(_name)(completion.completing(_function, **_names))
for _function in (data.fetch, data.info, data.verify, data.path):
    completion.completing(_function, name=completion.data)
completion.completing(
    proxies.proxies, table=completion.tables, dataset=completion.datasets,
    proxy=completion.words(*completion.PROXIES), recipe=completion.words(*completion.RECIPES),
)  # fmt: skip
for _function in (results.show, results.rename, results.rm):
    completion.completing(
        _function, experiment=completion.experiments, experiments=completion.experiments
    )
completion.completing(listing.settings, strategy=completion.strategies)
app.add_typer(listing.app, name="list")
app.add_typer(llm.app, name="llm")
app.add_typer(data.app, name="data")
app.add_typer(results.app, name="results")


def main() -> None:
    """Run the command line."""
    entry.run(lambda: app)

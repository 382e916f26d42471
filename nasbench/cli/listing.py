"""`nasbench list`."""

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class What(StrEnum):
    """What can be listed."""

    STRATEGIES = "strategies"
    SPACES = "spaces"
    BENCHMARKS = "benchmarks"
    PROTOCOLS = "protocols"
    RESULTS = "results"


def list_(
    what: Annotated[What, typer.Argument(help="What to list.")] = What.STRATEGIES,
    folder: Annotated[Path, typer.Argument(help="With `results`: their folder.")] = Path("results"),
) -> None:
    """List strategies, spaces, benchmarks, protocols, or the runs of a results folder."""
    listings = {
        What.STRATEGIES: _strategies,
        What.SPACES: _spaces,
        What.BENCHMARKS: _benchmarks,
        What.PROTOCOLS: _protocols,
    }
    lines = _results(folder) if what is What.RESULTS else listings[what]()
    for line in lines:
        print(line)


def _strategies() -> Iterator[str]:
    import dataclasses

    from nasbench.strategies.registry import strategies

    for name, strategy in strategies().items():
        yield f"{name}  [{strategy.family}]  {strategy.reference}"
        for setting in dataclasses.fields(strategy.Settings):
            yield f"    {name}.{setting.name}={setting.default}"


def _spaces() -> Iterator[str]:
    from nasbench.spaces import get_space, spaces

    for name in spaces():
        space = get_space(name)
        yield f"{name}  {space.size:,} architectures, {len(space.decisions)} decisions"
        for decision in space.decisions:
            yield f"    {decision.name}: {', '.join(decision.choices)}"


def _benchmarks() -> Iterator[str]:
    from nasbench.benchmarks.catalogue import list_tables

    for table in list_tables():
        state = table.problem or (
            f"{table.cells:,} architectures, table {table.hash[:8]}"
            if table.installed
            else f"not installed: nasbench data fetch {table.name}"
        )
        yield f"{table.name}  {table.title}: {state}"


def _protocols() -> Iterator[str]:
    from nasbench.benchmarks.protocols import protocols

    for name, protocol in protocols().items():
        yield f"{name}  {protocol.source}"
        for dataset, seconds in protocol.seconds.items():
            yield (
                f"    {dataset}: {seconds:.0f} simulated seconds on its "
                f"{protocol.epochs}-epoch validation; final accuracy of "
                f"{protocol.final_schedule} epochs on {', '.join(protocol.reports[dataset])}"
            )


def _results(folder: Path) -> Iterator[str]:
    from nasbench.harness.store import experiments

    total = 0
    for experiment in experiments(folder):
        seeds = experiment.read(["seed", "error", "queries"])
        failed = sum(bool(error) for error in seeds["error"].to_pylist())
        task = experiment.experiment.task
        total += len(seeds)
        yield (
            f"{experiment.label}  {experiment.experiment.strategy} on {task.benchmark} "
            f"{task.signal.dataset}, {task.protocol}, {task.budget}: {len(seeds)} runs"
            + (f", {failed} failed" if failed else "")
        )
    yield f"{total} runs"

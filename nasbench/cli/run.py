"""`nasbench run`."""

import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from nasbench.cli.lines import say
from nasbench.cli.options import chosen_device, split, with_options
from nasbench.cli.progress import Quiet, RunMeter, metering
from nasbench.harness.options import RunOptions
from nasbench.text import printable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nasbench.harness.execution.run import RunSummary


@with_options(RunOptions, first=("seeds", "benchmark", "datasets", "budget", "out", "workers"))
def run(
    *,
    strategy: Annotated[
        list[str] | None,
        typer.Option(
            "--strategy",
            "-s",
            help="Strategies, comma-separated or repeated; `package.module:Class` for your own.",
        ),
    ] = None,
    given: dict[str, Any],
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set", help="A hyperparameter: `regularized-evolution.population=50`; repeatable."
        ),
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="TOML experiment file; options given here go first.")
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
    quiet: Quiet = False,
) -> None:
    """Search with strategies, once per seed, and store every run."""
    from nasbench.errors import InvalidInput
    from nasbench.harness.execution import run as harness

    options: dict[str, Any] = _read_config(config) if config else {}
    options |= given
    options["settings"] = _settings(set_ or [], options.get("settings", {}))
    in_file = options.pop("strategies", None)
    if "device" in options:
        options["device"] = chosen_device(options["device"])
    names = split(strategy) or in_file
    if names is None:
        raise InvalidInput("no strategy is given: add --strategy, see `nasbench list strategies`")
    if options.keys().isdisjoint(("benchmark", "datasets", "protocol")):
        _say_default()
    began = time.monotonic()
    with metering("runs", quiet=quiet) as meter:
        outcomes = harness.run(
            names, progress=RunMeter(meter), say=partial(_say, screen=sys.stderr), **options
        )
    if json_:
        _print_json(outcomes)
    else:
        _print_summary(outcomes, time.monotonic() - began, options)
    if not any(outcome.finished or outcome.skipped for outcome in outcomes):
        failed = sum(len(outcome.failed) for outcome in outcomes)
        say(
            f"nasbench: no run finished: all {failed} failed; their errors are stored in "
            f"{_results_folder(outcomes)}",
            err=True,
        )
        raise typer.Exit(1)


def _say_default() -> None:
    from nasbench.benchmarks.catalogue import BUNDLED, FETCHED, default_benchmark

    if default_benchmark() == BUNDLED:
        _say(
            f"NAS-Bench-201 is not installed, searching on the bundled table '{BUNDLED}'; "
            f"`nasbench data fetch {FETCHED}` gets it"
        )


def _say(line: str, screen: TextIO | None = None) -> None:
    """Print a note on stderr, or on `screen` where `sys.stderr` may be a run's log."""
    print(f"note: {printable(line, keep=chr(10))}", file=screen or sys.stderr, flush=True)


def _read_config(path: Path) -> dict[str, Any]:
    from nasbench.files import read_toml
    from nasbench.harness.execution.config import read_config

    return dict(read_config(read_toml(path, "experiment file")))


def _settings(pairs: list[str], base: dict[str, Any]) -> dict[str, dict[str, object]]:
    from nasbench.errors import InvalidInput

    settings = {name: dict(values) for name, values in base.items()}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        name, dot, field = key.rpartition(".")
        if not (equals and dot and name and field):
            raise InvalidInput(
                f"--set '{pair}': write strategy.setting=value, "
                "such as regularized-evolution.population=50"
            )
        settings.setdefault(name, {})[field] = value
    return settings


def _print_json(outcomes: "list[RunSummary]") -> None:
    import json

    from nasbench.harness.search.trained import found_images

    images = [found_images(outcome.experiment.task) for outcome in outcomes]
    rows = [
        {
            "path": str(outcome.path),
            "experiment": outcome.experiment.to_json(),
            "skipped": outcome.skipped,
            "finished": outcome.finished,
            "failed": {str(seed): reason for seed, reason in outcome.failed.items()},
            **({} if found is None else {"images": found.to_json()}),
        }
        for outcome, found in zip(outcomes, images, strict=True)
    ]
    say(json.dumps(rows, indent=2))


def _results_folder(outcomes: "list[RunSummary]") -> Path:
    return outcomes[0].path.parent.parent


def _print_summary(
    outcomes: "list[RunSummary]", seconds: float, options: "Mapping[str, Any]"
) -> None:
    from rich.markup import escape

    from nasbench.cli.screen import Screen
    from nasbench.harness.search.opening import open_benchmark
    from nasbench.harness.search.task import Kind
    from nasbench.place import HERE, Place

    place = Place.read(*(options.get(name, usual) for name, usual in HERE._asdict().items()))
    console = Screen(highlight=False, soft_wrap=True)
    several = len({outcome.experiment.task.benchmark for outcome in outcomes}) > 1
    for outcome in outcomes:
        task = outcome.experiment.task
        of = f" of {escape(task.benchmark)}" if several else ""
        parts = [f"{outcome.finished} runs"]
        if outcome.skipped:
            parts.append(f"{outcome.skipped} already there")
        if outcome.failed:
            parts.append(f"[red]{len(outcome.failed)} failed[/red]")
        console.print(
            f"[bold]{escape(outcome.experiment.strategy)}[/bold] on {task.query.dataset}{of} "
            f"({task.protocol}, {task.budget}): {', '.join(parts)} → {escape(str(outcome.path))}"
        )
        if task.kind is not Kind.TABLE:
            console.print(f"  {escape(open_benchmark(task, place)[0].note)}")
        for seed, reason in list(outcome.failed.items())[:3]:
            console.print(f"  seed {seed}: {escape(reason)}")
    made = sum(outcome.finished + len(outcome.failed) for outcome in outcomes)
    if made:
        console.print(f"{made} runs in {seconds:.1f} s ({made / seconds:.3g} runs/s)")
    if any(outcome.finished or outcome.skipped for outcome in outcomes):
        console.print(f"Now: nasbench compare {escape(str(_results_folder(outcomes)))}")

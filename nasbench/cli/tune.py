"""`nasbench tune`."""

from pathlib import Path
from typing import Annotated

import typer

from nasbench import limits
from nasbench.cli.lines import say
from nasbench.cli.options import number
from nasbench.cli.progress import Quiet, metering


def tune(
    strategy: Annotated[
        str, typer.Option("--strategy", "-s", help="A strategy, or `package.module:Class`.")
    ],
    space: Annotated[
        str,
        typer.Option(
            help="Settings to try: `population=5..100,sample=2..20`, `rate=0.001..0.5:log`, "
            "`form=product|sum`."
        ),
    ],
    tuning_seeds: Annotated[
        str, typer.Option(help="Seeds that reporting may not use: `1000-1049`.")
    ],
    metric: Annotated[
        str,
        typer.Option(
            help="`regret` in validation after the final schedule, or the search's own `signal`."
        ),
    ] = "regret",
    samples: Annotated[
        int, number(limits.SAMPLES, help="Settings drawn, beside the defaults.")
    ] = 30,
    benchmark: Annotated[str | None, typer.Option(help="As in `nasbench run`.")] = None,
    dataset: Annotated[str | None, typer.Option(help="Data set searched.")] = None,
    protocol: Annotated[str | None, typer.Option(help="As in `nasbench run`.")] = None,
    budget: Annotated[str | None, typer.Option(help="As in `nasbench run`.")] = None,
    proxy_seconds: Annotated[
        float | None, number(limits.PROXY_SECONDS, help="As in `nasbench run`.")
    ] = None,
    reserve_dataset: Annotated[
        bool, typer.Option("--reserve-dataset", help="Reporting may not use the data set at all.")
    ] = False,
    experiment_seed: Annotated[
        int, number(limits.EXPERIMENT_SEED, help="Of the draws and of all runs.")
    ] = 0,
    workers: Annotated[str, typer.Option(help="Settings at once. [default: the cores]")] = "auto",
    device: Annotated[str, typer.Option(help="As in `nasbench run`.")] = "cpu",
    threads: Annotated[int, number(limits.per_core("threads"), help="As in `nasbench run`.")] = 1,
    out: Annotated[Path, typer.Option(help="Folder of all tuning runs.")] = Path("tuning"),
    quiet: Quiet = False,
) -> None:
    """Find settings of a strategy on separate seeds; write an experiment file with the best."""
    from nasbench.harness.execution.tune import tune as search

    with metering("settings", quiet=quiet) as meter:
        record, path = search(
            strategy, space, tuning_seeds=tuning_seeds, metric=metric, samples=samples,
            benchmark=benchmark, dataset=dataset, protocol=protocol, budget=budget,
            proxy_seconds=proxy_seconds, reserve_dataset=reserve_dataset,
            experiment_seed=experiment_seed, workers=workers,
            device=device, threads=threads, out=out, progress=meter,
            say=lambda line: say(f"note: {line}", err=True),
        )  # fmt: skip
    say(path.read_text(encoding="utf-8"))
    say(
        f"{record.tried} settings tried in {record.runs} runs: {record.clock_seconds:,.0f} "
        f"seconds of the benchmark's clock, {record.wall_seconds:.0f} real ones"
    )
    say(f"Now: nasbench run --config {path} --seeds 100")

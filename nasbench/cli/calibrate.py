"""`nasbench calibrate`."""

from pathlib import Path
from typing import Annotated

import typer

from nasbench import limits
from nasbench.cli.lines import say
from nasbench.cli.options import chosen_device, number


def calibrate(
    benchmark: Annotated[
        str | None, typer.Option(help="Table. [default: nb201 if installed, else digits]")
    ] = None,
    dataset: Annotated[
        str | None, typer.Option(help="Data set of the table. [default: cifar10, or the table's]")
    ] = None,
    device: Annotated[str, typer.Option(help="`auto`, `cpu`, `cuda`, `cuda:1`.")] = "cpu",
    threads: Annotated[
        int, number(limits.per_core("threads"), help="Of the CPU, as in the runs.")
    ] = 1,
    cells: Annotated[int, number(limits.CELLS, help="Architectures that are trained.")] = 5,
    out: Annotated[Path, typer.Option(help="File to write.")] = Path("calibration.json"),
) -> None:
    """Measure how many seconds of a table's clock correspond to a real second on this device.

    With `nasbench compare --calibration FILE`, one-shot runs then share a time axis with others.
    """
    from nasbench.benchmarks.catalogue import load_table
    from nasbench.benchmarks.training.calibrate import calibrate as measure
    from nasbench.harness.search.defaults import choose

    datasets = None if dataset is None else [dataset]
    chosen = choose(
        benchmark, datasets, None,
        shared=["calibrate"], say=lambda line: say(f"note: {line}", err=True),
    )  # fmt: skip
    device = chosen_device(device)
    table = load_table(chosen.benchmark)
    found = measure(table, chosen.datasets[0], device=device, threads=threads, cells=cells)
    found.save(out)
    say(f"{found.dataset} of table {found.benchmark} ({found.table[:8]}): {found.label}")
    say(f"Now: nasbench compare results/ --calibration {out}")

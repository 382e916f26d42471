"""`nasbench latency`."""

from typing import TYPE_CHECKING, Annotated

import typer

from nasbench import limits
from nasbench.cli.lines import say
from nasbench.cli.options import chosen_device, number

_DEFAULT = "nb201"

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nasbench.benchmarks.training.latency import Latencies


def latency(
    space: Annotated[
        str, typer.Option(help="Search space; `package.module:Class` for your own.")
    ] = _DEFAULT,
    dataset: Annotated[
        str, typer.Option(help="Data set whose image size and classes the networks have.")
    ] = "digits",
    channels: Annotated[int, number(limits.CHANNELS, help="C of the first stage.")] = 8,
    cells: Annotated[int, number(limits.STAGE_CELLS, help="N per stage.")] = 1,
    batch: Annotated[int, number(limits.BATCH, help="Images per inference.")] = 1,
    device: Annotated[str, typer.Option(help="`auto`, `cpu`, `cuda`, `cuda:1`.")] = "cpu",
    rounds: Annotated[
        int, number(limits.ROUNDS, help="Measurements of each, the median counts.")
    ] = 20,
    json_: Annotated[bool, typer.Option("--json", help="Print what is stored as JSON.")] = False,
) -> None:
    """Measure each operation's latency on this machine: a cost for hardware-aware strategies."""
    from nasbench.benchmarks.training.catalogue import find_input
    from nasbench.benchmarks.training.latency import drawn, measure
    from nasbench.spaces import find_space
    from nasbench.spaces.networks.base import Shape, networks_of

    of = find_space(space)
    found = measure(
        of, find_input(dataset), Shape(channels, cells),
        batch=batch, device=chosen_device(device), rounds=rounds,
    )  # fmt: skip
    path = found.save()
    if json_:
        say(path.read_text(encoding="utf-8"))
    else:
        _show(found, networks_of(of).timed_names(), len(drawn(of)), dataset)


def _show(
    found: "Latencies",
    names: "Sequence[tuple[str, Sequence[str]]]",
    compared: int,
    dataset: str,
) -> None:
    from rich.markup import escape
    from rich.table import Table

    from nasbench.cli.screen import Screen

    # where no table of the space may be, the answer is trained
    benchmark = "" if found.space == _DEFAULT else f" --benchmark train:{escape(found.space)}"
    console = Screen(highlight=False, soft_wrap=True)
    title = f"milliseconds on {found.place}, batch {found.batch}"
    table = Table("", "operation", "ms", title=title, title_justify="left")
    for (row, operations), times in zip(names, found.operations, strict=True):
        for operation, time in zip(operations, times, strict=False):  # a row may have fewer
            table.add_row(escape(row), escape(operation), f"{time:.4f}")
    console.print(table)
    console.print(f"layers that all architectures share: {found.frame:.4f} ms")
    console.print(
        f"sums against {compared} whole networks: mean error {100 * found.error:.1f} %, "
        f"rank correlation {found.correlation:.3f}"
    )
    console.print(
        f"Now: nasbench run --strategy fbnet{benchmark} --dataset {escape(dataset)} "
        f"--set fbnet.cost={found.name}"
    )

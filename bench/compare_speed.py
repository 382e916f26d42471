"""CPU seconds and memory of `nasbench compare`, `report` and `audit`.

    python bench/compare_speed.py [--seeds 500] [--rows 4] [--repeats 5] [--peer FOLDER]
    python bench/compare_speed.py --sets [--seeds 200] [--repeats 5] [--peer FOLDER]

Searches on three data sets are run once into a temporary folder (table `nb201` must be installed).
With `--sets` they are ten searches of two objectives, accuracy and the latency on Pixel 3, of 500
evaluations on CIFAR-10 (table `nb201-hw` must be installed, too). Each command is then run in
processes of its own, start-up, tables and figures included, with one thread; `list` and `--help`
show what start-up takes. Figures are medians of the CPU's seconds, user and system, and the largest
memory.

With `--peer`, the folder of another checkout, each command of both runs at the same time on two
cores, so that both have the same company on the machine; the ratio is that of this checkout to the
peer.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from nasbench.harness.execution.run import run

HERE = Path(__file__).parents[1]
DATASETS = "cifar10,cifar100,ImageNet16-120"
STRATEGIES = "random-search,regularized-evolution,reinforce,reinforce-softmax"
MORE: tuple[tuple[str, dict[str, Any]], ...] = (
    ("random-search", {"replacement": False}),
    *(("regularized-evolution", {"population": members}) for members in (15, 20, 30, 40, 50)),
)
"""Rows beyond the first four, as strategies and settings."""
SETS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("random-search", {}),
    ("random-search", {"replacement": False}),
    ("regularized-evolution", {}),
    ("mo-rea", {}),
    ("mo-rea", {"tournament": "weights"}),
    ("nsga2", {}),
    ("nsga2", {"population": 20}),
    ("sms-emoa", {}),
    ("sms-emoa", {"population": 20}),
    ("pareto-local-search", {}),
)
"""Rows of two objectives, as strategies and settings."""


class Cost(NamedTuple):
    """What a command took."""

    seconds: float
    """CPU seconds, in user mode and in the system."""
    memory: float
    """The most memory, in MB."""


def main() -> None:
    """Print seconds, memory and ratios of every command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, help="500, with --sets 200")
    parser.add_argument("--sets", action="store_true", help="searches of two objectives")
    parser.add_argument("--rows", type=int, default=4, choices=range(4, 5 + len(MORE)))
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--results", type=Path, help="a results folder, which is not changed")
    parser.add_argument("--peer", type=Path)
    options = parser.parse_args()
    checkouts = [HERE, *([] if options.peer is None else [options.peer.resolve()])]
    with tempfile.TemporaryDirectory() as folder:
        results = options.results or Path(folder) / "results"
        if options.results is None:
            search(results, options.seeds or (200 if options.sets else 500), options)
        for command in (
            ("compare", str(results.resolve()), "--out"),
            ("report", str(results.resolve()), "--out"),
            ("audit", str(results.resolve())),
            ("list",),
            ("--help",),
        ):
            costs = [together(checkouts, command, Path(folder)) for _ in range(options.repeats)]
            print(f"{command[0]:8}", "   ".join(_told(costs, len(checkouts))), flush=True)


def search(results: Path, seeds: int, options: argparse.Namespace) -> None:
    """Make the searches that are compared."""
    if options.sets:
        for name, own in SETS:
            run(
                name, benchmark="nb201", datasets="cifar10", protocol="nats-bench",
                objective="accuracy,latency:pixel3", budget="500evals", settings={name: own},
                seeds=seeds, workers=1, out=results,
            )  # fmt: skip
        return
    run(STRATEGIES, datasets=DATASETS, seeds=seeds, out=results)
    for name, own in MORE[: options.rows - 4]:
        run(name, datasets=DATASETS, settings={name: own}, seeds=seeds, out=results)


def _told(costs: Sequence[Sequence[Cost]], checkouts: int) -> list[str]:
    """Return the medians of each checkout as texts, and the ratio of the first to the second."""
    seconds = [statistics.median(one[place].seconds for one in costs) for place in range(checkouts)]
    memory = [max(one[place].memory for one in costs) for place in range(checkouts)]
    told = [f"{cpu:6.2f} s {most:5.0f} MB" for cpu, most in zip(seconds, memory, strict=True)]
    return [*told, *([f"ratio {seconds[0] / seconds[1]:.2f}"] if checkouts > 1 else [])]


def together(checkouts: Sequence[Path], command: Sequence[str], folder: Path) -> list[Cost]:
    """Run a command of every checkout at the same time; return what each took."""
    started = [_start(one, command, folder / f"out-{n}") for n, one in enumerate(checkouts)]
    costs: dict[int, Cost] = {}
    for _ in started:
        process, status, used = os.wait3(0)
        if os.waitstatus_to_exitcode(status) not in (0, 1):  # 1: an audit found something
            raise SystemExit(f"{' '.join(command)} ended with {status}")
        costs[process] = Cost(used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)
    return [costs[process] for process in started]


def _start(checkout: Path, command: Sequence[str], out: Path) -> int:
    """Start a command of a checkout and return its process; what it writes goes to `out`."""
    one = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    words = [*command, str(out / command[0])] if command[-1] == "--out" else command
    out.mkdir(exist_ok=True)
    process = subprocess.Popen(
        [sys.executable, "-m", "nasbench", *words],
        cwd=checkout,
        env={**os.environ, **one, "PYTHONPATH": str(checkout)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return process.pid


if __name__ == "__main__":
    main()

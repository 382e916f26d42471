"""Speed of every installed table: opening it, and 500 runs of random search and of evolution.

    python bench/every_table.py [--runs 500] [TABLE …]

A table is opened 20 times in one process; the number is the median of CPU milliseconds. The runs of
150 evaluations each are one command each, of one process, from its start to its last file; the
numbers are its CPU seconds. Tables that cannot be searched are left out.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence

from nasbench.benchmarks.catalogue import list_tables, load_table, table_file
from nasbench.benchmarks.protocols import searched_in
from nasbench.benchmarks.tables.table import Table

STRATEGIES = ("random-search", "regularized-evolution")
OPENED = 20


def opening(name: str) -> float:
    """Return the median of CPU milliseconds that opening a table takes."""
    path, times = table_file(name), list[float]()
    for _ in range(OPENED):
        began = time.process_time()
        table = Table.open(path)
        _ = table.space
        times.append(1000 * (time.process_time() - began))
    return statistics.median(times)


def searching(name: str, strategy: str, runs: int) -> float:
    """Return the CPU seconds of a command that makes runs."""
    with tempfile.TemporaryDirectory() as folder:
        words = ["run", "--benchmark", name, "--strategy", strategy, "--seeds", str(runs),
                 "--budget", "150evals", "--out", folder, "--quiet", "--workers", "1"]  # fmt: skip
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(
            [sys.executable, "-m", "nasbench", *words], check=True, stdout=subprocess.DEVNULL,
            env={**os.environ, "RAY_USAGE_STATS_ENABLED": "0"},
        )  # fmt: skip
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main(names: Sequence[str], runs: int) -> None:
    """Print a line for every table."""
    print(f"{'table':<16} {'open':>8}   " + "   ".join(f"{one:>22}" for one in STRATEGIES))
    for name in names:
        opened = opening(name)
        seconds = [searching(name, one, runs) for one in STRATEGIES]
        cells = "   ".join(f"{one:>20.2f} s" for one in seconds)
        print(f"{name:<16} {opened:>5.1f} ms   {cells}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tables", nargs="*", metavar="TABLE")
    parser.add_argument("--runs", type=int, default=500)
    given = parser.parse_args()
    installed = [one.name for one in list_tables() if one.installed and not one.problem]
    usable = [name for name in installed if searched_in(load_table(name))]
    main(given.tables or usable, given.runs)

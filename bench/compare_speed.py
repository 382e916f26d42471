"""How long `nasbench compare` takes for four strategies of 500 runs each, on three data sets.

    python bench/compare_speed.py [--seeds 500] [--repeats 5]

Runs the searches once into a temporary folder (table `nb201` must be installed), then times
the command in a process of its own, start-up, tables and figures included, with one thread.
The best of the repeats is the figure to quote: the others had company on the machine. The
median of the CPU's seconds in user mode compares versions, one after the other on one machine.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

from nasbench.harness.execution.run import run

STRATEGIES = "random-search,regularized-evolution,reinforce,reinforce-softmax"
COMMAND = [sys.executable, "-c", "from nasbench.cli.app import main; main()"]


def main() -> None:
    """Print seconds per repeat and the best."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=500)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results"
        run(STRATEGIES, seeds=options.seeds, out=results)
        seconds, user = [], []
        for _ in range(options.repeats):
            began, used = perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
            subprocess.run(
                [*COMMAND, "compare", str(results)],
                env=environment,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                check=True,
            )
            seconds.append(perf_counter() - began)
            user.append(resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - used)
    print(" ".join(f"{one:.2f}" for one in seconds), "s")
    print(
        f"compare of 4 x {options.seeds} runs: {min(seconds):.2f} s, as a whole command; median of "
        f"{statistics.median(user):.2f} s of the CPU in user mode"
    )


if __name__ == "__main__":
    main()

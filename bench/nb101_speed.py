"""Speed and memory of searches on all of NAS-Bench-101, with a validation column that is made up.

    NASBENCH_UPSTREAM=… python bench/nb101_speed.py [--runs 500] [--keep FOLDER]

The real validation column is in a file of tens of megabytes that this script does not need: the
validation values here are the real mean test values with noise (0.25 points) of a fixed seed. So
times and memory are those of the real table, and the accuracies mean nothing.

Printed are CPU seconds (user and system, with those of children) and the most memory of each step,
each in a process of its own: opening the table, the first answer of a search, the runs of random
search and of evolution with 150 evaluations each, their comparison and their audit.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from nasbench.benchmarks.sources import nb101
from nasbench.benchmarks.sources.nb101_files import FILES
from nasbench.benchmarks.sources.nb101_readers import read_test
from nasbench.benchmarks.tables.info import Split
from nasbench.benchmarks.tables.table import Table
from nasbench.spaces.nb101 import NasBench101

NOISE = 0.25
"""Standard deviation of the made-up validation values around test, in points."""


def synthetic(upstream: Path) -> Table:
    """Return the table `nb101` with the real mean test values and made-up validation values."""
    paths = [upstream / one.place for one in FILES["nb101-test"]]
    test = 100 * read_test(paths[0])
    noise = np.random.default_rng(0).normal(0, NOISE, len(test))
    data = {
        nb101.measured(Split.VALID, nb101.FULL, "made up"): np.clip(test + noise, 0, 100),
        nb101.measured(Split.TEST, nb101.FULL): test,
        **nb101.common(NasBench101()),
    }
    made = nb101.assemble("nb101-test", paths, data, ("validation is made up: test with noise",))
    info = made.info.model_copy(update={"name": "nb101", "title": "made-up validation"})
    return Table.from_columns(info, {one.name: data[one] for one in data})


def measured(what: str, code: str, *arguments: str) -> None:
    """Run Python code in a process of its own; print its CPU seconds and its most memory."""
    began = time.monotonic()
    child = os.spawnv(os.P_NOWAIT, sys.executable, [sys.executable, "-c", code, *arguments])
    _, status, used = os.wait4(child, 0)
    wall = time.monotonic() - began
    failed = f"  FAILED ({status})" if status else ""
    cpu = used.ru_utime + used.ru_stime
    print(
        f"{what:<44} {cpu:8.2f} s CPU {wall:8.2f} s wall {used.ru_maxrss / 1024:7.0f} MB{failed}",
        flush=True,
    )


OPEN = """
import sys, time
from pathlib import Path
from nasbench.benchmarks.tables.table import Table
import nasbench.spaces.nb101
times = []
for _ in range(5):
    began = time.process_time()
    table = Table.open(Path(sys.argv[1]))
    times.append(1000 * (time.process_time() - began))
print(f"  opened in {sorted(times)[2]:.1f} ms CPU (median of 5, modules loaded)", flush=True)
"""
FIRST = """
import sys
import nasbench
nasbench.run("random-search", seeds=1, benchmark=sys.argv[1], budget="1evals", out=sys.argv[2],
             workers=1)
"""
RUNS = """
import sys
import nasbench
nasbench.run(sys.argv[3], seeds=int(sys.argv[4]), benchmark=sys.argv[1], budget="150evals",
             out=sys.argv[2], workers=1)
"""
COMMAND = "import sys; from nasbench.__main__ import main; sys.argv[0] = 'nasbench'; main()"


def main() -> None:
    """Print one line for each step."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=500)
    parser.add_argument("--keep", type=Path, help="folder for the table and the runs")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or Path(temporary)
        path, out = folder / "nb101.safetensors", folder / "results"
        synthetic(Path(os.environ["NASBENCH_UPSTREAM"])).save(path)
        print(f"table of {path.stat().st_size / 1e6:.1f} MB; validation is made up")
        measured("start of Python and nasbench", "import nasbench")
        measured("open the table five times", OPEN, str(path))
        measured("a run of one evaluation", FIRST, str(path), str(folder / "first"))
        for strategy in ("random-search", "regularized-evolution"):
            arguments = (str(path), str(out), strategy, str(options.runs))
            measured(f"{options.runs} runs of {strategy}", RUNS, *arguments)
        measured("nasbench compare", COMMAND, "compare", str(out))
        measured("nasbench audit", COMMAND, "audit", str(out))


if __name__ == "__main__":
    main()

"""Cost of an evaluation in the whole loop, beside that of an earlier commit: one interleaved run.

    python bench/loop_speed.py --earlier 8b8d003 [--repeats 7] [--strategies reinforce --seeds 100]

Each version runs in a process of its own, taking turns: `nasbench.run` on the bundled table, 300
seeds, from ask to stored rows, after 5 seeds that load everything. The `first` time a version may
make answers of the table when they are asked for; `again` they are there. CPU microseconds per
evaluation; medians, and the median of the ratios of neighbouring turns. The earlier commit is
checked out beside a temporary folder; the packages installed here serve both.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

STRATEGIES = ("random-search", "regularized-evolution")
HERE = Path(__file__).resolve().parents[1]
CHILD = """
import json, tempfile, time
import nasbench
from nasbench import load_results

def run(name, seeds):
    with tempfile.TemporaryDirectory() as out:
        began = time.process_time()
        nasbench.run(name, seeds=seeds, benchmark="digits", out=out, workers=1)
        spent = time.process_time() - began
        return spent / len(load_results(out).trajectories) * 1e6

found = {}
for name in %r:
    run(name, 5)
    for turn in ("first", "again"):
        found[name + ", " + turn] = run(name, %d)
print(json.dumps(found))
"""


def turn(folder: Path, strategies: Sequence[str], seeds: int) -> dict[str, float]:
    """Return microseconds per evaluation by strategy, of the version in a folder."""
    environment = {**os.environ, "PYTHONPATH": str(folder), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", CHILD % (tuple(strategies), seeds)],
        env=environment, cwd=folder, check=True, capture_output=True, text=True,
    )  # fmt: skip
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Take turns, print medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--earlier", required=True, help="a commit of this repository")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--strategies", nargs="+", default=STRATEGIES)
    parser.add_argument("--seeds", type=int, default=300)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        before = Path(temporary, "before")
        clone = ["git", "clone", "-q", "--no-checkout", str(HERE), str(before)]
        subprocess.run(clone, check=True)
        subprocess.run(["git", "-C", str(before), "checkout", "-q", given.earlier], check=True)
        what = given.strategies, given.seeds
        turns = [(turn(before, *what), turn(HERE, *what)) for _ in range(given.repeats)]
    for name in turns[0][0]:
        earlier, now = ([one[place][name] for one in turns] for place in (0, 1))
        ratio = statistics.median(b / a for a, b in zip(earlier, now, strict=True))
        print(
            f"{name}: {statistics.median(earlier):.1f} us at {given.earlier}, "
            f"{statistics.median(now):.1f} us here, ratio {ratio:.3f}"
        )


if __name__ == "__main__":
    main()

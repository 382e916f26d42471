"""What workers bring and what Ray costs: whole `nasbench run` commands, on this machine.

    python -m bench.ray_speed training    8 searches that train, two workers against one
    python -m bench.ray_speed overhead    10,000 table runs, two workers against this process
    python -m bench.ray_speed large       100,000 table runs in ten settings, on one and on two

Each comparison is made `--repeats` times in turn and the median ratio is given. Two processes
started by hand, half of the seeds each, show what the machine itself has to give.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TABLE = ("--strategy", "regularized-evolution", "--seeds", "10000")
TRAINING = (
    "--strategy", "darts", "--benchmark", "train:nb201", "--dataset", "digits",
    "--set", "darts.epochs=4",
)  # fmt: skip
"""Without a table the answer is trained in the end: three trainings of a few seconds each."""
LARGE = [
    ("random-search", {}),
    *(("regularized-evolution", {"population": p, "sample": s}) for p, s in
      ((10, 3), (10, 5), (20, 3), (20, 5), (50, 10), (100, 25))),
    *(("reinforce-softmax", {"learning_rate": rate}) for rate in (0.01, 0.05, 0.1)),
]  # fmt: skip


def start(*words: str) -> "subprocess.Popen[bytes]":
    """Start `nasbench run` with one thread a process."""
    return subprocess.Popen(
        [sys.executable, "-m", "nasbench", "run", *words],
        stdout=subprocess.DEVNULL,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def seconds(*commands: tuple[str, ...]) -> float:
    """Return how long some commands take, started at once."""
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        running = [
            start(*words, "--out", str(Path(folder) / str(i))) for i, words in enumerate(commands)
        ]
        for one in running:
            if one.wait():
                raise SystemExit("a command failed")
    return time.perf_counter() - began


def training(repeats: int) -> None:
    """Print what a second worker brings, and what two processes by hand would."""
    ratios, possible = [], []
    for turn in range(repeats):
        seeds = f"{100 * turn}-{100 * turn + 7}"  # fresh ones: finished trainings are kept
        halves = (f"{100 * turn + 50}-{100 * turn + 53}", f"{100 * turn + 54}-{100 * turn + 57}")
        one = seconds((*TRAINING, "--seeds", seeds, "--workers", "1"))
        other = f"{100 * turn + 20}-{100 * turn + 27}"
        two = seconds((*TRAINING, "--seeds", other, "--workers", "2"))
        both = seconds(*((*TRAINING, "--seeds", half, "--workers", "1") for half in halves))
        ratios.append(one / two)
        possible.append(one / both)
        print(f"one {one:.1f} s, two workers {two:.1f} s, two by hand {both:.1f} s", flush=True)
    print(f"two workers over one: {statistics.median(ratios):.2f}")
    print(f"two processes by hand over one: {statistics.median(possible):.2f}")


def overhead(repeats: int) -> None:
    """Print what two workers bring to quick runs, what Ray's start costs, and the rest."""
    ratios, starts, rest = [], [], []
    few = ("--strategy", "random-search", "--seeds", "2")
    halves = [(*TABLE[:2], "--seeds", half) for half in ("0-4999", "5000-9999")]
    for _ in range(repeats):
        here, two = (seconds((*TABLE, "--workers", number)) for number in ("1", "2"))
        both = seconds(*((*half, "--workers", "1") for half in halves))
        none, start = (seconds((*few, "--workers", number)) for number in ("1", "2"))
        ratios.append(here / two)
        starts.append(start - none)
        rest.append((two - start) / (both - none))
        print(f"here {here:.1f} s, two workers {two:.1f} s, two by hand {both:.1f} s, "
              f"start {starts[-1]:.1f} s", flush=True)  # fmt: skip
    print(f"two workers over this process, 10,000 runs: {statistics.median(ratios):.2f}")
    print(f"start and end of Ray: {statistics.median(starts):.1f} s")
    print(f"apart from it, seconds over two processes by hand: {statistics.median(rest):.2f}")


def large(_: int) -> None:
    """Print seconds and memory of 100,000 runs, in this process and on two workers."""
    for workers in ("1", "2"):
        with tempfile.TemporaryDirectory() as folder:
            began = time.perf_counter()
            for strategy, settings in LARGE:
                words = [f"{strategy}.{key}={value}" for key, value in settings.items()]
                pairs = [word for one in words for word in ("--set", one)]
                process = start(
                    "--strategy", strategy, "--seeds", "10000", *pairs, "--workers", workers,
                    "--out", folder,
                )  # fmt: skip
                if process.wait():
                    raise SystemExit("a command failed")
            spent = time.perf_counter() - began
            size = sum(path.stat().st_size for path in Path(folder).rglob("*.parquet"))
            peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
            print(f"100,000 runs, workers {workers}: {spent:.0f} s, {size / 1e6:.0f} MB of "
                  f"results, largest process so far {peak / 1024:.0f} MiB", flush=True)  # fmt: skip


def main() -> None:
    """Measure the part that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=("training", "overhead", "large"))
    parser.add_argument("--repeats", type=int, default=3)
    chosen = parser.parse_args()
    {"training": training, "overhead": overhead, "large": large}[chosen.part](chosen.repeats)


if __name__ == "__main__":
    main()

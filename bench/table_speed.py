"""Speed of table runs: the whole loop with clocks, judge and store, beside a named peer.

    NASBENCH_UPSTREAM=… python bench/table_speed.py

One process, one core, after start-up (tables open, modules imported), median of the repeats.
The peer is the official `nats-bench` library answering the same kind of query from its own
files: its query alone, without any strategy, loop, judge or storing. Without NASBENCH_UPSTREAM
(three cells in the official format) the peer is left out.
"""

import os
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import nasbench
from nasbench.harness.results.store import read_folder

REPEATS = 5
OFFICIAL = "D-X-Y/NATS-Bench/1d4a304ad1906aa5866563438fcbf0d624b7eda2/fake_torch_dir"


def seconds_of(call: Callable[[], object]) -> float:
    """Return how long `call` takes."""
    began = perf_counter()
    call()
    return perf_counter() - began


def microseconds_per_evaluation(strategy: str, seeds: int) -> tuple[float, float]:
    """Return microseconds per evaluation and seconds of one whole run of `strategy`."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        seconds = seconds_of(lambda: nasbench.run(strategy, seeds=seeds, out=out))
        path = nasbench.run(strategy, seeds=seeds, out=out)[0].path
        queries = sum(read_folder(path).read(["evaluations"])["evaluations"].to_pylist())
    return seconds / queries * 1e6, seconds


def peer_microseconds() -> float | None:
    """Return microseconds of one query of the official library, its files loaded already."""
    upstream = os.environ.get("NASBENCH_UPSTREAM", "")
    folder = Path(upstream) / OFFICIAL / "NATS-tss-v1_0-3ffb9-simple"
    if not folder.is_dir():
        return None
    from nats_bench import create

    api = create(str(folder), "tss", fast_mode=True, verbose=False)
    cells = (0, 11, 284)

    def ask() -> None:
        for cell in cells:
            api.simulate_train_eval(cell, dataset="cifar10", hp="12")

    ask()  # loads the three files
    return seconds_of(lambda: [ask() for _ in range(100)]) / (100 * len(cells)) * 1e6


def main() -> None:
    """Print one line per measurement."""
    nasbench.run("random-search", seeds=1, out=tempfile.mkdtemp())  # start-up
    rows: dict[str, list[float]] = {}
    peers = []
    for _ in range(REPEATS):
        for strategy in ("random-search", "regularized-evolution", "reinforce-softmax"):
            rows.setdefault(strategy, []).append(microseconds_per_evaluation(strategy, 500)[0])
        peer = peer_microseconds()
        peers += [] if peer is None else [peer]
    for strategy, values in rows.items():
        middle = statistics.median(values)
        line = f"{strategy}: {middle:.1f} us per evaluation (min {min(values):.1f})"
        if peers:
            line += f", {statistics.median(peers) / middle:.0f} times nats-bench's query"
        print(line)
    if peers:
        print(f"nats-bench 1.8, query alone: {statistics.median(peers):.0f} us")
    each, whole = microseconds_per_evaluation("reinforce", 500)
    print(f"reinforce (LSTM), 500 seeds: {whole:.1f} s, {each:.0f} us per evaluation")


if __name__ == "__main__":
    main()

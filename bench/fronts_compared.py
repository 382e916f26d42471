"""Searches of two objectives on eight pairs of a data set and a cost, and the tables of their docs.

    python -m bench.fronts_compared --run [--budget 100evals] [--out results/fronts]
    nasbench compare results/fronts
    python -m bench.fronts_compared results/fronts/comparison/comparison.json

`--run` searches every pair by `bench/fronts.toml`, and once more with the other tournament of
`mo-rea`; stored runs are skipped. With a comparison it prints Markdown: mean ranks over the pairs
that have test values, and on every pair the mean hypervolume of the runs' final sets, in percent of
the exact front's, with 95 % bootstrap intervals. Marks say what is significantly better or worse
than random search (Mann-Whitney, Holm over all pairs of rows of the block).
"""

import argparse
import json
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.baselines import RANDOM, against, interval, show
from nasbench.harness.execution.config import read_config
from nasbench.harness.execution.run import run

CONFIG = Path(__file__).with_name("fronts.toml")
PAIRS = (
    ("nb201", "cifar10", "accuracy,latency:pixel3", "nats-bench"),
    ("nb201", "cifar10", "accuracy,latency:edgegpu", "nats-bench"),
    ("nb201", "cifar10", "accuracy,energy:eyeriss", "nats-bench"),
    ("nb201", "cifar100", "accuracy,latency:raspi4", "nats-bench"),
    ("nb201", "ImageNet16-120", "accuracy,latency:fpga", "nats-bench"),
    ("digits", "digits", "accuracy,latency", None),
    ("nb101-5v", "cifar10", "accuracy,energy", None),
    ("gpt-s", "openwebtext", "perplexity,latency", None),
)
"""Table, data set, objectives and protocol of every search; None is the table's usual one."""
AGAIN = {"strategies": "mo-rea", "settings": {"mo-rea": {"tournament": "weights"}}}
MARKS = {1: " ▲", -1: " ▼", 0: ""}


def search(budget: str | None, out: Path | None) -> None:
    """Make the runs that are not stored yet."""
    options: dict[str, Any] = dict(read_config(tomllib.loads(CONFIG.read_text(encoding="utf-8"))))
    options.update({} if budget is None else {"budget": budget})
    options.update({} if out is None else {"out": out})
    for table, dataset, objective, protocol in PAIRS:
        where = {
            "benchmark": table, "datasets": dataset, "objective": objective, "protocol": protocol,
        }  # fmt: skip
        for rows in ({}, AGAIN):
            for one in run(**{**options, **where, **rows}, say=print):
                done = f"{one.finished} made, {one.skipped} stored, {len(one.failed)} failed"
                print(f"{table} {dataset} {objective} {one.experiment.strategy}: {done}")


def tables(path: Path) -> None:
    """Print the tables of a comparison."""
    found = json.loads(path.read_text(encoding="utf-8"))
    signs = [against(block["pairs"]) for block in found["blocks"]]
    for standings in found["across"]:
        told = "better, worse than random search on"
        show(("strategy", "mean rank", "beats random search", told), ranked(standings, signs))
        print(f"\n{len(standings['problems'])} pairs, Friedman's p {standings['friedman']:.2g}, "
              f"critical difference {standings['critical_difference']:.2f}.\n")  # fmt: skip
    labels = list(dict.fromkeys(row["label"] for row in found["rows"]))
    show(("pair", *labels), each(found, labels, signs))


def ranked(
    standings: Mapping[str, Any], signs: Sequence[Mapping[str, int]]
) -> Iterator[Sequence[str]]:
    """Yield a row per strategy, the best mean rank first."""
    labels, random = standings["labels"], standings["labels"].index(RANDOM)
    for row in sorted(range(len(labels)), key=standings["ranks"].__getitem__):
        told = [signs[block - 1].get(labels[row], 0) for block in standings["blocks"]]
        chance, *ends = (
            standings[key][row][random] for key in ("better", "better_low", "better_high")
        )
        itself = row == random
        yield (
            labels[row],
            interval(standings["ranks"][row], standings["rank_intervals"][row], 2),
            "–" if itself else interval(chance, ends, 2),
            "–" if itself else f"{told.count(1)}, {told.count(-1)}",
        )


def each(
    found: Mapping[str, Any], labels: Sequence[str], signs: Sequence[Mapping[str, int]]
) -> Iterator[Sequence[str]]:
    """Yield a row per pair: hypervolumes with intervals and marks, the highest bold."""
    for number, block in enumerate(found["blocks"], 1):
        for dataset in block["datasets"]:
            rows = {
                row["label"]: row
                for row in found["rows"]
                if (row["block"], row["dataset"]) == (number, dataset)
            }
            best = max(row["test_mean"] for row in rows.values())
            cells = []
            for label in labels:
                if label not in rows:
                    cells.append("–")
                    continue
                row = rows[label]
                text = interval(row["test_mean"], (row["test_low"], row["test_high"]), 2)
                text = f"**{text}**" if row["test_mean"] == best else text
                cells.append(text + MARKS[signs[number - 1].get(label, 0)])
            task = block["task"]
            costs = ", ".join(one["name"] for one in task["objectives"])
            table = next(iter(rows.values()))["benchmark"]
            yield (f"{table}, {block['titles'].get(dataset, dataset)}: {costs}", *cells)


def main() -> None:
    """Search, or print the tables of a comparison."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("comparison", nargs="?", type=Path, help="comparison.json")
    parser.add_argument("--run", action="store_true", help="make the runs that are not stored")
    parser.add_argument("--budget")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    if given.run:
        search(given.budget, given.out)
    if given.comparison is not None:
        tables(given.comparison)


if __name__ == "__main__":
    main()

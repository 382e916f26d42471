"""CPU of proposing and learning with two objectives, per evaluation.

    python bench/set_speed.py [--evaluations 500] [--seeds 20] [--repeats 7]

Searches for accuracy after 5 epochs and latency on the bundled table `digits` (six decisions with
five choices), in one process with one thread, after a short search that loads everything. Answers
are made before, so that the time is that of the strategy and of the loop around it, without clock,
judge and storing. Strategies take turns; medians of CPU microseconds, user and system, per
evaluation. Those that are not registered are left out and named.
"""

import argparse
import statistics
import time
from collections.abc import Mapping
from typing import Any

from nasbench.benchmarks.catalogue import load_table
from nasbench.problem import (
    ACCURACY,
    WAIT,
    Answer,
    Evaluate,
    Fidelity,
    Metric,
    Problem,
    Trial,
)
from nasbench.randomness import Random
from nasbench.spaces import get_categorical
from nasbench.spaces.base import Architecture
from nasbench.strategies.registry import find_strategy, make_settings, strategies

EPOCHS = 5
LATENCY = Metric("latency/amd-epyc", "min", "ms", 0.0)
ROWS: tuple[tuple[str, Mapping[str, Any]], ...] = (
    ("random-search", {}),
    ("regularized-evolution", {}),
    ("mo-rea", {}),
    ("mo-rea", {"tournament": "weights"}),
    ("nsga2", {}),
    ("sms-emoa", {}),
    ("pareto-local-search", {}),
    ("parego", {}),
    ("ehvi", {}),
)
"""Strategies and settings; those with a model of the scores are last."""
MODELS = ("parego", "ehvi")


def measured() -> dict[Architecture, Answer]:
    """Return the answer of every architecture of the space."""
    table = load_table("digits")
    space = get_categorical("nb201")
    accuracy = table.search.accuracy("digits", 15, EPOCHS)[table.rows]
    latency = table.search.latency("digits", "amd-epyc")[table.rows]
    return {
        space.architecture(index): Answer((float(one), float(other)), 1.0, EPOCHS)
        for index, (one, other) in enumerate(zip(accuracy, latency, strict=True))
    }


def searched(
    name: str,
    own: Mapping[str, Any],
    answers: Mapping[Architecture, Answer],
    evaluations: int,
    seed: int,
) -> float:
    """Search once; return CPU microseconds per evaluation."""
    strategy = find_strategy(name)
    problem = Problem(get_categorical("nb201"), (ACCURACY, LATENCY), (), 1, Fidelity(EPOCHS))
    settings = make_settings(strategy, dict(own))
    began, number = time.process_time(), 0
    search = strategy(problem, settings, Random(seed))
    while number < evaluations:
        request = search.ask()
        if request is WAIT or not isinstance(request, Evaluate):
            break
        search.tell(Trial(number, request), answers[request.architecture])
        number += 1
    return 1e6 * (time.process_time() - began) / number


def main() -> None:
    """Take turns and print medians."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--evaluations", type=int, default=500)
    parser.add_argument("--seeds", type=int, default=20, help="one with a model of the scores")
    parser.add_argument("--repeats", type=int, default=7)
    given = parser.parse_args()
    known = [row for row in ROWS if row[0] in strategies()]
    for name in dict.fromkeys(name for name, _ in ROWS if name not in strategies()):
        print(f"{name} is left out: it is not registered")
    answers, found = measured(), [[] for _ in known]
    for repeat in range(-1, given.repeats):
        for times, (name, own) in zip(found, known, strict=True):
            seeds = range(1 if repeat < 0 or name in MODELS else given.seeds)
            many = 50 if repeat < 0 else given.evaluations
            spent = [
                searched(name, own, answers, many, 100 * (repeat + 1) + seed) for seed in seeds
            ]
            if repeat >= 0:
                times.append(statistics.mean(spent))
    print(f"| strategy | us per evaluation, of {given.evaluations} |\n|---|---:|")
    for times, (name, own) in zip(found, known, strict=True):
        chosen = ", ".join(f"{key} {value}" for key, value in own.items())
        label = f"`{name}`{chosen and f', {chosen}'}"
        print(f"| {label} | {statistics.median(times):.1f} |", flush=True)


if __name__ == "__main__":
    main()

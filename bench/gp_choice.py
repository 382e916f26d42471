"""How the encoding and the standardisation of `gp` were chosen, on seeds that are not reported.

    python bench/gp_choice.py --benchmark digits --seeds 1000-1029
    python bench/gp_choice.py --benchmark nb201 --dataset cifar100 --seeds 1000-1029

Prints for each candidate the mean validation regret of the search's signal after 50, 100 and 150
evaluations. The rule: the candidate whose sum of these three, divided by the sum of `standard` on
the same encoding, has the lowest mean over the two tables; between encodings, the lowest sum on
`digits`.
"""

import argparse
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from nasbench.benchmarks.catalogue import load_table
from nasbench.harness.search.budget import Budget, Clock
from nasbench.harness.search.loop import search
from nasbench.problem import Answer, Evaluate, Problem
from nasbench.randomness import Random
from nasbench.strategies.gp import GaussianProcessSearch
from nasbench.strategies.parts.predictors import growing
from nasbench.strategies.parts.ranks import normal_scores
from nasbench.strategies.registry import make_settings

Numbers = NDArray[np.float64]
STEPS = (50, 100, 150)
SIGNALS = {"digits": ("digits", 15, 5), "nb201": ("cifar10", 12, 12)}
"""Data set, epochs of the schedule and epochs of the signal."""


def standard(scores: Numbers) -> Numbers:
    """Return scores of mean 0 and deviation 1."""
    return (scores - scores.mean()) / (scores.std() or 1.0)


def winsorised(scores: Numbers) -> Numbers:
    """Standardise after raising what is far below the median: 3 interquartile ranges."""
    low, middle, high = np.percentile(scores, [25, 50, 75])
    return standard(np.maximum(scores, middle - 3 * (high - low)))


TRANSFORMS: dict[str, Callable[[Numbers], Numbers]] = {
    "ranks": normal_scores,
    "standard": standard,
    "winsorised": winsorised,
}


class Whole:
    """Answers from an array of values in index order; each evaluation costs a second."""

    def __init__(self, space: object, values: Numbers) -> None:
        self.space, self.values = space, values

    def answer(self, request: Evaluate) -> Answer:
        """Return the architecture's value."""
        return Answer((float(self.values[self.space.index(request.architecture)]),), 1.0, 1)


def regrets(benchmark: Whole, encoding: str, seeds: range) -> Numbers:
    """Return regrets after 50, 100 and 150 evaluations, shape (seeds, 3)."""
    one = type("One", (GaussianProcessSearch,), {"encodings": (encoding,)})
    found = []
    for seed in seeds:
        strategy = one(Problem(benchmark.space), make_settings(one, {}), Random(seed))
        track = search(strategy, benchmark, Clock(Budget(evaluations=STEPS[-1])))
        best = np.maximum.accumulate(track.signal)
        found.append([benchmark.values.max() - best[step - 1] for step in STEPS])
    return np.array(found)


def main() -> None:
    """Print a line for each candidate."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--benchmark", choices=SIGNALS, default="digits")
    parser.add_argument("--dataset")
    parser.add_argument("--seeds", default="1000-1029")
    parser.add_argument("--encodings", default="live-path,path,one-hot")
    parser.add_argument("--transforms", default="ranks,standard,winsorised")
    asked = parser.parse_args()
    first, last = map(int, asked.seeds.split("-"))
    dataset, schedule, epochs = SIGNALS[asked.benchmark]
    table = load_table(asked.benchmark)
    values = np.asarray(
        table.search.accuracy(asked.dataset or dataset, schedule, epochs), np.float64
    )
    whole = Whole(table.space, values if table.rows is None else values[table.rows])
    for encoding in asked.encodings.split(","):
        for name in asked.transforms.split(","):
            growing.normal_scores = TRANSFORMS[name]
            found = regrets(whole, encoding, range(first, last + 1))
            means = " ".join(f"{value:.2f}" for value in found.mean(axis=0))
            print(f"{encoding:10} {name:11} {means}", flush=True)


if __name__ == "__main__":
    main()

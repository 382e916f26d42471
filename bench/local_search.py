"""What local search meets on NAS-Bench-201: local optima, and what the best cell costs.

    nasbench data fetch nb201 && python bench/local_search.py [--runs 1000]

A search sees validation after 200 epochs, the mean over the training seeds. Printed with standard
errors are mean numbers of distinct architectures until the best is evaluated, and until the search
stops at it, when all its neighbours are known too.
"""

import argparse
from itertools import count

import numpy as np
from numpy.typing import NDArray

from nasbench.benchmarks.protocols import Protocol
from nasbench.harness.search.opening import open_benchmark
from nasbench.harness.search.tasks import Wanted, make_tasks
from nasbench.problem import Answer, Evaluate, Problem, Trial
from nasbench.randomness import Random
from nasbench.strategies.base import SearchStrategy
from nasbench.strategies.local_search import LocalSearch

DATASETS = ("cifar10", "cifar100", "ImageNet16-120")
PROTOCOL = Protocol(
    "200 epochs", "validation of 200 epochs as the signal", "nb201", 200, 200, 200, {},
    {name: (name,) for name in DATASETS}, dict.fromkeys(DATASETS, 100),
)  # fmt: skip
SETTINGS = {
    "Algorithm 1": LocalSearch.Settings("steepest", 1),
    "first improvement": LocalSearch.Settings("first", 1),
    "first improvement, best of 10 (the authors' code, the default)": LocalSearch.Settings(),
}


def local_optima(values: NDArray[np.float64]) -> int:
    """Return how many cells no change of one edge makes better; `values` has an axis per edge."""
    largest = np.full(values.shape, -np.inf)
    for axis in range(values.ndim):
        largest = np.maximum(largest, values.max(axis=axis, keepdims=True))
    return int((values >= largest).sum())


def cost(search: SearchStrategy, values: NDArray[np.float64], wanted: set[tuple[int, ...]]) -> int:
    """Return how many architectures a search asks for until all of `wanted` are known."""
    missing = set(wanted)
    for number in count():
        request = search.ask()
        if not isinstance(request, Evaluate):
            raise RuntimeError(f"the search ended without {missing}")
        missing.discard(request.architecture)
        if not missing:
            return number + 1
        search.tell(Trial(number, request), Answer((float(values[request.architecture]),), 1.0, 1))
    raise AssertionError


def shown(counts: list[int]) -> str:
    """Return a mean with its standard error, and the median."""
    error = np.std(counts) / np.sqrt(len(counts))
    return f"{np.mean(counts):.1f} ± {error:.1f} (median {np.median(counts):.0f})"


def main() -> None:
    """Print the counts of each data set."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1000)
    runs = parser.parse_args().runs
    for dataset in DATASETS:
        (task,) = make_tasks("nb201", [dataset], PROTOCOL, Wanted())
        benchmark, _ = open_benchmark(task)
        session, space = benchmark.session(Random(0)), benchmark.space
        values = np.empty((5,) * 6)
        for cell in space.architectures:
            values[cell] = session.answer(Evaluate(cell)).values[0]
        best = tuple(map(int, np.unravel_index(values.argmax(), values.shape)))
        print(
            f"{dataset}: {local_optima(values.round(5))} local optima, {local_optima(values)} by "
            f"the last bit of equal means; the best is {space.format(best)}"
        )
        for name, settings in SETTINGS.items():
            found, stopped = (
                [
                    cost(LocalSearch(Problem(space), settings, Random(seed)), values, wanted)
                    for seed in range(runs)
                ]
                for wanted in ({best}, {best, *space.neighbours(best)})
            )
            print(f"  {name}: found after {shown(found)}, stopped after {shown(stopped)}")


if __name__ == "__main__":
    main()

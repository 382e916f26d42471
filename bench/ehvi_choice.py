"""How `ehvi` and `parego` describe architectures, and from where `ehvi` measures hypervolumes.

    python bench/ehvi_choice.py --benchmark digits --objective accuracy,latency --seeds 1000-1019
    python bench/ehvi_choice.py --benchmark nb201 --objective accuracy,latency:pixel3 ...

Seeds 1000 to 1199 are not reported. Prints for each candidate the mean hypervolume after 50, 100
and 150 evaluations, in percent of the exact front of the search's signal, with the standard error
of the last, and CPU milliseconds per evaluation. `paths` describes architectures as `gp` does,
`both` by their decisions too; `range` measures from a tenth of the range of the scores that were
seen behind the worst of them, `front` from a tenth of the range of the front behind its worst.
"""

import argparse
import time
from itertools import product

import numpy as np
from numpy.typing import NDArray

from nasbench.harness.fronts import ExactFront, exact_fronts, front_task
from nasbench.pareto.dominance import nondominated
from nasbench.problem import Answer, Evaluate, Problem, Trial
from nasbench.randomness import Random
from nasbench.strategies import ehvi
from nasbench.strategies.base import SearchStrategy
from nasbench.strategies.registry import find_strategy, make_settings

Numbers = NDArray[np.float64]
STEPS = (50, 100, 150)
BEHIND_ALL = ehvi.reference_of


def behind_front(scores: Numbers) -> Numbers:
    """Return the reference point of the scores that no other dominates."""
    return BEHIND_ALL(scores[nondominated(scores)])


def candidate(name: str, features: str) -> type[SearchStrategy]:
    """Return a strategy that describes architectures in a certain way."""
    kind = find_strategy(name)
    return kind if features == "both" else type("One", (kind,), {"beside": ()})


def searched(kind: type[SearchStrategy], front: ExactFront, seed: int) -> tuple[list[float], float]:
    """Return the share of the hypervolume after each of `STEPS`, and CPU seconds of the search."""
    signs = [1.0 if metric.direction == "max" else -1.0 for metric in front.objectives]
    problem = Problem(front.space, front.objectives)
    search = kind(problem, make_settings(kind, {}), Random(seed))
    asked: list[int] = []
    began = time.process_time()
    for number in range(STEPS[-1]):
        request = search.ask()
        if not isinstance(request, Evaluate):
            break
        asked.append(front.space.index(request.architecture))
        values = front.scores[asked[-1]] * signs
        failed = not np.isfinite(values).all()
        search.tell(Trial(number, request), Answer(tuple(values.tolist()), 1.0, 1, failed))
    spent = time.process_time() - began
    seen = [front.scores[asked[:step]] for step in STEPS]
    known = [one[np.isfinite(one).all(axis=1)] for one in seen]
    return [front.share_of_hypervolume(one) for one in known], spent


def main() -> None:
    """Print a line for each candidate."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--benchmark", default="digits")
    parser.add_argument("--dataset")
    parser.add_argument("--objective", default="accuracy,latency")
    parser.add_argument("--seeds", default="1000-1019")
    asked = parser.parse_args()
    first, last = map(int, asked.seeds.split("-"))
    front = exact_fronts(front_task(asked.benchmark, asked.dataset, asked.objective)).signal
    for name, features, reference in (
        ("random-search", "both", "-"),
        *(("parego", features, "-") for features in ("paths", "both")),
        *(("ehvi", *one) for one in product(("paths", "both"), ("front", "range"))),
    ):  # fmt: skip
        ehvi.reference_of = behind_front if reference == "front" else BEHIND_ALL
        kind = candidate(name, features)
        runs = [searched(kind, front, seed) for seed in range(first, last + 1)]
        shares = 100 * np.array([share for share, _ in runs])
        means = " ".join(f"{value:.2f}" for value in shares.mean(axis=0))
        error = shares[:, -1].std(ddof=1) / np.sqrt(len(runs))
        spent = 1e3 * np.mean([cpu for _, cpu in runs]) / STEPS[-1]
        print(f"{name:13} {features:6} {reference:6} {means} +-{error:.2f}  {spent:.1f} ms",
              flush=True)  # fmt: skip


if __name__ == "__main__":
    main()

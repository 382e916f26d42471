"""How the settings of the digits task were chosen: candidates on one sample of cells.

    OMP_NUM_THREADS=1 python bench/digits_choice.py --out choice deep-mild   # for each candidate

Trains 96 distinct networks, those of the first 123 architectures of a random order, with two seeds,
and prints for the 123: Spearman between the two seeds over all and over the better half, the
distance from the 10th percentile to the best, the best, and (where the table nb201 is installed)
Spearman of the mean with CIFAR-10 after 200 epochs. The table's own figures are reported on other
cells: see bench/digits_card.py.
"""

import argparse
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

from nasbench.benchmarks.catalogue import load_table
from nasbench.benchmarks.training.digits import Distortion, digits
from nasbench.benchmarks.training.plan import Plan
from nasbench.benchmarks.training.recipes import Recipe
from nasbench.benchmarks.training.shards import Identity, read_shards
from nasbench.benchmarks.training.tabulate import tabulate
from nasbench.spaces.nb201 import NasBench201
from nasbench.spaces.networks.base import Shape

SPACE = NasBench201()
NETWORKS, SEEDS = 96, (0, 1)
_FIRST = Recipe("first", Shape(8, 1), epochs=12, batch=32, curve_images=550)
_SMALL = replace(_FIRST, batch=16)
_DEEP = replace(_SMALL, shape=Shape(8, 2))
_USUAL = Distortion(rotation=1.1, scale=0.4, shift=1.5)
_MILD = Distortion(rotation=0.75, scale=0.3, shift=1.1)
CANDIDATES = {
    "first": (_FIRST, _USUAL),
    "long": (replace(_FIRST, epochs=24), _USUAL),
    "small-batch": (_SMALL, _USUAL),
    "hard": (_SMALL, Distortion(rotation=1.6, scale=0.5, shift=2.0)),
    "wide": (replace(_SMALL, shape=Shape(16, 1)), _USUAL),
    "wide-short": (replace(_SMALL, shape=Shape(16, 1), epochs=6), _USUAL),
    "deep": (_DEEP, _USUAL),
    "deep-mild": (_DEEP, _MILD),
    "deep-mild-slow": (replace(_DEEP, learning_rate=0.04), _MILD),
    "chosen": (replace(_DEEP, learning_rate=0.05, epochs=15), Distortion()),
}


def sample() -> tuple[list[int], list[int]]:
    """Return architectures in random order until they are 96 networks, and these."""
    cells: list[int] = []
    networks: dict[int, None] = {}
    for index in np.random.default_rng(77).permutation(SPACE.size).tolist():
        network = int(SPACE.network_class[index])
        if len(networks) == NETWORKS and network not in networks:
            return cells, sorted(networks)
        networks.setdefault(network)
        cells.append(index)
    raise AssertionError("the space has fewer networks")


def main() -> None:
    """Train one candidate, go on where it stopped, print its row."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("candidate", choices=CANDIDATES)
    parser.add_argument("--out", type=Path, default=Path("choice"))
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    recipe, distortion = CANDIDATES[options.candidate]
    recipe = replace(recipe, name=options.candidate)
    cells, networks = sample()
    plan = Plan(
        partial(digits, distortion), recipe, options.out / options.candidate, tuple(networks),
        seeds=SEEDS, group=48,
    )  # fmt: skip
    tabulate(plan, workers=options.workers)
    done = read_shards(plan.folders, Identity.of(SPACE.name, plan.data(), recipe, plan.precision))
    final = {
        key: float(value)
        for key, value in zip(
            zip(done.cell.tolist(), done.seed.tolist(), strict=True),
            done.curves["validation_accuracy"][:, -1],
            strict=True,
        )
    }
    own = SPACE.network_class[cells].tolist()
    accuracy = np.array([[final[network, seed] for seed in SEEDS] for network in own])
    mean = accuracy.mean(axis=1)
    half = mean > np.median(mean)
    official = np.asarray(load_table("nb201").test.mean("cifar10"))[cells]
    tenth = float(np.percentile(mean, 10))
    row = (
        spearmanr(accuracy[:, 0], accuracy[:, 1]).statistic,
        spearmanr(accuracy[half, 0], accuracy[half, 1]).statistic,
        mean.max() - tenth,
        mean.max(),
        spearmanr(mean, official).statistic,
    )
    texts = [f"{value:.{digits}f}" for value, digits in zip(row, (3, 3, 1, 1, 3), strict=True)]
    print(f"| {options.candidate} | {' | '.join(texts)} |")


if __name__ == "__main__":
    main()

"""Train a sample of the shipped table again, in groups and alone, and compare with it.

    OMP_NUM_THREADS=1 python bench/reproduce_digits.py --cells 50 --seed 0

Initial weights and batches are those of the table's trainings with the same seed, but the groups
are others: sums in another order differ in their last bits, which training makes larger. Prints
the root mean square difference to the table, beside that between the table's own seeds, and writes
every training to --out as it finishes: the same command goes on.
"""

import argparse
import csv
from itertools import combinations
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from nasbench.benchmarks.catalogue import load_table
from nasbench.benchmarks.tables.costs import per_architecture
from nasbench.benchmarks.tables.table import Table
from nasbench.benchmarks.training.digits import digits
from nasbench.benchmarks.training.grouped import grouped
from nasbench.benchmarks.training.recipes import recipe
from nasbench.benchmarks.training.train import Training, single
from nasbench.spaces.base import Architecture
from nasbench.spaces.nb201 import NasBench201

Floats = NDArray[np.float64]
SPACE = NasBench201()


def finals(table: Table, schedule: int, cells: list[int]) -> dict[int, Floats]:
    """Return the table's final validation accuracies of every seed."""
    return {
        seed: np.asarray(
            per_architecture(table.search.accuracy("digits", schedule, schedule, seed), table.rows)
        )[cells]
        for seed in table.search.seeds("digits", schedule)
    }


def rms(one: Floats, other: Floats) -> float:
    """Root mean square difference, in points."""
    return float(np.sqrt(np.mean((one - other) ** 2)))


def main() -> None:
    """Train what is missing, then print the differences."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--table", default="digits")
    parser.add_argument("--recipe", default="digits-15")
    parser.add_argument("--cells", type=int, default=50)
    parser.add_argument("--alone", type=int, default=20, help="of the cells, trained alone too")
    parser.add_argument("--group", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0, help="training seed")
    parser.add_argument("--sample", type=int, default=0, help="seed of the sample of cells")
    parser.add_argument("--out", type=Path, default=Path("reproduced.csv"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    table, plan, data = load_table(options.table), recipe(options.recipe), digits()
    generator = np.random.default_rng(options.sample)
    networks = np.unique(SPACE.network_class)
    cells = [int(i) for i in generator.choice(networks, options.cells, replace=False)]
    done: dict[tuple[str, int], float] = {}
    if options.out.exists():
        with options.out.open(newline="") as file:
            done = {(kind, int(cell)): float(value) for kind, cell, value in csv.reader(file)}

    def train(kind: str, some: list[int]) -> None:
        if all((kind, cell) in done for cell in some):
            return
        architectures: list[Architecture] = [SPACE.architecture(cell) for cell in some]
        training: Training = (
            single(SPACE, architectures[0], options.seed, data, plan)
            if kind == "alone"
            else grouped(SPACE, architectures, options.seed, data, plan)
        )
        training.run()
        with options.out.open("a", newline="") as file:
            for cell, curve in zip(some, training.curves["validation_accuracy"], strict=True):
                done[kind, cell] = float(curve[-1])
                csv.writer(file).writerow([kind, cell, done[kind, cell]])

    for start in range(0, len(cells), options.group):
        train("grouped", cells[start : start + options.group])
    for cell in cells[: options.alone]:
        train("alone", [cell])
    known = finals(table, plan.epochs, cells)
    print("root mean square differences in points")
    for kind in ("grouped", "alone"):
        values = np.array([done[kind, cell] for cell in cells if (kind, cell) in done])
        truth = known[options.seed][: len(values)]
        print(
            f"{kind} against the table, seed {options.seed}, {len(values)} networks: "
            f"{rms(values, truth):.2f}"
        )
    both = [cell for cell in cells if ("alone", cell) in done]
    one, other = (np.array([done[kind, cell] for cell in both]) for kind in ("grouped", "alone"))
    print(f"grouped against alone, {len(both)} networks: {rms(one, other):.2f}")
    for first, second in combinations(known, 2):
        print(f"the table's seeds {first} and {second}: {rms(known[first], known[second]):.2f}")


if __name__ == "__main__":
    main()

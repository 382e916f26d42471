"""What torch's initialisation changes against He normal's, in trainings on equal batches of digits.

    python bench/initialisation.py --cells 12 --epochs 2

Trains random cells from scratch, each with both values of `Initialisation`, all else being equal
(recipe digits-15 with so many epochs, its cosine per step, seed 0), and prints the mean difference
of validation accuracies in points with its standard error.
"""

import argparse
import statistics
from dataclasses import asdict

import torch

from nasbench.benchmarks.training.data import Part
from nasbench.benchmarks.training.digits import digits
from nasbench.benchmarks.training.recipes import AuthorsRecipe, recipe
from nasbench.benchmarks.training.train import single
from nasbench.randomness import Random
from nasbench.spaces.nb201 import NasBench201
from nasbench.spaces.networks.base import Initialisation


def main() -> None:
    """Print one line per cell and the mean."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", type=int, default=12)
    parser.add_argument("--epochs", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(1)
    space, data, random = NasBench201(), digits(), Random(201)
    values = {**asdict(recipe("digits-15")), "name": "bench", "epochs": options.epochs}
    values["shape"] = recipe("digits-15").shape
    differences = []
    for _ in range(options.cells):
        cell, accuracy = space.sample(random), {}
        for start in Initialisation:
            plan = AuthorsRecipe(**values, initialisation=start.value, cosine_per="step")
            training = single(space, cell, 0, data, plan)
            for _ in range(options.epochs):
                training.train_epoch()
            training.evaluate(Part.VALIDATION)
            accuracy[start] = float(training.curves["validation_accuracy"][0, -1])
        differences.append(accuracy[Initialisation.TORCH] - accuracy[Initialisation.HE])
        print(f"{space.format(cell)}: {differences[-1]:+.1f}", flush=True)
    error = statistics.stdev(differences) / len(differences) ** 0.5
    steps = data.steps(values["batch"]) * options.epochs
    print(f"torch's less He normal's after {steps} steps, {len(differences)} cells: "
          f"{statistics.mean(differences):+.1f} +- {error:.1f} points")  # fmt: skip


if __name__ == "__main__":
    main()

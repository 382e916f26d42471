"""Two laws of mutation on NAS-Bench-101: vertices that lead nowhere drawn anew, or inherited.

    NASBENCH_UPSTREAM=… python bench/nb101_mutation.py [--runs 2000]

The authors' example of evolution keeps the whole matrix of 7 vertices of a parent, with those that
are pruned; the space of nasbench draws these anew for each mutation, as architectures are cells.
This replays the authors' example (population P, tournament S, the oldest dies) by both laws,
with real mean test values and validation values that are made up of them with noise.
"""

import argparse
import os
from collections import deque
from pathlib import Path

import numpy as np

from nasbench.benchmarks.sources.nb101_files import FILES
from nasbench.benchmarks.sources.nb101_readers import read_test
from nasbench.randomness import Random
from nasbench.spaces.nb101 import NasBench101
from nasbench.spaces.nb101_cells import CellIndex
from nasbench.spaces.nb101_codes import LABELS, bit, labels_of, slots
from nasbench.spaces.nb101_drawing import cell_of, draw, mutated

VERTICES, INNER = 7, 5
EVALUATIONS = 150
NOISE = 0.15
"""Standard deviation of made-up validation around test, in points."""
Raw = tuple[int, tuple[int, ...]]


def raw(random: Random) -> Raw:
    """Draw a matrix and labels, not pruned, that are a cell."""
    while True:
        matrix, labels = random.integers((1 << 21, LABELS**INNER))
        if cell_of(matrix, labels_of(INNER)[labels], VERTICES) is not None:
            return matrix, labels_of(INNER)[labels]


def inherited(parent: Raw, random: Random) -> Raw:
    """Change a matrix and labels as the authors' example does, which may return the same cell."""
    while True:
        matrix, labels = parent
        for place in slots(VERTICES):
            if random.uniform() < 1 / VERTICES:
                matrix ^= bit(*place)
        labels = tuple(
            (label + 1 + random.integer(LABELS - 1)) % LABELS
            if random.uniform() < 1 / INNER
            else label
            for label in labels
        )
        if cell_of(matrix, labels, VERTICES) is not None:
            return matrix, labels


def main() -> None:
    """Print mean test error after 150 evaluations of both laws."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=2000)
    runs = parser.parse_args().runs
    test = 100 * read_test(Path(os.environ["NASBENCH_UPSTREAM"]) / FILES["nb101-test"][0].place)
    valid = test + np.random.default_rng(0).normal(0, NOISE, len(test))
    index = CellIndex(NasBench101().codes)

    def inherits(random: Random, parent: Raw | None) -> tuple[Raw, int]:
        found = raw(random) if parent is None else inherited(parent, random)
        cell = cell_of(*found, VERTICES)
        assert cell is not None  # noqa: S101
        return found, index[cell]

    def anew(random: Random, parent: int | None) -> tuple[int, int]:
        cell = draw(VERTICES, random) if parent is None else mutated(parent, VERTICES, random)
        return cell, index[cell]

    for size, tournament in ((50, 10), (30, 10), (10, 3)):
        for name, change in (("inherited", inherits), ("drawn anew", anew)):
            errors = []
            for seed in range(runs):
                random = Random((seed, size))
                alive: deque[tuple[object, float]] = deque(maxlen=size)
                best = (-1.0, 0)
                for step in range(EVALUATIONS):
                    parent = None
                    if step >= size:
                        parent = max(random.choices(alive, tournament), key=lambda one: one[1])[0]
                    found, place = change(random, parent)
                    alive.append((found, valid[place]))
                    best = max(best, (valid[place], place))
                errors.append(100 - test[best[1]])
            spread = np.std(errors) / np.sqrt(runs)
            print(f"P {size} S {tournament}  {name:<11} {np.mean(errors):.3f} ± {spread:.3f}")


if __name__ == "__main__":
    main()

"""Differential evolution of vectors of numbers from 0 to 1: rand/1 mutation, binomial crossover."""

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
"""One number from 0 to 1 for each decision, shape (decisions,)."""
PARENTS = 3
"""How many parents a mutation has."""


def choices_of(vector: Vector, sizes: NDArray[np.int64]) -> tuple[int, ...]:
    """Return the choice of each decision: of c choices, each has 1/c of the numbers from 0 to 1."""
    found: list[int] = np.minimum((vector * sizes).astype(np.int64), sizes - 1).tolist()
    return tuple(found)


def mutated(parents: NDArray[np.float64], factor: float) -> Vector:
    """Return the mutant r1 + factor * (r2 - r3) of three parents, shape (3, decisions)."""
    mutant: Vector = parents[0] + factor * (parents[1] - parents[2])
    return mutant


def crossed(
    target: Vector, mutant: Vector, probability: float, generator: np.random.Generator
) -> Vector:
    """Take each number from the mutant with a probability, else from the target; one at least."""
    taken = generator.random(len(target)) < probability
    if not taken.any() and len(target):
        taken[generator.integers(len(target))] = True
    return np.where(taken, mutant, target)


def repaired(vector: Vector, generator: np.random.Generator) -> Vector:
    """Return a vector whose numbers outside 0 to 1 are replaced by uniform ones."""
    outside = (vector < 0) | (vector > 1)
    return np.where(outside, generator.random(len(vector)), vector)


def drawn_from(
    pool: NDArray[np.float64], others: NDArray[np.float64], generator: np.random.Generator
) -> NDArray[np.float64]:
    """Draw three parents of a pool without replacement, shape (3, decisions).

    A pool of fewer is first filled up from `others`, all vectors that there are.
    """
    missing = PARENTS - len(pool)
    if missing > 0:
        pool = np.concatenate([pool, others[generator.permutation(len(others))[:missing]]])
    return pool[generator.permutation(len(pool))[:PARENTS]]

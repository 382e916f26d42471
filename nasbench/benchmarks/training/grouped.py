"""Train many cells at once, each as if it were alone.

All networks of a group have one seed and therefore see the same batches. Their initial
weights come from streams of their own, so it does not matter which cells share a group.
"""

from collections.abc import Sequence

from nasbench.benchmarks.training.data import DataSet
from nasbench.benchmarks.training.recipes import Recipe
from nasbench.benchmarks.training.train import Training, initial_network
from nasbench.spaces.base import Architecture
from nasbench.spaces.nb201 import NasBench201
from nasbench.spaces.networks.nb201 import simplify
from nasbench.spaces.networks.nb201_grouped import GroupedNetwork


def grouped(
    space: NasBench201,
    cells: Sequence[Architecture],
    seed: int,
    data: DataSet,
    recipe: Recipe,
    *,
    device: str = "cpu",
    precision: str = "float32",
) -> Training:
    """The training of several cells with one seed; row i of its curves is cell i.

    Fast where neighbours in `cells` have equal operations on many edges: see `arrange`.
    """
    networks = [initial_network(space, cell, seed, data, recipe) for cell in cells]
    return Training(
        GroupedNetwork(networks),
        [space.format(cell) for cell in cells],
        seed,
        data,
        recipe,
        device=device,
        precision=precision,
    )


def arrange(
    space: NasBench201, cells: Sequence[Architecture], group: int
) -> list[list[Architecture]]:
    """Cut cells into groups of at most `group` whose members are as alike as sorting makes them.

    Sorted by operations, a group agrees on its first edges, where it needs no gathering at
    all, and equal operations on later edges are neighbours: slices instead of gathers.
    """

    def operations(cell: Architecture) -> Architecture:
        return simplify(space.architecture(int(space.network_class[space.index(cell)])))

    ordered = sorted(cells, key=operations)
    return [ordered[start : start + group] for start in range(0, len(ordered), group)]

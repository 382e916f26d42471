"""Train many architectures at once, each as if it were alone.

All networks of a group have one seed and therefore see the same batches. Their initial
weights come from streams of their own, so it does not matter which share a group.
"""

from collections.abc import Sequence

from nasbench.benchmarks.training.data import DataSet
from nasbench.benchmarks.training.recipes import Recipe
from nasbench.benchmarks.training.train import Training, initial_network
from nasbench.spaces.base import Architecture, Space
from nasbench.spaces.networks.base import networks_of


def grouped(
    space: Space,
    architectures: Sequence[Architecture],
    seed: int,
    data: DataSet,
    recipe: Recipe,
    *,
    device: str = "cpu",
    precision: str = "float32",
) -> Training:
    """The training of several architectures with one seed; row i of its curves is the i-th.

    Fast where neighbours are alike: see `Networks.arranged`.
    """
    networks = [initial_network(space, one, seed, data, recipe) for one in architectures]
    return Training(
        networks_of(space).side_by_side(networks),
        [space.format(one) for one in architectures],
        seed,
        data,
        recipe,
        device=device,
        precision=precision,
    )

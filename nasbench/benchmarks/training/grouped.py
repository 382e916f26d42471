"""Training many architectures at once, with the same result as training each one alone.

All networks of a group have the same training seed and therefore see the same batches. The initial
weights of each come from a separate random stream, so they do not depend on the group.
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
    """Return the training of several architectures with one seed, before its first epoch.

    Row i of its curves is that of architecture i. It is fast if neighbouring architectures are
    similar: see `Networks.arranged`.
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

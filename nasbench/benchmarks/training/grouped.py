"""Training many architectures at once, with the same result as training each one alone.

All networks of a group have the same training seed and therefore see the same batches. The initial
weights of each come from a separate random stream, so they do not depend on the group.
"""

from collections.abc import Sequence

import torch
from torch import nn

from nasbench.benchmarks.training.data import DataSet
from nasbench.benchmarks.training.recipes import Recipe
from nasbench.benchmarks.training.step import Graph
from nasbench.benchmarks.training.train import Training, initial_network, recorded_steps
from nasbench.errors import InvalidInput
from nasbench.spaces.base import Architecture, Space
from nasbench.spaces.networks.base import networks_of

LAYOUTS = ("channels", "products")
"""How a group is computed: by grouped convolutions, or by batched matrix products.

The results are equal except for rounding. See `Networks.side_by_side` and `as_products`.
"""


def layout_for(device: str, layout: str | None = None) -> str:
    """Return `layout`, or the one that is fast on a device: `products` on a GPU, else `channels`.

    Raises `InvalidInput` for a layout that does not exist.
    """
    if layout is None:
        return "products" if torch.device(device).type == "cuda" else "channels"
    if layout not in LAYOUTS:
        raise InvalidInput(f"layout '{layout}' is unknown: use one of {', '.join(LAYOUTS)}")
    return layout


def group_network(
    space: Space,
    architectures: Sequence[Architecture],
    seed: int,
    data: DataSet,
    recipe: Recipe,
    layout: str,
) -> nn.Module:
    """Return the networks of several architectures as one module, on the CPU and untrained."""
    initial = [initial_network(space, one, seed, data, recipe) for one in architectures]
    networks = networks_of(space)
    return (networks.as_products if layout == "products" else networks.side_by_side)(initial)


def grouped(
    space: Space,
    architectures: Sequence[Architecture],
    seed: int,
    data: DataSet,
    recipe: Recipe,
    *,
    device: str = "cpu",
    precision: str = "float32",
    layout: str | None = None,
    fused: bool | None = None,
    graph: Graph | None = None,
    network: nn.Module | None = None,
) -> Training:
    """Return the training of several architectures with one seed, before its first epoch.

    Row i of its curves is that of architecture i. It is fast if neighbouring architectures are
    similar: see `Networks.arranged`. `layout` is one of `LAYOUTS`, by default that of `layout_for`;
    for `fused` and `graph` see `Training`. `network` is what `group_network` returns for the same
    arguments, if it has been called already.
    """
    layout = layout_for(device, layout)
    return Training(
        network or group_network(space, architectures, seed, data, recipe, layout),
        [space.format(one) for one in architectures],
        seed,
        data,
        recipe,
        device=device,
        precision=precision,
        fused=fused,
        graph=graph or recorded_steps(space, device),
    )

"""A space of another kind than ours, with networks: three layers, each with choices of its own."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from nasbench.spaces.base import Architecture
from nasbench.spaces.categorical import CategoricalSpace, Decision
from nasbench.spaces.inputs import Input
from nasbench.spaces.mix import Mix
from nasbench.spaces.networks.base import (
    Initialisation,
    Networks,
    Shape,
    Supernet,
    initialise,
)
from nasbench.spaces.networks.lookup import Lookup
from nasbench.spaces.registry import register_space

LAYERS = (("skip", "conv1", "conv3"), ("conv1", "conv3"), ("pool", "skip", "conv1", "conv3"))


@register_space("chain")
class Chain(CategoricalSpace):
    """3 x 2 x 4 = 24 chains of three layers."""

    networks = "tests.spaces.networks.chain:ChainNetworks"

    def __init__(self) -> None:
        decisions = (Decision(f"layer {i}", choices) for i, choices in enumerate(LAYERS))
        super().__init__("chain", tuple(decisions))


def operation(name: str, channels: int, shape: Shape) -> nn.Module:
    if name == "skip":
        return nn.Identity()
    if name == "pool":
        return nn.AvgPool2d(3, 1, 1)
    kernel = int(name[-1])
    norm = {"affine": shape.affine, "track_running_stats": shape.track_running_stats}
    return nn.Sequential(
        nn.Conv2d(channels, channels, kernel, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(channels, **norm), nn.ReLU(),
    )  # fmt: skip


class Whole(Supernet):
    """Every choice of every layer; a single network is one with single choices."""

    def __init__(self, data: Input, shape: Shape, chosen: Sequence[Sequence[int]]) -> None:
        super().__init__()
        self.data, self.shape = data, shape
        self.stem = nn.Conv2d(data.channels, shape.channels, 3, padding=1, bias=False)
        self.layers = nn.ModuleList(
            nn.ModuleDict({str(c): operation(choices[c], shape.channels, shape) for c in computed})
            for choices, computed in zip(LAYERS, chosen, strict=True)
        )
        self.classifier = nn.Linear(shape.channels, data.classes)

    def forward(self, images: Tensor, mix: Mix) -> Tensor:
        x = self.stem(images)
        for layer, (modules, active) in enumerate(zip(self.layers, mix.active, strict=True)):
            parts = [modules[str(choice)](x) for choice in active]
            if mix.weights is not None:
                parts = [
                    mix.weights[layer, choice] * part
                    for choice, part in zip(active, parts, strict=True)
                ]
            x = sum(parts[1:], parts[0])
        logits: Tensor = self.classifier(x.mean(dim=(2, 3)))
        return logits

    def inherit(self, architecture: Architecture) -> nn.Module:
        one = One(self.data, self.shape, architecture)
        theirs = self.state_dict()
        one.load_state_dict({name: theirs[name] for name in one.state_dict()})
        return one


class One(Whole):
    """The network of one chain."""

    def __init__(self, data: Input, shape: Shape, architecture: Architecture) -> None:
        super().__init__(data, shape, [(choice,) for choice in architecture])
        self.mix = Mix.only(architecture)

    def forward(self, images: Tensor, mix: Mix | None = None) -> Tensor:
        return super().forward(images, self.mix)


class ChainNetworks(Networks):
    """Networks of chains."""

    def build(
        self,
        architecture: Architecture,
        data: Input,
        shape: Shape,
        *,
        generator: torch.Generator,
        initialisation: Initialisation = Initialisation.HE,
    ) -> nn.Module:
        return drawn(lambda: One(data, shape, architecture), generator, initialisation)

    def supernet(
        self,
        data: Input,
        shape: Shape,
        *,
        generator: torch.Generator,
        precision: torch.dtype | None = None,
        initialisation: Initialisation = Initialisation.HE,
        around: Shape | None = None,
    ) -> Supernet:
        every = [range(len(choices)) for choices in LAYERS]
        made: Any = drawn(lambda: Whole(data, shape, every), generator, initialisation)
        return made

    def multiply_adds(self, data: Input, shape: Shape) -> Lookup:
        """Of layers: an image has side^2 places, each a matrix of channels by channels."""
        import numpy as np

        each = data.side**2 * shape.channels**2 / 1e6
        costs = {"skip": 0.0, "pool": 0.0, "conv1": each, "conv3": 9 * each}
        table = np.zeros((3, 4))
        for layer, choices in enumerate(LAYERS):
            table[layer, : len(choices)] = [costs[choice] for choice in choices]
        return Lookup(table, 0.0, "million multiply-adds")


def drawn(
    make: Callable[[], nn.Module], generator: torch.Generator, initialisation: Initialisation
) -> nn.Module:
    with torch.device("meta"):
        network = make()
    network.to_empty(device="cpu")
    initialise(network, generator, initialisation)
    return network

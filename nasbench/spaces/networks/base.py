"""What torch builds of a space: one network, several side by side, the supernet of all.

Training and lending supernets know these classes only. A space names its own networks
(`Space.networks`), so that a space of another package is trained like one of ours.
"""

import enum
import hashlib
import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property, lru_cache
from typing import Any, NamedTuple, NoReturn

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from nasbench.errors import InvalidInput
from nasbench.extensions import imported
from nasbench.spaces.base import Architecture, EnumerableSpace, Space
from nasbench.spaces.inputs import Input
from nasbench.spaces.mix import Mix
from nasbench.spaces.networks.lookup import Lookup


class Initialisation(enum.Enum):
    """How weights are drawn before a training; batch norm starts at scale 1 and shift 0.

    `HE`: convolutions normal with variance 2 / fan-in (He et al. 2015), the linear layer uniform
    within 1 / sqrt(fan-in) and its bias 0. `TORCH`: all uniform within 1 / sqrt(fan-in), the bias
    too: what torch's modules do by themselves, and with them the authors' code of NAS-Bench-201
    (AutoDL-Projects). A convolution's spread is sqrt(6), 2.4 times, larger with `HE`.
    """

    HE = "he"
    TORCH = "torch"


class Shape(NamedTuple):
    """Size of a network: channels C of the first stage, cells N per stage, batch norm options.

    What the two numbers mean is for the space's networks to say. The published networks of
    NAS-Bench-201 are `Shape(16, 5)`.
    """

    channels: int = 16
    cells: int = 5
    affine: bool = True
    track_running_stats: bool = True


class Supernet(nn.Module, ABC):
    """All networks of a space in one, with shared weights."""

    @abstractmethod
    def forward(self, images: Tensor, mix: Mix) -> Tensor:
        """Images (B, channels, side, side) -> logits (B, classes) of what `mix` describes."""

    def inherit(self, architecture: Architecture) -> nn.Module:
        """Return the network of one architecture with the weights and statistics it has here.

        Needed only where batch norm's statistics are estimated anew for ranking.
        """
        raise InvalidInput(
            "this space's supernet cannot give one network its weights: leave "
            "statistics=re-estimated away"
        )

    def computing(self) -> AbstractContextManager[None]:
        """Return a context in which torch computes in this supernet's precision."""
        return nullcontext()


class Networks(ABC):
    """What torch builds of one space.

    A subclass must say how one network is built. Training needs no more; a one-shot search needs
    `supernet` too. The rest is there for speed, or for spaces in which different architectures are
    the same network.
    """

    def __init__(self, space: Space) -> None:
        """Build networks of `space`."""
        self.space = space

    @abstractmethod
    def build(
        self,
        architecture: Architecture,
        data: Input,
        shape: Shape,
        *,
        generator: torch.Generator,
        initialisation: Initialisation = Initialisation.HE,
    ) -> nn.Module:
        """Return a network as it is trained.

        It maps images (B, channels, side, side) to logits (B, classes). It is built on the CPU, and
        every random number comes from `generator`: see `initialise`.
        """

    def build_literal(
        self, architecture: Architecture, data: Input, shape: Shape, *, generator: torch.Generator
    ) -> nn.Module:
        """Return a network with all operations that the architecture names, even useless ones.

        What a network costs is measured on this.
        """
        return self.build(architecture, data, shape, generator=generator)

    def trained_as(self, architecture: Architecture) -> Architecture:
        """Return the architecture that is trained in place of all that are the same network."""
        return architecture

    def number(self, architecture: Architecture) -> int:
        """Return a whole number of 0 or more that initial weights are drawn by.

        Equal for architectures that are the same network.
        """
        chosen = self.trained_as(architecture)
        if isinstance(self.space, EnumerableSpace):
            return self.space.index(chosen)
        digest = hashlib.sha256(self.space.format(chosen).encode()).digest()
        return int.from_bytes(digest[:8], "big") >> 1

    @cached_property
    def classes(self) -> NDArray[np.integer[Any]]:
        """For every architecture of an enumerable space the index of what is trained for it."""
        space = self.space
        if not isinstance(space, EnumerableSpace):
            raise InvalidInput(
                f"space '{space.name}' does not number its architectures: they cannot be tabulated"
            )
        trained = (space.index(self.trained_as(one)) for one in space.architectures)
        return np.fromiter(trained, dtype=np.int64, count=space.size)

    def side_by_side(self, networks: Sequence[nn.Module]) -> nn.Module:
        """Return G networks as one: images -> logits (G, B, classes), nothing mixed.

        By default one is computed after the other; a space may do better.
        """
        return _Several(networks)

    def arranged(
        self, architectures: Sequence[Architecture], group: int
    ) -> list[list[Architecture]]:
        """Cut architectures into groups of at most `group` that train fast side by side."""
        ordered = sorted(architectures, key=self.sorted_by)
        return [ordered[start : start + group] for start in range(0, len(ordered), group)]

    def sorted_by(self, architecture: Architecture) -> Any:
        """Return what puts alike architectures next to each other when they are sorted by it."""
        return self.space.format(self.trained_as(architecture))

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
        """Return all networks in one, built on the CPU with every weight from `generator`.

        `precision` is what is computed in (autocast) where that is not the type of the weights,
        `around` the shape of what all architectures share, where its batch norm is another.
        Raises `InvalidInput` where the space has none.
        """
        self._none("a supernet", "use a strategy that evaluates architectures")

    def multiply_adds(self, data: Input, shape: Shape) -> Lookup:
        """Return millions of multiply-adds of every choice of every decision.

        Raises `InvalidInput` where that is not known.
        """
        self._none("multiply-adds of its operations", "name another cost")

    def sizes(self, data: Input, shape: Shape) -> dict[str, NDArray[np.int64]]:
        """Return `params` and, where they are known, `flops` (multiply-adds), shape (size,).

        Of the literal networks of an enumerable space. By default the weights of each are counted.
        """
        space = self.space
        assert isinstance(space, EnumerableSpace)  # noqa: S101  # else there is nothing to number
        generator = torch.Generator()
        counts = (
            sum(
                weight.numel()
                for weight in self.build_literal(one, data, shape, generator=generator).parameters()
            )
            for one in space.architectures
        )
        return {"params": np.fromiter(counts, dtype=np.int64, count=space.size)}

    def cost_features(self) -> NDArray[np.float64]:
        """Return what an additive model of a network's costs adds up, shape (size, features).

        By default a constant and the space's one-hot encoding.
        """
        space = self.space
        assert isinstance(space, EnumerableSpace)  # noqa: S101
        one_hot = space.encodings()["one-hot"](space.architectures)
        return np.hstack([np.ones((space.size, 1)), one_hot]).astype(np.float64)

    def _none(self, what: str, advice: str) -> NoReturn:
        raise InvalidInput(f"space '{self.space.name}' has no {what}: {advice}")


class _Several(nn.Module):
    """Networks computed one after the other: images -> logits (G, B, classes)."""

    def __init__(self, networks: Sequence[nn.Module]) -> None:
        super().__init__()
        self.networks = nn.ModuleList(networks)

    def forward(self, images: Tensor) -> Tensor:
        return torch.stack([network(images) for network in self.networks])


@lru_cache(maxsize=8)
def networks_of(space: Space) -> Networks:
    """Return what torch builds of a space; `InvalidInput` where the space names no networks."""
    if not space.networks:
        raise InvalidInput(
            f"space '{space.name}' has no networks to train: search it on a table, or give the "
            "space networks (docs/space.md)"
        )
    found = imported("networks of space", space.name, space.networks)
    if not (isinstance(found, type) and issubclass(found, Networks)):
        raise InvalidInput(
            f"networks of space '{space.name}': '{space.networks}' is no subclass of "
            "nasbench.spaces.networks.base.Networks"
        )
    return found(space)


def initialise(
    network: nn.Module,
    generator: torch.Generator,
    initialisation: Initialisation = Initialisation.HE,
) -> None:
    """Draw every weight anew, in the order of the modules; see `Initialisation`."""
    he = initialisation is Initialisation.HE
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            if he:
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu", generator=generator)
            else:
                nn.init.kaiming_uniform_(module.weight, math.sqrt(5), generator=generator)
        elif isinstance(module, nn.Linear):
            bound = module.in_features**-0.5
            nn.init.uniform_(module.weight, -bound, bound, generator=generator)
            if he:
                nn.init.zeros_(module.bias)
            else:
                nn.init.uniform_(module.bias, -bound, bound, generator=generator)
        elif isinstance(module, nn.BatchNorm2d):
            module.reset_parameters()

"""Base classes for the torch networks of a space: one network, several at once, the supernet.

The code that trains networks and supernets uses only these classes. A space names its subclass of
`Networks` (`Space.networks`), so a space of another package is trained like nasbench's own.
"""

import enum
import hashlib
import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property, lru_cache
from typing import Any, ClassVar, NamedTuple, NoReturn

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from nasbench.errors import InvalidInput
from nasbench.extensions import imported
from nasbench.spaces.base import Architecture, EnumerableSpace, Space
from nasbench.spaces.categorical import CategoricalSpace
from nasbench.spaces.inputs import Input
from nasbench.spaces.mix import Mix
from nasbench.spaces.networks.lookup import Lookup
from nasbench.spaces.networks.timing import Timing, one_change_each


class Initialisation(enum.Enum):
    """How weights are drawn before a training; batch norm starts at scale 1 and shift 0.

    `HE`: convolutions are normal with variance 2 / fan-in (He et al. 2015); the linear layer is
    uniform within +-1 / sqrt(fan-in), and its bias is 0. `TORCH`: all weights and the bias are
    uniform within +-1 / sqrt(fan-in). This is the default of torch's modules, and therefore also of
    the authors' code of NAS-Bench-201 (AutoDL-Projects). With `HE` the standard deviation of a
    convolution's weights is sqrt(6), 2.4 times, larger.
    """

    HE = "he"
    TORCH = "torch"


class Shape(NamedTuple):
    """Size of a network: channels C of the first stage, cells N per stage, batch norm options.

    Each subclass of `Networks` defines the exact meaning of the two numbers. The published networks
    of NAS-Bench-201 are `Shape(16, 5)`.
    """

    channels: int = 16
    cells: int = 5
    affine: bool = True
    track_running_stats: bool = True


class Supernet(nn.Module, ABC):
    """All networks of a space in one module, with shared weights."""

    @abstractmethod
    def forward(self, images: Tensor, mix: Mix) -> Tensor:
        """Images (B, channels, side, side) -> logits (B, classes) of what `mix` describes."""

    def inherit(self, architecture: Architecture) -> nn.Module:
        """Return the network of one architecture with a copy of the supernet's weights.

        The copy includes batch norm's statistics. This is needed only if these are re-estimated for
        ranking. Raises `InvalidInput` unless a subclass defines it.
        """
        raise InvalidInput(
            "this space's supernet cannot give one network its weights: leave "
            "statistics=re-estimated away"
        )

    def computing(self) -> AbstractContextManager[None]:
        """Return a context in which torch computes in this supernet's precision."""
        return nullcontext()


class Networks(ABC):
    """The torch networks of one space.

    A subclass must define `build`, which is all that training needs; a one-shot search also needs
    `supernet`. The other methods serve speed and costs, or spaces in which different architectures
    are the same network.
    """

    recordable: ClassVar[bool] = False
    """Whether passes of one network and one batch size always launch the same operations, so that
    a CUDA graph may repeat them. They do not if a pass reads numbers of a tensor, or draws random
    numbers by anything but torch."""

    def __init__(self, space: Space) -> None:
        """Keep the space whose networks are built."""
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
        """Return the network of an architecture in the form in which it is trained.

        It maps images (B, channels, side, side) to logits (B, classes). It must be built on the
        CPU, with every random number from `generator`: see `initialise`.
        """

    def build_literal(
        self, architecture: Architecture, data: Input, shape: Shape, *, generator: torch.Generator
    ) -> nn.Module:
        """Return the network with all operations of an architecture, even those without effect.

        The costs of a network are measured in this form. By default it is that of `build`.
        """
        return self.build(architecture, data, shape, generator=generator)

    def trained_as(self, architecture: Architecture) -> Architecture:
        """Return the architecture that is trained in place of all that are the same network.

        By default this is the architecture itself.
        """
        return architecture

    def number(self, architecture: Architecture) -> int:
        """Return a non-negative integer from which the initial weights are seeded.

        It is equal for architectures that are the same network.
        """
        chosen = self.trained_as(architecture)
        if isinstance(self.space, EnumerableSpace):
            return self.space.index(chosen)
        digest = hashlib.sha256(self.space.format(chosen).encode()).digest()
        return int.from_bytes(digest[:8], "big") >> 1

    @cached_property
    def classes(self) -> NDArray[np.integer[Any]]:
        """For every architecture, the index of the one that is trained in its place, shape (size,).

        Raises `InvalidInput` if the space is not enumerable.
        """
        space = self.space
        if not isinstance(space, EnumerableSpace):
            raise InvalidInput(
                f"space '{space.name}' does not number its architectures: they cannot be tabulated"
            )
        trained = (space.index(self.trained_as(one)) for one in space.architectures)
        return np.fromiter(trained, dtype=np.int64, count=space.size)

    def side_by_side(self, networks: Sequence[nn.Module]) -> nn.Module:
        """Return one module of G independent networks: images -> logits (G, B, classes).

        By default the networks are computed one after the other; a subclass may be faster.
        """
        return _Several(networks)

    def as_products(self, networks: Sequence[nn.Module]) -> nn.Module:
        """Return the module of `side_by_side` in a form that is fast on a GPU.

        That is without grouped convolutions, which a GPU computes group by group. By default it is
        that of `side_by_side`.
        """
        return self.side_by_side(networks)

    def arranged(
        self, architectures: Sequence[Architecture], group: int
    ) -> list[list[Architecture]]:
        """Split architectures into groups of at most `group` that train fast side by side."""
        ordered = sorted(architectures, key=self.sorted_by)
        return [ordered[start : start + group] for start in range(0, len(ordered), group)]

    def sorted_by(self, architecture: Architecture) -> Any:
        """Return a key; sorting by it puts similar architectures next to each other."""
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
        """Return the supernet, built on the CPU with every weight drawn from `generator`.

        `precision` is the type that passes are computed in (autocast); None means the type of the
        weights. `around` is the shape of the layers outside the cells, which all architectures
        share, if their batch norm differs from that of the cells. Raises `InvalidInput` if the
        space has no supernet.
        """
        self._none("a supernet", "use a strategy that evaluates architectures")

    def multiply_adds(self, data: Input, shape: Shape) -> Lookup:
        """Return the lookup table of the choices of every decision, in millions of multiply-adds.

        Raises `InvalidInput` if they are not known.
        """
        self._none("multiply-adds of its operations", "name another cost")

    def timing(self, data: Input, shape: Shape) -> Timing:
        """Return what is timed to know the latency of every operation.

        By default it is whole literal networks that differ in one decision, see `one_change_each`.
        Raises `InvalidInput` if the space is no product of decisions.
        """
        generator = torch.Generator()
        return one_change_each(
            self._decisions(),
            lambda one: self.build_literal(one, data, shape, generator=generator),
            (data.channels, data.side, data.side),
        )

    def timed_names(self) -> list[tuple[str, Sequence[str]]]:
        """Return the names of rows of timed operations, and of the operations of each row.

        By default these are the decisions and their choices.
        """
        return [(one.name, one.choices) for one in self._decisions().decisions]

    def lookup_of(
        self, operations: NDArray[np.float64], frame: float, shape: Shape, unit: str
    ) -> Lookup:
        """Return the lookup table of measured operations; `operations` are those of `timing`.

        By default they are the lookup table already.
        """
        return Lookup(operations, frame, unit)

    def sizes(self, data: Input, shape: Shape) -> dict[str, NDArray[np.int64]]:
        """Return the sizes of all literal networks of an enumerable space, shape (size,) each.

        These are `params` (numbers of weights) and, if they are known, `flops` (multiply-adds). By
        default the weights of each network are counted, and there are no `flops`.
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
        """Return the features of an additive model of a network's costs, shape (size, features).

        By default these are a constant and the one-hot encoding of the space, which is enumerable.
        """
        space = self.space
        assert isinstance(space, EnumerableSpace)  # noqa: S101
        one_hot = space.encodings()["one-hot"](space.architectures)
        return np.hstack([np.ones((space.size, 1)), one_hot]).astype(np.float64)

    def _decisions(self) -> CategoricalSpace:
        if not isinstance(self.space, CategoricalSpace):
            self._none("decisions whose latencies could be added", "use a cost of whole networks")
        return self.space

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
    """Return the `Networks` of a space; raise `InvalidInput` if the space names no such class."""
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
    """Draw all weights of a network in place, in the order of its modules; see `Initialisation`."""
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

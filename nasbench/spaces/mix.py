"""`Mix`: what one pass through a supernet computes, as data. All one-shot methods use it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor

    from nasbench.spaces.categorical import Architecture


class Mix(NamedTuple):
    """Which choices of each decision are computed, and the weight of each.

    `active[decision]` are the choices that are computed: all choices in DARTS and FBNet, one in
    ENAS, GDAS and random sampling, two in ProxylessNAS. The other choices contribute nothing.
    `weights`, shape (decisions, largest number of choices), scales the output of each choice; with
    None, outputs are added without scaling.

    With `constants`, the weight of each choice that is not computed is added as a constant to the
    node to which the choice's output would have been added. If these weights are 0, as in a one-hot
    sample, no output changes, but each weight gets a gradient: the sum of the loss's gradient over
    that node.
    """

    active: tuple[tuple[int, ...], ...]
    weights: "Tensor | None" = None
    constants: bool = False

    @classmethod
    def all_of(cls, sizes: Sequence[int], weights: "Tensor") -> "Mix":
        """Return the mix of all choices, scaled: the continuous relaxation of DARTS, equation 2.

        `sizes` are the numbers of choices of the decisions, as in `CategoricalSpace.sizes`;
        `weights` has shape (decisions, largest number of choices).
        """
        return cls(tuple(tuple(range(size)) for size in sizes), weights)

    @classmethod
    def only(cls, architecture: "Architecture", weights: "Tensor | None" = None) -> "Mix":
        """Return the mix of one choice per decision: an architecture; GDAS gives it `weights`."""
        return cls(tuple((choice,) for choice in architecture), weights)

    def fixed(self) -> "Mix":
        """Return the mix with the same weights, detached so that they get no gradient."""
        return self if self.weights is None else self._replace(weights=self.weights.detach())

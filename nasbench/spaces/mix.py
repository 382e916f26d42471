"""What one pass through a supernet computes, as data: all one-shot methods say it this way."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor

    from nasbench.spaces.categorical import Architecture


class Mix(NamedTuple):
    """Which choices of each decision are computed, and how much each counts.

    `active[decision]` are the choices that are computed; the others count as absent: all of them in
    DARTS and FBNet, one in ENAS, GDAS and random sampling, two in ProxylessNAS. `weights`, shape
    (decisions, choices of the largest), scales what each choice puts out; None adds it as it is.

    With `constants` a weight of a choice that is not computed is added, as the number it is, where
    its choice would have been added. Where these weights are 0, as in a one-hot sample, no output
    changes, but each gets a gradient: the sum of the loss' gradient over that place.
    """

    active: tuple[tuple[int, ...], ...]
    weights: "Tensor | None" = None
    constants: bool = False

    @classmethod
    def all_of(cls, sizes: Sequence[int], weights: "Tensor") -> "Mix":
        """Every choice, scaled: the continuous relaxation of DARTS, equation 2.

        `sizes` are the numbers of choices of the decisions, as in `CategoricalSpace.sizes`.
        """
        return cls(tuple(tuple(range(size)) for size in sizes), weights)

    @classmethod
    def only(cls, architecture: "Architecture", weights: "Tensor | None" = None) -> "Mix":
        """One choice per decision: an architecture or, with weights, GDAS' sampled one."""
        return cls(tuple((choice,) for choice in architecture), weights)

    def fixed(self) -> "Mix":
        """Return it with its weights as they are, without their gradients."""
        return self if self.weights is None else self._replace(weights=self.weights.detach())

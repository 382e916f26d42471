"""Training recipes by name: everything about a training that is not cell, seed or data."""

import math
from dataclasses import dataclass

from nasbench.errors import InvalidInput
from nasbench.spaces.networks.base import Initialisation, Shape


@dataclass(frozen=True)
class Recipe:
    """SGD with Nesterov momentum and a cosine schedule, close to NAS-Bench-201's.

    Weights are drawn as He et al. say (see `Initialisation`), and the learning rate falls from
    `learning_rate` to 0 along half a cosine over all steps of all `epochs`; the code of
    NAS-Bench-201 does both in another way, see `AuthorsRecipe`. Weight decay acts on every
    parameter, batch norm's too. Learning curves are read on the first `curve_images` of a part
    (all of them if None), the last epoch on all.
    """

    name: str
    shape: Shape
    epochs: int
    batch: int
    learning_rate: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 5e-4
    nesterov: bool = True
    curve_images: int | None = None

    def rate(self, progress: float) -> float:
        """Learning rate after a share `progress` (0..1) of all steps (SGDR, eq. 5)."""
        return self.learning_rate * (1 + math.cos(math.pi * progress)) / 2

    @property
    def start(self) -> Initialisation:
        """How the weights are drawn before the first step."""
        return Initialisation.HE


@dataclass(frozen=True)
class AuthorsRecipe(Recipe):
    """A recipe of NAS-Bench-201 as the authors' code trains it (AutoDL-Projects).

    Unlike a `Recipe`, it changes the learning rate once per epoch, not with every step, and draws
    the weights as torch's modules do by themselves. These are fields of a class of their own, so
    that trainings of older recipes keep their names.

    Deviations from the code that remain: the network is simplified (see `Form`): 2,140 of the
    15,625 cells (13.7 %) have a convolution of an empty node, whose batch norm learns a constant in
    the code and is left out here; images are normalised by the mean and deviation of the training
    images, not by the code's constants; which image of a half is in which part is a permutation of
    this project's own; random numbers are others. CIFAR-10 is trained on one half, as in the
    published `cifar10-valid`: the published final accuracies are of training on both.
    """

    initialisation: str = Initialisation.TORCH.value  #: one of the values of `Initialisation`
    cosine_per: str = "epoch"  #: whether the learning rate changes with every `step` or `epoch`

    def rate(self, progress: float) -> float:
        """Learning rate after a share `progress` (0..1) of all steps: that of its epoch's start."""
        if self.cosine_per == "epoch":
            progress = math.floor(progress * self.epochs + _ROUNDING) / self.epochs
        return super().rate(progress)

    @property
    def start(self) -> Initialisation:
        """How the weights are drawn before the first step."""
        return Initialisation(self.initialisation)


_ROUNDING = 1e-9
"""A share of an epoch by which the first step of one may seem to lie in the one before."""
_EARLIER = (
    Recipe("nb201-12", Shape(16, 5), epochs=12, batch=256),
    Recipe("nb201-200", Shape(16, 5), epochs=200, batch=256),
)
"""What these names stood for once: runs that were stored then are replayed with them."""
_ALL = (
    AuthorsRecipe("nb201-12", Shape(16, 5), epochs=12, batch=256),
    AuthorsRecipe("nb201-200", Shape(16, 5), epochs=200, batch=256),
    Recipe("digits-15", Shape(8, 2), epochs=15, batch=16, learning_rate=0.05, curve_images=1100),
)
RECIPES = {recipe.name: recipe for recipe in _ALL}


def recipe(name: str, *, earlier: bool = False) -> Recipe:
    """Return the recipe called `name`, or what was called so earlier if that is another.

    `InvalidInput` lists the names there are.
    """
    if name not in RECIPES:
        raise InvalidInput(f"recipe '{name}' is unknown: use one of {', '.join(RECIPES)}")
    before = {one.name: one for one in _EARLIER} if earlier else {}
    return before.get(name, RECIPES[name])

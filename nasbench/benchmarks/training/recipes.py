"""Training recipes by name: all settings of a training except architecture, seed and data."""

import math
from dataclasses import dataclass

from nasbench.errors import InvalidInput
from nasbench.spaces.networks.base import Initialisation, Shape


@dataclass(frozen=True)
class Recipe:
    """SGD with Nesterov momentum and a cosine schedule, close to NAS-Bench-201's.

    Weights are drawn by the method of He et al. (see `Initialisation`). The learning rate falls
    from `learning_rate` to 0 along half a cosine over all steps of all `epochs`. The code of
    NAS-Bench-201 does both differently, see `AuthorsRecipe`. Weight decay acts on every parameter,
    those of batch norm too. `batch` is the number of images in a training step. Learning curves are
    evaluated on the first `curve_images` images of a part (all of them if None), after the last
    epoch on all.
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
        """Return the learning rate after a share `progress` (0..1) of all steps (SGDR, eq. 5)."""
        return self.learning_rate * (1 + math.cos(math.pi * progress)) / 2

    @property
    def start(self) -> Initialisation:
        """How the weights are drawn before the first step."""
        return Initialisation.HE


@dataclass(frozen=True)
class AuthorsRecipe(Recipe):
    """A recipe of NAS-Bench-201 that trains like the authors' code (AutoDL-Projects).

    Unlike a `Recipe`, it changes the learning rate once per epoch, not with every step, and draws
    the weights by the defaults of torch's modules. The two fields are in a separate class, so that
    trainings of older recipes keep their names.

    Deviations from the code that remain:

    - the network is simplified (see `Form`): 2,140 of the 15,625 cells (13.7 %) have a convolution
      of an empty node, whose batch norm learns a constant in the code and is left out here;
    - images are normalised by the mean and standard deviation of the training images, not by the
      code's constants;
    - images are divided into halves by this project's own permutation;
    - random numbers are different.

    CIFAR-10 is trained on one half, as in the published `cifar10-valid`; the published final
    accuracies are of training on both halves.
    """

    initialisation: str = Initialisation.TORCH.value  #: one of the values of `Initialisation`
    cosine_per: str = "epoch"  #: `epoch` or `step`: when the learning rate changes

    def rate(self, progress: float) -> float:
        """Return the learning rate after a share `progress` (0..1) of all steps.

        With `cosine_per` `epoch`, it is the rate at the start of the current epoch.
        """
        if self.cosine_per == "epoch":
            progress = math.floor(progress * self.epochs + _ROUNDING) / self.epochs
        return super().rate(progress)

    @property
    def start(self) -> Initialisation:
        """How the weights are drawn before the first step."""
        return Initialisation(self.initialisation)


_ROUNDING = 1e-9
"""Share of an epoch, added so that rounding does not put its first step in the previous one."""
_EARLIER = (
    Recipe("nb201-12", Shape(16, 5), epochs=12, batch=256),
    Recipe("nb201-200", Shape(16, 5), epochs=200, batch=256),
)
"""Earlier recipes of these names, with which runs stored at that time are replayed."""
_ALL = (
    AuthorsRecipe("nb201-12", Shape(16, 5), epochs=12, batch=256),
    AuthorsRecipe("nb201-200", Shape(16, 5), epochs=200, batch=256),
    Recipe("digits-15", Shape(8, 2), epochs=15, batch=16, learning_rate=0.05, curve_images=1100),
)
RECIPES = {recipe.name: recipe for recipe in _ALL}


def recipe(name: str, *, earlier: bool = False) -> Recipe:
    """Return the recipe called `name`; with `earlier`, the one that had this name before, if any.

    Raises `InvalidInput`, which lists the names, for an unknown name.
    """
    if name not in RECIPES:
        raise InvalidInput(f"recipe '{name}' is unknown: use one of {', '.join(RECIPES)}")
    before = {one.name: one for one in _EARLIER} if earlier else {}
    return before.get(name, RECIPES[name])

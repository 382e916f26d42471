"""Training recipes by name: everything about a training that is not cell, seed or data."""

import math
from dataclasses import dataclass

from nasbench.errors import InvalidInput
from nasbench.spaces.networks.nb201 import Shape


@dataclass(frozen=True)
class Recipe:
    """SGD with Nesterov momentum and a cosine schedule, as in NAS-Bench-201.

    The learning rate falls from `learning_rate` to 0 along half a cosine over all steps of
    all `epochs`. Weight decay acts on every parameter, batch norm's too. Learning curves are
    read on the first `curve_images` of a part (all of them if None), the last epoch on all.
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


_ALL = (
    Recipe("nb201-12", Shape(16, 5), epochs=12, batch=256),
    Recipe("nb201-200", Shape(16, 5), epochs=200, batch=256),
    Recipe("digits-15", Shape(8, 2), epochs=15, batch=16, learning_rate=0.05, curve_images=1100),
)
RECIPES = {recipe.name: recipe for recipe in _ALL}


def recipe(name: str) -> Recipe:
    """Return the recipe called `name`; `InvalidInput` lists the names there are."""
    if name not in RECIPES:
        raise InvalidInput(f"recipe '{name}' is unknown: use one of {', '.join(RECIPES)}")
    return RECIPES[name]

"""Settings for training shared weights, for all one-shot strategies, and published values."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nasbench.strategies.base import require

NETWORK: Mapping[str, object] = {"channels": 16, "cells": 5}
"""The size of the published networks."""
CODE: Mapping[str, object] = {
    **NETWORK, "learning_rate": 0.025, "cosine_per": "epoch", "initialisation": "torch",
    "idle": "decay", "around": "tracked",
}  # fmt: skip
"""How the code of AutoDL-Projects trains shared weights, as far as it differs from the defaults."""
PAPER: Mapping[str, object] = CODE
"""The weights' settings of the recipe `paper` of methods that NAS-Bench-201 ran.

They are those of the paper's appendix and, where it gives none, those of the authors' code
(AutoDL-Projects, `exps/NAS-Bench-201-algos`). These deviations from the code remain, for all these
methods:

- The code augments (flips and crops) the validation images from which the alphas and ENAS's
  controller learn and on which ENAS's candidates are ranked; here they are not augmented. For the
  alphas, the code draws a random validation image for each training image, with replacement; here
  the validation images are shuffled, each is used once per pass, and every batch is full.
- Images are normalised by the mean and standard deviation of the training half itself, not by the
  constants of the code. This project's own permutation decides which images of CIFAR-10 are in
  which half.
- In cells without an affine batch norm, the convolutions of the code have a bias. The batch norm
  removes it again, so no output depends on it; here there is no bias.
- Weights that have been used once decay from then on (see `idle`). In the code a step of the alphas
  also counts as use; here only steps of the weights do.
- After every epoch, the answer is derived as the code does at the end of a search. What the code
  itself derives after every epoch, and the best of these by validation, is only for its log.
"""
NATS: Mapping[str, object] = {**CODE, "epochs": 100, "clip": 0.0}
"""The weights' settings of the recipe `nats`; NATS-Bench has the same for all methods.

Dong et al., TPAMI 2021, as in the authors' code (AutoDL-Projects, `exps/NATS-algos/search-cell.py`
and `configs/nas-benchmark/algos/weight-sharing.config`): learning rate 0.025, batch 64, gradients
not clipped, and in all methods the step of the weights before that of the alphas. The number of
epochs of the published rows could not be confirmed: the configuration and the code that draws the
curves say 100, and the script that starts all searches (`run-all.sh`) says 200. The recipe has 100;
`--set NAME.epochs=200` gives the other. Deviations are those of `PAPER` (except that this code does
not augment ENAS's images), and the following three. In the code

- the network's last batch norm has no scale and shift and uses the batch's statistics, like the
  batch norm of the cells;
- for `rsps` and `enas`, each step of the weights is followed by a second pass, on validation images
  and without gradients, for the log. It is made in training mode, so it changes the running
  statistics of the stem and the residual blocks, which the ranking uses. Here these statistics
  come from training images only;
- paths can be dropped (`--drop_path_rate`, 0 by default). The command at the head of the file gives
  0.3 for first-order DARTS on CIFAR-100; here no paths are dropped.
"""

_VALID = {
    "cosine_per": ("step", "epoch"),
    "initialisation": ("he", "torch"),
    "idle": ("rest", "decay"),
    "around": ("cells", "tracked"),
    "statistics": ("batch", "running", "re-estimated"),
    "precision": ("float32", "tf32", "bfloat16"),
}


@dataclass(frozen=True)
class WeightSettings:
    """Hyperparameters of the shared weights: those of NAS-Bench-201, adapted to a CPU.

    The supernet is narrow, for few images, and the loss has flattened after about 1,000 steps at
    the default learning rate. The defaults of `cosine_per`, `initialisation`, `idle` and `around`
    are this project's own; the recipes `paper` have those of the authors.

    `idle` says what happens to weights that a batch does not use. With `rest` they do not change.
    With `decay` their gradient is 0, so that weight decay and momentum still change them; before
    torch 2.0 optimisers did this to all weights that have had a gradient once. `around` is the
    batch norm of stem, residual blocks and head: like that of the `cells`, or `tracked`, with
    scale, shift and running statistics, which are then used for ranking.
    """

    epochs: int = 40  #: epochs of training the shared weights
    channels: int = 8  #: channels of the first stage, C
    cells: int = 1  #: cells per stage, N
    batch: int = 64  #: images per step
    learning_rate: float = 0.1  #: learning rate of SGD at the start
    final_learning_rate: float = 0.001  #: learning rate at the end of the cosine
    cosine_per: str = "step"  #: whether the rate changes with every `step` or `epoch`
    restart: int = 0  #: epochs after which the cosine starts again; 0: never
    descent: int = 0  #: epochs in which the cosine falls, then it rises in as many; 0: all epochs
    momentum: float = 0.9  #: Nesterov momentum
    weight_decay: float = 5e-4  #: weight decay of the shared weights
    clip: float = 5.0  #: largest gradient norm of the weights; 0: no limit
    idle: str = "rest"  #: whether weights that a batch does not use `rest` or `decay`
    initialisation: str = "he"  #: how weights are initialised: `he` or `torch`
    affine: bool = False  #: whether batch norm has a scale and a shift
    around: str = "cells"  #: batch norm around the cells: as in the `cells`, or `tracked`
    statistics: str = "batch"  #: batch norm in ranking: `batch`, `running`, `re-estimated`
    precision: str = "float32"  #: type of the supernet's passes: `float32`, `tf32` or `bfloat16`

    def __post_init__(self) -> None:
        """Raise `InvalidInput` for values with which nothing can be trained."""
        for name in ("epochs", "channels", "cells", "batch"):
            require(getattr(self, name) >= 1, name, getattr(self, name), "1 or more")
        rate = self.learning_rate
        require(0 < rate < math.inf, "learning_rate", rate, "above 0")
        for name in ("final_learning_rate", "weight_decay", "clip"):
            require(0 <= getattr(self, name) < math.inf, name, getattr(self, name), "at least 0")
        require(0 <= self.momentum < 1, "momentum", self.momentum, "at least 0 and below 1")
        require(self.restart >= 0, "restart", self.restart, "0 or more")
        single = self.descent == 0 or (self.descent > 0 and self.restart == 0)
        require(single, "descent", self.descent, "0 or more, and 0 beside a restart")
        for name, valid in _VALID.items():
            require(getattr(self, name) in valid, name, getattr(self, name), " or ".join(valid))


def require_ranking(settings: Any, name: str) -> None:
    """Raise `InvalidInput` for settings with which the sampled cells cannot be ranked."""
    for field in ("samples", "ranking_images"):
        value = getattr(settings, field)
        require(value >= 1, f"{name}.{field}", value, "1 or more")
    possible = not settings.own_batches or settings.statistics != "re-estimated"
    rule = "false where batch norm's statistics are re-estimated"
    require(possible, f"{name}.own_batches", settings.own_batches, rule)

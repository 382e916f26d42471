"""Settings of the shared weights that all one-shot strategies have, and the published values."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nasbench.strategies.base import require

NETWORK: Mapping[str, object] = {"channels": 16, "cells": 5}
"""The published network's size."""
CODE: Mapping[str, object] = {
    **NETWORK, "learning_rate": 0.025, "cosine_per": "epoch", "initialisation": "torch",
    "idle": "decay", "around": "tracked",
}  # fmt: skip
"""How AutoDL-Projects' code trains shared weights, where that differs from the defaults."""
PAPER: Mapping[str, object] = CODE
"""The weights' settings of the recipe `paper` of methods that NAS-Bench-201 ran.

They are those of the paper's appendix, and what it does not say is as in the authors' code
(AutoDL-Projects, `exps/NAS-Bench-201-algos`). What differs still, for all these methods:

- The code augments (flips and crops) the validation images that alphas and ENAS' controller learn
  from and that ENAS' candidates are ranked on; here they are as they are. For the alphas it draws
  an image at random beside each training image, with replacement; here they are shuffled, each is
  used once per pass, and a batch is always full.
- Images are normalised by the mean and deviation of the training half itself, not by the code's
  constants, and which image of CIFAR-10 is in which half is a permutation of this project's own.
- In cells without an affine batch norm the code's convolutions have a bias. The batch norm takes it
  away again, so no output depends on it, and here there is none.
- Which weights have been used and therefore decay (see `idle`): in the code a step of the alphas
  counts as use, too, here only steps of the weights do.
- An epoch's derivation is the one the code makes at the end; the code's own after every epoch, and
  the best of these by validation, are for its log only.
"""
NATS: Mapping[str, object] = {**CODE, "epochs": 100, "clip": 0.0}
"""The weights' settings of the recipe `nats`, NATS-Bench's single one for all methods.

Dong et al., TPAMI 2021, as in the authors' code (AutoDL-Projects, `exps/NATS-algos/search-cell.py`
and `configs/nas-benchmark/algos/weight-sharing.config`): learning rate 0.025, batch 64, gradients
not clipped, the weights' step before the alphas' in all methods. How many epochs the published rows
had could not be confirmed: the configuration and the code that draws the curves say 100, the script
that starts all searches (`run-all.sh`) says 200. The recipe has 100; `--set NAME.epochs=200` is the
other. Deviations: those of `PAPER` (ENAS' images are not augmented there), and in the code

- the network's last batch norm is without scale and shift and uses the batch's statistics, like
  those of the cells;
- for `rsps` and `enas` a second pass follows each step of the weights, on validation images and
  without gradients, for the log. It is made in training mode, so it moves the running statistics of
  stem and residual blocks, which the ranking uses. Here they have seen training images only;
- paths are dropped (`--drop_path_rate`, 0 by default). The command at the head of the file for
  DARTS of first order on CIFAR-100 gives 0.3; here none are.
"""

_VALID = {
    "cosine_per": ("step", "epoch"),
    "initialisation": ("he", "torch"),
    "idle": ("rest", "decay"),
    "around": ("cells", "tracked"),
    "statistics": ("batch", "running", "re-estimated"),
    "precision": ("float32", "bfloat16"),
}


@dataclass(frozen=True)
class WeightSettings:
    """Hyperparameters of the shared weights: NAS-Bench-201's, made for a CPU and few images.

    A narrow supernet, and a learning rate at which its loss has flattened after some 1,000 steps.
    The defaults of `cosine_per`, `initialisation`, `idle` and `around` are this project's own; the
    recipes `paper` have the authors'.

    `idle` is what happens to weights that a batch does not use: they `rest`, or they `decay`, that
    is their gradient is 0, so that weight decay and momentum go on acting on them. The latter is
    what optimisers did before torch 2.0, to all weights that have had a gradient once. `around` is
    the batch norm of stem, residual blocks and head: like that of the `cells`, or `tracked`, with
    scale, shift and running statistics, which are then used for ranking.
    """

    epochs: int = 40  #: of shared training
    channels: int = 8  #: C of the first stage
    cells: int = 1  #: N per stage
    batch: int = 64  #: images per step
    learning_rate: float = 0.1  #: of SGD, at the start
    final_learning_rate: float = 0.001  #: at the end of the cosine
    cosine_per: str = "step"  #: whether the rate changes with every `step` or `epoch`
    restart: int = 0  #: epochs after which the cosine starts again; 0: never
    descent: int = 0  #: epochs the cosine falls, to climb again in as many; 0: all epochs
    momentum: float = 0.9  #: Nesterov's
    weight_decay: float = 5e-4  #: of the weights
    clip: float = 5.0  #: largest gradient norm of the weights; 0: any
    idle: str = "rest"  #: weights that a batch does not use `rest` or `decay`
    initialisation: str = "he"  #: of the weights: `he` or `torch`
    affine: bool = False  #: whether batch norm has a scale and a shift
    around: str = "cells"  #: batch norm around the cells: as in the `cells`, or `tracked`
    statistics: str = "batch"  #: of batch norm when ranking: `batch`, `running`, `re-estimated`
    precision: str = "float32"  #: of the supernet's passes: `float32` or `bfloat16`

    def __post_init__(self) -> None:
        """Refuse values with which nothing is trained."""
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
    """Refuse settings with which the cells that a strategy samples cannot be ranked."""
    for field in ("samples", "ranking_images"):
        value = getattr(settings, field)
        require(value >= 1, f"{name}.{field}", value, "1 or more")
    possible = not settings.own_batches or settings.statistics != "re-estimated"
    rule = "false where batch norm's statistics are re-estimated"
    require(possible, f"{name}.own_batches", settings.own_batches, rule)

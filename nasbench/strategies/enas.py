"""ENAS: shared weights and an LSTM controller, trained in turn."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nasbench.randomness import Random
from nasbench.spaces.base import Architecture
from nasbench.strategies.base import require
from nasbench.strategies.parts.one_shot import PAPER, Batch, Loan, OneShot, WeightSettings
from nasbench.strategies.registry import register

if TYPE_CHECKING:
    from torch import Tensor


@register("enas")
class Enas(OneShot):
    """Train the weights on cells the controller samples, then the controller on their accuracy.

    Pham et al., ICML 2018, section 2.2: an epoch of the shared weights, one sampled cell per
    batch, then REINFORCE steps of the controller; the reward is a sampled cell's accuracy on one
    validation batch, with a moving average as baseline and an entropy bonus. The answer is the
    best of a sample from the controller, ranked on validation images with the shared weights.
    Deviations: the controller is the LSTM of `reinforce` (no tanh constant, no temperature, no
    clipped gradient) and takes a step after every sampled cell instead of after twenty; rewards
    are in 0 to 1.
    """

    family = "weight sharing"
    reference = "Pham et al., ICML 2018"

    @dataclass(frozen=True)
    class Settings(WeightSettings):
        """Hyperparameters."""

        controller_steps: int = 50  #: REINFORCE steps after every epoch of the weights
        controller_learning_rate: float = 1e-3  #: of Adam
        controller_beta1: float = 0.0  #: Adam's first decay; the second is 0.999
        controller_epsilon: float = 1e-3  #: Adam's
        hidden: int = 32  #: units per LSTM layer
        layers: int = 2  #: LSTM layers
        baseline_decay: float = 0.99  #: of the moving average of rewards
        entropy_weight: float = 1e-4  #: of the entropy bonus
        samples: int = 20  #: cells the answer is chosen from
        ranking_images: int = 256  #: validation images each of them is ranked on

        def __post_init__(self) -> None:
            """Refuse a controller without units, and updates that lead nowhere."""
            super().__post_init__()
            for name in ("controller_steps", "hidden", "layers", "samples", "ranking_images"):
                value = getattr(self, name)
                require(value >= 1, f"enas.{name}", value, "1 or more")
            rate, decay = self.controller_learning_rate, self.baseline_decay
            require(0 < rate < math.inf, "enas.controller_learning_rate", rate, "above 0")
            beta, epsilon = self.controller_beta1, self.controller_epsilon
            require(0 <= beta < 1, "enas.controller_beta1", beta, "at least 0 and below 1")
            require(0 < epsilon < math.inf, "enas.controller_epsilon", epsilon, "above 0")
            require(0 <= decay < 1, "enas.baseline_decay", decay, "at least 0 and below 1")

    recipes = {
        "small": {},
        "paper": {
            **PAPER, "epochs": 250, "batch": 128, "learning_rate": 0.05,
            "final_learning_rate": 0.0005, "weight_decay": 2.5e-4, "samples": 100,
            "ranking_images": 512, "controller_steps": 1000, "restart": 10,
        },
    }  # fmt: skip

    def begin(self, loan: Loan) -> None:
        """Make an untrained controller."""
        from nasbench.strategies.parts.policies import LstmPolicy, MovingAverage

        s = self.settings
        self.controller = LstmPolicy(
            self.space.sizes, s.hidden, s.layers, s.controller_learning_rate, s.entropy_weight,
            self.random, betas=(s.controller_beta1, 0.999), epsilon=s.controller_epsilon,
        )  # fmt: skip
        self.baseline = MovingAverage(s.baseline_decay)

    def step(self, loan: Loan, batch: Batch, search: Iterator[Batch]) -> "Tensor":
        """Train a cell that the controller samples."""
        from nasbench.spaces.networks.nb201_supernet import Mix

        return self.update_weights(loan, batch, Mix.only(self.controller.sample(self.random)))

    def finish(self, loan: Loan, search: Iterator[Batch]) -> Mapping[str, float]:
        """Train the controller, the weights being fixed."""
        total = 0.0
        for _ in range(self.settings.controller_steps):
            cell = self.controller.sample(self.random)
            reward = self.accuracy_on(loan, next(search), cell)
            self.baseline.update(reward)
            self.controller.reinforce(reward - self.baseline.value)
            total += reward
        return {"reward": total / self.settings.controller_steps}

    def derive(self, loan: Loan, random: Random) -> Architecture:
        """Return the best of a sample from the controller; the first of equals."""
        cells = [self.controller.sample(random) for _ in range(self.settings.samples)]
        return self.best(loan, cells)

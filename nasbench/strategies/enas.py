"""ENAS: shared weights and an LSTM controller, trained in turn."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nasbench.randomness import Random
from nasbench.spaces.base import Architecture
from nasbench.spaces.mix import Mix
from nasbench.strategies.base import require, require_decisions
from nasbench.strategies.parts.one_shot import Batch, Loan, OneShot
from nasbench.strategies.parts.weights import NATS, PAPER, WeightSettings, require_ranking
from nasbench.strategies.registry import register
from nasbench.trace import Trace, Traces

if TYPE_CHECKING:
    from torch import Tensor

_BIBTEX = """
@inproceedings{pham2018efficient,
  author = {Hieu Pham and Melody Y. Guan and Barret Zoph and Quoc V. Le and Jeff Dean},
  title = {Efficient Neural Architecture Search via Parameter Sharing},
  booktitle = {International Conference on Machine Learning ({ICML})},
  year = {2018}
}
"""


@register("enas")
class Enas(OneShot):
    """Train the weights on cells the controller samples, then the controller on their accuracy.

    Pham et al., ICML 2018, section 2.2: an epoch of the shared weights, one sampled cell per batch,
    then REINFORCE steps of the controller; the reward is a sampled cell's accuracy on one
    validation batch, with a moving average as baseline and an entropy bonus. The answer is the best
    of a sample from the controller, ranked on validation images with the shared weights: all on the
    same images or, with setting `own_batches`, each on another batch.

    Deviations from the paper: the controller is the LSTM of `reinforce` (no tanh constant, no
    temperature, no clipped gradient), and rewards are in 0 to 1.

    Deviations from NAS-Bench-201's code, beyond those of `parts.weights.PAPER`: its controller
    divides logits by 5 and takes 2.5 times their tanh, has one output layer and one embedding for
    all edges, and clips its gradient at 5. It takes 50 steps per epoch, each after twenty sampled
    cells, here it takes one after each of the thousand. Its baseline moves once per epoch, by the
    last reward, here with every reward. The entropy is part of its reward, as a number that the
    baseline sees and once more through its own gradient; here it is a bonus with its exact
    gradient. Ten of its cells are ranked after every epoch and a hundred at the end, here a
    hundred.

    Deviations from NATS-Bench's code: the same, and those of `parts.weights.NATS`. The recipe
    `nats` has the controller's settings of the commands at the head of the code (learning rate and
    epsilon 0.001, no decay); `run-all.sh`, which leaves them out, gives 3e-4, 1e-8 and decay 1e-3.
    """

    family = "weight sharing"
    reference = "Pham et al., ICML 2018"
    bibtex = _BIBTEX
    colour = "#56b4e9"

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
        own_batches: bool = False  #: whether each is ranked on other images
        reward_images: int = 0  #: validation images of a reward; 0: as many as a batch

        def __post_init__(self) -> None:
            """Refuse a controller without units, and updates that lead nowhere."""
            super().__post_init__()
            require_ranking(self, "enas")
            for name in ("controller_steps", "hidden", "layers"):
                value = getattr(self, name)
                require(value >= 1, f"enas.{name}", value, "1 or more")
            require(self.reward_images >= 0, "enas.reward_images", self.reward_images, "0 or more")
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
            "ranking_images": 128, "own_batches": True, "controller_steps": 1000, "descent": 10,
        },
        "nats": {
            **NATS, "samples": 100, "ranking_images": 512, "own_batches": True,
            "controller_steps": 1000, "controller_beta1": 0.5, "reward_images": 512,
        },
    }  # fmt: skip

    @property
    def search_batch(self) -> int:
        """Validation images of a reward."""
        return int(self.settings.reward_images or self.settings.batch)

    def begin(self, loan: Loan) -> None:
        """Make an untrained controller."""
        from nasbench.strategies.parts.policies import LstmPolicy, MovingAverage

        s, sizes = self.settings, require_decisions(self.space, self.name).sizes
        self.controller = LstmPolicy(
            sizes, s.hidden, s.layers, s.controller_learning_rate, s.entropy_weight,
            self.random, betas=(s.controller_beta1, 0.999), epsilon=s.controller_epsilon,
        )  # fmt: skip
        self.baseline = MovingAverage(s.baseline_decay)

    def step(self, loan: Loan, batch: Batch, search: Iterator[Batch]) -> "Tensor":
        """Train a cell that the controller samples."""
        return self.update_weights(
            loan, batch, Mix.only(self.controller.sample(self.random).architecture)
        )

    def finish(self, loan: Loan, search: Iterator[Batch]) -> Traces:
        """Train the controller, the weights being fixed."""
        total = 0.0
        for _ in range(self.settings.controller_steps):
            drawn = self.controller.sample(self.random)
            reward = self.accuracy_on(loan, next(search), drawn.architecture)
            self.baseline.update(reward)
            self.controller.reinforce(drawn, reward - self.baseline.value)
            total += reward
        return {Trace.number("reward"): total / self.settings.controller_steps}

    def derive(self, loan: Loan, random: Random) -> Architecture:
        """Return the best of a sample from the controller; the first of equals."""
        cells = [self.controller.sample(random).architecture for _ in range(self.settings.samples)]
        return self.best(loan, cells, own_batches=self.settings.own_batches)

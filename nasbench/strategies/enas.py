"""ENAS: shared weights and an LSTM controller, which are trained alternately."""

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
    """Train the weights on cells that the controller samples, then the controller on accuracies.

    Pham et al., ICML 2018, section 2.2. An epoch of the shared weights, with one sampled cell per
    batch, is followed by REINFORCE steps of the controller. The reward is the accuracy of a sampled
    cell on one validation batch, with a moving average as baseline and an entropy bonus. The answer
    is the best cell of a sample from the controller, ranked on validation images with the shared
    weights: all cells on the same images or, with setting `own_batches`, each cell on another
    batch.

    Deviations from the paper: the controller is the LSTM of `reinforce` (no tanh constant, no
    temperature, no clipped gradient), and rewards are from 0 to 1.

    Deviations from NAS-Bench-201's code, besides those of `parts.weights.PAPER`: its controller
    divides logits by 5 and takes 2.5 times their tanh, has one output layer and one embedding for
    all edges, and clips its gradient at 5. It takes 50 steps per epoch, each after twenty sampled
    cells; here it takes one step after each of the thousand cells. Its baseline is updated once per
    epoch, by the last reward; here by every reward. Its reward includes the entropy, which
    therefore counts in the baseline, and once more through its own gradient; here the entropy is a
    bonus with its exact gradient. The code ranks ten cells after every epoch and a hundred at the
    end; here a hundred cells are ranked each time.

    Deviations from NATS-Bench's code: the same, and those of `parts.weights.NATS`. The recipe
    `nats` has the controller's settings of the commands at the head of the code (learning rate and
    epsilon 0.001, no decay); `run-all.sh`, which leaves them out, gives 3e-4, 1e-8 and decay 1e-3.
    """

    title = "ENAS"
    family = "weight sharing"
    reference = "Pham et al., ICML 2018"
    bibtex = _BIBTEX
    colour = "#56b4e9"

    @dataclass(frozen=True)
    class Settings(WeightSettings):
        """Hyperparameters."""

        controller_steps: int = 50  #: REINFORCE steps after every epoch of the weights
        controller_learning_rate: float = 1e-3  #: learning rate of Adam
        controller_beta1: float = 0.0  #: Adam's first decay; the second is 0.999
        controller_epsilon: float = 1e-3  #: Adam's epsilon
        hidden: int = 32  #: units per LSTM layer
        layers: int = 2  #: LSTM layers
        baseline_decay: float = 0.99  #: decay of the moving average of rewards
        entropy_weight: float = 1e-4  #: weight of the entropy bonus
        samples: int = 20  #: cells from which the answer is chosen
        ranking_images: int = 256  #: validation images on which each of these cells is ranked
        own_batches: bool = False  #: whether each of these cells is ranked on other images
        reward_images: int = 0  #: validation images of a reward; 0: as many as a batch

        def __post_init__(self) -> None:
            """Refuse a controller without units, and updates that cannot learn."""
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
        """Number of validation images of a reward."""
        return int(self.settings.reward_images or self.settings.batch)

    def begin(self, loan: Loan) -> None:
        """Make an untrained controller."""
        from nasbench.strategies.parts.lstm_policy import LstmPolicy
        from nasbench.strategies.parts.policies import MovingAverage

        s, sizes = self.settings, require_decisions(self.space).sizes
        self.controller = LstmPolicy(
            sizes, s.hidden, s.layers, s.controller_learning_rate, s.entropy_weight,
            self.random, betas=(s.controller_beta1, 0.999), epsilon=s.controller_epsilon,
        )  # fmt: skip
        self.baseline = MovingAverage(s.baseline_decay)

    def step(self, loan: Loan, batch: Batch, search: Iterator[Batch]) -> "Tensor":
        """Train the weights of a cell that the controller samples; return its loss."""
        return self.update_weights(
            loan, batch, Mix.only(self.controller.sample(self.random).architecture)
        )

    def finish(self, loan: Loan, search: Iterator[Batch]) -> Traces:
        """Train the controller with fixed weights; return the mean reward, from 0 to 1."""
        total = 0.0
        for _ in range(self.settings.controller_steps):
            drawn = self.controller.sample(self.random)
            reward = self.accuracy_on(loan, next(search), drawn.architecture)
            self.baseline.update(reward)
            self.controller.reinforce(drawn, reward - self.baseline.value)
            total += reward
        return {Trace.number("reward"): total / self.settings.controller_steps}

    def derive(self, loan: Loan, random: Random) -> Architecture:
        """Return the best cell of a sample from the controller; of equal cells the first."""
        cells = [self.controller.sample(random).architecture for _ in range(self.settings.samples)]
        return self.best(loan, cells, own_batches=self.settings.own_batches)

"""REINFORCE with two policies over architectures: an LSTM controller, one softmax per decision."""

import math
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from nasbench.problem import Answer, Evaluate, Trial
from nasbench.strategies.base import SearchStrategy, Tag, require, require_decisions
from nasbench.strategies.registry import register

if TYPE_CHECKING:
    from nasbench.strategies.parts.lstm_policy import LstmPolicy
    from nasbench.strategies.parts.policies import Policy


def _require_update(name: str, settings: Any) -> None:
    """Raise `InvalidInput` for values with which a policy cannot be updated."""
    rate, decay, entropy = (
        settings.learning_rate, settings.baseline_decay, settings.entropy_weight
    )  # fmt: skip
    require(0 < rate < math.inf, f"{name}.learning_rate", rate, "above 0")
    require(0 <= decay < 1, f"{name}.baseline_decay", decay, "at least 0 and below 1")
    require(0 <= entropy < math.inf, f"{name}.entropy_weight", entropy, "at least 0")


_ZOPH = """
@inproceedings{zoph2017neural,
  author = {Barret Zoph and Quoc V. Le},
  title = {Neural Architecture Search with Reinforcement Learning},
  booktitle = {International Conference on Learning Representations ({ICLR})},
  year = {2017}
}
"""
_WILLIAMS = """
@article{williams1992simple,
  author = {Ronald J. Williams},
  title = {Simple Statistical Gradient-Following Algorithms for Connectionist Reinforcement
    Learning},
  journal = {Machine Learning},
  volume = {8},
  pages = {229--256},
  year = {1992}
}

@inproceedings{dong2020nasbench201,
  author = {Xuanyi Dong and Yi Yang},
  title = {{NAS-Bench-201}: Extending the Scope of Reproducible Neural Architecture Search},
  booktitle = {International Conference on Learning Representations ({ICLR})},
  year = {2020}
}
"""


class PolicyGradient(SearchStrategy):
    """Sample an architecture, then change the policy along (reward - baseline) * grad log p.

    Williams, Machine Learning 1992. The reward is the score of the first objective, such as the
    validation accuracy in percent. The baseline is a bias-corrected moving average that includes
    the reward itself, as in the scripts of NAS-Bench-201 and NATS-Bench. Each update uses one
    architecture. With several open trials, each update happens when the answer of its trial comes,
    with the gradient of log p under the policy at that time.
    """

    family = "reinforcement learning"
    tags = frozenset({Tag.DECISIONS})

    def setup(self) -> None:
        """Start with an untrained policy."""
        from nasbench.strategies.parts.policies import MovingAverage

        self.policy = self.make_policy()
        self.baseline = MovingAverage(self.settings.baseline_decay)

    @abstractmethod
    def make_policy(self) -> "Policy":
        """Return the untrained policy."""

    def ask(self) -> Evaluate:
        """Sample an architecture from the policy."""
        drawn = self.policy.sample(self.random)
        return Evaluate(drawn.architecture, memo=drawn)

    def tell(self, trial: Trial, answer: Answer) -> None:
        """Take one policy-gradient step, but none if the reward is not finite.

        A failed evaluation has the reward -inf if the metric has no worst value.
        """
        reward = self.problem.score(answer)
        if math.isfinite(reward):
            self.policy.reinforce(trial.request.memo, self.advantage(reward))

    def advantage(self, reward: float) -> float:
        """Update the baseline with a reward, then return the reward minus the baseline."""
        self.baseline.update(reward)
        return reward - self.baseline.value


@register("reinforce")
class Reinforce(PolicyGradient):
    """An LSTM controller trained with REINFORCE.

    Zoph & Le, ICLR 2017, section 3: two layers of 35 units, Adam, an exponential moving average as
    baseline.

    Deviations from the paper: every decision has its own embedding of the previous choice. There is
    one controller and one architecture per update instead of parallel replicas. The learning rate
    is tuned for budgets of a hundred evaluations (the paper's is 0.0006 for 12,800). The reward is
    the accuracy, while the paper takes the cube of it (`reward_power=3`) and the largest of the
    last five epochs. The baseline includes the present reward, while the paper's has only previous
    rewards (`baseline=previous`). The entropy bonus is that of ENAS (Pham et al., ICML 2018); it is
    off by default.
    """

    title = "REINFORCE"
    reference = "Zoph & Le, ICLR 2017"
    bibtex = _ZOPH
    colour = "#d55e00"
    together = 16
    policy: "LstmPolicy"

    @dataclass(frozen=True)
    class Settings:
        """Hyperparameters."""

        learning_rate: float = 0.003  #: learning rate of Adam
        hidden: int = 35  #: units per LSTM layer
        layers: int = 2  #: LSTM layers
        baseline_decay: float = 0.9  #: decay of the moving average of rewards
        entropy_weight: float = 0.0  #: weight of the entropy bonus
        reward_power: float = 1.0  #: p of the reward 100 (accuracy / 100) ** p
        #: whether the moving average includes the `present` reward or only the `previous` rewards
        baseline: Literal["present", "previous"] = "present"

        def __post_init__(self) -> None:
            """Refuse a controller without units, and updates that cannot learn."""
            _require_update("reinforce", self)
            power = self.reward_power
            require(0 < power < math.inf, "reinforce.reward_power", power, "above 0")
            require(1 <= self.hidden <= 4096, "reinforce.hidden", self.hidden, "1 to 4096")
            require(1 <= self.layers <= 64, "reinforce.layers", self.layers, "1 to 64")

    def make_policy(self) -> "LstmPolicy":
        """Return an untrained LSTM controller."""
        from nasbench.strategies.parts.lstm_policy import LstmPolicy

        s, sizes = self.settings, require_decisions(self.space).sizes
        return LstmPolicy(sizes, s.hidden, s.layers, s.learning_rate, s.entropy_weight, self.random)

    def advantage(self, reward: float) -> float:
        """Return the reward, with its power, minus the baseline, and update the baseline.

        With `baseline=previous` the advantage of the first reward is 0.
        """
        power = self.settings.reward_power
        if power != 1:  # 100 (a / 100) ** 1 may differ from a in the last bit
            reward = math.copysign(100 * abs(reward / 100) ** power, reward)
        if self.settings.baseline == "present":
            return super().advantage(reward)
        known = self.baseline.weight > 0
        advantage = reward - self.baseline.value if known else 0.0
        self.baseline.update(reward)
        return advantage

    @classmethod
    def ask_together(cls, searches: "Sequence[Reinforce]") -> list[Evaluate]:
        """Sample an architecture from the controller of each search."""
        from nasbench.strategies.parts.lstm_policy import sample_together

        drawn = sample_together([one.policy for one in searches], [one.random for one in searches])
        return [Evaluate(one.architecture, memo=one) for one in drawn]

    @classmethod
    def tell_together(
        cls, searches: "Sequence[Reinforce]", trials: Sequence[Trial], answers: Sequence[Answer]
    ) -> None:
        """Take a policy-gradient step of each search whose reward is finite."""
        from nasbench.strategies.parts.lstm_policy import reinforce_together

        steps = []
        for one, trial, answer in zip(searches, trials, answers, strict=True):
            reward = one.problem.score(answer)
            if math.isfinite(reward):
                steps.append((one.policy, trial.request.memo, one.advantage(reward)))
        if steps:
            reinforce_together(*zip(*steps, strict=True))


@register("reinforce-softmax")
class ReinforceSoftmax(PolicyGradient):
    """One softmax per decision trained with REINFORCE: the REINFORCE of NAS-Bench-201.

    The update is that of the scripts of NAS-Bench-201 (Dong & Yang, ICLR 2020) and NATS-Bench
    (TPAMI 2021). Deviation: the default learning rate, which is chosen on the validation signal
    (the authors' page on NAS-Bench-201 uses 0.5, NATS-Bench 0.01). docs/protocols.md says how the
    costs that the scripts charge differ from those of this project.
    """

    title = "Softmax REINFORCE"
    reference = "Williams, Machine Learning 1992; Dong & Yang, ICLR 2020"
    bibtex = _WILLIAMS
    colour = "#de8f05"

    @dataclass(frozen=True)
    class Settings:
        """Hyperparameters."""

        learning_rate: float = 0.1  #: learning rate of Adam
        baseline_decay: float = 0.9  #: decay of the moving average of rewards
        entropy_weight: float = 0.0  #: weight of the entropy bonus

        def __post_init__(self) -> None:
            """Refuse updates that cannot learn."""
            _require_update("reinforce-softmax", self)

    def make_policy(self) -> "Policy":
        """Return untrained independent softmaxes."""
        from nasbench.strategies.parts.policies import SoftmaxPolicy

        s, sizes = self.settings, require_decisions(self.space).sizes
        return SoftmaxPolicy(sizes, s.learning_rate, s.entropy_weight, self.random)

"""An LSTM policy over architectures: what a search keeps of it, and how it learns."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from nasbench.randomness import Random
from nasbench.spaces.base import Architecture
from nasbench.strategies.parts.lstm import Lstm, Pass
from nasbench.strategies.parts.policies import Adam, Vector, draw, logit_gradient
from nasbench.strategies.state import Stateful


class Drawn(NamedTuple):
    """An architecture that was drawn, and what the LSTM computed for its probability."""

    architecture: Architecture
    made: Pass
    """It is of all searches for which an architecture was drawn together."""
    search: int
    """The number of the own search among them."""
    updates: int
    """The number of updates of the weights before this architecture was drawn."""


class LstmPolicy(Stateful):
    """An `Lstm` of one search, with weights that are uniform in +-0.08 at first.

    Several policies of the same shape can be advanced together, with the same bits.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        hidden: int,
        layers: int,
        learning_rate: float,
        entropy_weight: float,
        random: Random,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        epsilon: float = 1e-8,
    ) -> None:
        """Draw the weights, one flat vector.

        `sizes` are the numbers of choices of the decisions, `hidden` the units of each of `layers`
        layers; `betas` and `epsilon` are Adam's.
        """
        self._shape = tuple(sizes), hidden, layers
        self._entropy_weight = entropy_weight
        total = sum(int(np.prod(shape)) for shape in Lstm.shapes(*self._shape).values())
        self.weights: Vector = random.generator.uniform(-0.08, 0.08, total)
        self.adam = Adam(total, learning_rate, betas, epsilon)
        self._lstm, self._row = Lstm(*self._shape, self.weights[None]), 0

    def sample(self, random: Random) -> Drawn:
        """Draw an architecture, one decision after the other."""
        return sample_together([self], [random])[0]

    def reinforce(self, drawn: Drawn, advantage: float) -> None:
        """Back-propagate through the decisions and take one Adam step.

        If the weights have changed since the draw, the forward pass is repeated with the same
        choices.
        """
        reinforce_together([self], [drawn], [advantage])

    @staticmethod
    def lstm_of(policies: "Sequence[LstmPolicy]") -> Lstm:
        """Return an LSTM whose rows of weights are those of `policies`.

        Unless they are that already, weights move into rows of a new array.
        """
        lstm = policies[0]._lstm
        rows = [one._row for one in policies if one._lstm is lstm]
        if rows == list(range(len(lstm.flat))) and len(rows) == len(policies):
            return lstm
        lstm = Lstm(*policies[0]._shape, np.array([one.weights for one in policies]))
        for row, one in enumerate(policies):
            one._lstm, one._row, one.weights = lstm, row, lstm.flat[row]
        return lstm


def sample_together(policies: Sequence[LstmPolicy], randoms: Sequence[Random]) -> list[Drawn]:
    """Draw an architecture from each policy, with random numbers of its own."""
    choices: list[list[int]] = []

    def choose(_: int, probabilities: Vector) -> list[int]:
        pairs = zip(probabilities.tolist(), randoms, strict=True)
        choices.append([draw(row, random.uniform()) for row, random in pairs])
        return choices[-1]

    made = LstmPolicy.lstm_of(policies).forward(choose)
    return [
        Drawn(architecture, made, search, policy.adam.steps)
        for search, (policy, architecture) in enumerate(
            zip(policies, zip(*choices, strict=True), strict=True)
        )
    ]


def reinforce_together(
    policies: Sequence[LstmPolicy], drawn: Sequence[Drawn], advantages: Sequence[float]
) -> None:
    """Let each policy learn from an architecture that was drawn from it; see `reinforce`."""
    lstm = LstmPolicy.lstm_of(policies)
    choices = np.array([one.architecture for one in drawn])
    made = drawn[0].made
    pairs = zip(policies, drawn, strict=True)
    if all(one.made is made and one.updates == policy.adam.steps for policy, one in pairs):
        made = made.of([one.search for one in drawn])
    else:
        made = lstm.forward(lambda decision, _: choices[:, decision])
    widest = made.probabilities.shape[-1]
    by_logits = logit_gradient(
        made.probabilities.reshape(-1, widest), choices.T.reshape(-1),
        np.array([advantages] * choices.shape[1]).reshape(-1), policies[0]._entropy_weight,
    ).reshape(made.probabilities.shape)  # fmt: skip
    gradients = lstm.gradients(made, choices, by_logits)
    for policy, gradient in zip(policies, gradients, strict=True):
        policy.adam.step(policy.weights, gradient)

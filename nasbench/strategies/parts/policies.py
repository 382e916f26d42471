"""Policies over architectures and their REINFORCE gradients, in numpy.

A policy samples one choice per decision. Given an advantage, it changes its weights along the
gradient of advantage times log-probability (Williams 1992) plus an optional entropy bonus. The
networks are tiny and a search's batch size is one, so numpy with hand-written gradients is several
times faster than autograd, and a table run needs no torch. The tests check the gradients against
torch's autograd. What an LSTM makes of it is in `lstm_policy`.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from nasbench.randomness import Random
from nasbench.spaces.base import Architecture
from nasbench.strategies.state import Stateful

Vector = NDArray[np.float64]


class Drawn(Protocol):
    """An architecture that a policy has drawn, with what the policy needs to learn from it."""

    @property
    def architecture(self) -> Architecture:
        """The architecture that was drawn."""


class Policy(Protocol):
    """A trainable distribution over architectures."""

    def sample(self, random: Random) -> Drawn:
        """Draw one architecture."""

    def reinforce(self, drawn: Any, advantage: float) -> None:
        """Make an architecture that was drawn more likely, or less likely if `advantage` < 0."""

    def state(self) -> dict[str, object]:
        """Return the weights and the optimiser's moments."""

    def restore(self, state: dict[str, object]) -> None:
        """Continue from a result of `state`."""


class Adam(Stateful):
    """Adam on one flat vector (Kingma & Ba, ICLR 2015, Algorithm 1)."""

    def __init__(
        self,
        size: int,
        learning_rate: float,
        betas: tuple[float, float] = (0.9, 0.999),
        epsilon: float = 1e-8,
    ) -> None:
        """Start with zero moments for `size` weights."""
        self._rate, self._betas, self._epsilon = learning_rate, betas, epsilon
        self.steps = 0
        self.first = np.zeros(size)
        self.second = np.zeros(size)

    def step(self, weights: Vector, gradient: Vector) -> None:
        """Take one step of `weights` in place against `gradient`, which is overwritten."""
        self.steps += 1
        beta1, beta2 = self._betas
        scratch = np.empty(len(gradient))  # memory just freed, which the cache still holds
        self.first *= beta1
        np.multiply(gradient, 1 - beta1, out=scratch)
        self.first += scratch
        self.second *= beta2
        np.multiply(gradient, gradient, out=scratch)
        scratch *= 1 - beta2
        self.second += scratch
        np.divide(self.second, 1 - beta2**self.steps, out=scratch)
        np.sqrt(scratch, out=scratch)
        scratch += self._epsilon
        np.divide(self.first, scratch, out=gradient)
        gradient *= self._rate / (1 - beta1**self.steps)
        weights -= gradient


class MovingAverage(Stateful):
    """Bias-corrected exponential moving average, the usual REINFORCE baseline."""

    def __init__(self, decay: float) -> None:
        """Start empty; `value` is 0 until the first update."""
        self._decay = decay
        self.total = 0.0
        self.weight = 0.0

    def update(self, value: float) -> None:
        """Include one more value in the average."""
        self.total = self._decay * self.total + (1 - self._decay) * value
        self.weight = self._decay * self.weight + (1 - self._decay)

    @property
    def value(self) -> float:
        """The average so far."""
        return self.total / self.weight if self.weight else 0.0


def softmax(logits: Vector) -> Vector:
    """Return probabilities along the last axis; -inf marks an absent choice."""
    shifted = logits - np.maximum.reduce(logits, axis=-1, keepdims=True)
    np.exp(shifted, out=shifted)
    shifted /= np.add.reduce(shifted, axis=-1, keepdims=True)
    return shifted


def draw(probabilities: list[float], uniform: float) -> int:
    """Return the choice at which the cumulative distribution exceeds `uniform`, from [0, 1)."""
    total = 0.0
    for choice, probability in enumerate(probabilities):
        total += probability
        if uniform < total:
            return choice
    return max(i for i, probability in enumerate(probabilities) if probability > 0)


def logit_gradient(
    probabilities: Vector,
    chosen: NDArray[np.intp],
    advantage: float | Vector,
    entropy_weight: float,
) -> Vector:
    """Return the gradient of -(advantage * log p(chosen) + entropy_weight * H) by the logits.

    H is the sum of the entropies of the decisions. `probabilities` and the result have shape
    (decisions, choices), `chosen` has shape (decisions,), and so has `advantage` where decisions
    have different ones.
    """
    each = advantage[:, None] if isinstance(advantage, np.ndarray) else advantage
    gradient = each * probabilities
    gradient[np.arange(len(chosen)), chosen] -= advantage
    if entropy_weight:
        logs = np.log(np.where(probabilities > 0, probabilities, 1.0))
        entropies = -(probabilities * logs).sum(axis=-1, keepdims=True)
        gradient += entropy_weight * probabilities * (logs + entropies)
    return gradient


class _Choices(NamedTuple):
    """An architecture drawn by `SoftmaxPolicy`, which needs nothing else to learn from it."""

    architecture: Architecture


class SoftmaxPolicy(Stateful):
    """One independent softmax per decision; NAS-Bench-201 calls this REINFORCE."""

    def __init__(
        self, sizes: Sequence[int], learning_rate: float, entropy_weight: float, random: Random
    ) -> None:
        """Draw normal logits with standard deviation 0.001, shape (decisions, most choices)."""
        shape = (len(sizes), max(sizes))
        self.logits = 1e-3 * random.generator.standard_normal(shape)
        for row, size in enumerate(sizes):
            self.logits[row, size:] = -np.inf
        self.adam = Adam(self.logits.size, learning_rate)
        self._entropy_weight = entropy_weight

    def sample(self, random: Random) -> _Choices:
        """Draw every decision independently."""
        rows = softmax(self.logits).tolist()
        return _Choices(tuple(map(draw, rows, random.uniforms(len(rows)))))

    def reinforce(self, drawn: _Choices, advantage: float) -> None:
        """Take one Adam step."""
        chosen = np.array(drawn.architecture)
        gradient = logit_gradient(softmax(self.logits), chosen, advantage, self._entropy_weight)
        self.adam.step(self.logits.reshape(-1), gradient.reshape(-1))

"""Policies over architectures and their REINFORCE gradients, in numpy.

A policy samples one choice per decision and, told an advantage, moves its weights along the
gradient of log-probability (Williams 1992) plus an optional entropy bonus. The networks are
tiny and the batch is one: numpy with the chain rule written out is several times faster here
than an autograd tape, and a table run then needs no torch. The gradients are checked against
torch's autograd in the tests.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from nasbench.randomness import Random
from nasbench.spaces.base import Architecture
from nasbench.strategies.state import Stateful

Vector = NDArray[np.float64]


class Policy(Protocol):
    """A trainable distribution over architectures."""

    def sample(self, random: Random) -> Architecture:
        """Draw one architecture and remember how."""

    def reinforce(self, advantage: float) -> None:
        """Make the architecture drawn last more likely (or less, if negative)."""

    def state(self) -> dict[str, object]:
        """Return the weights and the optimiser's moments."""

    def restore(self, state: dict[str, object]) -> None:
        """Continue from a state."""


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
        self._scratch = np.empty(size)

    def step(self, weights: Vector, gradient: Vector) -> None:
        """Move `weights` in place down `gradient`, which is overwritten."""
        self.steps += 1
        beta1, beta2 = self._betas
        scratch = self._scratch
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
        """Take in one more value."""
        self.total = self._decay * self.total + (1 - self._decay) * value
        self.weight = self._decay * self.weight + (1 - self._decay)

    @property
    def value(self) -> float:
        """The average so far."""
        return self.total / self.weight if self.weight else 0.0


def softmax(logits: Vector) -> Vector:
    """Return probabilities along the last axis; -inf marks an absent choice."""
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=-1, keepdims=True))


def draw(probabilities: list[float], uniform: float) -> int:
    """Return the choice at `uniform` of the cumulative distribution."""
    total = 0.0
    for choice, probability in enumerate(probabilities):
        total += probability
        if uniform < total:
            return choice
    return max(i for i, probability in enumerate(probabilities) if probability > 0)


def logit_gradient(
    probabilities: Vector, chosen: NDArray[np.intp], advantage: float, entropy_weight: float
) -> Vector:
    """Gradient of -(advantage * log p(chosen) + entropy_weight * H) by the logits.

    `probabilities` has shape (decisions, choices), `chosen` (decisions,).
    """
    gradient = advantage * probabilities
    gradient[np.arange(len(chosen)), chosen] -= advantage
    if entropy_weight:
        logs = np.log(np.where(probabilities > 0, probabilities, 1.0))
        entropies = -(probabilities * logs).sum(axis=-1, keepdims=True)
        gradient += entropy_weight * probabilities * (logs + entropies)
    return gradient


class SoftmaxPolicy(Stateful):
    """One independent softmax per decision, what NAS-Bench-201 calls REINFORCE."""

    def __init__(
        self, sizes: Sequence[int], learning_rate: float, entropy_weight: float, random: Random
    ) -> None:
        """Start from logits of standard deviation 0.001."""
        shape = (len(sizes), max(sizes))
        self.logits = 1e-3 * random.generator.standard_normal(shape)
        for row, size in enumerate(sizes):
            self.logits[row, size:] = -np.inf
        self.adam = Adam(self.logits.size, learning_rate)
        self._entropy_weight = entropy_weight

    def sample(self, random: Random) -> Architecture:
        """Draw every decision on its own."""
        self._probabilities = softmax(self.logits)
        rows = self._probabilities.tolist()
        choices = tuple(map(draw, rows, random.uniforms(len(rows))))
        self._chosen = np.array(choices)
        return choices

    def reinforce(self, advantage: float) -> None:
        """Take one Adam step."""
        gradient = logit_gradient(
            self._probabilities, self._chosen, advantage, self._entropy_weight
        )
        self.adam.step(self.logits.reshape(-1), gradient.reshape(-1))


class _Step(NamedTuple):
    """What one LSTM layer keeps of one decision for the way back."""

    inputs: Vector  # (2 * hidden,): what comes from below, and the previous hidden vector
    gates: Vector  # (4, hidden): input, forget, output, candidate, after their nonlinearity
    cell: Vector
    squashed: Vector  # tanh of the cell
    previous_cell: Vector


class LstmPolicy(Stateful):
    """An LSTM that takes the decisions in order, each given an embedding of the one before.

    Zoph & Le, ICLR 2017: stacked LSTM layers, weights uniform in +-0.08, a softmax head per
    decision. The first decision is given a learnt start vector.
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
        """Draw the weights; all of them are one flat vector with named views.

        `betas` and `epsilon` are Adam's.
        """
        self._sizes, self._hidden, self._layers = tuple(sizes), hidden, layers
        self._widest, self._entropy_weight = max(sizes), entropy_weight
        total = sum(int(np.prod(shape)) for shape in self._shapes().values())
        self.weights = random.generator.uniform(-0.08, 0.08, total)
        self.adam = Adam(total, learning_rate, betas, epsilon)
        self._gradient = np.zeros(total)
        self._w = self._views(self.weights)
        self._g = self._views(self._gradient)
        self._absent = np.where(np.arange(self._widest) < np.array(sizes)[:, None], 0.0, -np.inf)

    def _shapes(self) -> dict[str, tuple[int, ...]]:
        decisions, hidden = len(self._sizes), self._hidden
        return {
            "start": (hidden,),
            "embedding": (decisions, self._widest, hidden),
            "gates": (self._layers, 4 * hidden, 2 * hidden),
            "bias": (self._layers, 4 * hidden),
            "head": (decisions, self._widest, hidden),
            "head_bias": (decisions, self._widest),
        }

    def _views(self, flat: Vector) -> dict[str, Vector]:
        views, offset = {}, 0
        for name, shape in self._shapes().items():
            size = int(np.prod(shape))
            views[name] = flat[offset : offset + size].reshape(shape)
            offset += size
        return views

    def sample(self, random: Random) -> Architecture:
        """Take the decisions one after the other."""
        w, hidden, layers = self._w, self._hidden, self._layers
        state = [np.zeros(hidden) for _ in range(layers)]
        cells = [np.zeros(hidden) for _ in range(layers)]
        signal = w["start"]
        self._trace: list[list[_Step]] = []
        tops, rows, choices = [], [], []
        for decision in range(len(self._sizes)):
            steps = []
            for layer in range(layers):
                step, state[layer] = self._cell(layer, signal, state[layer], cells[layer])
                cells[layer] = step.cell
                signal = state[layer]
                steps.append(step)
            self._trace.append(steps)
            tops.append(signal)
            logits = w["head"][decision] @ signal
            logits += w["head_bias"][decision]
            logits += self._absent[decision]
            probabilities = softmax(logits)
            choice = draw(probabilities.tolist(), random.uniform())
            rows.append(probabilities)
            choices.append(choice)
            signal = w["embedding"][decision, choice]
        self._tops, self._probabilities = np.array(tops), np.array(rows)
        self._chosen = np.array(choices)
        return tuple(choices)

    def _cell(self, layer: int, below: Vector, state: Vector, cell: Vector) -> tuple[_Step, Vector]:
        inputs = np.concatenate((below, state))
        z = self._w["gates"][layer] @ inputs
        z += self._w["bias"][layer]
        gates = z.reshape(4, self._hidden)
        gates[:3] *= 0.5  # sigmoid(x) = (1 + tanh(x / 2)) / 2: one tanh serves all four
        np.tanh(gates, out=gates)
        gates[:3] += 1.0
        gates[:3] *= 0.5
        new_cell = gates[1] * cell
        new_cell += gates[0] * gates[3]
        squashed = np.tanh(new_cell)
        return _Step(inputs, gates, new_cell, squashed, cell), gates[2] * squashed

    def reinforce(self, advantage: float) -> None:
        """Back-propagate through the decisions and take one Adam step."""
        by_logits = logit_gradient(
            self._probabilities, self._chosen, advantage, self._entropy_weight
        )
        self._backward(by_logits)
        self.adam.step(self.weights, self._gradient)

    def _backward(self, by_logits: Vector) -> None:
        """Fill the gradient of every weight, given that of the logits."""
        w, g, hidden, layers = self._w, self._g, self._hidden, self._layers
        self._gradient[:] = 0.0
        g["head"][...] = by_logits[:, :, None] * self._tops[:, None, :]
        g["head_bias"][...] = by_logits
        by_tops = (w["head"] * by_logits[:, :, None]).sum(axis=1)
        by_state = np.zeros((layers, hidden))
        by_cell = np.zeros((layers, hidden))
        by_gates = np.empty((layers, len(self._sizes), 4 * hidden))
        for decision in range(len(self._sizes) - 1, -1, -1):
            above = by_tops[decision]
            for layer in range(layers - 1, -1, -1):
                step = self._trace[decision][layer]
                by_hidden = by_state[layer] + above
                flat = by_gates[layer, decision]
                by_cell[layer] = _cell_backward(step, by_hidden, by_cell[layer], flat)
                by_inputs = flat @ w["gates"][layer]
                above, by_state[layer] = by_inputs[:hidden], by_inputs[hidden:]
            if decision:
                g["embedding"][decision - 1, self._chosen[decision - 1]] = above
            else:
                g["start"][...] = above
        for layer in range(layers):
            inputs = np.array([steps[layer].inputs for steps in self._trace])
            np.matmul(by_gates[layer].T, inputs, out=g["gates"][layer])
            g["bias"][layer] = by_gates[layer].sum(axis=0)


def _cell_backward(step: _Step, by_hidden: Vector, by_cell: Vector, out: Vector) -> Vector:
    """Write the gradient by the gates' pre-activations into `out`; return that of the old cell."""
    by_pre = out.reshape(step.gates.shape)
    enter, forget, leave, candidate = step.gates
    by_cell = by_cell + by_hidden * leave * (1.0 - step.squashed * step.squashed)
    np.multiply(by_cell, candidate, out=by_pre[0])
    np.multiply(by_cell, step.previous_cell, out=by_pre[1])
    np.multiply(by_hidden, step.squashed, out=by_pre[2])
    by_pre[:3] *= step.gates[:3] * (1.0 - step.gates[:3])
    np.multiply(by_cell, enter, out=by_pre[3])
    by_pre[3] *= 1.0 - candidate * candidate
    return np.asarray(by_cell * forget)

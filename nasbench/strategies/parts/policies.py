"""Policies over architectures and their REINFORCE gradients, in numpy.

A policy samples one choice per decision. Given an advantage, it changes its weights along the
gradient of advantage times log-probability (Williams 1992) plus an optional entropy bonus. The
networks are tiny and the batch size is one, so numpy with hand-written gradients is several times
faster than autograd, and a table run needs no torch. The tests check the gradients against torch's
autograd.
"""

from collections.abc import Callable, Sequence
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
        self._scratch = np.empty(size)

    def step(self, weights: Vector, gradient: Vector) -> None:
        """Take one step of `weights` in place against `gradient`, which is overwritten."""
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
        """Include one more value in the average."""
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
    """Return the choice at which the cumulative distribution exceeds `uniform`, from [0, 1)."""
    total = 0.0
    for choice, probability in enumerate(probabilities):
        total += probability
        if uniform < total:
            return choice
    return max(i for i, probability in enumerate(probabilities) if probability > 0)


def logit_gradient(
    probabilities: Vector, chosen: NDArray[np.intp], advantage: float, entropy_weight: float
) -> Vector:
    """Return the gradient of -(advantage * log p(chosen) + entropy_weight * H) by the logits.

    H is the sum of the entropies of the decisions. `probabilities` and the result have shape
    (decisions, choices), `chosen` has shape (decisions,).
    """
    gradient = advantage * probabilities
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


class _Step(NamedTuple):
    """The values that one LSTM layer keeps at one decision for the backward pass."""

    inputs: Vector  # (2 * hidden,): input from the layer below, and previous hidden vector
    gates: Vector  # (4, hidden): input, forget, output, candidate, after their nonlinearity
    cell: Vector
    squashed: Vector  # tanh of the cell
    previous_cell: Vector


class _Trace(NamedTuple):
    """An architecture, and all that the LSTM computed for its probability."""

    architecture: Architecture
    steps: list[list[_Step]]
    """For each decision, one step for each layer."""
    tops: Vector
    """The input of the heads, shape (decisions, hidden)."""
    probabilities: Vector
    """Shape (decisions, most choices); 0 for choices that a decision does not have."""
    updates: int
    """The number of updates of the weights before this architecture was drawn."""


class LstmPolicy(Stateful):
    """An LSTM that makes the decisions in order; its input is an embedding of the last choice.

    Zoph & Le, ICLR 2017: stacked LSTM layers, weights uniform in +-0.08, a softmax head per
    decision. The input of the first decision is a learnt start vector.
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
        """Draw the weights, which are named views of one flat vector.

        `sizes` are the numbers of choices of the decisions, `hidden` the units of each of `layers`
        layers; `betas` and `epsilon` are Adam's.
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

    def sample(self, random: Random) -> _Trace:
        """Draw an architecture, one decision after the other."""
        return self._forward(lambda _, probabilities: draw(probabilities, random.uniform()))

    def _forward(self, choose: Callable[[int, list[float]], int]) -> _Trace:
        """Run the LSTM forward; `choose` returns the choice, given a decision and probabilities."""
        w, hidden, layers = self._w, self._hidden, self._layers
        state = [np.zeros(hidden) for _ in range(layers)]
        cells = [np.zeros(hidden) for _ in range(layers)]
        signal = w["start"]
        trace: list[list[_Step]] = []
        tops, rows, choices = [], [], []
        for decision in range(len(self._sizes)):
            steps = []
            for layer in range(layers):
                step, state[layer] = self._cell(layer, signal, state[layer], cells[layer])
                cells[layer] = step.cell
                signal = state[layer]
                steps.append(step)
            trace.append(steps)
            tops.append(signal)
            logits = w["head"][decision] @ signal
            logits += w["head_bias"][decision]
            logits += self._absent[decision]
            probabilities = softmax(logits)
            choice = choose(decision, probabilities.tolist())
            rows.append(probabilities)
            choices.append(choice)
            signal = w["embedding"][decision, choice]
        return _Trace(tuple(choices), trace, np.array(tops), np.array(rows), self.adam.steps)

    def _cell(self, layer: int, below: Vector, state: Vector, cell: Vector) -> tuple[_Step, Vector]:
        inputs = np.concatenate((below, state))
        z = self._w["gates"][layer] @ inputs
        z += self._w["bias"][layer]
        gates = z.reshape(4, self._hidden)
        gates[:3] *= 0.5  # sigmoid(x) = (1 + tanh(x / 2)) / 2: one call of tanh for all
        np.tanh(gates, out=gates)
        gates[:3] += 1.0
        gates[:3] *= 0.5
        new_cell = gates[1] * cell
        new_cell += gates[0] * gates[3]
        squashed = np.tanh(new_cell)
        return _Step(inputs, gates, new_cell, squashed, cell), gates[2] * squashed

    def reinforce(self, drawn: _Trace, advantage: float) -> None:
        """Back-propagate through the decisions and take one Adam step.

        If the weights have changed since the draw, the forward pass is repeated with the same
        choices.
        """
        if drawn.updates != self.adam.steps:
            made = drawn.architecture
            drawn = self._forward(lambda decision, _: made[decision])
        chosen = np.array(drawn.architecture)
        self._backward(
            drawn, logit_gradient(drawn.probabilities, chosen, advantage, self._entropy_weight)
        )
        self.adam.step(self.weights, self._gradient)

    def _backward(self, drawn: _Trace, by_logits: Vector) -> None:
        """Compute the gradient of every weight, given the gradient of the logits."""
        w, g, hidden, layers = self._w, self._g, self._hidden, self._layers
        self._gradient[:] = 0.0
        g["head"][...] = by_logits[:, :, None] * drawn.tops[:, None, :]
        g["head_bias"][...] = by_logits
        by_tops = (w["head"] * by_logits[:, :, None]).sum(axis=1)
        by_state = np.zeros((layers, hidden))
        by_cell = np.zeros((layers, hidden))
        by_gates = np.empty((layers, len(self._sizes), 4 * hidden))
        for decision in range(len(self._sizes) - 1, -1, -1):
            above = by_tops[decision]
            for layer in range(layers - 1, -1, -1):
                step = drawn.steps[decision][layer]
                by_hidden = by_state[layer] + above
                flat = by_gates[layer, decision]
                by_cell[layer] = _cell_backward(step, by_hidden, by_cell[layer], flat)
                by_inputs = flat @ w["gates"][layer]
                above, by_state[layer] = by_inputs[:hidden], by_inputs[hidden:]
            if decision:
                g["embedding"][decision - 1, drawn.architecture[decision - 1]] = above
            else:
                g["start"][...] = above
        for layer in range(layers):
            inputs = np.array([steps[layer].inputs for steps in drawn.steps])
            np.matmul(by_gates[layer].T, inputs, out=g["gates"][layer])
            g["bias"][layer] = by_gates[layer].sum(axis=0)


def _cell_backward(step: _Step, by_hidden: Vector, by_cell: Vector, out: Vector) -> Vector:
    """Write the gradient of the gates' pre-activations into `out`; return that of the old cell."""
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

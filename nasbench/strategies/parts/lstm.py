"""An LSTM that makes the decisions of an architecture, in numpy, for many searches at once.

It is tiny, and each of its steps needs the step before, so that most of its time would go into
calls of numpy. Searches do not depend on each other, so that one call makes the same step of many.
What is computed for a search has the same bits alone and among any others: numpy multiplies stacked
matrices one by one, and all else is computed element by element or as sums in a fixed order.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasbench.strategies.parts.policies import Vector, softmax

Choices = Sequence[int] | NDArray[np.intp]


class Weights(NamedTuple):
    """Views of flat vectors of weights, by name; leading axes are those of the flat vectors."""

    start: Vector  # (hidden,)
    embedding: Vector  # (decisions, most choices, hidden)
    gates: Vector  # (layers, 4 * hidden, 2 * hidden)
    bias: Vector  # (layers, 4 * hidden)
    head: Vector  # (decisions, most choices, hidden)
    head_bias: Vector  # (decisions, most choices)


class Pass(NamedTuple):
    """All that the LSTM computed for one architecture of each search."""

    inputs: Vector
    """Input from the layer below and previous hidden vector; shape (layers, decisions + 1,
    searches, 2 * hidden), as after the last decision there is another hidden vector."""
    gates: Vector
    """Input, forget, output, candidate, after their nonlinearity; shape (layers, decisions, 4,
    searches, hidden)."""
    cells: Vector
    """The cells before each decision and after the last; shape (layers, decisions + 1, searches,
    hidden)."""
    squashed: Vector
    """The tanh of the cells after each decision; shape (layers, decisions, searches, hidden)."""
    probabilities: Vector
    """Shape (decisions, searches, most choices); 0 for choices that a decision does not have."""

    def of(self, searches: list[int]) -> "Pass":
        """Return the pass of some searches, in their order."""
        if searches == list(range(self.probabilities.shape[1])):
            return self
        return Pass(*(one[..., searches, :] for one in self))


class Lstm:
    """Stacked layers, and a softmax head for each decision (Zoph & Le, ICLR 2017).

    The input of a decision is an embedding of the choice before it, the first input a learnt start
    vector. Every search has weights of its own, a row of `flat`.
    """

    def __init__(self, sizes: tuple[int, ...], hidden: int, layers: int, flat: Vector) -> None:
        """Take the numbers of choices of the decisions, the units of a layer, and all weights."""
        self._sizes, self._hidden, self._layers = sizes, hidden, layers
        self.flat = flat
        self._w = self._named(flat)
        self._gates = list(self._w.gates.swapaxes(0, 1))
        self._bias = list(self._w.bias.reshape(len(flat), layers, 4, hidden).transpose(1, 2, 0, 3))
        self._heads = list(self._w.head.swapaxes(0, 1))
        self._absent = np.where(np.arange(max(sizes)) < np.array(sizes)[:, None], 0.0, -np.inf)

    @staticmethod
    def shapes(sizes: tuple[int, ...], hidden: int, layers: int) -> dict[str, tuple[int, ...]]:
        """Return the shapes of the weights of one search, by name, in the order of the vector."""
        decisions, widest = len(sizes), max(sizes)
        return {
            "start": (hidden,),
            "embedding": (decisions, widest, hidden),
            "gates": (layers, 4 * hidden, 2 * hidden),
            "bias": (layers, 4 * hidden),
            "head": (decisions, widest, hidden),
            "head_bias": (decisions, widest),
        }

    def _named(self, flat: Vector) -> Weights:
        views, offset = [], 0
        for shape in self.shapes(self._sizes, self._hidden, self._layers).values():
            size = int(np.prod(shape))
            views.append(flat[..., offset : offset + size].reshape(*flat.shape[:-1], *shape))
            offset += size
        return Weights(*views)

    def forward(self, choose: Callable[[int, Vector], Choices]) -> Pass:
        """Make the decisions in order.

        `choose` returns a choice for every search, given the number of a decision and its
        probabilities, of shape (searches, most choices).
        """
        w, hidden, searches = self._w, self._hidden, len(self.flat)
        layers, decisions = self._layers, len(self._sizes)
        made = Pass(
            np.zeros((layers, decisions + 1, searches, 2 * hidden)),
            np.empty((layers, decisions, 4, searches, hidden)),
            np.zeros((layers, decisions + 1, searches, hidden)),
            np.empty((layers, decisions, searches, hidden)),
            np.empty((decisions, searches, max(self._sizes))),
        )
        head_bias = (w.head_bias + self._absent).swapaxes(0, 1)
        signal, every = w.start, np.arange(searches)
        for decision in range(decisions):
            for layer in range(layers):
                signal = self._cell(made, layer, decision, signal)
            logits = np.matmul(self._heads[decision], signal[..., None])[..., 0]
            logits += head_bias[decision]
            made.probabilities[decision] = probabilities = softmax(logits)
            signal = w.embedding[every, decision, choose(decision, probabilities)]
        return made

    def _cell(self, made: Pass, layer: int, decision: int, below: Vector) -> Vector:
        """Compute one layer at one decision; return the new hidden vectors."""
        hidden = self._hidden
        inputs, gates = made.inputs[layer, decision], made.gates[layer, decision]
        cells, squashed = made.cells[layer], made.squashed[layer, decision]
        inputs[:, :hidden] = below
        z = np.matmul(self._gates[layer], inputs[..., None])
        np.add(z.reshape(-1, 4, hidden).swapaxes(0, 1), self._bias[layer], out=gates)
        sigmoids = gates[:3]
        sigmoids *= 0.5  # sigmoid(x) = (1 + tanh(x / 2)) / 2: one call of tanh for all
        np.tanh(gates, out=gates)
        sigmoids += 1.0
        sigmoids *= 0.5
        new = np.multiply(gates[1], cells[decision], out=cells[decision + 1])
        new += gates[0] * gates[3]
        np.tanh(new, out=squashed)
        state = made.inputs[layer, decision + 1, :, hidden:]
        np.multiply(gates[2], squashed, out=state)
        return state

    def gradients(
        self, made: Pass, choices: NDArray[np.intp], by_logits: Vector
    ) -> Iterator[Vector]:
        """Yield the gradient of each search's weights, always in the same array.

        `choices` has shape (searches, decisions); `by_logits`, the gradient of the logits, has that
        of `made.probabilities`.
        """
        hidden = self._hidden
        by_signals, by_gates = self._backward(made, by_logits)
        by_bias = by_gates.sum(axis=1)
        tops = made.inputs[-1, 1:, :, hidden:]
        gradient = np.zeros(self.flat.shape[1])
        g = self._named(gradient)
        before = np.arange(len(self._sizes) - 1)
        for search, chosen in enumerate(choices):
            g.start[...] = by_signals[0, search]
            g.embedding[...] = 0.0
            g.embedding[before, chosen[:-1]] = by_signals[1:, search]
            for layer in range(self._layers):
                inputs = made.inputs[layer, :-1, search]
                np.matmul(by_gates[layer, :, search].T, inputs, out=g.gates[layer])
            g.bias[...] = by_bias[:, search]
            by_heads = by_logits[:, search]
            np.multiply(by_heads[:, :, None], tops[:, search, None], out=g.head)
            g.head_bias[...] = by_heads
            yield gradient

    def _backward(self, made: Pass, by_logits: Vector) -> tuple[Vector, Vector]:
        """Return the gradients of the decisions' inputs and of the gates before nonlinearity.

        Shapes (decisions, searches, hidden) and (layers, decisions, searches, 4 * hidden).
        """
        hidden, searches = self._hidden, len(self.flat)
        layers, decisions = self._layers, len(self._sizes)
        by_tops = (self._w.head * by_logits.swapaxes(0, 1)[..., None]).sum(axis=2)
        enter, candidate = made.gates[:, :, 0], made.gates[:, :, 3]
        factors = np.stack((candidate, made.cells[:, :-1], made.squashed, enter), axis=2)
        slopes = made.gates * (1.0 - made.gates)
        slopes[:, :, 3] = 1.0 - candidate * candidate
        by_squashed = 1.0 - made.squashed * made.squashed
        by_signals = np.empty((decisions, searches, hidden))
        by_gates = np.empty((layers, decisions, searches, 4 * hidden))
        in_order = by_gates.reshape(layers, decisions, searches, 4, hidden).swapaxes(2, 3)
        by_inputs = np.zeros((layers, searches, 2 * hidden))
        by_cells = np.zeros((layers, searches, hidden))
        for decision in range(decisions - 1, -1, -1):
            above = by_tops[:, decision]
            for layer in range(layers - 1, -1, -1):
                at = layer, decision
                gates, by_old = made.gates[at], by_cells[layer]
                by_hidden = by_inputs[layer, :, hidden:] + above
                by_cell = by_hidden * gates[2]
                by_cell *= by_squashed[at]
                by_cell += by_old
                np.multiply(by_cell, gates[1], out=by_old)
                by_z = by_cell * factors[at]
                np.multiply(by_hidden, made.squashed[at], out=by_z[2])
                np.multiply(by_z, slopes[at], out=in_order[at])
                into = by_inputs[layer]
                np.matmul(by_gates[at][:, None], self._gates[layer], out=into[:, None])
                above = into[:, :hidden]
            by_signals[decision] = above
        return by_signals, by_gates

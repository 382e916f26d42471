"""An ensemble of small feed-forward networks, as BANANAS predicts scores with.

White et al., BANANAS, AAAI 2021, Section 4. All networks are trained at once by products of stacked
matrices, which takes a fraction of the time that one network after the other does.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import sqrt

import numpy as np
from numpy.typing import DTypeLike, NDArray

from nasbench.strategies.parts.predictors import Prediction

Numbers = NDArray[np.float64]

_DECAY, _SQUARE_DECAY, _LEAST = 0.9, 0.99, 1e-7
"""Adam's two decay rates and the number added to its denominator, as in the authors' code."""
_ALONE = 2**18
"""Largest number of multiplications of one matrix product.

OpenBLAS gives larger products to several threads, and then their bits depend on the number of
threads.
"""
_IDLE = 200
"""Number of inputs that are 0 in all examples from which on it pays to leave them out."""


class Networks:
    """Networks of one shape with rectified linear units and one output, trained together.

    `weights` has one array of shape (networks, inputs + 1, outputs) for each layer; the last row is
    the bias. They are views of one flat array, as are their `gradients`.
    """

    def __init__(
        self,
        number: int,
        widths: Sequence[int],
        generator: np.random.Generator,
        kind: DTypeLike = np.float32,
    ) -> None:
        """Make networks whose layers have `widths` numbers, from the inputs to the one output.

        Weights are drawn uniformly within sqrt(6 / (inputs + outputs)) (Glorot & Bengio, AISTATS
        2010), and biases are 0.
        """
        shapes = [(number, inputs + 1, outputs) for inputs, outputs in pairwise(widths)]
        self._widths = list(widths)
        self._rooms: dict[int, list[NDArray[np.floating]]] = {}
        sizes = [a * b * c for a, b, c in shapes]
        self._flat, self._slopes = np.zeros((2, sum(sizes)), kind)
        bounds = np.cumsum(sizes)[:-1].tolist()
        parts = [np.split(flat, bounds) for flat in (self._flat, self._slopes)]
        self.weights, self.gradients = (
            [part.reshape(shape) for part, shape in zip(split, shapes, strict=True)]
            for split in parts
        )
        for layer in self.weights:
            limit = sqrt(6 / (layer.shape[1] - 1 + layer.shape[2]))
            layer[:, :-1] = generator.uniform(-limit, limit, layer[:, :-1].shape)
        self._means, self._squares, self._spare = np.zeros((3, len(self._flat)), kind)
        self._steps = 0

    def reading(self, used: NDArray[np.bool_]) -> "Networks":
        """Return networks that have only some of the inputs, `used` of shape (d,): copies."""
        generator = np.random.default_rng(0)  # what it draws is replaced
        widths = [int(used.sum()), *self._widths[1:]]
        less = Networks(len(self.weights[0]), widths, generator, self._flat.dtype)
        less.weights[0][...] = self.weights[0][:, np.append(used, True)]
        for mine, theirs in zip(self.weights[1:], less.weights[1:], strict=True):
            theirs[...] = mine
        return less

    def take(self, less: "Networks", used: NDArray[np.bool_]) -> None:
        """Set the weights to those of networks that `reading` returned; others stay as they are."""
        self.weights[0][:, np.append(used, True)] = less.weights[0]
        for mine, theirs in zip(self.weights[1:], less.weights[1:], strict=True):
            mine[...] = theirs

    def outputs(self, inputs: NDArray[np.floating]) -> NDArray[np.floating]:
        """Return the outputs, shape (networks, n), for inputs of shape (networks or 1, n, d)."""
        return self._forward(inputs)[-1][..., 0]

    def _forward(self, inputs: NDArray[np.floating]) -> list[NDArray[np.floating]]:
        """Return the values of all layers; all but the last have a column of ones."""
        values = self._room(inputs.shape[1])
        values[0][..., :-1] = inputs
        for place, layer in enumerate(self.weights[:-1]):
            made = values[place + 1][..., :-1]
            _multiply(values[place], layer, made)
            np.maximum(made, 0, out=made)
        _multiply(values[-2], self.weights[-1], values[-1])
        return values

    def _room(self, rows: int) -> list[NDArray[np.floating]]:
        """Return arrays for the values of all layers; the next call with `rows` overwrites them."""
        if rows not in self._rooms:
            number, kind = len(self.weights[0]), self._flat.dtype
            room = [np.ones((number, rows, width + 1), kind) for width in self._widths[:-1]]
            self._rooms[rows] = [*room, np.empty((number, rows, self._widths[-1]), kind)]
        return self._rooms[rows]

    def descend(
        self, inputs: NDArray[np.floating], targets: NDArray[np.floating], rate: float
    ) -> None:
        """Take one step of Adam on the mean absolute error of each network.

        `inputs` has shape (networks, n, d) and `targets` (networks, n): each network has examples
        of its own. Kingma & Ba, ICLR 2015, Section 2.
        """
        self.differentiate(inputs, targets)
        self._steps += 1
        spare, slopes = self._spare, self._slopes
        np.multiply(slopes, 1 - _DECAY, out=spare)
        self._means *= _DECAY
        self._means += spare
        np.multiply(slopes, slopes, out=spare)
        spare *= 1 - _SQUARE_DECAY
        self._squares *= _SQUARE_DECAY
        self._squares += spare
        step = rate * sqrt(1 - _SQUARE_DECAY**self._steps) / (1 - _DECAY**self._steps)
        np.sqrt(self._squares, out=spare)
        spare += _LEAST
        np.divide(self._means, spare, out=spare)
        spare *= step
        self._flat -= spare

    def differentiate(self, inputs: NDArray[np.floating], targets: NDArray[np.floating]) -> None:
        """Set `gradients` to those of the mean absolute error of each network; see `descend`."""
        values = self._forward(inputs)
        slope = np.sign(values[-1] - targets[..., None]) / targets.shape[-1]
        for place in reversed(range(len(self.weights))):
            _multiply(values[place].transpose(0, 2, 1), slope, self.gradients[place])
            if place:
                back = np.empty_like(values[place])
                _multiply(slope, self.weights[place].transpose(0, 2, 1), back)
                back *= values[place] > 0
                slope = back[..., :-1]


def _multiply(
    left: NDArray[np.floating], right: NDArray[np.floating], made: NDArray[np.floating]
) -> None:
    """Set `made` to the products of stacked matrices, with the same bits for any thread number."""
    rows = max(1, _ALONE // (right.shape[1] * right.shape[2]))
    for start in range(0, left.shape[1], rows):
        part = slice(start, start + rows)
        np.matmul(left[:, part], right, out=made[:, part])


@dataclass
class Ensemble:
    """A predictor: the mean of networks, and their standard deviation as uncertainty.

    The networks differ in their first weights and in the order in which they see the examples. The
    defaults are those of the authors' code (naszilla, `meta_neuralnet_params`).

    Five networks learn 75 scores in 0.12 s of CPU. Stacked products in torch take eleven times as
    long, and scikit-learn's `MLPRegressor`, which lacks this loss, nine times as long.

    Deviations: the networks learn standardised scores, so that metrics of any unit are learned
    alike, where the authors' learn validation errors in percent.
    """

    generator: np.random.Generator
    """Draws first weights and the order of examples."""
    members: int = 5  #: networks
    layers: int = 10  #: hidden layers
    width: int = 20  #: units of each
    epochs: int = 150  #: passes through all examples
    batch: int = 32  #: examples of one step
    rate: float = 0.01  #: step size of Adam
    _networks: Networks | None = field(default=None, init=False, repr=False)
    _centre: float = field(default=0.0, init=False, repr=False)
    _scale: float = field(default=1.0, init=False, repr=False)

    def fit(self, features: Numbers, scores: Numbers) -> None:
        """Train new networks; features of shape (n, d), scores of shape (n,).

        Where very many features are 0 in all examples, as most paths of large cells are, they are
        left out meanwhile: the weights of an input that is always 0 stay as they were drawn.
        """
        self._centre = float(scores.mean())
        self._scale = float(scores.std()) or 1.0
        targets = ((scores - self._centre) / self._scale).astype(np.float32)
        widths = [features.shape[1], *[self.width] * self.layers, 1]
        self._networks = Networks(self.members, widths, self.generator)
        inputs: NDArray[np.float32] = features.astype(np.float32)
        used: NDArray[np.bool_] = (features != 0).any(axis=0)
        fewer = len(used) - used.sum() >= _IDLE
        learning = self._networks.reading(used) if fewer else self._networks
        inputs = inputs[:, used] if fewer else inputs
        for examples in self._batches(len(targets)):
            learning.descend(inputs[examples], targets[examples], self.rate)
        if fewer:
            self._networks.take(learning, used)

    def _batches(self, number: int) -> Iterator[NDArray[np.int64]]:
        """Yield the examples of every step, shape (members, batch), in an order of each member."""
        places = np.tile(np.arange(number), (self.epochs, self.members, 1))
        for epoch in self.generator.permuted(places, axis=2):
            for start in range(0, number, self.batch):
                yield epoch[:, start : start + self.batch]

    def predict(self, features: Numbers) -> Prediction:
        """Predict scores, shape (m,), of features of shape (m, d); `fit` comes first."""
        if self._networks is None:
            raise ValueError("an ensemble predicts after it has been fitted")
        made = self._networks.outputs(features[None]).astype(np.float64)
        return Prediction(
            made.mean(axis=0) * self._scale + self._centre, made.std(axis=0) * self._scale
        )

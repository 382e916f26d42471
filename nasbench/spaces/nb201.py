"""The cell of NAS-Bench-201 (Dong & Yang, ICLR 2020), the topology space of NATS-Bench.

A cell has four nodes and an operation on each of the six edges j -> i (j < i); a node is the sum of
the outputs of its incoming edges. The whole network is a 3x3 stem, three stages of N cells with C,
2C and 4C channels and a residual block of stride 2 between stages, batch norm, global pooling and a
linear layer.
"""

import random
import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nasbench.spaces.base import wrong_character
from nasbench.spaces.canonical import function_ids, network_ids, paper_expressions
from nasbench.spaces.categorical import Architecture, CategoricalSpace, Decision
from nasbench.spaces.cell_notations import NASLIB, CellNotations
from nasbench.spaces.inputs import Input
from nasbench.spaces.notations import Notation, named, recognised
from nasbench.spaces.paths import live_path_encoding, path_encoding

if TYPE_CHECKING:
    from nasbench.spaces.base import Encoding

OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
EDGES = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
"""Source and target node of each edge, in the order of the official string."""
NODES = 4
NONE, SKIP, CONV_1X1, CONV_3X3, AVG_POOL = range(len(OPERATIONS))

_OFFICIAL_SHUFFLE = 88

INPUTS = {
    "cifar10": Input(32, 3, 10),
    "cifar100": Input(32, 3, 100),
    "ImageNet16-120": Input(16, 3, 120),
}


_NAMED = [[f"{name}~{source}" for name in OPERATIONS] for source, _ in EDGES]
"""For each edge, the text of each operation in the official string."""
_TEXT = "|{}|+|{}|{}|+|{}|{}|{}|"
_WRITTEN = re.compile(
    re.escape(_TEXT)
    .replace(r"\{\}", "{}")
    .format(*(f"({'|'.join(OPERATIONS)})~{source}" for source, _ in EDGES))
)
"""Matches an official string; the groups are the operations on the edges."""


class NasBench201(CategoricalSpace):
    """The 5^6 = 15,625 cells of NAS-Bench-201, in the official index order.

    The order is the enumeration of all cells with the first edge the most significant (that of
    `CategoricalSpace`), shuffled once by Python's Mersenne Twister with seed 88.
    """

    networks = "nasbench.spaces.networks.nb201_networks:NasBench201Networks"

    def __init__(self) -> None:
        """Make the space, which the paper fixes; each group is the edges into one node."""
        decisions = tuple(Decision(f"{j}->{i}", OPERATIONS) for j, i in EDGES)
        groups = tuple(
            tuple(e for e, (_, target) in enumerate(EDGES) if target == node)
            for node in range(1, NODES)
        )
        super().__init__("nb201", decisions, groups)

    @cached_property
    def codes(self) -> NDArray[np.unsignedinteger[Any]]:
        """All cells in official order, shape (15625, 6)."""
        order = list(range(self.size))
        random.Random(_OFFICIAL_SHUFFLE).shuffle(order)  # noqa: S311
        return np.ascontiguousarray(super().codes[order])

    @cached_property
    def _index_of(self) -> dict[Architecture, int]:
        return {cell: index for index, cell in enumerate(self.architectures)}

    def index(self, architecture: Architecture) -> int:
        """Return the official index of a cell."""
        return self._index_of[architecture]

    def architecture(self, index: int) -> Architecture:
        """Return the cell at an official index; `InvalidInput` outside 0..15624."""
        self.require_index(index)
        cell: Architecture = self.architectures[index]
        return cell

    def format(self, architecture: Architecture) -> str:
        """Return the official string of a cell, `|op~0|+|op~0|op~1|+|op~0|op~1|op~2|`."""
        words = [named[choice] for named, choice in zip(_NAMED, architecture, strict=True)]
        return _TEXT.format(*words)

    def parse(self, text: str, notation: str | None = None) -> Architecture:
        """Read an official string, or another notation: the named one or one that is recognised.

        Raises `InvalidInput`, which points at the first wrong character of an official string, for
        a text that is no cell or means several.
        """
        match = _WRITTEN.fullmatch(text) if notation is None else None
        if match is not None:
            return tuple(map(OPERATIONS.index, match.groups()))
        if notation is not None:
            cell: Architecture = named(self.notations(), notation, self.name).read(text.strip())
            return cell
        found: Architecture | None = recognised(self.notations(), text)
        return self._official(text) if found is None else found

    def notations(self) -> Sequence[Notation]:
        """Return the notations of a cell: see `cell_notations`."""
        return self._notations

    @cached_property
    def _notations(self) -> tuple[Notation, ...]:
        return CellNotations(OPERATIONS, EDGES, NASLIB, self._official).all()

    def _official(self, text: str) -> Architecture:
        choices: list[int] = []
        position = 0

        def expect(literal: str) -> None:
            nonlocal position
            for character in literal:
                if text[position : position + 1] != character:
                    raise wrong_character(text, position, repr(character))
                position += 1

        previous = 0
        for source, target in EDGES:
            expect("" if target == previous else "|" if target == 1 else "+|")
            previous = target
            name = text[position:].partition("~")[0]
            if name not in OPERATIONS:
                raise wrong_character(text, position, f"one of {', '.join(OPERATIONS)}")
            choices.append(OPERATIONS.index(name))
            position += len(name)
            expect(f"~{source}|")
        if position != len(text):
            raise wrong_character(text, position, "the end")
        return tuple(choices)

    def adjacency(self, architectures: ArrayLike) -> NDArray[np.uint8]:
        """Return operation matrices, shape (..., 4, 4): [j, i] is 1 + the choice on j -> i.

        Entries without an edge are 0, so they differ from `none`, which is 1. `architectures` has
        shape (..., 6).
        """
        codes = np.asarray(architectures, dtype=np.uint8)
        matrix = np.zeros((*codes.shape[:-1], NODES, NODES), dtype=np.uint8)
        sources, targets = zip(*EDGES, strict=True)
        matrix[..., sources, targets] = codes + 1
        return matrix

    def encodings(self) -> "Mapping[str, Encoding]":
        """Return the encodings `one-hot`, `path` (`paths`) and `live-path` (`live_paths`)."""
        return {**super().encodings(), "path": self.paths, "live-path": self.live_paths}

    def paths(self, architectures: ArrayLike) -> NDArray[np.float32]:
        """Encode n cells by the operations along their paths, shape (n, 155): `path_encoding`."""
        return path_encoding(architectures, EDGES, len(OPERATIONS))

    def live_paths(self, architectures: ArrayLike) -> NDArray[np.float32]:
        """Encode n cells by their paths without zero, shape (n, 84): `live_path_encoding`."""
        return live_path_encoding(architectures, EDGES, len(OPERATIONS))

    @cached_property
    def isomorphism_class(self) -> NDArray[np.int32]:
        """For each cell, the smallest official index in its isomorphism class: 6,466 classes.

        Shape (15625,). Classes are those of the paper: see `canonical.paper_expressions`.
        """
        return _first_of_class(paper_expressions(self.codes, EDGES, OPERATIONS))

    @cached_property
    def function_class(self) -> NDArray[np.int32]:
        """For each cell, the smallest index of a cell that computes the same sums: 4,930 classes.

        Shape (15625,). Zero terms are dropped, an operation on zero gives zero, and the sum that a
        skip passes on is merged into its target's sum. Average pooling is not treated as linear;
        that would merge a few more cells, to 4,660 classes.
        """
        return _first_of_class(function_ids(self.codes, EDGES))

    @cached_property
    def network_class(self) -> NDArray[np.int32]:
        """For each cell, the smallest index of a cell that is the same network: 5,260 classes.

        Shape (15625,). Unlike `function_class`, this distinguishes two convolutions with weights of
        their own from one convolution that is used twice: 326 of the 4,930 classes have cells of
        both kinds, and their trained accuracies differ. Each network class is trained once.
        """
        return _first_of_class(network_ids(self.codes, EDGES, (CONV_1X1, CONV_3X3)))

    def count(self, operation: int) -> NDArray[np.int64]:
        """Return for every cell the number of its edges with `operation`, shape (15625,)."""
        return np.asarray((self.codes == operation).sum(axis=1), dtype=np.int64)

    def flops(self, data: Input, channels: int = 16, cells: int = 5) -> NDArray[np.int64]:
        """Return the multiply-adds of the network of every cell, shape (15625,).

        Convolutions that do not affect the output are included. As in the official counts, these
        are the multiply-adds of convolutions and of the linear layer with its bias, without batch
        norm.
        """
        areas = [(data.side >> stage) ** 2 for stage in range(3)]
        widths = [channels << stage for stage in range(3)]
        product = [cells * area * width**2 for area, width in zip(areas, widths, strict=True)]
        stem = areas[0] * 9 * data.channels * channels
        blocks = sum(
            area * (9 * before * after + 9 * after**2 + before * after)
            for area, before, after in zip(areas[1:], widths, widths[1:], strict=False)
        )
        linear = (widths[-1] + 1) * data.classes
        per_cell = self.count(CONV_1X1) + 9 * self.count(CONV_3X3)
        return stem + blocks + linear + per_cell * sum(product)

    def params(self, data: Input, channels: int = 16, cells: int = 5) -> NDArray[np.int64]:
        """Return the number of weights of the network of every cell, shape (15625,).

        Convolutions that do not affect the output are included.
        """
        widths = [channels << stage for stage in range(3)]
        stem = 9 * data.channels * channels + 2 * channels
        blocks = sum(
            9 * before * after + 9 * after**2 + before * after + 4 * after
            for before, after in pairwise(widths)
        )
        head = 2 * widths[-1] + (widths[-1] + 1) * data.classes
        squares, norms = sum(w**2 for w in widths), sum(2 * w for w in widths)
        ones, threes = self.count(CONV_1X1), self.count(CONV_3X3)
        return (
            stem
            + blocks
            + head
            + cells * (ones * (squares + norms) + threes * (9 * squares + norms))
        )


def live_edges(cell: Architecture) -> tuple[bool, ...]:
    """Return for each edge whether it is live: whether it carries a signal to the output.

    That is, a signal reaches its source, its operation is not `none`, and its target affects the
    output.
    """
    filled, read = {0}, {NODES - 1}
    steps = list(zip(EDGES, cell, strict=True))
    for (source, target), operation in steps:
        if operation != NONE and source in filled:
            filled.add(target)
    for (source, target), operation in reversed(steps):
        if operation != NONE and target in read:
            read.add(source)
    return tuple(
        operation != NONE and source in filled and target in read
        for (source, target), operation in steps
    )


def _first_of_class(ids: NDArray[np.generic]) -> NDArray[np.int32]:
    _, first, inverse = np.unique(ids, return_index=True, return_inverse=True)
    classes: NDArray[np.int32] = first[inverse].astype(np.int32)
    return classes

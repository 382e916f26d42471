"""The space of NAS-Bench-101: cells with operations on their vertices, each isomorphism class once.

Ying et al., NAS-Bench-101: Towards Reproducible Neural Architecture Search, ICML 2019.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import permutations
from typing import TYPE_CHECKING

from nasbench.errors import InvalidInput
from nasbench.randomness import Random
from nasbench.spaces.base import EnumerableSpace
from nasbench.spaces.graph import Graph, GraphSpace
from nasbench.spaces.nb101_batches import mutants
from nasbench.spaces.nb101_cells import CellIndex, stored
from nasbench.spaces.nb101_codes import (
    CODE_BITS,
    MOST_EDGES,
    MOST_VERTICES,
    OPERATIONS,
    Edges,
    bit,
    edges_of,
    labels_of,
    vertices_of,
)
from nasbench.spaces.nb101_drawing import cell_of, draw, law, mutated
from nasbench.spaces.nb101_hash import hashes
from nasbench.spaces.nb101_notations import Nb101Notations
from nasbench.spaces.nb101_parameters import parameters
from nasbench.spaces.notations import UNRECOGNISED, Notation, named, recognised
from nasbench.text import shown

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nasbench.spaces.base import Encoding

NAME, SMALL_NAME = "nb101", "nb101-5v"
SMALL_VERTICES = 5

_LABELS = (1 << CODE_BITS) - 1
_WORDS = [
    [tuple(OPERATIONS[label] for label in labels) for labels in labels_of(inner)]
    for inner in range(MOST_VERTICES - 1)
]
"""The operations for every number of inner vertices and label code; shared by all cells."""
_LABELS_OF = {
    words: (inner, code) for inner, every in enumerate(_WORDS) for code, words in enumerate(every)
}


class NasBench101(GraphSpace, EnumerableSpace):
    """Cells of at most 7 vertices and 9 edges, input and output included: 423,624 cells.

    Isomorphic cells are one architecture: the one whose order of vertices is canonical (see
    `nb101_codes`), a `Graph`. The index is the position among the sorted hashes of the official
    files. Sampling follows the authors' code, so that cells are not equally likely: `sampling_law`.

    A mutation is that of the authors' example of regularized evolution: of the 7 x 7 matrix each
    edge changes with probability 1/7, each of the 5 operations with probability 1/5, until the
    result is a cell. Deviations: the result is never the parent; and the vertices that are pruned,
    which the authors' code keeps from parent to child, are drawn anew for each mutation, uniformly
    among all that a draw of the parent can have.
    """

    def __init__(self, most_vertices: int = MOST_VERTICES) -> None:
        """Make the space of cells of at most so many vertices, 2 to 7."""
        if not 2 <= most_vertices <= MOST_VERTICES:
            raise InvalidInput(
                f"a cell of NAS-Bench-101 has 2 to {MOST_VERTICES} vertices, not {most_vertices}"
            )
        name = SMALL_NAME if most_vertices == SMALL_VERTICES else NAME
        super().__init__(name, OPERATIONS, most_vertices, MOST_EDGES)

    @cached_property
    def codes(self) -> "NDArray[np.uint32]":
        """The cell codes (see `nb101_codes`) of all cells in index order, shape (size,)."""
        return stored(self.nodes)

    @cached_property
    def size(self) -> int:  # type: ignore[override]  # read when it is first needed
        """Number of architectures."""
        return len(self.codes)

    @cached_property
    def _index(self) -> CellIndex:
        return CellIndex(self.codes)

    @cached_property
    def _matrix_of(self) -> dict[Edges, int]:
        """The canonical matrices by their edges."""
        return {edges_of(matrix): matrix for matrix in self._index.matrices.tolist()}

    def index(self, architecture: Graph) -> int:
        """Return the position of a cell's hash among the sorted hashes; `KeyError` for another."""
        index = self._index[self._code(architecture)]
        if index < 0:
            raise KeyError(architecture)
        return index

    def _code(self, architecture: Graph) -> int:
        """Return the cell code; `KeyError` for a graph with another matrix than canonical ones."""
        words, edges = architecture
        matrix = self._matrix_of[edges]
        inner, labels = _LABELS_OF[words]
        if inner != vertices_of(matrix) - 2:
            raise KeyError(architecture)
        return matrix << CODE_BITS | labels

    def architecture(self, index: int) -> Graph:
        """Return the cell at `index`; `InvalidInput` outside 0..size-1."""
        self.require_index(index)
        return _cell(self.codes.item(index))

    def _all(self) -> Iterable[Graph]:
        return map(_cell, self.codes.tolist())

    def contains(self, architecture: object) -> bool:
        """Whether a value is a cell in canonical order."""
        try:
            return isinstance(architecture, Graph) and self.index(architecture) >= 0
        except (KeyError, TypeError):
            return False

    def canonical(self, architecture: Graph) -> Graph:  # type: ignore[override]
        """Return the architecture, as isomorphic cells are one architecture."""
        return architecture

    def sample(self, random: Random) -> Graph:
        """Draw a cell as the authors' `random_spec` does.

        Every edge is there with probability 1/2, every operation is drawn uniformly, and what is on
        no path from input to output is pruned; this is repeated until the result is a cell.
        """
        return _cell(draw(self.nodes, random))

    @cached_property
    def sampling_law(self) -> "NDArray[np.float64]":
        """The probability that `sample` returns each architecture, exactly, shape (size,)."""
        return law(self.codes, self.nodes)

    def mutate(self, architecture: Graph, random: Random) -> Graph:
        """Return a cell with some edges and operations changed; see the space's description.

        Raises `InvalidInput` in the space of 2 vertices, which has only one cell.
        """
        self._require_mutants()
        return _cell(mutated(self._code(architecture), self.nodes, random))

    def mutant_indices(self, architecture: Graph, random: Random) -> "Iterator[NDArray[np.int64]]":
        """Yield the indices of mutants, in blocks."""
        self._require_mutants()
        for cells in mutants(self._code(architecture), self.nodes, random.generator):
            yield self._index.positions(cells)

    def _require_mutants(self) -> None:
        if self.nodes == 2:
            raise InvalidInput(f"space '{self.name}' has one architecture only: nothing to mutate")

    def neighbours(self, architecture: Graph) -> list[Graph]:
        """Return the cells that one change makes of a cell, sorted by index.

        A change is another operation on a vertex; an edge that is removed, or added where it closes
        no cycle; or, where there are fewer vertices than possible, a new vertex with any operation,
        one edge to it and one from it. Vertices that are then on no path are pruned.
        """
        words, edges = architecture
        found = {
            self.find((*words[:place], new, *words[place + 1 :]), edges)
            for place in range(len(words))
            for new in self.operations
        }
        last = new_vertex = architecture.nodes - 1
        for edge in permutations(range(last + 1), 2):
            found.add(self.find(words, {*edges} ^ {edge}))
            if architecture.nodes < self.nodes:
                source, target = (end + (end == last) for end in edge)
                moved = [(a, b + (b == last)) for a, b in edges]
                grown = [*moved, (source, new_vertex), (new_vertex, target)]
                found |= {self.find((*words, new), grown) for new in self.operations}
        return sorted((one for one in found - {architecture} if one is not None), key=self.index)

    def find(self, operations: Sequence[str], edges: Iterable[tuple[int, int]]) -> Graph | None:
        """Return the architecture of a cell with its vertices in any order; None if it is none.

        `operations` are those of the inner vertices. Vertex 0 is the input and the last vertex the
        output; an edge is a pair of source and target. What is on no path from input to output is
        pruned.
        """
        pairs = list(edges)
        order = _sorted(len(operations) + 2, pairs)
        if order is None or not set(operations) <= set(OPERATIONS):
            return None
        place = {vertex: number for number, vertex in enumerate(order)}
        matrix = sum({bit(place[source], place[target]) for source, target in pairs})
        labels = tuple(OPERATIONS.index(operations[vertex - 1]) for vertex in order[1:-1])
        code = cell_of(matrix, labels, len(order))
        if code is None or vertices_of(code >> CODE_BITS) > self.nodes:
            return None
        return _cell(code)

    def hash_of(self, architecture: Graph) -> str:
        """Return the hash of a cell in the official files, which sorts the architectures."""
        matrix, label = divmod(self._code(architecture), 1 << CODE_BITS)
        return next(hashes(matrix, [labels_of(len(architecture.operations))[label]]))

    def parameters(self, architecture: Graph) -> int:
        """Return the number of trainable parameters of a cell's network, by formula."""
        matrix, label = divmod(self._code(architecture), 1 << CODE_BITS)
        return parameters(matrix, labels_of(len(architecture.operations))[label])

    def parse(self, text: str, notation: str | None = None) -> Graph:
        """Read what `format` writes, or another notation: named, or recognised.

        Raises `InvalidInput`, which says what is wrong with any other text.
        """
        if notation is not None:
            named_so: Graph = named(self.notations(), notation, self.name).read(text.strip())
            return named_so
        other: Graph | None = recognised(self.notations(), text)
        return self._own(text) if other is None else other

    def notations(self) -> Sequence[Notation]:
        """Return the notations of a cell: see `nb101_notations`."""
        own = Notation("text", self._own, self.format, UNRECOGNISED)
        return (own, *Nb101Notations(self).all())

    def _own(self, text: str) -> Graph:
        names, bar, pairs = text.partition("|")
        try:
            ends = [pair.split("-") for pair in pairs.split(",")]
            edges = [(int(source), int(target)) for source, target in ends]
        except ValueError:
            edges = []
        found = self.find(names.split(",") if names else (), edges) if bar and edges else None
        if found is None:
            raise InvalidInput(
                f"architecture {shown(text)} is no cell of space '{self.name}': write the "
                f"operations of at most {self.nodes - 2} vertices ({', '.join(OPERATIONS)}), a "
                f"bar, and at most {MOST_EDGES} edges, such as "
                f"{OPERATIONS[0]},{OPERATIONS[2]}|0-1,1-2,2-3"
            )
        if self.format(found) != text:
            raise InvalidInput(
                f"architecture {shown(text)} is one whose canonical order of vertices differs: "
                f"write it {self.format(found)}"
            )
        return found

    @property
    def form(self) -> str:
        """What an architecture is, for error messages."""
        return (
            "a nasbench.spaces.graph.Graph in canonical order: what space.find(operations, edges), "
            "space.sample(random) and space.parse(text) return"
        )

    def encodings(self) -> "Mapping[str, Encoding]":
        """Return the encodings `one-hot` and `adjacency`, which are equal here, and `path`."""
        return {"one-hot": self.adjacency, **super().encodings()}


class NasBench101Small(NasBench101):
    """The 2,532 cells of NAS-Bench-101 of at most 5 vertices; mutations stay among them.

    Sampling and mutation are those of `NasBench101` with 5 vertices in place of 7.
    """

    part_of = NAME

    def __init__(self) -> None:
        """Make the space."""
        super().__init__(SMALL_VERTICES)


def _cell(code: int) -> Graph:
    matrix = code >> CODE_BITS
    return Graph(_WORDS[vertices_of(matrix) - 2][code & _LABELS], edges_of(matrix))


def _sorted(vertices: int, edges: Sequence[tuple[int, int]]) -> list[int] | None:
    """Return the vertices so that edges lead to later ones, the first and the last kept there.

    None if there is no such order, and for too many vertices.
    """
    if vertices > MOST_VERTICES or not all(
        0 <= source < vertices - 1 and 0 < target < vertices for source, target in edges
    ):
        return None
    order = [0]
    while len(order) < vertices - 1:
        free = (
            vertex
            for vertex in range(1, vertices - 1)
            if vertex not in order and all(a in order for a, b in edges if b == vertex)
        )
        vertex = next(free, None)
        if vertex is None:
            return None
        order.append(vertex)
    return [*order, vertices - 1]

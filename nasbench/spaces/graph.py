"""Search spaces of directed acyclic graphs: cells with operations on their nodes."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

from nasbench.errors import InvalidInput
from nasbench.randomness import Random
from nasbench.spaces.base import Space

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nasbench.spaces.base import Encoding

INPUT, OUTPUT = "input", "output"
Edge = tuple[int, int]


class Graph(NamedTuple):
    """A cell: node 0 is its input, the last node its output, edges lead to later nodes."""

    operations: tuple[str, ...]
    """The operations of the nodes between input and output, in their order."""
    edges: tuple[Edge, ...]
    """Sorted pairs of source and target node."""

    @property
    def nodes(self) -> int:
        """Number of nodes, input and output included."""
        return len(self.operations) + 2


class GraphSpace(Space):
    """Connected directed acyclic graphs with a limited number of nodes and edges.

    As in NAS-Bench-101 (Ying et al., ICML 2019), operations are on the nodes. Every node of an
    architecture is on a path from input to output; other nodes are pruned when a graph is drawn.
    Two graphs that differ only in the order of their nodes are two architectures with the same
    `canonical` key, an isomorphism-invariant hash (Ying, "Enumerating unique computational graphs
    via an iterative graph invariant", 2019).
    """

    def __init__(
        self, name: str, operations: Sequence[str], nodes: int, most_edges: int | None = None
    ) -> None:
        """Make the space of graphs of at most `nodes` nodes, input and output included.

        A graph has at most `most_edges` edges; None sets no limit. Raises `InvalidInput` if a limit
        allows no graph, and for operations that are missing, equal, or contain a comma or `|`.
        """
        self.name, self.operations, self.nodes = name, tuple(operations), nodes
        self._slots = tuple(combinations(range(nodes), 2))
        self.most_edges = len(self._slots) if most_edges is None else most_edges
        if nodes < 2 or not self.operations or self.most_edges < 1:
            raise InvalidInput(
                f"space '{name}' needs an operation, at least 2 nodes and at least 1 edge"
            )
        odd = [one for one in self.operations if not one or set(one) & set(",|")]
        if odd or len(set(self.operations)) < len(self.operations):
            raise InvalidInput(
                f"operations of space '{name}' must differ and have neither comma nor '|': "
                f"{', '.join(self.operations):.80}"
            )

    def sample(self, random: Random) -> Graph:
        """Draw edges and operations uniformly until they make a cell, and prune unused nodes.

        So architectures are not equally likely: many different draws are pruned to the same small
        graph.
        """
        while True:
            coins = random.integers((2,) * len(self._slots))
            drawn = random.integers((len(self.operations),) * (self.nodes - 2))
            edges = [slot for slot, coin in zip(self._slots, coins, strict=True) if coin]
            made = self.pruned(tuple(self.operations[i] for i in drawn), edges)
            if made is not None:
                return made

    def pruned(self, operations: Sequence[str], edges: Iterable[Edge]) -> Graph | None:
        """Return a graph without the nodes that are on no path from input to output.

        None if there is no such path, or if more than `most_edges` edges are left.
        """
        last = len(operations) + 1
        edges = sorted(set(edges))
        forward, backward = {0}, {last}
        for source, target in edges:
            if source in forward:
                forward.add(target)
        for source, target in sorted(edges, key=lambda one: one[1], reverse=True):
            if target in backward:
                backward.add(source)
        kept = sorted(forward & backward)
        if 0 not in kept or last not in kept:
            return None
        number = {node: place for place, node in enumerate(kept)}
        inside = [(number[a], number[b]) for a, b in edges if a in number and b in number]
        if len(inside) > self.most_edges:
            return None
        inner = tuple(operations[node - 1] for node in kept[1:-1])
        return Graph(inner, tuple(sorted(inside)))

    def contains(self, architecture: object) -> bool:
        """Whether a value is a pruned graph within the limits."""
        if not isinstance(architecture, Graph):
            return False
        operations, edges = architecture
        known = isinstance(operations, tuple) and all(one in self.operations for one in operations)
        if not known or len(operations) + 2 > self.nodes or not isinstance(edges, tuple):
            return False
        if not all(isinstance(e, tuple) and all(type(end) is int for end in e) for e in edges):
            return False
        slots = set(combinations(range(len(operations) + 2), 2))
        return set(edges) <= slots and self.pruned(operations, edges) == architecture

    def mutate(self, architecture: Graph, random: Random) -> Graph:
        """Return a neighbour, drawn uniformly; `InvalidInput` for a graph that has none."""
        found = self.neighbours(architecture)
        if not found:
            raise InvalidInput(
                f"'{self.format(architecture)}' has no neighbour in space '{self.name}': allow "
                "more nodes or edges"
            )
        return random.choice(found)

    def neighbours(self, architecture: Graph) -> list[Graph]:
        """Return the graphs that one change makes of a graph, pruned and sorted by their text.

        A change is another operation on a node, an edge that is added or removed, or a new node
        with any operation on a new path between two nodes, if the limit of nodes allows it.
        """
        operations, edges = architecture
        last = len(operations) + 1
        changed: list[Graph | None] = []
        for place, old in enumerate(operations):
            for new in self.operations:
                if new != old:
                    other = (*operations[:place], new, *operations[place + 1 :])
                    changed.append(Graph(other, edges))
        for slot in combinations(range(last + 1), 2):
            changed.append(self.pruned(operations, set(edges) ^ {slot}))
            if last + 1 < self.nodes:
                changed += self._over_a_new_node(architecture, slot)
        found = {one for one in changed if one is not None} - {architecture}
        return sorted(found, key=self.format)

    def _over_a_new_node(self, graph: Graph, slot: Edge) -> Iterable[Graph | None]:
        """Yield the graph with a new node between the two nodes of `slot`, for each operation."""
        source, target = slot
        moved = [(a + (a >= target), b + (b >= target)) for a, b in graph.edges]
        for operation in self.operations:
            inner = (*graph.operations[: target - 1], operation, *graph.operations[target - 1 :])
            yield self.pruned(inner, [*moved, (source, target), (target, target + 1)])

    def canonical(self, architecture: Graph) -> str:
        """Return a hash that is equal for graphs that differ only in the order of their nodes.

        The label of every node is hashed together with the sorted labels of its neighbours, and
        this is repeated as many times as there are nodes.
        """
        nodes, labels = architecture.nodes, [INPUT, *architecture.operations, OUTPUT]
        enters: list[list[int]] = [[] for _ in range(nodes)]
        leaves: list[list[int]] = [[] for _ in range(nodes)]
        for source, target in architecture.edges:
            enters[target].append(source)
            leaves[source].append(target)
        hashes = [
            _hash(f"{len(enters[node])} {len(leaves[node])} {labels[node]}")
            for node in range(nodes)
        ]
        for _ in range(nodes):
            hashes = [
                _hash(
                    f"{sorted(hashes[one] for one in enters[node])}"
                    f"{sorted(hashes[one] for one in leaves[node])}{hashes[node]}"
                )
                for node in range(nodes)
            ]
        return _hash(str(sorted(hashes)))

    def format(self, architecture: Graph) -> str:
        """Return the text of a graph, its operations and edges: `conv,pool|0-1,1-2,2-3`."""
        edges = ",".join(f"{source}-{target}" for source, target in architecture.edges)
        return f"{','.join(architecture.operations)}|{edges}"

    def parse(self, text: str) -> Graph:
        """Read what `format` writes; `InvalidInput` says what is wrong with any other text."""
        names, bar, pairs = text.partition("|")
        try:
            ends = [pair.split("-") for pair in pairs.split(",")]
            edges = tuple(sorted((int(source), int(target)) for source, target in ends))
        except ValueError:
            edges = ()
        graph = Graph(tuple(names.split(",")) if names else (), edges)
        if not bar or not self.contains(graph) or self.format(graph) != text:
            raise InvalidInput(
                f"architecture '{text:.80}' is no cell of space '{self.name}': write operations of "
                f"at most {self.nodes - 2} nodes ({', '.join(self.operations)}) and edges that all "
                f"lie on paths, such as '{self.operations[0]}|0-1,1-2'"
            )
        return graph

    @property
    def form(self) -> str:
        """What an architecture is, for error messages."""
        return (
            f"a pruned nasbench.spaces.graph.Graph of at most {self.nodes} nodes and "
            f"{self.most_edges} edges"
        )

    def encodings(self) -> "Mapping[str, Encoding]":
        """Return the encodings `adjacency` and `path`: the methods `adjacency` and `paths`."""
        return {"adjacency": self.adjacency, "path": self.paths}

    def adjacency(self, architectures: Sequence[Graph]) -> "NDArray[np.float32]":
        """Encode n graphs by their edges and operations, as zeros and ones of shape (n, features).

        There is one number per pair of nodes, 1 for an edge, and then the one-hot operation of each
        inner node, zeros for nodes that a graph does not have. White et al., "A study on encodings
        for neural architecture search", NeurIPS 2020.
        """
        import numpy as np

        place = {slot: i for i, slot in enumerate(self._slots)}
        width = len(self._slots) + (self.nodes - 2) * len(self.operations)
        made = np.zeros((len(architectures), width), np.float32)
        for row, (operations, edges) in enumerate(architectures):
            last = len(operations) + 1
            for a, b in edges:  # the output is always the last node of the encoding
                made[row, place[a, self.nodes - 1 if b == last else b]] = 1
            for node, operation in enumerate(operations):
                at = node * len(self.operations) + self.operations.index(operation)
                made[row, len(self._slots) + at] = 1
        return made

    def paths(self, architectures: Sequence[Graph]) -> "NDArray[np.float32]":
        """Encode n graphs by the operations along their paths from input to output.

        The result has shape (n, sequences of operations) and is 1 where a path of the graph has the
        sequence. White et al., BANANAS, AAAI 2021, section 4; sequences are sorted by length, then
        by operations.
        """
        import numpy as np

        kinds, inner = len(self.operations), self.nodes - 2
        offsets = np.cumsum([0] + [kinds**length for length in range(inner + 1)])
        made = np.zeros((len(architectures), int(offsets[-1])), np.float32)
        for row, graph in enumerate(architectures):
            for path in _paths(graph):
                number = 0
                for operation in path:
                    number = number * kinds + self.operations.index(operation)
                made[row, int(offsets[len(path)]) + number] = 1
        return made

    def describe(self) -> Iterable[str]:
        """Return two lines: the operations, and the limits of nodes and edges."""
        return (
            f"operations: {', '.join(self.operations)}",
            f"at most {self.nodes} nodes and {self.most_edges} edges",
        )


def _paths(graph: Graph) -> Iterable[tuple[str, ...]]:
    """Yield the operations of every path from input to output."""
    after: dict[int, list[int]] = {}
    for source, target in graph.edges:
        after.setdefault(source, []).append(target)
    open_ends: list[tuple[int, tuple[str, ...]]] = [(0, ())]
    while open_ends:
        node, path = open_ends.pop()
        if node == graph.nodes - 1:
            yield path
        else:
            for target in after.get(node, ()):
                inner = target < graph.nodes - 1
                open_ends.append((target, (*path, graph.operations[target - 1]) if inner else path))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]

"""Cells as lists of (operation, source) pairs, as `nats_bench.genotype_utils` has them."""

from collections.abc import Sequence

Node = tuple[tuple[str, int], ...]


def read_nodes(text: str) -> list[Node]:
    """Return the pairs of each node of an official string; `ValueError` for another text."""
    nodes = []
    for part in text.split("+"):
        pairs = [one.split("~") for one in part.split("|") if one]
        if not all(len(pair) == 2 for pair in pairs):
            raise ValueError(f"invalid architecture: {text}")
        nodes.append(tuple((operation, int(source)) for operation, source in pairs))
    return nodes


class TopologyStructure:
    """A cell; `nodes` has for every node but the first its (operation, source) pairs."""

    def __init__(self, genotype: Sequence[Sequence[tuple[str, int]]]) -> None:
        """Make the cell of a list of nodes; `ValueError` for a source that is no earlier node."""
        for position, node in enumerate(genotype):
            if not node or not all(len(pair) == 2 and pair[1] <= position for pair in node):
                raise ValueError(f"invalid node: {node}")
        self.node_num = len(genotype) + 1
        self.nodes: list[Node] = [
            tuple((name, source) for name, source in node) for node in genotype
        ]
        self.node_N = [len(node) for node in genotype]

    def tostr(self) -> str:
        """Return the official string."""
        return "+".join(
            f"|{'|'.join(f'{operation}~{source}' for operation, source in node)}|"
            for node in self.nodes
        )

    def tolist(self, remove_str: str | None) -> tuple[list[Node] | None, bool]:
        """Return the nodes without an operation, sorted by source, and whether none is empty."""
        kept = [
            tuple(
                pair for pair in sorted(node, key=lambda x: (x[1], x[0])) if pair[0] != remove_str
            )
            for node in self.nodes
        ]
        return (kept, True) if all(kept) else (None, False)

    def node(self, index: int) -> Node:
        """Return the pairs of a node."""
        return self.nodes[index]

    def check_valid(self) -> bool:
        """Whether a signal passes from the input to the last node."""
        reached = [True]
        for node in self.nodes:
            reached.append(any(name != "none" and reached[source] for name, source in node))
        return reached[-1]

    def check_valid_op(self, op_names: Sequence[str]) -> bool:
        """Whether all operations are among `op_names`."""
        return all(name in op_names for node in self.nodes for name, _ in node)

    def to_unique_str(self, consider_zero: bool | None = False) -> str:
        """Return a text that is equal for cells that the paper calls isomorphic.

        With `consider_zero` True, `none` and what follows it are zero and skips are left out; with
        False only skips are left out; with None all operations are written.
        """
        texts = ["0"]
        for node in self.nodes:
            terms = [_term(name, texts[source], consider_zero) for name, source in node]
            texts.append("+".join(sorted(terms)))
        return texts[-1]

    def __repr__(self) -> str:
        return f"TopologyStructure({self.node_num} nodes with {self.tostr()})"

    def __len__(self) -> int:
        return len(self.nodes) + 1

    def __getitem__(self, index: int) -> Node:
        return self.nodes[index]

    @staticmethod
    def str2structure(xstr: "str | TopologyStructure") -> "TopologyStructure":
        """Return the cell of an official string; a cell is returned as it is."""
        return xstr if isinstance(xstr, TopologyStructure) else TopologyStructure(read_nodes(xstr))

    @staticmethod
    def str2fullstructure(xstr: str, default_name: str = "none") -> "TopologyStructure":
        """Return the cell of a string, with `default_name` on the edges that it leaves out."""
        nodes = []
        for position, node in enumerate(read_nodes(xstr)):
            there = {source for _, source in node}
            rest = [(default_name, one) for one in range(position) if one not in there]
            nodes.append(tuple(sorted([*node, *rest], key=lambda x: (x[1], x[0]))))
        return TopologyStructure(nodes)


def _term(name: str, source: str, consider_zero: bool | None) -> str:
    if consider_zero is not None:
        if consider_zero and (name == "none" or source == "#"):
            return "#"
        if name == "skip_connect":
            return source
    return f"({source})@{name}"

"""The path encoding of cells that have an operation on each edge: NAS-Bench-201's and alike.

White et al., BANANAS, AAAI 2021, Section 4. `GraphSpace.paths` is that of cells with operations on
their nodes.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

Edges = Sequence[tuple[int, int]]


def edge_paths(edges: Edges) -> tuple[tuple[int, ...], ...]:
    """Return the positions of the edges along each path from node 0 to the last node.

    An edge is a pair of source and target, the source being the smaller one. Paths are sorted by
    length, then by the positions of their edges.
    """
    last = max(target for _, target in edges)
    found: list[tuple[int, ...]] = []
    open_ends: list[tuple[int, tuple[int, ...]]] = [(0, ())]
    while open_ends:
        node, path = open_ends.pop()
        if node == last:
            found.append(path)
        open_ends += [
            (target, (*path, place))
            for place, (source, target) in enumerate(edges)
            if source == node
        ]
    return tuple(sorted(found, key=lambda path: (len(path), path)))


def path_encoding(cells: "ArrayLike", edges: Edges, operations: int) -> "NDArray[np.float32]":
    """Encode n cells by the operations along their paths from input to output.

    `cells` has shape (n, edges), the position of each edge's operation among all `operations`. The
    result has shape (n, sequences) and is 1 where a path of the cell has the sequence: of four
    nodes and five operations there are 5 + 25 + 125. Sequences are sorted by length, then by
    operations.

    As in the authors' code (naszilla, `Cell201.encode_paths`), zero and skip are operations as any
    other, so that every cell has all paths. It sorts sequences of one length by their last
    operation first; that permutes the features.
    """
    import numpy as np

    codes = np.asarray(cells, dtype=np.int64).reshape(-1, len(edges))
    paths = edge_paths(edges)
    offsets = np.cumsum([0] + [operations**length for length in range(1, len(paths[-1]) + 1)])
    made = np.zeros((len(codes), int(offsets[-1])), np.float32)
    for path in paths:
        number = np.zeros(len(codes), np.int64)
        for place in path:
            number = number * operations + codes[:, place]
        made[np.arange(len(codes)), offsets[len(path) - 1] + number] = 1
    return made


def live_path_encoding(cells: "ArrayLike", edges: Edges, operations: int) -> "NDArray[np.float32]":
    """Encode n cells by those of their paths on which no operation is zero, operation 0.

    As `path_encoding`, without the features of sequences with operation 0: of four nodes and five
    operations there are 4 + 16 + 64. Cells that differ only where no data passes have equal rows.
    """
    import numpy as np

    lengths = range(1, len(edge_paths(edges)[-1]) + 1)
    live = np.concatenate(
        [(np.indices((operations,) * length) > 0).all(axis=0).ravel() for length in lengths]
    )
    found: NDArray[np.float32] = path_encoding(cells, edges, operations)[:, live]
    return found

"""All 423,624 cells of NAS-Bench-101 in the order of their hashes, enumerated or from a file.

The file beside this module has their cell codes (see `nb101_codes`). It was written by

    python -m nasbench.spaces.nb101_cells

which takes about 20 seconds.
"""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nasbench.spaces.nb101_codes import (
    CODE_BITS,
    LABELS,
    MOST_VERTICES,
    canonical,
    complete_matrices,
    label_code,
    labels_of,
    reordered,
    vertices_of,
)
from nasbench.spaces.nb101_hash import hashes

FILE = Path(__file__).with_name("nb101_cells.npy")
MOST_LABELINGS = LABELS ** (MOST_VERTICES - 2)


def shapes(most_vertices: int = MOST_VERTICES) -> list[int]:
    """Return the canonical matrices of all cells of at most so many vertices, ascending."""
    found = set()
    for vertices in range(2, most_vertices + 1):
        found |= {canonical(matrix).matrix for matrix in complete_matrices(vertices).tolist()}
    return sorted(found)


def canonical_cells(matrix: int) -> Iterator[int]:
    """Yield the label codes of all cells with a canonical matrix, each of them once."""
    orders = canonical(matrix).orders
    for code, labels in enumerate(labels_of(vertices_of(matrix) - 2)):
        if len(orders) == 1 or min(label_code(reordered(labels, one)) for one in orders) == code:
            yield code


def enumerated(most_vertices: int = MOST_VERTICES) -> tuple[NDArray[np.uint32], list[str]]:
    """Return the cell codes of all cells, sorted by their hashes, and the sorted hashes."""
    codes: list[int] = []
    texts: list[str] = []
    for matrix in shapes(most_vertices):
        every, known = labels_of(vertices_of(matrix) - 2), list(canonical_cells(matrix))
        codes += [matrix << CODE_BITS | code for code in known]
        texts += hashes(matrix, [every[code] for code in known])
    order = sorted(range(len(texts)), key=texts.__getitem__)
    return np.array(codes, np.uint32)[order], [texts[one] for one in order]


@cache
def stored(most_vertices: int = MOST_VERTICES) -> NDArray[np.uint32]:
    """Return the cell codes of all cells of at most so many vertices, sorted by their hashes."""
    codes: NDArray[np.uint32] = np.load(FILE, mmap_mode="r", allow_pickle=False)
    if most_vertices == MOST_VERTICES:
        return codes
    bits = most_vertices * (most_vertices - 1) // 2
    return np.asarray(codes[codes >> (CODE_BITS + bits) == 0])


class CellIndex:
    """Finds the position of a canonical cell in the order of the hashes."""

    def __init__(self, codes: NDArray[np.uint32]) -> None:
        """Take the cell codes of all cells in the order of the hashes."""
        matrices = codes >> CODE_BITS
        self.matrices: NDArray[np.uint32] = np.unique(matrices)
        """The canonical matrices, ascending."""
        self._number = {matrix: row for row, matrix in enumerate(self.matrices.tolist())}
        rows = np.searchsorted(self.matrices, matrices)
        table = np.full((len(self.matrices), MOST_LABELINGS), -1, dtype=np.int32)
        table[rows, codes & ((1 << CODE_BITS) - 1)] = np.arange(len(codes), dtype=np.int32)
        self._table = table

    def __getitem__(self, cell: int) -> int:
        """Return the position of a cell code; -1 for labels that are not in canonical order.

        Raises `KeyError` for a matrix that is not canonical.
        """
        row = self._number[cell >> CODE_BITS]
        return int(self._table.item(row, cell & ((1 << CODE_BITS) - 1)))

    def positions(self, cells: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the positions of canonical cell codes, both of shape (n,)."""
        rows = np.searchsorted(self.matrices, cells >> CODE_BITS)
        found = self._table[rows, cells & ((1 << CODE_BITS) - 1)]
        return np.asarray(found, np.int64)


if __name__ == "__main__":
    np.save(FILE, enumerated()[0], allow_pickle=False)

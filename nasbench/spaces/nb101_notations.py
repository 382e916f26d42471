"""Notations of the cells of NAS-Bench-101.

- `text`: nasbench's own, `conv3x3-bn-relu,maxpool3x3|0-1,1-2,2-3`
- `modelspec`: `{"matrix": [[0, 1], [0, 0]], "ops": ["input", "output"]}`, vertices in any order in
  which edges lead to later ones; also as `ModelSpec(matrix=..., ops=...)`
- `hash`: the hash of the official files, 32 digits
"""

import ast
import json
import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from nasbench.errors import InvalidInput
from nasbench.spaces.graph import Graph
from nasbench.spaces.notations import Notation, literal
from nasbench.text import shown

_HASH = re.compile(r"\s*[0-9a-f]{32}\s*")
_SPEC = re.compile(r"\s*(?:\{.*\}|[\w.]*ModelSpec\(.*\))\s*", re.DOTALL)
_MATRIX = ("matrix", "adjacency", "module_adjacency")
_OPERATIONS = ("ops", "operations", "module_operations")
_EXAMPLE = '{"matrix": [[0, 1, 0], [0, 0, 1], [0, 0, 0]], "ops": ["input", "maxpool3x3", "output"]}'


class Cells(Protocol):
    """What the notations need of a space."""

    name: str

    @property
    def size(self) -> int:
        """Number of cells."""

    def architecture(self, index: int) -> Graph:
        """Return the cell at an index; cells are sorted by their hashes."""

    def hash_of(self, architecture: Graph) -> str:
        """Return the hash of a cell."""

    def find(self, operations: Sequence[str], edges: Iterable[tuple[int, int]]) -> Graph | None:
        """Return the cell of a graph in any order of vertices."""


class Nb101Notations:
    """The notations other than the space's own text."""

    def __init__(self, cells: Cells) -> None:
        """Take the space."""
        self._cells = cells

    def all(self) -> tuple[Notation, ...]:
        """Return them."""
        return (
            Notation("modelspec", self._read_spec, self._write_spec, _SPEC),
            Notation("hash", self._read_hash, self._cells.hash_of, _HASH),
        )

    def _read_spec(self, text: str) -> Graph:
        values = _arguments(text) if "ModelSpec(" in text else literal(text, "modelspec")
        found = values if isinstance(values, dict) else {}
        matrix: Any = next((found[key] for key in _MATRIX if key in found), None)
        operations: Any = next((found[key] for key in _OPERATIONS if key in found), None)
        if not _is_spec(matrix, operations):
            raise InvalidInput(
                f"architecture {shown(text)} is not in the notation 'modelspec': write it as "
                f"{_EXAMPLE}"
            )
        edges = [
            (source, target)
            for source, row in enumerate(matrix)
            for target, there in enumerate(row)
            if there
        ]
        cell = self._cells.find(operations[1:-1], edges)
        if cell is None:
            raise InvalidInput(
                f"architecture {shown(text)} is no cell of space '{self._cells.name}': too large, "
                "or of other operations, or with no path from input to output"
            )
        return cell

    @staticmethod
    def _write_spec(cell: Graph) -> str:
        nodes = range(cell.nodes)
        edges = set(cell.edges)
        matrix = [[int((source, target) in edges) for target in nodes] for source in nodes]
        return json.dumps({"matrix": matrix, "ops": ["input", *cell.operations, "output"]})

    def _read_hash(self, text: str) -> Graph:
        wanted, cells = text.strip(), self._cells
        place = bisect_left(
            range(cells.size), wanted, key=lambda index: cells.hash_of(cells.architecture(index))
        )
        cell = cells.architecture(min(place, cells.size - 1))
        if not _HASH.fullmatch(text) or cells.hash_of(cell) != wanted:
            raise InvalidInput(
                f"architecture {shown(text)}: no cell of space '{cells.name}' has this hash"
            )
        return cell


def _arguments(text: str) -> Any:
    """Return the arguments of a call as a dict; `matrix` and `ops` may be positional."""
    try:
        call = ast.parse(text.strip(), mode="eval").body
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    if not isinstance(call, ast.Call) or len(call.args) > 2:
        return None
    given = dict(zip(("matrix", "ops"), call.args, strict=False))
    given.update({one.arg: one.value for one in call.keywords if one.arg is not None})
    parts = [f"{name!r}: {ast.unparse(value)}" for name, value in given.items()]
    return literal(f"{{{', '.join(parts)}}}", "modelspec")


def _is_spec(matrix: Any, operations: Any) -> bool:
    """Whether a matrix of zeros and ones and as many operations, input to output, are given."""
    if not isinstance(matrix, list | tuple) or not isinstance(operations, list | tuple):
        return False
    vertices = len(operations)
    rows = [row if isinstance(row, list | tuple) else () for row in matrix]
    return (
        vertices > 1
        and len(rows) == vertices
        and all(len(row) == vertices and all(one in (0, 1) for one in row) for row in rows)
        and all(isinstance(one, str) for one in operations)
        and (operations[0], operations[-1]) == ("input", "output")
    )

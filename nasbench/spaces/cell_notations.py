"""Notations of cells with four nodes and an operation on each edge: NAS-Bench-201's and alike.

- `official`: `|op~0|+|op~0|op~1|+|op~0|op~1|op~2|`
- `autodl`: `Structure(4 nodes with |op~0|+...)`, as AutoDL-Projects and nats_bench print a cell
- `darts`: `[('op', 0), ('op', 0), ('op', 1), ...]`, also as `Genotype(normal=[...], ...)`
- `tuples`: the same pairs in one tuple for each node
- `nni`: `{"0_1": "conv_3x3", "0_2": ...}`, a dict of edges
- `naslib`: six numbers of operations, edges 0-1, 0-2, 0-3, 1-2, 1-3, 2-3 (HW-NAS-Bench's, too)
- `digits`: six numbers of operations as in the official list, edges in the official order
- `transnas`: TransNAS-Bench-101's text with the same operations, of a cell without pooling

Six digits in a row can be an index, and a text of TransNAS-Bench-101 is another network with the
same cell: `digits` without brackets and `transnas` are read by their names only.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence

from nasbench.errors import InvalidInput
from nasbench.spaces.notations import (
    NUMBERS,
    SYNONYMS,
    UNRECOGNISED,
    Architecture,
    Notation,
    literal,
    numbers,
)
from nasbench.text import shown

NODES = 4
Edges = Sequence[tuple[int, int]]
NASLIB = (
    ("skip_connect", "none", "nor_conv_3x3", "nor_conv_1x1", "avg_pool_3x3"),
    ((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)),
)
"""Operations and edges in NASLib's order, of its space for NAS-Bench-201."""
_NNI = {"nor_conv_1x1": "conv_1x1", "nor_conv_3x3": "conv_3x3"}
_STRUCTURE = re.compile(r"\s*\w*(?:Structure|Genotype)\(4 nodes with (?P<text>[^()]*)\)\s*")
_DARTS = re.compile(r"\s*(?:\w+\(.*?normal\s*=\s*)?(?P<pairs>\[\s*[(\[]\s*['\"].*?\])(?:,.*\))?\s*")
_PAIRS = re.compile(r"\s*[(\[]\s*[(\[]\s*[(\[]\s*['\"].*[)\]]\s*", re.DOTALL)
_FLAT = re.compile(r"\s*(?:\w+\(.*normal\s*=.*\)|[(\[]\s*[(\[]\s*['\"].*[)\]])\s*", re.DOTALL)
_EDGES = re.compile(r"\s*\{.*\}\s*", re.DOTALL)
_EDGE = re.compile(r"(?:.*[/.])?(?:op_|edge_)?(\d)\s*(?:_|->|-|,)\s*(\d)")
_DIGITS = re.compile(r"\s*\d(?:[_|+-]*\d){5}\s*")
_TRANSNAS = re.compile(r"\s*64-41414-(\d)_(\d\d)_(\d\d\d)\s*")


class CellNotations:
    """The notations of the cells of a space with given operations and edges."""

    def __init__(
        self,
        operations: Sequence[str],
        edges: Edges,
        naslib: tuple[Sequence[str], Edges],
        read: Callable[[str], Architecture] | None = None,
    ) -> None:
        """Take the space's operations and edges, NASLib's, and the reader of the official text."""
        self._operations, self._edges = tuple(operations), tuple(edges)
        self._read = read or self._read_official
        self._naslib, self._naslib_edges = list(naslib[0]), tuple(naslib[1])

    def all(self) -> tuple[Notation, ...]:
        """Return all notations; the official one is the first."""
        return (
            Notation("official", self._read, self._write, re.compile(r"\s*\|.*", re.DOTALL)),
            Notation("autodl", self._read_structure, self._write_structure, _STRUCTURE),
            Notation("darts", self._read_flat, self._write_flat, _FLAT),
            Notation("tuples", self._read_tuples, self._write_tuples, _PAIRS),
            Notation("nni", self._read_edges, self._write_edges, _EDGES),
            Notation("naslib", self._read_naslib, self._write_naslib, NUMBERS),
            Notation("digits", self._read_digits, self._write_digits, NUMBERS),
            Notation("transnas", self._read_transnas, self._write_transnas, UNRECOGNISED),
        )

    def _read_official(self, text: str) -> Architecture:
        pairs = [tuple(one.split("~")) for one in re.split(r"[|+]+", text) if one]
        chosen = [self._operation(text, pair[0]) for pair in pairs]
        if len(chosen) != len(self._edges) or self._write(tuple(chosen)) != text.strip():
            raise _other(text, "official", self._example("official"))
        return tuple(chosen)

    def _write(self, cell: Architecture) -> str:
        pairs = [f"{name}~{source}" for name, source in self._pairs(cell)]
        targets = [target for _, target in self._edges]
        nodes = [
            "|".join(pair for pair, target in zip(pairs, targets, strict=True) if target == node)
            for node in range(1, NODES)
        ]
        return "+".join(f"|{node}|" for node in nodes)

    def _read_structure(self, text: str) -> Architecture:
        found = _STRUCTURE.fullmatch(text)
        if found is None:
            raise _other(text, "autodl", self._example("autodl"))
        return self._read(found["text"].strip())

    def _write_structure(self, cell: Architecture) -> str:
        return f"Structure({NODES} nodes with {self._write(cell)})"

    def _read_flat(self, text: str) -> Architecture:
        found = _DARTS.fullmatch(text.replace("\n", " "))
        pairs = literal(found["pairs"] if found else text, "darts")
        if not isinstance(pairs, list | tuple) or len(pairs) != len(self._edges):
            raise _other(text, "darts", self._example("darts"))
        return self._of_pairs(text, pairs, "darts")

    def _write_flat(self, cell: Architecture) -> str:
        return str(self._pairs(cell))

    def _read_tuples(self, text: str) -> Architecture:
        nodes = literal(text, "tuples")
        sizes = [
            len(node) if isinstance(node, list | tuple) else 0
            for node in (nodes if isinstance(nodes, list | tuple) else ())
        ]
        if sizes != list(range(1, NODES)):
            raise _other(text, "tuples", self._example("tuples"))
        return self._of_pairs(text, [pair for node in nodes for pair in node], "tuples")

    def _write_tuples(self, cell: Architecture) -> str:
        pairs = self._pairs(cell)
        nodes = [
            tuple(
                pair for pair, (_, target) in zip(pairs, self._edges, strict=True) if target == node
            )
            for node in range(1, NODES)
        ]
        return str(tuple(nodes))

    def _read_edges(self, text: str) -> Architecture:
        found = literal(text, "nni")
        chosen: dict[tuple[int, int], str] = {}
        for key, name in found.items() if isinstance(found, dict) else ():
            match = _EDGE.fullmatch(key) if isinstance(key, str) else None
            edge = (int(match[1]), int(match[2])) if match is not None else key
            if edge not in self._edges or edge in chosen:
                raise InvalidInput(
                    f"architecture {shown(text)}: {shown(key)} is no edge, or one that was named "
                    f"before; edges are {', '.join(f'{a}_{b}' for a, b in self._edges)}"
                )
            chosen[edge] = name
        if len(chosen) != len(self._edges):
            raise _other(text, "nni", self._example("nni"))
        return tuple(self._operation(text, chosen[edge]) for edge in self._edges)

    def _write_edges(self, cell: Architecture) -> str:
        names = (self._operations[choice] for choice in cell)
        return json.dumps(
            {
                f"{source}_{target}": _NNI.get(name, name)
                for (source, target), name in zip(self._edges, names, strict=True)
            }
        )

    def _read_naslib(self, text: str) -> Architecture:
        limits = [len(self._naslib)] * len(self._naslib_edges)
        found = dict(zip(self._naslib_edges, numbers(text, "naslib", limits), strict=True))
        return tuple(self._operations.index(self._naslib[found[edge]]) for edge in self._edges)

    def _write_naslib(self, cell: Architecture) -> str:
        chosen = dict(zip(self._edges, cell, strict=True))
        names = [self._operations[chosen[edge]] for edge in self._naslib_edges]
        return str(tuple(self._naslib.index(name) for name in names))

    def _read_digits(self, text: str) -> Architecture:
        plain = text.strip()
        if _DIGITS.fullmatch(text):
            plain = str([int(one) for one in re.findall(r"\d", text)])
        return numbers(plain, "digits", [len(self._operations)] * len(self._edges))

    def _write_digits(self, cell: Architecture) -> str:
        return "".join(map(str, cell))

    def _read_transnas(self, text: str) -> Architecture:
        found = _TRANSNAS.fullmatch(text)
        if found is None:
            raise _other(text, "transnas", "64-41414-1_02_333")
        digits = str([int(one) for one in "".join(found.groups())])
        return numbers(digits, "transnas", [4] * len(self._edges))

    def _write_transnas(self, cell: Architecture) -> str | None:
        if max(cell) > 3:
            return None
        digits = self._write_digits(cell)
        return f"64-41414-{digits[0]}_{digits[1:3]}_{digits[3:]}"

    def _pairs(self, cell: Architecture) -> list[tuple[str, int]]:
        return [
            (self._operations[choice], source)
            for choice, (source, _) in zip(cell, self._edges, strict=True)
        ]

    def _of_pairs(self, text: str, pairs: Sequence[object], notation: str) -> Architecture:
        """Return the cell of (operation, source) pairs, in any order within a node."""
        chosen: dict[tuple[int, int], int] = {}
        for pair, (_, target) in zip(pairs, self._edges, strict=True):
            if not (isinstance(pair, list | tuple) and len(pair) == 2):
                raise _other(text, notation, self._example(notation))
            name, source = pair
            if (source, target) not in self._edges or (source, target) in chosen:
                raise InvalidInput(
                    f"architecture {shown(text)}: node {target} has no other edge from "
                    f"{shown(source)}; in this space each has one from every node before it"
                )
            chosen[source, target] = self._operation(text, name)
        return tuple(chosen[edge] for edge in self._edges)

    def _operation(self, text: str, name: object) -> int:
        plain = name if isinstance(name, str) else ""
        known = plain if plain in self._operations else SYNONYMS.get(plain.lower(), "")
        if known not in self._operations:
            raise InvalidInput(
                f"architecture {shown(text)}: {shown(name)} is none of the operations "
                f"{', '.join(self._operations)}"
            )
        return self._operations.index(known)

    def _example(self, notation: str) -> str:
        writers: Mapping[str, Callable[[Architecture], str]] = {
            "official": self._write,
            "autodl": self._write_structure,
            "darts": self._write_flat,
            "tuples": self._write_tuples,
            "nni": self._write_edges,
        }
        return writers[notation]((1,) * len(self._edges))


def _other(text: str, notation: str, example: str) -> InvalidInput:
    return InvalidInput(
        f"architecture {shown(text)} is not in the notation '{notation}': write it as {example}"
    )

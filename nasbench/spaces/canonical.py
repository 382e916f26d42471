"""Equality of cells by three definitions, computed for all cells of a space at once."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_NONE, _SKIP = 0, 1


def paper_expressions(
    codes: NDArray[np.uint8], edges: Sequence[tuple[int, int]], operations: Sequence[str]
) -> NDArray[np.object_]:
    """Return one string per cell, equal for cells that the NAS-Bench-201 paper calls isomorphic.

    `codes` has shape (cells, edges); operation 0 is `none` and 1 is `skip_connect`. `edges` are
    (source, target) pairs sorted by target. The result has shape (cells,).

    The string of a node is made of the strings of its incoming edges, sorted and joined. The string
    of an edge is `#` for `none` or if the string of its source is exactly `#`; the string of its
    source for a skip; and `(source)@operation` otherwise. Sums of zeros are not simplified, and
    sums inside sums are sorted as text: this is exactly the definition of the published count.
    """
    text = np.dtypes.StringDType()
    names = np.array(operations, dtype=text)
    nodes: dict[int, Any] = {0: np.full(len(codes), "0", dtype=text)}
    for target in range(1, 1 + max(target for _, target in edges)):
        brought = []
        for position, (source, end) in enumerate(edges):
            if end != target:
                continue
            operation, inside = codes[:, position], nodes[source]
            term = np.strings.add(np.strings.add("(", inside), ")@")
            term = np.strings.add(term, names[operation])
            term = np.where(operation == _SKIP, inside, term)
            term[(operation == _NONE) | (inside == "#")] = "#"
            brought.append(term)
        first, *rest = np.sort(np.stack(brought, axis=1), axis=1).T
        for term in rest:
            first = np.strings.add(np.strings.add(first, "+"), term)
        nodes[target] = first
    strings: NDArray[np.object_] = nodes[target].astype(object)
    return strings


def function_ids(codes: NDArray[np.uint8], edges: Sequence[tuple[int, int]]) -> NDArray[np.uint64]:
    """Return one number per cell, equal for cells that compute the same sum of terms.

    The arguments are as in `paper_expressions`; the result has shape (cells,). A node is a multiset
    of terms, and its number is the sum of the 64-bit hashes of its terms, which does not depend on
    their order. `none` adds no term, a skip adds the terms of its source, and any other operation
    adds one term, made of the operation and the number of its source; it adds no term if the source
    is an empty sum. Two of 15,625 cells collide with probability below 1e-11.
    """
    nodes, _ = _sums(codes, edges)
    return nodes[-1]


def network_ids(
    codes: NDArray[np.uint8], edges: Sequence[tuple[int, int]], weighted: Sequence[int]
) -> NDArray[np.uint64]:
    """Return one number per cell, equal for cells that are the same network.

    The arguments are as in `paper_expressions`; `weighted` are the operations with weights. The
    result has shape (cells,).

    The sum of terms of `function_ids` does not say whether two equal terms come from one module
    that is used twice or from two modules with weights of their own. Here every edge with a
    `weighted` operation is a module, identified by what it computes and by where its output is
    used. The uses of a node are a multiset as well, numbered as in `function_ids` but from the
    output backwards; a module that is used twice has twice the uses. Operations without weights
    pass uses on linearly, so that applying such an operation twice equals using it twice.
    """
    nodes, terms = _sums(codes, edges)
    uses = [np.zeros(len(codes), dtype=np.uint64) for _ in nodes]
    uses[-1] += np.uint64(1)
    total = nodes[-1].copy()
    for position, (source, target) in reversed(list(enumerate(edges))):
        operation = codes[:, position].astype(np.uint64)
        own = np.isin(codes[:, position], weighted)
        used = uses[target]
        live = (terms[position] != 0) & (used != 0)
        total += np.where(own & live, _mix(terms[position] + _mix(used)), np.uint64(0))
        inside = np.where(own, _mix(used + _mix(operation)), used * (_mix(operation) | 1))
        inside = np.where(operation == _SKIP, used, inside)
        uses[source] += np.where(live, inside, np.uint64(0))
    return total


def _sums(
    codes: NDArray[np.uint8], edges: Sequence[tuple[int, int]]
) -> tuple[list[NDArray[np.uint64]], list[NDArray[np.uint64]]]:
    """Return the number of every node and the number that every edge adds; 0 is an empty sum."""
    nodes = [np.zeros(len(codes), dtype=np.uint64) for _ in range(1 + max(t for _, t in edges))]
    nodes[0] += np.uint64(1)
    terms = []
    for position, (source, target) in enumerate(edges):
        operation, inside = codes[:, position].astype(np.uint64), nodes[source]
        term = np.where(inside == 0, np.uint64(0), _mix(inside + _mix(operation)))
        term = np.where(operation == _SKIP, inside, term)
        term[operation == _NONE] = 0
        terms.append(term)
        nodes[target] = nodes[target] + term
    return nodes, terms


def _mix(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Hash 64-bit integers with the finaliser of SplitMix64 (Steele et al., OOPSLA 2014)."""
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))

"""Which cells are the same, for a whole space at once: two notions of equality."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_NONE, _SKIP = 0, 1


def paper_expressions(
    codes: NDArray[np.uint8], edges: Sequence[tuple[int, int]], operations: Sequence[str]
) -> NDArray[np.object_]:
    """Return the unique strings by which the NAS-Bench-201 paper counts isomorphic cells.

    `codes` has shape (cells, edges), operation 0 is `none` and 1 `skip_connect`; `edges` are
    (source, target) pairs sorted by target. A node is the sorted join of what its edges
    bring: `#` for a zero or the operation of a source that is exactly `#`, the source itself
    for a skip, `(source)@operation` otherwise. Sums of zeros are not simplified, and sums
    inside sums are sorted as text: that is the published count's definition, kept to the
    letter. Strings of shape (cells,).
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
    """Return one number per cell, equal where the cells compute the same sum of terms.

    A node is a multiset of terms, numbered by the sum of its terms' 64-bit hashes, which
    does not depend on their order: `none` adds nothing, a skip adds its source's terms, an
    operation adds one term made of itself and its source's number, and an operation of an
    empty sum adds nothing. Two of 15,625 cells collide with probability below 1e-11.
    """
    nodes, _ = _sums(codes, edges)
    return nodes[-1]


def network_ids(
    codes: NDArray[np.uint8], edges: Sequence[tuple[int, int]], weighted: Sequence[int]
) -> NDArray[np.uint64]:
    """Return one number per cell, equal where the cells are the same network.

    The sum of terms does not say whether two equal terms come from one module that is used
    twice or from two modules with weights of their own. Here every edge with a `weighted`
    operation is a module, known by what it computes and by where that is used: the uses of a
    node are a multiset too, numbered as in `function_ids` but from the output backwards. A
    module used twice has twice the uses. Operations without weights pass uses on linearly,
    so that applying one twice is the same as using it twice.
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
    """Return the number of every node's sum and of what every edge brings; 0 is nothing."""
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

"""The hash of NAS-Bench-101, which is equal for isomorphic cells.

Ying, "Enumerating unique computational graphs via an iterative graph invariant", 2019. It is a name
of a cell in public files; nothing is protected by it.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import md5
from operator import itemgetter

from nasbench.spaces.nb101_codes import LABELS, Labels, edges_of, vertices_of

INPUT, OUTPUT = -1, -2
"""Labels of the input and of the output."""


def hashes(matrix: int, labelings: Iterable[Labels]) -> Iterator[str]:
    """Yield the hash of a complete cell for each of some labels of its inner vertices.

    Every vertex starts with the MD5 of the text of (out-degree, in-degree, label). As many times as
    there are vertices, the hashes of all vertices are replaced by the MD5 of the sorted hashes of
    the vertices before it, `|`, those of the vertices after it, `|`, and its own. The result is
    the MD5 of the text of the sorted list of the hashes of all vertices.
    """
    vertices, edges = range(vertices_of(matrix)), edges_of(matrix)
    before = [[a for a, b in edges if b == vertex] for vertex in vertices]
    after = [[b for a, b in edges if a == vertex] for vertex in vertices]
    around = [(_joined(one), _joined(other)) for one, other in zip(before, after, strict=True)]
    first = [
        {
            label: _md5(str((len(after[vertex]), len(before[vertex]), label)))
            for label in (INPUT, OUTPUT, *range(LABELS))
        }
        for vertex in vertices
    ]
    for labels in labelings:
        now = [of[label] for of, label in zip(first, (INPUT, *labels, OUTPUT), strict=True)]
        for _ in vertices:
            now = [
                _md5(f"{enters(now)}|{leaves(now)}|{own}")
                for (enters, leaves), own in zip(around, now, strict=True)
            ]
        yield _md5(str(sorted(now)))


def _joined(vertices: Sequence[int]) -> Callable[[list[str]], str]:
    """Return the function that sorts and joins the hashes of some vertices."""
    if not vertices:
        return lambda _: ""
    take = itemgetter(*vertices)
    if len(vertices) == 1:
        return take
    return lambda now: "".join(sorted(take(now)))


def _md5(text: str) -> str:
    return md5(text.encode(), usedforsecurity=False).hexdigest()

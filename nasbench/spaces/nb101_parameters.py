"""Numbers of trainable parameters of the networks of NAS-Bench-101, by formula.

A network is a 3x3 convolution of 128 channels and three stacks of three cells with 128, 256 and 512
channels, followed by a linear layer of 10 classes. Every convolution has batch norm, no bias, and
as many channels as its vertex. The cells that lead to the output share its channels equally; what
remains goes to the first of them, one channel each. Another vertex has as many channels as the
widest vertex that it leads to. Edges from the input are 1x1 convolutions.
"""

from functools import cache

from nasbench.spaces.nb101_codes import Labels, edges_of, vertices_of

STEM, STACKS, CELLS, CLASSES = 128, 3, 3, 10
_IMAGE_CHANNELS = 3


def parameters(matrix: int, labels: Labels) -> int:
    """Return the number of trainable parameters of the network of a complete cell.

    For isomorphic cells it can differ a little, as the remainder of the channels goes to the first
    vertices: the official numbers are those of the canonical order for most cells.
    """
    fixed, by_label = _parts(matrix)
    return fixed + sum(of[label] for of, label in zip(by_label, labels, strict=True))


@cache
def _parts(matrix: int) -> tuple[int, tuple[tuple[int, ...], ...]]:
    """Return the parameters without those of operations, and of each operation at each vertex."""
    inner = vertices_of(matrix) - 2
    fixed = _convolution(3, _IMAGE_CHANNELS, STEM)
    by_label = [[0, 0, 0] for _ in range(inner)]
    before = STEM
    for stack in range(STACKS):
        width = STEM << stack
        channels = vertex_channels(matrix, width)
        for _ in range(CELLS):
            fixed += sum(
                _convolution(1, before, channels[target])
                for source, target in edges_of(matrix)
                if source == 0
            )
            before = width
            for of, own in zip(by_label, channels[1:-1], strict=True):
                of[0] += _convolution(3, own, own)
                of[1] += _convolution(1, own, own)
    fixed += (before + 1) * CLASSES
    return fixed, tuple(map(tuple, by_label))


def vertex_channels(matrix: int, width: int) -> list[int]:
    """Return the channels of the inner vertices and of the output of a cell of `width` channels.

    The first number is for the input and is 0: its own channels are those of the cell before.
    """
    edges, last = edges_of(matrix), vertices_of(matrix) - 1
    channels = [0] * last + [width]
    to_output = [source for source, target in edges if target == last and source > 0]
    for place, vertex in enumerate(to_output):
        share, rest = divmod(width, len(to_output))
        channels[vertex] = share + (place < rest)
    for vertex in range(last - 1, 0, -1):
        if vertex not in to_output:
            channels[vertex] = max(channels[target] for source, target in edges if source == vertex)
    return channels


def _convolution(side: int, before: int, after: int) -> int:
    """Return the parameters of a convolution without bias and its batch norm."""
    return side**2 * before * after + 2 * after

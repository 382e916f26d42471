"""Candidates for a zero-cost proxy: drawn, scored and ranked."""

import math
from collections.abc import Collection, Sequence

from nasbench.errors import InvalidInput
from nasbench.randomness import Random
from nasbench.spaces.base import Architecture, EnumerableSpace, Space

_LARGEST = 1_000_000
"""Largest number of architectures of a space that are all scored."""


def draw_candidates(
    space: Space, count: int, random: Random, known: Collection[Architecture] = ()
) -> list[Architecture]:
    """Draw `count` architectures by the space's `sample`, and return the different ones.

    Those in `known` are left out. If `count` is 0, or the space has no more architectures than
    that, the result is all of them in random order. Raises `InvalidInput` for a count of 0 where
    they cannot be listed, or are more than a million.
    """
    if isinstance(space, EnumerableSpace) and space.size <= (count or _LARGEST):
        order = random.generator.permutation(space.size).tolist()
        drawn = [space.architecture(index) for index in order]
    elif count:
        drawn = [space.sample(random) for _ in range(count)]
    else:
        raise InvalidInput(
            f"candidates cannot be 0, which is all: space '{space.name}' has too many; use a "
            "number, such as 1000"
        )
    return [one for one in dict.fromkeys(drawn) if one not in known]


def ranked(architectures: Sequence[Architecture], scores: Sequence[float]) -> list[Architecture]:
    """Return architectures from the best score to the worst; those without one, NaN, come last.

    Of equal scores the first stays the first, so that ties are broken by the order of drawing.
    """
    pairs = zip(scores, architectures, strict=True)
    best_first = sorted(pairs, key=lambda pair: (math.isnan(pair[0]), -pair[0]))
    return [architecture for _, architecture in best_first]

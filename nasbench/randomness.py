"""The only source of random numbers: one seeded stream per run, passed to the code that draws."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import numpy as np

_FIRST_BLOCK, _BLOCK = 32, 128
_LARGEST = 2**62
"""Largest bound of an integer that is drawn at once; for larger ones, bits are drawn in parts."""
T = TypeVar("T")


class Random:
    """Random numbers from a PCG64 stream, drawn in blocks.

    A scalar call of a numpy Generator takes 0.4 to 3 microseconds, and taking a number from a
    block that was drawn before takes a tenth of that; a table run needs several numbers per
    evaluation. One block has uniform numbers; integer tuples have one block for every tuple of
    bounds. `generator` is a numpy Generator on the same stream, for draws of whole arrays. A given
    sequence of these calls always returns the same numbers.
    """

    __slots__ = ("_tuples", "_uniforms", "generator")

    def __init__(self, seed: "np.random.SeedSequence | Sequence[int] | int") -> None:
        import numpy as np  # takes 0.1 s, and listing strategies does not need it

        self.generator = np.random.Generator(np.random.PCG64(seed))
        self._uniforms: list[float] = []
        self._tuples: dict[tuple[int, ...], list[tuple[int, ...]]] = {}

    def uniforms(self, k: int) -> list[float]:
        """Return `k` uniform numbers in [0, 1)."""
        block = self._uniforms
        if len(block) < k:
            block[:0] = self.generator.random(max(_BLOCK, k)).tolist()
        taken = block[-k:]
        del block[-k:]
        return taken

    def uniform(self) -> float:
        """Return one uniform number in [0, 1)."""
        return self.uniforms(1)[0]

    def integers(self, bounds: tuple[int, ...]) -> tuple[int, ...]:
        """Return one integer in 0..bound-1 for each bound, uniform and independent."""
        block = self._tuples.get(bounds) or self._refill(bounds)
        return block.pop()

    def integer(self, bound: int) -> int:
        """Return one integer in 0..bound-1, uniform."""
        if bound > _LARGEST:
            return self._large_integer(bound)
        return self.integers((bound,))[0]

    def _large_integer(self, bound: int) -> int:
        """Draw numbers with as many bits as `bound` - 1 has, until one is below `bound`."""
        bits = (bound - 1).bit_length()
        while True:
            words = self.generator.integers(2**32, size=-(-bits // 32)).tolist()
            drawn = sum(word << 32 * place for place, word in enumerate(words)) % 2**bits
            if drawn < bound:
                return int(drawn)

    def choice(self, items: Sequence[T]) -> T:
        """Return one of `items`, uniformly."""
        return items[self.integers((len(items),))[0]]

    def choices(self, items: Sequence[T], k: int) -> list[T]:
        """Return `k` of `items`, drawn with replacement."""
        return [items[i] for i in self.integers((len(items),) * k)]

    def different(self, items: Sequence[T], most: int) -> list[T]:
        """Return `most` of `items`, or all if there are fewer, drawn without replacement."""
        rest = list(items)
        bounds = range(len(rest), max(0, len(rest) - most), -1)
        return [rest.pop(place) for place in self.integers(tuple(bounds))]

    def _refill(self, bounds: tuple[int, ...]) -> list[tuple[int, ...]]:
        """Draw a block of tuples; the first is short, as some bounds are used a few times only."""
        rows = _BLOCK if bounds in self._tuples else _FIRST_BLOCK
        below = bounds[0] if len(set(bounds)) == 1 else bounds
        drawn = self.generator.integers(below, size=(rows, len(bounds)))
        block = self._tuples[bounds] = list(map(tuple, drawn.tolist()))
        return block

    def state(self) -> dict[str, Any]:
        """Return what `restore` needs to continue with the same numbers, as JSON values."""
        return {
            "generator": self.generator.bit_generator.state,
            "uniforms": list(self._uniforms),
            "tuples": [[list(bounds), list(block)] for bounds, block in self._tuples.items()],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continue the stream exactly from the point at which `state` was taken."""
        self.generator.bit_generator.state = state["generator"]
        self._uniforms = list(state["uniforms"])
        self._tuples = {tuple(bounds): list(map(tuple, block)) for bounds, block in state["tuples"]}

"""Towers: a head, a number of blocks, and an operation for each of them."""

from nasbench import ConditionalSpace, Decision

HEADS = ("linear", "hidden", "attention")
OPERATIONS = tuple(f"{kind}{width}" for kind in ("conv", "pool", "mix", "gate", "skip")
                   for width in (32, 64))  # fmt: skip
MOST = 5
"""Blocks of the tallest tower."""


class Towers(ConditionalSpace):
    """3 heads times 10 + 10^2 + ... + 10^5 towers of blocks: 333,330 architectures."""

    def next_decision(self, choices: tuple[int, ...]) -> Decision | None:
        """Return the decision after some choices: head, number of blocks, block after block."""
        if not choices:
            return Decision("head", HEADS)
        if len(choices) == 1:
            return Decision("blocks", tuple(str(n) for n in range(1, MOST + 1)))
        done, blocks = len(choices) - 2, choices[1] + 1
        return Decision(f"block {done}", OPERATIONS) if done < blocks else None

    def state(self, choices: tuple[int, ...]) -> object:
        """Return what decides which decisions follow: how many blocks are left."""
        if len(choices) < 2:
            return "head" if choices else "nothing"
        return choices[1] + 1 - (len(choices) - 2)

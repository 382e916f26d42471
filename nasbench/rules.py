"""The rules that a search may follow, as fixed sets of words used in options and stored files."""

from enum import StrEnum

SIGNALS = ("mean", "random")
"""What a query returns for an architecture with several training seeds: mean, or a random one."""
REPEATS = ("charge", "free")
"""What a second evaluation of the same architecture costs: as much as the first, or nothing."""


class Selection(StrEnum):
    """Rules that choose which evaluations are the answer of a search (the incumbents)."""

    HIGHEST = "highest"
    """The best at the highest fidelity so far: the first value there replaces all at lower ones."""
    OWN = "own"
    """The best at the task's own fidelity; evaluations at other fidelities never count."""
    FRONT = "front"
    """The Pareto front of several objectives, at the highest fidelity reached so far.

    These are the evaluations that no other dominates: none is at least as good in every objective
    and better in one. Of equal evaluations only the first counts.
    """


class Promotion(StrEnum):
    """What is charged when an architecture is evaluated again at a higher fidelity."""

    RESTART = "restart"
    """All epochs of the higher fidelity: the architecture is trained from the beginning."""
    RESUME = "resume"
    """The epochs beyond its last evaluation that has ended, and one validation."""

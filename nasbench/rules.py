"""The rules that a search may follow, as closed sets of words that users give and files hold."""

from enum import StrEnum

TRIALS = ("mean", "random")
"""What a query of several training seeds returns: their mean, or a random one."""
REPEATS = ("charge", "free")
"""What an architecture that is asked again costs: as at first, or nothing."""


class Selection(StrEnum):
    """Rules by which evaluations are chosen."""

    HIGHEST = "highest"
    """The best at the highest fidelity that was reached: a first value there replaces any below."""
    OWN = "own"
    """The best at the task's own fidelity; others never count."""
    FRONT = "front"
    """Of several objectives: all that no other is better than, at the highest fidelity reached.

    One is better than another that is at least as good in every objective and not equal to it.
    """


class Promotion(StrEnum):
    """What is charged for an evaluation at a higher fidelity than before, of one architecture."""

    RESTART = "restart"
    """All of its epochs: it is trained anew."""
    RESUME = "resume"
    """The epochs since the last evaluation of it that has ended, and one validation."""

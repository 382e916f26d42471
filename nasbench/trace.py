"""Traces: numbers that are recorded in every epoch of a one-shot search, besides its answer."""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

_COLUMN = "figure/"
"""Prefix of the names of stored columns."""


class TraceKind(StrEnum):
    """The kinds of numbers that a trace can have."""

    NUMBER = "number"
    """A number with a name, such as a loss."""
    PROBABILITY = "probability"
    """The probability of one choice of one decision."""
    RANKED = "ranked"
    """Validation accuracy (%) with the shared weights of the architecture at a given index."""
    COST = "cost"
    """The cost of the derived architecture, in a named unit."""
    EXPECTED_COST = "expected cost"
    """The expected cost under the present probabilities, in a named unit."""


class Trace(NamedTuple):
    """The identity of a number that is recorded in every epoch: its kind, and words for it.

    The words are a name, a decision and a choice, an index, or a unit, depending on the kind.
    """

    kind: TraceKind
    words: tuple[str, ...]

    @classmethod
    def number(cls, name: str) -> "Trace":
        """Return the trace of a number that the strategy names itself."""
        return cls(TraceKind.NUMBER, (name,))

    @classmethod
    def probability(cls, decision: str, choice: str) -> "Trace":
        """Return the trace of the probability of a decision's choice."""
        return cls(TraceKind.PROBABILITY, (decision, choice))

    @classmethod
    def ranked(cls, index: int) -> "Trace":
        """Return the trace of the shared-weight accuracy of the architecture at `index`."""
        return cls(TraceKind.RANKED, (str(index),))

    @classmethod
    def cost(cls, unit: str) -> "Trace":
        """Return the trace of the derived architecture's cost in `unit`."""
        return cls(TraceKind.COST, (unit,))

    @classmethod
    def expected_cost(cls, unit: str) -> "Trace":
        """Return the trace of the expected cost under the present probabilities, in `unit`."""
        return cls(TraceKind.EXPECTED_COST, (unit,))

    @property
    def column(self) -> str:
        """The name of the stored column with the trace's numbers; `read` turns it back."""
        words = [_escaped(word) for word in self.words]
        match self.kind:
            case TraceKind.PROBABILITY:
                return f"{_COLUMN}p/{'/'.join(words)}"
            case TraceKind.RANKED:
                return f"{_COLUMN}cell/{words[0]}"
            case TraceKind.COST | TraceKind.EXPECTED_COST:
                return f"{_COLUMN}{self.kind} ({self.words[0]})"
        plain = f"{_COLUMN}{self.words[0]}"
        return plain if Trace.read(plain) == self else f"{_COLUMN}number/{words[0]}"

    @classmethod
    def read(cls, column: str) -> "Trace | None":
        """Return the trace whose numbers a stored column has; None for any other column."""
        if not column.startswith(_COLUMN):
            return None
        name = column.removeprefix(_COLUMN)
        first, _, rest = name.partition("/")
        words = tuple(_plain(word) for word in rest.split("/"))
        if first == "p" and len(words) == 2:
            return cls(TraceKind.PROBABILITY, words)
        if first == "number" and len(words) == 1 and rest:
            return cls(TraceKind.NUMBER, words)
        if first == "cell" and len(words) == 1 and rest.isdecimal():
            return cls(TraceKind.RANKED, words)
        for kind in (TraceKind.COST, TraceKind.EXPECTED_COST):
            if name.startswith(f"{kind} (") and name.endswith(")"):
                return cls(kind, (name.removeprefix(f"{kind} (").removesuffix(")"),))
        return cls.number(name)


MODEL_TRACES = {
    name: Trace.number(name)
    for name in (
        "prompt tokens", "completion tokens", "model seconds", "unusable answers",
        "random proposals",
    )
}  # fmt: skip
"""What proposals of a language model cost, per evaluation.

Seconds are those that the model took when it was recorded. They are on no other clock."""


Traces = Mapping[Trace, float]
"""The numbers of one epoch, by trace."""


TRAIN_LOSS = Trace.number("train loss")
"""Mean cross entropy (nats) of the shared weights over an epoch's training images."""
VALIDATION_LOSS = Trace.number("validation loss")
"""Mean cross entropy (nats) of the derived architecture with the shared weights, over all
validation images."""
SUPERNET = Trace.number("supernet")
"""Number, from 0, of the supernet that was trained; only of searches that train several."""


def _escaped(word: str) -> str:
    """Return a word with `%` and `/` escaped: a slash separates the words of a column's name."""
    return word.replace("%", "%25").replace("/", "%2F")


def _plain(word: str) -> str:
    return re.sub("%25|%2F", lambda match: {"%25": "%", "%2F": "/"}[match[0]], word)

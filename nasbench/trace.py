"""Traces: what is recorded of every epoch of a search of shared weights, beside its answer."""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

_COLUMN = "figure/"
"""What the names of stored columns begin with."""


class TraceKind(StrEnum):
    """What the numbers of a trace are."""

    NUMBER = "number"
    """A number of that name, such as a loss."""
    PROBABILITY = "probability"
    """Of one choice of one decision."""
    RANKED = "ranked"
    """Validation accuracy (%), with the shared weights, of the architecture with an index."""
    COST = "cost"
    """What the derived architecture costs, in a unit."""
    EXPECTED_COST = "expected cost"
    """What the present probabilities cost in expectation, in a unit."""


class Trace(NamedTuple):
    """What one number of every epoch is: a kind, and the words that go with it."""

    kind: TraceKind
    words: tuple[str, ...]

    @classmethod
    def number(cls, name: str) -> "Trace":
        """Return the trace of a number of the strategy's own."""
        return cls(TraceKind.NUMBER, (name,))

    @classmethod
    def probability(cls, decision: str, choice: str) -> "Trace":
        """Return that of a choice's probability."""
        return cls(TraceKind.PROBABILITY, (decision, choice))

    @classmethod
    def ranked(cls, index: int) -> "Trace":
        """Return that of the accuracy, with the shared weights, of the architecture at `index`."""
        return cls(TraceKind.RANKED, (str(index),))

    @classmethod
    def cost(cls, unit: str) -> "Trace":
        """Return that of the derived architecture's cost."""
        return cls(TraceKind.COST, (unit,))

    @classmethod
    def expected_cost(cls, unit: str) -> "Trace":
        """Return that of the cost that present probabilities expect."""
        return cls(TraceKind.EXPECTED_COST, (unit,))

    @property
    def column(self) -> str:
        """The name of the stored column with its numbers; `read` takes it apart again."""
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
        """Return the trace that a column holds, None where it holds none."""
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


Traces = Mapping[Trace, float]
"""The numbers of an epoch."""


TRAIN_LOSS = Trace.number("train loss")
"""Mean cross entropy (nats) of the shared weights over an epoch's training images."""
VALIDATION_LOSS = Trace.number("validation loss")
"""Of the derived architecture with the shared weights, over all validation images."""


def _escaped(word: str) -> str:
    """Return a word without a slash in it: that is what words are put together with."""
    return word.replace("%", "%25").replace("/", "%2F")


def _plain(word: str) -> str:
    return re.sub("%25|%2F", lambda match: {"%25": "%", "%2F": "/"}[match[0]], word)

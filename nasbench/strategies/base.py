"""The one interface of every search strategy."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from nasbench.errors import InvalidInput
from nasbench.randomness import Random
from nasbench.requests import Work
from nasbench.spaces.base import Space
from nasbench.strategies.state import Stateful
from nasbench.text import shown

BEST, DERIVED = "best by validation", "derived"
"""The two incumbent rules."""


@dataclass(frozen=True)
class NoSettings:
    """A strategy without hyperparameters."""


def require(holds: bool, setting: str, value: object, rule: str) -> None:
    """Raise `InvalidInput` unless a setting's value `holds`: "it must be" `rule`."""
    if not holds:
        raise InvalidInput(f"setting '{setting}' cannot be {shown(value)}: it must be {rule}")


class SearchStrategy(Stateful, ABC):
    """A search, told apart from everything around it.

    The harness makes one object per run and then alternates: `ask` once, the benchmark
    answers, `tell` once with the same request. `tell` is not called for an evaluation that
    would overshoot the budget: the run has ended before it. A strategy knows no budget, no
    seed, no table and no best-so-far; its randomness is `self.random`, its hyperparameters
    are `self.settings`. A failed evaluation is told with accuracy 0 and `failed` set.

    Between a `tell` and the next `ask`, `state()` describes the search completely: all
    attributes whose names do not begin with an underscore are stored (see `Stateful`).
    """

    name: ClassVar[str]
    """The registered name."""
    family: ClassVar[str]
    """What cost tables group by: random, evolution, reinforcement learning, ..."""
    reference: ClassVar[str]
    """The paper, as `Authors, venue year`."""
    rule: ClassVar[str] = BEST
    """What the answer is at any time: `BEST` by validation of what was evaluated, or `DERIVED`."""
    recipes: ClassVar[Mapping[str, Mapping[str, object]]] = {}
    """Settings by the name of a published or tried recipe; empty where the defaults are all."""
    Settings: ClassVar[type] = NoSettings
    """A frozen dataclass of hyperparameters with the paper's defaults."""

    _fixed = frozenset({"space", "settings"})

    def __init__(self, space: Space, settings: Any, random: Random) -> None:
        """Start a search of `space`; override `setup`, not this."""
        self.space = space
        self.settings = settings
        self.random = random
        self.setup()

    def setup(self) -> None:
        """Make the attributes a search starts with; called once, before the first `ask`."""

    @abstractmethod
    def ask(self) -> Work | None:
        """Return the next piece of work, or None when nothing is left to ask."""

    @abstractmethod
    def tell(self, request: Any, answer: Any) -> None:
        """Learn the answer to the request that `ask` has just returned."""

"""The one interface of every search strategy."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar

from nasbench.errors import InvalidInput
from nasbench.problem import Problem, Request, Trial, Wait
from nasbench.randomness import Random
from nasbench.spaces.base import Space
from nasbench.spaces.categorical import CategoricalSpace
from nasbench.strategies.state import Stateful
from nasbench.text import shown

BEST, DERIVED = "best by validation", "derived"
"""The two incumbent rules."""


class Tag(StrEnum):
    """What a strategy can do or needs, beside what all can."""

    FIDELITIES = "fidelities"
    """It asks for fidelities of its problem, and needs two of them at least."""
    DECISIONS = "decisions"
    """It needs a space of independent decisions."""


@dataclass(frozen=True)
class NoSettings:
    """A strategy without hyperparameters."""


def require(holds: bool, setting: str, value: object, rule: str) -> None:
    """Raise `InvalidInput` unless a setting's value `holds`: "it must be" `rule`."""
    if not holds:
        raise InvalidInput(f"setting '{setting}' cannot be {shown(value)}: it must be {rule}")


def require_decisions(space: Space, strategy: str) -> CategoricalSpace:
    """Return a space of independent decisions; `InvalidInput` for one that is none."""
    if not isinstance(space, CategoricalSpace):
        raise InvalidInput(
            f"strategy '{strategy}' needs a space of independent decisions, and '{space.name}' is "
            "none: use another strategy, such as random-search or regularized-evolution"
        )
    return space


def require_tags(strategy: "type[SearchStrategy]", problem: Problem) -> None:
    """Raise `InvalidInput` where a problem has not what the tags of a strategy ask for."""
    if Tag.DECISIONS in strategy.tags:
        require_decisions(problem.space, strategy.name)
    if Tag.FIDELITIES in strategy.tags and len(problem.fidelities) < 2:
        raise InvalidInput(
            f"strategy '{strategy.name}' compares fidelities, and this search has "
            f"{len(problem.fidelities) or 'only its own'}: use another strategy, or a table that "
            "knows validation after several numbers of epochs"
        )


class SearchStrategy(Stateful, ABC):
    """A search: it asks for work and is told the answers.

    The harness makes one object per run. It calls `ask`, which returns a request, numbers it as a
    trial, lets the benchmark answer and calls `tell` with trial and answer. With one worker, ask
    and tell alternate; with several, more trials are open at once, and answers come in the order
    in which evaluations end. `tell` is not called for an evaluation that would overshoot the
    budget: with one worker the run ends before it, with several the others go on, so that a
    strategy that waits for a whole batch may never be told one of it; its run then ends.

    A strategy knows its `problem` (space, objectives, fidelities, workers) and nothing else of its
    task. Its randomness is `self.random`, its hyperparameters are `self.settings`. It compares
    answers by `self.problem.score(answer)`, of which more is better for every metric.

    While no trial is open, `state()` describes the search completely: all attributes whose names
    do not begin with an underscore are stored (see `Stateful`).
    """

    name: ClassVar[str]
    """The registered name."""
    family: ClassVar[str]
    """What cost tables group by: random, evolution, reinforcement learning, ..."""
    reference: ClassVar[str]
    """The paper, as `Authors, venue year`."""
    bibtex: ClassVar[str] = ""
    """Its entries as BibTeX, an empty line between two; empty where there are none."""
    colour: ClassVar[str] = ""
    """In figures, such as `#0173b2`; where it is empty one is chosen by the name."""
    tags: ClassVar[frozenset[Tag]] = frozenset()
    """What it needs of a problem: a search that has not is refused, and checks differ."""
    rule: ClassVar[str] = BEST
    """What the answer is at any time: `BEST` by validation of what was evaluated, or `DERIVED`."""
    recipes: ClassVar[Mapping[str, Mapping[str, object]]] = {}
    """Settings by the name of a published or tried recipe; empty where the defaults are all."""
    Settings: ClassVar[type] = NoSettings
    """A frozen dataclass of hyperparameters with the paper's defaults."""

    _fixed = frozenset({"problem", "space", "settings"})

    def __init__(self, problem: Problem, settings: Any, random: Random) -> None:
        """Start a search; override `setup`, not this."""
        self.problem = problem
        self.space = problem.space
        self.settings = settings
        self.random = random
        self.setup()

    def setup(self) -> None:
        """Make the attributes a search starts with; called once, before the first `ask`."""

    @abstractmethod
    def ask(self) -> Request | Wait | None:
        """Return the next piece of work, or None when nothing is left to ask.

        `WAIT` means that an answer to an open trial is needed first; `ask` is called again after
        it. With one worker no trial is open when `ask` is called.
        """

    @abstractmethod
    def tell(self, trial: Trial, answer: Any) -> None:
        """Learn the answer to a trial, the request of which `ask` has returned before."""

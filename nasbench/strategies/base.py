"""`SearchStrategy`: the base class of all search strategies."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar

from nasbench.errors import InvalidInput
from nasbench.problem import Problem, Request, Trial, Wait
from nasbench.randomness import Random
from nasbench.spaces.base import Space
from nasbench.spaces.categorical import CategoricalSpace
from nasbench.spaces.subspace import Subspace
from nasbench.strategies.state import Stateful
from nasbench.text import shown
from nasbench.trace import Traces

BEST, DERIVED = "best by validation", "derived"
"""The two rules for the answer of a search (its incumbent); see `SearchStrategy.rule`."""


class TooFewFidelities(InvalidInput):
    """A problem has fewer fidelities than a strategy with the tag `FIDELITIES` needs."""


class Tag(StrEnum):
    """Special features or needs of a strategy."""

    FIDELITIES = "fidelities"
    """The strategy asks for several fidelities of its problem, and needs at least two."""
    DECISIONS = "decisions"
    """The strategy needs a space of independent decisions, a `CategoricalSpace`."""
    ENCODING = "encoding"
    """The strategy needs a space that describes its architectures by numbers: `encodings`."""
    PROXIES = "proxies"
    """The strategy asks for scores of zero-cost proxies, and needs those that `proxies` names."""
    RECORDED = "recorded"
    """The strategy repeats recorded runs, and needs their file: it has no run without settings."""


class Parallelism(StrEnum):
    """What a strategy does when several workers are free (`--simulated-workers`)."""

    ASYNCHRONOUS = "asynchronous"
    """It has a request for every free worker, whatever is still open, until a space is used up."""
    BATCHES = "batches"
    """It goes on in batches, and waits at the end of each for all of its answers."""
    SEQUENTIAL = "sequential"
    """It has one trial at a time: a problem of several workers is refused."""


@dataclass(frozen=True)
class NoSettings:
    """The settings of a strategy without hyperparameters."""


class RefusedSetting(InvalidInput):
    """A value that a setting cannot have: the setting's name, the value as text, and the rule."""

    def __init__(self, setting: str, value: str, rule: str) -> None:
        """Name the setting, with or without its strategy (`gp.initial`, `initial`)."""
        super().__init__(setting, value, rule)

    def __str__(self) -> str:
        """Return the line that a user sees."""
        setting, value, rule = self.args
        return f"setting '{setting}' cannot be {value}: it must be {rule}"

    def of(self, strategy: str) -> "RefusedSetting":
        """Return the same error with the strategy's name before the setting's."""
        setting, value, rule = self.args
        return RefusedSetting(f"{strategy}.{setting.rpartition('.')[2]}", value, rule)


def require(holds: bool, setting: str, value: object, rule: str) -> None:
    """Raise `RefusedSetting` ("it must be" `rule`) unless `holds` is true of a setting's value."""
    if not holds:
        raise RefusedSetting(setting, shown(value), rule)


def require_decisions(space: Space) -> CategoricalSpace:
    """Return `space` if it has independent decisions; raise `InvalidInput` for any other space."""
    if not isinstance(space, CategoricalSpace):
        found = f"'{space.name}' is none"
        if isinstance(space, Subspace):
            found = f"this is a pool of {space.size:,} architectures of '{space.name}'"
        raise InvalidInput(
            f"a space of independent decisions is needed, and {found}: use another strategy"
        )
    return space


def require_tags(strategy: "type[SearchStrategy]", name: str, problem: Problem) -> None:
    """Raise `InvalidInput` if a problem is not what the card of the strategy `name` requires.

    Tags require decisions or fidelities, `parallel` may require one worker, and the number of
    objectives has bounds. Where fidelities are missing it is `TooFewFidelities`.
    """
    if Tag.DECISIONS in strategy.tags:
        try:
            require_decisions(problem.space)
        except InvalidInput as error:
            raise InvalidInput(f"strategy '{name}': {error}, such as {strategy.instead}") from error
    if Tag.ENCODING in strategy.tags and not problem.space.encodings():
        raise InvalidInput(
            f"strategy '{name}' predicts scores from numbers that describe an architecture, and "
            f"space '{problem.space.name}' has none: define its method `encodings`, or use another "
            f"strategy, such as {strategy.instead}"
        )
    if strategy.parallel is Parallelism.SEQUENTIAL and problem.workers > 1:
        raise InvalidInput(
            f"strategy '{name}' has one trial at a time, and this search has {problem.workers} "
            "workers: leave --simulated-workers away, or use a strategy that "
            "`nasbench list strategies` calls asynchronous"
        )
    _require_objectives(strategy, name, len(problem.objectives))
    if Tag.PROXIES in strategy.tags and not problem.proxies:
        raise InvalidInput(
            f"strategy '{name}' asks for scores of a zero-cost proxy, and this search has none: "
            "use another strategy, or a table with scores (`nasbench data proxies TABLE`)"
        )
    if Tag.FIDELITIES in strategy.tags and len(problem.fidelities) < 2:
        raise TooFewFidelities(
            f"strategy '{name}' compares fidelities, and this search has "
            f"{len(problem.fidelities) or 'only its own'}: use another strategy, or a table that "
            "knows validation after several numbers of epochs"
        )


def _require_objectives(strategy: "type[SearchStrategy]", name: str, number: int) -> None:
    """Raise `InvalidInput` for fewer or more objectives than a strategy can search."""
    least, most = strategy.least_objectives, strategy.most_objectives
    if least <= number and (most is None or number <= most):
        return
    raise InvalidInput(
        f"strategy '{name}' searches {objectives_in_words(strategy)} objectives, and this search "
        f"has {number}: name as many with --objective, or use another strategy, such as "
        "random-search"
    )


def objectives_in_words(strategy: "type[SearchStrategy]") -> str:
    """Say how many objectives a strategy can search, such as `at most 3`; empty without a bound."""
    least, most = strategy.least_objectives, strategy.most_objectives
    if most is None:
        return f"at least {least}" if least > 1 else ""
    if most == least:
        return f"exactly {most}"
    return f"at most {most}" if least == 1 else f"{least} to {most}"


class SearchStrategy(Stateful, ABC):
    """Base class of all search strategies: `ask` returns a request, `tell` gets its answer.

    The harness makes one object per run. It calls `ask`, which returns a request, numbers the
    request as a trial, lets the benchmark answer it, and calls `tell` with the trial and the
    answer. With one worker, `ask` and `tell` alternate; with several workers, several trials are
    open at once, and answers come in the order in which the evaluations end. `tell` is not called
    for an evaluation that would exceed the budget. With one worker the run ends before such an
    evaluation. With several workers the other evaluations go on; so a strategy that waits for the
    answers of a whole batch may never get one of them, and its run then ends.

    A `Score` request is answered at once: `tell` is called with `Scores` before `ask` is called
    again, whatever the number of workers, also while other trials are open.

    A strategy knows its `problem` (space, objectives, fidelities, workers, proxies) and nothing
    else of its task. It draws random numbers from `self.random` and reads its hyperparameters from
    `self.settings`. It compares answers by `self.problem.score(answer)`, which is larger for better
    answers whatever the metric.

    While no trial is open, `state()` describes the search completely: all attributes whose names
    do not begin with an underscore are stored (see `Stateful`).
    """

    title: ClassVar[str] = ""
    """Name in tables and figures; if it is empty, the registered name or the name of the class.

    It is not inherited: a subclass is another strategy."""
    family: ClassVar[str]
    """The group of the strategy in cost tables: random, evolution, reinforcement learning, ..."""
    reference: ClassVar[str]
    """The paper, as `Authors, venue year`."""
    bibtex: ClassVar[str] = ""
    """BibTeX entries of the papers, with an empty line between two; empty if there are none."""
    colour: ClassVar[str] = ""
    """Colour in figures, such as `#0173b2`; if it is empty, the name determines the colour."""
    tags: ClassVar[frozenset[Tag]] = frozenset()
    """Needs of the strategy: a problem without them is refused; conformance tests depend on it."""
    parallel: ClassVar[Parallelism] = Parallelism.ASYNCHRONOUS
    """What it does with several workers; the conformance suite checks it."""
    instead: ClassVar[str] = "random-search or regularized-evolution"
    """Which strategies to use for a space that this one cannot search, as its refusal says."""
    least_objectives: ClassVar[int] = 1
    """How many objectives it needs: a problem of fewer is refused."""
    most_objectives: ClassVar[int | None] = None
    """How many it can search: a problem of more is refused; None if there is no bound."""
    rule: ClassVar[str] = BEST
    """The answer of the search at any time: `BEST` evaluation by validation, or `DERIVED`."""
    recipes: ClassVar[Mapping[str, Mapping[str, object]]] = {}
    """Settings by the name of a published or tested recipe; empty if there are only defaults."""
    together: ClassVar[int] = 1
    """How many runs are best advanced at once, by `ask_together` and `tell_together`.

    It is worth more than 1 where a call of numpy can make the same step of many runs. It is not
    inherited: a subclass may ask and learn in another way.
    """
    files: ClassVar[Mapping[str, str]] = {}
    """Names of settings that are paths of files, with those that are the files' SHA-256.

    A path does not change the randomness of runs. Results keep a copy of the file."""
    Settings: ClassVar[type] = NoSettings
    """A frozen dataclass of hyperparameters with the paper's defaults."""

    _fixed = frozenset({"problem", "space", "settings"})

    def __init__(self, problem: Problem, settings: Any, random: Random) -> None:
        """Start a search; a subclass overrides `setup`, not this method."""
        self.problem = problem
        self.space = problem.space
        self.settings = settings
        self.random = random
        self.setup()

    def setup(self) -> None:
        """Make the attributes with which a search starts; called once, before the first `ask`."""

    @abstractmethod
    def ask(self) -> Request | Wait | None:
        """Return the next request, or None if the search is finished.

        `WAIT` means that the strategy first needs the answer to an open trial; `ask` is called
        again after the next answer. With one worker no trial is open when `ask` is called.
        """

    @abstractmethod
    def tell(self, trial: Trial, answer: Any) -> None:
        """Learn from the answer to a trial, whose request `ask` has returned before.

        `answer` is an `Answer` or, for a `TrainShared` request, a `SharedAnswer`, and for a `Score`
        request `Scores`.
        """

    @classmethod
    def proxies(cls, settings: Any) -> Sequence[str]:
        """Return the names of the zero-cost proxies that a search with these settings asks for.

        A strategy with the tag `PROXIES` names at least one; its problem has these and no others.
        """
        return ()

    @classmethod
    def check(cls, problem: Problem, settings: Any) -> None:
        """Raise `NasbenchError` where no search of a problem can begin with these settings."""

    @classmethod
    def check_seeds(cls, settings: Any, seeds: Collection[int]) -> None:
        """Raise `NasbenchError` for seeds whose runs cannot be made; any can, but recorded ones."""

    @classmethod
    def recorded_search(cls, settings: Any) -> Mapping[str, Any]:
        """Return what the record of a strategy with the tag `RECORDED` says of its search.

        It has the keys `task` and `settings`, as far as they are known: the harness refuses to
        replay the record in another search.
        """
        return {}

    @classmethod
    def recorded_evaluations(cls, settings: Any, seed: int) -> Sequence[tuple[str | None, Traces]]:
        """Return the evaluations to which the record of a seed's run leads, in its order.

        Only for the tag `RECORDED`: an audit compares runs with it. Of each, the text of the
        architecture, None for one that was drawn at random, and the numbers of `traced`.
        """
        return ()

    def begin_run(self, seed: int) -> None:  # only recorded runs need it
        """Learn the seed of the run, before the first `ask`.

        Only for a strategy that repeats recorded runs, to find its own: see `Tag.RECORDED`.
        """

    def traced(self) -> Sequence[Traces]:
        """Return numbers to be stored with each evaluation that was told, in the order told.

        Empty where the strategy records none. For epochs of shared training see `SharedAnswer`.
        """
        return ()

    @classmethod
    def ask_together(cls, searches: Sequence[Any]) -> Sequence[Request | Wait | None]:
        """Return what `ask` of each search returns; see `together`.

        Each search asks for the same, to the last bit, alone and together with any others. No trial
        is open.
        """
        return [one.ask() for one in searches]

    @classmethod
    def tell_together(
        cls, searches: Sequence[Any], trials: Sequence[Trial], answers: Sequence[Any]
    ) -> None:
        """Tell each search of its own trial and answer, as `tell` would; see `together`."""
        for one, trial, answer in zip(searches, trials, answers, strict=True):
            one.tell(trial, answer)

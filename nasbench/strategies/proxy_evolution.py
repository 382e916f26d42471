"""Aging evolution with a zero-cost proxy: as its warm start, and to choose among mutants."""

from collections import deque
from dataclasses import dataclass
from itertools import islice
from operator import attrgetter
from typing import Any

from nasbench.problem import WAIT, Evaluate, Score, Scores, Trial, Wait
from nasbench.spaces.base import Architecture
from nasbench.strategies.base import SearchStrategy, Tag, require
from nasbench.strategies.parts.candidates import draw_candidates, ranked
from nasbench.strategies.registry import register
from nasbench.strategies.regularized_evolution import Member

_BIBTEX = """
@inproceedings{abdelfattah2021zero,
  author = {Mohamed S. Abdelfattah and Abhinav Mehrotra and {\\L}ukasz Dudziak and
    Nicholas D. Lane},
  title = {Zero-Cost Proxies for Lightweight {NAS}},
  booktitle = {International Conference on Learning Representations ({ICLR})},
  year = {2021}
}

@inproceedings{real2019regularized,
  author = {Esteban Real and Alok Aggarwal and Yanping Huang and Quoc V. Le},
  title = {Regularized Evolution for Image Classifier Architecture Search},
  booktitle = {{AAAI} Conference on Artificial Intelligence},
  year = {2019}
}
"""

_score = attrgetter("score")


@register("proxy-evolution")
class ProxyEvolution(SearchStrategy):
    """Aging evolution whose first population are the best of N random candidates by a proxy.

    Abdelfattah et al., ICLR 2021, section 5, on Real et al., AAAI 2019. With `warmup` candidates
    (the paper's "zero-cost warmup") the population begins with the best of them by the proxy;
    without any it is random. With `move` (the paper's "zero-cost move") a child is the best of the
    parent's neighbours by the proxy, or with probability `explore` a random one, so that the search
    does not return to the same neighbour.

    The defaults are those of the authors' notebook (SamsungLabs/zero-cost-nas, `nas_examples`):
    population 64, tournaments of 10 without replacement, 3000 candidates, no move; with it, a
    random neighbour in one of four cases. Deviations: the default proxy is the number of
    parameters, which needs no measurement and which every other proxy must beat
    (`--set proxy-evolution.proxy=synflow` is the paper's). A candidate that is drawn twice is
    scored and evaluated once, so that a space of few architectures has a smaller first population;
    one of at most N architectures is scored whole. A mutation always changes the architecture. Of a
    space with more than `neighbours` neighbours of an architecture, which only spaces of many
    decisions have, so many random mutants are scored instead. What was not measured is chosen last.
    """

    title = "Evolution from a proxy"
    family = "zero-cost proxy"
    reference = "Abdelfattah et al., ICLR 2021; Real et al., AAAI 2019"
    bibtex = _BIBTEX
    colour = "#3d7a3a"
    tags = frozenset({Tag.PROXIES})

    @dataclass(frozen=True)
    class Settings:
        """Hyperparameters."""

        proxy: str = "params"  #: the proxy, by name
        population: int = 64  #: members of the population, P
        sample: int = 10  #: tournament size, S, drawn without replacement
        warmup: int = 3000  #: candidates for the first population; 0 is a random population
        move: bool = False  #: whether the proxy chooses among the neighbours of a parent
        explore: float = 0.25  #: with `move`, the probability of a random neighbour
        neighbours: int = 1000  #: with `move`, the most neighbours that are scored

        def __post_init__(self) -> None:
            """Refuse an empty population or tournament, and what is no probability."""
            for name in ("population", "sample", "neighbours"):
                value = getattr(self, name)
                require(1 <= value <= 10_000, f"proxy-evolution.{name}", value, "1 to 10000")
            require(self.warmup >= 0, "proxy-evolution.warmup", self.warmup, "0 or more")
            require(0 <= self.explore <= 1, "proxy-evolution.explore", self.explore, "0 to 1")

    @classmethod
    def proxies(cls, settings: Settings) -> tuple[str, ...]:
        """Return the one proxy of the settings."""
        return (settings.proxy,)

    def setup(self) -> None:
        """Start with an empty population: a queue that drops its oldest member when it is full."""
        self.alive: deque[Member] = deque(maxlen=self.settings.population)
        self.scores: dict[Architecture, float] = {}  # by the proxy, of all that were scored
        #: candidates for the first population that are left, the best last; None before a warm-up
        self.first: list[Architecture] | None = None if self.settings.warmup else []
        self.drawn = 0  # members of a random first population
        self.moves: list[Architecture] = []  # neighbours of which the best is evaluated next

    def ask(self) -> Evaluate | Score | Wait | None:
        """Return a member of the first population, then a mutant of a tournament's winner."""
        settings = self.settings
        if self.first is None:
            drawn = draw_candidates(self.space, settings.warmup, self.random)
            return Score(drawn, settings.proxy)
        if self.first:
            return Evaluate(self.first.pop())
        if not settings.warmup and self.drawn < settings.population:
            self.drawn += 1
            return Evaluate(self.space.sample(self.random))
        if self.moves:
            return self._best_move()
        if not self.alive:
            return WAIT
        return self._child() if self.space.size != 1 else None

    def _child(self) -> Evaluate | Score:
        """Return a mutant of a winner; with `move`, its best neighbour once all are scored."""
        settings, parent = self.settings, self._winner().architecture
        if not settings.move or self.random.uniform() < settings.explore:
            return Evaluate(self.space.mutate(parent, self.random))
        self.moves = self._neighbours(parent)
        unknown = [one for one in self.moves if one not in self.scores]
        return Score(unknown, settings.proxy) if unknown else self._best_move()

    def tell(self, trial: Trial, answer: Any) -> None:
        """Remember scores; add an evaluated architecture, and if it was full the oldest dies."""
        if isinstance(answer, Scores):
            asked = trial.request.architectures
            self.scores.update(zip(asked, answer.values, strict=True))
            if self.first is None:
                best = ranked(asked, answer.values)[: self.settings.population]
                self.first = best[::-1]
            return
        self.alive.append(Member(trial.architecture, self.problem.score(answer)))

    def _winner(self) -> Member:
        """Return the best of some members, drawn uniformly without replacement."""
        return max(self.random.different(self.alive, self.settings.sample), key=_score)

    def _neighbours(self, architecture: Architecture) -> list[Architecture]:
        """Return the neighbours of an architecture in random order, or some mutants of many."""
        most = self.settings.neighbours
        found = list(islice(self.space.neighbours(architecture), most + 1))
        if not found or len(found) > most:
            mutants = [self.space.mutate(architecture, self.random) for _ in range(most)]
            found = list(dict.fromkeys(mutants))
        order = self.random.generator.permutation(len(found)).tolist()
        return [found[place] for place in order]

    def _best_move(self) -> Evaluate:
        best = ranked(self.moves, [self.scores[one] for one in self.moves])[0]
        self.moves = []
        return Evaluate(best)

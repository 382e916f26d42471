"""A zero-cost proxy alone: random candidates are evaluated from its best score downwards."""

from dataclasses import dataclass

from nasbench.problem import Answer, Evaluate, Score, Scores, Trial
from nasbench.spaces.base import Architecture
from nasbench.strategies.base import SearchStrategy, Tag, require
from nasbench.strategies.parts.candidates import draw_candidates, ranked
from nasbench.strategies.registry import register

_BIBTEX = """
@inproceedings{mellor2021neural,
  author = {Joe Mellor and Jack Turner and Amos Storkey and Elliot J. Crowley},
  title = {Neural Architecture Search without Training},
  booktitle = {International Conference on Machine Learning ({ICML})},
  year = {2021}
}

@inproceedings{abdelfattah2021zero,
  author = {Mohamed S. Abdelfattah and Abhinav Mehrotra and {\\L}ukasz Dudziak and
    Nicholas D. Lane},
  title = {Zero-Cost Proxies for Lightweight {NAS}},
  booktitle = {International Conference on Learning Representations ({ICLR})},
  year = {2021}
}
"""


@register("proxy")
class ProxyAlone(SearchStrategy):
    """Score N random candidates by a proxy, and evaluate them in the order of their scores.

    With a budget of one evaluation this is NASWOT, Mellor et al., ICML 2021, Algorithm 1, which
    returns the candidate with the best score and trains nothing; N = 1000 is the largest number of
    the paper's tables. With more evaluations it is random search with warm-up, Abdelfattah et al.,
    ICLR 2021. When all candidates are evaluated, N others are drawn and ranked; the search ends
    when a draw has nothing new.

    The default proxy is the number of parameters, which every other proxy must beat and which needs
    no measurement; `--set proxy.proxy=naswot` is the paper's. Deviations: a candidate that is drawn
    twice is scored and evaluated once. In a space of at most N architectures, and with
    `candidates=0` (up to a million), all of them are candidates. One that was not measured is
    evaluated after all that were, and equal scores in random order.
    """

    title = "Proxy alone"
    family = "zero-cost proxy"
    reference = "Mellor et al., ICML 2021; Abdelfattah et al., ICLR 2021"
    bibtex = _BIBTEX
    colour = "#7a8b00"
    tags = frozenset({Tag.PROXIES})

    @dataclass(frozen=True)
    class Settings:
        """Hyperparameters."""

        proxy: str = "params"  #: the proxy, by name
        candidates: int = 1000  #: architectures that are drawn and scored, N; 0 is the whole space

        def __post_init__(self) -> None:
            """Refuse a number of candidates below 0."""
            require(self.candidates >= 0, "proxy.candidates", self.candidates, "0 or more")

    @classmethod
    def proxies(cls, settings: Settings) -> tuple[str, ...]:
        """Return the one proxy of the settings."""
        return (settings.proxy,)

    def setup(self) -> None:
        """Start without candidates."""
        self.seen: set[Architecture] = set()  # all that have been candidates
        self.waiting: list[Architecture] = []  # candidates not evaluated yet, the best last

    def ask(self) -> Evaluate | Score | None:
        """Return the best candidate that is left, or ask for the scores of new candidates."""
        if self.waiting:
            return Evaluate(self.waiting.pop())
        if len(self.seen) == self.space.size:
            return None
        drawn = draw_candidates(self.space, self.settings.candidates, self.random, self.seen)
        self.seen.update(drawn)
        return Score(drawn, self.settings.proxy) if drawn else None

    def tell(self, trial: Trial, answer: Answer | Scores) -> None:
        """Rank candidates by their scores; the answer to an evaluation changes nothing."""
        if isinstance(answer, Scores):
            self.waiting = ranked(trial.request.architectures, answer.values)[::-1]

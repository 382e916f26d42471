"""BOHB: Hyperband that draws architectures from a model of good and bad ones."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nasbench.problem import Answer, Trial
from nasbench.spaces.base import Architecture
from nasbench.spaces.categorical import CategoricalSpace
from nasbench.strategies.base import Tag, require
from nasbench.strategies.parts.proposals import Features, Independent
from nasbench.strategies.parts.rungs import Halving, Told, bracket_size, require_reduction, told_of
from nasbench.strategies.registry import register

if TYPE_CHECKING:
    from nasbench.strategies.parts.density import Model

_BIBTEX = """
@inproceedings{falkner2018bohb,
  author = {Stefan Falkner and Aaron Klein and Frank Hutter},
  title = {{BOHB}: Robust and Efficient Hyperparameter Optimization at Scale},
  booktitle = {International Conference on Machine Learning},
  year = {2018}
}
"""


@register("bohb")
class Bohb(Halving):
    """Hyperband whose architectures are likely among the good and unlikely among the bad.

    Falkner et al., ICML 2018, Algorithm 2, in rungs as `parts.rungs` says; where the paper leaves
    details open, as in the authors' code (hpbandster 0.7): sizes of brackets, of good and bad
    points, and the bandwidth rule. The model is made of all answers at the highest rung that has
    enough of them. A failed evaluation is a bad one.

    The bandwidth rule takes the positions of choices for numbers. For a decision with many choices
    its result is often above the bandwidth of the uniform kernel, as long as the points are spread
    over the choices; the model then says nothing of that decision.

    Deviations: the code bounds no bandwidth from above, so that a kernel can be negative; here it
    is at most that of the uniform kernel. The code's kernel spreads over the choices
    that occur among the points; here over all choices of the decision. Candidates are drawn with
    all bandwidths multiplied by the factor, as the paper says; the code does that for continuous
    parameters only, and draws another choice uniformly from all, also the same one. An architecture
    counts once at a rung, with its last answer, and the architectures of a bracket differ; in the
    code a model can come to consist of copies of one architecture, and draw nothing else. With
    several workers a bracket waits at the end of each rung; the code begins the next one meanwhile.

    The paper's spaces consist of hyperparameters. Where a space has no independent decisions (trees
    of decisions, graphs, parts of spaces that a table has), the density is over the zeros and ones
    of an encoding, and the candidates are mutants of good architectures, each of which is the
    parent with equal probability: a density of such features can be evaluated, but what is drawn
    from it is seldom an architecture. Without an encoding (a pool of names) there is no model, and
    this is Hyperband.
    """

    title = "BOHB"
    family = "multi-fidelity"
    reference = "Falkner et al., ICML 2018"
    bibtex = _BIBTEX
    colour = "#8a6d00"
    tags = frozenset({Tag.FIDELITIES})

    @dataclass(frozen=True)
    class Settings:
        """Hyperparameters, with the defaults of the paper and the authors' code."""

        reduction: int = 3  #: one of so many goes on to about so many times the epochs, eta
        random_fraction: float = 1 / 3  #: part of the architectures that are drawn uniformly, rho
        top_percent: int = 15  #: percentage of the answers that are good
        #: fewest good and fewest bad answers of a model, and at least decisions + 1; for a space
        #: without independent decisions, features + 1 of the architecture that has most of them
        least_points: int = 0
        samples: int = 64  #: candidates of which the one with the best ratio is taken, N_s
        #: by how much candidates are drawn more widely, b_w; mutants are drawn without it
        bandwidth_factor: float = 3.0
        least_bandwidth: float = 0.001  #: smallest bandwidth of a decision

        def __post_init__(self) -> None:
            """Refuse settings with which no model can be made."""
            require_reduction(self.reduction)
            fraction, percent = self.random_fraction, self.top_percent
            require(0 <= fraction <= 1, "random_fraction", fraction, "from 0 to 1")
            require(1 <= percent <= 99, "top_percent", percent, "1 to 99")
            require(self.least_points >= 0, "least_points", self.least_points, "0 or more")
            require(1 <= self.samples <= 100_000, "samples", self.samples, "1 to 100000")
            require(self.bandwidth_factor > 0, "bandwidth_factor", self.bandwidth_factor, "above 0")
            least = self.least_bandwidth
            require(0 < least <= 1, "least_bandwidth", least, "above 0 and at most 1")

    def setup(self) -> None:
        """Begin without answers, and so without a model."""
        decisions = isinstance(self.space, CategoricalSpace)
        self._vectors = Independent(self.space, 0.0) if decisions else Features(self.space, 0.0)
        number = len(self._vectors.sizes) if decisions else 0
        self.least: int = max(self.settings.least_points, number + 1)
        super().setup()
        self.answers: list[dict[Architecture, Told]] = [{} for _ in self._rungs]
        self.answered = [0 for _ in self._rungs]
        self._fitted: dict[tuple[int, int], Model] = {}
        """The last model, by its rung and the number of answers there."""
        self._good: list[Architecture] = []  # those of the last model

    def bracket(self, number: int) -> tuple[int, int]:
        """Begin one rung higher than the bracket before, or again at the lowest."""
        first = number % len(self._rungs)
        return first, bracket_size(self._rungs, first, self.settings.reduction, "down")

    def draw(self) -> Architecture:
        """Draw uniformly, or take the candidate with the largest ratio of good to bad density."""
        model = self.model()
        if model is None or self.random.uniform() < self.settings.random_fraction:
            return self.space.sample(self.random)
        new = [one for one in self._candidates(model) if one not in self.drawn]
        return new[0] if new else self.space.sample(self.random)

    def _candidates(self, model: "Model") -> list[Architecture]:
        """Return architectures that are drawn like the good ones, the best ratio first."""
        factor, number = self.settings.bandwidth_factor, self.settings.samples
        if isinstance(self._vectors, Features):
            drawn = self._vectors.near(self._good, number, self.random)
            return [drawn[place] for place in model.rank(self._vectors.numbers(drawn))]
        return model.candidates(number, factor, self.random.generator)

    def tell(self, trial: Trial, answer: Answer) -> None:
        """Note the answer at its rung, for the bracket and for the model."""
        super().tell(trial, answer)
        self.answered[self.rung] += 1
        told = told_of(trial, self.problem.score(answer), answer.failed)
        self.answers[self.rung][trial.architecture] = told._replace(place=self.answered[self.rung])
        if isinstance(self._vectors, Features):
            number = int(self._vectors.numbers([trial.architecture]).sum())
            self.least = max(self.least, number + 1)

    def model(self) -> "Model | None":
        """Return densities of good and bad architectures; None while answers are too few.

        Of n answers, the best `top_percent` are good and as many of the next best as the rest would
        be are bad, but each at least `least_points`.
        """
        known = isinstance(self._vectors, Independent) or bool(self.space.encodings())
        for rung in range(len(self._rungs) - 1, -1, -1) if known else ():
            answers = self.answers[rung]
            if len(answers) < 2 * self.least:
                continue
            key = rung, self.answered[rung]
            if key not in self._fitted:
                self._fitted = {key: self._fit(sorted(answers.values()))}
            return self._fitted[key]
        return None

    def _fit(self, ranked: list[Told]) -> "Model":
        from nasbench.strategies.parts.density import Density, Model  # numpy, which listing has not

        percent, least = self.settings.top_percent, self.settings.least_bandwidth
        good = max(self.least, percent * len(ranked) // 100)
        bad = max(self.least, (100 - percent) * len(ranked) // 100)
        architectures = [one.architecture for one in ranked[: good + bad]]
        points = self._vectors.numbers(architectures)
        features = isinstance(self._vectors, Features)
        sizes = [2] * points.shape[1] if features else self._vectors.sizes
        self._good = architectures[:good]
        return Model(
            Density.fit(points[:good], sizes, least), Density.fit(points[good:], sizes, least)
        )

"""Small spaces and benchmarks of random numbers, and searches on them, for the suites."""

import numpy as np

from nasbench.benchmarks.tables.sealing import seal_test
from nasbench.harness.search.budget import Budget, Clock
from nasbench.harness.search.loop import Trajectory, search
from nasbench.problem import (
    ACCURACY,
    LOSS,
    Answer,
    Evaluate,
    Fidelity,
    Metric,
    Problem,
    Score,
    Scores,
)
from nasbench.randomness import Random
from nasbench.spaces.base import EnumerableSpace, Space
from nasbench.spaces.categorical import CategoricalSpace, Decision
from nasbench.spaces.conditional import ConditionalSpace
from nasbench.strategies.base import SearchStrategy, Tag
from nasbench.strategies.registry import make_settings

TOY_SIZES = ((3, 2, 4, 3), (5, 1, 2), (2,) * 9)
"""Numbers of choices of toy spaces that differ from NAS-Bench-201 on purpose: decisions of
different sizes, a decision with one choice, and binary decisions."""
FIDELITIES = (Fidelity(1), Fidelity(3), Fidelity(9))
OWN = Fidelity(3)


def toy_space(sizes: tuple[int, ...]) -> CategoricalSpace:
    """Return a space whose decisions have `sizes` choices."""
    decisions = tuple(
        Decision(f"d{i}", tuple(f"c{k}" for k in range(n))) for i, n in enumerate(sizes)
    )
    return CategoricalSpace("toy", decisions)


class ToyLayers(ConditionalSpace):
    """A space of one to three layers with one of three operations each: 39 architectures."""

    name = "toy layers"

    def next_decision(self, choices: tuple[int, ...]) -> Decision | None:
        """Return the decision on the number of layers, then that on each layer's operation."""
        if not choices:
            return Decision("layers", ("1", "2", "3"))
        layer = len(choices)
        return Decision(f"layer {layer}", ("a", "b", "c")) if layer <= choices[0] + 1 else None


class ToyBenchmark:
    """A benchmark of random numbers: accuracies of about 10 to 90 %, costs of 1 to 3 s at 3 epochs.

    Some evaluations can fail. Of several objectives, those after the first are random numbers too.
    """

    def __init__(
        self,
        space: EnumerableSpace,
        failing: float = 0.0,
        *,
        loss: bool = False,
        objectives: int = 1,
    ) -> None:
        """Let a share `failing`, from 0 to 1, of the architectures fail, always the same ones.

        With `loss` the first value is 100 minus the accuracy, which is to be minimised.
        """
        generator = np.random.default_rng(7)
        self.space, self.loss = space, loss
        self.accuracy = generator.uniform(10, 90, space.size)
        self.seconds = generator.uniform(1, 3, space.size)
        self.fails = generator.random(space.size) < failing
        unmeasured = generator.random(space.size) < 0.1
        promise = np.round((self.accuracy + generator.normal(0, 20, space.size)) / 20)
        self.promise = np.where(unmeasured, np.nan, promise)
        self.metrics = objectives_of(LOSS if loss else ACCURACY, objectives)
        self.more = generator.uniform(1, 100, (space.size, objectives - 1))
        self.asked: list[Evaluate] = []
        self.scored: list[Score] = []

    def score(self, request: Score) -> Scores:
        """Answer a request for scores, and record it in `scored`.

        Scores rise with the accuracy, many are equal, and a tenth were not measured.
        """
        self.scored.append(request)
        indices = [self.space.index(one) for one in request.architectures]
        values = tuple(float(self.promise[index]) for index in indices)
        return Scores(values, (0.5,) * len(values))

    def answer(self, request: Evaluate) -> Answer:
        """Answer a request, and record it in `asked`."""
        self.asked.append(request)
        index = self.space.index(request.architecture)
        epochs = (request.fidelity or OWN).epochs
        seconds = float(self.seconds[index]) * epochs / OWN.epochs
        if self.fails[index]:
            return Answer((0.0,) * len(self.metrics), seconds, epochs, failed=True)
        accuracy = float(self.accuracy[index]) * (1 - 0.1 / epochs)
        first = 100 - accuracy if self.loss else accuracy
        return Answer((first, *self.more[index].tolist()), seconds, epochs)


def objectives_of(first: Metric, number: int) -> tuple[Metric, ...]:
    """Return so many objectives: the first one, and costs without an upper bound."""
    return (first, *(Metric(f"cost {place}", "min", "", 0.0) for place in range(1, number)))


def problem_of(
    strategy: type[SearchStrategy], space: Space, metric: Metric = ACCURACY, workers: int = 1
) -> Problem:
    """Return the problem of a space, with what the strategy's card needs.

    These are fidelities, proxies and objectives: as few as it can search.
    """
    several = FIDELITIES if Tag.FIDELITIES in strategy.tags else (OWN,)
    objectives = objectives_of(metric, strategy.least_objectives)
    return Problem(space, objectives, several, workers, OWN, proxies_of(strategy))


def proxies_of(strategy: type[SearchStrategy]) -> tuple[str, ...]:
    """Return the proxies that a strategy asks for with its default settings."""
    tagged = Tag.PROXIES in strategy.tags
    return tuple(strategy.proxies(make_settings(strategy, {}))) if tagged else ()


def made_for(
    strategy: type[SearchStrategy], seed: int, space: Space, *, workers: int = 1, loss: bool = False
) -> SearchStrategy:
    """Return a search with default settings on a problem of a space."""
    problem = problem_of(strategy, space, LOSS if loss else ACCURACY, workers)
    return strategy(problem, make_settings(strategy, {}), Random(seed))


def searched(
    strategy: type[SearchStrategy],
    seed: int,
    benchmark: ToyBenchmark,
    evaluations: int,
    *,
    workers: int = 1,
) -> Trajectory:
    """Search a toy benchmark with default settings; test is sealed meanwhile.

    The benchmark has as many objectives as the strategy needs.
    """
    own = OWN.epochs
    clock = Clock(Budget(evaluations=evaluations), None, benchmark.metrics, own=own)
    made = made_for(strategy, seed, benchmark.space, workers=workers, loss=benchmark.loss)
    with seal_test():
        return search(made, benchmark, clock)

"""Random search for several objectives: the hypervolume of its sets, in closed form or simulated.

A set is chosen by the search's signal. Where it is also measured by the signal, in two objectives,
its expected hypervolume has a closed form (`nasbench.pareto.expected`). Chosen by the signal and
measured by other values, such as those of test, it has none: which architectures are in a set
depends on all others of the run. It is then the mean over searches that are drawn from the table,
with its standard error; so are deviations between runs.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasbench.benchmarks.tabular import TabularBenchmark
from nasbench.harness.compare.draws import Draws
from nasbench.harness.compare.estimates import finite
from nasbench.harness.fronts import ExactFront, Fronts
from nasbench.harness.search.opening import open_benchmark
from nasbench.harness.search.task import Task
from nasbench.pareto.expected import (
    Judged,
    areas_by_count,
    drawn_hypervolumes,
    expected_hypervolume,
    none_drawn,
)
from nasbench.problem import scores_of

Floats = NDArray[np.float64]

_SEARCHES, _FEWER_SEARCHES = 2000, 400
"""Simulated searches of two objectives, and of more, whose hypervolume takes longer."""
_MOST_DRAWS = 4_000_000
"""Of all simulated searches together: long ones are fewer, but at least `_FEWEST_SEARCHES`."""
_FEWEST_SEARCHES = 200
_LONGEST = 20_000
"""Evaluations of the longest search that is simulated."""
_MOST_PLACES = 1_000_000_000
"""Rectangles between values of the objectives up to which a closed form is worked out."""
_POINTS, _FEWER_POINTS = 100, 40
"""Numbers of evaluations after which simulated sets are measured, for two objectives and more."""


class SetExpectation(NamedTuple):
    """What is expected of random search's sets, in percent of the exact front's hypervolume.

    All have the shape of the numbers of evaluations; NaN where they are not known.
    """

    mean: Floats
    std: Floats
    """Standard deviation between runs."""
    error: Floats
    """Standard error of the mean: 0 in closed form."""


@dataclass(frozen=True)
class KnownSets:
    """What the table of a task with several objectives knows of sets of its architectures."""

    draws: Draws
    fronts: Fronts
    signal: Floats
    """Scores of each answer that a query can give, shape (answers, objectives).

    NaN for an answer that is in no set: a failed one, and one that does not meet constraints.
    """
    longest: int
    """Evaluations of the longest search that is asked for."""

    def front(self, what: str, dataset: str) -> ExactFront:
        """Return the exact front of `signal`, `valid` or `test` values."""
        return self.fronts.signal if what == "signal" else self.fronts.of(what)[dataset]

    def outcome(self, what: str, dataset: str) -> Floats:
        """Return the scores by which each answer is measured, shape (answers, objectives)."""
        if what == "signal":
            return self.signal
        return finite(self.front(what, dataset).scores[self.draws.cells])

    def in_closed_form(self, what: str, dataset: str) -> bool:
        """Return whether expectations are exact: sets are measured by what they are chosen by."""
        chosen = ~np.isnan(self.signal).any(axis=1)
        same = np.array_equal(self.outcome(what, dataset)[chosen], self.signal[chosen])
        return same and self._has_closed_form

    @cached_property
    def _has_closed_form(self) -> bool:
        fewest = min(len(np.unique(column)) for column in self.signal.T)
        few = fewest * len(self.signal) <= _MOST_PLACES
        return self._in_a_plane and self.draws.uniform and few

    @property
    def _in_a_plane(self) -> bool:
        """Whether there are two objectives."""
        return bool(self.signal.shape[1] == 2)

    def expect(self, what: str, dataset: str, n: Floats) -> SetExpectation:
        """Return what is expected after each of n evaluations, shape (k,), of at least one success.

        `n` need not be whole.
        """
        if not self.draws.replacement:
            n = np.minimum(n, self._total)
        if not self.front(what, dataset).known:
            return SetExpectation(*np.full((3, *n.shape), np.nan))
        mean, std, error = (
            np.interp(np.log(n), np.log(self.numbers), one, left=np.nan, right=np.nan)
            for one in self._simulated[self._key(what, dataset)]
        )
        if self.in_closed_form(what, dataset):
            return SetExpectation(self._closed_form(what, dataset, n), std, np.zeros(n.shape))
        return SetExpectation(mean, std, error)

    def _closed_form(self, what: str, dataset: str, n: Floats) -> Floats:
        replacement, front = self.draws.replacement, self.front(what, dataset)
        low = tuple(front.reference.tolist())
        if low not in self._areas:
            self._areas[low] = areas_by_count(self.signal, low, self._copies)
        found = expected_hypervolume(self._areas[low], n, replacement=replacement)
        succeed = self._copies[~np.isnan(self.signal).any(axis=1)].sum(keepdims=True)
        total = float(self._copies.sum())
        fail = none_drawn(succeed.astype(float), total, n, replacement=replacement)[:, 0]
        return np.asarray(100 * found / (1 - fail) / front.hypervolume)

    @cached_property
    def _areas(self) -> dict[tuple[float, ...], Floats]:
        """Areas of the signal by the point from which they are measured."""
        return {}

    @cached_property
    def _copies(self) -> NDArray[np.int64]:
        """How often each answer counts, if all architectures count equally often."""
        shares = np.round(1 / self.draws.weights).astype(np.int64)
        return np.asarray(math.lcm(*np.unique(shares).tolist()) // shares)

    @property
    def _total(self) -> int:
        """How many evaluations without replacement there are."""
        return len(self.signal)

    @property
    def searches(self) -> int:
        """How many searches are simulated."""
        many = _SEARCHES if self._in_a_plane else _FEWER_SEARCHES
        return max(min(many, _MOST_DRAWS // self._most), _FEWEST_SEARCHES)

    @property
    def _most(self) -> int:
        """Evaluations of each simulated search."""
        most = min(self.longest, _LONGEST)
        return most if self.draws.replacement else min(most, self._total)

    @cached_property
    def numbers(self) -> NDArray[np.int64]:
        """Numbers of evaluations after which simulated sets are measured, ascending."""
        points = _POINTS if self._in_a_plane else _FEWER_POINTS
        spaced = np.unique(np.geomspace(1, self._most, points).round())
        within = self.draws.evaluations()
        around = [np.floor(within), np.ceil(within)] if np.isfinite(within).all() else []
        every = np.unique(np.concatenate([spaced, *around])).astype(np.int64)
        return every[(every >= 1) & (every <= self._most)]

    @staticmethod
    def _key(what: str, dataset: str) -> tuple[str, str]:
        return what, "" if what == "signal" else dataset

    @cached_property
    def _simulated(self) -> dict[tuple[str, str], SetExpectation]:
        """Expectations at `numbers` from simulated searches, by what sets are measured by."""
        reports = self.draws.task.reports
        all_of_them = [
            ("signal", ""),
            *((what, one) for what in ("valid", "test") for one in reports),
        ]
        judged: dict[tuple[str, str], tuple[str, str]] = {}  # by what else is measured the same
        for one in all_of_them:
            if self.front(*one).known:
                same = (other for other in judged.values() if self._same(one, other))
                judged[one] = next(same, one)
        wanted = list(dict.fromkeys(judged.values()))
        every = drawn_hypervolumes(
            self.signal,
            [Judged(self.outcome(*one), self.front(*one).reference.tolist()) for one in wanted],
            self._draw(),
            self.numbers.tolist(),
        )
        found = {
            one: _summarised(100 * volumes / self.front(*one).hypervolume)
            for one, volumes in zip(wanted, every, strict=True)
        }
        unknown = SetExpectation(*np.full((3, len(self.numbers)), np.nan))
        return {
            one: found[judged[one]] if one in judged else unknown for one in all_of_them
        }  # fmt: skip

    def _same(self, one: tuple[str, str], other: tuple[str, str]) -> bool:
        """Return whether sets have the same hypervolumes by two kinds of values."""
        chosen = ~np.isnan(self.signal).any(axis=1)
        pairs = (
            (self.front(*one).reference, self.front(*other).reference),
            (self.outcome(*one)[chosen], self.outcome(*other)[chosen]),
        )
        return all(np.array_equal(*pair, equal_nan=True) for pair in pairs)

    def _draw(self) -> NDArray[np.int64]:
        """Return which answers simulated searches get, shape (searches, most)."""
        shape = self.searches, self._most
        generator = np.random.default_rng(shape)
        if not self.draws.replacement:
            each = (generator.choice(self._total, shape[1], replace=False) for _ in range(shape[0]))
            return np.stack(list(each))
        upto = np.cumsum(self.draws.weights)
        drawn = np.searchsorted(upto, generator.random(shape) * upto[-1], side="right")
        return np.asarray(np.minimum(drawn, len(upto) - 1), dtype=np.int64)

    def about(self, titles: Mapping[str, str]) -> Iterator[str]:
        """Yield a note on how the expected random search is known; `titles` are of data sets."""
        if not self.draws.has_expectation:
            return
        n = self.draws.evaluations()
        splits = {"valid": "validation", "test": "test"} if self.draws.task.has_test else {
            "valid": "final values"
        }  # fmt: skip
        measured = {("signal", ""): "signal"} | {
            (split, name): f"{word} on {title}"
            for split, word in splits.items()
            for name, title in titles.items()
            if self.front(split, name).known
        }
        exact = [words for one, words in measured.items() if self.in_closed_form(*one)]
        drawn = [
            f"{words} ± {self.expect(*one, n).error[0]:.2g}"
            for one, words in measured.items()
            if not self.in_closed_form(*one)
        ]
        simulated = f"{self.searches:,} searches drawn from the table"
        told = [
            *([f"means of {', '.join(exact)} in closed form"] if exact else []),
            *([f"means of {', '.join(drawn)} over {simulated}, with standard errors"]
              if drawn else []),
            f"deviations of {simulated}",
        ]  # fmt: skip
        yield f"expected random search, hypervolumes: {'; '.join(told)}"


def _summarised(values: Floats) -> SetExpectation:
    """Return mean, deviation and error over searches that have a set, shape (numbers,) each."""
    there = ~np.isnan(values)
    count = there.sum(axis=0)
    known = np.where(there, values, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = known.sum(axis=0) / count
        squares = (np.where(there, values - mean, 0.0) ** 2).sum(axis=0)
        return SetExpectation(
            mean, np.sqrt(squares / count), np.sqrt(squares / (count - 1) / count)
        )


def open_known_sets(task: Task, fronts: Fronts, longest: int) -> KnownSets:
    """Read the table of `task`, of which `fronts` are the exact ones.

    `longest` are the evaluations of the longest search that is compared. One-shot searches do not
    query the table: nothing is known of answers. Raises `NasbenchError` as `fronts.exact_fronts`
    does.
    """
    if task.shared:
        space, every = fronts.signal.space, fronts.signal.scores
        none = np.zeros((1, space.size))
        return KnownSets(Draws.of(task, space, none > 0, none), fronts, every, longest)
    benchmark, _ = open_benchmark(task)
    assert isinstance(benchmark, TabularBenchmark)  # noqa: S101
    looked = benchmark.answers(None)
    draws = Draws.of(task, benchmark.space, ~looked.failed, looked.seconds)
    values = looked.values[draws.places]
    scores = scores_of(task.objectives, values)
    usable = np.isfinite(scores).all(axis=1) & benchmark.feasible[draws.cells]
    within = draws.evaluations()[0]
    longest = max(longest, math.ceil(within) if np.isfinite(within) else 0, 1)
    return KnownSets(draws, fronts, np.where(usable[:, None], scores, np.nan), longest)

"""Reference rows from the table itself: optimum, mean architecture, expected random search."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasbench.errors import DataError, NasbenchError
from nasbench.harness.compare.draws import Draws
from nasbench.harness.compare.estimates import finite, highest
from nasbench.harness.search.task import Kind, Task

if TYPE_CHECKING:
    from nasbench.benchmarks.tables.table import Table
    from nasbench.benchmarks.tables.views import TestColumns
    from nasbench.spaces.base import EnumerableSpace

Floats = NDArray[np.float64]

EXPECTED = "expected random search"


_TOGETHER = 4_000_000
"""Largest number of probabilities that are held at once."""


class Expectation(NamedTuple):
    """Mean and standard deviation of one run's outcome, shape (numbers of evaluations,)."""

    mean: Floats
    std: Floats


class Moments(NamedTuple):
    """What random search needs of an outcome, by distinct signal, shape (signals,) each."""

    shift: float
    """Subtracted from the outcome before its powers are taken."""
    powers: tuple[Floats, Floats, Floats]
    """Means of the outcome's powers 0 to 2; the first is the share of answers with an outcome."""


class ExpectedRandomSearch:
    """Random search in closed form: the best by validation of n random evaluations.

    `signal` and `weights` have shape (answers,). An evaluation returns `signal[i]` with probability
    proportional to `weights[i]`; NaN is a failed evaluation. Let F(v) be the probability that an
    answer is at most v. With replacement, the best of n answers is at most v with probability
    F(v)^n. Without replacement, the probability is C(K, n) / C(N, n), where K of the N answers are
    at most v. Answers of equal signal share their probability, because the first of them stays the
    incumbent and each of them is the first equally often.
    """

    def __init__(self, signal: Floats, weights: Floats | None = None) -> None:
        """Sort the answers by their signal."""
        weights = np.ones(len(signal)) if weights is None else weights
        self.weights = weights
        self._known = ~np.isnan(signal)
        _, self._group = np.unique(signal[self._known], return_inverse=True)
        self._mass = np.bincount(self._group, weights=weights[self._known])
        self._total = float(weights.sum())
        self._failing = float(weights[~self._known].sum())

    def best(self, n: Floats, *, replacement: bool = True) -> Floats:
        """Return the probability that each distinct signal is the best of n evaluations.

        `n` has shape (k,) and need not be whole: without replacement, binomial coefficients are
        those of the gamma function. The result has shape (k, signals), signals ascending. Rows sum
        to 1: probabilities are conditional on at least one successful evaluation.
        """
        n = np.asarray(n, dtype=np.float64)
        upto = np.concatenate(([self._failing], self._failing + np.cumsum(self._mass)))
        reached = self._power(upto, n) if replacement else self._draw_all(upto, n)
        reached[:, -1] = 1.0
        chances = np.diff(reached, axis=1)
        with np.errstate(invalid="ignore"):
            return np.asarray(chances / chances.sum(axis=1, keepdims=True))

    def expect(self, outcome: Floats, n: Floats, *, replacement: bool = True) -> Expectation:
        """Return mean and standard deviation of `outcome` at the incumbent after n evaluations.

        `outcome` has one value per answer, such as its test score; NaN is left out. `n` is that of
        `best`, shape (k,), as are the mean and the standard deviation.
        """
        return self.expected(self.moments(outcome), n, replacement=replacement)

    def expected(self, moments: Moments, n: Floats, *, replacement: bool = True) -> Expectation:
        """Return what `expect` returns, from the moments of the outcome.

        For a large space, the numbers of evaluations are taken some at a time: the probabilities
        of all at once would fill the memory.
        """
        n = np.asarray(n, dtype=np.float64)
        parts = -(-len(n) * len(self._mass) // _TOGETHER) or 1
        found = [
            self.expect_given(moments, self.best(some, replacement=replacement))
            for some in np.array_split(n, min(parts, max(1, len(n))))
        ]
        return Expectation(*(np.concatenate(each) for each in zip(*found, strict=True)))

    def moments(self, outcome: Floats) -> Moments:
        """Return what `expect_given` needs of an outcome, whatever the number of evaluations."""
        value = outcome[self._known]
        there = ~np.isnan(value)
        weights = np.where(there, self.weights[self._known], 0.0)
        value = np.where(there, value, 0.0)
        shift = float(value[there].mean()) if there.any() else 0.0
        zeroth, first, second = (
            np.bincount(self._group, weights=weights * (value - shift) ** power) / self._mass
            for power in range(3)
        )
        return Moments(shift, (zeroth, first, second))

    def expect_given(self, moments: Moments, chances: Floats) -> Expectation:
        """Return what `expect` returns, from the probabilities that `best` returned."""
        zeroth, first, second = (chances @ moment for moment in moments.powers)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = first / zeroth
            variance = second / zeroth - mean**2
        return Expectation(mean + moments.shift, np.sqrt(np.maximum(variance, 0.0)))

    def _power(self, upto: Floats, n: Floats) -> Floats:
        return np.asarray(np.minimum(upto / self._total, 1.0) ** n[:, None])

    def _draw_all(self, upto: Floats, n: Floats) -> Floats:
        """Return C(K, n) / C(N, n) for every K of `upto`; an n above N counts as N."""
        from scipy.special import gammaln

        drawn = np.minimum(n, self._total)[:, None]

        def log_choose(of: Floats) -> Floats:
            """Return the logarithm of C(of, n) n!, shape (numbers n, numbers `of`)."""
            enough = of >= drawn
            left = np.where(enough, of - drawn, 0.0)
            return np.where(enough, gammaln(of + 1) - gammaln(left + 1), -np.inf)

        return np.asarray(np.exp(log_choose(upto) - log_choose(np.array([self._total]))))


@dataclass(frozen=True)
class Known:
    """What the table of a task knows of its architectures.

    `signal`, `valid` and `test` are scores of the first objective: more is better.
    """

    draws: Draws
    space: "EnumerableSpace"
    """The architectures that were searched, in the order of `valid` and `test`."""
    search: ExpectedRandomSearch
    signal: Floats
    """Of each answer that a query can give, shape (answers,)."""
    valid: dict[str, Floats]
    """Final validation score of every architecture by reported data set, shape (size,)."""
    test: dict[str, Floats]
    """Final test score of every architecture by reported data set, shape (size,).

    In a table without test values it is that of validation.
    """
    test_seeds: dict[str, tuple[int, ...]]
    """Numbers of training seeds that final test values are means over, where known."""
    pseudo: bool
    """Whether the table says that its seconds are pseudo-times: scaled from other measurements."""
    fitted: bool
    """Whether a part of `costs` is a fitted formula instead of measured seconds."""

    def mean_signal(self, size: int) -> Floats:
        """Return the mean signal of each of the `size` architectures over its answers.

        Shape (size,); NaN for an architecture without answers.
        """
        cells, weights = self.draws.cells, self.draws.weights
        total, weight = (
            np.bincount(cells, one, minlength=size) for one in (weights * self.signal, weights)
        )
        with np.errstate(invalid="ignore"):
            return np.asarray(total / weight)


@dataclass(frozen=True)
class Reference:
    """One row from the table itself: values of the first objective, and regrets in its unit."""

    reference: str
    dataset: str
    signal_mean: float
    valid_mean: float
    valid_std: float
    test_mean: float
    test_std: float
    regret_mean: float  #: in test
    valid_regret_mean: float
    evaluations_mean: float  #: of the expected random search; NaN for the other rows
    errors: "Errors | None" = None  #: of the means of hypervolumes; None for rows of one objective

    def to_json(self) -> dict[str, Any]:
        """Return the row as JSON values."""
        values = asdict(self)
        del values["errors"]
        return {**values, **({} if self.errors is None else self.errors._asdict())}


class Errors(NamedTuple):
    """Standard errors of simulated means; 0 for what is exact."""

    signal_error: float
    valid_error: float
    test_error: float


class Doubts(NamedTuple):
    """Reported data sets with final values that are not what a reader would take them for."""

    best_epoch: tuple[str, ...] = ()
    """Those whose test values are each network's best over the epochs."""
    on_test_images: tuple[str, ...] = ()
    """Those whose validation was measured on the images of test."""


def open_doubts(task: Task) -> Doubts:
    """Return what the table of `task` says of its final values; nothing if it is not available."""
    try:
        test = _table_of(task).test
    except NasbenchError:
        return Doubts()
    of_metrics = [(task.final_schedule, metric.name) for metric in task.objectives]
    return Doubts(
        *(
            tuple(name for name in task.reports if any(holds(name, *one) for one in of_metrics))
            for holds in (test.is_best_epoch, test.validates_on_test_images)
        )
    )


def _table_of(task: Task) -> "Table":
    """Return the table of `task`; raises `NasbenchError` as `open_known` does."""
    from nasbench.benchmarks.catalogue import load_table

    if task.kind is not Kind.TABLE:
        raise NasbenchError("a search by training does not know the whole space")
    table = load_table(task.reference.name)
    if table.hash != task.content:
        raise NasbenchError(
            f"table '{task.benchmark}' is {table.hash[:8]} here and {task.content[:8]} in these "
            "runs: install the table they were made with"
        )
    return table


def open_known(task: Task) -> Known:
    """Read the table of `task`.

    Raises `NasbenchError` where the table is not installed or differs from that of the runs, and
    for a task with trainings.
    """
    from nasbench.benchmarks.constraints import feasible_in
    from nasbench.benchmarks.judge import TableJudge
    from nasbench.benchmarks.tabular import TabularBenchmark

    table = _table_of(task)
    space = table.space
    metric, final = task.metric, task.final_schedule
    judge = TableJudge(table.test, table.rows, space, task.reports, final, (metric,), table.search)
    if task.shared:  # one-shot searches do not query the table
        signal, costs = np.full((2, 1, space.size), np.nan)
    else:
        benchmark = TabularBenchmark(
            table.search, table.rows, space, task.query, (metric,), timed=task.timed
        )
        looked = benchmark.answers(None)
        signal, costs = finite(metric.score(looked.values[:, :, 0])), looked.seconds
    draws = Draws.of(task, space, ~np.isnan(signal), costs)
    meets = feasible_in(task.constraints, table, task.query.dataset, task.joins)
    signal = np.where(meets, signal, np.nan)  # it is never the answer, like a failed one
    truths = {name: judge.truth(name) for name in task.reports}

    def scored(values: Floats) -> Floats:
        return finite(metric.score(np.where(meets, values, np.nan)))

    signal = signal[draws.places]
    return Known(
        draws=draws,
        space=space,
        search=ExpectedRandomSearch(signal, draws.weights),
        signal=signal,
        valid={name: scored(truth.valid) for name, truth in truths.items()},
        test={
            name: scored(truth.test if task.has_test else truth.valid)
            for name, truth in truths.items()
        },
        test_seeds=dict(_test_seeds(table.test, task)),
        pseudo=any("pseudo-time" in note for note in table.info.notes),
        fitted=table.search.query_seconds_fitted,
    )


def _test_seeds(columns: "TestColumns", task: Task) -> Iterator[tuple[str, tuple[int, ...]]]:
    for name in task.reports:
        with suppress(DataError):  # a table may not know its counts
            counts = np.unique(columns.count(name, task.final_schedule)).tolist()
            yield name, tuple(int(count) for count in counts if count)


def references(known: Known, dataset: str) -> list[Reference]:
    """Return the optima, the expected random search and the mean architecture on a data set."""
    valid, test = known.valid[dataset], known.test[dataset]
    best_valid, best_test = highest(valid), highest(test)
    draws, task = known.draws, known.draws.task
    value = task.metric.score
    signal = known.mean_signal(len(valid))

    def row(
        name: str,
        seen: float,
        valid: tuple[float, float],
        test: tuple[float, float],
        evaluations: float = np.nan,
    ) -> Reference:
        """Return a row from scores and their standard deviations."""
        return Reference(
            reference=name,
            dataset=dataset,
            signal_mean=value(seen),
            valid_mean=value(valid[0]),
            valid_std=valid[1],
            test_mean=value(test[0]),
            test_std=test[1],
            regret_mean=best_test - test[0],
            valid_regret_mean=best_valid - valid[0],
            evaluations_mean=evaluations,
        )

    def cells(name: str, chosen: NDArray[np.bool_], *, spread: bool = False) -> Reference:
        there = [x[chosen & ~np.isnan(x)] for x in (valid, test)]
        numbers = [
            (float(x.mean()), float(x.std()) if spread else np.nan) if len(x) else (np.nan, np.nan)
            for x in there
        ]
        seen = signal[chosen][~np.isnan(signal[chosen])]
        return row(name, float(seen.mean()) if len(seen) else np.nan, numbers[0], numbers[1])

    rows = [cells("optimum", test == best_test)]
    if task.has_test and not np.isnan(best_valid):
        rows.append(cells("optimum by validation", valid == best_valid))
    if draws.has_expectation:
        n = draws.evaluations()
        chances = known.search.best(n, replacement=draws.replacement)
        seen, *final = (
            known.search.expect_given(known.search.moments(outcome), chances)
            for outcome in (known.signal, valid[draws.cells], test[draws.cells])
        )
        numbers = [(float(one.mean[0]), float(one.std[0])) for one in final]
        rows.append(row(EXPECTED, float(seen.mean[0]), numbers[0], numbers[1], float(n[0])))
    return [*rows, cells("mean architecture", ~np.isnan(test), spread=True)]

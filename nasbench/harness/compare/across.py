"""Several data sets at once: ranks, aggregates, chances of being better, and what they can tell.

A sample is one value per finished run, shape (runs,), higher is better. Bootstrap samples are
stratified: runs are drawn within a strategy and a search, never across; the data sets that one
search reports keep their runs together.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import permutations
from math import factorial
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import friedmanchisquare, norm, rankdata, studentized_range

from nasbench.harness.compare.estimates import (
    Floats,
    Interval,
    draws,
    interquartile_mean,
    percentiles,
    weights,
)
from nasbench.harness.compare.significance import ALPHA, superiority

if TYPE_CHECKING:
    import pandas

_DECIMALS = 9
"""Means that differ by less are equal: sums of other lengths round differently."""
FEW = 10
"""Data sets below which Nemenyi's test, and the chi-square form of Friedman's, are not to be used.

Demsar, Statistical Comparisons of Classifiers over Multiple Data Sets, JMLR 2006, section 3.2.2.
"""
_ORDERS, _DRAWN = 20_000, 9_999
"""Ways to order ranks of which all are looked at, and how many of more are drawn."""


@dataclass(frozen=True)
class Problem:
    """One data set: every strategy's final test accuracies, and their regrets where known."""

    name: str
    search: int
    """Number of the search that answered; data sets of one search share their runs."""
    accuracy: tuple[Floats, ...]
    """Without NaN; position i of all data sets of a search is the same run."""
    regret: tuple[Floats, ...]
    """The same over the mean architecture's regret; empty where the table is not at hand."""


@dataclass(frozen=True)
class Standings:
    """Strategies over several data sets; arrays follow `labels`."""

    labels: tuple[str, ...]
    problems: tuple[str, ...]
    ranks: Floats  #: mean rank of mean test accuracy, 1 is best, shape (strategies,)
    rank_intervals: tuple[Interval, ...]
    regret: tuple[Interval, ...]  #: of the mean over data sets of the mean normalised regret
    regret_mean: Floats
    regret_iqm: Floats  #: interquartile mean of normalised regret, runs of all data sets together
    regret_iqm_intervals: tuple[Interval, ...]
    better: Floats
    """Chance that a run of row i beats one of row j, mean over data sets, (strategies, strategies).

    The probability of improvement of Agarwal et al., NeurIPS 2021: ties count half."""
    better_low: Floats
    better_high: Floats
    friedman: float
    """p-value of Friedman's test of equal ranks; NaN below three rows or data sets."""
    critical_difference: float  #: Nemenyi's, in ranks
    cliques: tuple[tuple[int, ...], ...]
    """Maximal sets of two or more rows that Nemenyi's test does not tell apart, by rank."""

    @property
    def warning(self) -> str:
        """What the tests over data sets cannot tell; empty where there are enough."""
        number, rows = len(self.problems), len(self.labels)
        if number >= FEW:
            return ""
        reach = "" if self.critical_difference < rows - 1 else ", more than ranks can differ"
        return (
            f"{number} data sets are too few for Nemenyi's test (critical difference "
            f"{self.critical_difference:.2f}{reach}): read the tests per data set"
        )

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON values."""
        return {
            key: value.tolist() if isinstance(value, np.ndarray) else value
            for key, value in asdict(self).items()
        }

    def to_frame(self) -> "pandas.DataFrame":
        """Return one row per strategy; `better_than` columns hold the chances."""
        import pandas

        return pandas.DataFrame(
            {
                "label": self.labels,
                "rank": self.ranks,
                "rank_low": [one.low for one in self.rank_intervals],
                "rank_high": [one.high for one in self.rank_intervals],
                "normalised_regret_mean": self.regret_mean,
                "normalised_regret_low": [one.low for one in self.regret],
                "normalised_regret_high": [one.high for one in self.regret],
                "normalised_regret_iqm": self.regret_iqm,
                "normalised_regret_iqm_low": [one.low for one in self.regret_iqm_intervals],
                "normalised_regret_iqm_high": [one.high for one in self.regret_iqm_intervals],
                **{
                    f"better_than/{label}": self.better[:, row]
                    for row, label in enumerate(self.labels)
                },
            }
        )


def standings_across(labels: Sequence[str], problems: Sequence[Problem]) -> Standings:
    """Compare strategies over data sets; every problem has a sample for each of `labels`."""
    accuracy = [one.accuracy for one in problems]
    means = np.array([[sample.mean() for sample in samples] for samples in accuracy])
    ranks = _ranks(means).mean(axis=0)
    runs = min(len(sample) for samples in accuracy for sample in samples)
    drawn = np.array(
        [[_means(one, row, sample) for row, sample in enumerate(one.accuracy)] for one in problems]
    )  # (problems, strategies, resamples)
    rank_draws = _ranks(np.moveaxis(drawn, 1, -1)).mean(axis=0)  # (resamples, strategies)
    regret, regret_mean = _regrets(problems, runs)
    regret_iqm, iqm_intervals = _middles(problems, runs)
    better, low, high = _better(problems, accuracy, runs)
    difference = critical_difference(len(labels), len(problems))
    return Standings(
        labels=tuple(labels),
        problems=tuple(one.name for one in problems),
        ranks=ranks,
        rank_intervals=tuple(percentiles(one, runs) for one in rank_draws.T),
        regret=regret,
        regret_mean=regret_mean,
        regret_iqm=regret_iqm,
        regret_iqm_intervals=iqm_intervals,
        better=better,
        better_low=low,
        better_high=high,
        friedman=_friedman(means),
        critical_difference=difference,
        cliques=cliques(ranks, difference),
    )


def _means(problem: Problem, row: int, values: Floats) -> Floats:
    """Return means of bootstrap samples, (resamples,) or with the shape that follows runs.

    Drawn alike for all data sets of a search: a run takes all its numbers along.
    """
    return np.asarray(weights(len(values), (problem.search, row)) @ values)


def _ranks(means: Floats) -> Floats:
    """Return ranks along the last axis, 1 for the highest, the mean rank for ties."""
    return np.asarray(rankdata(-np.round(means, _DECIMALS), axis=-1))


def _regrets(problems: Sequence[Problem], runs: int) -> tuple[tuple[Interval, ...], Floats]:
    """Return interval and mean of the mean normalised regret."""
    rows = len(problems[0].accuracy)
    if not all(one.regret for one in problems):
        return (Interval(np.nan, np.nan),) * rows, np.full(rows, np.nan)
    found, centres = [], []
    for row in range(rows):
        samples = [one.regret[row] for one in problems]
        drawn = [_means(one, row, one.regret[row]) for one in problems]
        found.append(percentiles(np.mean(drawn, axis=0), runs))
        centres.append(np.mean([sample.mean() for sample in samples]))
    return tuple(found), np.array(centres)


def _middles(problems: Sequence[Problem], runs: int) -> tuple[Floats, tuple[Interval, ...]]:
    """Return the interquartile mean of the runs of all data sets together, and its interval."""
    rows = len(problems[0].accuracy)
    if not all(one.regret for one in problems):
        return np.full(rows, np.nan), (Interval(np.nan, np.nan),) * rows
    middles, found = [], []
    for row in range(rows):
        samples = [one.regret[row] for one in problems]
        drawn = [
            sample[draws(len(sample), (one.search, row))]
            for one, sample in zip(problems, samples, strict=True)
        ]
        middles.append(float(interquartile_mean(np.sort(np.concatenate(samples)))))
        whole = np.sort(np.concatenate(drawn, axis=1), axis=1)
        found.append(percentiles(interquartile_mean(whole), runs))
    return np.array(middles), tuple(found)


def _better(
    problems: Sequence[Problem], accuracy: Sequence[Sequence[Floats]], runs: int
) -> tuple[Floats, Floats, Floats]:
    """Return the chance of being better and the ends of its interval, (rows, rows) each.

    A12 of bootstrap samples is bilinear in how often each run is drawn.
    """
    rows = len(accuracy[0])
    centre, low, high = (np.full((rows, rows), 0.5) for _ in range(3))
    for i in range(rows):
        for j in range(i + 1, rows):
            chances = []
            for one, samples in zip(problems, accuracy, strict=True):
                first, second = samples[i], samples[j]
                wins = (np.sign(first[:, None] - second[None, :]) + 1) / 2
                mine = weights(len(first), (one.search, i))
                theirs = weights(len(second), (one.search, j))
                chances.append(((mine @ wins) * theirs).sum(axis=1))
            found = percentiles(np.mean(chances, axis=0), runs)
            centre[i, j] = np.mean([superiority(samples[i], samples[j]) for samples in accuracy])
            low[i, j], high[i, j] = found
            centre[j, i], low[j, i], high[j, i] = 1 - centre[i, j], 1 - found.high, 1 - found.low
    return centre, low, high


def _friedman(means: Floats) -> float:
    """Return the p-value of Friedman's test, problems as blocks, (problems, strategies).

    Friedman, JASA 1937. Of fewer than `FEW` data sets exact: over all ways to order the ranks
    within each, or many of them, drawn the same every time.
    """
    problems, rows = means.shape
    if rows < 3 or problems < 3:
        return np.nan
    if problems >= FEW:
        return float(friedmanchisquare(*np.round(means, _DECIMALS).T).pvalue)
    ranks = _ranks(means)
    sums = _orders(ranks)
    spread = np.square(sums - sums.mean(axis=1, keepdims=True)).sum(axis=1)
    there = np.square(ranks.sum(axis=0) - ranks.sum(axis=0).mean()).sum()
    return float(np.mean(spread >= there - 1e-9))


def _orders(ranks: Floats) -> Floats:
    """Return sums of ranks, reordered within each problem, as they are first: (orders, rows)."""
    problems, rows = ranks.shape
    sums = ranks[:1]  # nothing changes if the orders of all problems change alike
    if factorial(rows) ** (problems - 1) <= _ORDERS:
        orders = np.array(list(permutations(range(rows))))
        for one in ranks[1:]:
            sums = (sums[:, None] + one[orders][None]).reshape(-1, rows)
        return sums
    mixed = np.random.default_rng(rows).permuted(
        np.broadcast_to(ranks[1:], (_DRAWN, problems - 1, rows)), axis=2
    )
    return np.concatenate([ranks.sum(axis=0)[None], sums + mixed.sum(axis=1)])


def critical_difference(rows: int, problems: int, alpha: float = ALPHA) -> float:
    """Return how far mean ranks must be apart by Nemenyi's test.

    Demsar, JMLR 2006, section 3.2.2: q sqrt(k (k + 1) / (6 N)), q of the studentized range over
    sqrt 2.
    """
    if rows < 2:
        return np.nan
    if rows == 2:  # the range of two is the absolute difference
        q = float(norm.ppf(1 - alpha / 2))
    else:
        q = float(studentized_range.ppf(1 - alpha, rows, np.inf) / np.sqrt(2))
    return q * float(np.sqrt(rows * (rows + 1) / (6 * problems)))


def cliques(ranks: Floats, difference: float) -> tuple[tuple[int, ...], ...]:
    """Return maximal sets of two or more rows whose ranks are less than `difference` apart."""
    order = np.argsort(ranks, kind="stable")
    found: list[tuple[int, ...]] = []
    reach = 0
    for start in range(len(order)):
        end = start
        while end + 1 < len(order) and ranks[order[end + 1]] - ranks[order[start]] < difference:
            end += 1
        if end > start and end > reach:
            found.append(tuple(int(row) for row in order[start : end + 1]))
            reach = end
    return tuple(found)


def profile(
    problems: Sequence[Problem], row: int, thresholds: Floats
) -> tuple[Floats, Floats, Floats]:
    """Return the share of runs with a normalised regret of at most each threshold, and its band.

    The performance profile of run scores of Agarwal et al., NeurIPS 2021: a mean over data sets,
    with pointwise intervals; three arrays of shape (thresholds,).
    """
    centre, shares = np.zeros(len(thresholds)), []
    runs = min(len(one.regret[row]) for one in problems)
    for one in problems:
        below = (one.regret[row][:, None] <= thresholds[None, :] + 1e-12).astype(np.float64)
        centre += below.mean(axis=0) / len(problems)
        shares.append(_means(one, row, below))
    ends = [percentiles(column, runs) for column in np.mean(shares, axis=0).T]
    return centre, np.array([end.low for end in ends]), np.array([end.high for end in ends])

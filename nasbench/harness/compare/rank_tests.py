"""Tests of mean ranks over several data sets, where these are independent and where they are not.

Friedman's test and Nemenyi's take data sets for independent blocks. Data sets that one search
reports, and searches whose equal seeds share draws, are none: there whole runs are what is
independent, and the tests divide them among the strategies anew, each with all its data sets.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations
from math import factorial

import numpy as np
from numpy.typing import NDArray

from nasbench.harness.compare.estimates import Floats
from nasbench.harness.compare.significance import ALPHA

_DECIMALS = 9
"""Means that differ by less are equal: sums of other lengths round differently."""
FEW = 10
"""Data sets below which Nemenyi's test, and the chi-square form of Friedman's, are not to be used.

Demsar, Statistical Comparisons of Classifiers over Multiple Data Sets, JMLR 2006, section 3.2.2.
"""
_ORDERS, _DRAWN = 20_000, 9_999
"""Ways to order ranks of which all are looked at, and how many of more are drawn."""
_DIVISIONS, _AT_ONCE = 1999, 100
"""Ways to divide runs that are drawn, and how many of them are in memory."""


def ranks_of(means: Floats) -> Floats:
    """Return ranks along the last axis, 1 for the highest, the mean rank for ties."""
    from scipy.stats import rankdata

    return np.asarray(rankdata(-np.round(means, _DECIMALS), axis=-1))


def friedman(means: Floats) -> float:
    """Return the p-value of Friedman's test of independent data sets, (data sets, strategies).

    Friedman, JASA 1937; NaN below three of either. Where fewer than `FEW` data sets tell any
    strategies apart it is exact: over all ways to order the ranks within each, or many of them,
    drawn the same every time. 1 where none does.
    """
    from scipy.stats import friedmanchisquare

    problems, rows = means.shape
    if rows < 3 or problems < 3:
        return np.nan
    ranks = ranks_of(means)
    ranks = ranks[np.ptp(ranks, axis=1) > 0]  # where all tie, every order is the same
    if not len(ranks):
        return 1.0
    if len(ranks) >= FEW:
        return float(friedmanchisquare(*ranks.T).pvalue)
    sums = _orders(ranks)
    spread = np.square(sums - sums.mean(axis=1, keepdims=True)).sum(axis=1)
    there = np.square(ranks.sum(axis=0) - ranks.sum(axis=0).mean()).sum()
    return float(np.mean(spread >= there - 1e-9))


def _orders(ranks: Floats) -> Floats:
    """Return sums of ranks, reordered within each data set, as they are first: (orders, rows)."""
    problems, rows = ranks.shape
    sums = ranks[:1]  # nothing changes if the orders of all data sets change alike
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
    """Return how far mean ranks must be apart by Nemenyi's test of independent data sets.

    Demsar, JMLR 2006, section 3.2.2: q sqrt(k (k + 1) / (6 N)), q of the studentized range over
    sqrt 2.
    """
    from scipy.stats import norm, studentized_range

    if rows < 2 or problems < 1:
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


@dataclass(frozen=True)
class Runs:
    """Independent runs of all strategies, each with its scores on data sets it has."""

    row: NDArray[np.int64]
    """Strategy of each run, ascending, shape (runs,)."""
    scores: Floats
    """NaN where a run has none, shape (runs, data sets)."""


def divided(strata: Sequence[Runs], rows: int, alpha: float = ALPHA) -> tuple[float, float]:
    """Test strategies over data sets that are not independent, by dividing the runs anew.

    Returns a p-value and a critical difference of mean ranks. Under the hypothesis that strategies
    do not differ on these data sets, runs could be any strategy's: each keeps all its data sets,
    within the searches of its stratum, and those that lack a data set change places with runs that
    lack the same. So the level holds however data sets depend on each other. 1,999 divisions
    are drawn, the same every time.

    The p-value is of Friedman's test for blocks with several runs (Mack & Skillings, JASA 1980):
    ranks of all runs within each data set, means per strategy, summed over data sets. The critical
    difference is the least range of mean ranks of mean scores, as ranked in tables, that a
    share `alpha` of divisions reaches at most; infinite where no range is as rare.
    """
    generator = np.random.default_rng(rows)
    parts = [_shuffled(one, rows, generator) for one in strata]
    means, places = (np.concatenate(some, axis=2) for some in zip(*parts, strict=True))
    totals = places.sum(axis=2)  # (divisions, rows)
    spread = np.square(totals - totals.mean(axis=1, keepdims=True)).sum(axis=1)
    p_value = float(np.mean(spread >= spread[0] * (1 - 1e-9)))
    ranks = ranks_of(np.moveaxis(means, 1, 2)).mean(axis=1)
    reached, count = np.unique(np.round(np.ptp(ranks, axis=1), _DECIMALS), return_counts=True)
    rare = reached[np.cumsum(count[::-1])[::-1] <= alpha * len(ranks)]
    return p_value, float(rare[0]) - 10.0**-_DECIMALS if len(rare) else np.inf


def _shuffled(runs: Runs, rows: int, generator: np.random.Generator) -> tuple[Floats, Floats]:
    """Return mean scores and mean ranks of runs, (1 + divisions, rows, data sets) each.

    The first division is the one that is there.
    """
    from scipy.stats import rankdata

    there = ~np.isnan(runs.scores)
    numbers = there.sum(axis=0)
    ranks = rankdata(runs.scores, axis=0, nan_policy="omit") / numbers
    values = np.where(np.tile(there, 2), np.concatenate([runs.scores, ranks], axis=1), 0.0)
    counts = np.stack([there[runs.row == row].sum(axis=0) for row in range(rows)])
    sums = np.zeros((_DIVISIONS + 1, rows, values.shape[1]))
    _, pattern = np.unique(there, axis=0, return_inverse=True)
    for which in range(int(pattern.max()) + 1):
        mine = np.flatnonzero(pattern.ravel() == which)
        present, starts = np.unique(runs.row[mine], return_index=True)
        sums[0, present] += np.add.reduceat(values[mine], starts)
        for begin in range(1, _DIVISIONS + 1, _AT_ONCE):
            end = min(begin + _AT_ONCE, _DIVISIONS + 1)
            order = generator.permuted(np.broadcast_to(mine, (end - begin, len(mine))), axis=1)
            sums[begin:end, present] += np.add.reduceat(values[order], starts, axis=1)
    means = sums / np.tile(counts, 2)
    half = runs.scores.shape[1]
    return means[..., :half], means[..., half:]

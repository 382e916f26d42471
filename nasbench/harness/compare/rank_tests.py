"""Tests of mean ranks over several data sets, which may be independent or not.

Friedman's test and Nemenyi's test assume that data sets are independent blocks. This does not hold
for data sets that one search reports, nor for searches whose equal seeds share random draws. There
only whole runs are independent, and permutation tests divide the runs among the strategies anew,
each run with all its data sets.
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
"""Decimals to which means are rounded before ranking: sums of other lengths round differently."""
FEW = 10
"""Fewest data sets for which Nemenyi's test and the chi-square form of Friedman's are to be used.

Demsar, Statistical Comparisons of Classifiers over Multiple Data Sets, JMLR 2006, section 3.2.2.
"""
_ORDERS, _DRAWN = 20_000, 9_999
"""Largest number of orders of ranks that are all enumerated, and how many are drawn otherwise."""
_QUANTILES = (
    2.343700586378409, 2.569031772546482, 2.7277743708703763, 2.8497054196100016,
    2.9483200175296744, 3.030878449614413, 3.1017303413033805, 3.163683577053373,
    3.2186536073291525, 3.268003924466142, 3.31273859335082, 3.3536177518523043,
    3.391230283765257, 3.4260413793706097, 3.4584247073473247, 3.4886847993791976,
    3.517073008691811, 3.5437991315177815,
)  # fmt: skip
"""Quantiles of the studentized range at level `ALPHA` divided by sqrt 2, for 3 to 20 strategies.

Table 5(a) of Demsar, with more digits: those of `scipy.stats.studentized_range`, which takes longer
to load than all other statistics of a comparison take together.
"""
_DIVISIONS, _AT_ONCE = 1999, 100
"""Number of random divisions of runs, and how many of them are in memory at once."""


def ranks_of(means: Floats) -> Floats:
    """Return ranks along the last axis, 1 for the highest, the mean rank for ties."""
    flat = np.round(means, _DECIMALS).reshape(-1, means.shape[-1])
    return _ranked(-flat).reshape(means.shape)


def _ranked(rows: Floats) -> Floats:
    """Return ascending ranks within each row, from 1, the mean rank for ties and NaN for NaN."""
    order = np.argsort(rows, axis=1)
    ordered = np.take_along_axis(rows, order, axis=1)
    first = np.ones(rows.shape, dtype=bool)  # of equal values
    first[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    starts = np.flatnonzero(first)
    lengths = np.diff(starts, append=rows.size)
    middles = starts % max(1, rows.shape[1]) + (lengths + 1) / 2
    ranks = np.empty(rows.shape)
    np.put_along_axis(ranks, order, np.repeat(middles, lengths).reshape(rows.shape), axis=1)
    return np.where(np.isnan(rows), np.nan, ranks)


def friedman(means: Floats) -> float:
    """Return the p-value of Friedman's test over independent data sets.

    `means` has shape (data sets, strategies). Friedman, JASA 1937. Data sets on which all
    strategies tie are left out. With `FEW` or more others, the p-value is from the chi-square
    distribution. With fewer, it is from a permutation test: over all orders of the ranks within
    each data set where they are at most 20,000, else over 9,999 of them, drawn the same every time.
    NaN with fewer than three strategies or data sets; 1 where all data sets are left out.
    """
    problems, rows = means.shape
    if rows < 3 or problems < 3:
        return np.nan
    ranks = ranks_of(means)
    ranks = ranks[np.ptp(ranks, axis=1) > 0]  # where all tie, every order is the same
    if not len(ranks):
        return 1.0
    if len(ranks) >= FEW:
        from scipy.stats import friedmanchisquare  # takes long to load, so only here

        return float(friedmanchisquare(*ranks.T).pvalue)
    sums = _orders(ranks)
    spread = np.square(sums - sums.mean(axis=1, keepdims=True)).sum(axis=1)
    there = np.square(ranks.sum(axis=0) - ranks.sum(axis=0).mean()).sum()
    return float(np.mean(spread >= there - 1e-9))


def _orders(ranks: Floats) -> Floats:
    """Return the rank sums of rows for orders of the ranks within each data set, (orders, rows).

    The observed order is the first.
    """
    problems, rows = ranks.shape
    sums = ranks[:1]  # its order can stay: reordering all data sets alike changes nothing
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
    """Return the critical difference of mean ranks by Nemenyi's test over independent data sets.

    Demsar, JMLR 2006, section 3.2.2: q sqrt(k (k + 1) / (6 N)) for k strategies and N data sets,
    where q is the quantile of the studentized range divided by sqrt 2. NaN with fewer than two
    strategies or without data sets.
    """
    if rows < 2 or problems < 1:
        return np.nan
    return _quantile(rows, alpha) * float(np.sqrt(rows * (rows + 1) / (6 * problems)))


def _quantile(rows: int, alpha: float) -> float:
    """Return the quantile of the studentized range of two or more rows divided by sqrt 2."""
    if rows == 2:  # the range of two is the absolute difference
        from scipy.special import ndtri

        return float(ndtri(1 - alpha / 2))
    if alpha == ALPHA and rows - 3 < len(_QUANTILES):
        return _QUANTILES[rows - 3]
    from scipy.stats import studentized_range

    return float(studentized_range.ppf(1 - alpha, rows, np.inf) / np.sqrt(2))


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
    """Independent runs of all strategies, each with its scores on several data sets."""

    row: NDArray[np.int64]
    """Strategy of each run, ascending, shape (runs,)."""
    scores: Floats
    """Scores, shape (runs, data sets); NaN where a run has none."""


def divided(
    strata: Sequence[Runs], rows: int, alpha: float = ALPHA, weights: Floats | None = None
) -> tuple[float, float]:
    """Test strategies over data sets that are not independent, by a permutation test of runs.

    Returns a p-value and a critical difference of mean ranks. Under the null hypothesis that
    strategies do not differ on these data sets, each run could belong to any strategy. So runs are
    divided among the strategies at random, each with its scores on all its data sets. A run stays
    within its stratum, and a run that lacks data sets is exchanged only with runs that lack the
    same ones. The level therefore holds however data sets depend on each other. 1,999 divisions are
    drawn, the same every time.

    The p-value is that of Friedman's test for blocks with several runs (Mack & Skillings, JASA
    1980): all runs are ranked within each data set, ranks are averaged per strategy, and then over
    data sets. The critical difference concerns mean ranks of mean scores, as in tables. It is the
    smallest range of mean ranks that at most a share `alpha` of the divisions reaches; infinite
    where no range is so rare. `weights` of the data sets in both means, in the order of the strata,
    sum to 1; by default all have the same.
    """
    generator = np.random.default_rng(rows)
    parts = [_shuffled(one, rows, generator) for one in strata]
    means, places = (np.concatenate(some, axis=2) for some in zip(*parts, strict=True))
    shares = np.full(means.shape[2], 1 / means.shape[2]) if weights is None else weights
    totals = places @ shares  # (divisions, rows)
    spread = np.square(totals - totals.mean(axis=1, keepdims=True)).sum(axis=1)
    p_value = float(np.mean(spread >= spread[0] * (1 - 1e-9)))
    ranks = np.einsum("vdr,d->vr", ranks_of(np.moveaxis(means, 1, 2)), shares)
    reached, count = np.unique(np.round(np.ptp(ranks, axis=1), _DECIMALS), return_counts=True)
    rare = reached[np.cumsum(count[::-1])[::-1] <= alpha * len(ranks)]
    return p_value, float(rare[0]) - 10.0**-_DECIMALS if len(rare) else np.inf


def _shuffled(runs: Runs, rows: int, generator: np.random.Generator) -> tuple[Floats, Floats]:
    """Return each strategy's mean score and mean rank for every division of the runs.

    Both have shape (1 + divisions, rows, data sets). The first division is the observed one. Ranks
    are divided by the number of runs on the data set.
    """
    there = ~np.isnan(runs.scores)
    numbers = there.sum(axis=0)
    ranks = _ranked(runs.scores.T).T / numbers
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

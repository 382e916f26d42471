"""Compare strategies over several data sets: mean ranks, aggregates, probabilities of improvement.

A sample holds one value per finished run, shape (runs,); higher is better. The bootstrap is
stratified: runs are resampled within each strategy, never across strategies. Values that are not
independent are resampled together: those of one search on all data sets it reports, and those of
runs with equal seeds where searches share random draws.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasbench.harness.compare.by_space import BySpace, by_space
from nasbench.harness.compare.estimates import (
    Floats,
    Interval,
    counts,
    interquartile_mean,
    percentiles,
    pointwise,
)
from nasbench.harness.compare.rank_tests import (
    FEW,
    Runs,
    cliques,
    critical_difference,
    divided,
    friedman,
    ranks_of,
)
from nasbench.harness.compare.significance import superiority


@dataclass(frozen=True)
class OneDataSet:
    """One data set: every strategy's final test scores, and their regrets where known."""

    name: str
    stratum: int
    """Number of the group of dependent data sets that this one belongs to.

    Runs with equal seeds on data sets of one stratum are resampled together."""
    scores: tuple[Floats, ...]
    """Final test scores of each strategy, shape (runs,) each, without NaN."""
    regret: tuple[Floats, ...]
    """Normalised regrets of the same runs: their regret divided by the mean architecture's.

    Empty where the table is not available."""
    seeds: tuple[NDArray[np.int64], ...] = ()
    """Distinct seeds of each strategy's runs, shape (runs,) each.

    Where empty, position i is the same run on all data sets of a stratum."""
    title: str = ""
    """The name for readers; the data set's own where empty."""
    space: str = ""
    """The space that was searched: its architectures are those of all its data sets."""

    def of(self, row: int) -> NDArray[np.int64]:
        """Return the seeds of a strategy's runs, shape (runs,)."""
        return self.seeds[row] if self.seeds else np.arange(len(self.scores[row]))


@dataclass(frozen=True)
class Standings:
    """Statistics of strategies over several data sets; arrays are in the order of `labels`."""

    labels: tuple[str, ...]
    datasets: tuple[str, ...]
    ranks: Floats  #: mean rank of mean test scores, 1 is best, shape (strategies,)
    rank_intervals: tuple[Interval, ...]
    regret: tuple[Interval, ...]  #: intervals of `regret_mean`
    regret_mean: Floats  #: mean over data sets of the mean normalised regret, shape (strategies,)
    regret_iqm: Floats  #: interquartile mean of normalised regret, runs of all data sets pooled
    regret_iqm_intervals: tuple[Interval, ...]
    better: Floats
    """Probability that a run of strategy i beats one of strategy j, (strategies, strategies).

    The mean over data sets of the probability of improvement of Agarwal et al., NeurIPS 2021:
    ties count half."""
    better_low: Floats  #: lower ends of the intervals of `better`
    better_high: Floats  #: upper ends
    independent: bool
    """Whether data sets are independent blocks: no two of them share runs or random draws."""
    friedman: float
    """p-value of the hypothesis that all strategies rank equally.

    It is Friedman's test where data sets are independent, else the test of `rank_tests.divided`.
    NaN with fewer than three strategies or data sets."""
    critical_difference: float
    """Critical difference of mean ranks.

    It is Nemenyi's where data sets are independent, else that of `rank_tests.divided`."""
    cliques: tuple[tuple[int, ...], ...]
    """Maximal sets of two or more strategies whose mean ranks differ by less than it, by rank."""
    by_space: BySpace | None = None
    """The ranks with all data sets of one space averaged; None where that changes nothing."""

    @property
    def telling(self) -> bool:
        """Whether mean ranks can differ by the critical difference at all."""
        return self.critical_difference <= len(self.labels) - 1

    @property
    def warning(self) -> str:
        """Why the tests over data sets cannot be relied on; empty where they can."""
        number = len(self.datasets)
        reach = "" if self.telling else ", more than ranks can differ"
        if not self.independent:
            told = "no difference of mean ranks over them can be significant"
            return "" if self.telling else f"{told}: read the tests per data set"
        if number >= FEW:
            return ""
        return (
            f"{number} data sets are too few for Nemenyi's test (critical difference "
            f"{self.critical_difference:.2f}{reach}): read the tests per data set"
        )

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON values; data sets are called `problems`, as in older files."""
        found = _lists(asdict(self))
        return {"problems" if key == "datasets" else key: one for key, one in found.items()}

    def columns(self) -> dict[str, list[Any]]:
        """Return a value per strategy; `better_than/LABEL` is the probability of beating LABEL."""
        return {
            "label": list(self.labels),
            "rank": self.ranks.tolist(),
            "rank_low": [one.low for one in self.rank_intervals],
            "rank_high": [one.high for one in self.rank_intervals],
            **self._of_spaces(),
            "normalised_regret_mean": self.regret_mean.tolist(),
            "normalised_regret_low": [one.low for one in self.regret],
            "normalised_regret_high": [one.high for one in self.regret],
            "normalised_regret_iqm": self.regret_iqm.tolist(),
            "normalised_regret_iqm_low": [one.low for one in self.regret_iqm_intervals],
            "normalised_regret_iqm_high": [one.high for one in self.regret_iqm_intervals],
            **{
                f"better_than/{label}": self.better[:, row].tolist()
                for row, label in enumerate(self.labels)
            },
        }

    def _of_spaces(self) -> dict[str, list[Any]]:
        """Return a value per strategy; `rank_in/SPACE` is the mean rank on its data sets."""
        found = self.by_space
        if found is None:
            return {}
        within = zip(found.spaces, found.within.tolist(), strict=True)
        return {
            "rank_by_space": found.ranks.tolist(),
            "rank_by_space_low": [one.low for one in found.intervals],
            "rank_by_space_high": [one.high for one in found.intervals],
            **{f"rank_in/{space}": ranks for space, ranks in within},
        }


def _lists(value: Any) -> Any:
    """Return nested values with lists in place of arrays."""
    if isinstance(value, dict):
        return {key: _lists(one) for key, one in value.items()}
    return value.tolist() if isinstance(value, np.ndarray) else value


def standings_across(labels: Sequence[str], datasets: Sequence[OneDataSet]) -> Standings:
    """Compare strategies over data sets; every data set holds one sample per label, in order.

    Data sets of one stratum follow each other.
    """
    scores = [one.scores for one in datasets]
    means = np.array([[sample.mean() for sample in samples] for samples in scores])
    ranks = ranks_of(means)
    runs = min(len(sample) for samples in scores for sample in samples)
    rows = range(len(labels))
    drawn = np.array(
        [[_means(datasets, place, row, datasets[place].scores[row]) for row in rows]
         for place in range(len(datasets))]
    )  # (datasets, strategies, resamples)  # fmt: skip
    rank_draws = ranks_of(np.moveaxis(drawn, 1, -1))  # (datasets, resamples, strategies)
    regret, regret_mean = _regrets(datasets, runs)
    regret_iqm, iqm_intervals = _middles(datasets, runs)
    better, low, high = _better(datasets, runs)
    independent = len({one.stratum for one in datasets}) == len(datasets)
    strata = None if independent else strata_of(datasets)
    if strata is None:
        p_value = friedman(means)
        difference = critical_difference(len(labels), len(datasets))
    else:
        p_value, difference = divided(strata, len(labels))
        p_value = p_value if min(means.shape) > 2 else np.nan
    return Standings(
        labels=tuple(labels),
        datasets=tuple(one.name for one in datasets),
        ranks=ranks.mean(axis=0),
        rank_intervals=tuple(percentiles(one, runs) for one in rank_draws.mean(axis=0).T),
        regret=regret,
        regret_mean=regret_mean,
        regret_iqm=regret_iqm,
        regret_iqm_intervals=iqm_intervals,
        better=better,
        better_low=low,
        better_high=high,
        independent=independent,
        friedman=p_value,
        critical_difference=difference,
        cliques=cliques(ranks.mean(axis=0), difference),
        by_space=by_space([one.space for one in datasets], ranks, rank_draws, strata, runs),
    )


def strata_of(datasets: Sequence[OneDataSet]) -> list[Runs]:
    """Return the independent runs of every stratum, on all of its data sets."""
    found = []
    for stratum in dict.fromkeys(one.stratum for one in datasets):
        mine = [one for one in datasets if one.stratum == stratum]
        rows, scores = [], []
        for row in range(len(mine[0].scores)):
            seeds = _all_seeds(mine, row)
            whole = np.full((len(seeds), len(mine)), np.nan)
            for column, one in enumerate(mine):
                whole[np.searchsorted(seeds, one.of(row)), column] = one.scores[row]
            rows.append(np.full(len(seeds), row))
            scores.append(whole)
        found.append(Runs(np.concatenate(rows), np.concatenate(scores)))
    return found


def _all_seeds(datasets: Sequence[OneDataSet], row: int) -> NDArray[np.int64]:
    """Return the seeds that a strategy has on at least one of the data sets, ascending."""
    return np.unique(np.concatenate([one.of(row) for one in datasets]))


def _drawn(datasets: Sequence[OneDataSet], place: int, row: int) -> Floats:
    """Return how often each run of a data set is in each bootstrap sample, (resamples, runs).

    Seeds are resampled, in the same way for all data sets of a stratum: each seed brings its values
    on all these data sets, also those of other searches that share its random draws.
    """
    one = datasets[place]
    seeds = _all_seeds([other for other in datasets if other.stratum == one.stratum], row)
    drawn = counts(len(seeds), (one.stratum, row))
    mine = np.searchsorted(seeds, one.of(row))
    return drawn if len(mine) == len(seeds) else drawn[:, mine]


def _means(datasets: Sequence[OneDataSet], place: int, row: int, values: Floats) -> Floats:
    """Return the mean of `values` in each bootstrap sample.

    `values` has shape (runs, ...) and the result (resamples, ...). NaN for a bootstrap sample that
    holds no run of the data set.
    """
    drawn = _drawn(datasets, place, row)
    whole = drawn.sum(axis=1).reshape(-1, *[1] * (values.ndim - 1))
    with np.errstate(invalid="ignore"):
        return np.asarray((drawn @ values) / whole)


def _regrets(datasets: Sequence[OneDataSet], runs: int) -> tuple[tuple[Interval, ...], Floats]:
    """Return the interval of each strategy's mean normalised regret, and the mean itself."""
    rows = len(datasets[0].scores)
    if not all(one.regret for one in datasets):
        return (Interval(np.nan, np.nan),) * rows, np.full(rows, np.nan)
    found, centres = [], []
    for row in range(rows):
        samples = [one.regret[row] for one in datasets]
        drawn = [_means(datasets, place, row, sample) for place, sample in enumerate(samples)]
        found.append(percentiles(np.mean(drawn, axis=0), runs))
        centres.append(np.mean([sample.mean() for sample in samples]))
    return tuple(found), np.array(centres)


def _middles(datasets: Sequence[OneDataSet], runs: int) -> tuple[Floats, tuple[Interval, ...]]:
    """Return each strategy's interquartile mean of normalised regret, and its interval.

    Runs of all data sets are pooled.
    """
    rows = len(datasets[0].scores)
    if not all(one.regret for one in datasets):
        return np.full(rows, np.nan), (Interval(np.nan, np.nan),) * rows
    middles, found = [], []
    for row in range(rows):
        values = np.concatenate([one.regret[row] for one in datasets])
        order = np.argsort(values, kind="stable")
        drawn = np.concatenate(
            [_drawn(datasets, place, row) for place in range(len(datasets))], axis=1
        )
        middles.append(float(interquartile_mean(values[order])))
        found.append(percentiles(weighted_middle(values[order], drawn[:, order]), runs))
    return np.array(middles), tuple(found)


def weighted_middle(ordered: Floats, held: Floats) -> Floats:
    """Return the interquartile mean of samples that repeat values, shape (samples,).

    `ordered` holds the values in ascending order, shape (values,); `held` how often each sample
    holds each of them, shape (samples, values).
    """
    upto = np.cumsum(held, axis=1)
    whole = upto[:, -1:]
    cut = np.floor(whole / 4)
    inside = np.clip(upto, cut, whole - cut)
    kept = np.diff(inside, axis=1, prepend=cut)
    with np.errstate(invalid="ignore"):
        return np.asarray((kept @ ordered) / kept.sum(axis=1))


def _better(datasets: Sequence[OneDataSet], runs: int) -> tuple[Floats, Floats, Floats]:
    """Return the probability of improvement and its interval's ends, shape (rows, rows) each.

    A12 of two bootstrap samples is bilinear in the numbers of times that runs are drawn.
    """
    rows = len(datasets[0].scores)
    centre, low, high = (np.full((rows, rows), 0.5) for _ in range(3))
    pairs = [(i, j) for j in range(rows) for i in range(j)]
    chances: dict[tuple[int, int], list[Floats]] = {pair: [] for pair in pairs}
    for place, one in enumerate(datasets):
        shares = []
        for row in range(rows):
            drawn = _drawn(datasets, place, row)
            with np.errstate(invalid="ignore"):
                shares.append(drawn / drawn.sum(axis=1, keepdims=True))
        for j, second in enumerate(one.scores):
            upto = _upto(second, shares[j])
            for i in range(j):
                chances[i, j].append(_chance(one.scores[i], shares[i], np.sort(second), upto))
    for i, j in pairs:
        found = percentiles(np.minimum(np.mean(chances[i, j], axis=0), 1), runs)
        centre[i, j] = np.mean([superiority(one.scores[i], one.scores[j]) for one in datasets])
        low[i, j], high[i, j] = found
        centre[j, i], low[j, i], high[j, i] = 1 - centre[i, j], 1 - found.high, 1 - found.low
    return centre, low, high


def _upto(values: Floats, shares: Floats) -> Floats:
    """Return the summed shares of the lowest k runs for k from 0 to the number of runs.

    `shares` has shape (resamples, runs), the result (resamples, runs + 1).
    """
    found = np.zeros((len(shares), len(values) + 1))
    np.cumsum(shares[:, np.argsort(values, kind="stable")], axis=1, out=found[:, 1:])
    return found


def _chance(first: Floats, shares: Floats, ordered: Floats, upto: Floats) -> Floats:
    """Return A12 of pairs of bootstrap samples, shape (resamples,).

    `shares` are the shares of the runs in `first`; `ordered` are the second strategy's values in
    ascending order, and `upto` is what `_upto` returns for them.
    """
    below, at_most = (np.searchsorted(ordered, first, side=side) for side in ("left", "right"))
    beaten = upto[:, below]
    beaten += upto[:, at_most]
    return np.asarray(np.einsum("ij,ij->i", shares, beaten) / 2)


def profile(
    datasets: Sequence[OneDataSet], row: int, thresholds: Floats
) -> tuple[Floats, Floats, Floats]:
    """Return the share of runs with a normalised regret of at most each threshold, and its band.

    This is the performance profile of run scores of Agarwal et al., NeurIPS 2021, as a mean over
    data sets. Three arrays of shape (thresholds,): the share, and the lower and upper ends of its
    pointwise intervals.
    """
    centre, shares = np.zeros(len(thresholds)), []
    runs = min(len(one.regret[row]) for one in datasets)
    for place, one in enumerate(datasets):
        below = (one.regret[row][:, None] <= thresholds[None, :] + 1e-12).astype(np.float64)
        centre += below.mean(axis=0) / len(datasets)
        shares.append(_means(datasets, place, row, below))
    return centre, *pointwise(np.mean(shares, axis=0), runs)

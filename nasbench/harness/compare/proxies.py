"""How the zero-cost proxies that rows use agree with the table: Spearman's rank correlation.

All proxies of a block's data set are measured on the same architectures, so that a proxy can be
held against the number of parameters.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasbench.benchmarks.catalogue import load_table
from nasbench.benchmarks.proxy_scores import Proxy, known_proxies
from nasbench.errors import NasbenchError
from nasbench.harness.compare.contender import Contender
from nasbench.harness.compare.references import Known, open_known
from nasbench.harness.search.proxies import about_unmeasured, proxies_of
from nasbench.harness.search.task import Task

Floats = NDArray[np.float64]

ENOUGH = 500
"""Architectures that a correlation is of at least, unless the table has fewer."""


@dataclass(frozen=True)
class Correlation:
    """Spearman's correlation of a proxy with the values of a table's architectures.

    It is positive where a larger score goes with a better value, whatever the metric's direction;
    NaN where it is not known.
    """

    proxy: str
    dataset: str
    """The reported data set that `test` is of."""
    n: int
    """Number of architectures: those that all proxies were measured on."""
    valid: float
    """With the validation that the search is told."""
    test: float
    """With final test values."""
    seconds: float
    """Mean of what measuring a score took, in seconds."""
    used: bool
    """Whether a row of the block asked for its scores."""

    @property
    def known(self) -> bool:
        """Whether any correlation is known."""
        return not (np.isnan(self.valid) and np.isnan(self.test))

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "proxy": self.proxy, "dataset": self.dataset, "n": self.n, "spearman_valid": self.valid,
            "spearman_test": self.test, "seconds_mean": self.seconds, "used": self.used,
        }  # fmt: skip


def correlations(
    task: Task, known: Known | None, contenders: Sequence[Contender], datasets: Sequence[str]
) -> tuple[tuple[Correlation, ...], list[str]]:
    """Return the correlations of all proxies of a block, by data set, and notes on them.

    There are none where no row asked for scores, and none but a note where the scores, or the
    table, are not there or are others than those of the runs.
    """
    users = [one for one in contenders if one.experiment.proxies is not None]
    if not users:
        return (), []
    try:
        proxies = _open(task, users)
        known = open_known(task) if known is None else known
    except NasbenchError as error:
        return (), [f"no correlations of proxies: {error}"]
    used = {
        name for one in users if one.experiment.proxies for name in one.experiment.proxies.names
    }
    found: list[Correlation] = []
    notes: list[str] = []
    for dataset in datasets:
        some, about = _on(dataset, known, proxies, used)
        found += some
        notes += about
    notes += filter(None, (about_unmeasured(name, proxies[name]) for name in sorted(used)))
    return tuple(found), [*dict.fromkeys(notes), *_charges(users)]


def _open(task: Task, users: Sequence[Contender]) -> Mapping[str, Proxy]:
    """Return all proxies of a task; `NasbenchError` where a row was made with other scores."""
    for one in users:
        if one.experiment.proxies is not None:
            proxies_of(one.experiment.task, one.experiment.proxies)
    return known_proxies(load_table(task.reference.name), task.query.dataset)


def _on(
    dataset: str, known: Known, proxies: Mapping[str, Proxy], used: set[str]
) -> tuple[list[Correlation], list[str]]:
    """Return the correlations of proxies on a data set, and notes on those that have none."""
    signal, test = known.mean_signal(known.space.size), known.test[dataset]
    there = ~(np.isnan(signal) | np.isnan(test))
    least = min(ENOUGH, int(there.sum()))
    measured = {name: there & ~np.isnan(one.scores) for name, one in proxies.items()}
    listed = [name for name, one in measured.items() if one.sum() >= max(least, 1)]
    sample = np.logical_and.reduce([there, *(measured[name] for name in listed)])
    found, notes = [], []
    for name, one in proxies.items():
        here = sample if name in listed else measured[name]
        scores = one.scores[here]
        valid = spearman(scores, signal[here]) if name in listed else np.nan
        tested = spearman(scores, test[here]) if name in listed else np.nan
        cost = one.seconds[here]
        found.append(
            Correlation(
                name, dataset, int(here.sum()), valid, tested,
                float(cost.mean()) if len(cost) else np.nan, name in used,
            )
        )  # fmt: skip
        if name not in listed:
            notes.append(
                f"no correlation of proxy {name}: it was measured on {int(here.sum()):,} "
                f"architectures, and {ENOUGH} are needed"
            )
        elif np.isnan(valid) or np.isnan(tested):
            notes.append(f"no correlation of proxy {name}: its scores or the values are all equal")
    return found, notes


def spearman(scores: Floats, values: Floats) -> float:
    """Return Spearman's rank correlation of two samples, shape (n,) each.

    It is NaN where all elements of one are equal, and for fewer than two.
    """
    from scipy.stats import rankdata, spearmanr

    if len(scores) < 2 or (scores == scores[0]).all() or (values == values[0]).all():
        return np.nan
    return float(spearmanr(rankdata(scores), rankdata(values)).statistic)


def _charges(users: Sequence[Contender]) -> Iterator[str]:
    """Yield a note on what the rows' scores cost on their clocks."""
    by_factor: dict[float | None, list[str]] = {}
    for one in users:
        use = one.experiment.proxies
        if use is not None and one.runs.column("score_seconds").any():
            by_factor.setdefault(use.factor, []).append(one.label)
    for factor, labels in by_factor.items():
        what = (
            "take no time on the clock, nor do they count as evaluations"
            if factor is None
            else f"take {factor:g} s on the clock for each second that measuring them took"
        )
        yield f"scores of proxies {what}: {', '.join(labels)}"

"""Mean ranks with all data sets of one space averaged into one block.

Data sets of one space have the same architectures, so that ranks on them may go together: seven
tasks of one table can look like seven data sets that agree. Here each space counts once.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nasbench.harness.compare.estimates import Floats, Interval, percentiles
from nasbench.harness.compare.rank_tests import (
    FEW,
    Runs,
    critical_difference,
    divided,
    friedman,
)


@dataclass(frozen=True)
class BySpace:
    """Ranks of strategies over spaces, in the order of the strategies."""

    spaces: tuple[str, ...]
    within: Floats  #: mean rank over the data sets of each space, shape (spaces, strategies)
    ranks: Floats  #: mean over spaces of `within`, shape (strategies,)
    intervals: tuple[Interval, ...]  #: bootstrap intervals of `ranks`
    friedman: float
    """p-value of the test of `Standings.friedman`, with spaces as blocks in place of data sets."""
    critical_difference: float
    """That of `Standings.critical_difference`, with spaces as blocks.

    Nemenyi's is an upper limit here: a mean of ranks spreads no more than one rank.
    """

    @property
    def few(self) -> bool:
        """Whether there are too few spaces for Nemenyi's test."""
        return len(self.spaces) < FEW


def by_space(
    spaces: Sequence[str], ranks: Floats, drawn: Floats, strata: Sequence[Runs] | None, runs: int
) -> BySpace | None:
    """Average ranks within spaces; None where no two data sets share one, or all do.

    `spaces` names the space of each data set; `ranks` has shape (data sets, strategies), `drawn`
    the same ranks in bootstrap samples, (data sets, samples, strategies). `strata` are the
    independent runs where data sets are not independent blocks, with data sets in the same order.
    `runs` is the least number of runs of a strategy on a data set.
    """
    names = tuple(dict.fromkeys(spaces))
    if not 1 < len(names) < len(spaces):
        return None
    places = np.array([names.index(one) for one in spaces])
    shares = np.stack([(places == k) / np.sum(places == k) for k in range(len(names))])
    within = shares @ ranks
    samples = np.einsum("sd,drk->srk", shares, drawn).mean(axis=0)
    rows = ranks.shape[1]
    if strata is None:
        p_value, difference = friedman(-within), critical_difference(rows, len(names))
    else:
        p_value, difference = divided(strata, rows, weights=shares.mean(axis=0))
        p_value = p_value if min(within.shape) > 2 else np.nan
    return BySpace(
        spaces=names,
        within=within,
        ranks=within.mean(axis=0),
        intervals=tuple(percentiles(one, runs) for one in samples.T),
        friedman=p_value,
        critical_difference=difference,
    )

"""The notes under a block's tables: what bold means, what tests can show, what seconds are."""

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from nasbench.harness.compare.estimates import known
from nasbench.harness.compare.significance import (
    detectable_difference,
    detectable_superiority,
    runs_to_detect,
)
from nasbench.harness.search.task import Kind

if TYPE_CHECKING:
    from nasbench.harness.compare.comparison import Block

BOLD = (
    "bold: no other row has a significantly better test {} (Mann-Whitney, Holm over all pairs of "
    "rows of the data set, alpha 0.05, and the better mean)"
)
BOLD_PART = (
    "bold: no other row on this clock has a significantly better test {} at that part of the "
    "budget (Mann-Whitney, Holm over all pairs of these rows on the data set, alpha 0.05, and the "
    "better mean); none is where no test can be significant with so few rows or runs"
)
PSEUDO_TIME = "clock s: seconds of the benchmark's pseudo-time, not measured per run"
WALL_TIME = "real s: what a run took on the machine that ran it, everything included"
REAL_TIME = "seconds are real ones of training and validation on the machine that ran them"
SHARED_TIME = (
    "seconds of {} are real ones of training shared weights on the machine that ran them, and "
    "their evals are epochs of it"
)
TUNING = (
    "tuning s: seconds of the same clock that all searches took which chose a row's settings; 0 "
    "where no tuning is recorded"
)
MIXED_TIME = (
    "clock s: seconds of the table's pseudo-time; those of trained architectures are real seconds "
    "times the number after * in the protocol's name, a ratio measured on 3 of them"
)
PERCENTILE = (
    "percentile: percent of all architectures that the answer is better than; better than the "
    "mean: by how many percent; random evaluations: after which the best architecture by the "
    "search's signal is expected to be as good, in closed form without replacement"
)
PART = (
    "p: Wilcoxon signed-rank, the same runs at the end and at half of it, Holm-corrected over the "
    "rows of the data set; mean regret: area under "
    "the regret curve over its length, from when all runs have an answer"
)
TARGET = (
    "reached: runs that reached the target, test {}; median, and expected (taken by all "
    "runs, of those that did not their whole budget, over runs that reached it), in seconds of "
    "the clock and evaluations"
)
PAIRS = (
    "p: Mann-Whitney, two-sided, Holm-corrected over all pairs of the data set; bold: below 0.05"
)
RANKS = (
    "mean rank of mean test {}, 1 is best; normalised regret: 0 is the best architecture, 1 the "
    "mean of all; better: chance that a run beats one of the other, mean over data sets"
)
RANKS_BOLD = "bold: mean rank less than {} {:.2f} behind the best"
RANKS_PLAIN = "nothing is bold: no difference of mean ranks can be significant"


def about_bold(block: "Block", datasets: Sequence[str] | None = None) -> tuple[str, ...]:
    """Return notes on what bold means, or on why nothing is bold.

    Nothing is bold on data sets where no test between rows can be significant. `datasets` are those
    that a table shows, by default all of the block.
    """
    why: dict[str, list[str]] = {}
    datasets = block.datasets if datasets is None else datasets
    for name in datasets:
        rows, _ = block.of(name)
        if not any(row.tested.testable for row in rows):
            why.setdefault(_untold(_counts(block, name)), []).append(name)
    untold = [name for names in why.values() for name in names]
    found = [] if len(untold) == len(datasets) else [BOLD.format(block.units.metric.name)]
    for reason, names in why.items():
        where = "" if len(names) == len(datasets) else f" on {', '.join(names)}"
        found.append(f"nothing is bold{where}: {reason}")
    return tuple(found)


def _untold(counts: Sequence[int]) -> str:
    """Return why no test between rows can be significant, from the rows' numbers of runs."""
    if len(counts) < 2:
        return "there are no two rows to compare"
    return (
        f"with {counts[-1]} runs a row no difference among {len(counts)} rows can be "
        "significant, run more seeds"
    )


def _counts(block: "Block", dataset: str) -> list[int]:
    """Return how many runs of each row have a test value, ascending, without zeros."""
    counts = (len(known(one.final("test", dataset))) for one in block.contenders)
    return sorted(filter(None, counts))


def about_detectable(block: "Block") -> tuple[str, ...]:
    """Return a note on the effects that so many runs can detect; none where nothing is testable."""
    counts = sorted(count for name in block.datasets for count in _counts(block, name))
    if not any(row.tested.testable for row in block.rows):
        return ()  # `about_bold` says so
    least = counts[0]
    widest = max(
        (row.finals.test_std for row in block.rows if math.isfinite(row.finals.test_std)),
        default=math.nan,
    )
    effect, difference = detectable_superiority(least), detectable_difference(widest, least)
    if math.isnan(effect) or math.isnan(difference):
        return (f"with {least} runs a row, only differences of several standard deviations show",)
    found = (
        f"with {least} runs a row, one test finds A12 = {effect:.2f} in 80 % of cases; between "
        "normal samples of the widest row's deviation that is a difference of "
        f"{block.units.write(difference)}{block.units.difference}"
    )
    return ("; ".join([found, *_needed(block)]),)


def _needed(block: "Block") -> Iterator[str]:
    """Yield, per data set, how many runs are needed to detect a difference of its best two rows."""
    score = block.units.metric.score
    for dataset in block.datasets:
        rows = [row for row in block.of(dataset)[0] if math.isfinite(row.finals.test_std)]
        best = sorted(rows, key=lambda row: -score(row.finals.test.value))[:2]
        widest = max((row.finals.test_std for row in best), default=0.0)
        between = (
            abs(best[0].finals.test.value - best[1].finals.test.value) if len(best) == 2 else 0.0
        )
        if widest and between:
            runs = runs_to_detect(between, widest)
            yield (
                f"to tell {between:.2g}{block.units.difference} on {dataset}, its best two rows, "
                f"takes {runs:,.0f}"
            )


def about_clock(block: "Block") -> str:
    """Return the note on what kind of seconds a block's clock has."""
    if block.task.kind is Kind.TRAINED:
        return REAL_TIME
    if block.task.kind is Kind.FALLBACK:
        return MIXED_TIME
    return "; ".join([PSEUDO_TIME, *filter(None, [block.about_seconds])])

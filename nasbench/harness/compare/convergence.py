"""Anytime results of rows: after parts of the budget, on average over it, and time to a target.

Rows that evaluate architectures on a benchmark are followed on the clock that their budget limits,
one-shot rows on the epochs of their shared weights. The two kinds have no clock in common.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nasbench.harness.compare.anytime import TimeToTarget, first_reached, mean_value, time_to_target
from nasbench.harness.compare.contender import Contender
from nasbench.harness.compare.curves import answers, step_values
from nasbench.harness.compare.estimates import Floats, summarise
from nasbench.harness.search.budget import Stop

PARTS = (0.25, 0.5, 1.0)
"""Fractions of the budget at which results are given."""


@dataclass(frozen=True)
class AnytimeScores:
    """Anytime results of one contender on one reported data set, as test scores."""

    clock: str
    """`seconds` or `evaluations`; for one-shot rows an evaluation is an epoch."""
    end: float
    """End of the budget on that clock; for one-shot rows, end of the row's longest run.

    Where the budget has no such limit, end of the longest run of all rows of the same kind."""
    start: float
    """Time from which every run of every row of the same kind has an incumbent."""
    at: tuple[Floats, ...]
    """Scores of the runs' incumbents at each of `PARTS` of the budget, shape (runs,) each.

    NaN for a run without an incumbent by then."""
    mean: float
    """Mean over the runs of the time-averaged score from `start` to `end`."""
    to_target: Mapping[str, TimeToTarget]
    """When a target was reached, on both clocks; empty where there is no target."""


def anytime_scores(
    contenders: Sequence[Contender], dataset: str, target: float | None = None
) -> list[AnytimeScores]:
    """Return every contender's anytime results on a reported data set; `target` is a test score."""
    found: dict[int, AnytimeScores] = {}
    for same in of_one_clock(contenders):
        clock = _clock([contenders[place] for place in same])
        times = [contenders[place].when(clock) for place in same]
        start = max((float(one.values[one.offsets[:-1]].max()) for one in times if len(one)),
                    default=0.0)  # fmt: skip
        longest = max((contenders[place].spent(clock) for place in same), default=0.0)
        for place, when in zip(same, times, strict=True):
            one = contenders[place]
            shared = one.experiment.task.shared
            end = one.spent(clock) if shared else _limit(one, clock) or longest
            values = one.scores("test", dataset)
            grid = np.array([part * end for part in PARTS])
            at = step_values(answers(when, grid), values)
            found[place] = AnytimeScores(
                clock, end, start, tuple(at.T),
                summarise(mean_value(when, values, start, end)).mean,
                {
                    name: _to_target(one, name, dataset, target)
                    for name in one.experiment.task.clocks
                    if target is not None
                },
            )  # fmt: skip
    return [found[place] for place in range(len(contenders))]


def of_one_clock(contenders: Sequence[Contender]) -> Iterator[list[int]]:
    """Yield the positions of rows that are followed on one clock.

    Rows that evaluate on a benchmark come first, then one-shot rows. Rows whose clock is real
    seconds have one in common only where the same devices trained.
    """
    for shared in (False, True):
        alike = [n for n, one in enumerate(contenders) if one.experiment.task.shared is shared]
        clock = _clock([contenders[place] for place in alike])
        by_device: dict[tuple[str, ...], list[int]] = {}
        for place in alike:
            by_device.setdefault(contenders[place].devices(clock), []).append(place)
        yield from by_device.values()


def _to_target(one: Contender, clock: str, dataset: str, target: float) -> TimeToTarget:
    """Return when a contender's runs reached a test score.

    The time of a run that a limit of seconds ended is that limit: the evaluation that would have
    overshot it does not count, but its time has passed. The time of any other run is what it was
    charged.
    """
    hit = first_reached(one.when(clock), one.scores("test", dataset), target)
    totals = one.runs.column("clock_seconds") if clock == "seconds" else one.runs.counts
    spent = totals.astype(np.float64)
    if clock == "seconds":
        limit = one.experiment.task.budget.seconds
        stopped = np.array([stop == Stop.SECONDS for stop in one.runs.table["stop"].to_pylist()])
        if limit is not None and stopped.any():
            spent = np.where(stopped, limit, spent)
        spent = one.scale * spent
    return time_to_target(hit, spent)


def _clock(same: Sequence[Contender]) -> str:
    """Return the clock of rows of one kind: the one that their budget limits.

    Where the budget limits both, it is `evaluations` if that limit ended more than half of the
    runs, else `seconds`. One-shot rows always have `evaluations`.
    """
    if not same or same[0].experiment.task.shared:
        return "evaluations"
    budget = same[0].experiment.task.budget
    if budget.seconds is None or budget.evaluations is None:
        return "evaluations" if budget.seconds is None else "seconds"
    stops = [stop for one in same for stop in one.runs.table["stop"].to_pylist()]
    return "evaluations" if 2 * stops.count(Stop.EVALUATIONS) > len(stops) else "seconds"


def _limit(one: Contender, clock: str) -> float | None:
    budget = one.experiment.task.budget
    return budget.seconds if clock == "seconds" else budget.evaluations

"""Final sets of searches with several objectives: what they hold, and what they reach.

A final set holds the evaluations at the run's highest fidelity that no other of them dominates by
the search's own signal; of equal ones it holds the first. With shared weights it is chosen from
what each supernet derived last. It is measured by the values of the judge, so that a member may be
dominated there.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasbench.harness.compare.contender import Contender
from nasbench.harness.compare.estimates import Floats, finite
from nasbench.harness.results.ragged import Ragged
from nasbench.harness.results.records import value_column
from nasbench.pareto.attainment import attained_by
from nasbench.pareto.dominance import nondominated
from nasbench.problem import scores_of


def member_values(
    one: Contender, dataset: str, objective: int, split: str = "test"
) -> Iterator[NDArray[np.float64]]:
    """Yield the judge's values of every run's final set, shape (members,) each."""
    steps, selected = one.runs.lists("incumbents"), one.runs.lists("selected")
    judged = one.judged(split, dataset, objective)
    for run in range(len(one.runs)):
        yield finite(judged[run][np.isin(steps[run], selected[run])])


def judged_sets(one: Contender, dataset: str, split: str = "test") -> list[Floats]:
    """Return the scores of every run's final set by the judge, shape (members, objectives) each.

    Scores are NaN where a value is not known.
    """
    objectives = one.experiment.task.objectives
    columns = [member_values(one, dataset, place, split) for place in range(len(objectives))]
    return [scores_of(objectives, np.column_stack(each)) for each in zip(*columns, strict=True)]


def seen_sets(one: Contender) -> list[Floats]:
    """Return the scores of every run's final set as the search saw them, shape as `judged_sets`."""
    objectives, selected = one.experiment.task.objectives, one.runs.lists("selected")
    told = [one.runs.lists(value_column(metric)).at(selected).values for metric in objectives]
    scores = Ragged(scores_of(objectives, np.column_stack(told)), selected.offsets)
    return [scores[run] for run in range(len(scores))]


def known_points(points: Floats) -> Floats:
    """Return those of n points of which all scores are known."""
    return points[np.isfinite(points).all(axis=1)]


def dominated(points: Floats) -> NDArray[np.bool_]:
    """Return which of a set's n members another one of it dominates, shape (n,).

    One of which a score is not known dominates none and is dominated by none.
    """
    found = np.zeros(len(points), dtype=bool)
    known = np.flatnonzero(np.isfinite(points).all(axis=1))
    found[known] = ~nondominated(points[known])
    return found


class Surfaces(NamedTuple):
    """Attainment surfaces of a row's final sets in two objectives, corners of shape (n, 2) each."""

    quarter: Floats
    """What at least a quarter of the sets reach."""
    median: Floats
    """What at least half of the sets reach."""
    three_quarters: Floats
    """What at least three quarters of the sets reach."""


def surfaces(sets: Sequence[Floats]) -> Surfaces:
    """Return what parts of some sets reach, see `pareto.attainment`; at least one is needed.

    Each set has shape (members, 2); members of which a score is not known are left out.
    """
    there, runs = [known_points(one) for one in sets], len(sets)
    return Surfaces(*(attained_by(there, -(-runs * part // 4)) for part in (1, 2, 3)))


def chosen_under(limits: Floats, seen: Floats, judged: Floats) -> Floats:
    """Return the judged first score of the member that a user takes under each limit.

    A limit is the lowest second score that is allowed. Of the members that keep it, the one with
    the best first score as the search saw it is taken, of equal ones that with the best second
    score. `seen` and `judged` have shape (members, 2), the result that of `limits`. It is -inf
    where no member keeps the limit, and where the judge does not know the member that is taken.
    """
    order = np.lexsort((-seen[:, 0], -seen[:, 1]))
    firsts, seconds = seen[order].T
    before = np.maximum.accumulate(np.concatenate(([-np.inf], firsts[:-1])))
    taken = np.maximum.accumulate(np.where(firsts > before, np.arange(len(order)), 0))
    allowed = np.searchsorted(-seconds, -limits, side="right")
    values = np.append(judged[order[taken], 0], -np.inf)  # the last is for none
    values[np.isnan(values)] = -np.inf
    return np.asarray(values[allowed - 1])


class Reached(NamedTuple):
    """What a row's runs reach under limits of the second objective, shape (limits,) each.

    All are first scores, and -inf where too few runs have a member that keeps the limit.
    """

    median: Floats
    low: Floats
    """Lower quartile of the runs."""
    high: Floats
    """Upper quartile of the runs."""


def reached(limits: Floats, seen: Sequence[Floats], judged: Sequence[Floats]) -> Reached:
    """Return the quartiles over runs of `chosen_under`, of sets of shape (members, 2), one per run.

    The low quartile is of the run below it, the high one of the run above it.
    """
    pairs = zip(seen, judged, strict=True)
    values = np.sort([chosen_under(limits, *pair) for pair in pairs], axis=0)
    last = len(values) - 1
    median = (values[last // 2] + values[-(-last // 2)]) / 2
    return Reached(median, values[last // 4], values[-(-3 * last // 4)])

"""Checks that scores of zero-cost proxies, and what they took, are what the table's files say.

Only which architectures were scored, by which proxy and when, is taken as stored.
"""

from collections.abc import Iterator

import numpy as np

from nasbench.benchmarks.catalogue import load_table
from nasbench.benchmarks.proxy_scores import ProxyUse
from nasbench.errors import NasbenchError
from nasbench.harness.audit.answers import same
from nasbench.harness.audit.findings import Finding, name_elements, name_seeds
from nasbench.harness.results.runs import ExperimentRuns
from nasbench.harness.search.experiment import Experiment
from nasbench.harness.search.proxies import proxies_of


def check_scores(runs: ExperimentRuns) -> Iterator[Finding]:
    """Yield findings about the scores in finished runs; none for runs without proxies.

    Scores that are not there, or are others, are named once for all runs that need them.
    """
    experiment, use = runs.experiment, runs.experiment.proxies
    if use is None:
        return
    lacking = scores_lacking(experiment)
    if lacking:
        yield Finding("scores", experiment.task.benchmark, f"cannot be checked: {lacking}")
        return
    proxies = proxies_of(experiment.task, use)
    if any(one.seconds.any() for one in proxies.values()):
        yield from _charged(runs, use)
    elif use.factor is not None:
        yield Finding("scores", runs.label, "are charged, and took no time")
    space = load_table(experiment.task.reference.name).space
    asked = runs.scored_architectures.indices
    cells, names = space.positions(asked.values), runs.scored_by
    for column in ("value", "seconds"):
        stored = runs.scored(column)
        right = cells >= 0
        for name, one in proxies.items():
            truth = one.scores if column == "value" else one.seconds
            here = names == name
            right[here] &= same(truth[cells[here]], stored.values[here])
        if not right.all():
            what = f"{column} of {int((~right).sum())} scores is not the stored proxy's"
            where = name_elements(runs, stored, ~right)
            yield Finding("scores", runs.label, f"{what}: {where}")
    seconds = runs.scored("seconds").each(np.cumsum)
    ends = np.where(seconds.lengths == 0, 0, seconds.offsets[1:] - 1)
    sums = np.where(seconds.lengths == 0, 0, seconds.values[ends] if len(seconds.values) else 0)
    for column, totals in (("scores", seconds.lengths), ("score_seconds", sums)):
        wrong = runs.column(column) != totals
        if wrong.any():
            seeds = name_seeds(runs, wrong)
            yield Finding("totals", runs.label, f"{column} is not their sum in {seeds}")


def scores_lacking(experiment: Experiment) -> str:
    """Return why the scores that an experiment used cannot be had; empty if they are there."""
    if experiment.proxies is None:
        return ""
    try:
        proxies_of(experiment.task, experiment.proxies)
    except NasbenchError as error:
        return str(error)
    return ""


def _charged(runs: ExperimentRuns, use: ProxyUse) -> Iterator[Finding]:
    """Check that scores that took time are charged as the rules of a run allow."""
    task = runs.experiment.task
    if use.factor is None and task.budget.seconds is not None:
        what = f"took time that is not charged to '{task.budget}', a budget of seconds"
        yield Finding("scores", runs.label, what)
    if use.factor is not None and (task.simulated_workers > 1 or not task.timed):
        yield Finding("scores", runs.label, "are charged on a clock that cannot have them")

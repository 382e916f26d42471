"""Checks that replays of a record have the proposals and the costs of their copy of the record.

They are derived from the copy alone, without a search. That each proposal was an answer to the
prompt of the record is what only a replay can say.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from nasbench.errors import NasbenchError
from nasbench.harness.audit.findings import Finding, name_seeds
from nasbench.harness.audit.replay import may_run
from nasbench.harness.results.runs import ExperimentRuns
from nasbench.harness.search.runner import stored_settings
from nasbench.strategies.base import Tag
from nasbench.strategies.registry import find_strategy
from nasbench.trace import Traces


def check_record(runs: ExperimentRuns) -> Iterator[Finding]:
    """Yield findings about finished runs of a strategy that repeats recorded ones.

    Copies that are gone or changed are findings of another check, and none of this one.
    """
    if not may_run(runs, trust=False):
        return
    try:
        strategy = find_strategy(runs.experiment.strategy)
        if Tag.RECORDED not in strategy.tags:
            return
        beside = runs.files[0].path.parent if runs.files else None
        settings = stored_settings(strategy, runs.experiment, beside)
        known = [strategy.recorded_evaluations(settings, seed) for seed in runs.seeds.tolist()]
    except NasbenchError:
        return
    wrong = np.array([_differs(runs, run, recorded) for run, recorded in enumerate(known)])
    if wrong.any():
        what = "proposals, or what they cost, are not those of its record in"
        yield Finding("record", runs.label, f"{what} {name_seeds(runs, wrong)}")


def _differs(runs: ExperimentRuns, run: int, recorded: Sequence[tuple[str | None, Traces]]) -> bool:
    """Whether an evaluation of a run is none of those that its record leads to.

    With several workers evaluations end in another order than they were proposed in. Those of the
    record that did not fit into the budget are not stored.
    """
    traces = list(recorded[0][1]) if recorded else []
    if not set(traces) <= set(runs.traces()):
        return True
    proposed = {text for text, _ in recorded}
    numbers = [runs.trace(trace)[run].tolist() for trace in traces]
    told = Counter(
        (text if text in proposed else None, *costs)
        for text, *costs in zip(runs.architectures.of(run).tolist(), *numbers, strict=True)
    )
    return not told <= Counter((text, *map(costs.get, traces)) for text, costs in recorded)

"""Do runs come out the same when they are made again from their seeds?"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pyarrow as pa

from nasbench.errors import NasbenchError
from nasbench.harness.audit.findings import Finding
from nasbench.harness.budget import Stop
from nasbench.harness.experiment import Runner
from nasbench.harness.records import to_rows
from nasbench.harness.results import ExperimentRuns
from nasbench.harness.trained import is_trained
from nasbench.spaces import get_space

_TIMINGS = ("optimiser", "optimiser_seconds", "wall_seconds", "log", "error")
_HERE = ("processor",)
"""Of the machine, not of the run."""
_REAL = ("seconds", "simulated_seconds")
"""Timings too, where shared weights or networks are trained."""


def draw(
    found: Sequence[ExperimentRuns], number: int, seed: int
) -> list[tuple[ExperimentRuns, int]]:
    """Draw runs at random, without replacement, failed ones too; the same for the same seed."""
    every = [(one, int(run)) for one in found for run in one.seeds]
    generator = np.random.default_rng(seed)
    places = generator.choice(len(every), min(number, len(every)), replace=False)
    return [every[place] for place in sorted(places)]


def may_run(one: ExperimentRuns, *, trust: bool) -> bool:
    """Whether a replay may import the strategy: not from a module that only the results name."""
    return trust or ":" not in one.experiment.strategy


def ended_by_themselves(found: Sequence[ExperimentRuns]) -> list[tuple[ExperimentRuns, int]]:
    """Return the runs whose strategy is said to have had nothing left to ask.

    Nothing that is stored shows it, but where the whole space was asked.
    """
    chosen = []
    for one in found:
        task = one.experiment.task
        if task.shared or is_trained(task.benchmark):
            continue
        ended = np.array(one.table["stop"].to_pylist(), dtype=object) == Stop.EXHAUSTED
        whole = one.column("distinct") == get_space(task.space).size
        chosen += [(one, int(seed)) for seed in one.seeds[ended & ~whole]]
    return chosen


def replay(
    chosen: Sequence[tuple[ExperimentRuns, int]], advance: Callable[[], None], *, trust: bool
) -> Iterator[Finding]:
    """Make runs again and yield what differs by a bit; `advance` is called after each.

    Without `trust` no strategy is imported from a module that only the results name.
    """
    runners: dict[str, Runner] = {}
    for one, seed in chosen:
        if not may_run(one, trust=trust):
            yield Finding(
                "replay", one.label, "is a strategy of another module, not run without --trust",
                fault=False,
            )  # fmt: skip
            advance()
            continue
        digest = one.experiment.digest()
        if digest not in runners:
            runners.clear()  # supernets are large
            try:
                runners[digest] = Runner(one.experiment)
            except NasbenchError as error:
                yield Finding("replay", one.label, f"cannot be run here: {error}")
                advance()
                continue
        again = to_rows(one.experiment, [runners[digest].run(seed)])
        stored = one.select(one.seeds == seed).table
        differing = _differing(stored, again, one)
        if differing:
            yield Finding(
                "replay", one.label, f"seed {seed} comes out with another {', '.join(differing)}"
            )
        advance()


def _differing(stored: pa.Table, again: pa.Table, one: ExperimentRuns) -> list[str]:
    """Return the columns that differ; unknown is equal to unknown."""
    task = one.experiment.task
    real = task.shared or is_trained(task.benchmark)
    skipped = {*_TIMINGS, *_HERE, *(_REAL if real else ())}
    names = [name for name in again.column_names if name not in skipped]
    return [
        name
        for name in names
        if name not in stored.column_names
        or repr(stored[name].to_pylist()) != repr(again[name].to_pylist())
    ]

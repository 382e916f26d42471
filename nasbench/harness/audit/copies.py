"""Does a run stand there twice?

A strategy may have few possible outcomes: runs that asked the same are no fault by that. A copy is
told by what no two runs have in common: the times that were measured, and what was learnt.
How often chance would make them equal is estimated from the runs themselves. Runs that only asked
the same are made again, where that costs look-ups and no training.
"""

import hashlib
import math
from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from nasbench.harness.audit.findings import Finding, name_seeds
from nasbench.harness.results.load import ExperimentRuns
from nasbench.harness.results.records import value_column
from nasbench.harness.search.task import Kind

RATE = 1e-6
"""Equal runs that chance is expected to make in an experiment: of more than that none is a fault.

That is the rate of false alarms: one of a million experiments, while steps are independent.
"""
_LEAST = 1e-3
"""Chance that two runs measure the same at one step: no less, however many differ."""
MADE_AGAIN = 20
"""Runs of one experiment, drawn at random, that are made again as they asked what another did."""

_Where = tuple[object, ...]


def check_copies(found: Sequence[ExperimentRuns]) -> Iterator[Finding]:
    """See that no two runs measured or learnt the same, to the bit.

    Two runs of one search, as with two budgets or two protocols, learn the same.
    """
    first: dict[bytes, _Where] = {}
    for one in found:
        runs = one.select(~one.failed)
        copies = np.zeros(len(runs), dtype=bool)
        for kind, traces in _traces(runs).items():
            chance = _chance(traces)
            for run, (seed, trace) in enumerate(zip(runs.seeds.tolist(), traces, strict=True)):
                search = (runs.experiment.digest() if kind == "times" else _search(runs), seed)
                here = first.setdefault(trace.tobytes(), search)
                distinct = len(np.unique(trace[np.isfinite(trace) & (trace != 0)]))
                pairs = len(traces) * max(1, len(traces) - 1) / 2
                copies[run] |= here != search and pairs * chance**distinct < RATE
        if copies.any():
            what = f"measured the same as another run, to the bit: {name_seeds(runs, copies)}"
            yield Finding("copies", one.label, what)


def _traces(runs: ExperimentRuns) -> dict[str, list[NDArray[np.float64]]]:
    """Return per run what no other one has: its times, and of shared weights what was learnt."""
    names = {"times": ["optimiser"]}
    if runs.experiment.task.shared:
        learnt = [value_column(runs.metric), *(one.column for one in runs.traces())]
        names = {"times": ["optimiser", "seconds"], "learnt": learnt}
    lists = {name: runs.lists(name) for part in names.values() for name in part}
    return {
        kind: [np.concatenate([lists[name][run] for name in part]) for run in range(len(runs))]
        for kind, part in names.items()
    }


def _chance(traces: Sequence[NDArray[np.float64]]) -> float:
    """Return how often two values of different runs are equal, at most; copies count once.

    Of M pairs of values C are equal: the chance is below (C + 6 sqrt(C) + 14) / M but in one of a
    million samples, the bound of a Poisson count. Of few values nothing is known, and it is 1.
    """
    different = {trace.tobytes(): trace for trace in traces}
    pool = np.concatenate(list(different.values())) if different else np.array([])
    _, counts = np.unique(pool[np.isfinite(pool)], return_counts=True)
    equal = float((counts * (counts - 1.0)).sum()) / 2
    total = float(counts.sum())
    pairs = max(1.0, total * (total - 1) / 2)
    return min(1.0, max(_LEAST, (equal + 6 * math.sqrt(equal) + 14) / pairs))


def _search(runs: ExperimentRuns) -> _Where:
    one = runs.experiment
    return one.strategy, repr(dict(one.settings)), one.seed, one.entropy


def alike(
    found: Sequence[ExperimentRuns], generator: np.random.Generator
) -> list[tuple[ExperimentRuns, list[int], list[int]]]:
    """Return the experiments with runs that asked the same as another one of their task.

    With the seeds of these runs, and those of them, `MADE_AGAIN` at most, to be made again: none
    where answers are trained, which costs what the search did. Runs of shared weights ask
    nothing, and many derive the same cell.
    """
    by_trajectory: dict[tuple[object, bytes], list[tuple[int, int]]] = defaultdict(list)
    for number, one in enumerate(found):
        if one.experiment.task.shared:
            continue
        runs = one.select(~one.failed)
        asked = runs.architectures
        for run, seed in enumerate(runs.seeds.tolist()):
            text = hashlib.sha256("\n".join(asked.of(run)).encode()).digest()
            by_trajectory[one.experiment.task, text].append((number, seed))
    seeds: dict[int, list[int]] = defaultdict(list)
    for same in by_trajectory.values():
        for number, seed in same if len(same) > 1 else ():
            seeds[number].append(seed)
    result = []
    for number, of_one in sorted(seeds.items()):
        most = MADE_AGAIN if found[number].experiment.task.kind is Kind.TABLE else 0
        drawn = generator.permutation(len(of_one))[:most]
        result.append((found[number], sorted(of_one), sorted(of_one[place] for place in drawn)))
    return result


def note_alike(one: ExperimentRuns, seeds: Sequence[int], again: int) -> Finding:
    """Say that runs asked the same, and how many of them were made again."""
    told = (
        f"{again} of them were made again, and are told above where they came out otherwise"
        if again
        else "only a replay tells copies from few possible outcomes (--replay, for strategies of "
        "other modules --trust)"
    )
    what = f"{len(seeds)} of {len(one)} runs asked the same as another run: {told}"
    return Finding("copies", one.label, what, fault=False)

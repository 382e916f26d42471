"""Checks that no run is stored twice.

A strategy may have few possible outcomes, so runs that asked the same are not a fault by
themselves. A copied run is recognised by values that two different runs do not share: measured
times and, with shared weights, learnt values. How often chance makes them equal is estimated from
the runs themselves. Runs that only asked the same are made again, where this needs look-ups and no
training.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from nasbench.harness.audit.findings import Finding, name_seeds
from nasbench.harness.results.records import value_column
from nasbench.harness.results.runs import ExperimentRuns
from nasbench.harness.search.task import Kind

RATE = 1e-6
"""Equal runs are a fault if chance is expected to make fewer of them than this per experiment.

This is the rate of false alarms: one in a million experiments, if steps are independent.
"""
_LEAST = 1e-3
"""Lower bound of the estimated chance that two runs have equal values at one step."""
MADE_AGAIN = 20
"""Most runs of one experiment that are made again because they asked the same as another run."""

_Where = tuple[object, ...]


def check_copies(found: Sequence[ExperimentRuns]) -> Iterator[Finding]:
    """Yield a finding for runs that measured or learnt the same as another run, to the bit.

    Two runs of the same search, such as with two budgets or two protocols, may learn the same.
    """
    first: dict[bytes, _Where] = {}
    for one in found:
        runs = one.select(~one.failed)
        copies = np.zeros(len(runs), dtype=bool)
        for kind, traces in _traces(runs).items():
            chance, together = _chance(traces), _together(traces)
            searched = runs.experiment.digest() if kind == "times" else _search(runs)
            for run, (seed, trace) in enumerate(zip(runs.seeds.tolist(), traces, strict=True)):
                search = (searched, seed)
                here = first.setdefault(trace.tobytes(), search)
                if here != search:
                    own = trace[:1] if trace[1:].tobytes() in together else trace
                    distinct = len(np.unique(own[np.isfinite(own) & (own != 0)]))
                    pairs = len(traces) * max(1, len(traces) - 1) / 2
                    copies[run] |= pairs * chance**distinct < RATE
        if copies.any():
            what = f"measured the same as another run, to the bit: {name_seeds(runs, copies)}"
            yield Finding("copies", one.label, what)


def _traces(runs: ExperimentRuns) -> dict[str, list[NDArray[np.float64]]]:
    """Return measured times and, for shared weights, learnt values: one array per run of each.

    No two different runs have equal arrays.
    """
    names = {"times": ["optimiser"]}
    if runs.experiment.task.shared:
        learnt = [value_column(runs.metric), *(one.column for one in runs.traces())]
        names = {"times": ["optimiser", "seconds"], "learnt": learnt}
    lists = {name: runs.lists(name) for part in names.values() for name in part}
    return {
        kind: [np.concatenate([lists[name][run] for name in part]) for run in range(len(runs))]
        for kind, part in names.items()
    }


def _together(traces: Sequence[NDArray[np.float64]]) -> set[bytes]:
    """Return what comes after the first value in the traces of runs that were advanced together.

    Such runs share the seconds of every step but those before their first request, and so differ
    from each other in their first value alone.
    """
    different = {trace.tobytes(): trace for trace in traces}.values()
    counts = Counter(trace[1:].tobytes() for trace in different)
    return {rest for rest, count in counts.items() if count > 1}


def _chance(traces: Sequence[NDArray[np.float64]]) -> float:
    """Return an upper bound of the chance that values of two runs are equal; copies count once.

    If C of M pairs of values are equal, the chance is below (C + 6 sqrt(C) + 14) / M except in one
    of a million samples (a bound for Poisson counts). With few values nothing is known, and the
    bound is 1.
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
    """Return the experiments with runs that asked the same as another run of their task.

    Each comes with the seeds of these runs, and with the seeds, `MADE_AGAIN` at most, that are to
    be made again. There are none of these where answers are trained, as that costs as much as the
    search. Runs of shared weights are left out: they ask for no architecture, and many derive the
    same cell.
    """
    by_trajectory: dict[tuple[object, bytes], list[tuple[int, int]]] = defaultdict(list)
    numbered: dict[str, int] = {}  # architectures, so that a trajectory is an array
    for number, one in enumerate(found):
        if one.experiment.task.shared:
            continue
        runs = one.select(~one.failed)
        asked = runs.architectures
        numbers = np.array([numbered.setdefault(text, len(numbered)) for text in asked.texts])
        for run, seed in enumerate(runs.seeds.tolist()):
            key = numbers[asked.codes[run]].tobytes() if len(numbers) else b""
            by_trajectory[one.experiment.task, key].append((number, seed))
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
    """Return a note that runs asked the same, and how many of them were made again."""
    told = (
        f"{again} of them were made again, and are told above where they came out otherwise"
        if again
        else "only a replay tells copies from few possible outcomes (--replay, for strategies of "
        "other modules --trust)"
    )
    what = f"{len(seeds)} of {len(one)} runs asked the same as another run: {told}"
    return Finding("copies", one.label, what, fault=False)

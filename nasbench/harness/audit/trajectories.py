"""Checks that runs are what the table, the budget and the rules make of the cells they asked.

Only the cells that were asked are taken as stored. Values, costs, totals, the end, the incumbents
and the final values follow from them, and are computed again.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray

from nasbench.benchmarks.catalogue import load_table
from nasbench.benchmarks.judge import TableJudge
from nasbench.benchmarks.tabular import TabularBenchmark
from nasbench.harness.audit.answers import check_answers, same
from nasbench.harness.audit.ends import Spent, charged, ended_early, largest, may_end
from nasbench.harness.audit.findings import Finding, name_elements, name_seeds
from nasbench.harness.audit.origin import made_here
from nasbench.harness.audit.records import check_record
from nasbench.harness.audit.schedule import check_schedule
from nasbench.harness.audit.scores import check_scores
from nasbench.harness.audit.sets import unlike_fronts
from nasbench.harness.results.ragged import Ragged
from nasbench.harness.results.records import SPLITS
from nasbench.harness.results.runs import ExperimentRuns
from nasbench.harness.results.validation import ROUNDING
from nasbench.harness.search.budget import Clock, Stop
from nasbench.harness.search.opening import open_benchmark, open_judge
from nasbench.harness.search.selection import choose
from nasbench.harness.search.shared import costs_in
from nasbench.harness.search.sweeps import derived, supernets_of
from nasbench.harness.search.task import Kind
from nasbench.problem import Answer
from nasbench.rules import Selection


def check_runs(one: ExperimentRuns) -> Iterator[Finding]:
    """Yield findings about the finished runs of an experiment."""
    runs = one.select(~one.failed)
    if not len(runs):
        return
    yield from _totals(runs)
    yield from _incumbents(runs)
    task = one.experiment.task
    if task.kind is not Kind.TABLE:
        yield Finding(
            "table", one.label, "trained for real: only a replay checks its answers", fault=False
        )
        yield from _ends(runs, None)
        return
    yield from _finals(runs)
    if task.shared:
        yield from _costs(runs)
        yield from _ends(runs, None)
        return
    benchmark, _ = open_benchmark(task)
    yield from check_scores(runs)
    yield from check_record(runs)
    if isinstance(benchmark, TabularBenchmark):
        yield from check_answers(runs, benchmark)
        yield from _ends(runs, benchmark)


def _totals(runs: ExperimentRuns) -> Iterator[Finding]:
    """Check the totals of runs against the sums of their columns."""
    cells = runs.architectures.codes
    expected = {
        runs.experiment.task.count: cells.lengths,
        "distinct": _distinct(cells),
        "training_epochs": _sums(runs.lists("epochs")),
        "optimiser_seconds": _sums(runs.lists("optimiser")),
        "clock_seconds": _last(runs.finished),
    }
    for name, values in expected.items():
        wrong = runs.column(name) != values
        if wrong.any():
            seeds = name_seeds(runs, wrong)
            yield Finding("totals", runs.label, f"{name} is not their sum in {seeds}")
    thought = (1 - ROUNDING) * runs.column("optimiser_seconds")
    short = ~(runs.column("wall_seconds") >= thought)
    if short.any():
        what = "wall_seconds are fewer than those of the optimiser alone in"
        yield Finding("totals", runs.label, f"{what} {name_seeds(runs, short)}")


def _distinct(codes: Ragged) -> NDArray[np.int64]:
    """Return the number of distinct codes in every list."""
    many = int(codes.values.max(initial=0)) + 1
    runs = np.repeat(np.arange(len(codes)), codes.lengths)
    return np.bincount(np.unique(runs * many + codes.values) // many, minlength=len(codes))


def _last(lists: Ragged) -> NDArray[np.float64]:
    """Return the last value of every list, 0 for an empty one."""
    ends = np.where(lists.lengths == 0, 0, lists.offsets[1:] - 1)
    return np.where(lists.lengths == 0, 0, lists.values[ends] if len(lists.values) else 0)


def _sums(lists: Ragged) -> NDArray[np.float64]:
    """Return the sum of every list, added in order, as the clock adds."""
    return _last(lists.each(np.cumsum))


def _incumbents(runs: ExperimentRuns) -> Iterator[Finding]:
    """Check that incumbents were chosen by validation, with the task's selection rule."""
    task, stored, fidelity = runs.experiment.task, runs.lists("incumbents"), runs.lists("fidelity")
    scores = Ragged(runs.scores, fidelity.offsets)
    last = runs.lists("selected") if len(task.objectives) > 1 else None
    wrong, sets = np.zeros(len(runs), dtype=bool), dict[int, NDArray[np.int64]]()
    for run in range(len(runs)):
        if task.shared:
            supernets = _supernets(runs, len(scores[run]))
            chosen = derived(scores[run], supernets)
            wrong[run] = not np.array_equal(supernets, runs.supernets[run])
        else:
            chosen = choose(task.selection, scores[run], fidelity[run], task.query.epochs)
        if last is not None and not np.array_equal(chosen.selected, last[run]):
            wrong[run] = True
            if not task.shared:
                sets[run] = chosen.selected
        wrong[run] |= not np.array_equal(chosen.incumbents, stored[run])
    if wrong.any():
        rule = "derived after every epoch" if task.shared else "best by validation"
        rule = "front by validation" if last is not None and not task.shared else rule
        earlier = not (task.shared or made_here(runs.provenance)) and all(
            np.array_equal(stored[run], _over_all(scores[run][:, 0]))
            for run in np.flatnonzero(wrong).tolist()
        )
        if earlier:
            rule = (
                "best by validation at one fidelity, but over all, the rule of an earlier version,"
            )
        what = f"are not the {rule} in {name_seeds(runs, wrong)}"
        yield Finding("incumbents", runs.label, what, fault=not earlier)
    if sets:
        yield from unlike_fronts(runs, scores, sets)


def _supernets(runs: ExperimentRuns, epochs: int) -> NDArray[np.int64]:
    """Return the number of the supernet in each epoch of shared training, shape (epochs,)."""
    settings = runs.experiment.settings
    own = max(1, settings["epochs"] if supernets_of(settings) > 1 else epochs)
    return np.arange(epochs) // own


def _costs(runs: ExperimentRuns) -> Iterator[Finding]:
    """Check the costs that a search of shared weights was told, which are not trained."""
    if len(runs.experiment.task.objectives) == 1:
        return
    space = load_table(runs.experiment.task.reference.name).space
    truth = costs_in(runs.experiment.task)[space.positions(runs.architectures.indices.values)]
    told = Ragged(runs.values, runs.architectures.codes.offsets)
    wrong = ~(same(truth, told.values[:, 1:]).all(axis=1) | np.isnan(told.values).any(axis=1))
    if wrong.any():
        text = f"costs of {int(wrong.sum())} derived architectures are not the table's"
        where = name_elements(runs, told, wrong)
        yield Finding("answers", runs.label, f"{text}: {where}")


def _over_all(scores: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the steps of new maxima over all fidelities, as earlier versions chose incumbents."""
    fidelity = np.zeros(len(scores), dtype=np.int64)
    return choose(Selection.HIGHEST, scores[:, None], fidelity, 0).incumbents


def _finals(runs: ExperimentRuns) -> Iterator[Finding]:
    """Check the final values of incumbents against the table."""
    judge = open_judge(runs.experiment.task)
    if not isinstance(judge, TableJudge):
        return
    cells = judge.space.positions(runs.architectures.at(runs.lists("incumbents")).indices.values)
    for name in runs.experiment.task.reports:
        for place, split in product(range(len(runs.experiment.task.objectives)), SPLITS):
            stored = runs.finals(split, name, place)
            truth = getattr(judge.truth(name, place), split)
            wrong = ~same(truth[cells], stored.values) | (cells < 0)
            if wrong.any():
                text = f"{split} on {name} of {int(wrong.sum())} incumbents is not the table's"
                where = name_elements(runs, stored, wrong)
                yield Finding("finals", runs.label, f"{text}: {where}")


def _ends(runs: ExperimentRuns, benchmark: TabularBenchmark | None) -> Iterator[Finding]:
    """Charge every evaluation again; check that none overshoots and that no run ended early."""
    budget = runs.experiment.task.budget
    best = None if benchmark is None else benchmark.best_signal
    seconds, epochs, fidelity = (runs.lists(name) for name in ("seconds", "epochs", "fidelity"))
    values = Ragged(runs.values, seconds.offsets)
    constrained = Ragged(runs.constrained, seconds.offsets)
    stops = runs.table["stop"].to_pylist()
    over, early, unseen = np.zeros((3, len(runs)), dtype=bool)
    most, beyond = (largest(runs, benchmark, any_fidelity=any_) for any_ in (False, True))
    if runs.experiment.task.simulated_workers > 1:
        yield from check_schedule(runs, best, most, beyond)
        return
    settings = runs.experiment.settings
    whole = settings["epochs"] * supernets_of(settings) if runs.experiment.task.shared else None
    lists = (values, seconds, epochs, fidelity, constrained)
    scores = runs.experiment.charges_scores
    for run, stored in enumerate(stops):
        spent: Clock | Spent | None
        if scores or budget.stops_early:  # which depends on the values
            clock = runs.experiment.task.clock(best)
            waits = _waits(runs, run) if scores else {}
            spent = _charged(clock, waits, *(one[run].tolist() for one in lists))
        else:
            spent = charged(budget, seconds[run], epochs[run], timed=runs.experiment.task.timed)
        over[run] = spent is None
        if scores and stored == Stop.SECONDS and budget.seconds is not None:
            continue  # its next scores may have been beyond the budget: it is replayed
        if spent is not None and not may_end(stored, spent, most, whole):
            unseen[run] = may_end(stored, spent, beyond, whole)
            early[run] = not unseen[run]
    if over.any():
        yield Finding("budget", runs.label, f"'{budget}' is overshot in {name_seeds(runs, over)}")
    yield from ended_early(runs, early, unseen)


def _charged(
    clock: Clock,
    waits: Mapping[int, list[float]],
    values: Sequence[Sequence[float]],
    seconds: Sequence[float],
    epochs: Sequence[int],
    fidelity: Sequence[int],
    constrained: Sequence[Sequence[float]],
) -> Clock | None:
    """Charge a run's evaluations on `clock` and return it; None where one is beyond the budget.

    `waits` are the seconds of scores by the number of evaluations that had ended before.
    """
    if not clock.wait(waits.get(0, ())):
        return None
    columns = zip(values, seconds, epochs, fidelity, constrained, strict=True)
    for number, (told, cost, trained, read, bounded) in enumerate(columns, 1):
        answer = Answer(tuple(told), cost, trained, math.isnan(told[0]), tuple(bounded))
        if clock.stop is not None or not clock.charge(answer, read):
            return None
        if not clock.wait(waits.get(number, ())):
            return None
    return clock


def _waits(runs: ExperimentRuns, run: int) -> dict[int, list[float]]:
    """Return what a run's scores cost on its clock, by how many evaluations had ended before."""
    found: dict[int, list[float]] = {}
    at = 0
    seconds, evaluation = (one.tolist() for one in runs.events(run))
    for cost, evaluated in zip(seconds, evaluation, strict=True):
        at += evaluated
        if not evaluated:
            found.setdefault(at, []).append(cost)
    return found

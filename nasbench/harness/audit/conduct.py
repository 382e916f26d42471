"""`nasbench audit`: all checks of a results folder, in the order a reader wants them."""

from collections.abc import Callable
from pathlib import Path

from nasbench.errors import InvalidInput, StoreError
from nasbench.harness.audit.findings import Audit, Finding
from nasbench.harness.audit.folder import (
    check_experiment,
    check_files,
    check_provenance,
    check_seeds,
    check_task,
    check_tuning,
)
from nasbench.harness.audit.replay import draw, replay
from nasbench.harness.audit.stored import check_comparison, check_reproduction
from nasbench.harness.audit.trajectories import check_runs
from nasbench.harness.reproduce.reproduction import reproductions
from nasbench.harness.results import Results, load_results
from nasbench.harness.store import experiments

_COMPARISON = "comparison/comparison.json"


def _nothing() -> None:
    """Do nothing."""


def audit(
    results: str | Path = "results",
    *,
    replays: int = 0,
    seed: int = 0,
    comparison: bool = True,
    advance: Callable[[], None] = _nothing,
) -> Audit:
    """Check a results folder against its tables, its rules and itself.

    Which cells a run asked is believed, and all else is derived again; `replays` random runs are
    made again from their seeds, and of these nothing is believed. `seed` draws them, `advance` is
    called after each. A comparison that `nasbench compare` left in the folder is computed again,
    unless `comparison` is False.
    Raises `StoreError` for a folder that cannot be read.
    """
    if replays < 0:
        raise InvalidInput(f"replay cannot be {replays}: it must be at least 0")
    folder = Path(results)
    published = list(reproductions(folder))
    try:
        stored = load_results(folder)
    except StoreError:
        if not published:
            raise
        stored = Results(folder, ())  # a fresh checkout: nothing but what is published
    findings: list[Finding] = []
    tasks = dict.fromkeys(one.experiment.task for one in stored.experiments)
    missing = {task: list(check_task(task)) for task in tasks}
    for found in missing.values():
        findings += found
    for kept in experiments(folder) if stored.experiments else ():
        findings += check_experiment(kept)
        findings += check_files(kept)
    evaluations = verdicts = 0
    for one in stored.experiments:
        if missing[one.experiment.task]:
            continue
        findings += check_runs(one)
        runs = one.select(~one.failed)
        evaluations += int(runs.column("queries").sum())
        steps = int(runs.lists("incumbents").lengths.sum())
        verdicts += 2 * steps * len(one.experiment.task.reports)
    findings += check_seeds(stored.experiments)
    findings += check_tuning(stored.experiments)
    findings += check_provenance(stored)
    numbers = 0
    if comparison and (folder / _COMPARISON).exists():
        numbers, found = check_comparison(stored, folder / _COMPARISON)
        findings += found
    for reproduction in published:
        count, found = check_reproduction(reproduction)
        numbers += count
        findings += found
    here = [one for one in stored.experiments if not missing[one.experiment.task]]
    chosen = draw(here, replays, seed)
    findings += replay(chosen, advance)
    return Audit(
        tuple(sorted(dict.fromkeys(findings), key=lambda finding: not finding.fault)),
        experiments=len(stored.experiments),
        runs=sum(len(one) for one in stored.experiments),
        evaluations=evaluations,
        verdicts=verdicts,
        numbers=numbers,
        replayed=len(chosen),
    )

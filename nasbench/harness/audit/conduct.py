"""`nasbench audit`: all checks of a results folder, in the order a reader wants them."""

import os
import secrets
from collections.abc import Callable
from pathlib import Path

from nasbench.errors import InvalidInput
from nasbench.harness.audit.findings import Audit, Finding
from nasbench.harness.audit.folder import (
    check_experiment,
    check_files,
    check_provenance,
    check_seeds,
    check_task,
    check_tuning,
)
from nasbench.harness.audit.published import check_reproduction
from nasbench.harness.audit.replay import draw, ended_by_themselves, may_run, replay
from nasbench.harness.audit.stored import check_comparison
from nasbench.harness.audit.trajectories import check_copies, check_runs
from nasbench.harness.compare.blocks import unite
from nasbench.harness.reproduce.reproduction import reproductions
from nasbench.harness.results import read_results
from nasbench.harness.store import experiments

_COMPARISON = "comparison/comparison.json"


def _nothing() -> None:
    """Do nothing."""


def audit(
    results: str | Path = "results",
    *,
    replays: int = 0,
    seed: int | None = None,
    trust: bool = False,
    comparison: bool = True,
    advance: Callable[[], None] = _nothing,
) -> Audit:
    """Check a results folder against its tables, its rules and itself.

    Which cells a run asked is believed, and all else is derived again; `replays` random runs are
    made again from their seeds, and of these nothing is believed. `seed` draws them, one that
    nobody can foresee where it is None; all runs that say they ended by themselves are made again
    too. Strategies of other modules are only replayed with `trust`, as that runs their code.
    `advance` is called after each. A comparison that `nasbench compare` left in the folder is
    computed again, unless `comparison` is False. Raises `StoreError` for a folder that
    cannot be read.
    """
    if replays < 0:
        raise InvalidInput(f"replay cannot be {replays}: it must be at least 0")
    folder = Path(os.path.realpath(results))
    seed = secrets.randbits(32) if seed is None else seed
    published = reproductions(folder)
    stored = read_results(folder)
    if not (published or stored.faults):  # a fresh checkout has nothing but what is published
        stored.need_runs()
    findings = [Finding("damaged", one.where, f"left out: {one.reason}") for one in stored.faults]
    tasks = dict.fromkeys(one.experiment.task for one in stored.experiments)
    missing = {task: list(check_task(task)) for task in tasks}
    for found in missing.values():
        findings += found
    kept = list(experiments(folder, [])) if stored.experiments else []
    for one_folder in kept:
        findings += check_experiment(one_folder)
    findings += check_files(kept)
    evaluations = verdicts = 0
    united = unite(stored.experiments)
    for one in united:
        if missing[one.experiment.task]:
            continue
        findings += check_runs(one)
        runs = one.select(~one.failed)
        evaluations += int(runs.column("queries").sum())
        steps = int(runs.lists("incumbents").lengths.sum())
        verdicts += 2 * steps * len(one.experiment.task.reports)
    findings += check_copies(united)
    findings += check_seeds(united)
    findings += check_tuning(united)
    findings += check_provenance(stored)
    numbers = 0
    if comparison and (folder / _COMPARISON).exists():
        numbers, found = check_comparison(stored, folder / _COMPARISON)
        findings += found
    for file, reproduction in published.items():
        count, found = check_reproduction(reproduction, file)
        numbers += count
        findings += found
    here = [one for one in united if not missing[one.experiment.task]]
    chosen = [*draw(here, replays, seed), *ended_by_themselves(here)]
    chosen = list({(one.label, run): (one, run) for one, run in chosen}.values())
    findings += replay(chosen, advance, trust=trust)
    return Audit(
        tuple(sorted(dict.fromkeys(findings), key=lambda finding: not finding.fault)),
        experiments=len(stored.experiments),
        runs=sum(len(one) for one in stored.experiments),
        evaluations=evaluations,
        verdicts=verdicts,
        numbers=numbers,
        replayed=sum(may_run(one, trust=trust) for one, _ in chosen),
        seed=seed,
    )

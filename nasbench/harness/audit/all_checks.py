"""`nasbench audit`: all checks of a results folder, in the order that suits a reader."""

import os
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from nasbench.arguments import require_path
from nasbench.errors import StoreError
from nasbench.harness.audit.comparisons import check_comparisons
from nasbench.harness.audit.copies import alike, check_copies, note_alike
from nasbench.harness.audit.findings import Audit, Finding, in_order
from nasbench.harness.audit.folder import check_experiment, check_seeds, check_task, check_tuning
from nasbench.harness.audit.lost import check_empty, check_files, files_below
from nasbench.harness.audit.origin import (
    check_asked,
    check_description,
    check_keys,
    check_origin,
    check_provenance,
)
from nasbench.harness.audit.protocol import check_protocol
from nasbench.harness.audit.published import check_reproduction
from nasbench.harness.audit.replay import draw, ended_by_themselves, may_run, replay
from nasbench.harness.audit.scores import scores_lacking
from nasbench.harness.audit.trajectories import check_runs
from nasbench.harness.compare.blocks import unite
from nasbench.harness.reproduce.reproduction import FILE, Reproduction
from nasbench.harness.results.apart import apart_below
from nasbench.harness.results.load import Results, read_results
from nasbench.harness.results.store import experiments, holds_runs
from nasbench.limits import REPLAYS, SEED
from nasbench.progress import Stages, Unseen


def audit(
    results: str | Path = "results",
    *,
    replays: int = 0,
    seed: int | None = None,
    trust: bool = False,
    progress: Stages | None = None,
) -> Audit:
    """Check a results folder against its tables, its rules and itself.

    The audit takes from the folder which architectures a run asked for, and computes everything
    else again. In addition, `replays` random runs are made again from their seeds, without using
    anything that is stored of them. They are drawn with `seed`; None is a seed that nobody can
    foresee. Runs that are stored as exhausted, and some of those that asked the same as another
    run, are made again too. Strategies of other modules are replayed only with `trust`, as this
    runs their code. Comparisons that `nasbench compare` wrote into the folder are computed again.
    Runs of reproductions, which are kept apart, are checked by themselves; none of them is drawn.
    `progress` receives how far the audit is.

    Returns an `Audit` with all findings. Raises `StoreError` for a folder that cannot be read or
    holds nothing to check, and `InvalidInput` for a number or a seed that is not allowed.
    """
    folder = Path(os.path.realpath(require_path("results", results)))
    replays, seed = REPLAYS.check(replays), None if seed is None else SEED.check(seed)
    return audit_of(
        read_results(folder), replays=replays, seed=seed, trust=trust, progress=progress
    )


def audit_of(
    stored: Results,
    *,
    replays: int = 0,
    seed: int | None = None,
    trust: bool = False,
    progress: Stages | None = None,
) -> Audit:
    """Audit a folder as `audit` does, whose runs have just been read."""
    replays, progress = REPLAYS.check(replays), progress or Unseen()
    seed = secrets.randbits(32) if seed is None else SEED.check(seed)
    folder = Path(os.path.realpath(stored.folder))
    apart = [one for one in apart_below(folder) if holds_runs(one)]
    checked = partial(_checked, seed=seed, trust=trust, progress=progress)
    found = checked(replace(stored, folder=folder), replays, empty=bool(apart))
    for one in apart:
        also = checked(read_results(one), 0)
        found = found.joined(also, one.relative_to(folder).as_posix())
    return found


def _checked(
    stored: Results,
    replays: int,
    *,
    seed: int,
    trust: bool,
    progress: Stages,
    empty: bool = False,
) -> Audit:
    """Audit a folder without the runs that are kept apart in it; it may be `empty`."""
    files = files_below(stored.folder)
    published, findings = _published(stored.folder, files)
    findings += [Finding("damaged", one.where, f"left out: {one.reason}") for one in stored.faults]
    if not (published or findings or empty):  # a fresh checkout has published files only
        stored.need_runs()
    united = unite(stored.experiments)
    tasks = dict.fromkeys(one.experiment.task for one in stored.experiments)
    missing = {task: list(check_task(task)) for task in tasks}
    findings += [one for of_task in missing.values() for one in of_task]
    findings += _folders(stored)
    here = [one for one in united if not missing[one.experiment.task]]
    progress.stage("runs checked")
    progress.start(sum(map(len, here)))
    for one in here:
        findings += check_runs(one)
        progress.advance(len(one))
    progress.stage("comparing runs and stored tables")
    for check in (check_copies, check_seeds, check_tuning):
        findings += check(united)
    scored = [one for one in here if not scores_lacking(one.experiment)]
    there = {one.experiment.digest() for one in scored}
    numbers, found = check_comparisons(stored, files, there)
    findings += found
    for file, reproduction in published.items():
        count, found = check_reproduction(reproduction, file)
        numbers += count
        findings += found
    chosen = [*draw(scored, replays, seed), *ended_by_themselves(scored)]
    for one, seeds, drawn in alike(scored, np.random.default_rng([seed, 1])):
        again = [(one, run) for run in drawn if may_run(one, trust=trust)]
        chosen += again
        findings.append(note_alike(one, seeds, len(again)))
    chosen = list({(one.label, run): (one, run) for one, run in chosen}.values())
    replayed, found = replay(chosen, progress, trust=trust)
    findings += found
    finished = [one.select(~one.failed) for one in here]
    return Audit(
        in_order(findings),
        experiments=len(stored.experiments),
        runs=sum(len(one) for one in stored.experiments),
        evaluations=sum(int(one.counts.sum()) for one in finished),
        finals=sum(
            2
            * int(one.lists("incumbents").lengths.sum())
            * len(one.experiment.task.reports)
            * len(one.experiment.task.objectives)
            for one in finished
        ),
        numbers=numbers,
        replayed=replayed,
        seed=seed,
    )


def _published(
    folder: Path, files: Sequence[Path]
) -> tuple[dict[Path, Reproduction], list[Finding]]:
    """Return the reproductions among some files, and a finding for each that is damaged."""
    published, findings = {}, []
    for file in (one for one in files if one.name == FILE):
        try:
            published[file] = Reproduction.load(file)
        except StoreError as error:
            where = file.relative_to(folder).as_posix()
            findings.append(Finding("reproduction", where, str(error)))
    return published, findings


def _folders(stored: Results) -> Iterator[Finding]:
    """Check all files in the folders of the experiments except the rows of their runs."""
    folders = experiments(stored.folder, []) if stored.experiments else ()
    kept = list(zip(folders, stored.experiments, strict=True))
    for one, runs in kept:
        yield from check_experiment(one)
        yield from check_protocol(one.label, one.experiment.task)
        yield from check_origin(one, runs.files)
        yield from check_description(one)
        yield from check_keys(one)
        yield from check_asked(one, runs.files, runs.seeds.tolist())
    yield from check_files(kept)
    yield from check_empty(stored)
    yield from check_provenance(stored, kept)

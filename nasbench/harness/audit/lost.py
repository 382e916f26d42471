"""Checks that nothing that was stored is missing, by the traces that removed files leave."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from nasbench.harness.audit.findings import Finding
from nasbench.harness.results.apart import walk
from nasbench.harness.results.load import Results
from nasbench.harness.results.records import value_column
from nasbench.harness.results.runs import ExperimentRuns
from nasbench.harness.results.store import ExperimentFolder

_NAMED = re.compile(r"runs-(\d+)-(\d+)-[0-9a-f]+\.parquet")
_COLUMNS = ("seed", "error", "architecture", "incumbents")


def files_below(folder: Path) -> list[Path]:
    """Return all files below a folder, sorted, without runs of reproductions (see `apart`).

    Links to folders are not followed.
    """
    return sorted(place / name for place, names in walk(folder) for name in names)


def check_empty(results: Results) -> Iterator[Finding]:
    """Yield a finding for each experiment of which no folder holds a run."""
    with_runs = {one.experiment.digest() for one in results.experiments if len(one)}
    for one in results.experiments:
        if one.experiment.digest() not in with_runs:
            what = "holds no run: run it again, or remove its folder if it never had one"
            yield Finding("lost", one.label, what)


def check_files(
    kept: Sequence[tuple[ExperimentFolder, ExperimentRuns]],
) -> Iterator[Finding]:
    """Check that every file holds the seeds in its name, and that no seed has two results.

    Rows are compared only where a seed is stored more than once. Damaged files are skipped, as they
    are findings already.
    """
    stored: dict[tuple[str, int], list[Path]] = {}
    for folder, runs in kept:
        digest = folder.experiment.digest()
        for file in runs.files:
            name, seeds = file.path.name, file.seeds.tolist()
            if (named := _NAMED.fullmatch(name)) and named.groups() != (
                str(seeds[0]), str(seeds[-1])
            ):  # fmt: skip
                what = f"'{name}' holds seeds {seeds[0]} to {seeds[-1]}: it was changed"
                yield Finding("lost", folder.label, what)
            for seed in seeds:
                stored.setdefault((digest, seed), []).append(file.path)
    twice = {key: set(paths) for key, paths in stored.items() if len(paths) > 1}
    concerned = set().union(*twice.values())
    found: dict[tuple[str, int], dict[str, str]] = {}
    for folder, runs in kept:
        names = {file.path.name for file in runs.files if file.path in concerned}
        if not names:
            continue
        digest = folder.experiment.digest()
        columns = [*_COLUMNS, *map(value_column, folder.experiment.task.objectives)]
        for read in folder.files(columns, []):
            for row in read.table.to_pylist() if read.path.name in names else ():
                seed, error = row.pop("seed"), row.pop("error")
                if not error and (digest, seed) in twice:
                    found.setdefault((digest, seed), {})[repr(row)] = folder.label
    for (_, seed), results in found.items():
        if len(results) > 1:
            where = list(results.values())[-1]
            yield Finding("twice", where, f"seed {seed} is stored with two results")

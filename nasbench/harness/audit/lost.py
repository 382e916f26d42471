"""Is everything there that was stored? What was taken away is found by what it leaves behind."""

import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from nasbench.harness.audit.findings import Finding
from nasbench.harness.results import Results
from nasbench.harness.store import ExperimentFolder

_EXPERIMENT, _RUNS = "experiment.json", "runs-*.parquet"
_NAMED = re.compile(r"runs-(\d+)-(\d+)-[0-9a-f]+\.parquet")
_COLUMNS = ["seed", "error", "architecture", "accuracy", "incumbents"]


def files_below(folder: Path) -> tuple[list[Path], list[OSError]]:
    """Return all files below a folder, sorted, and what could not be read there.

    No link to a folder is followed.
    """
    unreadable: list[OSError] = []
    walk = os.walk(folder, onerror=unreadable.append)
    return sorted(Path(place, name) for place, _, names in walk for name in names), unreadable


def check_places(
    folder: Path, files: Sequence[Path], unreadable: Sequence[OSError]
) -> list[Finding]:
    """Name folders that cannot be read, and files of runs that belong to no experiment."""
    homes = {path.parent for path in files if path.name == _EXPERIMENT}
    orphans = Counter(path.parent for path in files if fnmatch(path.name, _RUNS))
    findings = []
    for place in sorted(orphans.keys() - homes):
        what = f"its {_EXPERIMENT} is missing: {orphans[place]} files of runs are of no experiment"
        findings.append(Finding("lost", _below(folder, place), what))
    for error in unreadable:
        what = f"cannot be read ({error.strerror}): what is in it is not audited"
        findings.append(Finding("lost", _below(folder, error.filename), what))
    return findings


def _below(folder: Path, place: str | Path) -> str:
    """Return a path below a folder as text, the folder itself by its name."""
    below = os.path.relpath(place, folder)
    return folder.name if below == os.curdir else Path(below).as_posix()


def check_empty(results: Results) -> Iterator[Finding]:
    """Name experiments of which no run is stored, in whatever folder."""
    with_runs = {one.experiment.digest() for one in results.experiments if len(one)}
    for one in results.experiments:
        if one.experiment.digest() not in with_runs:
            what = "holds no run: run it again, or remove its folder if it never had one"
            yield Finding("lost", one.label, what)


def check_files(folders: Sequence[ExperimentFolder]) -> Iterator[Finding]:
    """See that every file holds the runs it is named after, and no seed has two results.

    Rows are read a file at a time, and compared only where a seed is stored more than once.
    """
    stored: dict[tuple[str, int], list[Path]] = {}
    for folder in folders:
        digest = folder.experiment.digest()
        for path in sorted(folder.path.glob(_RUNS)):
            seeds = _rows(path, ["seed"])
            if seeds is None:
                continue
            values = seeds["seed"].to_pylist()
            if not values:
                yield Finding("lost", folder.label, f"'{path.name}' is a file without runs")
            elif (name := _NAMED.fullmatch(path.name)) and name.groups() != (
                str(values[0]), str(values[-1])
            ):  # fmt: skip
                what = f"'{path.name}' holds seeds {values[0]} to {values[-1]}: it was changed"
                yield Finding("lost", folder.label, what)
            for seed in values:
                stored.setdefault((digest, seed), []).append(path)
    twice = {key: paths for key, paths in stored.items() if len(paths) > 1}
    labels = {folder.path: folder.label for folder in folders}
    rows = {path: _by_seed(path) for paths in twice.values() for path in paths}
    for (_, seed), paths in twice.items():
        results = {text for path in paths for text in rows[path].get(seed, ())}
        if len(results) > 1:
            what = f"seed {seed} is stored with two results"
            yield Finding("twice", labels[paths[-1].parent], what)


def _by_seed(path: Path) -> dict[int, list[str]]:
    """Return what the good runs of a file came to, as text by seed."""
    found: dict[int, list[str]] = {}
    table = _rows(path, _COLUMNS)
    for row in [] if table is None else table.to_pylist():
        seed, error = row.pop("seed"), row.pop("error")
        if not error:
            found.setdefault(seed, []).append(repr(row))
    return found


def _rows(path: Path, columns: list[str]) -> pa.Table | None:
    """Return some columns of a file; None where it is damaged, which its reader says."""
    try:
        return pq.ParquetFile(path).read(columns)
    except Exception:  # of a damaged file pyarrow raises whatever it stumbles on
        return None

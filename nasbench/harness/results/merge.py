"""Copy whole experiments of several results folders into one."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from nasbench.arguments import require_path
from nasbench.errors import InvalidInput, StoreError
from nasbench.files import RESULTS, atomic_write, disk_error, read_whole
from nasbench.harness.results.display import FILE as DISPLAY
from nasbench.harness.results.inventory import identity
from nasbench.harness.results.same_run import difference
from nasbench.harness.results.store import (
    EXPERIMENT,
    SCHEMA,
    ExperimentFolder,
    RunsFile,
    experiments,
    raise_schema,
    stored_schema,
    with_tuning,
)
from nasbench.harness.search.copies import copies
from nasbench.harness.search.experiment import Experiment
from nasbench.text import encodable


@dataclass(frozen=True)
class Merged:
    """What was done with one experiment."""

    name: str
    """Its folder below the destination."""
    copied: tuple[int, ...]
    """Seeds that were copied."""
    there: tuple[int, ...]
    """Seeds of the sources that the destination had already."""


@dataclass
class _Plan:
    """What is to be written for one experiment."""

    target: ExperimentFolder
    describes: Path | None
    """The `experiment.json` to copy, None where the destination has one."""
    display: Path | None = None
    tuning: Mapping[str, Any] | None = None
    """A record of tuning that the destination's `experiment.json` lacks."""
    schema: int = 1
    """The highest schema of the rows that are written."""
    files: list[Path] = field(default_factory=list)
    """Files of runs to copy as they are."""
    rows: list[RunsFile] = field(default_factory=list)
    """Rows of files of which the destination has others already."""
    copied: set[int] = field(default_factory=set)
    there: set[int] = field(default_factory=set)


def merge(sources: Sequence[str | Path], into: str | Path) -> list[Merged]:
    """Copy all experiments of some results folders into another one, which may be new.

    A seed that is there already, or in several sources, is stored once; a run that failed gives
    way to one that finished. Display names are copied where the destination has none. Comparisons,
    figures and other files stay where they are.

    Everything is read and checked before anything is written. Raises `InvalidInput` where runs of
    one seed of one experiment differ in more than measured seconds, where two experiments would
    have one folder, where their records of tuning differ, and where a source is the destination;
    `StoreError` for damaged files, in the sources or the destination. An error or an interruption
    while files are written takes away what was written.
    """
    folder = require_path("into", into)
    given = [require_path("source", one) for one in sources]
    _check_apart(given, folder)
    by_key: dict[str, list[ExperimentFolder]] = {}
    there = list(experiments(folder)) if folder.exists() else []
    own = {one.path for one in there}
    for one in (*there, *(one for source in given for one in _read(source))):
        by_key.setdefault(identity(one.experiment), []).append(one)
    taken = {one.path.resolve(): one.experiment for one in there}
    plans = []
    for parts in by_key.values():
        if all(one.path in own for one in parts):
            continue
        plan = _planned(parts, own, folder)
        _check_free(plan, taken)
        plans.append(plan)
    _write(plans)
    return [
        Merged(plan.target.label, tuple(sorted(plan.copied)), tuple(sorted(plan.there)))
        for plan in plans
    ]


def _read(source: Path) -> list[ExperimentFolder]:
    found = list(experiments(source))
    if not found:
        raise StoreError(f"results folder '{source}' holds no experiment: name another")
    return found


def _check_apart(sources: Sequence[Path], into: Path) -> None:
    if not sources:
        raise InvalidInput("no results folder is named to be merged")
    for source in sources:
        here, there = source.resolve(), into.resolve()
        if here == there or here.is_relative_to(there) or there.is_relative_to(here):
            raise InvalidInput(
                f"source '{source}' and --into '{into}' are one folder, or one is in the other: "
                "merge into a folder beside it"
            )


def _check_free(plan: _Plan, taken: dict[Path, Experiment]) -> None:
    """Raise `InvalidInput` where an experiment's folder is, or will be, that of another one."""
    path, experiment = plan.target.path.resolve(), plan.target.experiment
    other = taken.setdefault(path, experiment)
    if identity(other) != identity(experiment):
        raise InvalidInput(
            f"'{plan.target.label}' is the folder of two different experiments: give one of them "
            "another --name, or merge it elsewhere"
        )
    if plan.describes is not None and path.exists() and any(path.iterdir()):
        raise InvalidInput(f"'{plan.target.path}' is there and is no experiment: move it away")


def _planned(parts: Sequence[ExperimentFolder], own: set[Path], into: Path) -> _Plan:
    """Return what is to be written for one experiment, which `parts` hold, the destination's first.

    Raises `InvalidInput` where two of them hold different runs of one seed.
    """
    target, describes = parts[0], None
    tuned = [one for one in parts if one.description.get("tuning")]
    if any(one.description["tuning"] != tuned[0].description["tuning"] for one in tuned):
        raise InvalidInput(f"'{tuned[0].path}' and '{tuned[-1].path}' were tuned differently")
    if target.path not in own:
        described = tuned[0] if tuned else target
        describes = described.path / EXPERIMENT
        place = into / target.path.resolve().parent.name / target.path.resolve().name
        target = ExperimentFolder(
            place, described.experiment, described.provenance, described.description
        )
    plan = _Plan(target, describes)
    if tuned and not target.description.get("tuning"):
        plan.tuning = tuned[0].description["tuning"]
    if not any(one.display for one in parts if one.path in own):
        plan.display = next((one.path / DISPLAY for one in parts if one.display), None)
    _choose_runs(plan, parts, own)
    return plan


def _choose_runs(plan: _Plan, parts: Sequence[ExperimentFolder], own: set[Path]) -> None:
    """Plan which files and rows are copied, so that every seed is stored once."""
    stored: dict[int, tuple[RunsFile, int]] = {}
    for part in parts:
        for file in part.files():
            seeds = file.table["seed"].to_pylist()
            errors = file.table["error"].to_pylist()
            new = []
            for row, (seed, error) in enumerate(zip(seeds, errors, strict=True)):
                if seed in stored and (error or _finished(stored[seed])):
                    if not error:
                        _require_equal(plan.target.experiment, stored[seed], (file, row), seed)
                    if part.path not in own:
                        plan.there.add(seed)
                    continue
                stored[seed] = file, row
                new.append(row)
            if part.path in own or not new:
                continue
            plan.copied.update(seeds[row] for row in new)
            if len(new) == len(seeds):
                plan.files.append(file.path)
                plan.schema = max(plan.schema, stored_schema(part.path))
            else:
                plan.schema = SCHEMA
                rows = file.table.take(pa.array(new, pa.int64()))
                plan.rows.append(RunsFile(file.path, rows, file.provenance))
    plan.there -= plan.copied


def _finished(stored: tuple[RunsFile, int]) -> bool:
    file, row = stored
    return not file.table["error"][row].as_py()


def _require_equal(
    experiment: Experiment, one: tuple[RunsFile, int], other: tuple[RunsFile, int], seed: int
) -> None:
    """Raise `InvalidInput` where two finished runs of a seed differ in more than real seconds."""
    name = difference(experiment, (one[0].table, one[1]), (other[0].table, other[1]))
    if name:
        raise InvalidInput(
            f"seed {seed} has two different runs: '{encodable(str(one[0].path))}' and "
            f"'{encodable(str(other[0].path))}' differ in {name}; nothing was merged"
        )


def _write(plans: Sequence[_Plan]) -> None:
    """Write everything that is planned; take away what was written if an error comes."""
    written: list[Path] = []
    try:
        for plan in plans:
            _write_one(plan, written)
    except BaseException:
        for path in written:
            with suppress(OSError):
                path.unlink()
        for folder in {path.parent for path in written}:
            with suppress(OSError):
                folder.rmdir()
                folder.parent.rmdir()
        raise


def _write_one(plan: _Plan, written: list[Path]) -> None:
    folder = plan.target.path
    if plan.describes is not None:
        _copy(plan.describes, folder, written)
        for path in copies(
            plan.target.experiment.settings, plan.target.description, plan.describes
        ):
            _copy(path, folder, written)
    if plan.tuning is not None:
        with_tuning(folder, plan.tuning)
    raise_schema(folder, plan.schema)
    for path in plan.files:
        _copy(path, folder, written)
    for file in plan.rows:
        order = pc.sort_indices(file.table["seed"])
        written.append(plan.target.append(file.table.take(order), file.provenance))
    if plan.display is not None:
        _copy(plan.display, folder, written)


def _copy(path: Path, folder: Path, written: list[Path]) -> None:
    """Copy a file as it is; it is there as a whole or not at all."""
    try:
        content = read_whole(path)
    except OSError as error:
        raise disk_error(path, error, RESULTS) from error
    copy = folder / path.name
    if copy.exists():
        raise InvalidInput(f"'{copy}' is there and holds other seeds: move it away")
    with atomic_write(copy, RESULTS) as file:
        file.write(content)
    written.append(copy)

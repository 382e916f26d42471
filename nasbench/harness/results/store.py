"""Results on disk: one folder per experiment, with JSON that describes it and runs in Parquet.

    results/<name>/<strategy>.../experiment.json       the experiment and its provenance
                                 runs-<first>-<last>-<hash>.parquet   one row per run
                                 display.json          its display name, if a user gave one

Rows are as `records` makes them. Files are written under a temporary name and renamed, so any
number of processes may write to one folder. If two of them run the same seed, both store the same
run, and it is read once. When a file is read, its bytes (`parquet`) and its contents (`validation`)
are checked. A reader of a whole results folder leaves out damaged files and reports them.
"""

import fnmatch
import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from nasbench.errors import NasbenchError, StoreError
from nasbench.files import RESULTS, atomic_write, not_there, read_whole
from nasbench.harness.execution.tuning import Tuning
from nasbench.harness.results.apart import walk
from nasbench.harness.results.descriptions import check_experiment, check_provenance, check_text
from nasbench.harness.results.display import FILE as _DISPLAY
from nasbench.harness.results.display import read_display
from nasbench.harness.results.records import to_rows
from nasbench.harness.results.runs import StoredFile
from nasbench.harness.results.schema1 import earlier_names, is_of_schema1, upgraded
from nasbench.harness.results.schema2 import count_in_schema2, with_clock_and_count
from nasbench.harness.results.validation import conform
from nasbench.harness.search.experiment import Experiment
from nasbench.harness.search.task import in_stored_names
from nasbench.parquet import from_parquet, to_parquet
from nasbench.problem import ACCURACY
from nasbench.provenance import provenance
from nasbench.strategies.registry import find_strategy
from nasbench.text import encodable, file_name
from nasbench.trace import Trace

SCHEMA = 3
EXPERIMENT = "experiment.json"
"""Name of the file that describes an experiment."""
_RUNS = "runs-*.parquet"
_LONGEST = 255
"""Bytes of the longest name of a file or folder."""


class NewerSchema(StoreError):
    """An experiment was stored by a later version of nasbench, in a schema unknown to this one."""


class Damaged(StoreError):
    """A file of a results folder cannot be read, or what it says cannot be true."""

    def __init__(self, path: Path, reason: str, fix: str) -> None:
        """Keep the parts of the message."""
        super().__init__(path, reason, fix)
        self.path, self.reason, self.fix = path, reason, fix

    def __str__(self) -> str:
        """Name file, reason and fix."""
        return f"'{self.path}' is damaged ({self.reason}): {self.fix}"


@dataclass(frozen=True)
class RunsFile:
    """One file of runs, checked."""

    path: Path
    table: pa.Table
    """One row per run, in the file's order."""
    provenance: Mapping[str, Any]
    """Which code wrote the file, and on which machine."""


@dataclass(frozen=True)
class ExperimentFolder:
    """The runs of one experiment on disk."""

    path: Path
    experiment: Experiment
    provenance: Mapping[str, Any]
    description: Mapping[str, Any]
    """What the strategy said of itself when it ran: `title`, `family`, `reference`, `colour`,
    `bibtex`, `defaults`, and, if `nasbench tune` chose its settings, how it did so, `tuning`. A
    reader does not need the strategy's module for this, and never imports it."""
    display: str = ""
    """The name that a user gave the experiment for tables and figures; empty where there is
    none."""

    @property
    def label(self) -> str:
        """The folder's path below the results folder, for messages."""
        return encodable(f"{self.path.parent.name}/{self.path.name}")

    def finished(self) -> set[int]:
        """Return the seeds whose runs ended without an error; failed ones may be run again."""
        table = self.read(["seed", "error"])
        ended = zip(table["seed"].to_pylist(), table["error"].to_pylist(), strict=True)
        return {seed for seed, error in ended if not error}

    def append(self, rows: pa.Table, made: Mapping[str, Any] | None = None) -> Path:
        """Store some runs, sorted by seed, in one file; return its path.

        `made` is where the runs come from; None means this process.
        """
        seeds = rows["seed"]
        name = f"runs-{seeds[0]}-{seeds[-1]}-{_digest(rows)}.parquet"
        content = to_parquet(rows, provenance() if made is None else made)
        with atomic_write(self.path / name, RESULTS) as file:
            file.write(content)
        return self.path / name

    def read(self, columns: list[str] | None = None) -> pa.Table:
        """Return one row per seed, sorted; of a seed stored twice, a run without an error is kept.

        Raises `Damaged`, whose message is one line that names the file, for a damaged file.
        """
        return self.united(list(self.files(columns)))

    def read_all(self, left_out: list[Damaged]) -> tuple[pa.Table, tuple[StoredFile, ...]]:
        """Return all columns as `read` does, and the files that they are from.

        Damaged files are appended to `left_out`. Rows of all files are checked together where their
        columns are the same, which takes a part of the time. If anything is wrong, files are read
        and checked one by one, to leave out only those that are damaged.
        """
        try:
            paths = sorted(self.path.glob(_RUNS))
            read = [_read(path, self.experiment, None, check=False) for path in paths]
            tables = [file.table for file in read]
            if tables and all(map(len, tables)):
                if len({table.schema.remove_metadata() for table in tables}) == 1:
                    tables = [pa.concat_tables(tables).unify_dictionaries()]
                whole = one_per_seed([conform(table, self.experiment) for table in tables])
                return whole, tuple(map(_without_rows, read))
        except (Damaged, ValueError, pa.ArrowException):
            pass
        read = list(self.files(left_out=left_out))
        return self.united(read), tuple(map(_without_rows, read))

    def files(
        self, columns: list[str] | None = None, left_out: list[Damaged] | None = None
    ) -> Iterator[RunsFile]:
        """Yield every file of runs in the order of their names, with all or some of its columns.

        A damaged file is appended to `left_out`; if that is None, it is raised as `Damaged`.
        """
        wanted = None if columns is None else list(dict.fromkeys([*columns, "seed", "error"]))
        for path in sorted(self.path.glob(_RUNS)):
            try:
                yield _read(path, self.experiment, wanted)
            except Damaged as error:
                if left_out is None:
                    raise
                left_out.append(error)

    def united(self, files: Sequence[RunsFile]) -> pa.Table:
        """Return the rows of some files as `read` does; without files, a table without rows."""
        if not files:
            return to_rows(self.experiment, [])
        return one_per_seed([file.table for file in files])


def _without_rows(file: RunsFile) -> StoredFile:
    return StoredFile(file.path, file.table["seed"].to_numpy(), file.provenance)


def one_per_seed(tables: Sequence[pa.Table]) -> pa.Table:
    """Return one row per seed, sorted; of a seed that occurs twice, a run without an error."""
    table = _filled(pa.concat_tables(tables, promote_options="permissive"))
    errors = table["error"].to_pylist()
    row_of: dict[int, int] = {}
    for row, seed in enumerate(table["seed"].to_pylist()):
        if errors[row_of.setdefault(seed, row)] and not errors[row]:
            row_of[seed] = row
    return table.take(pa.array([row_of[seed] for seed in sorted(row_of)], pa.int64()))


def _filled(table: pa.Table) -> pa.Table:
    """Return rows of several files, with NaN for the traces that one of them did not store."""
    for number, name in enumerate(table.column_names):
        if Trace.read(name) and table[name].null_count:
            steps = table["architecture"].combine_chunks()
            unknown = pc.if_else(pc.is_valid(steps.flatten()), float("nan"), None)
            lengths = pc.list_value_length(steps).to_numpy(zero_copy_only=False)
            offsets = pa.array([0, *lengths.cumsum()], pa.int32())
            lists = pa.ListArray.from_arrays(offsets, unknown.cast(pa.float64()))
            filled = pc.if_else(pc.is_null(table[name]), lists, table[name])
            table = table.set_column(number, name, filled)
    return table


def open_folder(
    results: Path,
    experiment: Experiment,
    name: str | None = None,
    *,
    tuning: Tuning | None = None,
    images: Mapping[str, Any] | None = None,
) -> ExperimentFolder:
    """Return the folder of `experiment` below `results`; make it if it is not there.

    `tuning` says how the settings were chosen, `images` describes a user's own images; both are
    stored with the experiment. Without a name, an experiment with other settings gets another
    folder. With a name, `StoreError` is raised, and shows the differences, where the folder holds
    other settings, and where another strategy of the same name was run on another task.
    """
    path = results / folder_name(experiment, name)
    if not (path / EXPERIMENT).exists():
        if name is not None:
            _check_new(name)
            for sibling in sorted(path.parent.glob(f"*/{EXPERIMENT}")):
                _check_sibling(read_folder(sibling.parent), experiment)
        content = {
            "schema": SCHEMA,
            "experiment": experiment.to_json(),
            "strategy": _description(experiment.strategy),
            "provenance": {**provenance(), **({} if images is None else {"images": images})},
        }
        _create(path / EXPERIMENT, json.dumps(content, indent=2) + "\n")
    folder = read_folder(path)
    if tuning is not None and folder.description.get("tuning") is None:
        folder = with_tuning(path, asdict(tuning))
    _refuse(folder, flatten(folder.experiment.to_json()), flatten(experiment.to_json()))
    raise_schema(path)
    return folder


def with_tuning(path: Path, record: Mapping[str, Any]) -> ExperimentFolder:
    """Add a record of tuning to the stored description of the experiment's strategy."""
    content = _json(path / EXPERIMENT)
    content["strategy"]["tuning"] = dict(record)
    _replace(path / EXPERIMENT, content)
    return read_folder(path)


def raise_schema(path: Path, least: int = SCHEMA) -> None:
    """Store a schema number of at least `least`: an earlier version cannot read runs of it."""
    content = _json(path / EXPERIMENT)
    if content.get("schema", 1) < least:
        content["schema"] = least
        _replace(path / EXPERIMENT, content)


def stored_schema(path: Path) -> int:
    """Return the number of the schema in which an experiment's folder is stored."""
    return int(_json(path / EXPERIMENT).get("schema", 1))


def _replace(path: Path, content: Mapping[str, Any]) -> None:
    with atomic_write(path, RESULTS) as file:
        file.write((json.dumps(content, indent=2) + "\n").encode())


def _create(path: Path, text: str) -> None:
    """Write a file unless another process has just done so: the first process's file stays."""
    with atomic_write(path, RESULTS, first=True) as file:
        file.write(text.encode())


def _check_sibling(folder: ExperimentFolder, experiment: Experiment) -> None:
    """Raise `StoreError` where `experiment` has another task than one stored under its name.

    On another data set it may also differ in what depends on the data set.
    """
    stored, asked = (flatten(one.to_json()) for one in (folder.experiment, experiment))
    own: tuple[str, ...] = ("strategy", "settings.", "entropy")
    if stored["task.signal.dataset"] != asked["task.signal.dataset"]:
        own += ("task.signal.dataset", "task.budget.", "task.reports", "task.images")
    shared = [
        {key: value for key, value in one.items() if not key.startswith(own)}
        for one in (stored, asked)
    ]
    _refuse(folder, *shared)


def _refuse(folder: ExperimentFolder, stored: Mapping[str, Any], asked: Mapping[str, Any]) -> None:
    """Raise `StoreError` with the differences, if there are any."""
    differences = [
        f"{key} is {stored.get(key)} there and {asked.get(key)} here"
        for key in sorted(stored.keys() | asked.keys())
        if stored.get(key) != asked.get(key)
    ]
    if differences:
        raise StoreError(
            f"experiment '{folder.label}' exists with other settings: "
            f"{'; '.join(differences)}. Choose another --name"
        )


def _description(strategy: str) -> dict[str, Any]:
    found = find_strategy(strategy)
    return {
        "title": vars(found).get("title", ""),  # a subclass is not called as its base is
        "family": found.family,
        "reference": found.reference,
        "colour": found.colour,
        "bibtex": found.bibtex.strip(),
        "defaults": asdict(found.Settings()),
        **({"files": dict(found.files)} if found.files else {}),
    }


def read_folder(path: Path) -> ExperimentFolder:
    """Read an experiment's folder.

    Raises `Damaged` for a damaged one, and `NewerSchema` for one of a later version of nasbench.
    """
    file = path / EXPERIMENT
    data = _json(file)
    if not isinstance(data, dict):
        raise _damaged(file, "it is no JSON object")
    schema = data.get("schema")
    if isinstance(schema, int) and schema > SCHEMA:
        raise NewerSchema(
            f"'{file}' has schema {schema}, this nasbench reads up to {SCHEMA}: upgrade nasbench"
        )
    made: Any = data.get("provenance")
    about: Any = data.get("strategy", {})
    try:
        check_text([data["experiment"], about])
        experiment = Experiment.from_json(data["experiment"])
        check_experiment(experiment, about)
        check_provenance(made)
    except KeyError as error:
        raise _damaged(file, f"it has no {error}") from error
    except (ValueError, TypeError, RecursionError, NasbenchError) as error:
        raise _damaged(file, in_stored_names(" ".join(str(error).split()))) from error
    return ExperimentFolder(path, experiment, made, about)


def _json(file: Path) -> Any:
    try:
        return json.loads(read_whole(file))
    except OSError as error:
        raise _damaged(file, error.strerror or str(error)) from error
    except (ValueError, RecursionError) as error:
        raise _damaged(file, str(error)) from error


def _damaged(file: Path, reason: str) -> Damaged:
    return Damaged(file, reason, "restore it, or move its folder away and run again")


def experiments(results: Path, left_out: list[Damaged] | None = None) -> Iterator[ExperimentFolder]:
    """Yield every experiment below `results` (or `results` itself), in path order.

    Those of a reproduction, which are kept apart (see `apart`), are left out. An `experiment.json`
    that another tool made is ignored. A damaged experiment is appended to `left_out`; if that is
    None, it is raised as `Damaged`. Raises `StoreError` where `results` is no folder.
    """
    if not results.is_dir():
        fix = "name another" if results.exists() else f"run `nasbench run --out {results}` first"
        raise StoreError(f"results folder '{results}' {not_there(results)}: {fix}")
    kept = [] if left_out is None else left_out
    homes, orphans = _homes(results, kept)
    if left_out is None and kept:
        raise kept[0]
    for folder in homes:
        try:
            yield _named(read_folder(folder), left_out)
        except Damaged as error:
            if left_out is None:
                raise
            kept.append(error)
    for folder in orphans:
        reason = "it is missing, so what the runs beside it are of is not known"
        kept.append(Damaged(folder / EXPERIMENT, reason, "restore it, or move the folder away"))


def _named(folder: ExperimentFolder, left_out: list[Damaged] | None) -> ExperimentFolder:
    """Return an experiment with its display name; of a damaged name, only the name is left out."""
    try:
        return replace(folder, display=read_display(folder.path))
    except ValueError as error:
        fix = "name it again with `nasbench results rename`, or remove the file"
        damaged = Damaged(folder.path / _DISPLAY, str(error), fix)
    if left_out is None:
        raise damaged
    left_out.append(damaged)
    return folder


def _homes(results: Path, unreadable: list[Damaged]) -> tuple[list[Path], list[Path]]:
    """Return the folders of experiments, and those that hold runs without an `experiment.json`.

    Both are in path order. A folder that may not be read is appended to `unreadable`.
    """

    def refused(error: OSError) -> None:
        fix = "make it readable, or move it away"
        unreadable.append(Damaged(Path(error.filename), error.strerror or str(error), fix))

    homes, orphans = [], []
    for folder, names in walk(results, refused):
        runs = fnmatch.filter(names, _RUNS)
        if EXPERIMENT in names and (runs or _is_ours(folder / EXPERIMENT)):
            homes.append(folder)
        elif runs:
            orphans.append(folder)
    return sorted(homes), sorted(orphans)


def in_group(group: Path) -> Iterator[ExperimentFolder]:
    """Yield the experiments directly in a folder, in path order, without unreadable ones."""
    for file in sorted(group.glob(f"*/{EXPERIMENT}")):
        with suppress(StoreError):
            yield read_folder(file.parent)


def holds_runs(results: Path) -> bool:
    """Return whether any file of runs, damaged or not, is stored below a folder.

    Runs of a reproduction, which are kept apart, are not counted.
    """
    return any(fnmatch.filter(names, _RUNS) for _, names in walk(results))


def _is_ours(file: Path) -> bool:
    try:
        data = _json(file)
    except StoreError:
        return False
    return isinstance(data, dict) and {"schema", "experiment"} <= data.keys()


def folder_name(experiment: Experiment, name: str | None) -> Path:
    """Return an experiment's path relative to its results folder.

    Raises `StoreError` for a name that cannot be a folder's.
    """
    task = experiment.task
    strategy = _slug(experiment.strategy)
    if name is None:
        group = [Path(task.benchmark).stem, task.query.dataset, str(task.budget)]
        if task.objectives != (ACCURACY,):
            group += [one.name for one in task.objectives]
        group += [f"{one.metric.name}-{one.bound:.12g}" for one in task.constraints]
        folder = f"{strategy}-{experiment.digest()}"
        return Path(_fitting("-".join(map(_slug, group)))) / _fitting(folder)
    if not name or name != _slug(name) or name.startswith("."):
        raise StoreError(
            f"experiment name '{name}' cannot be a folder: use letters, digits, '.', '_', '-'"
        )
    return Path(name) / _fitting(f"{strategy}@{_slug(task.query.dataset)}")


def _check_new(name: str) -> None:
    """Raise `StoreError` for the name of a new experiment that some file system cannot have."""
    if name != file_name(name):
        raise StoreError(
            f"experiment name '{name}' cannot be a folder everywhere: choose one of up to 160 "
            "bytes that does not end in a dot and is no name of a device such as nul"
        )


def _fitting(name: str) -> str:
    """Return a folder's name, changed only where some file system cannot have it."""
    fits = len(name.encode()) <= _LONGEST and not name.endswith(".")
    return name if fits else file_name(name)


def _slug(text: str) -> str:
    return re.sub(r"[^\w.@-]+", "-", text)


def flatten(data: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested settings as one dict with dotted names, tuples as lists."""
    flat: dict[str, Any] = {}
    for key, value in data.items():
        if isinstance(value, dict):
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = list(value) if isinstance(value, tuple) else value
    return flat


def _read(
    path: Path, experiment: Experiment, columns: list[str] | None, *, check: bool = True
) -> RunsFile:
    """Read a file of runs; raise `Damaged` where it is, or does not fit unless `check` is False."""
    try:
        wanted = None if columns is None else [*columns, *count_in_schema2(experiment, columns)]
        earlier = [] if wanted is None else earlier_names(experiment, wanted)
        table, made = from_parquet(path, None if wanted is None else [*wanted, *earlier])
        check_provenance(made)
        if is_of_schema1(table):
            table = upgraded(table, experiment)
        table = with_clock_and_count(table, experiment)
        if columns is not None:
            table = table.select([name for name in columns if name in table.column_names])
        table = conform(table, experiment, columns) if check else table
    except ValueError as error:  # `Unreadable`, `Misfit`, or an error of `upgraded`
        fix = "delete it and run the experiment again, which repeats its seeds only"
        raise Damaged(path, str(error), fix) from error
    return RunsFile(path, table, made)


def _digest(table: pa.Table) -> str:
    """Return 8 hexadecimal digits of a hash that is equal for equal runs.

    It is a SHA-256 of seeds, architectures, values and seconds on the run's clock.
    """
    digest = hashlib.sha256()
    values = [name for name in table.column_names if name.startswith("value/")]
    for name in ("seed", "architecture", *values, "seconds"):
        column = table[name].combine_chunks()
        flat = column.flatten() if pa.types.is_list(column.type) else column
        if pa.types.is_dictionary(flat.type):
            digest.update("\n".join(flat.dictionary.to_pylist()).encode())
            flat = flat.indices
        digest.update(flat.to_numpy(zero_copy_only=False).tobytes())
    return digest.hexdigest()[:8]

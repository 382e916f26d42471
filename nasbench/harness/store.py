"""Results on disk: one folder per experiment, JSON for what it is, Parquet for its runs.

    results/<name>/<strategy>.../experiment.json       the experiment and its provenance
                                 runs-<first>-<last>-<hash>.parquet   one row per run

Rows are as `records` makes them. Files are written under a temporary name and renamed, so any
number of processes may write to one folder; a seed that two of them ran is the same run twice,
and is read once.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from nasbench.errors import NasbenchError, StoreError
from nasbench.files import RESULTS, atomic_write, readable
from nasbench.harness.experiment import Experiment
from nasbench.harness.records import to_rows
from nasbench.harness.tuning import Tuning
from nasbench.provenance import provenance
from nasbench.strategies.registry import find_strategy

SCHEMA = 1
_FILE = "experiment.json"


@dataclass(frozen=True)
class ExperimentFolder:
    """The runs of one experiment on disk."""

    path: Path
    experiment: Experiment
    provenance: Mapping[str, Any]
    description: Mapping[str, Any]
    """What the strategy said of itself when it ran: `family`, `reference`, `defaults`, and how
    its settings were chosen, `tuning`, if `nasbench tune` did. A reader needs the strategy's
    module for none of it, and never imports it."""

    @property
    def label(self) -> str:
        """The folder's path below the results folder, for messages."""
        return f"{self.path.parent.name}/{self.path.name}"

    def finished(self) -> set[int]:
        """Return the seeds that ended well; failed ones may be run again."""
        table = self.read(["seed", "error"])
        ended = zip(table["seed"].to_pylist(), table["error"].to_pylist(), strict=True)
        return {seed for seed, error in ended if not error}

    def append(self, rows: pa.Table) -> None:
        """Store some runs, sorted by seed, in one file."""
        seeds = rows["seed"]
        name = f"runs-{seeds[0]}-{seeds[-1]}-{_digest(rows)}.parquet"
        table = rows.replace_schema_metadata({"nasbench": json.dumps(provenance())})
        with atomic_write(self.path / name, RESULTS) as file:
            pq.write_table(table, file, compression="zstd")

    def read(self, columns: list[str] | None = None) -> pa.Table:
        """Return one row per seed, sorted; of a seed stored twice a good run is kept."""
        wanted = None if columns is None else list(dict.fromkeys([*columns, "seed", "error"]))
        files = sorted(self.path.glob("runs-*.parquet"))
        tables = [_read(path, wanted) for path in files]
        if not tables:
            return to_rows(self.experiment, [])
        return one_per_seed(tables)


def one_per_seed(tables: Sequence[pa.Table]) -> pa.Table:
    """Return one row per seed, sorted; of a seed that is there twice, a good run."""
    table = pa.concat_tables(tables, promote_options="permissive")
    errors = table["error"].to_pylist()
    row_of: dict[int, int] = {}
    for row, seed in enumerate(table["seed"].to_pylist()):
        if errors[row_of.setdefault(seed, row)] and not errors[row]:
            row_of[seed] = row
    return table.take(pa.array([row_of[seed] for seed in sorted(row_of)], pa.int64()))


def open_folder(
    results: Path,
    experiment: Experiment,
    name: str | None = None,
    *,
    tuning: Tuning | None = None,
) -> ExperimentFolder:
    """Return the folder of `experiment` below `results`, made if it is not there.

    `tuning` says how its settings were chosen and is kept with it. Without a name, other settings
    make another folder. With one, a folder that holds other settings is refused and the difference
    shown, also where another strategy of the same name was run on another task.
    """
    path = results / folder_name(experiment, name)
    if not (path / _FILE).exists():
        if name is not None:
            for sibling in sorted(path.parent.glob(f"*/{_FILE}")):
                _check_sibling(read_folder(sibling.parent), experiment)
        content = {
            "schema": SCHEMA,
            "experiment": experiment.to_json(),
            "strategy": _description(experiment.strategy),
            "provenance": provenance(),
        }
        _create(path / _FILE, json.dumps(content, indent=2) + "\n")
    folder = read_folder(path)
    if tuning is not None and folder.description.get("tuning") is None:
        folder = _with_tuning(path, tuning)
    _refuse(folder, flatten(folder.experiment.to_json()), flatten(experiment.to_json()))
    return folder


def _with_tuning(path: Path, tuning: Tuning) -> ExperimentFolder:
    """Add the record of tuning to what an experiment says of itself."""
    content = _json(path / _FILE)
    content["strategy"]["tuning"] = asdict(tuning)
    with atomic_write(path / _FILE, RESULTS) as file:
        file.write((json.dumps(content, indent=2) + "\n").encode())
    return read_folder(path)


def _create(path: Path, text: str) -> None:
    """Write a file unless another process has just done so: the first one stays."""
    with atomic_write(path, RESULTS, first=True) as file:
        file.write(text.encode())


def _check_sibling(folder: ExperimentFolder, experiment: Experiment) -> None:
    """Refuse another task under one name; data sets may differ in what depends on them."""
    stored, asked = (flatten(one.to_json()) for one in (folder.experiment, experiment))
    own: tuple[str, ...] = ("strategy", "settings.", "entropy")
    if stored["task.signal.dataset"] != asked["task.signal.dataset"]:
        own += ("task.signal.dataset", "task.budget.", "task.reports")
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
        "family": found.family,
        "reference": found.reference,
        "defaults": asdict(found.Settings()),
    }


def read_folder(path: Path) -> ExperimentFolder:
    """Read an experiment's folder; `StoreError` if it is damaged or of a newer schema."""
    file = path / _FILE
    data = _json(file)
    if not isinstance(data, dict):
        raise _damaged(file, "it is no JSON object")
    schema = data.get("schema")
    if isinstance(schema, int) and schema > SCHEMA:
        raise StoreError(
            f"'{file}' has schema {schema}, this nasbench reads up to {SCHEMA}: upgrade nasbench"
        )
    try:
        experiment = Experiment.from_json(data["experiment"])
    except (ValueError, KeyError, TypeError, NasbenchError) as error:
        raise _damaged(file, " ".join(str(error).split())) from error
    parts = [data.get("provenance"), data.get("strategy", {})]
    if not all(isinstance(part, dict) for part in parts):
        raise _damaged(file, "its provenance is no JSON object")
    return ExperimentFolder(path, experiment, *parts)


def _json(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise StoreError(f"cannot read '{file}': {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise _damaged(file, str(error)) from error


def _damaged(file: Path, reason: str) -> StoreError:
    return StoreError(
        f"'{file}' is damaged ({reason}): restore it, or move its folder away and run again"
    )


def experiments(results: Path) -> Iterator[ExperimentFolder]:
    """Yield every experiment below `results` (or `results` itself), in path order.

    A file of the same name that somebody else's tool made is passed over.
    """
    if not results.is_dir():
        raise StoreError(
            f"results folder '{results}' does not exist: run `nasbench run --out {results}` first"
        )
    for file in sorted(results.rglob(_FILE)):
        if any(file.parent.glob("runs-*.parquet")) or _is_ours(file):
            yield read_folder(file.parent)


def holds_runs(results: Path) -> bool:
    """Whether any run is stored below a folder, be it damaged."""
    return any(results.rglob("runs-*.parquet"))


def _is_ours(file: Path) -> bool:
    try:
        data = _json(file)
    except StoreError:
        return False
    return isinstance(data, dict) and {"schema", "experiment"} <= data.keys()


def folder_name(experiment: Experiment, name: str | None) -> Path:
    """Return where an experiment lies below a results folder; `StoreError` for an odd name."""
    task = experiment.task
    strategy = _slug(experiment.strategy)
    if name is None:
        group = f"{Path(task.benchmark).stem}-{task.signal.dataset}-{_slug(str(task.budget))}"
        return Path(_slug(group)) / f"{strategy}-{experiment.digest()}"
    if not name or name != _slug(name) or name.startswith("."):
        raise StoreError(
            f"experiment name '{name}' cannot be a folder: use letters, digits, '.', '_', '-'"
        )
    return Path(name) / f"{strategy}@{task.signal.dataset}"


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


def _read(path: Path, columns: list[str] | None) -> pa.Table:
    try:
        return pq.ParquetFile(readable(path)).read(
            columns
        )  # read_table would load pyarrow.dataset first
    except (pa.ArrowException, OSError, KeyError) as error:
        first_line = str(error).splitlines()[0]
        raise StoreError(
            f"'{path}' cannot be read ({first_line}): delete it and run the experiment again, "
            "which repeats its seeds only"
        ) from error


def _digest(table: pa.Table) -> str:
    """Return 8 digits of a hash of everything but timings: equal where the runs are equal."""
    digest = hashlib.sha256()
    for name in ("seed", "architecture", "accuracy", "seconds"):
        column = table[name].combine_chunks()
        values = column.flatten() if pa.types.is_list(column.type) else column
        digest.update(values.to_numpy(zero_copy_only=False).tobytes())
    return digest.hexdigest()[:8]

"""Reading stored runs: as arrays for the comparison, as data frames for users."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from nasbench.arguments import require_path
from nasbench.errors import StoreError
from nasbench.harness.execution.tuning import Tuning
from nasbench.harness.results.architectures import texts_of
from nasbench.harness.results.records import SPLITS, value_column, verdict_column
from nasbench.harness.results.store import Damaged, ExperimentFolder, experiments
from nasbench.harness.search.experiment import Experiment
from nasbench.place import Place
from nasbench.problem import Metric
from nasbench.strategies.registry import strategies
from nasbench.text import encodable
from nasbench.trace import Trace, TraceKind

if TYPE_CHECKING:
    import pandas

_TOTALS = (
    "evaluations", "distinct", "training_epochs",
    "clock_seconds", "optimiser_seconds", "wall_seconds",
)  # fmt: skip


@dataclass(frozen=True)
class Ragged:
    """One list per run, all in one array: list i is `values[offsets[i]:offsets[i + 1]]`."""

    values: NDArray[Any]
    offsets: NDArray[np.int64]  #: shape (runs + 1,)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, run: int) -> NDArray[Any]:
        return self.values[self.offsets[run] : self.offsets[run + 1]]

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Length of every list, shape (runs,)."""
        return np.diff(self.offsets)

    def each(self, function: Callable[[NDArray[Any]], NDArray[Any]]) -> "Ragged":
        """Apply a function to every list; it must return an array of the same length."""
        if not len(self.values):
            return self
        parts = [function(self[run]) for run in range(len(self))]
        return Ragged(np.concatenate(parts), self.offsets)

    def at(self, positions: "Ragged") -> "Ragged":
        """Return, for every run, the elements of its list at its list of `positions`."""
        flat = positions.values + np.repeat(self.offsets[:-1], positions.lengths)
        return Ragged(self.values[flat], positions.offsets)

    def last(self) -> NDArray[Any]:
        """Return the last element of every list; none may be empty."""
        return self.values[self.offsets[1:] - 1]


@dataclass(frozen=True)
class Architectures:
    """The architectures of all runs' evaluations, with each text stored once."""

    codes: Ragged
    """Positions in `texts`, one per evaluation."""
    texts: NDArray[Any]
    space: str

    def at(self, positions: Ragged) -> "Architectures":
        """Return, for every run, the architectures of the evaluations at its `positions`."""
        return replace(self, codes=self.codes.at(positions))

    def of(self, run: int) -> NDArray[Any]:
        """Return the texts of a run's evaluations, in order."""
        return np.asarray(self.texts[self.codes[run]])

    @cached_property
    def indices(self) -> Ragged:
        """The architectures as indices in their space.

        Raises `InvalidInput` for a space whose architectures have no indices.
        """
        used, places = np.unique(self.codes.values, return_inverse=True)
        found = texts_of(self.space).indices(self.texts[used].tolist())
        return Ragged(found[places.ravel()], self.codes.offsets)


@dataclass(frozen=True)
class ExperimentRuns:
    """The runs of one experiment, one per seed, sorted by seed.

    Where a shape is given, `runs` is the number of runs, failed ones included.
    """

    label: str
    """Folder below the results folder."""
    experiment: Experiment
    provenance: Mapping[str, Any]
    table: pa.Table
    """As stored: one row per run, its trajectory in list columns."""
    description: Mapping[str, Any] = field(default_factory=dict)
    """What the strategy said of itself when it ran; empty where nothing is stored."""

    def __len__(self) -> int:
        return len(self.table)

    @property
    def family(self) -> str:
        """The strategy's family, `unknown` where it is not stored."""
        return str(self.description.get("family", "unknown"))

    @property
    def colour(self) -> str:
        """The strategy's colour in figures, empty where it has none."""
        return self._on_its_card("colour")

    @property
    def bibtex(self) -> str:
        """The strategy's BibTeX entries, empty where it has none."""
        return self._on_its_card("bibtex")

    def _on_its_card(self, name: str) -> str:
        """Return a text of the strategy's description, empty where there is none.

        Earlier versions did not store it; then it is that of this version's strategy of the same
        name.
        """
        if name in self.description or ":" in self.experiment.strategy:
            return str(self.description.get(name, ""))
        known = strategies().get(self.experiment.strategy)
        return "" if known is None else str(getattr(known, name)).strip()

    @property
    def defaults(self) -> Mapping[str, Any]:
        """The defaults of the strategy's settings when it ran, as far as they are stored."""
        stored = self.description.get("defaults")
        return stored if isinstance(stored, dict) else {}

    @property
    def tuning(self) -> Tuning | None:
        """How the settings were chosen by `nasbench tune`; None where they were not."""
        stored = self.description.get("tuning")
        return Tuning.read(stored) if isinstance(stored, dict) else None

    @property
    def processors(self) -> tuple[str, ...]:
        """Names of the processors that made the runs; on a cluster there may be several."""
        known = "processor" in self.table.column_names  # an earlier version stored the driver's
        found = pc.unique(self.table["processor"]).to_pylist() if known else [None]
        return tuple(sorted({str(one or self.provenance.get("processor")) for one in found}))

    @property
    def places(self) -> tuple[Place, ...]:
        """The places where the runs trained, each once; empty where nothing was trained."""
        if not self.experiment.task.trains:
            return ()
        if "device" not in self.table.column_names:  # it was a setting in an earlier version
            return (self.experiment.earlier_place,)
        pairs = zip(self.table["device"].to_pylist(), self.column("threads").tolist(), strict=True)
        return tuple(sorted({Place(*pair) for pair in pairs if pair[0]}))

    @property
    def seeds(self) -> NDArray[np.int64]:
        """The seed of each run, shape (runs,)."""
        return self.column("seed")

    @property
    def failed(self) -> NDArray[np.bool_]:
        """Whether each run failed, shape (runs,)."""
        return np.array([bool(error) for error in self.table["error"].to_pylist()], dtype=bool)

    def column(self, name: str) -> NDArray[Any]:
        """Return a column with one value per run, shape (runs,)."""
        return np.asarray(self.table[name].to_numpy())

    def lists(self, name: str) -> Ragged:
        """Return a column with one list per run."""
        column = self.table[name].combine_chunks()
        lengths = pc.list_value_length(column).to_numpy(zero_copy_only=False)
        offsets = np.concatenate(([0], np.cumsum(lengths, dtype=np.int64)))
        return Ragged(column.flatten().to_numpy(zero_copy_only=False), offsets)

    @cached_property
    def architectures(self) -> Architectures:
        """The architecture of every evaluation."""
        column = self.table["architecture"].combine_chunks()
        words = column.flatten()
        lengths = pc.list_value_length(column).to_numpy(zero_copy_only=False)
        offsets = np.concatenate(([0], np.cumsum(lengths, dtype=np.int64)))
        codes = words.indices.to_numpy(zero_copy_only=False)
        texts = np.array(words.dictionary.to_pylist(), dtype=object)
        return Architectures(Ragged(codes, offsets), texts, self.experiment.task.space)

    def finals(self, split: str, dataset: str, objective: int = 0) -> Ragged:
        """Return the judge's value of every incumbent on a data set's split, `valid` or `test`.

        `objective` is the number of the objective, from 0.
        """
        metric = self.experiment.task.objectives[objective]
        return self.lists(verdict_column(split, dataset, metric))

    @property
    def metric(self) -> Metric:
        """The first objective of the search."""
        return self.experiment.task.metric

    @property
    def signal(self) -> Ragged:
        """The values of the first objective that the search was told, one per evaluation."""
        return self.lists(value_column(self.metric))

    @property
    def values(self) -> NDArray[np.float64]:
        """The values that the search was told, shape (evaluations of all runs, objectives)."""
        objectives = self.experiment.task.objectives
        return np.stack([self.lists(value_column(one)).values for one in objectives], axis=1)

    def traces(self, kind: TraceKind | None = None) -> list[Trace]:
        """Return the traces that were recorded of shared training, of all kinds or of one."""
        found = filter(None, map(Trace.read, self.table.column_names))
        return [one for one in found if kind in (None, one.kind)]

    def trace(self, trace: Trace) -> Ragged:
        """Return the numbers of a trace, one per epoch."""
        return self.lists(trace.column)

    def finished(self) -> Ragged:
        """Return when evaluations ended on each run's clock, in seconds."""
        if self.experiment.task.simulated_workers > 1:
            return self.lists("finished")
        return self.lists("seconds").each(np.cumsum)

    def select(self, keep: NDArray[np.bool_]) -> "ExperimentRuns":
        """Return the runs where `keep` is set."""
        return replace(self, table=self.table.filter(pa.array(keep)))


@dataclass(frozen=True)
class Fault:
    """A damaged file of a results folder, whose runs are left out."""

    where: str
    """The file, below the results folder."""
    reason: str
    """What is wrong with it, and where in it."""
    fix: str

    @classmethod
    def of(cls, damaged: Damaged, folder: Path) -> "Fault":
        """Return the fault of a damaged file, with its path relative to `folder`."""
        where = damaged.path.relative_to(folder).as_posix()
        return cls(encodable(where), damaged.reason, damaged.fix)

    def __str__(self) -> str:
        """Write it as one line."""
        return f"'{self.where}' is damaged and left out ({self.reason}): {self.fix}"


@dataclass(frozen=True)
class Results:
    """What a results folder holds."""

    folder: Path
    experiments: tuple[ExperimentRuns, ...]
    faults: tuple[Fault, ...] = ()
    """Damaged files. Their runs are missing from `experiments` and from all that is computed."""

    def need_runs(self) -> None:
        """Raise `StoreError` where there is no run; the error names the first fault, if any."""
        if any(len(one) for one in self.experiments):
            return
        if self.faults:
            raise StoreError(
                f"results folder '{self.folder}' holds no run that can be read, files that are "
                f"damaged {len(self.faults)}, the first: {self.faults[0]}"
            )
        raise StoreError(
            f"results folder '{self.folder}' holds no runs: run `nasbench run --out "
            f"{self.folder}` first"
        )

    @cached_property
    def runs(self) -> "pandas.DataFrame":
        """One row per run: what was run, its totals and its final incumbent.

        `incumbent` is the text of the final incumbent. `signal` is its validation value as the
        search was told it, `valid/NAME` and `test/NAME` are its final values on every reported data
        set NAME, NaN where it was not reported. All three are values of `metric`, the first
        objective, such as `accuracy`. `incumbent` is missing, and the values are NaN, where the run
        failed and for several objectives, whose answer is a set (see `sets.csv` of a comparison).
        """
        import pandas

        return pandas.concat([_runs_frame(one) for one in self.experiments], ignore_index=True)

    @cached_property
    def trajectories(self) -> "pandas.DataFrame":
        """One row per evaluation, in order, of every run that finished.

        `value` is the value of the first objective, `metric`. `value`, `seconds` and `epochs` are
        those of the single evaluation; `fidelity` is the number of epochs after which its value was
        read. Four columns are running totals: `clock_seconds` (the table's seconds, or real ones
        where weights or networks are trained; with several simulated workers the time that has
        passed), `optimiser_seconds`, `evaluations` and `training_epochs`. `architecture` and
        `incumbent` are texts. `incumbent` is the answer so far (with several objectives, the last
        evaluation that entered the front) and `incumbent_value` its validation value. Before the
        first answer `incumbent` is missing and `incumbent_value` is NaN.
        """
        import pandas

        frame = pandas.concat(
            [_trajectory_frame(one) for one in self.experiments], ignore_index=True
        )
        frame["experiment"] = frame["experiment"].astype("category")
        return frame


def load_results(folder: str | Path) -> Results:
    """Read every experiment below a results folder; damaged files are left out.

    `faults` of the result names the files that are left out. Raises `StoreError` where no run is
    left, and for an experiment that a later version of nasbench stored.
    """
    results = read_results(folder)
    results.need_runs()
    return results


def read_results(folder: str | Path) -> Results:
    """Read as `load_results` does, but accept a folder in which no run can be read."""
    path = require_path("results", folder)
    left_out: list[Damaged] = []
    found = tuple(_read(one, left_out) for one in experiments(path, left_out))
    return Results(path, found, tuple(Fault.of(one, path) for one in left_out))


def _read(folder: ExperimentFolder, left_out: list[Damaged]) -> ExperimentRuns:
    table = folder.united(list(folder.files(left_out=left_out)))
    return ExperimentRuns(
        folder.label, folder.experiment, folder.provenance, table, folder.description
    )


def best_so_far(steps: Ragged, lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return, for every evaluation of every run, the step of the incumbent at that time.

    The result has shape (evaluations of all runs,) and is -1 before a run's first incumbent.
    `steps` are the steps at which the incumbent changed, `lengths` is the number of evaluations of
    each run, shape (runs,).
    """
    total = int(lengths.sum())
    starts = np.cumsum(lengths) - lengths
    changed = steps.values + np.repeat(starts, steps.lengths)
    latest = np.full(total, -1, dtype=np.int64)
    latest[changed] = changed
    latest = np.maximum.accumulate(latest) if total else latest
    begin = np.repeat(starts, lengths)
    return np.where(latest >= begin, latest - begin, -1)


def _described(one: ExperimentRuns) -> dict[str, Any]:
    experiment, task = one.experiment, one.experiment.task
    return {
        "experiment": one.label,
        "strategy": experiment.strategy,
        "settings": json.dumps(dict(experiment.settings), sort_keys=True),
        "experiment_seed": experiment.seed,
        "benchmark": task.benchmark,
        "table": task.content,
        "protocol": task.protocol,
        "searched": task.query.dataset,
        "budget": str(task.budget),
        "metric": task.metric.name,
        "simulated_workers": task.simulated_workers,
    }


def _runs_frame(one: ExperimentRuns) -> "pandas.DataFrame":
    import pandas

    columns: dict[str, Any] = dict.fromkeys(_described(one))
    columns |= {name: one.column(name) for name in ("seed", "error", "stop", *_TOTALS)}
    frame = pandas.DataFrame(columns)
    for name, value in _described(one).items():
        frame[name] = value
    good = ~one.failed & (len(one.experiment.task.objectives) == 1)
    finished = one.select(good)
    steps = finished.lists("incumbents")
    last = finished.architectures.at(steps)
    incumbents = np.full(len(one), None, dtype=object)
    incumbents[good] = last.texts[last.codes.last()]
    frame["incumbent"] = incumbents
    numbers = {"signal": finished.signal.at(steps).last()}
    for name in one.experiment.task.reports:
        for split in SPLITS:
            numbers[f"{split}/{name}"] = finished.finals(split, name).last()
    for name, values in numbers.items():
        spread = np.full(len(one), np.nan)
        spread[good] = values
        frame[name] = spread
    return frame


def _trajectory_frame(one: ExperimentRuns) -> "pandas.DataFrame":
    import pandas

    runs = one.select(~one.failed)
    architecture = runs.architectures
    codes, texts = architecture.codes, pandas.Index(architecture.texts)
    lengths = codes.lengths
    step = best_so_far(runs.lists("incumbents"), lengths)
    starts = np.repeat(codes.offsets[:-1], lengths)
    at = np.maximum(step, 0) + starts
    value, seconds, epochs = runs.signal, runs.lists("seconds"), runs.lists("epochs")
    return pandas.DataFrame(
        {
            "experiment": one.label,
            "strategy": one.experiment.strategy,
            "metric": one.metric.name,
            "seed": np.repeat(runs.seeds, lengths),
            "evaluations": np.arange(len(step)) - starts + 1,
            "architecture": pandas.Categorical.from_codes(codes.values, texts),
            "value": value.values,
            "seconds": seconds.values,
            "epochs": epochs.values,
            "fidelity": runs.lists("fidelity").values,
            "clock_seconds": runs.finished().values,
            "optimiser_seconds": runs.lists("optimiser").each(np.cumsum).values,
            "training_epochs": epochs.each(np.cumsum).values,
            "incumbent": pandas.Categorical.from_codes(
                np.where(step < 0, -1, codes.values[at]) if len(at) else at, texts
            ),
            "incumbent_value": np.where(step < 0, np.nan, value.values[at]) if len(at) else at,
        }
    )
